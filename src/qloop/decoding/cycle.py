"""Logical error per cycle, from memory experiments of several lengths."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate

FIRST_ROUND = 3
"""Shorter experiments are left out of a fit: their first and last rounds differ from the bulk."""


def error_per_cycle(
    rounds: Sequence[int], errors: Sequence[int], shots: Sequence[int], *, coverage: float = 0.9
) -> Estimate:
    """Return the error per cycle e of ``1 - 2P = A (1 - 2e)^rounds``, P the share of wrong shots.

    The fit is linear in the logarithm, weighted by the binomial errors of P. Experiments where P is not below one half
    beyond doubt do not enter; of a single length, A is taken as 1.

    Args:
        rounds: of each experiment.
        errors: shots decoded wrongly.
        shots: shots in all.
        coverage: coverage of the interval.

    Raises:
        InvalidValueError: no experiment is left.

    Source: the fit of arXiv:2207.06431.
    """
    n, wrong, total = (np.asarray(values, np.float64) for values in (rounds, errors, shots))
    share = wrong / total
    # An experiment without an error counts as half a one: its weight must be finite.
    spread = 2 * np.sqrt(np.maximum(share, 0.5 / total) * (1 - share) / total)
    fidelity = 1 - 2 * share
    kept = fidelity > 2 * spread
    if (kept & (n >= FIRST_ROUND)).any():
        kept &= n >= FIRST_ROUND
    if not kept.any():
        raise InvalidValueError("an error per cycle needs an experiment with less than half of its shots wrong.")
    n, log, weight = n[kept], np.log(fidelity[kept]), (fidelity[kept] / spread[kept]) ** 2
    flags: tuple[str, ...] = ()
    if len(set(n.tolist())) > 1:
        centre = np.average(n, weights=weight)
        curvature = float((weight * (n - centre) ** 2).sum())
        slope = float((weight * (n - centre) * log).sum()) / curvature
    else:
        flags = ("one number of rounds: A = 1 assumed",)
        curvature = float((weight * n**2).sum())
        slope = float((weight * n * log).sum()) / curvature
    half = float(ndtri((1 + coverage) / 2)) / math.sqrt(curvature)
    value, low, high = (-math.expm1(s) / 2 for s in (slope, slope + half, slope - half))
    return Estimate(value=value, low=low, high=high, coverage=coverage, flags=flags)
