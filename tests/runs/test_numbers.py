import math
import re

from hypothesis import given
from hypothesis import strategies as st

from qloop.runs.numbers import MINUS, TIMES, format_interval, format_number, format_tick, format_ticks

DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(text):
    """Read a formatted number back."""
    text = text.replace(MINUS, "-").replace(",", "")
    if found := re.fullmatch(rf"(-?)(?:(.*){TIMES})?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text):
        return float(f"{found[1]}{found[2] or 1}e{found[3].translate(DIGITS)}")
    return float(text)


def test_numbers_by_hand():
    assert [format_number(x) for x in (0, -0.0, 7, -123456, 1234567, 0.0123456, 2.5e-7, 1e12)] == [
        "0",
        "0",
        "7",
        f"{MINUS}123,456",
        f"1.23{TIMES}10⁶",
        "0.0123",
        f"2.5{TIMES}10⁻⁷",
        "10¹²",
    ]
    assert [format_number(x) for x in (math.nan, math.inf, -math.inf)] == ["\N{EN DASH}", "∞", f"{MINUS}∞"]


@given(st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-30), st.integers(2, 8))
def test_a_number_read_back_differs_by_half_a_digit_at_most(value, digits):
    assert math.isclose(read(format_number(value, digits)), value, rel_tol=0.51 * 10 ** (1 - digits))


def test_ticks_are_short_and_equally_long():
    assert format_tick(0.1 + 0.2) == "0.3"
    assert format_ticks([-7.875, -7.85, -7.8]) == [f"{MINUS}7.875", f"{MINUS}7.850", f"{MINUS}7.800"]
    assert format_ticks([0.0, 1e-7, 2e-7]) == ["0", "10⁻⁷", f"2{TIMES}10⁻⁷"]
    assert format_ticks([]) == []


def test_intervals_by_hand():
    assert format_interval(3.7, 2.9, 4.6) == ("3.7", "[2.9, 4.6]")
    assert format_interval(0.001, 0.0001, 0.01) == ("0.0010", "[0.00010, 0.010]")
    assert format_interval(21, 21, 21) == ("21", "")
    assert format_interval(1, -math.inf, math.nan) == ("1", f"[{MINUS}∞, \N{EN DASH}]")


@given(st.floats(-1e8, 1e8), st.floats(1e-6, 1e6), st.floats(0, 1))
def test_an_interval_is_resolved(low, width, share):
    high = low + width
    value, interval = format_interval(low + share * width, low, high)
    shown_low, shown_high = (read(text) for text in interval.strip("[]").split(", "))
    if not 0 < 10 * low < high and abs(high) > 1e-4:
        assert abs(read(value) - (low + share * width)) <= width / 8
        assert max(abs(shown_low - low), abs(shown_high - high)) <= width / 8
