"""Pauli sums on one state, by X mask: all strings of a group share one diagonal (`readout.Strings`)."""

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.diagonal import BLOCK_ROWS, add_coefficients, sum_strings
from qloop.circuits.simulate.memory import aligned
from qloop.circuits.simulate.permute import LANE_BITS, LANES, permute
from qloop.circuits.simulate.readout import Strings
from qloop.circuits.simulate.simd import full, load, store, total

FloatArray = NDArray[np.float64]

TABLE_BYTES = 2**28
"""Diagonals of a sum are kept between calls up to this size (256 MiB)."""


def tabulate(strings: Strings, num_rows: int) -> FloatArray:
    """Return the diagonal of every group, shape [groups, rows]; an empty table where it would be too large."""
    if 8 * len(strings.x) * num_rows > TABLE_BYTES:
        return aligned((0, num_rows), np.float64)
    table = aligned((len(strings.x), num_rows), np.float64)
    _fill(strings, table)
    return table


@compiled
def _fill(strings, table):  # type: ignore[no-untyped-def]
    rows = table.shape[1]
    size = min(BLOCK_ROWS, rows)
    for g in range(len(table)):
        own = slice(strings.start[g], strings.start[g + 1])
        for first in range(0, rows, size):
            sum_strings(strings.z[own], strings.coefficient[own], first, table[g, first : first + size])


@compiled
def apply_sum(strings, coefficients, table, ket, bra):  # type: ignore[no-untyped-def]
    """Write a sum applied to the ket into `bra`, and return its expectation value.

    Args:
        strings: of the sum.
        coefficients: of the strings.
        table: of `tabulate`; where empty, diagonals are made on the way.
        ket: real parts, then imaginary parts, shape [2 rows].
        bra: of the same shape.
    """
    rows = len(ket) // 2
    size, half = min(BLOCK_ROWS, rows), rows // LANES
    diagonal = np.empty(size)
    value = full(ket, 0.0)
    for first in range(0, rows, size):
        bra[first : first + size] = 0
        bra[rows + first : rows + first + size] = 0
        begin = first // LANES
        for g in range(len(strings.x)):
            if len(table):
                diagonal = table[g, first : first + size]
            else:
                own = slice(strings.start[g], strings.start[g + 1])
                sum_strings(strings.z[own], coefficients[own], first, diagonal)
            _add_group(strings.x[g], strings.odd[g], diagonal, begin, ket, bra)
        for r in range(begin, begin + size // LANES):
            value = value + (load(ket, r) * load(bra, r) + load(ket, half + r) * load(bra, half + r))
    return total(value)


@compiled
def _add_group(x, odd, diagonal, begin, ket, bra):  # type: ignore[no-untyped-def]
    """Add what a group takes to the rows of a block, whose diagonal this is."""
    half = len(ket) // (2 * LANES)
    for k in range(len(diagonal) // LANES):
        r, d = begin + k, load(diagonal, k)
        source = r ^ (x >> LANE_BITS)
        u, v = d * permute(load(ket, source), x), d * permute(load(ket, half + source), x)
        if odd:
            # A factor i, and the sign of row r where the diagonal is meant for row r ^ x.
            store(bra, r, load(bra, r) + v)
            store(bra, half + r, load(bra, half + r) - u)
        else:
            store(bra, r, load(bra, r) + u)
            store(bra, half + r, load(bra, half + r) + v)


@compiled
def read_sums(strings, ket, values):  # type: ignore[no-untyped-def]
    """Add the expectation value of every observable to its entry of `values`."""
    rows = len(ket) // 2
    size, half = min(BLOCK_ROWS, rows), rows // LANES
    block, by_string = np.empty(size), np.zeros(len(strings.z))
    for g in range(len(strings.x)):
        x, own = strings.x[g], slice(strings.start[g], strings.start[g + 1])
        for first in range(0, rows, size):
            for k in range(size // LANES):
                r = first // LANES + k
                source = r ^ (x >> LANE_BITS)
                u, v = permute(load(ket, source), x), permute(load(ket, half + source), x)
                if strings.odd[g]:
                    store(block, k, load(ket, r) * v - load(ket, half + r) * u)
                else:
                    store(block, k, load(ket, r) * u + load(ket, half + r) * v)
            add_coefficients(strings.z[own], first, block, by_string[own])
    for t in range(len(by_string)):
        values[strings.output[t]] += strings.coefficient[t] * by_string[t]
