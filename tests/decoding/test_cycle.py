import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.decoding.cycle import error_per_cycle


def expected_wrong(rounds, error, amplitude, shots):
    return [(1 - amplitude * (1 - 2 * error) ** n) / 2 * shots for n in rounds]


@settings(max_examples=50, deadline=None)
@given(error=st.floats(0.001, 0.1), amplitude=st.floats(0.9, 1.0))
def test_it_finds_the_law_that_made_the_errors(error, amplitude):
    rounds = [3, 5, 7, 9, 11]
    wrong = expected_wrong(rounds, error, amplitude, 10**8)
    found = error_per_cycle(rounds, wrong, [10**8] * 5)
    assert found.value == pytest.approx(error, rel=1e-6)
    assert found.low < error < found.high
    assert not found.flags


def test_one_length_by_hand():
    # 1 - 2 * 0.18 = 0.64 = (1 - 2 * 0.1)^2.
    found = error_per_cycle([2], [180], [1000])
    assert found.value == pytest.approx(0.1)
    assert found.flags == ("one number of rounds: A = 1 assumed",)


def test_short_experiments_are_left_out():
    rounds = [3, 5, 7]
    wrong = expected_wrong(rounds, 0.03, 1.0, 10**6)
    assert error_per_cycle([1, *rounds], [400_000, *wrong], [10**6] * 4) == error_per_cycle(rounds, wrong, [10**6] * 3)


def test_the_interval_covers():
    """Of 400 intervals at 90 %, binomial chance leaves 340 to 379 out of one in 1,000 suites."""
    rounds, shots, rng = np.array([3, 7, 11, 15]), 2000, np.random.default_rng(0)
    rates = np.array(expected_wrong(rounds, 0.02, 0.98, 1.0))
    found = [error_per_cycle(rounds, rng.binomial(shots, rates), [shots] * 4) for _ in range(400)]
    assert 340 <= sum(one.low < 0.02 < one.high for one in found) <= 379


def test_nothing_left_to_fit():
    with pytest.raises(InvalidValueError, match="less than half of its shots wrong"):
        error_per_cycle([3, 5], [500, 520], [1000, 1000])
    with pytest.raises(InvalidValueError, match="less than half"):
        error_per_cycle([], [], [])
