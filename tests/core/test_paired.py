import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from qloop.core.errors import InvalidValueError
from qloop.core.paired import paired_difference, paired_ratio, sign_flip_p_value

POSITIVE = st.lists(st.floats(0.1, 10), min_size=2, max_size=20)


def test_ratios_worked_by_hand():
    off, on = [3.0, -4.0, 12.0], [1.0, 2.0, -2.0]
    assert paired_ratio(off, on).value == pytest.approx(13 / 3)
    off, on = [1.0, 4.0, 16.0], [1.0, 1.0, 8.0]
    assert paired_ratio(off, on, statistic="mean").value == pytest.approx(2.1)
    assert paired_ratio(off, on, statistic="median").value == pytest.approx(4.0)
    assert paired_ratio(off, on, statistic="geometric_mean").value == pytest.approx(2.0)
    assert paired_difference(off, on).value == pytest.approx(11 / 3)
    assert paired_difference(off, on, statistic="median", unit="Ha").value == 3.0


@given(POSITIVE, st.floats(0.1, 10))
def test_a_common_factor_leaves_no_width(values, factor):
    ratio = paired_ratio(np.multiply(values, factor), values)
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((factor, factor, factor))


@given(POSITIVE)
def test_pairing_removes_what_both_share(shared):
    difference = paired_difference(np.add(shared, 0.5), shared)
    assert difference.low == pytest.approx(0.5)
    assert difference.high == pytest.approx(0.5)


def test_sixteen_pairs_cover_the_true_ratio_as_stated():
    # 400 samples: four standard errors of a share of 0.9 are 0.06, so the false-alarm rate is 6e-5.
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        world = rng.standard_normal((16, 1))
        off, on = (scale * (world + rng.standard_normal((16, 8))).ravel() for scale in (3.0, 1.0))
        errors = (np.sqrt((x.reshape(16, 8) ** 2).mean(axis=1)) for x in (off, on))
        ratio = paired_ratio(*errors)
        inside.append(ratio.low <= 3.0 <= ratio.high)
    assert np.mean(inside) == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize(
    ("first", "second", "match"),
    [
        ([1, 2], [1, 2, 3], r"one value per pair, got shapes \(2,\) and \(3,\)"),
        ([1, np.nan], [1, 2], "finite values only"),
        ([1], [1], "at least 2 independent cases, got 1"),
        ([1, 2], [0, 0], "positive denominator, got 0"),
    ],
)
def test_bad_pairs(first, second, match):
    with pytest.raises(InvalidValueError, match=match):
        paired_ratio(first, second)
    if "denominator" not in match:
        with pytest.raises(InvalidValueError, match=match):
            paired_difference(first, second)


def test_a_geometric_mean_of_a_negative_value():
    with pytest.raises(InvalidValueError, match="geometric mean needs positive values"):
        paired_ratio([1, -2], [1, 2], statistic="geometric_mean")


def test_p_values_worked_by_hand():
    assert sign_flip_p_value([1, 2, 3]) == 1 / 8
    assert sign_flip_p_value([1, 2, -3]) == 5 / 8
    assert sign_flip_p_value([0.0, 0.0]) == 1.0


def test_equal_differences_give_the_sign_test():
    signs = np.repeat([1.0, -1.0], [15, 5])
    exact = binomtest(15, 20, alternative="greater").pvalue
    # Four standard errors over 20,000 sign patterns.
    assert sign_flip_p_value(signs) == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))


@pytest.mark.parametrize("pairs", [8, 16])
def test_the_default_is_left_wrongly_no_more_often_than_stated(pairs):
    # 1,000 null samples at level 0.05: the share exceeds 0.05 by four standard errors with probability 3e-5.
    nulls = np.random.default_rng(1).standard_normal((1000, pairs))
    wrong = np.mean([sign_flip_p_value(null, resamples=500) <= 0.05 for null in nulls])
    assert wrong <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 1000)
    assert wrong >= 0.05 - 4 * np.sqrt(0.05 * 0.95 / 1000)


def test_no_pairs():
    with pytest.raises(InvalidValueError, match="one per pair"):
        sign_flip_p_value([])
