"""Random programs, observables and states for the tests of this room."""

import numpy as np

from qloop.circuits.gates import GATES
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program


def random_program(rng, num_qubits, num_gates, num_parameters=3):
    """Return a program of random gates; most angles depend on the parameters, some on several."""
    fitting = [gate for gate in GATES if (gate.num_qubits or 1) <= num_qubits]
    operations = []
    for _ in range(num_gates):
        gate = fitting[rng.integers(len(fitting))]
        width = gate.num_qubits or rng.integers(1, min(num_qubits, 4) + 1)
        qubits = tuple(rng.permutation(num_qubits)[:width].tolist())
        angles = tuple(_random_angle(rng, num_parameters) for _ in range(gate.num_angles))
        letters = tuple(rng.integers(1, 4, width).tolist()) if gate.name == "pauli_rotation" else ()
        matrix = random_unitary(rng, width) if gate.name == "unitary" else None
        operations.append(Operation(gate.name, qubits, angles, letters, matrix))
    return Program.from_operations(num_qubits, operations, [f"p{k}" for k in range(num_parameters)])


def _random_angle(rng, num_parameters):
    size = rng.integers(0, min(num_parameters, 2) + 1)
    chosen = rng.permutation(num_parameters)[:size]
    return Angle(rng.normal(), {int(k): rng.normal() for k in chosen})


def random_unitary(rng, num_qubits):
    """Return a random unitary, shape [2^num_qubits, 2^num_qubits]."""
    return np.linalg.qr(rng.normal(size=(2**num_qubits, 2**num_qubits, 2)) @ [1, 1j])[0]


def random_pauli_sum(rng, num_qubits, num_terms):
    """Return a sum of random strings, repeats included."""
    return PauliSum(num_qubits, rng.integers(0, 4, (num_terms, num_qubits), np.uint8), rng.normal(size=num_terms))


def random_state(rng, num_qubits):
    """Return a random statevector."""
    state = rng.normal(size=(2**num_qubits, 2)) @ [1, 1j]
    return state / np.linalg.norm(state)
