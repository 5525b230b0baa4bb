"""The five stages of a chemistry pass."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.stats import chi2

from qloop.apps.chemistry.ansatz import Optimum, optimise
from qloop.apps.chemistry.design import Compiler, Design
from qloop.apps.chemistry.plan import spread_shots
from qloop.apps.chemistry.spsa import optimise_on_backend
from qloop.apps.chemistry.state import Corrected, Curve, Measured, State
from qloop.apps.chemistry.surface import Posterior, keep_points, smooth
from qloop.circuits.simulate.statevector import CompiledEnergy
from qloop.core.ledger import Stage as StageName
from qloop.core.rng import make_rng
from qloop.devices.shots import Request
from qloop.loop.driver import Loop
from qloop.loop.stage import Parts
from qloop.mitigation import channel, readout
from qloop.mitigation.expectation import Estimator, Expectation, Functional
from qloop.mitigation.extrapolation import fold, linear_weights
from qloop.mitigation.response import Response, identity_response
from qloop.mitigation.selection import Selection, select

FloatArray = NDArray[np.float64]
PER_PASS = 3
"""Geometries a pass: one job each."""
FOLDS = (1, 3)


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
    """Take the searched or the plain circuit; the first pass solves its geometries here, as there was no circuit before.

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
    """Send one job: this pass's geometries, its share of the references, and the readout calibration in the first pass."""

    name: StageName = "execute"

    def __call__(self, state: State, parts: Parts) -> State:
        """Measure."""
        design = _designed(state)
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
            "target": self._targets(state, programs, each, parts),
            "reference": [self._reference(state, program, spent["reference"] // len(folds)) for program in programs],
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

    def _reference(self, state: State, program: object, shots: int) -> Request:
        design = _designed(state)
        each = np.zeros(len(design.plan.bases), np.int64)
        each[design.plan.number_setting] = shots
        return Request(
            program=program,  # type: ignore[arg-type]
            values=design.references[0],
            bases=design.plan.bases,
            shots=each,
            label="Hartree-Fock reference",
        )

    def _targets(self, state: State, programs: list, shots: int, parts: Parts) -> list[Request]:  # type: ignore[type-arg]
        design = _designed(state)
        requests = []
        for geometry in state.chosen:
            spread = design.plan.l2[geometry]
            if "allocation" in parts and state.corrected is not None:
                near = state.nearest(geometry, state.corrected.geometries)
                seen = state.corrected.spreads[near]
                # A spread that a few shots show as 0 is not 0.
                spread = np.maximum(seen, 0.05 * seen.max())
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
        design = _designed(state)
        learned = learn_channel(state, None) if "channel" in parts else None
        recipes = _recipes(state, parts, learned)
        default = next(iter(recipes))
        losses = {default: np.zeros(1)}
        if "gate" in parts and learned is not None:
            losses = validation_losses(state, recipes)
        selection = select(losses, default)
        recipe = recipes[selection.chosen]
        found = _apply(state, recipe)
        slopes = np.zeros((0, len(state.measured)))
        covariance = np.zeros((0, 0))
        if learned is not None and recipe.learned:
            slopes, covariance = found.slopes(design, learned), learned.covariance
        corrected = Corrected(
            geometries=state.measured,
            values=found.values,
            variances=found.variances,
            fit=slopes.T @ covariance @ slopes,
            spreads=dict(zip(state.measured, found.spreads, strict=True)),
            selection=selection,
            channel=learned,
            suspicion=_suspicion(state),
        )
        return replace(state, corrected=corrected)


class Interpret:
    """Draw the curve, choose the next geometries, stop when it is known well enough."""

    name: StageName = "interpret"

    def __call__(self, state: State, parts: Parts) -> State:
        """Update the curve and choose what comes next."""
        corrected = state.corrected
        if corrected is None:
            raise RuntimeError("interpretation follows correction.")
        grid = state.problem.grid
        points = grid[list(corrected.geometries)]
        method = smooth if "process" in parts else keep_points
        posterior = method(points, corrected.values, corrected.variances, grid)
        fit = np.einsum("gp,pq,gq->g", posterior.smoother, corrected.fit, posterior.smoother)
        curve = Curve(values=posterior.mean, deviations=np.sqrt(posterior.deviation**2 + fit))
        rest = [g for g in range(len(grid)) if g not in corrected.geometries]
        chosen = _next_geometries(grid, corrected, posterior, rest) if "process" in parts else tuple(rest[:PER_PASS])
        target = state.problem.target_ha
        known = target > 0 and bool((1.645 * curve.deviations <= target).all())
        return replace(state, curve=curve, chosen=chosen, done=not rest or known)


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


def learn_channel(state: State, without: frozenset[int] | None) -> channel.LearnedChannel:
    """Fit the channel to all references seen so far.

    Args:
        state: with passes.
        without: references left out, for cross-validation.
    """
    design = _designed(state)
    seen: dict[int, FloatArray] = {0: sum(one.reference[0] for one in state.passes)}  # type: ignore[dict-item]
    for one in state.passes:
        for number, counts in one.cliffords.items():
            seen[number] = seen.get(number, 0) + counts
    use = [number for number in sorted(seen) if not without or number not in without]
    return channel.combine(design.table.at(use), np.array([seen[number] for number in use]), design.prior.at(use))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Recipe:
    """One way to correct: which response, and which textbook steps."""

    response: Response
    subtract: bool
    postselect: bool
    learned: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class _Found:
    values: FloatArray
    variances: FloatArray
    spreads: FloatArray
    target: Expectation
    reference: Expectation | None
    counts: FloatArray
    reference_counts: FloatArray

    def slopes(self, design: Design, learned: channel.LearnedChannel) -> FloatArray:
        bases = design.plan.bases
        slopes = channel.fit_slopes(learned, bases, self.counts, self.target.scores)
        if self.reference is not None:
            slopes = slopes - channel.fit_slopes(learned, bases, self.reference_counts, self.reference.scores)
        return slopes


def validation_losses(state: State, recipes: Mapping[str, _Recipe]) -> dict[str, FloatArray]:
    """Return each recipe's squared error in hartree^2 at each Clifford reference, averaged over geometries.

    The learned channel is fitted on one half of the references and judged on the other.
    """
    design = _designed(state)
    counts: dict[int, FloatArray] = {}
    for one in state.passes:
        for number, histogram in one.cliffords.items():
            counts[number] = counts.get(number, 0) + histogram  # type: ignore[operator]
    numbers = sorted(counts)
    if len(numbers) < 2:
        return {name: np.zeros(1) for name in recipes}
    table = np.array([counts[number] for number in numbers])
    reference = sum(one.reference[0] for one in state.passes)[None]  # type: ignore[index]
    halves = [np.arange(len(numbers)) % 2 == 0, np.arange(len(numbers)) % 2 == 1]
    held_out = [learn_channel(state, frozenset(np.array(numbers)[half].tolist())) for half in halves]
    coefficients = np.array([h.coefficients[h.letters.any(1)] for h in design.curve.hamiltonians])
    exact = design.table.exact @ coefficients.T
    losses = {}
    for name, recipe in recipes.items():
        errors = np.zeros((len(numbers), len(state.problem.grid)))
        for half, learned in zip(halves, held_out, strict=True):
            response = learned.response(design.plan.bases) if recipe.learned else recipe.response
            value = Estimator(design.plan.functional, response, recipe.postselect).tabulate(table[half])
            base = exact[:1] + design.plan.functional.constant
            if recipe.subtract:
                base = Estimator(_only_number(design), response, recipe.postselect).tabulate(reference)
            errors[half] = value - base - (exact[numbers] - exact[0])[half]
        losses[name] = (errors**2).mean(1)
    return losses


def _designed(state: State) -> Design:
    if state.design is None:
        raise RuntimeError("this stage follows design.")
    return state.design


def _this_pass(cliffords: int, done: int, passes: int) -> NDArray[np.int64]:
    """Return the numbers of the Clifford references that pass `done` measures: they are spread over the job in time."""
    numbers = np.arange(1, cliffords + 1)
    return numbers[done % passes :: passes] if len(numbers) >= passes else numbers


def _recipes(state: State, parts: Parts, learned: channel.LearnedChannel | None) -> dict[str, _Recipe]:
    """Return the default correction first, then what the gate may choose instead."""
    design = _designed(state)
    settings, num_qubits = design.plan.bases.shape
    identity = identity_response(settings, num_qubits)
    subtract, postselect = "reference" in parts, "postselection" in parts
    calibrated = readout_response(state) if state.readout else None
    recipes = {}
    if learned is not None:
        recipes["channel"] = _Recipe(
            response=learned.response(design.plan.bases), subtract=subtract, postselect=postselect, learned=True
        )
    if calibrated is not None:
        recipes["readout"] = _Recipe(response=calibrated, subtract=subtract, postselect=postselect, learned=False)
    recipes["as read"] = _Recipe(response=identity, subtract=subtract, postselect=postselect, learned=False)
    if subtract or postselect:
        recipes["raw"] = _Recipe(response=identity, subtract=False, postselect=False, learned=False)
    return recipes


def readout_response(state: State) -> Response:
    """Return the tensored readout calibration of the first pass."""
    design = _designed(state)
    return readout.combine(state.readout, len(design.plan.bases))


def _apply(state: State, recipe: _Recipe) -> _Found:
    design = _designed(state)
    geometries = list(state.measured)
    functional = design.plan.functional.at(geometries)
    folds = len(state.passes[0].counts)
    weights = linear_weights(list(FOLDS[:folds])) if folds > 1 else np.ones(1)
    values, variances = np.zeros(len(geometries)), np.zeros(len(geometries))
    if not recipe.subtract:
        values -= state.problem.hartree_fock[geometries]
    first: tuple[Expectation, Expectation | None] | None = None
    counts = np.zeros(0)
    reference_counts = np.zeros(0)
    for k in reversed(range(folds)):
        counts = np.concatenate([one.counts[k] for one in state.passes])
        target = Estimator(functional, recipe.response, recipe.postselect).estimate(counts)
        values += weights[k] * target.values
        variances += weights[k] ** 2 * target.variances
        reference = None
        if recipe.subtract:
            total = sum(one.reference[k] for one in state.passes)
            reference_counts = np.broadcast_to(total, counts.shape)  # type: ignore[arg-type]
            number = _only_number(design).at(geometries)
            reference = Estimator(number, recipe.response, recipe.postselect).estimate(reference_counts)
            values -= weights[k] * reference.values
            variances += weights[k] ** 2 * reference.variances
        first = (target, reference)
    assert first is not None
    return _Found(
        values=values,
        variances=variances,
        spreads=first[0].spreads,
        target=first[0],
        reference=first[1],
        counts=counts,
        reference_counts=reference_counts,
    )


def _only_number(design: Design) -> Functional:
    """Return the energies restricted to the all-Z setting: at a determinant every other mean is exactly 0."""
    functional = design.plan.functional
    weights = np.zeros_like(functional.weights)
    weights[:, design.plan.number_setting] = functional.weights[:, design.plan.number_setting]
    return replace(functional, weights=weights)


def _suspicion(state: State) -> float:
    """Return the p-value of "the Hartree-Fock reference read the same in every pass" (chi-squared over outcomes)."""
    design = _designed(state)
    table = np.array([one.reference[0][design.plan.number_setting] for one in state.passes if one.reference])
    if len(table) < 2:
        return 1.0
    common = table[:, table.sum(0) >= 5 * len(table)]
    table = np.column_stack([common, table.sum(1) - common.sum(1)])
    table = table[:, table.sum(0) > 0]
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    statistic = ((table - expected) ** 2 / expected).sum()
    return float(chi2.sf(statistic, (len(table) - 1) * (table.shape[1] - 1)))


def _next_geometries(grid: FloatArray, corrected: Corrected, posterior: Posterior, rest: list[int]) -> tuple[int, ...]:
    """Return the geometries known least, one after the other, each as if it had been measured at its predicted value."""
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
