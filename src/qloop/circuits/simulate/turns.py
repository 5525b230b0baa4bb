"""`reduce_turns`: rotations by at most a quarter turn, the half turns taken out as one Pauli that is carried along.

A rotation by a half turn is its own Pauli. Carried to the program's end, a Pauli only changes the signs of later angles
and of what is read out.
"""

from typing import NamedTuple

import numpy as np

from qloop.circuits.simulate.bits import count_bits
from qloop.circuits.simulate.blocks import PAIR, PER_SAMPLE
from qloop.circuits.simulate.compiled import compiled, inlined


class Turns(NamedTuple):
    """Angles as the kernels use them.

    Args:
        gate_sign: what to multiply a gate's angle by, shape [gates].
        gate_angle: what is left of a shared gate's angle, at most pi / 2, its sign included.
        term_sign: what to multiply the angle of a diagonal's term by.
        before: the Pauli carried past each matrix as masks x and z, shape [matrices, 2].
        after: the Pauli at the end as masks x and z and a power of i: i^p X^x Z^z, shape [3].
    """

    gate_sign: np.ndarray
    gate_angle: np.ndarray
    term_sign: np.ndarray
    before: np.ndarray
    after: np.ndarray


@compiled
def reduce_turns(events, gates, tables, angles, turns):  # type: ignore[no-untyped-def]
    """Fill `Turns` in time order; `angles` are those of the `Layers`, that of a gate with a slot is left alone."""
    x, z, power = 0, 0, 0
    for e in range(len(events.kind)):
        k = events.number[e]
        if events.kind[e] == 0:
            gx, gz = gates.x[k], gates.z[k]
            sign = gates.sign[k] * (1 - 2 * ((count_bits(x & gz) ^ count_bits(z & gx)) & 1))
            turns.gate_sign[k] = sign
            if gates.slot[k] >= 0:
                continue
            angle = sign * angles[gates.angle[k]]
            rounds = np.floor(angle / (2 * np.pi) + 0.5)
            angle -= 2 * np.pi * rounds
            power += 2 * (int(rounds) & 1)
            if abs(angle) > np.pi / 2:
                positive = angle > 0
                angle += -np.pi if positive else np.pi
                # The half turn is -+i P in the gate's own sign, and stands after the Pauli carried so far.
                power += (3 if positive == (gates.sign[k] > 0) else 1) + count_bits(gx & gz) + 2 * count_bits(z & gx)
                x ^= gx
                z ^= gz
            turns.gate_angle[k] = angle
        elif events.kind[e] == 1:
            for t in range(tables.start[k], tables.start[k + 1]):
                turns.term_sign[t] = 1 - 2 * (count_bits(tables.z[t] & x) & 1)
        else:
            turns.before[k, 0], turns.before[k, 1] = x, z
    turns.after[0], turns.after[1], turns.after[2] = x, z, power & 3


@compiled
def fill_shared(plan, strings, angles, turns, shared, factors):  # type: ignore[no-untyped-def]
    """Fill what the kernels need of the shared angles.

    Args:
        plan: of a program.
        strings: the observables'.
        angles: of the program's layers, shape [num_angles].
        turns: those angles reduced.
        shared: `sweep.Shared`, its matrices and outcomes apart.
        factors: what a gate's gradient is multiplied by, since a pass sees states without the cosines of gates to its
            left undone, and with its sign; shape [gates, 1].
    """
    blocks = plan.blocks
    for g in range(len(factors)):
        shared.tangents[g] = np.tan(turns.gate_angle[g] / 2)
        factors[g, 0] = turns.gate_sign[g]
    for b in range(len(blocks.bits)):
        scale = 1.0
        for p in range(blocks.pass_start[b], blocks.pass_start[b + 1]):
            first, second = blocks.passes[p, 1], blocks.passes[p, 5]
            if blocks.passes[p, 0] != PER_SAMPLE:
                scale *= np.cos(turns.gate_angle[first] / 2)
            if blocks.passes[p, 0] == PAIR:
                scale *= np.cos(turns.gate_angle[second] / 2)
                factors[second, 0] /= scale * scale
            factors[first, 0] /= scale * scale
        shared.scales[b] = scale
        table, size = blocks.table[b], plan.num_rows
        if table >= 0:
            re, im = (
                shared.table_re[table * size : (table + 1) * size],
                shared.table_im[table * size : (table + 1) * size],
            )
            fill_table(plan.tables, table, scale, angles, turns.term_sign, re, im)
    x, z = turns.after[0], turns.after[1]
    for t in range(len(strings.z)):
        anticommute = count_bits(strings.x[strings.group[t]] & z) ^ count_bits(strings.z[t] & x)
        shared.coefficients[t] = strings.coefficient[t] * (1 - 2 * (anticommute & 1))


@inlined
def fill_table(tables, table, scale, angles, term_sign, re, im):  # type: ignore[no-untyped-def]
    """Fill one diagonal ``scale exp(-i / 2 sum(angle (-1)^|z & row|))``."""
    phase = np.zeros(len(re))
    for t in range(tables.start[table], tables.start[table + 1]):
        phase[tables.z[t]] -= term_sign[t] * angles[tables.angle[t]] / 2
    transform(phase)
    for r in range(len(re)):
        c, s = cosine_and_sine(phase[r])
        re[r] = scale * c
        im[r] = scale * s


@inlined
def cosine_and_sine(angle):  # type: ignore[no-untyped-def]
    """Return both for any angle, by series that a loop can vectorise: of a quarter of the angle, doubled twice."""
    turns = angle * (0.5 / np.pi)
    y = (turns - np.floor(turns + 0.5)) * (np.pi / 2)
    u = -y * y
    s = 1 + u * (1 / 156) * (1 + u * (1 / 210))
    s = y * (1 + u * (1 / 6) * (1 + u * (1 / 20) * (1 + u * (1 / 42) * (1 + u * (1 / 72) * (1 + u * (1 / 110) * s)))))
    c = 1 + u * (1 / 132) * (1 + u * (1 / 182) * (1 + u * (1 / 240)))
    c = 1 + u * (1 / 2) * (1 + u * (1 / 12) * (1 + u * (1 / 30) * (1 + u * (1 / 56) * (1 + u * (1 / 90) * c))))
    c, s = c * c - s * s, 2 * c * s
    return c * c - s * s, 2 * c * s


@compiled
def transform(row):  # type: ignore[no-untyped-def]
    """Transform numbers by Walsh and Hadamard in place."""
    stride = 1
    while stride < len(row):
        for block in range(0, len(row), 2 * stride):
            for r in range(block, block + stride):
                a, b = row[r], row[r + stride]
                row[r], row[r + stride] = a + b, a - b
        stride *= 2
