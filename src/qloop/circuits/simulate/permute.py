"""Rows in the lanes of a register: for the kernels that give one state the whole register."""

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from qloop.circuits.simulate.simd import register_bytes

LANES = register_bytes() // 8
LANE_BITS = LANES.bit_length() - 1
_SIGNS = 1.0 - 2.0 * (np.bitwise_count(np.arange(LANES)[:, None] & np.arange(LANES)) & 1)
LANE_SIGNS = np.concatenate([_SIGNS, -_SIGNS])
"""Row z holds (-1)^|z & lane| for every lane, and row `LANES` + z the opposite."""

_INDEX = ir.IntType(32)


@intrinsic
def permute(_typing_context, vector, _mask):  # type: ignore[no-untyped-def]
    """Return the vector whose lane l is lane ``l ^ mask`` of another."""

    def generate(_context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        result, mask = arguments
        count = result.type.count
        for k in range(count.bit_length() - 1):
            swap = ir.Constant(ir.VectorType(_INDEX, count), [lane ^ (1 << k) for lane in range(count)])
            swapped = builder.shuffle_vector(result, result, swap)
            wanted = builder.trunc(builder.lshr(mask, ir.Constant(mask.type, k)), ir.IntType(1))
            # Chosen by lanes: a choice by one bit would be a jump, and the mask may change from row to row.
            flags = ir.Constant(ir.VectorType(ir.IntType(1), count), ir.Undefined)
            flags = builder.insert_element(flags, wanted, _INDEX(0))
            flags = builder.shuffle_vector(flags, flags, ir.Constant(ir.VectorType(_INDEX, count), [0] * count))
            result = builder.select(flags, swapped, result)
        return result

    return vector(vector, types.int64), generate
