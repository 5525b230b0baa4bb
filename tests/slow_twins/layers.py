"""Lowered programs run in plain numpy, one layer at a time."""

import numpy as np

from qloop.circuits.gates import pauli_matrix
from qloop.circuits.simulate.layers import Diagonal, Rotations


def simulate(layers, values=(), initial=0):
    """Return the program's state over qubits, its global phase included."""
    n = layers.program.num_qubits
    angles = layers.angles(values)
    rows = run(layers, angles, np.eye(2**n)[initial])
    index = sum((parity(np.arange(2**n), layers.z[q]) ^ layers.flips[q]) << q for q in range(n))
    state = np.empty_like(rows)
    state[index] = rows
    return np.exp(1j * angles[-1]) * state


def run(layers, angles, state):
    """Return the state over rows after all layers."""
    for layer in layers.layers:
        if isinstance(layer, Rotations):
            for x, z, a in zip(*layer, strict=True):
                half = angles[a] / 2
                state = np.cos(half) * state - 1j * np.sin(half) * apply_pauli(state, x, z)
        elif isinstance(layer, Diagonal):
            for z, a in zip(*layer, strict=True):
                state = state * np.exp(-0.5j * angles[a] * (1 - 2 * parity(np.arange(len(state)), z)))
        else:
            state = _dense(layer, state)
    return state


def parity(rows, mask):
    """Return the parity of the bits of each row under a mask."""
    return np.bitwise_count(rows & int(mask)).astype(np.int64) & 1


def pauli(letters):
    """Return the matrix of a string."""
    return pauli_matrix(letters)


def apply_pauli(state, x, z):
    """Return i^|x & z| X^x Z^z applied to a state."""
    rows = np.arange(len(state))
    return 1j ** int(int(x & z).bit_count()) * ((1 - 2 * parity(rows, z)) * state)[rows ^ int(x)]


def _dense(layer, state):
    rows = np.arange(len(state))
    local = sum((parity(rows, z) ^ flip) << k for k, (z, flip) in enumerate(zip(layer.z, layer.flips, strict=True)))
    result = np.zeros(len(state), complex)
    for source in range(len(layer.matrix)):
        for target in range(len(layer.matrix)):
            change, shift = source ^ target, np.zeros_like(rows)
            for k, x in enumerate(layer.x):
                shift ^= ((change >> k) & 1) * int(x)
            here = local == source
            result[(rows ^ shift)[here]] += layer.matrix[target, source] * state[here]
    return result
