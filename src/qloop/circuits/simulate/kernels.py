"""Kernels on one statevector: gates, their adjoints, and expectation values with exact gradients."""

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
def insert_zero(number, qubit):  # type: ignore[no-untyped-def]
    """Return the number with a zero bit inserted at a place."""
    low = (1 << qubit) - 1
    return ((number & ~low) << 1) | (number & low)


@compiled
def rotate(state, x, z, angle):  # type: ignore[no-untyped-def]
    """Apply ``exp(-i angle / 2 P)`` in place for P = i^|x & z| X^x Z^z."""
    c, s = np.cos(angle / 2), np.sin(angle / 2)
    if x == 0:
        phases = (complex(c, s), complex(c, -s))
        for b in range(len(state)):
            state[b] *= phases[0] if count_bits(b & z) & 1 else phases[1]
        return
    factor = -1j * s * POWERS_OF_I[count_bits(x & z) & 3]
    flip = sign_of(x & z)
    pivot = count_bits((x & -x) - 1)
    for k in range(len(state) // 2):
        b = insert_zero(k, pivot)
        d = b ^ x
        signed = factor * sign_of(b & z)
        u, v = state[b], state[d]
        state[b] = c * u + flip * signed * v
        state[d] = c * v + signed * u


@compiled
def overlap_pauli(bra, ket, x, z):  # type: ignore[no-untyped-def]
    """Return ``<bra| P |ket>``."""
    total = 0j
    for b in range(len(ket)):
        total += sign_of(b & z) * np.conj(bra[b ^ x]) * ket[b]
    return total * POWERS_OF_I[count_bits(x & z) & 3]


@compiled
def apply_one(state, qubit, matrix):  # type: ignore[no-untyped-def]
    """Apply a one-qubit matrix in place."""
    stride = 1 << qubit
    for k in range(len(state) // 2):
        b = insert_zero(k, qubit)
        u, v = state[b], state[b + stride]
        state[b] = matrix[0, 0] * u + matrix[0, 1] * v
        state[b + stride] = matrix[1, 0] * u + matrix[1, 1] * v


@compiled
def apply_two(state, first, second, matrix):  # type: ignore[no-untyped-def]
    """Apply a two-qubit matrix in place; `first` is its least significant bit."""
    low, high = min(first, second), max(first, second)
    for k in range(len(state) // 4):
        b0 = insert_zero(insert_zero(k, low), high)
        b1, b2 = b0 + (1 << first), b0 + (1 << second)
        b3 = b1 + (1 << second)
        v0, v1, v2, v3 = state[b0], state[b1], state[b2], state[b3]
        state[b0] = matrix[0, 0] * v0 + matrix[0, 1] * v1 + matrix[0, 2] * v2 + matrix[0, 3] * v3
        state[b1] = matrix[1, 0] * v0 + matrix[1, 1] * v1 + matrix[1, 2] * v2 + matrix[1, 3] * v3
        state[b2] = matrix[2, 0] * v0 + matrix[2, 1] * v1 + matrix[2, 2] * v2 + matrix[2, 3] * v3
        state[b3] = matrix[3, 0] * v0 + matrix[3, 1] * v1 + matrix[3, 2] * v2 + matrix[3, 3] * v3


@compiled
def offsets_of(qubits):  # type: ignore[no-untyped-def]
    """Return the distance from a block's first entry to each of its 2^k entries."""
    offsets = np.zeros(1 << len(qubits), np.int64)
    for j in range(len(offsets)):
        for i in range(len(qubits)):
            offsets[j] |= ((j >> i) & 1) << qubits[i]
    return offsets


@compiled
def base_of(block, ordered):  # type: ignore[no-untyped-def]
    """Return the first entry of a block: its number with zeros inserted at the gate's qubits, ascending."""
    base = block
    for i in range(len(ordered)):
        base = insert_zero(base, ordered[i])
    return base


@compiled
def apply_many(state, qubits, matrix):  # type: ignore[no-untyped-def]
    """Apply a matrix on any number of qubits in place."""
    offsets, ordered = offsets_of(qubits), np.sort(qubits)
    block = np.empty(len(offsets), np.complex128)
    for k in range(len(state) // len(offsets)):
        base = base_of(k, ordered)
        for j in range(len(offsets)):
            block[j] = state[base + offsets[j]]
        for i in range(len(offsets)):
            total = 0j
            for j in range(len(offsets)):
                total += matrix[i, j] * block[j]
            state[base + offsets[i]] = total


@compiled
def overlap_matrix(bra, ket, qubits, matrix):  # type: ignore[no-untyped-def]
    """Return ``<bra| M |ket>`` for a matrix on some qubits."""
    offsets, ordered = offsets_of(qubits), np.sort(qubits)
    total = 0j
    for k in range(len(ket) // len(offsets)):
        base = base_of(k, ordered)
        for i in range(len(offsets)):
            row = 0j
            for j in range(len(offsets)):
                row += matrix[i, j] * ket[base + offsets[j]]
            total += np.conj(bra[base + offsets[i]]) * row
    return total


@compiled
def apply_matrix(state, qubits, matrix):  # type: ignore[no-untyped-def]
    """Apply a matrix in place by the kernel for its width."""
    if len(qubits) == 1:
        apply_one(state, qubits[0], matrix)
    elif len(qubits) == 2:
        apply_two(state, qubits[0], qubits[1], matrix)
    else:
        apply_many(state, qubits, matrix)


@compiled
def angles_at(affine, values):  # type: ignore[no-untyped-def]
    """Return every angle at parameter values."""
    angles = affine.offset.copy()
    for a in range(len(angles)):
        for t in range(affine.term_start[a], affine.term_start[a + 1]):
            angles[a] += affine.scale[t] * values[affine.parameter[t]]
    return angles


@compiled
def square(flat, start, stop):  # type: ignore[no-untyped-def]
    """Return a stretch of a flat array as a square matrix."""
    size = int(np.sqrt(stop - start))
    return flat[start:stop].reshape(size, size)


@compiled
def run(state, steps, matrices, angles):  # type: ignore[no-untyped-def]
    """Apply every gate in place."""
    for g in range(len(steps.rotation)):
        if steps.rotation[g]:
            rotate(state, steps.x[g], steps.z[g], angles[steps.angle_start[g]])
        else:
            qubits = steps.qubits[steps.qubit_start[g] : steps.qubit_start[g + 1]]
            apply_matrix(state, qubits, square(matrices, steps.matrix_start[g], steps.matrix_start[g + 1]))


@compiled
def fill_diagonal(terms, group, diagonal):  # type: ignore[no-untyped-def]
    """Write the sum of weight (-1)^|z & b| over a group's terms for every b."""
    for b in range(len(diagonal)):
        real, imag = 0.0, 0.0
        for t in range(terms.start[group], terms.start[group + 1]):
            sign = sign_of(b & terms.z[t])
            real += sign * terms.weight[t].real
            imag += sign * terms.weight[t].imag
        diagonal[b] = complex(real, imag)


@compiled
def tabulate(terms, table):  # type: ignore[no-untyped-def]
    """Write every group's diagonal into a row of the table."""
    for g in range(len(table)):
        fill_diagonal(terms, g, table[g])


@compiled
def apply_terms(state, terms, table, result):  # type: ignore[no-untyped-def]
    """Write a Pauli sum applied to the state into `result`; an empty table means to make the diagonals on the way."""
    result[:] = 0
    diagonal = np.empty(0 if len(table) else len(state), np.complex128)
    for g in range(len(terms.x)):
        if len(table):
            diagonal = table[g]
        else:
            fill_diagonal(terms, g, diagonal)
        x = terms.x[g]
        for b in range(len(state)):
            result[b ^ x] += diagonal[b] * state[b]


@compiled
def overlap(bra, ket):  # type: ignore[no-untyped-def]
    """Return the real part of ``<bra|ket>``."""
    total = 0.0
    for b in range(len(ket)):
        total += bra[b].real * ket[b].real + bra[b].imag * ket[b].imag
    return total


@compiled
def differentiate(ket, bra, steps, matrices, derivatives, angles):  # type: ignore[no-untyped-def]
    """Return the gradient of ``<ket| H |ket>`` over angles, given bra = H ket; both states are rewound to the start."""
    gradient = np.zeros(len(angles))
    for g in range(len(steps.rotation) - 1, -1, -1):
        a = steps.angle_start[g]
        if steps.rotation[g]:
            x, z = steps.x[g], steps.z[g]
            if steps.free[a]:
                gradient[a] = overlap_pauli(bra, ket, x, z).imag
            rotate(ket, x, z, -angles[a])
            rotate(bra, x, z, -angles[a])
        else:
            qubits = steps.qubits[steps.qubit_start[g] : steps.qubit_start[g + 1]]
            adjoint = np.conj(square(matrices, steps.matrix_start[g], steps.matrix_start[g + 1])).T.copy()
            apply_matrix(ket, qubits, adjoint)
            for k in range(a, steps.angle_start[g + 1]):
                if steps.free[k]:
                    derivative = square(derivatives, steps.derivative_start[k], steps.derivative_start[k + 1])
                    gradient[k] = 2 * overlap_matrix(bra, ket, qubits, derivative).real
            apply_matrix(bra, qubits, adjoint)
    return gradient


@compiled
def energy(ket, bra, steps, matrices, affine, terms, table, values):  # type: ignore[no-untyped-def]
    """Return the expectation value after running the gates on `ket`; `bra` becomes the sum applied to it."""
    run(ket, steps, matrices, angles_at(affine, values))
    apply_terms(ket, terms, table, bra)
    return overlap(ket, bra)


@compiled
def energy_gradient(ket, bra, steps, matrices, derivatives, affine, terms, table, values):  # type: ignore[no-untyped-def]
    """Return the expectation value and its gradient over parameters by adjoint differentiation."""
    value = energy(ket, bra, steps, matrices, affine, terms, table, values)
    by_angle = differentiate(ket, bra, steps, matrices, derivatives, angles_at(affine, values))
    gradient = np.zeros(len(values))
    for a in range(len(by_angle)):
        for t in range(affine.term_start[a], affine.term_start[a + 1]):
            gradient[affine.parameter[t]] += affine.scale[t] * by_angle[a]
    return value, gradient
