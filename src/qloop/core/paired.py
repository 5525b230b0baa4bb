"""Paired comparisons: two ways of doing a thing, judged on the same seeds, worlds and shots."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.core.bootstrap import bootstrap_interval
from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate
from qloop.core.rng import make_rng

FloatArray = NDArray[np.float64]
Statistic = Literal["mean", "median", "geometric_mean", "root_mean_square"]
_STATISTICS: dict[Statistic, Callable[[FloatArray], Any]] = {
    "mean": lambda values: values.mean(axis=-1),
    "median": lambda values: np.median(values, axis=-1),
    "geometric_mean": lambda values: np.exp(np.log(values).mean(axis=-1)),
    "root_mean_square": lambda values: np.sqrt(np.square(values).mean(axis=-1)),
}
_EXACT_PAIRS = 14
"""Up to this many pairs all sign patterns are counted."""


def paired_ratio(
    numerator: ArrayLike,
    denominator: ArrayLike,
    *,
    statistic: Statistic = "root_mean_square",
    coverage: float = 0.9,
    seed: int = 0,
) -> Estimate:
    """Return the ratio of a statistic of two paired samples, with its paired bootstrap interval.

    Args:
        numerator: one value per pair, positive for the geometric mean.
        denominator: the other value of each pair.
        statistic: what is taken of either sample before dividing.
        coverage: coverage of the interval.
        seed: seed of the resampling.

    Raises:
        InvalidValueError: the samples are not paired, hold fewer than two pairs, or the ratio is not defined.
    """
    above, below = _paired(numerator, denominator)
    if statistic == "geometric_mean" and min(above.min(), below.min()) <= 0:
        raise InvalidValueError("a geometric mean needs positive values.")
    reduce = _STATISTICS[statistic]
    if not reduce(below) > 0:
        raise InvalidValueError(f"a ratio needs a positive denominator, got {reduce(below):.4g}.")

    def ratio(cases: NDArray[np.intp]) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(reduce(above[cases]) / reduce(below[cases]))

    low, high = bootstrap_interval(ratio, len(above), coverage=coverage, seed=seed)
    return Estimate(value=float(reduce(above) / reduce(below)), low=low, high=high, coverage=coverage)


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    statistic: Literal["mean", "median"] = "mean",
    unit: str = "",
    coverage: float = 0.9,
    seed: int = 0,
) -> Estimate:
    """Return the mean or median of the differences first - second, with its bootstrap interval over pairs.

    Args:
        first: one value per pair.
        second: the other value of each pair.
        statistic: what is taken of the differences.
        unit: unit of the values.
        coverage: coverage of the interval.
        seed: seed of the resampling.

    Raises:
        InvalidValueError: the samples are not paired or hold fewer than two pairs.
    """
    difference = np.subtract(*_paired(first, second))
    reduce = _STATISTICS[statistic]
    low, high = bootstrap_interval(
        lambda cases: np.asarray(reduce(difference[cases])), len(difference), coverage=coverage, seed=seed
    )
    return Estimate(value=float(reduce(difference)), low=low, high=high, unit=unit, coverage=coverage)


def sign_flip_p_value(differences: ArrayLike, *, seed: int = 0, resamples: int = 20_000) -> float:
    """Return the one-sided p-value of "the mean difference is positive".

    Under the null hypothesis a difference is as likely as its negative. A default that is left only when this is at
    most `level` is left wrongly in at most that share of cases.

    Args:
        differences: one per pair, for example error of the default minus error of the candidate.
        seed: seed of the random sign patterns, which are used beyond 14 pairs; below that all patterns are counted.
        resamples: number of random patterns.

    Returns:
        The share of sign patterns whose mean is at least the observed one, the observed one included, so never 0.

    Source: Fisher's randomisation test; the added 1 is Phipson and Smyth, arXiv:1603.05766.
    """
    values = np.asarray(differences, np.float64)
    if values.ndim != 1 or not len(values):
        raise InvalidValueError(f"differences must be one per pair, got shape {values.shape}.")
    pairs = len(values)
    if pairs <= _EXACT_PAIRS:
        signs = 1 - 2 * (np.arange(2**pairs)[:, None] >> np.arange(pairs) & 1)
    else:
        signs = 1 - 2 * make_rng(seed, "sign flips").integers(2, size=(resamples, pairs), dtype=np.int8)
    # Equal sums in another order of addition must count as equal.
    reached = np.count_nonzero(signs @ values >= values.sum() - 1e-12 * np.abs(values).sum())
    return float(reached / len(signs) if pairs <= _EXACT_PAIRS else (1 + reached) / (1 + len(signs)))


def _paired(first: ArrayLike, second: ArrayLike) -> tuple[FloatArray, FloatArray]:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise InvalidValueError(f"paired samples hold one value per pair, got shapes {a.shape} and {b.shape}.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InvalidValueError("paired samples hold finite values only.")
    return a, b
