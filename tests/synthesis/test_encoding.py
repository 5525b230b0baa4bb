from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.circuits.gf2 import rank
from qloop.synthesis import search_encoding


def cost(matrix, patterns, weights):
    return weights @ ((patterns @ matrix.T % 2).sum(1) - 1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_matrix_is_invertible_and_never_worse_than_none(size, count, seed):
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 2, (count, size)).astype(np.uint8)
    weights = rng.random(count)
    matrix = search_encoding(patterns, weights, rng, steps=60)
    assert matrix.shape == (size, size)
    assert rank(matrix) == size
    assert cost(matrix, patterns, weights) <= cost(np.eye(size), patterns, weights) + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_three_qubits_against_every_invertible_matrix(seed):
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 2, (5, 3)).astype(np.uint8)
    patterns = patterns[patterns.any(1)]
    weights = rng.random(len(patterns))
    table = [np.array(bits).reshape(3, 3) for bits in product((0, 1), repeat=9)]
    best = min(cost(matrix, patterns, weights) for matrix in table if rank(matrix) == 3)
    assert cost(search_encoding(patterns, weights, rng), patterns, weights) == pytest.approx(best)


def test_independent_patterns_shrink_to_one_qubit_each():
    patterns = np.array([[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 1, 1]], np.uint8)
    matrix = search_encoding(patterns, np.ones(3), np.random.default_rng(0))
    assert (patterns @ matrix.T % 2).sum(1).tolist() == [1, 1, 1]


def test_what_is_short_already_stays_although_the_walk_is_hot():
    matrix = search_encoding(np.eye(4, dtype=np.uint8), np.ones(4), np.random.default_rng(0), steps=50, temperature=1e6)
    assert (matrix.sum(1) == 1).all()


def test_equal_seeds_give_equal_matrices_and_inputs_stay():
    patterns = np.array([[1, 1, 0], [1, 1, 1]], np.uint8)
    first, second = (search_encoding(patterns, np.ones(2), np.random.default_rng(7)) for _ in range(2))
    assert (first == second).all()
    assert patterns.tolist() == [[1, 1, 0], [1, 1, 1]]
