"""Kernels on tiles of trajectories: Pauli rotations with a sign per lane, projections of single lanes, and measurement.

A tile is the trajectories of one sample that share a register: they have every angle in common and differ in signs.
States are shaped [tiles, 2, 2^num_qubits, lanes], real parts first; P = i^|x & z| X^x Z^z throughout.
"""

import numpy as np

from qloop.circuits.simulate.bits import POWERS_OF_I, count_bits, insert_zero, sign_of
from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.simd import full, load, splat, store, total


@compiled
def flip_signs(signs, lanes, errors, flips):  # type: ignore[no-untyped-def]
    """Flip the columns of `signs`, shape [tiles, columns, lanes], that each lane's errors flip."""
    width = signs.shape[2]
    for k in range(len(lanes)):
        tile, lane, row = lanes[k] // width, lanes[k] % width, flips[errors[k]]
        for column in range(len(row)):
            if row[column]:
                signs[tile, column, lane] = -signs[tile, column, lane]


@compiled
def rotate(re, im, x, z, cosines, sines, step, signs):  # type: ignore[no-untyped-def]
    """Apply ``exp(-i angle / 2 P)`` in place, the angle's sign by lane."""
    c, sine, none = splat(cosines, step), splat(sines, step) * load(signs, step), full(re, 0.0)
    # -i P is real for an odd number of Y and imaginary for an even one: half the products of a complex rotation.
    turns = count_bits(x & z) & 3
    if turns >= 2:
        sine = none - sine
    opposite = none - sine
    if x == 0:
        for b in range(len(re)):
            s = opposite if count_bits(b & z) & 1 else sine
            u, v = load(re, b), load(im, b)
            store(re, b, c * u + s * v)
            store(im, b, c * v - s * u)
        return
    pivot = count_bits((x & -x) - 1)
    for k in range(len(re) // 2):
        b = insert_zero(k, pivot)
        d = b ^ x
        s = opposite if count_bits(b & z) & 1 else sine
        b_re, b_im, d_re, d_im = load(re, b), load(im, b), load(re, d), load(im, d)
        if turns & 1:
            store(re, b, c * b_re - s * d_re)
            store(im, b, c * b_im - s * d_im)
            store(re, d, c * d_re + s * b_re)
            store(im, d, c * d_im + s * b_im)
        else:
            store(re, b, c * b_re + s * d_im)
            store(im, b, c * b_im - s * d_re)
            store(re, d, c * d_re + s * b_im)
            store(im, d, c * d_im - s * b_re)


@compiled
def unrotate(re, im, bra_re, bra_im, x, z, cosines, sines, step, signs):  # type: ignore[no-untyped-def]
    """Undo a rotation of both states in place and return ``Im <bra| P |ket>``, signed by lane and summed."""
    c, sine, none = splat(cosines, step), splat(sines, step) * load(signs, step), full(re, 0.0)
    turns = count_bits(x & z) & 3
    if turns >= 2:
        sine = none - sine
    opposite, slope = none - sine, none
    if x == 0:
        for b in range(len(re)):
            odd = count_bits(b & z) & 1
            s = opposite if odd else sine
            u, v, bra_u, bra_v = load(re, b), load(im, b), load(bra_re, b), load(bra_im, b)
            part = bra_u * v - bra_v * u
            slope = slope - part if odd else slope + part
            store(re, b, c * u - s * v)
            store(im, b, c * v + s * u)
            store(bra_re, b, c * bra_u - s * bra_v)
            store(bra_im, b, c * bra_v + s * bra_u)
        return total(slope * load(signs, step))
    pivot = count_bits((x & -x) - 1)
    for k in range(len(re) // 2):
        b = insert_zero(k, pivot)
        d = b ^ x
        odd = count_bits(b & z) & 1
        s = opposite if odd else sine
        b_re, b_im, d_re, d_im = load(re, b), load(im, b), load(re, d), load(im, d)
        bra_b_re, bra_b_im, bra_d_re, bra_d_im = load(bra_re, b), load(bra_im, b), load(bra_re, d), load(bra_im, d)
        if turns & 1:
            part = bra_d_re * b_re + bra_d_im * b_im - bra_b_re * d_re - bra_b_im * d_im
            store(re, b, c * b_re + s * d_re)
            store(im, b, c * b_im + s * d_im)
            store(re, d, c * d_re - s * b_re)
            store(im, d, c * d_im - s * b_im)
            store(bra_re, b, c * bra_b_re + s * bra_d_re)
            store(bra_im, b, c * bra_b_im + s * bra_d_im)
            store(bra_re, d, c * bra_d_re - s * bra_b_re)
            store(bra_im, d, c * bra_d_im - s * bra_b_im)
        else:
            part = bra_d_re * b_im - bra_d_im * b_re + bra_b_re * d_im - bra_b_im * d_re
            store(re, b, c * b_re - s * d_im)
            store(im, b, c * b_im + s * d_re)
            store(re, d, c * d_re - s * b_im)
            store(im, d, c * d_im + s * b_re)
            store(bra_re, b, c * bra_b_re - s * bra_d_im)
            store(bra_im, b, c * bra_b_im + s * bra_d_re)
            store(bra_re, d, c * bra_d_re - s * bra_b_im)
            store(bra_im, d, c * bra_d_im + s * bra_b_re)
        slope = slope - part if odd else slope + part
    if turns >= 2:
        slope = none - slope
    return total(slope * load(signs, step))


@compiled
def project(re, im, x, z, lane, sign):  # type: ignore[no-untyped-def]
    """Apply ``(1 + sign P) / sqrt(2)`` to one lane in place."""
    half = 1 / np.sqrt(2.0)
    power = sign * POWERS_OF_I[count_bits(x & z) & 3]
    for b in range(len(re)):
        d = b ^ x
        if d < b:
            continue
        u, v = complex(re[b, lane], im[b, lane]), complex(re[d, lane], im[d, lane])
        new_u = half * (u + power * sign_of(d & z) * v)
        new_v = half * (v + power * sign_of(b & z) * u)
        re[b, lane], im[b, lane] = new_u.real, new_u.imag
        re[d, lane], im[d, lane] = new_v.real, new_v.imag


@compiled
def run(states, tiles, steps, angles, signs, projections, saved):  # type: ignore[no-untyped-def]
    """Apply every step to a range of tiles in place; lanes are saved before they are projected."""
    share = len(states) // len(angles.cosine)
    for tile in range(tiles[0], tiles[1]):
        re, im = states[tile, 0], states[tile, 1]
        cosines, sines = angles.cosine[tile // share], angles.sine[tile // share]
        event = projections.start[tile]
        for step in range(len(steps.x)):
            if not steps.projection[step]:
                rotate(re, im, steps.x[step], steps.z[step], cosines, sines, step, signs[tile])
            while event < projections.start[tile + 1] and projections.step[event] == step:
                lane = projections.lane[event]
                saved[event, 0], saved[event, 1] = re[:, lane], im[:, lane]
                project(re, im, steps.x[step], steps.z[step], lane, projections.sign[event])
                event += 1


@compiled
def rewind(states, bras, tiles, steps, angles, signs, projections, saved, gradient):  # type: ignore[no-untyped-def]
    """Undo every step on a range of tiles' states and bras, and write the gradient over angles, [tiles, num_steps]."""
    share = len(states) // len(angles.cosine)
    for tile in range(tiles[0], tiles[1]):
        re, im, bra_re, bra_im = states[tile, 0], states[tile, 1], bras[tile, 0], bras[tile, 1]
        cosines, sines = angles.cosine[tile // share], angles.sine[tile // share]
        event = projections.start[tile + 1] - 1
        for step in range(len(steps.x) - 1, -1, -1):
            x, z = steps.x[step], steps.z[step]
            while event >= projections.start[tile] and projections.step[event] == step:
                lane = projections.lane[event]
                project(bra_re, bra_im, x, z, lane, projections.sign[event])
                re[:, lane], im[:, lane] = saved[event, 0], saved[event, 1]
                event -= 1
            if not steps.projection[step]:
                slope = unrotate(re, im, bra_re, bra_im, x, z, cosines, sines, step, signs[tile])
                gradient[tile, step] = slope


@compiled
def expect(states, tiles, terms, first, signs, weights, values):  # type: ignore[no-untyped-def]
    """Write each tile's weighted expectation value of every term, shape [tiles, num_terms]."""
    sums = np.empty((len(terms.z), states.shape[3]), states.dtype)
    for tile in range(tiles[0], tiles[1]):
        re, im = states[tile, 0], states[tile, 1]
        sums[:] = 0
        for group in range(len(terms.x)):
            x = terms.x[group]
            for b in range(len(re)):
                b_re, b_im, d_re, d_im = load(re, b), load(im, b), load(re, b ^ x), load(im, b ^ x)
                real, imag = d_re * b_re + d_im * b_im, d_re * b_im - d_im * b_re
                for term in range(terms.start[group], terms.start[group + 1]):
                    turns = count_bits(x & terms.z[term]) & 3
                    part = imag if turns & 1 else real
                    # The real part of i^turns (real + i imag) is real, -imag, -real, imag.
                    if ((turns + 1) >> 1 ^ count_bits(b & terms.z[term])) & 1:
                        store(sums, term, load(sums, term) - part)
                    else:
                        store(sums, term, load(sums, term) + part)
        for term in range(len(terms.z)):
            values[tile, term] = total(load(sums, term) * load(signs[tile], first + term) * load(weights, tile))


@compiled
def apply_terms(states, bras, tiles, terms, first, signs, weights, coefficients):  # type: ignore[no-untyped-def]
    """Write the weighted sum of the terms applied to each state into its bra; coefficients by sample and term."""
    share = len(states) // len(coefficients)
    factors = np.empty((len(terms.z), states.shape[3]), states.dtype)
    for tile in range(tiles[0], tiles[1]):
        for term in range(len(terms.z)):
            scale = splat(coefficients[tile // share], term) * load(weights, tile)
            store(factors, term, scale * load(signs[tile], first + term))
        re, im, bra_re, bra_im = states[tile, 0], states[tile, 1], bras[tile, 0], bras[tile, 1]
        bra_re[:], bra_im[:] = 0, 0
        for group in range(len(terms.x)):
            x = terms.x[group]
            for b in range(len(re)):
                real, imag = full(re, 0.0), full(re, 0.0)
                for term in range(terms.start[group], terms.start[group + 1]):
                    turns = count_bits(x & terms.z[term]) & 3
                    factor = load(factors, term)
                    if (turns >> 1 ^ count_bits(b & terms.z[term])) & 1:
                        factor = full(re, 0.0) - factor
                    if turns & 1:
                        imag = imag + factor
                    else:
                        real = real + factor
                u, v, d = load(re, b), load(im, b), b ^ x
                store(bra_re, d, load(bra_re, d) + real * u - imag * v)
                store(bra_im, d, load(bra_im, d) + real * v + imag * u)


@compiled
def read(states, tiles, outcome, flips, weights, probabilities):  # type: ignore[no-untyped-def]
    """Add each tile's weighted outcome probabilities, shape [tiles, outcomes]; row b is ``outcome[b] ^ flip``."""
    for tile in range(tiles[0], tiles[1]):
        re, im = states[tile, 0], states[tile, 1]
        for b in range(len(re)):
            for lane in range(re.shape[1]):
                weight = weights[tile, lane] * (re[b, lane] ** 2 + im[b, lane] ** 2)
                probabilities[tile, outcome[b] ^ flips[tile, lane]] += weight


@compiled
def apply_outcomes(states, bras, tiles, outcome, flips, weights, coefficients):  # type: ignore[no-untyped-def]
    """Write the weighted sum of the outcomes' projectors applied to each state into its bra."""
    share = len(states) // len(coefficients)
    for tile in range(tiles[0], tiles[1]):
        for b in range(states.shape[2]):
            for lane in range(states.shape[3]):
                factor = weights[tile, lane] * coefficients[tile // share, outcome[b] ^ flips[tile, lane]]
                bras[tile, 0, b, lane] = factor * states[tile, 0, b, lane]
                bras[tile, 1, b, lane] = factor * states[tile, 1, b, lane]
