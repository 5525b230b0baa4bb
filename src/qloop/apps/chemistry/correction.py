"""Corrections: a response with textbook steps around it, applied to what was measured and judged at references."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag
from scipy.stats import chi2

from qloop.apps.chemistry.design import Design
from qloop.apps.chemistry.state import State
from qloop.loop.stage import Parts
from qloop.mitigation import channel, readout
from qloop.mitigation.channel import LearnedChannel
from qloop.mitigation.expectation import Estimator, Functional
from qloop.mitigation.extrapolation import linear_weights
from qloop.mitigation.response import Response, identity_response
from qloop.mitigation.selection import Selection, select

FloatArray = NDArray[np.float64]
FOLDS = (1, 3)
"""How often extrapolation runs every two-qubit gate."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Recipe:
    """One way to correct.

    Args:
        functional: every geometry's energy, as it is measured.
        response: what is inverted.
        subtract: whether the error seen at the Hartree-Fock reference is subtracted.
        postselect: whether outcomes with another number of electrons are dropped.
        channel: the learned channel, where the response is its.
    """

    functional: Functional
    response: Response
    subtract: bool
    postselect: bool
    channel: LearnedChannel | None = None


CHANGED = 0.01
"""p-value of the references' differences between passes below which the machine is taken to have changed."""
FORM_HOLDS = 1.25
"""Mean squared misfit of the channel up to which its form holds (our measurement: below 1.1 on drifted machines)."""
BY_PASS = "channel, pass by pass"


@dataclass(frozen=True, eq=False, kw_only=True)
class Applied:
    """Energies above Hartree-Fock at every geometry measured so far.

    Args:
        values: hartree, shape [points].
        variances: shot noise, shape [points].
        fit: covariance by the learned channel's uncertainty, shape [points, points].
        spreads: standard deviation of one shot of the unfolded circuit, shape [points, settings].
        doubt: standard deviation that failed checks add, shape [points].
    """

    values: FloatArray
    variances: FloatArray
    fit: FloatArray
    spreads: FloatArray
    doubt: FloatArray


def choose_and_apply(
    state: State, design: Design, parts: Parts, recipes: Mapping[str, Recipe]
) -> tuple[Applied, Selection, float]:
    """Correct by the default, the first recipe, or, with the gate on, by what the checks leave.

    The machine changed between passes: every pass is corrected by its own references, and half the difference to the
    common correction becomes doubt. The channel's form does not hold: the correction with the smallest held-out error
    is taken, and the share of that error that shots do not explain becomes doubt. Otherwise the default stays unless
    held-out references speak against it (`mitigation.selection`).

    Returns:
        The corrected energies, what was chosen, and the p-value of "the machine did not change".
    """
    default, recipe = next(iter(recipes.items()))
    unchanged = suspicion_of_drift(state, design)
    if recipe.channel is None or "gate" not in parts:
        kept = Selection(chosen=default, left_default=False, p_values={}, losses={default: 0.0})
        return apply_recipe(state, design, recipe), kept, unchanged
    losses = validation_losses(state, design, recipes)
    selection = select(losses, default)
    if unchanged < CHANGED:
        together, apart = apply_recipe(state, design, recipe), _apply_by_pass(state, design, parts)
        doubt = np.abs(together.values - apart.values) / 2
        return replace(apart, doubt=doubt), replace(selection, chosen=BY_PASS, left_default=True), unchanged
    if recipe.channel.chi2 <= FORM_HOLDS:
        return apply_recipe(state, design, recipes[selection.chosen]), selection, unchanged
    chosen = min(selection.losses, key=lambda name: selection.losses[name])
    found = apply_recipe(state, design, recipes[chosen])
    doubt = np.sqrt(selection.losses[chosen] * (1 - 1 / recipe.channel.chi2))
    selection = replace(selection, chosen=chosen, left_default=chosen != default)
    return replace(found, doubt=np.full(len(found.values), doubt)), selection, unchanged


def list_recipes(state: State, design: Design, parts: Parts) -> dict[str, Recipe]:
    """Return the default correction first, then what the gate may choose instead."""
    bases = design.plan.bases
    as_read = Recipe(
        functional=design.split.functional if "allocation" in parts else design.plan.functional,
        response=identity_response(*bases.shape),
        subtract="reference" in parts,
        postselect="postselection" in parts,
    )
    recipes = {}
    if "channel" in parts:
        learned = learn_channel(state, design)
        recipes["channel"] = replace(as_read, response=learned.response(bases), channel=learned)
    if state.readout:
        recipes["readout"] = replace(as_read, response=readout.combine(state.readout, len(bases)))
    recipes["as read"] = as_read
    if as_read.subtract or as_read.postselect:
        recipes["raw"] = replace(as_read, subtract=False, postselect=False)
    return recipes


def learn_channel(state: State, design: Design, without: frozenset[int] = frozenset()) -> LearnedChannel:
    """Fit the channel to all references seen so far.

    Args:
        state: with passes.
        design: whose references.
        without: references left out, for cross-validation.
    """
    seen = {0: _reference(state), **_cliffords(state)}
    use = [number for number in sorted(seen) if number not in without]
    return channel.combine(design.table.at(use), np.array([seen[number] for number in use]), design.prior.at(use))


