"""Pauli sums on one state, by X mask: all strings of a group share one diagonal (`readout.Strings`)."""

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.diagonal import BLOCK_ROWS, add_coefficients, sum_strings
from qloop.circuits.simulate.memory import aligned
from qloop.circuits.simulate.permute import LANE_BITS, LANES, permute
from qloop.circuits.simulate.readout import Strings
from qloop.circuits.simulate.simd import full_register as full
from qloop.circuits.simulate.simd import load_register as load
from qloop.circuits.simulate.simd import store, total

FloatArray = NDArray[np.float64]

TABLE_BYTES = 2**25
"""Diagonals of a sum are kept between calls up to this size (32 MiB); larger ones are made as fast as read."""


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
        for first in range(0, rows, size):
            _diagonal(strings, strings.coefficient, g, first, table[g, first : first + size])


@compiled
def _diagonal(strings, coefficients, group, first, block):  # type: ignore[no-untyped-def]
    """Write what a group multiplies amplitudes by on their way to the registers of a block, by the lane they left."""
    own = slice(strings.start[group], strings.start[group + 1])
    sum_strings(strings.z[own], coefficients[own], first ^ (strings.x[group] & -LANES), block)


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
    diagonal, moved = np.empty(size), np.empty(2 * size)
    value = full(ket, 0.0)
    for first in range(0, rows, size):
        bra[first : first + size] = 0
        bra[rows + first : rows + first + size] = 0
        begin, end = first // LANES, (first + size) // LANES
        for lanes in range(LANES):
            moved[:] = 0
            # Groups that move lanes alike are summed before they do.
            for g in range(len(strings.x)):
                if strings.x[g] & (LANES - 1) == lanes:
                    if len(table):
                        diagonal = table[g, first : first + size]
                    else:
                        _diagonal(strings, coefficients, g, first, diagonal)
                    _add_group(strings.x[g] >> LANE_BITS, strings.odd[g], diagonal, begin, ket, moved)
            for k in range(end - begin):
                r = begin + k
                store(bra, r, load(bra, r) + permute(load(moved, k), lanes))
                store(bra, half + r, load(bra, half + r) + permute(load(moved, end - begin + k), lanes))
        for r in range(begin, end):
            value = value + (load(ket, r) * load(bra, r) + load(ket, half + r) * load(bra, half + r))
    return total(value)


@compiled
def _add_group(x, odd, diagonal, begin, ket, moved):  # type: ignore[no-untyped-def]
    """Add what a group brings to the registers of a block, its lanes still in place."""
    half, count = len(ket) // (2 * LANES), len(diagonal) // LANES
    for k in range(count):
        r, d = (begin + k) ^ x, load(diagonal, k)
        u, v = d * load(ket, r), d * load(ket, half + r)
        if odd:
            store(moved, k, load(moved, k) - v)
            store(moved, count + k, load(moved, count + k) + u)
        else:
            store(moved, k, load(moved, k) + u)
            store(moved, count + k, load(moved, count + k) + v)


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
