"""The task kind ``chemistry``: from settings and a seed to an answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from qloop.apps.chemistry.correction import CHANGED
from qloop.apps.chemistry.ledger import RANDOM, build_ledger, exact_energies, hidden_machine, rmse_mha, run_repeat
from qloop.apps.chemistry.problem import build_problem
from qloop.apps.chemistry.report import build_page
from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.apps.chemistry.stages import chemistry_loop, first_geometries
from qloop.apps.chemistry.state import Problem, State, known
from qloop.apps.chemistry.twins import WITHOUT, ModelError, ansatz_energies, learn_model_error, run_once
from qloop.core.answer import Answer
from qloop.core.estimate import Estimate
from qloop.core.memo import Memo, content_key, remembered
from qloop.core.progress import Event, Progress
from qloop.core.settings import to_plain
from qloop.devices.backend import Backend
from qloop.devices.cost import estimate_cost
from qloop.devices.device import Device
from qloop.devices.simulator import NoisySimulator, UniformBits
from qloop.loop.driver import run_loop
from qloop.loop.stage import Parts

FloatArray = NDArray[np.float64]
BIASED = 0.25
"""Share of the half width above which the circuit's own error is flagged: no shot sees it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class EnergyCurve:
    """An energy curve with everything that was learned on the way.

    Args:
        energies: one estimate a geometry, hartree.
        state: the loop's last state.
        error: the learned model error.
        seconds: time by stage.
    """

    energies: tuple[Estimate, ...]
    state: State
    error: ModelError
    seconds: dict[str, float]


def run_chemistry(
    settings: ChemistrySettings, seed: int, *, memo: Memo, progress: Progress, backend: Backend | None = None
) -> Answer:
    """Compute a molecule's energy curve on a device, with the ledger of every part.

    Args:
        settings: validated settings.
        seed: of the machine, the shots and the searches.
        memo: remembers integrals, circuits, the model error and each repeat of the ledger.
        progress: told of all of them.
        backend: hardware, or a recording, of the device that the settings name; by default a simulated machine. The
            ledger's re-runs are simulated either way.

    Raises:
        InvalidValueError: a molecule, basis, active space or device that does not exist or fit.
    """
    # One BLAS thread: the same bits whatever the number of cores, and matrices this small are faster so.
    with threadpool_limits(limits=1, user_api="blas"):
        return _run(settings, seed, memo, progress, backend)


def _run(settings: ChemistrySettings, seed: int, memo: Memo, progress: Progress, backend: Backend | None) -> Answer:
    problem, device = build_problem(settings, seed, memo, progress)
    table = settings.device
    world = (table.drift, table.coherent, table.crosstalk)
    if backend is None:
        backend = NoisySimulator(device, (hidden_machine(device, *world, seed),), table.idling)
    on = parts_on(settings)
    job = content_key("chemistry", to_plain(settings), seed)
    curve = compute_curve(problem, device, backend, on, seed, settings.ledger.twins, memo, progress, job)
    repeats = []
    for k in range(settings.ledger.repeats):
        machine = hidden_machine(device, *world, seed, "repeat", k)
        repeats.append(
            remembered(
                memo,
                content_key(job, "repeat", k),
                lambda machine=machine, k=k: run_repeat(  # type: ignore[misc]
                    problem, device, machine, table.idling, on, curve.error, _repeat_seed(seed, k)
                ),
            )
        )
        progress(Event(stage="ledger", text="paired re-runs", done=k + 1, total=settings.ledger.repeats))
    ledger = build_ledger(problem, curve.state, on, repeats, curve.seconds)
    control = run_once(problem, UniformBits(device), seed, on)
    values = _values(settings, problem, device, curve, control)
    headline = _headline(settings, problem, backend.name, curve)
    return Answer(
        headline=headline,
        values=values,
        ledger=ledger,
        page=build_page(settings, problem, device, curve, control, headline),
        arrays={
            "distance_angstrom": problem.grid,
            "energy_ha": np.array([energy.value for energy in curve.energies]),
            "low_ha": np.array([energy.low for energy in curve.energies]),
            "high_ha": np.array([energy.high for energy in curve.energies]),
        },
        references=ledger.references(),
        timings=curve.seconds,
    )


def compute_curve(
    problem: Problem,
    device: Device,
    backend: Backend,
    on: Parts,
    seed: int,
    twins: int,
    memo: Memo,
    progress: Progress,
    job: str,
) -> EnergyCurve:
    """Run the loop on a backend and give every geometry its interval."""
    start = State(problem=problem, backend=backend, seed=seed, chosen=first_geometries(len(problem.grid)))
    finished = run_loop(chemistry_loop(), start, on, progress)
    error = WITHOUT
    if "model_error" in on:

        def report(done: int) -> None:
            progress(Event(stage="model error", text="simulated twins", done=done, total=twins))

        found = remembered(
            memo,
            content_key(job, "model error"),
            lambda: _plain(learn_model_error(problem, device, on, seed, twins, report)),
        )
        error = ModelError(**found)
    energies = _estimates(problem, finished.state, error)
    return EnergyCurve(energies=energies, state=finished.state, error=error, seconds=dict(finished.seconds))


