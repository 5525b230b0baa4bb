import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.circuits.splitting import outcome_signs, split_coefficients, visible_strings

# IZ is seen by both settings, ZZ by the first and XZ by the second alone.
LETTERS = np.array([[3, 0], [3, 3], [3, 1]], np.uint8)
BASES = np.array([[3, 3], [3, 1]], np.uint8)


def one_shot_deviation(weights, probabilities):
    mean = (probabilities * weights).sum(1)
    return np.sqrt((probabilities * weights**2).sum(1) - mean**2).sum()


def test_signs_and_visibility_by_hand():
    assert outcome_signs(LETTERS).tolist() == [[1, -1, 1, -1], [1, -1, -1, 1], [1, -1, -1, 1]]
    assert visible_strings(LETTERS, BASES).tolist() == [[True, True, False], [True, False, True]]


def test_equal_settings_share_a_string_equally_or_not_at_all():
    even = np.full((2, 4), 0.25)
    weights = split_coefficients(LETTERS, visible_strings(LETTERS, BASES), np.array([2.0, 1.0, 1.0]), even)
    # Uncorrelated strings of unit variance: sqrt(a^2 + 1) + sqrt((2 - a)^2 + 1) is least at a = 1.
    assert weights[0] == pytest.approx([2, -2, 0, 0], abs=1e-4)
    assert one_shot_deviation(weights, even) == pytest.approx(2 * np.sqrt(2), rel=1e-4)


@given(st.integers(0, 2**32 - 1))
def test_a_split_is_unbiased_and_no_worse_than_one_setting_each(seed):
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=3)
    state = rng.normal(size=4) + 1j * rng.normal(size=4)
    state /= np.linalg.norm(state)
    hadamard = np.kron(np.array([[1, 1], [1, -1]]) / np.sqrt(2), np.eye(2))
    exact = np.array([np.abs(state) ** 2, np.abs(hadamard @ state) ** 2])
    noisy = 0.9 * exact + 0.1 / 4
    visible = visible_strings(LETTERS, BASES)
    weights = split_coefficients(LETTERS, visible, coefficients, noisy)
    signs = outcome_signs(LETTERS)
    means = np.array([signs[0] @ exact[0], signs[1] @ exact[0], signs[2] @ exact[1]])
    assert (exact * weights).sum() == pytest.approx(coefficients @ means, abs=1e-9)
    alone = np.array([coefficients[:2] @ signs[:2], coefficients[2] * signs[2]])
    assert one_shot_deviation(weights, noisy) <= one_shot_deviation(alone, noisy) * 1.001
