"""The five stages of a chemistry pass."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from qloop.apps.chemistry.ansatz import Optimum, optimise
from qloop.apps.chemistry.correction import FOLDS, choose_and_apply, list_recipes
from qloop.apps.chemistry.design import Compiler, Design
from qloop.apps.chemistry.plan import spread_shots
from qloop.apps.chemistry.spsa import optimise_on_backend
from qloop.apps.chemistry.state import Corrected, Curve, Measured, State, known
from qloop.apps.chemistry.surface import Posterior, keep_points, smooth
from qloop.circuits.program import Program
from qloop.circuits.simulate.statevector import CompiledEnergy
from qloop.core.ledger import Stage as StageName
from qloop.core.rng import make_rng
from qloop.devices.shots import Request
from qloop.loop.driver import Loop
from qloop.loop.stage import Parts
from qloop.mitigation import channel, readout
from qloop.mitigation.extrapolation import fold

FloatArray = NDArray[np.float64]
PER_PASS = 3
"""Geometries a pass, in one job."""


class Prepare:
    """Start the parameters of this pass's geometries from what is solved already."""

    name: StageName = "prepare"

    def __call__(self, state: State, parts: Parts) -> State:
        """Solve this pass's geometries, once there is a circuit."""
        if state.design is None:
            return state
        return solve(state, state.design, parts)


@dataclass(frozen=True)
class DesignCircuit:
    """Take the searched or the plain circuit; only then can the first pass solve its geometries.

    Args:
        otherwise: how to compile where the placement is not searched.
    """

    otherwise: Compiler = "default"
    name: StageName = "design"

    def __call__(self, state: State, parts: Parts) -> State:
        """Set the design in the first pass."""
        if state.design is not None:
            return state
        design = state.problem.design("encoding" in parts, "search" if "placement" in parts else self.otherwise)
        optima = dict(zip(design.anchors, design.grown.optima, strict=True))
        if state.problem.optimise_on == "device":
            optima = {}
        return solve(replace(state, design=design, optima=optima), design, parts)


