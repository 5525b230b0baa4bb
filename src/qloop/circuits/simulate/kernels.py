"""Kernels on one state of N rows, 2 N real numbers: gates, their adjoints and gradients (`plan.Plan`)."""

import numpy as np

from qloop.circuits.simulate.bits import count_bits, insert_zero, sign_of
from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.diagonal import BLOCK_ROWS, add_coefficients, cosines_and_sines, sum_strings
from qloop.circuits.simulate.observable import apply_sum
from qloop.circuits.simulate.permute import LANE_BITS, LANE_SIGNS, LANES, permute
from qloop.circuits.simulate.plan import (
    ANGLE,
    BITS,
    DIAGONAL,
    FIRST,
    KIND,
    LAST,
    ROW_Z,
    SIGN,
    SLOT,
    SPAN,
    TILED,
    WHOLE,
    X,
    Z,
)
from qloop.circuits.simulate.simd import full_register as full
from qloop.circuits.simulate.simd import load_register as load
from qloop.circuits.simulate.simd import store, total


@compiled
def _sign_of(row, z, lane_z):  # type: ignore[no-untyped-def]
    """Return the signs of a register's lanes; a table spares a jump that cannot be foreseen."""
    return load(LANE_SIGNS, (count_bits(row & z) & 1) * LANES + lane_z)