def apply_recipe(state: State, design: Design, recipe: Recipe) -> Applied:
    """Correct every geometry measured so far, extrapolated to zero noise where circuits were folded."""
    geometries = list(state.measured)
    functional, number = recipe.functional.at(geometries), _only_number(design).at(geometries)
    folds = FOLDS[: len(state.passes[0].counts)]
    terms: list[tuple[float, Functional, FloatArray]] = []
    for fold, weight in enumerate(linear_weights(list(folds)).tolist() if len(folds) > 1 else [1.0]):
        counts = np.concatenate([one.counts[fold] for one in state.passes])
        terms.append((weight, functional, counts))
        if recipe.subtract:
            terms.append((-weight, number, np.broadcast_to(_reference(state, fold), counts.shape)))
    found = [Estimator(term, recipe.response, recipe.postselect).estimate(counts) for _, term, counts in terms]
    above = np.zeros(len(geometries)) if recipe.subtract else state.problem.hartree_fock[geometries]
    weights = np.array([weight for weight, _, _ in terms])
    fit = np.zeros((len(geometries), len(geometries)))
    if recipe.channel is not None:
        parts = [
            weight * channel.fit_slopes(recipe.channel, design.plan.bases, counts, expectation.scores)
            for (weight, _, counts), expectation in zip(terms, found, strict=True)
        ]
        slopes = np.sum(parts, axis=0)
        fit = slopes.T @ recipe.channel.covariance @ slopes
    return Applied(
        values=weights @ [expectation.values for expectation in found] - above,
        variances=weights**2 @ [expectation.variances for expectation in found],
        fit=fit,
        spreads=found[0].spreads,
        doubt=np.zeros(len(geometries)),
    )


def _apply_by_pass(state: State, design: Design, parts: Parts) -> Applied:
    """Correct each pass by its own references."""
    alone = [replace(state, passes=(one,)) for one in state.passes]
    found = [apply_recipe(one, design, next(iter(list_recipes(one, design, parts).values()))) for one in alone]
    return Applied(
        values=np.concatenate([one.values for one in found]),
        variances=np.concatenate([one.variances for one in found]),
        fit=block_diag(*(one.fit for one in found)),
        spreads=np.concatenate([one.spreads for one in found]),
        doubt=np.concatenate([one.doubt for one in found]),
    )


def validation_losses(state: State, design: Design, recipes: Mapping[str, Recipe]) -> dict[str, FloatArray]:
    """Return each recipe's squared error in hartree^2 at each Clifford reference, averaged over geometries.

    The learned channel is fitted on one half of the references and judged on the other.
    """
    counts = _cliffords(state)
    numbers = np.array(sorted(counts))
    if len(numbers) < 2:
        return {name: np.zeros(1) for name in recipes}
    table = np.array([counts[number] for number in numbers])
    halves = [np.arange(len(numbers)) % 2 == 0, np.arange(len(numbers)) % 2 == 1]
    held_out = [learn_channel(state, design, frozenset(numbers[half].tolist())) for half in halves]
    coefficients = np.array([h.coefficients[h.letters.any(1)] for h in design.curve.hamiltonians])
    exact = design.table.exact @ coefficients.T
    losses = {}
    for name, recipe in recipes.items():
        errors = np.zeros((len(numbers), len(state.problem.grid)))
        for half, learned in zip(halves, held_out, strict=True):
            response = learned.response(design.plan.bases) if recipe.channel else recipe.response
            value = Estimator(recipe.functional, response, recipe.postselect).tabulate(table[half])
            base = exact[:1] + design.plan.functional.constant
            if recipe.subtract:
                number = Estimator(_only_number(design), response, recipe.postselect)
                base = number.tabulate(_reference(state)[None])
            errors[half] = value - base - (exact[numbers] - exact[0])[half]
        losses[name] = (errors**2).mean(1)
    return losses


def suspicion_of_drift(state: State, design: Design) -> float:
    """Return the p-value of "the Hartree-Fock reference read the same in every pass" (chi-squared over outcomes)."""
    table = np.array([one.reference[0][design.plan.number_setting] for one in state.passes if one.reference])
    if len(table) < 2:
        return 1.0
    common = table[:, table.sum(0) >= 5 * len(table)]
    table = np.column_stack([common, table.sum(1) - common.sum(1)])
    table = table[:, table.sum(0) > 0]
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    statistic = ((table - expected) ** 2 / expected).sum()
    return float(chi2.sf(statistic, (len(table) - 1) * (table.shape[1] - 1)))


def _only_number(design: Design) -> Functional:
    """Return the energies restricted to the all-Z setting: at a determinant every other mean is exactly 0."""
    functional, number = design.plan.functional, design.plan.number_setting
    weights = np.zeros_like(functional.weights)
    weights[:, number] = functional.weights[:, number]
    return replace(functional, weights=weights)


def _reference(state: State, fold: int = 0) -> FloatArray:
    """Return the Hartree-Fock histograms of all passes together."""
    return np.asarray(np.sum([one.reference[fold] for one in state.passes], axis=0))


def _cliffords(state: State) -> dict[int, FloatArray]:
    """Return the histograms of all passes together by Clifford reference number."""
    seen: dict[int, FloatArray] = {}
    for one in state.passes:
        for number, counts in one.cliffords.items():
            seen[number] = seen.get(number, np.zeros_like(counts)) + counts
    return seen
