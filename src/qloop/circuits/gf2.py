"""Linear algebra over bits: matrices and vectors are uint8 arrays of zeros and ones."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.core.errors import InvalidValueError

Bits = NDArray[np.uint8]


def row_reduce(matrix: ArrayLike) -> tuple[Bits, list[int]]:
    """Return the reduced row echelon form.

    Args:
        matrix: bits, shape [rows, columns].

    Returns:
        The reduced matrix, and the pivot column of each of its non-zero rows, ascending.
    """
    reduced: Bits = np.array(matrix, np.uint8)
    pivots: list[int] = []
    for column in range(reduced.shape[1]):
        row = len(pivots)
        below = np.flatnonzero(reduced[row:, column])
        if len(below):
            reduced[[row, row + below[0]]] = reduced[[row + below[0], row]]
            others = reduced[:, column].astype(bool)
            others[row] = False
            reduced[others] ^= reduced[row]
            pivots.append(column)
    return reduced, pivots


def rank(matrix: ArrayLike) -> int:
    """Return the number of independent rows."""
    return len(row_reduce(matrix)[1])


def inverse(matrix: ArrayLike) -> Bits:
    """Return the inverse of a square matrix.

    Raises:
        InvalidValueError: the matrix is not square or not invertible.
    """
    bits = np.asarray(matrix, np.uint8)
    if bits.ndim != 2 or bits.shape[0] != bits.shape[1]:
        raise InvalidValueError(f"`matrix` must be square, got shape {bits.shape}.")
    size = len(bits)
    reduced, pivots = row_reduce(np.hstack([bits, np.eye(size, dtype=np.uint8)]))
    if pivots != list(range(size)):
        raise InvalidValueError(f"`matrix` must be invertible over bits, its rank is {rank(bits)} of {size}.")
    return reduced[:, size:]


def solve(matrix: ArrayLike, right: ArrayLike) -> Bits:
    """Return one solution of ``matrix @ x = right`` over bits, its free entries zero.

    Args:
        matrix: bits, shape [rows, columns].
        right: bits, shape [rows].

    Raises:
        InvalidValueError: there is no solution.
    """
    bits = np.asarray(matrix, np.uint8)
    columns = bits.shape[1]
    reduced, pivots = row_reduce(np.column_stack([bits, np.asarray(right, np.uint8)]))
    if columns in pivots:
        raise InvalidValueError("`right` must lie in the span of the columns of `matrix`.")
    solution = np.zeros(columns, np.uint8)
    solution[pivots] = reduced[: len(pivots), columns]
    return solution


def nullspace(matrix: ArrayLike) -> Bits:
    """Return a basis of all x with ``matrix @ x = 0`` over bits, one a row, shape [dimension, columns]."""
    reduced, pivots = row_reduce(matrix)
    columns = reduced.shape[1]
    free = [column for column in range(columns) if column not in pivots]
    basis = np.zeros((len(free), columns), np.uint8)
    for row, column in enumerate(free):
        basis[row, column] = 1
        basis[row, pivots] = reduced[: len(pivots), column]
    return basis
