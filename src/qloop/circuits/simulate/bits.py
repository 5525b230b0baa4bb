"""Bits of a row: kernels that count and place them, and the powers of i that Pauli strings take from them."""

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from qloop.circuits.simulate.compiled import compiled

POWERS_OF_I = np.array([1, 1j, -1, -1j])


@intrinsic
def count_bits(_typing_context, _mask):  # type: ignore[no-untyped-def]
    """Return the number of ones of an int64: one machine instruction, where Python would take a loop."""

    def generate(_context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


@compiled
def sign_of(mask):  # type: ignore[no-untyped-def]
    """Return -1 for an odd number of ones, otherwise 1."""
    return 1 - 2 * (count_bits(mask) & 1)


@compiled
def insert_zero(number, place):  # type: ignore[no-untyped-def]
    """Return the number with a zero bit inserted at a place."""
    low = (1 << place) - 1
    return ((number & ~low) << 1) | (number & low)
