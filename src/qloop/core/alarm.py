"""Alarms: when a stream of numbers has changed, at a false-alarm rate that was chosen, and what a person should see."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.core.errors import InvalidValueError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Watch:
    """What a change detector saw.

    Args:
        statistic: its path, one value per observation; it alarms above `threshold`.
        threshold: the border.
        alarm: index of the first observation above it, `None` when there is none.
        change: index of the first observation that the change explains best, `None` without an alarm.
        upward: whether the level rose, `None` without an alarm.
    """

    statistic: FloatArray
    threshold: float
    alarm: int | None
    change: int | None
    upward: bool | None


def cusum_threshold(average_run_length: float, drift: float = 0.5) -> float:
    """Return the threshold at which a two-sided CUSUM raises one false alarm per so many observations on average.

    Args:
        average_run_length: mean number of standard normal observations between false alarms, at least 10.
        drift: allowance in standard deviations, positive; half the shift that should be found soonest.

    Source: Siegmund, "Sequential Analysis" (1985), two sides as in Montgomery's "Introduction to Statistical
    Quality Control", chapter 9: within some percent of the exact run length.
    """
    if average_run_length < 10:
        raise InvalidValueError(f"`average_run_length` must be at least 10, got {average_run_length}.")
    if drift <= 0:
        raise InvalidValueError(f"`drift` must be positive, got {drift}.")

    def run_length(threshold: float) -> float:
        border = 2 * drift * (threshold + 1.166)
        return (math.expm1(border) - border) / (2 * drift**2) / 2

    low, high = 0.0, 1.0
    while run_length(high) < average_run_length:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(middle) < average_run_length else (low, middle)
    return high


def watch_cusum(scores: ArrayLike, *, average_run_length: float = 500.0, drift: float = 0.5) -> Watch:
    """Watch standard scores for a lasting shift of their level, up or down.

    Args:
        scores: observations minus their known mean, over their known standard deviation, in time order.
        average_run_length: observations between false alarms, on average.
        drift: half the shift that should be found soonest, in standard deviations.

    Source: Page, Biometrika 41:100 (1954).
    """
    values = np.asarray(scores, np.float64)
    threshold = cusum_threshold(average_run_length, drift)
    paths = np.stack([_reflect(values - drift), _reflect(-values - drift)])
    above = np.flatnonzero((paths > threshold).any(axis=0))
    if not len(above):
        return Watch(paths.max(axis=0, initial=0.0), threshold, None, None, None)
    alarm = int(above[0])
    side = int(paths[:, alarm].argmax())
    zeros = np.flatnonzero(paths[side, :alarm] == 0)
    return Watch(paths.max(axis=0), threshold, alarm, int(zeros[-1]) + 1 if len(zeros) else 0, side == 0)


def watch_page_hinkley(values: ArrayLike, *, average_run_length: float = 500.0, drift: float = 0.5) -> Watch:
    """Watch a stream whose level and spread are not known beforehand.

    The deviations from the running mean that Page-Hinkley sums up are put into exact standard scores first, so that
    the false-alarm rate is the CUSUM's whatever the level and spread of normal observations are.

    Args:
        values: observations in time order; the first two only set the scale.
        average_run_length: observations between false alarms, on average.
        drift: half the shift that should be found soonest, in standard deviations.

    Source: Hinkley, Biometrika 58:509 (1971); the scores are Hawkins' self-starting ones, The Statistician 36:299
    (1987).
    """
    return watch_cusum(self_starting_scores(values), average_run_length=average_run_length, drift=drift)


def self_starting_scores(values: ArrayLike) -> FloatArray:
    """Return each observation's standard score against all earlier ones.

    For independent normal observations of one level and spread they are independent standard normal; the first two
    are 0.

    Args:
        values: observations in time order.

    Source: Hawkins, The Statistician 36:299 (1987).
    """
    from scipy.special import ndtri, stdtr

    observed = np.asarray(values, np.float64)
    scores = np.zeros(len(observed))
    if len(observed) < 3:
        return scores
    # The level of the beginning is taken off, so that the running sums of squares do not cancel.
    centred = observed - observed[:2].mean()
    before = np.arange(2, len(observed))
    mean = np.cumsum(centred)[1:-1] / before
    variance = (np.cumsum(centred**2)[1:-1] - before * mean**2) / (before - 1)
    deviation = centred[2:] - mean
    spread = np.sqrt(np.maximum(variance, 0) * (before + 1) / before)
    ratio = np.divide(np.abs(deviation), spread, out=np.where(deviation == 0, 0.0, np.inf), where=spread > 0)
    # The smaller tail keeps its digits; a score beyond 8 would not add to what it says.
    tail = ndtri(stdtr(before - 1, -ratio))
    scores[2:] = np.sign(deviation) * np.minimum(-tail, 8.0)
    return scores


def select_for_review(doubt: ArrayLike, share: float) -> NDArray[np.intp]:
    """Return the cases that a person should look at, the most doubtful first.

    Args:
        doubt: how doubtful each case is, higher for more.
        share: share of cases to keep, rounded up; ties are kept in order.

    Raises:
        InvalidValueError: the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise InvalidValueError(f"`share` must lie between 0 and 1, got {share}.")
    doubts = np.asarray(doubt, np.float64)
    return np.argsort(-doubts, kind="stable")[: math.ceil(share * len(doubts) - 1e-9)]


def _reflect(steps: FloatArray) -> FloatArray:
    """Return the walk with these steps that never goes below zero."""
    walk = np.cumsum(steps)
    return walk - np.minimum(np.minimum.accumulate(walk), 0.0)
