import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(NUMBERS, NUMBERS, NUMBERS, st.floats(0.01, 0.99), st.lists(st.text()))
def test_json_round_trip(value, a, b, coverage, flags):
    estimate = Estimate(value=value, low=min(a, b), high=max(a, b), unit="Ha", coverage=coverage, flags=tuple(flags))
    assert Estimate.from_json(estimate.to_json()) == estimate


def test_prints_as_a_person_reads_it():
    assert str(Estimate(value=1.23456, low=1.0, high=1.5, unit="mHa")) == "1.235 [1, 1.5] mHa"
    assert str(Estimate(value=2, low=1, high=3, flags=("few", "old"))) == "2 [1, 3] (few; old)"


def test_a_value_may_lie_outside_its_interval_but_the_interval_may_not_be_reversed():
    assert Estimate(value=5, low=0, high=math.inf).high == math.inf
    with pytest.raises(InvalidValueError, match="`low` must not exceed `high`, got 2 and 1"):
        Estimate(value=1.5, low=2, high=1)
    with pytest.raises(InvalidValueError, match="`coverage` must lie between 0 and 1, got 90"):
        Estimate(value=1, low=0, high=2, coverage=90)
