"""Linear algebra over bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qloop.circuits import gf2
from qloop.core.errors import InvalidValueError

shapes = st.tuples(st.integers(1, 7), st.integers(1, 7))
bits = shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))


def test_by_hand():
    matrix = [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
    assert gf2.rank(matrix) == 2
    np.testing.assert_array_equal(gf2.row_reduce(matrix)[0], [[1, 0, 1], [0, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(gf2.inverse([[1, 1], [0, 1]]), [[1, 1], [0, 1]])
    np.testing.assert_array_equal(gf2.solve(matrix, [1, 0, 1]), [1, 0, 0])


@given(bits)
def test_rank_counts_the_span(matrix):
    picks = np.array([*np.ndindex(*(2,) * len(matrix))])
    span = np.unique(picks @ matrix % 2, axis=0)
    assert 2 ** gf2.rank(matrix) == len(span)


@given(bits, st.data())
def test_solutions_solve(matrix, data):
    chosen = data.draw(arrays(np.uint8, matrix.shape[1], elements=st.integers(0, 1)))
    right = matrix @ chosen % 2
    np.testing.assert_array_equal(matrix @ gf2.solve(matrix, right) % 2, right)


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_inverse_of_products_of_elementary_matrices(seed, size):
    rng = np.random.default_rng(seed)
    matrix = np.eye(size, dtype=np.uint8)[rng.permutation(size)]
    for _ in range(3 * size if size > 1 else 0):
        row, other = rng.permutation(size)[:2]
        matrix[row] ^= matrix[other]
    np.testing.assert_array_equal(matrix @ gf2.inverse(matrix) % 2, np.eye(size))


def test_bad_input_is_one_sentence():
    with pytest.raises(InvalidValueError, match="invertible over bits, its rank is 1 of 2"):
        gf2.inverse([[1, 1], [1, 1]])
    with pytest.raises(InvalidValueError, match=r"square, got shape \(1, 2\)"):
        gf2.inverse([[1, 1]])
    with pytest.raises(InvalidValueError, match="span of the columns"):
        gf2.solve([[1, 1], [1, 1]], [1, 0])