class Execute:
    """Send one job: this pass's geometries, its share of the references, in the first pass the readout calibration."""

    name: StageName = "execute"

    def __call__(self, state: State, parts: Parts) -> State:
        """Measure."""
        design = known(state.design)
        folds = FOLDS if "extrapolation" in parts else FOLDS[:1]
        programs = [fold(design.program, factor) if factor > 1 else design.program for factor in folds]
        budget = state.problem.shots
        total = budget.per_geometry * len(state.chosen)
        calibrate = "readout" in parts and not state.passes
        spent = {
            "reference": int(budget.reference_share * total) if {"reference", "channel"} & parts else 0,
            "clifford": int(budget.clifford_share * total) if "channel" in parts else 0,
            # Calibrated once, for all geometries.
            "readout": int(budget.readout_share * budget.per_geometry * len(state.problem.grid)) if calibrate else 0,
        }
        share = 1 - spent["reference"] / total - spent["clifford"] / total
        share -= budget.readout_share if "readout" in parts else 0
        each = int(share * budget.per_geometry)
        cliffords = _this_pass(len(design.references) - 1, len(state.passes), -(-len(state.problem.grid) // PER_PASS))
        # Targets first: what follows them then draws the same shot noise whichever corrections are on.
        blocks = {
            "target": self._targets(state, design, programs, each, parts),
            "reference": [self._reference(design, program, spent["reference"] // len(folds)) for program in programs],
            "clifford": channel.construct(
                design.program, design.references[cliffords], design.plan.bases, spent["clifford"]
            ),
            "readout": readout.construct(design.program, "x", spent["readout"]),
        }
        blocks = {name: requests for name, requests in blocks.items() if name == "target" or spent[name]}
        rng = make_rng(state.seed, "shots", len(state.passes))
        results = iter(state.backend.run([request for requests in blocks.values() for request in requests], rng))
        found = {name: [next(results).histogram.astype(float) for _ in requests] for name, requests in blocks.items()}
        measured = Measured(
            geometries=state.chosen,
            counts=tuple(np.array(found["target"][k :: len(folds)]) for k in range(len(folds))),
            reference=tuple(found.get("reference", ())),
            cliffords=dict(zip(cliffords.tolist(), found.get("clifford", ()), strict=False)),
        )
        taken = {name: sum(int(histogram.sum()) for histogram in histograms) for name, histograms in found.items()}
        return replace(
            state,
            passes=(*state.passes, measured),
            readout=tuple(found.get("readout", state.readout)),
            shots=dict(Counter(state.shots) + Counter(taken)),
        )

    def _reference(self, design: Design, program: Program, shots: int) -> Request:
        each = np.zeros(len(design.plan.bases), np.int64)
        each[design.plan.number_setting] = shots
        return Request(
            program=program,
            values=design.references[0],
            bases=design.plan.bases,
            shots=each,
            label="Hartree-Fock reference",
        )

    def _targets(
        self, state: State, design: Design, programs: Sequence[Program], shots: int, parts: Parts
    ) -> list[Request]:
        requests = []
        for geometry in state.chosen:
            spread = design.plan.l2[geometry]
            if "allocation" in parts:
                spread = design.split.spreads[geometry]
                if state.corrected is not None:
                    spread = state.corrected.spreads[state.nearest(geometry, state.corrected.geometries)]
                # A spread that a few shots show as 0 is not 0.
                spread = np.maximum(spread, 0.05 * spread.max())
            each = spread_shots(spread, shots // len(programs))
            requests += [
                Request(
                    program=program,
                    values=state.optima[geometry].values,
                    bases=design.plan.bases,
                    shots=each,
                    label=f"geometry {geometry}",
                )
                for program in programs
            ]
        return requests


class Correct:
    """Turn histograms into energies above Hartree-Fock."""

    name: StageName = "correct"

    def __call__(self, state: State, parts: Parts) -> State:
        """Correct every geometry measured so far with all references seen so far."""
        design = known(state.design)
        recipes = list_recipes(state, design, parts)
        found, selection, unchanged = choose_and_apply(state, design, parts, recipes)
        corrected = Corrected(
            geometries=state.measured,
            values=found.values,
            variances=found.variances,
            fit=found.fit,
            doubt=found.doubt,
            spreads=dict(zip(state.measured, found.spreads, strict=True)),
            selection=selection,
            channel=next(iter(recipes.values())).channel,
            unchanged=unchanged,
        )
        return replace(state, corrected=corrected)


class Interpret:
    """Draw the curve, choose the next geometries, stop when it is known well enough."""

    name: StageName = "interpret"

    def __call__(self, state: State, parts: Parts) -> State:
        """Update the curve and choose what comes next."""
        corrected = known(state.corrected)
        grid = state.problem.grid
        points = grid[list(corrected.geometries)]
        method = smooth if "process" in parts else keep_points
        posterior = method(points, corrected.values, corrected.variances, grid)
        fit = np.einsum("gp,pq,gq->g", posterior.smoother, corrected.fit, posterior.smoother)
        # Doubt is common to neighbours: smoothing does not average it away.
        doubt = np.abs(posterior.smoother) @ corrected.doubt
        curve = Curve(values=posterior.mean, deviations=np.sqrt(posterior.deviation**2 + fit + doubt**2))
        rest = [g for g in range(len(grid)) if g not in corrected.geometries]
        chosen = _next_geometries(grid, corrected, posterior, rest) if "process" in parts else tuple(rest[:PER_PASS])
        target = state.problem.target_ha
        sure = target > 0 and bool((1.645 * curve.deviations <= target).all())
        return replace(state, curve=curve, chosen=chosen, done=not rest or sure)


def chemistry_loop(otherwise: Compiler = "default") -> Loop[State]:
    """Return the loop; `otherwise` is how circuits are compiled where the placement is not searched."""
    return Loop(
        stages=(Prepare(), DesignCircuit(otherwise), Execute(), Correct(), Interpret()),
        done=lambda state: state.done,
        describe=lambda state: f"{len(state.measured)} of {len(state.problem.grid)} geometries measured",
    )


def first_geometries(points: int) -> tuple[int, ...]:
    """Return the geometries of the first pass: both ends and the middle."""
    return (0, points // 2, points - 1)


def anchor_geometries(points: int) -> tuple[int, ...]:
    """Return the geometries that the ansatz is grown on: every other one, ends included."""
    return tuple(sorted({*range(0, points, 2), points - 1}))


def solve(state: State, design: Design, parts: Parts) -> State:
    """Optimise the parameters of this pass's geometries that are not solved yet."""
    optima, evaluations = dict(state.optima), state.evaluations
    for geometry in state.chosen:
        if geometry in optima:
            continue
        start, curvature = warm_start(state, design, optima, geometry, "warm_start" in parts)
        if state.problem.optimise_on == "device":
            rng = make_rng(state.seed, "spsa", geometry)
            optima[geometry] = optimise_on_backend(state, design, geometry, start, rng)
        else:
            energy = CompiledEnergy(design.grown.program, design.curve.hamiltonians[geometry])
            optima[geometry] = optimise(energy, start, curvature)
        evaluations += optima[geometry].evaluations
    return replace(state, optima=optima, evaluations=evaluations)


def warm_start(
    state: State, design: Design, optima: Mapping[int, Optimum], geometry: int, learned: bool
) -> tuple[FloatArray, FloatArray | None]:
    """Return parameters and inverse curvature to start a geometry from.

    With `learned`, a cubic spline through the solved geometries and the nearest one's curvature; otherwise the nearest
    one's parameters; zeros where nothing is solved.
    """
    if not optima:
        return np.zeros(design.grown.program.num_parameters), None
    grid = state.problem.grid
    near = optima[state.nearest(geometry, tuple(optima))]
    if not learned:
        return near.values, None
    solved = sorted(optima)
    values = np.array([optima[g].values for g in solved])
    start = CubicSpline(grid[solved], values)(grid[geometry]) if len(solved) > 2 else near.values
    return start, near.curvature


def _this_pass(cliffords: int, done: int, passes: int) -> NDArray[np.int64]:
    """Return the numbers of the Clifford references that pass `done` measures: they are spread over the job in time."""
    numbers = np.arange(1, cliffords + 1)
    return numbers[done % passes :: passes] if len(numbers) >= passes else numbers


def _next_geometries(grid: FloatArray, corrected: Corrected, posterior: Posterior, rest: list[int]) -> tuple[int, ...]:
    """Return the geometries known least, one by one, each as if it had been measured at its predicted value."""
    chosen: list[int] = []
    points, values, variances = grid[list(corrected.geometries)], corrected.values, corrected.variances
    while rest and len(chosen) < PER_PASS:
        best = max(rest, key=lambda g: posterior.deviation[g])
        chosen.append(best)
        rest = [g for g in rest if g != best]
        points = np.append(points, grid[best])
        values = np.append(values, posterior.mean[best])
        variances = np.append(variances, variances.mean())
        posterior = smooth(points, values, variances, grid)
    return tuple(chosen)
