import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from qloop.core.alarm import (
    cusum_threshold,
    select_for_review,
    self_starting_scores,
    watch_cusum,
    watch_page_hinkley,
)
from qloop.core.errors import InvalidValueError

SCORES = st.lists(st.floats(-5, 5), min_size=1, max_size=60)


def slow_cusum(scores, drift):
    high = low = 0.0
    path = []
    for score in scores:
        high, low = max(0.0, high + score - drift), max(0.0, low - score - drift)
        path.append(max(high, low))
    return path


@given(SCORES, st.floats(0.1, 2))
def test_the_path_is_the_recursion(scores, drift):
    assert watch_cusum(scores, drift=drift).statistic == pytest.approx(slow_cusum(scores, drift), abs=1e-9)


def test_thresholds_of_the_textbook():
    # Two-sided run length 465 at k = 1/2, h = 5 (Montgomery, table 9.3); Siegmund's formula is within 2 %.
    assert cusum_threshold(465, 0.5) == pytest.approx(5.0, abs=0.02)
    assert cusum_threshold(168, 0.5) == pytest.approx(4.0, abs=0.02)


@pytest.mark.parametrize("watch", [watch_cusum, watch_page_hinkley])
def test_false_alarms_come_as_rarely_as_stated(watch):
    # 400 streams of up to 1,000 for a run length of 100: the mean's standard error is 5, its bounds are four of them
    # and the formula's 5 %, so the false-alarm rate is below 1e-4.
    rng = np.random.default_rng(0)
    alarms = [watch(7 + 3 * s if watch is watch_page_hinkley else s, average_run_length=100).alarm
              for s in rng.standard_normal((400, 1000))]  # fmt: skip
    assert None not in alarms
    assert np.mean(alarms) + 1 == pytest.approx(100, abs=25)


@pytest.mark.parametrize("watch", [watch_cusum, watch_page_hinkley])
@pytest.mark.parametrize("shift", [1.5, -1.5])
def test_a_shift_is_found_soon_and_dated(watch, shift):
    scores = np.random.default_rng(1).standard_normal(400)
    scores[250:] += shift
    seen = watch(scores, average_run_length=5000)
    assert 250 <= seen.alarm <= 270
    assert abs(seen.change - 250) <= 5
    assert seen.upward == (shift > 0)
    assert seen.statistic[seen.alarm] > seen.threshold >= seen.statistic[: seen.alarm].max()


def test_self_starting_scores_are_standard_normal_whatever_level_and_spread():
    values = 1e6 + 1e-3 * np.random.default_rng(2).standard_normal(5000)
    scores = self_starting_scores(values)[2:]
    assert kstest(scores, "norm").pvalue > 1e-4
    assert abs(np.corrcoef(scores[:-1], scores[1:])[0, 1]) < 4 / np.sqrt(5000)


def test_self_starting_scores_worked_by_hand():
    # Mean 0 and variance 2 of (-1, 1): 3 is 3 / sqrt(2 * 3/2) = sqrt(3) with one degree of freedom, whose
    # distribution function is 1/2 + arctan(sqrt(3)) / pi = 5/6.
    assert self_starting_scores([-1.0, 1.0, 3.0]) == pytest.approx([0, 0, 0.967421566])
    assert self_starting_scores([5.0, 5.0, 5.0, 6.0]).tolist() == [0, 0, 0, 8]
    assert self_starting_scores([1.0]).tolist() == [0]


def test_review_takes_the_most_doubtful_first_and_keeps_ties_in_order():
    assert select_for_review([0.1, 0.9, 0.5, 0.9], 0.5).tolist() == [1, 3]
    assert select_for_review([0.1, 0.9, 0.5], 0.5).tolist() == [1, 2]
    assert select_for_review([0.1, 0.9], 0).tolist() == []


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: cusum_threshold(5), "`average_run_length` must be at least 10, got 5"),
        (lambda: watch_cusum([1.0], drift=0), "`drift` must be positive, got 0"),
        (lambda: select_for_review([1], 2), "`share` must lie between 0 and 1, got 2"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(InvalidValueError, match=match):
        call()
