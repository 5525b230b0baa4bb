"""The ledger of a chemistry run: paired re-runs on fresh machines, summed up part by part."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.design import Compiler
from qloop.apps.chemistry.parts import PARTS
from qloop.apps.chemistry.state import Problem, State, known
from qloop.apps.chemistry.twins import WITHOUT, ModelError, ansatz_energies, run_once
from qloop.core.estimate import Estimate
from qloop.core.ledger import Ledger, LedgerLine, Level, Metric, Part
from qloop.core.memo import Value
from qloop.core.paired import paired_ratio
from qloop.core.rng import make_rng
from qloop.devices.device import Device
from qloop.devices.simulator import NoisySimulator, UniformBits
from qloop.loop.ablation import OFF, ON, compare_level, configurations, part_gain
from qloop.loop.stage import Parts

FloatArray = NDArray[np.float64]
ERROR = "RMSE against FCI"
CONVENTIONAL: dict[str, tuple[Parts, Compiler, str]] = {
    "conventional, extrapolated": (
        frozenset({"readout", "extrapolation"}),
        "default",
        "plain circuit, Qiskit level 2, L2 shots, readout calibration and zero-noise extrapolation, spline",
    ),
    "conventional, extrapolated, 20 seeds": (
        frozenset({"readout", "extrapolation"}),
        "seeds",
        "the same with the best of 20 level-3 compilations",
    ),
    "conventional, post-selected": (
        frozenset({"readout", "reference", "postselection"}),
        "default",
        "plain circuit, Qiskit level 2, L2 shots, readout calibration, reference subtraction, post-selection, spline",
    ),
    "conventional, post-selected, 20 seeds": (
        frozenset({"readout", "reference", "postselection"}),
        "seeds",
        "the same with the best of 20 level-3 compilations",
    ),
}
RANDOM = "uniform random bits"


def exact_energies(problem: Problem) -> FloatArray:
    """Return the exact energies of the active space, hartree."""
    return np.array([space.energies["FCI"] for space in problem.spaces])


def rmse_mha(problem: Problem, state: State) -> float:
    """Return the root mean square error of a finished curve against FCI, millihartree."""
    error = problem.hartree_fock + known(state.curve).values - exact_energies(problem)
    return float(1000 * np.sqrt(np.mean(error**2)))


def hidden_machine(
    device: Device, drift: float, coherent: float, crosstalk: float, seed: int, *path: str | int
) -> Device:
    """Return one machine behind a published calibration, a different one for every seed and path."""
    return device.perturbed(int(make_rng(seed, "machine", *path).integers(2**31)), drift, coherent, crosstalk)


def run_repeat(
    problem: Problem, device: Device, machine: Device, idle: bool, on: Parts, error: ModelError, seed: int
) -> Value:
    """Run every configuration on one machine with one seed.

    Args:
        problem: the job.
        device: published calibration.
        machine: as it really is.
        idle: whether waiting qubits relax.
        on: the answer's switches.
        error: the learned model error, for the coverage.
        seed: of the shots.

    Returns:
        RMSE in millihartree by configuration, and what the parts' own yardsticks need.
    """
    backend = NoisySimulator(device, (machine,), idle)
    errors: dict[str, float] = {}
    states: dict[str, State] = {}
    first: dict[Parts, str] = {}
    for name, parts in configurations(PARTS, on).items():
        # Two names may ask for the same switches: they are run once.
        same = first.setdefault(parts, name)
        if same == name:
            states[name] = run_once(problem, backend, seed, parts)
        errors[name] = rmse_mha(problem, states[same])
    for name, (parts, compiler, _) in CONVENTIONAL.items():
        errors[name] = rmse_mha(problem, run_once(problem, backend, seed, parts, compiler))
    errors[RANDOM] = rmse_mha(problem, run_once(problem, UniformBits(device), seed, on))
    main = states[ON]
    return {"errors": errors, **_yardsticks(main, states, error)}


def build_ledger(
    problem: Problem, main: State, on: Parts, repeats: Sequence[Mapping[str, Any]], seconds: Mapping[str, float]
) -> Ledger:
    """Sum up repeats.

    Args:
        problem: the job.
        main: the answer's own run.
        on: its switches.
        repeats: results of `run_repeat`.
        seconds: time of the answer's run by stage.
    """
    # One repeat has no spread, so that nothing could be said of it.
    names = repeats[0]["errors"] if len(repeats) > 1 else ()
    errors = {name: np.array([repeat["errors"][name] for repeat in repeats]) for name in names}
    lines = [_line(part, problem, main, on, errors, repeats, seconds) for part in PARTS]
    rmse = rmse_mha(problem, main)
    error = Estimate(value=rmse, low=rmse, high=rmse, unit="mHa")
    levels = [Level(name="this answer", meaning="this run alone", error=error)]
    if errors:
        own = compare_level(ON, "these parts on fresh machines, median and 5 to 95 %", errors, "mHa")
        levels = [replace(own, name="this answer"), compare_level(OFF, "every part off", errors, "mHa")]
        levels += [compare_level(name, meaning, errors, "mHa") for name, (_, _, meaning) in CONVENTIONAL.items()]
        levels.append(compare_level(RANDOM, "the same with the quantum data replaced by coin flips", errors, "mHa"))
    classical = [name for name in ("HF", "MP2", "CCSD(T)") if name in problem.spaces[0].energies]
    levels += [_classical(problem, name, errors.get(ON)) for name in classical]
    levels.append(
        Level(
            name="FCI",
            meaning="exact classical answer at this size",
            error=Estimate(value=0, low=0, high=0, unit="mHa"),
        )
    )
    return Ledger(lines=tuple(lines), levels=tuple(levels), error_name=ERROR, repeats=len(repeats))


def _classical(problem: Problem, name: str, ours: FloatArray | None) -> Level:
    error = np.array([space.energies[name] - space.energies["FCI"] for space in problem.spaces])
    # To a microhartree: what is left is where the iterations stopped.
    value = round(float(1000 * np.sqrt(np.mean(error**2))), 3)
    doubtful = {space.doubtful[name] for space in problem.spaces if name in space.doubtful}
    ratio = None
    if ours is not None and value > 0:
        ratio = paired_ratio(np.full_like(ours, value), ours, statistic="geometric_mean")
    flags = (f"not to be trusted at {sum(name in s.doubtful for s in problem.spaces)} geometries",) if doubtful else ()
    return Level(
        name=name,
        meaning="classical, on the same active space",
        error=Estimate(value=value, low=value, high=value, unit="mHa", flags=flags),
        ratio=ratio,
    )


def _yardsticks(main: State, states: Mapping[str, State], error: ModelError) -> Value:
    curve, corrected = known(main.curve), known(main.corrected)
    miss = np.abs(main.problem.hartree_fock + curve.values - ansatz_energies(main))
    solved = ~np.isnan(miss)
    losses = corrected.selection.losses

    def covered(error: ModelError) -> float:
        half = error.half_widths(curve.values, curve.deviations)
        return float(np.mean(miss[solved] <= half[solved]))

    return {
        "covered": covered(error),
        "covered_plain": covered(WITHOUT),
        "left_default": corrected.selection.left_default,
        "losses": {name: float(loss) for name, loss in losses.items()},
        "variance": [_late_variance(main), _late_variance(states.get("-allocation", main))],
        "evaluations": [main.evaluations, states.get("-warm_start", main).evaluations],
    }


def _late_variance(state: State) -> float:
    """Return the mean shot variance of the geometries after the first pass, where the allocation can act, if any."""
    variances = known(state.corrected).variances
    return float(np.mean(variances[len(state.passes[0].geometries) :] if len(state.passes) > 1 else variances))


def _line(
    part: Part,
    problem: Problem,
    main: State,
    on: Parts,
    errors: Mapping[str, FloatArray],
    repeats: Sequence[Mapping[str, Any]],
    seconds: Mapping[str, float],
) -> LedgerLine:
    gain, added = part_gain(part, on, errors) if errors else (None, None)
    metrics, gates = _metrics(part.name, problem, main, on, repeats)
    shots = {
        "readout": main.shots.get("readout", 0),
        "channel": main.shots.get("clifford", 0),
        "reference": main.shots.get("reference", 0),
    }
    share = sum(other.stage == part.stage and other.name in on for other in PARTS)
    return LedgerLine(
        part=part,
        on=part.name in on,
        gain=gain,
        added=added,
        metrics=metrics,
        seconds=seconds.get(part.stage, 0.0) / share if part.name in on else 0.0,
        shots=shots.get(part.name, 0) if part.name in on else 0,
        gates=gates,
    )


def _metrics(
    name: str, problem: Problem, main: State, on: Parts, repeats: Sequence[Mapping[str, Any]]
) -> tuple[tuple[Metric, ...], int]:
    """Return a part's own yardsticks and the two-qubit gates it saves."""
    design = known(main.design)
    if name in {"encoding", "placement"}:
        switched = on ^ {name}
        other = problem.design("encoding" in switched, "search" if "placement" in switched else "default")
        with_part, without = (design, other) if name in on else (other, design)
        gates = without.program.count_two_qubit() - with_part.program.count_two_qubit()
        ratio = without.program.count_two_qubit() / max(1, with_part.program.count_two_qubit())
        success = float(np.exp(with_part.compiled.log_success - without.compiled.log_success))
        counts = _exact("two-qubit gates, off / on", ratio)
        return (counts, _exact("predicted success, on / off", success)), gates
    if len(repeats) < 2:
        return (), 0
    if name == "warm_start":
        return (_ratio("evaluations, off / on", [r["evaluations"][::-1] for r in repeats]),), 0
    if name == "allocation":
        return (_ratio("shot variance, off / on", [r["variance"][::-1] for r in repeats]),), 0
    if name == "channel" and all({"readout", "channel"} <= r["losses"].keys() for r in repeats):
        pairs = [[np.sqrt(r["losses"]["readout"]), np.sqrt(r["losses"]["channel"])] for r in repeats]
        return (_ratio("error at held-out references, readout / channel", pairs),), 0
    if name == "gate":
        left = float(np.mean([r["left_default"] for r in repeats]))
        return (_exact("share of jobs in which the default was left", left),), 0
    if name == "model_error":
        return (
            _coverage("coverage of 90 % intervals, on", [r["covered"] for r in repeats]),
            _coverage("coverage of 90 % intervals, off", [r["covered_plain"] for r in repeats]),
        ), 0
    return (), 0


def _exact(name: str, value: float) -> Metric:
    return Metric(name=name, estimate=Estimate(value=value, low=value, high=value))


def _ratio(name: str, pairs: Sequence[Sequence[float]]) -> Metric:
    table = np.maximum(np.array(pairs, float), 1e-300)
    return Metric(name=name, estimate=paired_ratio(table[:, 0], table[:, 1], statistic="geometric_mean"))


def _coverage(name: str, shares: Sequence[float]) -> Metric:
    mean = float(np.mean(shares))
    half = 1.645 * float(np.std(shares, ddof=1)) / np.sqrt(len(shares))
    return Metric(name=name, estimate=Estimate(value=mean, low=max(0.0, mean - half), high=min(1.0, mean + half)))
