import numpy as np
import pytest

from qloop.core.bootstrap import bootstrap_interval
from qloop.core.errors import InvalidValueError


def mean_of(values):
    return lambda cases: values[cases].mean(axis=-1)


def test_a_constant_sample_has_no_width_and_a_larger_one_is_narrower():
    assert bootstrap_interval(mean_of(np.full(8, 3.0)), 8) == (3.0, 3.0)
    values = np.random.default_rng(0).standard_normal(400)
    widths = [np.ptp(bootstrap_interval(mean_of(values[:n]), n)) for n in (25, 100, 400)]
    assert widths[0] > 1.5 * widths[1] > 2.25 * widths[2]


def test_it_is_the_t_interval_for_the_mean_of_many_normal_cases():
    values = np.random.default_rng(1).standard_normal(2000)
    low, high = bootstrap_interval(mean_of(values), 2000, coverage=0.9, resamples=20_000)
    half_width = 1.645 * values.std(ddof=1) / np.sqrt(2000)
    assert (low, high) == pytest.approx((values.mean() - half_width, values.mean() + half_width), abs=0.03 * half_width)


def test_few_normal_cases_are_covered_as_stated():
    # 600 samples of 8: four standard errors of a share of 0.9 are 0.049, so the false-alarm rate is 6e-5. The plain
    # percentile interval covers 0.84 and fails.
    samples = np.random.default_rng(2).standard_normal((600, 8))
    ends = np.array([bootstrap_interval(mean_of(sample), 8, resamples=1000) for sample in samples])
    assert ((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean() == pytest.approx(0.9, abs=0.049)


def test_the_same_seed_gives_the_same_bits():
    values = np.random.default_rng(3).standard_normal(30)
    assert bootstrap_interval(mean_of(values), 30, seed=5) == bootstrap_interval(mean_of(values), 30, seed=5)
    assert bootstrap_interval(mean_of(values), 30, seed=5) != bootstrap_interval(mean_of(values), 30, seed=6)


def test_one_case_is_no_sample():
    with pytest.raises(InvalidValueError, match="at least 2 independent cases, got 1"):
        bootstrap_interval(mean_of(np.ones(1)), 1)
