"""The bootstrap that every interval over repeats, worlds or groups rests on."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


def bootstrap_interval(
    statistic: Callable[[IntArray], FloatArray],
    cases: int,
    *,
    coverage: float = 0.9,
    seed: int = 0,
    resamples: int = 4000,
) -> tuple[float, float]:
    """Return the expanded percentile interval of a statistic over resampled cases.

    The plain percentile interval is too narrow for few cases, by the factor by which a normal interval with the
    spread's maximum-likelihood estimate is; its two levels are moved outwards by just that much.

    Args:
        statistic: takes case indices, shape [resamples, cases], and returns one value per row.
        cases: number of independent cases, at least 2.
        coverage: share of cases that the interval is meant to cover.
        seed: seed of the resampling.
        resamples: number of resamples.

    Returns:
        Lower and upper end.

    Raises:
        InvalidValueError: fewer than two cases.

    Source: Hesterberg, "What teachers should know about the bootstrap", arXiv:1411.5279.
    """
    if cases < 2:
        raise InvalidValueError(f"a bootstrap needs at least 2 independent cases, got {cases}.")
    from scipy.special import ndtr, stdtrit

    drawn = make_rng(seed, "bootstrap").integers(cases, size=(resamples, cases))
    level = ndtr(np.sqrt(cases / (cases - 1)) * stdtrit(cases - 1, (1 - coverage) / 2))
    low, high = np.quantile(statistic(drawn), [level, 1 - level])
    return float(low), float(high)
