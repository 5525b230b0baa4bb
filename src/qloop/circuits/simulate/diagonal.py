"""Sums of Z strings over the rows of a state, in blocks that stay in the first-level cache.

A block is 2^8 neighbouring rows. There a sum of strings is one Walsh transform of its coefficients, and the
coefficients of a function of the rows are one Walsh transform of its values; the higher bits of the rows only change
signs.
"""

import numpy as np

from qloop.circuits.simulate.bits import count_bits, sign_of
from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.permute import LANE_BITS, LANE_SIGNS, LANES, permute
from qloop.circuits.simulate.simd import full_register as full
from qloop.circuits.simulate.simd import load_register as load
from qloop.circuits.simulate.simd import store

BLOCK_ROWS = 2**8
FEW_STRINGS = 5
"""So many strings are summed one by one faster than by a transform."""
_PER_QUARTER = 2 / np.pi
_QUARTER = np.array([1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21])
"""pi / 2 in three parts; multiples of the first up to 2^20 are exact. Source: Cody and Waite (1980)."""
_SINE = np.array([-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800, -1 / 1307674368000])
_COSINE = np.array([1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600, -1 / 87178291200, 1 / 20922789888000])
"""Taylor coefficients from the third and the fourth power on: below 1e-16 up to pi / 4."""


@compiled
def transform(block):  # type: ignore[no-untyped-def]
    """Replace entry z by the sum of ``(-1)^|z & b| block[b]``, in place."""
    registers = len(block) // LANES
    for r in range(registers):
        v = load(block, r)
        for k in range(LANE_BITS):
            v = load(LANE_SIGNS, 1 << k) * v + permute(v, 1 << k)
        store(block, r, v)
    half = 1
    while half < registers:
        for start in range(0, registers, 2 * half):
            for r in range(start, start + half):
                u, v = load(block, r), load(block, r + half)
                store(block, r, u + v)
                store(block, r + half, u - v)
        half *= 2


@compiled
def sum_strings(z, coefficients, first, block):  # type: ignore[no-untyped-def]
    """Write the sum of ``coefficient (-1)^|z & row|`` over strings for rows ``first ^ k``, k from 0 on."""
    if len(z) <= FEW_STRINGS:
        for r in range(len(block) // LANES):
            v = full(block, 0.0)
            for t in range(len(z)):
                odd = count_bits(z[t] & (first ^ (r * LANES))) & 1
                v = v + full(block, coefficients[t]) * load(LANE_SIGNS, odd * LANES + (z[t] & (LANES - 1)))
            store(block, r, v)
        return
    block[:] = 0
    low = len(block) - 1
    for t in range(len(z)):
        block[z[t] & low] += coefficients[t] * sign_of(z[t] & first)
    transform(block)


@compiled
def add_coefficients(z, first, block, result):  # type: ignore[no-untyped-def]
    """Add to each string's entry the sum of ``(-1)^|z & row| block`` over the rows of a block; overwrites the block."""
    transform(block)
    low = len(block) - 1
    for t in range(len(z)):
        result[t] += sign_of(z[t] & first) * block[z[t] & low]


@compiled
def cosines_and_sines(angles, cosines, sines):  # type: ignore[no-untyped-def]
    """Write the cosine and the sine of each angle: a loop without jumps or calls, which vectorises."""
    for k in range(len(angles)):
        quarters = np.floor(angles[k] * _PER_QUARTER + 0.5)
        x = ((angles[k] - quarters * _QUARTER[0]) - quarters * _QUARTER[1]) - quarters * _QUARTER[2]
        y = x * x
        sine, cosine = _SINE[6], _COSINE[6]
        for i in range(5, -1, -1):
            sine = sine * y + _SINE[i]
            cosine = cosine * y + _COSINE[i]
        sine, cosine = x + x * y * sine, 1 - 0.5 * y + y * y * cosine
        turn = quarters - 4 * np.floor(quarters * 0.25)
        odd = turn == 1 or turn == 3
        c, s = (-sine if odd else cosine), (cosine if odd else sine)
        cosines[k] = -c if turn >= 2 else c
        sines[k] = -s if turn >= 2 else s
