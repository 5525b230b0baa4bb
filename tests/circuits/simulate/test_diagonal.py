"""Blocked transforms of Z strings and the sines they need, against plain numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.circuits.simulate.diagonal import add_coefficients, cosines_and_sines, sum_strings, transform


def signs(z, rows):
    return 1.0 - 2.0 * (np.bitwise_count(z[:, None] & rows) & 1)


def test_by_hand():
    block = np.array([1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0])
    transform(block)
    np.testing.assert_array_equal(block, [10, -2, -4, 0, 10, -2, -4, 0])


@pytest.mark.parametrize("count", [0, 3, 40])
def test_strings_are_summed_and_found_again(count):
    rng = np.random.default_rng(count)
    z, coefficients, first = rng.integers(0, 2**10, count), rng.normal(size=count), 5 << 6
    rows, block = first ^ np.arange(64), np.empty(64)
    sum_strings(z, coefficients, first, block)
    np.testing.assert_allclose(block, coefficients @ signs(z, rows), atol=1e-13)
    values, result = rng.normal(size=64), np.ones(count)
    expected = 1 + signs(z, rows) @ values
    add_coefficients(z, first, values, result)
    np.testing.assert_allclose(result, expected, atol=1e-13)


@settings(deadline=None)
@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=20))
def test_cosines_and_sines_equal_numpy(angles):
    angles = np.array([*angles, 0.0, np.pi / 4, -np.pi / 4, np.pi / 2, np.pi, 1.5 * np.pi])
    cosines, sines = np.empty((2, len(angles)))
    cosines_and_sines(angles, cosines, sines)
    np.testing.assert_allclose(cosines, np.cos(angles), atol=4e-16)
    np.testing.assert_allclose(sines, np.sin(angles), atol=4e-16)
