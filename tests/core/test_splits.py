import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.core.splits import assign_folds, split_by_depth, split_by_group, split_by_time

GROUPS = st.lists(st.integers(0, 9), min_size=4, max_size=60).filter(lambda groups: len(set(groups)) >= 3)


def test_the_latest_are_tested_and_a_gap_is_left_out():
    split = split_by_time([3, 1, 2, 4, 4, 0], test_share=0.3)
    assert split.test.tolist() == [3, 4]
    assert split.train.tolist() == [0, 1, 2, 5]
    split = split_by_time([3, 1, 2, 4, 4, 0], test_share=0.3, gap=2)
    assert split.train.tolist() == [1, 2, 5]


@given(st.lists(st.integers(0, 20), min_size=5, max_size=50), st.sampled_from([0.0, 1.0, 2.5]))
def test_nothing_learned_from_is_later_than_the_gap_allows(times, gap):
    times = np.array(times)
    try:
        split = split_by_time(times, gap=gap)
    except InvalidValueError:
        return
    before, after = times[split.train].max(), times[split.test].min()
    assert before < after
    assert after - before >= gap
    assert len(split.test) >= round(0.25 * len(times))


@given(GROUPS, st.integers(0, 5))
def test_no_group_is_on_both_sides(groups, seed):
    groups = np.array(groups)
    split = split_by_group(groups, seed=seed)
    assert not set(groups[split.train]) & set(groups[split.test])
    assert sorted([*split.train, *split.test]) == list(range(len(groups)))


@given(GROUPS, st.integers(0, 5))
def test_folds_keep_groups_together_and_are_even(groups, seed):
    folds = assign_folds(groups, 3, seed=seed)
    per_group = {group: {fold for g, fold in zip(groups, folds, strict=True) if g == group} for group in groups}
    assert all(len(fold) == 1 for fold in per_group.values())
    counts = np.bincount([fold.pop() for fold in per_group.values()], minlength=3)
    assert np.ptp(counts) <= 1


def test_deeper_circuits_are_tested():
    split = split_by_depth([1, 9, 3, 5], deepest_train=3)
    assert split.train.tolist() == [0, 2]
    assert split.test.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: split_by_time([1, 1, 1]), "both sides, got 0 to learn from and 3"),
        (lambda: split_by_group(["a", "a"]), "both sides, got 0 to learn from"),
        (lambda: split_by_depth([1, 2], deepest_train=5), "and 0 to test on"),
        (lambda: split_by_time([1, 2], test_share=1), "`test_share` must lie between 0 and 1, got 1"),
        (lambda: assign_folds(["a", "b"], 3), "between 2 and the 2 groups, got 3"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(InvalidValueError, match=match):
        call()
