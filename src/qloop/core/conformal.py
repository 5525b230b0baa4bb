"""Conformal intervals: finite-sample coverage for any regression, from cases that it was not fitted on."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.core.bootstrap import bootstrap_interval
from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate

FloatArray = NDArray[np.float64]


def finite_sample_quantile(scores: ArrayLike, coverage: float) -> float:
    """Return the smallest score that covers a new exchangeable case with at least the stated probability.

    Args:
        scores: scores of held-out cases, shape [n].
        coverage: between 0 and 1.

    Returns:
        The ceil((n + 1) coverage)-th smallest score; infinity when n is too small for it to exist.

    Source: Lei et al., arXiv:1604.04173.
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    rank = _rank(len(ordered), coverage)
    return float(ordered[rank - 1]) if rank <= len(ordered) else math.inf


def conformal_radius(
    observed: ArrayLike, predicted: ArrayLike, scale: ArrayLike = 1.0, *, coverage: float = 0.9
) -> float:
    """Return the factor r for which ``prediction ± r * scale`` covers a new case (split conformal).

    Args:
        observed: values of held-out cases, shape [n].
        predicted: what a model that never saw them said.
        scale: the spread that the model expects of each (normalised scores), or 1 for intervals of one width.
        coverage: between 0 and 1.

    Raises:
        InvalidValueError: the arrays do not match or a scale is not positive.

    Source: Papadopoulos et al. 2002; normalised scores as in Lei et al., arXiv:1604.04173, section 5.2.
    """
    values, mean = np.asarray(observed, np.float64), np.asarray(predicted, np.float64)
    spread = np.broadcast_to(np.asarray(scale, np.float64), values.shape)
    if values.ndim != 1 or mean.shape != values.shape:
        raise InvalidValueError(f"`observed` and `predicted` must match, got shapes {values.shape} and {mean.shape}.")
    if not (spread > 0).all():
        raise InvalidValueError(f"`scale` must be positive, got {spread.min()}.")
    return finite_sample_quantile(np.abs(values - mean) / spread, coverage)


def jackknife_plus(
    residuals: ArrayLike, predictions: ArrayLike, *, coverage: float = 0.9
) -> tuple[FloatArray, FloatArray]:
    """Return intervals for new cases from models that each left some cases out.

    For small sets: every case is held out once and none is lost to calibration. Exchangeable cases are covered with
    probability at least ``2 * coverage - 1``, and in practice close to `coverage`.

    Args:
        residuals: absolute residual of case i under the model that left it out, shape [n].
        predictions: that model's prediction of each new case, shape [n, m].
        coverage: between 0 and 1.

    Returns:
        Lower and upper ends, shape [m] each; infinite when n is too small.

    Source: Barber et al., arXiv:1905.02928 (jackknife+; CV+ where models leave out folds).
    """
    radius, centres = np.asarray(residuals, np.float64), np.asarray(predictions, np.float64)
    if radius.ndim != 1 or centres.ndim != 2 or len(centres) != len(radius):
        raise InvalidValueError(
            f"`predictions` must have one row per residual, got {centres.shape} and {radius.shape}."
        )
    rank = _rank(len(radius), coverage)
    if rank > len(radius):
        return np.full(centres.shape[1], -math.inf), np.full(centres.shape[1], math.inf)
    low = np.sort(centres - radius[:, None], axis=0)[len(radius) - rank]
    high = np.sort(centres + radius[:, None], axis=0)[rank - 1]
    return low, high


def cross_conformal(
    fit: Callable[[FloatArray, FloatArray], Callable[[FloatArray], FloatArray]],
    inputs: ArrayLike,
    observed: ArrayLike,
    new: ArrayLike,
    folds: ArrayLike,
    *,
    coverage: float = 0.9,
) -> tuple[FloatArray, FloatArray]:
    """Return `jackknife_plus` intervals by fitting once per fold.

    Args:
        fit: takes inputs and values and returns a function that predicts.
        inputs: shape [n, ...].
        observed: shape [n].
        new: inputs of the new cases, shape [m, ...].
        folds: label of each case's fold, shape [n]: all different for the jackknife+, whole groups together
            (`splits.assign_folds`) where cases of a group resemble each other.
        coverage: between 0 and 1.

    Returns:
        Lower and upper ends, shape [m] each.

    Raises:
        InvalidValueError: fewer than two folds.
    """
    known, values, unknown = (
        np.asarray(inputs, np.float64),
        np.asarray(observed, np.float64),
        np.asarray(new, np.float64),
    )
    labels = np.asarray(folds)
    if len(np.unique(labels)) < 2:
        raise InvalidValueError("a cross-conformal interval needs at least 2 folds, got 1.")
    residuals, predictions = np.empty(len(values)), np.empty((len(values), len(unknown)))
    for label in np.unique(labels):
        out = labels == label
        predict = fit(known[~out], values[~out])
        residuals[out] = np.abs(values[out] - predict(known[out]))
        predictions[out] = predict(unknown)
    return jackknife_plus(residuals, predictions, coverage=coverage)


def measure_coverage(
    observed: ArrayLike, low: ArrayLike, high: ArrayLike, groups: ArrayLike, *, confidence: float = 0.9, seed: int = 0
) -> Estimate:
    """Return the share of cases inside their intervals, with its own interval by a bootstrap over groups.

    Args:
        observed: what came out, shape [n].
        low: lower ends.
        high: upper ends.
        groups: the world, device or series of each case: cases of a group are not independent, groups are.
        confidence: coverage of the returned interval.
        seed: seed of the resampling.

    Raises:
        InvalidValueError: fewer than two groups.
    """
    values = np.asarray(observed, np.float64)
    inside = (np.asarray(low) <= values) & (values <= np.asarray(high))
    names, owner = np.unique(np.asarray(groups), return_inverse=True)
    hits = np.bincount(owner, weights=inside)
    sizes = np.bincount(owner)
    ends = bootstrap_interval(
        lambda drawn: hits[drawn].sum(axis=-1) / sizes[drawn].sum(axis=-1), len(names), coverage=confidence, seed=seed
    )
    share = float(inside.mean())
    # Groups that all agree leave nothing to resample, which is not certainty.
    flags = ("every group has the same share: the interval has no width",) if ends[0] == ends[1] else ()
    return Estimate(value=share, low=ends[0], high=ends[1], coverage=confidence, flags=flags)


def _rank(count: int, coverage: float) -> int:
    if not 0 < coverage < 1:
        raise InvalidValueError(f"`coverage` must lie between 0 and 1, got {coverage}.")
    # A product a rounding error above a whole number must not raise the rank.
    return math.ceil((count + 1) * coverage - 1e-9)