def parts_on(settings: ChemistrySettings) -> Parts:
    """Return the names of the parts that the settings switch on."""
    return frozenset(name for name, on in to_plain(settings.parts).items() if on)


def dry_run(settings: ChemistrySettings, seed: int) -> str:
    """Say what a run would send: circuits, shots and seconds, by a run on an exact copy of the published device."""
    from qloop.core.memo import NoMemo
    from qloop.core.progress import silent

    problem, device = build_problem(settings, seed, NoMemo(), silent)
    counter = _Counter(NoisySimulator(device, idle=settings.device.idling))
    run_once(problem, counter, seed, parts_on(settings))
    costs = [estimate_cost(requests, device) for requests in counter.jobs]
    circuits, shots = sum(cost.circuits for cost in costs), sum(cost.shots for cost in costs)
    return (
        f"{settings.molecule.name} on {device.name}: {len(costs)} jobs, {circuits} circuits, {shots} shots, about "
        f"{sum(cost.seconds for cost in costs):.0f} s of machine time; nothing was sent."
    )


class _Counter:
    """A backend that remembers what it was asked."""

    def __init__(self, backend: NoisySimulator) -> None:
        self._backend = backend
        self.name, self.device = backend.name, backend.device
        self.jobs: list[Any] = []

    def run(self, requests: Any, rng: np.random.Generator) -> Any:
        self.jobs.append(requests)
        return self._backend.run(requests, rng)


def _repeat_seed(seed: int, k: int) -> int:
    return 1_000_003 * (seed + 1) + k


def _plain(error: ModelError) -> dict[str, Any]:
    return {"share": error.share, "factor": error.factor}


def _estimates(problem: Problem, state: State, error: ModelError) -> tuple[Estimate, ...]:
    found, corrected = known(state.curve), known(state.corrected)
    half = error.half_widths(found.values, found.deviations)
    energy = problem.hartree_fock + found.values
    bias = ansatz_energies(state) - exact_energies(problem)
    common = []
    if corrected.unchanged < CHANGED:
        common.append("the machine changed between jobs")
    if corrected.selection.left_default:
        common.append(f"default correction left for `{corrected.selection.chosen}`")
    estimates = []
    for k in range(len(problem.grid)):
        flags = list(common)
        if k not in corrected.geometries:
            flags.append("not measured, interpolated")
        elif bias[k] > BIASED * half[k]:
            flags.append(f"circuit {1000 * bias[k]:.1f} mHa above FCI")
        estimates.append(
            Estimate(
                value=float(energy[k]),
                low=float(energy[k] - half[k]),
                high=float(energy[k] + half[k]),
                unit="Ha",
                flags=tuple(flags),
            )
        )
    return tuple(estimates)


def _values(
    settings: ChemistrySettings, problem: Problem, device: Device, curve: EnergyCurve, control: State
) -> dict[str, Any]:
    state = curve.state
    design, corrected = known(state.design), known(state.corrected)
    names = [name for name in ("HF", "MP2", "CCSD(T)", "FCI") if name in problem.spaces[0].energies]
    return {
        "molecule": settings.molecule.name,
        "device": device.name,
        "calibrated": device.calibrated,
        "distance_angstrom": problem.grid.tolist(),
        "energy_ha": [energy.to_json() for energy in curve.energies],
        "classical_ha": {name: [space.energies[name] for space in problem.spaces] for name in names},
        "random_bits_ha": (problem.hartree_fock + known(control.curve).values).tolist(),
        "rmse_mha": rmse_mha(problem, state),
        "random_bits_rmse_mha": rmse_mha(problem, control),
        "ansatz_error_mha": [
            None if np.isnan(gap) else 1000 * float(gap) for gap in ansatz_energies(state) - exact_energies(problem)
        ],
        "num_qubits": design.curve.num_qubits,
        "two_qubit_gates": design.program.count_two_qubit(),
        "predicted_success": float(np.exp(design.compiled.log_success)),
        "physical_qubits": design.program.outputs.tolist(),
        "measured": list(state.measured),
        "shots": dict(state.shots),
        "correction": corrected.selection.chosen,
        "model_error": _plain(curve.error),
        "optimised_on": settings.optimise_on,
        "control": RANDOM,
    }


def _headline(settings: ChemistrySettings, problem: Problem, machine: str, curve: EnergyCurve) -> str:
    half = np.median([(energy.high - energy.low) / 2 for energy in curve.energies])
    gates = known(curve.state.design).program.count_two_qubit()
    return (
        f"{settings.molecule.name} on {machine}: {len(problem.grid)} energies within "
        f"{rmse_mha(problem, curve.state):.1f} mHa of FCI (root mean square), 90 % intervals of about "
        f"±{1000 * half:.1f} mHa, {gates} two-qubit gates."
    )
