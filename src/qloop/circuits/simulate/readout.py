"""Outputs of a tile, and the state ``lambda = sum(gradient O) psi`` from which gradients flow back.

Pauli strings with one X mask are read off together: the products ``conj(psi[r ^ x]) psi[r]`` of every row, transformed
by Walsh and Hadamard, hold the expectation value of each string at its Z mask.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Program
from qloop.circuits.simulate.bits import count_bits
from qloop.circuits.simulate.compiled import compiled, inlined
from qloop.circuits.simulate.layers import FloatArray, IntArray, Layers
from qloop.circuits.simulate.simd import full, load, splat, store
from qloop.core.errors import InvalidValueError


class Strings(NamedTuple):
    """The terms of all observables, by group.

    Args:
        x: row mask of a group, ascending, shape [groups].
        odd: whether its strings hold an odd number of Y, so that the imaginary part counts.
        start: first term of each group, shape [groups + 1].
        group: group of each term, shape [terms].
        z: row mask of a term.
        output: the observable of a term.
        coefficient: its factor, all signs included.
    """

    x: IntArray
    odd: IntArray
    start: IntArray
    group: IntArray
    z: IntArray
    output: IntArray
    coefficient: FloatArray


def check_widths(observables: Sequence[PauliSum], program: Program) -> None:
    """Check that observables act on the outputs of a program.

    Raises:
        InvalidValueError: one acts on another number of qubits.
    """
    for observable in observables:
        if observable.num_qubits != len(program.outputs):
            raise InvalidValueError(
                f"an observable acts on {observable.num_qubits} qubits, the program has {len(program.outputs)} outputs."
            )


def group_strings(layers: Layers, observables: Sequence[PauliSum]) -> Strings:
    """Return the observables' strings as Paulis on the final rows.

    Args:
        layers: a lowered program.
        observables: on the program's outputs.
    """
    outputs = layers.program.outputs.astype(np.int64)
    none = np.zeros(0, np.int64)
    x, z, output, coefficient = [none], [none], [none], [np.zeros(0)]
    for k, observable in enumerate(observables):
        letters = observable.letters
        x.append((((letters == 1) | (letters == 2)).astype(np.int64) << outputs).sum(1))
        z.append(((letters >= 2).astype(np.int64) << outputs).sum(1))
        output.append(np.full(observable.num_terms, k, np.int64))
        coefficient.append(observable.coefficients)
    row_x, row_z, signs = layers.pauli_masks(np.concatenate(x), np.concatenate(z))
    # i^k for k = |x & z| is 1, i, -1, -i: a sign, and an i for odd k.
    turns = np.bitwise_count(row_x & row_z).astype(np.int64)
    key = 2 * row_x + (turns & 1)
    order = np.argsort(key, kind="stable")
    groups, start, group = np.unique(key[order], return_index=True, return_inverse=True)
    return Strings(
        x=groups >> 1,
        odd=groups & 1,
        start=np.append(start, len(order)).astype(np.int64),
        group=group.astype(np.int64),
        z=row_z[order],
        output=np.concatenate(output)[order],
        coefficient=(np.concatenate(coefficient) * signs * (1 - (turns & 2)))[order],
    )


@compiled
def walsh(buffer, size):  # type: ignore[no-untyped-def]
    """Transform `size` vectors in place: entry z becomes the sum of (-1)^|z & r| times entry r."""
    stride = 1
    if size & 0x5555555555555555 == 0:
        for r in range(0, size, 2):
            v0, v1 = load(buffer, r), load(buffer, r + 1)
            store(buffer, r, v0 + v1)
            store(buffer, r + 1, v0 - v1)
        stride = 2
    while stride < size:
        for block in range(0, size, 4 * stride):
            for r in range(block, block + stride):
                v0, v1 = load(buffer, r), load(buffer, r + stride)
                v2, v3 = load(buffer, r + 2 * stride), load(buffer, r + 3 * stride)
                u0, u1, u2, u3 = v0 + v1, v0 - v1, v2 + v3, v2 - v3
                store(buffer, r, u0 + u2)
                store(buffer, r + stride, u1 + u3)
                store(buffer, r + 2 * stride, u0 - u2)
                store(buffer, r + 3 * stride, u1 - u3)
        stride *= 4


@inlined
def walsh_entry(numbers, lanes, z):  # type: ignore[no-untyped-def]
    """Return entry z of the transform of numbers whose rows are transformed, the lanes of a row not yet."""
    first, entry = z - z % lanes, 0.0
    for lane in range(lanes):
        entry += numbers[first + lane] * (1 - 2 * (count_bits(lane & z) & 1))
    return entry


@inlined
def read_strings(state, num_rows, strings, coefficients, buffer, values):  # type: ignore[no-untyped-def]
    """Write every observable's expectation value, vector o for output o; `coefficients` hold those of the terms."""
    for o in range(len(values) // (len(state) // (2 * num_rows))):
        store(values, o, full(state, 0.0))
    for g in range(len(strings.x)):
        x = strings.x[g]
        for r in range(num_rows):
            re, im = load(state, r), load(state, num_rows + r)
            other_re, other_im = load(state, r ^ x), load(state, num_rows + (r ^ x))
            if strings.odd[g]:
                store(buffer, r, other_im * re - other_re * im)
            else:
                store(buffer, r, other_re * re + other_im * im)
        walsh(buffer, num_rows)
        for t in range(strings.start[g], strings.start[g + 1]):
            o = strings.output[t]
            store(values, o, load(values, o) + splat(coefficients, t) * load(buffer, strings.z[t]))


@inlined
def weigh_strings(psi, lam, num_rows, strings, coefficients, buffer, gradient):  # type: ignore[no-untyped-def]
    """Write lambda given the gradient of the outputs, vector o for output o."""
    for place in range(2 * num_rows):
        store(lam, place, full(psi, 0.0))
    for g in range(len(strings.x)):
        x = strings.x[g]
        for r in range(num_rows):
            store(buffer, r, full(psi, 0.0))
        for t in range(strings.start[g], strings.start[g + 1]):
            z, weight = strings.z[t], splat(coefficients, t) * load(gradient, strings.output[t])
            store(buffer, z, load(buffer, z) + weight)
        walsh(buffer, num_rows)
        for r in range(num_rows):
            w, re, im = load(buffer, r), load(psi, r), load(psi, num_rows + r)
            at_re, at_im = r ^ x, num_rows + (r ^ x)
            if strings.odd[g]:
                store(lam, at_re, load(lam, at_re) - w * im)
                store(lam, at_im, load(lam, at_im) + w * re)
            else:
                store(lam, at_re, load(lam, at_re) + w * re)
                store(lam, at_im, load(lam, at_im) + w * im)


@inlined
def read_probabilities(state, num_rows, outcomes, values):  # type: ignore[no-untyped-def]
    """Write the probability of every outcome; `outcomes` holds that of each row."""
    for o in range(len(values) // (len(state) // (2 * num_rows))):
        store(values, o, full(state, 0.0))
    for r in range(num_rows):
        re, im, o = load(state, r), load(state, num_rows + r), outcomes[r]
        store(values, o, load(values, o) + (re * re + im * im))


@inlined
def weigh_probabilities(psi, lam, num_rows, outcomes, gradient):  # type: ignore[no-untyped-def]
    """Write lambda given the gradient of the probabilities."""
    for r in range(num_rows):
        w = load(gradient, outcomes[r])
        store(lam, r, w * load(psi, r))
        store(lam, num_rows + r, w * load(psi, num_rows + r))
