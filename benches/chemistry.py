"""The first loop, measured: accuracy, every part, intervals, circuits, warm starts, shots and the gate.

    python benches/chemistry.py [accuracy coverage circuits warm_start allocation gate ...]

Machines are simulated and fresh: their drift is unknown to every part, and no seed here was used while the parts were
chosen. Errors are root mean squares over the curve against FCI, ratios are paired by machine and seed, brackets are
90 % bootstrap intervals. Finished pieces are remembered, so that an interrupted run goes on where it stopped.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from machine import describe
from qloop.apps.chemistry.ansatz import optimise
from qloop.apps.chemistry.design import Design, plain_circuit, search_circuit
from qloop.apps.chemistry.ledger import CONVENTIONAL, RANDOM, exact_energies, rmse_mha, run_repeat
from qloop.apps.chemistry.parts import PARTS
from qloop.apps.chemistry.plan import one_shot_spreads, split
from qloop.apps.chemistry.problem import build_problem
from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.apps.chemistry.stages import warm_start
from qloop.apps.chemistry.state import Problem, State
from qloop.apps.chemistry.task import parts_on
from qloop.apps.chemistry.twins import WITHOUT, ModelError, ansatz_energies, learn_model_error, run_once
from qloop.circuits.simulate.statevector import CompiledEnergy
from qloop.core.bootstrap import bootstrap_interval
from qloop.core.memo import content_key
from qloop.core.paired import paired_ratio
from qloop.core.progress import silent
from qloop.core.rng import make_rng
from qloop.core.settings import override, read_toml, validate
from qloop.devices.device import Device
from qloop.devices.simulator import IdealSimulator, NoisySimulator, UniformBits
from qloop.loop.ablation import OFF, ON, part_gain
from qloop.runs.run import code_version
from qloop.runs.store import Store

HERE = Path(__file__).parent
EXAMPLES = {"LiH": "lih_curve", "H4": "h4_chain", "BeH2": "beh2_curve"}
ACCURACY = [  # molecule, device, shots, coherent error in radians, machines, every part flipped too
    ("LiH", "FakeTorino", 100_000, 0.03, 16, True),
    ("LiH", "FakeMarrakesh", 100_000, 0.03, 16, False),
    ("LiH", "FakeSherbrooke", 100_000, 0.03, 16, False),
    ("LiH", "FakeTorino", 100_000, 0.0, 16, False),
    ("LiH", "FakeTorino", 20_000, 0.0, 16, False),
    ("LiH", "FakeTorino", 400_000, 0.0, 16, False),
    ("H4", "FakeTorino", 100_000, 0.0, 16, False),
    ("BeH2", "FakeTorino", 100_000, 0.0, 16, False),
]
COVERAGE = [
    ("LiH", device, shots, coherent, 64)
    for device, coherent in (("FakeTorino", 0.0), ("FakeMarrakesh", 0.0), ("FakeSherbrooke", 0.03))
    for shots in (20_000, 100_000, 400_000)
]
DRIFT = 0.3
SEARCHES = 4

STORE = HERE / "store" / code_version()
"""Pieces of other code are not mixed in."""


def main() -> None:
    """Measure the named sections, or all, and write the results beside the machine they were measured on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="what to measure, by default all")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    path = HERE / "results" / "chemistry.json"
    result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    with ProcessPoolExecutor(arguments.workers) as pool:
        for name in arguments.sections or SECTIONS:
            started = time.perf_counter()
            rows = SECTIONS[name](pool)
            print(f"\n{name} ({time.perf_counter() - started:.0f} s)")
            print_rows(rows)
            result[name] = rows
            result |= {
                "command": "python benches/chemistry.py",
                "machine": describe("numpy", "scipy", "numba", "qiskit", "qiskit-ibm-runtime", "pyscf"),
            }
            path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def accuracy(pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """Error of the whole loop, of every recipe beside it, and of the loop with each part flipped."""
    rows = []
    for case in ACCURACY:
        *setting, machines, flipped = case
        on = parts_on(settings_of(*setting[:3]))
        measure = _repeat if flipped else _levels
        repeats = list(pool.map(measure, *zip(*[(*setting, k) for k in range(machines)], strict=True)))
        errors = {name: np.array([repeat["errors"][name] for repeat in repeats]) for name in repeats[0]["errors"]}
        row = _case(*setting) | {
            "machines": machines,
            "rmse_mha": _spread(errors[ON]),
            "hf_mha": repeats[0]["hf"],
            "mp2_mha": repeats[0]["mp2"],
        }
        for name in (OFF, *CONVENTIONAL, RANDOM):
            row[f"{name} / on"] = _ratio(errors[name], errors[ON])
        for part in PARTS if flipped else ():
            gain, alone = part_gain(part, on, errors)
            row[f"{part.name} (leave one out)"] = _shown(gain)
            row[f"{part.name} (alone)"] = _shown(alone)
        rows.append(row)
    return rows


def coverage(pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """Share of energies inside their nominal 90 % intervals, bootstrapped over machines."""
    rows = []
    for case in COVERAGE:
        *setting, machines = case
        seen = list(pool.map(_covered, *zip(*[(*setting, k) for k in range(machines)], strict=True)))
        inside = {name: np.array([one[name] for one in seen]) for name in ("learned", "plain", "fci")}
        row = _case(*setting) | {"machines": machines}
        for name, label in (
            ("learned", "against the circuit's exact energy"),
            ("plain", "the same without the learned model error"),
            ("fci", "against FCI, geometries not flagged for the circuit's error"),
        ):
            shares = np.array([np.nanmean(one) if np.isfinite(one).any() else np.nan for one in inside[name]])
            row[label] = _mean(shares[np.isfinite(shares)])
        row["half_width_mha"] = round(float(np.mean([one["half_width"] for one in seen])), 2)
        row["flagged"] = round(float(np.mean([one["flagged"] for one in seen])), 2)
        row["rmse_mha"] = _spread(np.array([one["rmse"] for one in seen]))
        rows.append(row)
    return rows


def circuits(pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """Two-qubit gates of the searched circuit against both plain mappings at the same accuracy."""
    jobs = [(molecule, mapping, seed) for molecule in EXAMPLES for mapping in MAPPINGS for seed in range(SEARCHES)]
    found = dict(zip(jobs, pool.map(_circuit, *zip(*jobs, strict=True)), strict=True))
    rows = []
    for molecule in EXAMPLES:
        plain = {mapping: found[molecule, mapping, 0]["plain"] for mapping in MAPPINGS}
        searched = [found[molecule, "jordan_wigner", seed] for seed in range(SEARCHES)]
        gates = [one["searched"] for one in searched]
        rows.append(
            {
                "molecule": molecule,
                "tolerance_mha": searched[0]["tolerance_mha"],
                "parity, tapered": plain["parity"],
                "Jordan-Wigner, tapered": plain["jordan_wigner"],
                "searched": gates,
                "qubits that stay quantum": [one["qubits"] for one in searched],
                "searched from parity": [found[molecule, "parity", seed]["searched"] for seed in range(SEARCHES)],
                "median / parity": round(float(np.median(gates)) / plain["parity"], 2),
                "median / Jordan-Wigner": round(float(np.median(gates)) / plain["jordan_wigner"], 2),
                "CPU seconds": [round(one["seconds"], 1) for one in searched],
            }
        )
    return rows


def warm_starts(pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """Evaluations to a certified optimum (gradient below 3e-3 Ha) at the geometries between the anchors."""
    return list(pool.map(_warm, EXAMPLES))


def allocation(pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """Shot variance of one setting a string and L2 over that of split coefficients and a neighbour's spreads.

    The spreads are those that 370 shots a setting have shown.
    """
    jobs = [(m, searched, noisy) for m in EXAMPLES for searched in (True, False) for noisy in (True, False)]
    return list(pool.map(_allocation, *zip(*jobs, strict=True)))


def gate(pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """How often the default correction is left, and what that buys, on machines it is made for and on others."""
    rows = []
    for name, world in GATE_WORLDS.items():
        seen = list(pool.map(_gated, *zip(*[(name, k) for k in range(32)], strict=True)))
        rows.append(
            {
                "machines": name,
                "world": world,
                "default left": round(float(np.mean([one["left"] for one in seen])), 3),
                "change noticed": round(float(np.mean([one["noticed"] for one in seen])), 3),
                "chosen": {c: sum(one["chosen"] == c for one in seen) for c in sorted({one["chosen"] for one in seen})},
                "rmse_mha with the gate": _spread(np.array([one["with"] for one in seen])),
                "without the gate / with": _ratio([one["without"] for one in seen], [one["with"] for one in seen]),
                "readout calibration alone / with": _ratio(
                    [one["readout"] for one in seen], [one["with"] for one in seen]
                ),
                "coverage": _mean(np.array([one["covered"] for one in seen])),
            }
        )
    return rows


MAPPINGS = ("jordan_wigner", "parity")
GATE_WORLDS: dict[str, dict[str, float]] = {
    "drifted only": {},
    "coherent 0.05 rad": {"coherent": 0.05},
    "crosstalk 1 rad/us": {"crosstalk": 1.0},
    "crosstalk 4 rad/us": {"crosstalk": 4.0},
    "errors grow during the job": {"growth": 3.0},
    "errors grow much during the job": {"growth": 8.0},
}
SECTIONS: dict[str, Callable[[ProcessPoolExecutor], list[dict[str, Any]]]] = {
    "accuracy": accuracy,
    "coverage": coverage,
    "circuits": circuits,
    "warm_start": warm_starts,
    "allocation": allocation,
    "gate": gate,
}


@cache
def open_store() -> Store:
    """Return this process's door to the remembered pieces."""
    return Store(STORE)


def kept(compute: Callable[[], dict[str, Any]], *key: object) -> dict[str, Any]:
    """Return a remembered piece of this code version, or compute it."""
    full = content_key("bench", *key)
    found = open_store().get(full)
    if found is None:
        found = compute()
        open_store().put(full, found)
    return found


def settings_of(molecule: str, device: str, shots: int, **tables: Any) -> ChemistrySettings:
    """Return an example's settings on another device and budget."""
    data = read_toml(HERE.parent / "examples" / f"{EXAMPLES[molecule]}.toml")
    data.pop("task")
    data = override(data, f"device.name={device}")
    data = override(data, f"shots.per_geometry={shots}")
    return validate(ChemistrySettings, data | tables)


@cache
def problem_of(molecule: str, device: str, shots: int) -> tuple[ChemistrySettings, Problem, Device]:
    """Return a problem with its circuits, designed with seed 0."""
    settings = settings_of(molecule, device, shots)
    return settings, *build_problem(settings, 0, open_store(), silent)


def machine_of(device: Device, k: int, **world: float) -> Device:
    """Return the k-th fresh machine of this bench."""
    return device.perturbed(int(make_rng(2026, "bench machine", k).integers(2**31)), DRIFT, **world)


def model_error(molecule: str, device: str, shots: int) -> ModelError:
    """Return the learned model error of a job."""

    def compute() -> dict[str, Any]:
        settings, problem, published = problem_of(molecule, device, shots)
        return asdict(learn_model_error(problem, published, parts_on(settings), 0, settings.ledger.twins, int))

    return ModelError(**kept(compute, "model error", molecule, device, shots))


def _repeat(molecule: str, device: str, shots: int, coherent: float, k: int) -> dict[str, Any]:
    def compute() -> dict[str, Any]:
        settings, problem, published = problem_of(molecule, device, shots)
        machine = machine_of(published, k, coherent=coherent)
        found = run_repeat(problem, published, machine, True, parts_on(settings), WITHOUT, 5_000_000 + k)
        return found | _classical(problem)

    return kept(compute, "repeat", molecule, device, shots, coherent, k)


def _levels(molecule: str, device: str, shots: int, coherent: float, k: int) -> dict[str, Any]:
    """Return the errors of the whole recipes alone."""

    def compute() -> dict[str, Any]:
        settings, problem, published = problem_of(molecule, device, shots)
        on, seed = parts_on(settings), 5_000_000 + k
        backend = NoisySimulator(published, (machine_of(published, k, coherent=coherent),))
        states = {
            ON: run_once(problem, backend, seed, on),
            OFF: run_once(problem, backend, seed, frozenset()),
            RANDOM: run_once(problem, UniformBits(published), seed, on),
        }
        for name, (parts, compiler, _) in CONVENTIONAL.items():
            states[name] = run_once(problem, backend, seed, parts, compiler)
        return {"errors": {name: rmse_mha(problem, state) for name, state in states.items()}} | _classical(problem)

    return kept(compute, "levels", molecule, device, shots, coherent, k)


def _classical(problem: Problem) -> dict[str, float]:
    """Return the errors of Hartree-Fock and MP2 over the curve, millihartree."""
    exact = exact_energies(problem)
    errors = {name: [space.energies[name] for space in problem.spaces] - exact for name in ("HF", "MP2")}
    return {name.lower(): round(float(1000 * np.sqrt(np.mean(error**2))), 1) for name, error in errors.items()}


def _covered(molecule: str, device: str, shots: int, coherent: float, k: int) -> dict[str, Any]:
    def compute() -> dict[str, Any]:
        settings, problem, published = problem_of(molecule, device, shots)
        error = model_error(molecule, device, shots)
        backend = NoisySimulator(published, (machine_of(published, 1000 + k, coherent=coherent),))
        state = run_once(problem, backend, 6_000_000 + k, parts_on(settings))
        values, deviations = state.curve.values, state.curve.deviations
        half = error.half_widths(values, deviations)
        energy = problem.hartree_fock + values
        miss = np.abs(energy - ansatz_energies(state))
        bias = ansatz_energies(state) - exact_energies(problem)
        close = bias <= 0.25 * half
        fci = np.where(close, np.abs(energy - exact_energies(problem)) <= half, np.nan)
        return {
            "learned": (miss <= half).astype(float),
            "plain": (miss <= WITHOUT.half_widths(values, deviations)).astype(float),
            "fci": fci,
            "flagged": float(1 - close.mean()),
            "half_width": float(1000 * half.mean()),
            "rmse": rmse_mha(problem, state),
        }

    return kept(compute, "covered", molecule, device, shots, coherent, k)


def _circuit(molecule: str, mapping: str, seed: int) -> dict[str, Any]:
    def compute() -> dict[str, Any]:
        settings = settings_of(molecule, "FakeTorino", 100_000, mapping=mapping)
        problem, _ = build_problem(settings, seed, open_store(), silent)
        brief = problem.design.brief  # type: ignore[attr-defined]
        plain = plain_circuit(brief)
        started = time.process_time()
        found = search_circuit(brief, make_rng(seed, "encoding"))
        return {
            "plain": plain.gates,
            "searched": found.gates,
            "qubits": int(found.grown.operators.any(0).sum()),
            "tolerance_mha": settings.tolerance_mha,
            "seconds": time.process_time() - started,
        }

    return kept(compute, "circuit", molecule, mapping, seed)


def _warm(molecule: str) -> dict[str, Any]:
    _, problem, _ = problem_of(molecule, "FakeTorino", 100_000)
    design = problem.design(True, "search")
    between = [g for g in range(len(problem.grid)) if g not in design.anchors]
    counts: dict[str, list[int]] = {
        "zeros": [],
        "previous optimum": [],
        "two-point line": [],
        "spline and curvature": [],
    }
    start = State(problem=problem, backend=IdealSimulator(), seed=0, chosen=tuple(between), design=design)
    anchors = dict(zip(design.anchors, design.grown.optima, strict=True))
    for geometry in between:
        energy = CompiledEnergy(design.grown.program, design.curve.hamiltonians[geometry])
        previous = anchors[geometry - 1].values
        before = anchors[geometry - 3].values if geometry >= 3 else previous
        # The anchors lie two grid steps apart: one and a half times the last step reaches this geometry.
        starts = {
            "zeros": (np.zeros_like(previous), None),
            "previous optimum": (previous, None),
            "two-point line": (previous + 0.5 * (previous - before), None),
            "spline and curvature": warm_start(start, design, anchors, geometry, True),
        }
        for name, (values, curvature) in starts.items():
            counts[name].append(optimise(energy, values, curvature).evaluations)
    totals = {name: sum(numbers) for name, numbers in counts.items()}
    return (
        {"molecule": molecule, "geometries": len(between)}
        | totals
        | {"previous / spline": round(totals["previous optimum"] / totals["spline and curvature"], 2)}
    )


def _allocation(molecule: str, searched: bool, noisy: bool) -> dict[str, Any]:
    """Return how many times fewer shots each way of measuring needs, on the machine as published or without noise."""
    _, problem, _ = problem_of(molecule, "FakeTorino", 100_000)
    design = problem.design(searched, "default")
    anchors = dict(zip(design.anchors, design.grown.optima, strict=True))
    alone, learned, best = [], [], []
    for before, after in zip(design.anchors, design.anchors[1:], strict=False):
        sent, arrived = (_probabilities(design, anchors[g].values, noisy) for g in (before, after))
        sampled = np.array([make_rng(0, "allocation", before, k).multinomial(370, p) for k, p in enumerate(sent)]) / 370
        one, shared = design.plan.functional.weights, _split_by(design, after, sent)
        truth = one_shot_spreads(one[after], arrived)
        variance = _variance(truth, design.plan.l2[after])
        alone.append(variance / _variance(truth, _seen(one[before], sampled)))
        learned.append(variance / _variance(one_shot_spreads(shared, arrived), _seen(shared, sampled)))
        exact = one_shot_spreads(_split_by(design, after, arrived), arrived)
        best.append(variance / _variance(exact, exact + 1e-12))
    return {
        "molecule": molecule,
        "circuit": "searched" if searched else "plain mapping",
        "outcomes": "FakeTorino as published" if noisy else "without noise",
        "settings": len(design.plan.bases),
        "L2 / learned": round(float(np.median(learned)), 2),
        "range": [round(min(learned), 2), round(max(learned), 2)],
        "L2 / spreads alone": round(float(np.median(alone)), 2),
        "L2 / best possible": round(float(np.median(best)), 2),
    }


def _probabilities(design: Design, values: Any, noisy: bool) -> Any:
    machine = NoisySimulator(design.device, (design.device,)) if noisy else IdealSimulator()
    return machine.probabilities(design.plan.request(design.program, values))


def _split_by(design: Design, geometry: int, probabilities: Any) -> Any:
    """Return one geometry's split weights, steered by another's outcomes."""
    everywhere = np.broadcast_to(probabilities, (len(design.curve.hamiltonians), *probabilities.shape))
    return split(design.curve, design.plan, everywhere).weights[geometry]


def _seen(weights: Any, sampled: Any) -> Any:
    spreads = one_shot_spreads(weights, sampled)
    return np.maximum(spreads, 0.05 * spreads.max())


def _variance(spreads: Any, shares: Any) -> float:
    return float((spreads**2 * shares.sum() / shares).sum())


def _gated(name: str, k: int) -> dict[str, Any]:
    def compute() -> dict[str, Any]:
        settings, problem, published = problem_of("LiH", "FakeTorino", 100_000)
        error = model_error("LiH", "FakeTorino", 100_000)
        world = dict(GATE_WORLDS[name])
        growth = world.pop("growth", 1.0)
        machines = [_worse(machine_of(published, 2000 + k, **world), growth ** (step / 5)) for step in range(6)]
        on = parts_on(settings)

        def run(parts: frozenset[str]) -> State:
            backend = NoisySimulator(published, machines, shots_per_world=150_000)
            return run_once(problem, backend, 7_000_000 + k, parts)

        state = run(on)
        miss = np.abs(problem.hartree_fock + state.curve.values - ansatz_energies(state))
        return {
            "left": state.corrected.selection.left_default,
            "chosen": state.corrected.selection.chosen,
            "noticed": state.corrected.unchanged < 0.01,
            "with": rmse_mha(problem, state),
            "without": rmse_mha(problem, run(on - {"gate"})),
            "readout": rmse_mha(problem, run(on - {"channel"})),
            "covered": float(np.mean(miss <= error.half_widths(state.curve.values, state.curve.deviations))),
        }

    return kept(compute, "gate", name, GATE_WORLDS[name], k)


def _worse(device: Device, factor: float) -> Device:
    """Return the device with every gate and readout error multiplied."""
    gates = {
        name: replace(gate, error=np.minimum(gate.error * factor, np.maximum(gate.error, 0.4)))
        for name, gate in device.gates.items()
    }
    readout = np.minimum(device.readout_error * factor, np.maximum(device.readout_error, 0.4))
    return replace(device, gates=gates, readout_error=readout)


def _case(molecule: str, device: str, shots: int, coherent: float) -> dict[str, Any]:
    return {"molecule": molecule, "device": device, "shots": shots, "coherent_rad": coherent}


def _spread(sample: Any) -> list[float]:
    """Return median, 5th and 95th percentile."""
    return [round(float(value), 2) for value in np.quantile(sample, [0.5, 0.05, 0.95])]


def _mean(shares: Any) -> list[float]:
    """Return the mean with its bootstrap interval over machines."""
    if len(shares) < 2:
        return []
    low, high = bootstrap_interval(lambda cases: np.asarray(shares)[cases].mean(-1), len(shares))
    return [round(float(value), 3) for value in (np.mean(shares), low, high)]


def _ratio(numerator: Any, denominator: Any) -> list[float]:
    return _shown(paired_ratio(numerator, denominator, statistic="geometric_mean"))


def _shown(estimate: Any) -> list[float]:
    return [round(value, 3) for value in (estimate.value, estimate.low, estimate.high)]


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows one value a line, as the values are lists."""
    for row in rows:
        print("  " + ", ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