@compiled
def rotate(state, x, z, cosine, sine):  # type: ignore[no-untyped-def]
    """Apply ``cosine + sine J`` in place, J taking place p to (-1)^|z & p| times place p ^ x; ``|x & z|`` is odd."""
    lanes, lane_z, x, z = x & (LANES - 1), z & (LANES - 1), x >> LANE_BITS, z >> LANE_BITS
    c, s = full(state, cosine), full(state, sine)
    if x == 0:
        for r in range(len(state) // LANES):
            u = load(state, r)
            store(state, r, c * u - s * (_sign_of(r, z, lane_z) * permute(u, lanes)))
        return
    back = full(state, sine * sign_of(lanes & lane_z))
    pivot = count_bits((x & -x) - 1)
    for k in range(len(state) // (2 * LANES)):
        r = insert_zero(k, pivot)
        u, v, sign = load(state, r), load(state, r ^ x), _sign_of(r, z, lane_z)
        from_u, from_v = (permute(u, lanes), permute(v, lanes)) if lanes else (u, v)
        store(state, r, c * u - s * (sign * from_v))
        store(state, r ^ x, c * v + back * (sign * from_u))


@compiled
def unrotate(ket, bra, x, z, cosine, sine):  # type: ignore[no-untyped-def]
    """Undo a rotation of both states in place and return ``bra J ket``."""
    lanes, lane_z, x, z = x & (LANES - 1), z & (LANES - 1), x >> LANE_BITS, z >> LANE_BITS
    c, s, slope = full(ket, cosine), full(ket, sine), full(ket, 0.0)
    if x == 0:
        for r in range(len(ket) // LANES):
            u, bra_u, sign = load(ket, r), load(bra, r), _sign_of(r, z, lane_z)
            from_u, bra_from_u = sign * permute(u, lanes), sign * permute(bra_u, lanes)
            slope = slope - bra_u * from_u
            store(ket, r, c * u + s * from_u)
            store(bra, r, c * bra_u + s * bra_from_u)
        return total(slope)
    back = full(ket, sign_of(lanes & lane_z))
    pivot = count_bits((x & -x) - 1)
    for k in range(len(ket) // (2 * LANES)):
        r = insert_zero(k, pivot)
        u, v, bra_u, bra_v = (
            load(ket, r),
            load(ket, r ^ x),
            load(bra, r),
            load(bra, r ^ x),
        )
        there = _sign_of(r, z, lane_z)
        here = there * back
        if lanes:
            from_u, from_v = here * permute(u, lanes), there * permute(v, lanes)
            bra_from_u, bra_from_v = here * permute(bra_u, lanes), there * permute(bra_v, lanes)
        else:
            from_u, from_v, bra_from_u, bra_from_v = there * u, there * v, there * bra_u, there * bra_v
        slope = slope + (bra_v * from_u - bra_u * from_v)
        store(ket, r, c * u + s * from_v)
        store(ket, r ^ x, c * v - s * from_u)
        store(bra, r, c * bra_u + s * bra_from_v)
        store(bra, r ^ x, c * bra_v - s * bra_from_u)
    return total(slope)


@compiled
def _base_of(tile, spans, start, count):  # type: ignore[no-untyped-def]
    """Return a number with zeros inserted at the pivots, ascending, that stand from `start` on."""
    for k in range(start, start + count):
        tile = insert_zero(tile, spans[k])
    return tile


@compiled
def _fetch(state, base, spans, step, tile):  # type: ignore[no-untyped-def]
    """Copy the rows of a tile, which is as they stand in memory but for the order."""
    offsets = step[SPAN] + step[BITS]
    half, own_half = len(state) // (2 * LANES), 1 << step[BITS]
    for j in range(own_half):
        row = base ^ spans[offsets + j]
        store(tile, j, permute(load(state, row >> LANE_BITS), row))
        store(tile, own_half + j, permute(load(state, half + (row >> LANE_BITS)), row))


@compiled
def _put_back(tile, base, spans, step, state):  # type: ignore[no-untyped-def]
    """Copy a tile to where it came from."""
    offsets = step[SPAN] + step[BITS]
    half, own_half = len(state) // (2 * LANES), 1 << step[BITS]
    for j in range(own_half):
        row = base ^ spans[offsets + j]
        store(state, row >> LANE_BITS, permute(load(tile, j), row))
        store(state, half + (row >> LANE_BITS), permute(load(tile, own_half + j), row))


@compiled
def rotate_tiles(state, step, plan, cosines, sines):  # type: ignore[no-untyped-def]
    """Apply the rotations of a step, tile by tile."""
    tile = np.empty(2 * LANES << step[BITS])
    for number in range(len(state) // len(tile)):
        base = _base_of(number, plan.spans, step[SPAN], step[BITS]) << LANE_BITS
        _fetch(state, base, plan.spans, step, tile)
        for g in range(step[FIRST], step[LAST]):
            gate = plan.gates[g]
            sine = gate[SIGN] * sign_of(base & gate[ROW_Z]) * sines[gate[ANGLE]]
            rotate(tile, gate[X], gate[Z], cosines[gate[ANGLE]], sine)
        _put_back(tile, base, plan.spans, step, state)


@compiled
def unrotate_tiles(ket, bra, step, plan, cosines, sines, gradient):  # type: ignore[no-untyped-def]
    """Undo the rotations of a step on both states, tile by tile."""
    own_ket, own_bra = np.empty(2 * LANES << step[BITS]), np.empty(2 * LANES << step[BITS])
    for number in range(len(ket) // len(own_ket)):
        base = _base_of(number, plan.spans, step[SPAN], step[BITS]) << LANE_BITS
        _fetch(ket, base, plan.spans, step, own_ket)
        _fetch(bra, base, plan.spans, step, own_bra)
        for g in range(step[LAST] - 1, step[FIRST] - 1, -1):
            gate = plan.gates[g]
            sign = gate[SIGN] * sign_of(base & gate[ROW_Z])
            slope = unrotate(own_ket, own_bra, gate[X], gate[Z], cosines[gate[ANGLE]], sign * sines[gate[ANGLE]])
            gradient[gate[ANGLE]] += sign * slope
        _put_back(own_ket, base, plan.spans, step, ket)
        _put_back(own_bra, base, plan.spans, step, bra)


@compiled
def fill_phases(phases, step, plan, angles):  # type: ignore[no-untyped-def]
    """Write the cosines and then the sines of a diagonal, shape [2 N]."""
    rows = len(phases) // 2
    size = min(BLOCK_ROWS, rows)
    z = plan.gates[step[FIRST] : step[LAST], ROW_Z]
    weights = -0.5 * angles[plan.gates[step[FIRST] : step[LAST], ANGLE]]
    block = np.empty(size)
    for first in range(0, rows, size):
        sum_strings(z, weights, first, block)
        cosines_and_sines(block, phases[first : first + size], phases[rows + first : rows + first + size])


@compiled
def multiply(state, phases):  # type: ignore[no-untyped-def]
    """Multiply every row by its phase, in place."""
    half = len(state) // (2 * LANES)
    for r in range(half):
        u, v, c, s = (
            load(state, r),
            load(state, half + r),
            load(phases, r),
            load(phases, half + r),
        )
        store(state, r, c * u - s * v)
        store(state, half + r, c * v + s * u)


@compiled
def unmultiply(ket, bra, phases, step, plan, gradient):  # type: ignore[no-untyped-def]
    """Undo a diagonal on both states and add the gradient of its angles."""
    rows = len(ket) // 2
    size, half = min(BLOCK_ROWS, rows), rows // LANES
    z = plan.gates[step[FIRST] : step[LAST], ROW_Z]
    block, slopes = np.empty(size), np.zeros(len(z))
    for first in range(0, rows, size):
        for k in range(size // LANES):
            r = first // LANES + k
            c, s = load(phases, r), load(phases, half + r)
            u, v, bra_u, bra_v = (
                load(ket, r),
                load(ket, half + r),
                load(bra, r),
                load(bra, half + r),
            )
            store(block, k, bra_u * v - bra_v * u)
            store(ket, r, c * u + s * v)
            store(ket, half + r, c * v - s * u)
            store(bra, r, c * bra_u + s * bra_v)
            store(bra, half + r, c * bra_v - s * bra_u)
        add_coefficients(z, first, block, slopes)
    for t in range(len(z)):
        gradient[plan.gates[step[FIRST] + t, ANGLE]] += slopes[t]


@compiled
def apply_matrix(state, step, plan, adjoint):  # type: ignore[no-untyped-def]
    """Apply a dense matrix, or its adjoint, in place."""
    count, rows = step[FIRST], len(state) // 2
    size = 1 << count
    matrix = plan.matrices[step[LAST] : step[LAST] + size * size].reshape(size, size)
    if adjoint:
        matrix = np.conj(matrix).T.copy()
    x, z, flips = plan.spans[step[SPAN] + count : step[SPAN] + 4 * count].reshape(3, count)
    offsets = np.zeros(size, np.int64)
    for j in range(size):
        for k in range(count):
            offsets[j] ^= ((j >> k) & 1) * x[k]
    block = np.empty(size, np.complex128)
    for number in range(rows // size):
        base = _base_of(number, plan.spans, step[SPAN], count)
        for k in range(count):
            if (count_bits(base & z[k]) ^ flips[k]) & 1:
                base ^= x[k]
        for j in range(size):
            row = base ^ offsets[j]
            block[j] = complex(state[row], state[rows + row])
        for i in range(size):
            value = 0j
            for j in range(size):
                value += matrix[i, j] * block[j]
            row = base ^ offsets[i]
            state[row], state[rows + row] = value.real, value.imag


@compiled
def angles_at(plan, values):  # type: ignore[no-untyped-def]
    """Return every angle at parameter values."""
    angles = plan.offset.copy()
    for a in range(len(angles)):
        for t in range(plan.term_start[a], plan.term_start[a + 1]):
            angles[a] += plan.term_scale[t] * values[plan.term_parameter[t]]
    return angles


@compiled
def run(state, phases, plan, angles):  # type: ignore[no-untyped-def]
    """Apply every step in place.

    Args:
        state: shape [2 N].
        phases: scratch, one row for each diagonal to keep its phases for `rewind`, or one row alone; shape [rows, 2 N].
        plan: the steps.
        angles: of the plan.
    """
    cosines, sines = np.cos(angles / 2), np.sin(angles / 2)
    for i in range(len(plan.steps)):
        step = plan.steps[i]
        if step[KIND] == WHOLE:
            for g in range(step[FIRST], step[LAST]):
                gate = plan.gates[g]
                rotate(state, gate[X], gate[Z], cosines[gate[ANGLE]], gate[SIGN] * sines[gate[ANGLE]])
        elif step[KIND] == TILED:
            rotate_tiles(state, step, plan, cosines, sines)
        elif step[KIND] == DIAGONAL:
            own = phases[step[SLOT] % len(phases)]
            fill_phases(own, step, plan, angles)
            multiply(state, own)
        else:
            apply_matrix(state, step, plan, False)


@compiled
def rewind(ket, bra, phases, plan, angles):  # type: ignore[no-untyped-def]
    """Return the gradient of ``<ket| H |ket>`` over angles, given bra = H ket; both states are taken to the start."""
    cosines, sines = np.cos(angles / 2), np.sin(angles / 2)
    gradient = np.zeros(len(angles))
    kept = True
    for i in range(len(plan.steps) - 1, -1, -1):
        step = plan.steps[i]
        if step[KIND] == WHOLE:
            for g in range(step[LAST] - 1, step[FIRST] - 1, -1):
                gate = plan.gates[g]
                c, s = cosines[gate[ANGLE]], gate[SIGN] * sines[gate[ANGLE]]
                gradient[gate[ANGLE]] += gate[SIGN] * unrotate(ket, bra, gate[X], gate[Z], c, s)
        elif step[KIND] == TILED:
            unrotate_tiles(ket, bra, step, plan, cosines, sines, gradient)
        elif step[KIND] == DIAGONAL:
            own = phases[step[SLOT] % len(phases)]
            if not kept:
                fill_phases(own, step, plan, angles)
            unmultiply(ket, bra, own, step, plan, gradient)
            kept = len(phases) > 1
        else:
            apply_matrix(ket, step, plan, True)
            apply_matrix(bra, step, plan, True)
    return gradient


@compiled
def gather_gradient(plan, by_angle, count):  # type: ignore[no-untyped-def]
    """Return the gradient over `count` parameters from one over angles."""
    gradient = np.zeros(count)
    for a in range(len(by_angle)):
        for t in range(plan.term_start[a], plan.term_start[a + 1]):
            gradient[plan.term_parameter[t]] += plan.term_scale[t] * by_angle[a]
    return gradient


@compiled
def energy(ket, bra, phases, plan, strings, table, initial, values):  # type: ignore[no-untyped-def]
    """Return the expectation value of a sum after the gates; `bra` becomes the sum applied to the ket."""
    ket[:] = 0
    ket[initial] = 1
    run(ket, phases, plan, angles_at(plan, values))
    return apply_sum(strings, strings.coefficient, table, ket, bra)


@compiled
def energy_gradient(ket, bra, phases, plan, strings, table, initial, values):  # type: ignore[no-untyped-def]
    """Return the expectation value and its gradient over parameters by adjoint differentiation."""
    value = energy(ket, bra, phases, plan, strings, table, initial, values)
    return value, gather_gradient(plan, rewind(ket, bra, phases, plan, angles_at(plan, values)), len(values))
