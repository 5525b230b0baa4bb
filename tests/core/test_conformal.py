import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.core.conformal import (
    conformal_radius,
    cross_conformal,
    finite_sample_quantile,
    jackknife_plus,
    measure_coverage,
)
from qloop.core.errors import InvalidValueError


def test_the_quantile_worked_by_hand():
    assert finite_sample_quantile(range(1, 10), 0.9) == 9
    assert finite_sample_quantile(range(1, 10), 0.5) == 5
    assert finite_sample_quantile(range(1, 9), 0.9) == math.inf
    assert finite_sample_quantile(range(1, 100), 0.7) == 70


@given(st.integers(1, 200), st.integers(1, 99))
def test_a_new_case_is_covered_exactly_as_often_as_its_rank_says(count, percent):
    # A new case is equally likely to have any rank among n + 1.
    rank = finite_sample_quantile(range(1, count + 1), percent / 100)
    covered = min(rank, count + 1) / (count + 1)
    assert percent / 100 - 1e-9 <= covered < percent / 100 + 1 / (count + 1)


def test_normalised_scores_worked_by_hand():
    assert conformal_radius([0, 0, 0], [1, -2, 3], [1, 2, 1], coverage=0.75) == 3
    assert conformal_radius([0, 0, 0], [1, -2, 3], [1, 2, 1], coverage=0.5) == 1


def test_held_out_cases_are_covered_as_stated():
    # 800 repeats of 19 cases, coverage exactly 0.9: four standard errors are 0.042, so the false-alarm rate is 6e-5.
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(800):
        scale = rng.uniform(0.5, 2, 20)
        noise = scale * rng.standard_t(3, 20)
        radius = conformal_radius(noise[:-1], np.zeros(19), scale[:-1])
        inside.append(abs(noise[-1]) <= radius * scale[-1])
    assert np.mean(inside) == pytest.approx(0.9, abs=0.042)


def test_jackknife_plus_worked_by_hand():
    low, high = jackknife_plus([1, 2, 3], [[0, 10], [1, 11], [-1, 9]], coverage=0.5)
    assert low.tolist() == [-1, 9]
    assert high.tolist() == [2, 12]
    low, high = jackknife_plus([1, 2, 3], [[0], [1], [-1]], coverage=0.9)
    assert (low[0], high[0]) == (-math.inf, math.inf)


def fit_line(x, y):
    slope, offset = np.polyfit(x, y, 1)
    return lambda new: slope * new + offset


@pytest.mark.parametrize("folds", [np.arange(20), np.arange(20) % 5])
def test_small_sets_are_covered_nearly_as_stated(folds):
    # 300 repeats: between 0.84 and 0.97, far above the guaranteed 0.8; four standard errors are 0.069.
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(300):
        x = rng.uniform(-1, 1, 21)
        y = 2 * x + 0.3 * rng.standard_normal(21)
        low, high = cross_conformal(fit_line, x[:20], y[:20], x[20:], folds)
        inside.append(low[0] <= y[20] <= high[0])
    assert 0.84 <= np.mean(inside) <= 0.97


def test_one_fold_leaves_nothing_out():
    with pytest.raises(InvalidValueError, match="at least 2 folds, got 1"):
        cross_conformal(fit_line, [1, 2], [1, 2], [3], [0, 0])


def test_coverage_over_worlds_worked_by_hand():
    measured = measure_coverage([0, 0, 0, 5], -np.ones(4), np.ones(4), ["a", "a", "b", "b"])
    assert measured.value == 0.75
    assert (measured.low, measured.high) == (0.5, 1.0)


def test_cases_of_one_world_count_once():
    inside = np.random.default_rng(2).random(40) < 0.9
    low, high = np.where(inside, -1, 1), np.full(40, 2)
    alone = measure_coverage(np.zeros(40), low, high, np.arange(40))
    copied = measure_coverage(np.zeros(400), np.repeat(low, 10), np.repeat(high, 10), np.repeat(np.arange(40), 10))
    assert (copied.low, copied.high) == (alone.low, alone.high)


def test_worlds_that_all_agree_raise_a_flag():
    measured = measure_coverage(np.zeros(6), -np.ones(6), np.ones(6), np.arange(6))
    assert measured.value == 1
    assert "no width" in measured.flags[0]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: finite_sample_quantile([1, 2], 1.0), "`coverage` must lie between 0 and 1, got 1.0"),
        (lambda: conformal_radius([1, 2], [1]), r"must match, got shapes \(2,\) and \(1,\)"),
        (lambda: conformal_radius([1, 2], [1, 2], [1, 0]), "`scale` must be positive, got 0"),
        (lambda: jackknife_plus([1, 2], [[1]]), "one row per residual"),
        (lambda: measure_coverage([1], [0], [2], ["a"]), "at least 2 independent cases"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(InvalidValueError, match=match):
        call()
