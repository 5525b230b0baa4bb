"""Statevector simulation in plain numpy, one matrix product per gate."""

import numpy as np

from qloop.circuits.gates import gate_matrix


def simulate(program, values=(), initial=0):
    """Return the state, shape [2^num_qubits], with every gate's matrix spread over the whole register."""
    state = np.eye(2**program.num_qubits, dtype=complex)[initial]
    for operation, matrix in matrices(program, values):
        state = spread(matrix, operation.qubits, program.num_qubits) @ state
    return state


def matrices(program, values):
    """Yield each gate with its matrix at parameter values."""
    for operation in program.operations():
        angles = [a.offset + sum(scale * values[k] for k, scale in a.terms.items()) for a in operation.angles]
        matrix = operation.matrix
        yield operation, gate_matrix(operation.name, angles, operation.letters) if matrix is None else matrix


def spread(matrix, qubits, num_qubits):
    """Return the matrix on the whole register, entry by entry."""
    size = 2**num_qubits
    result = np.zeros((size, size), complex)
    for column in range(size):
        source = sum(((column >> q) & 1) << k for k, q in enumerate(qubits))
        rest = column & ~sum(1 << q for q in qubits)
        for target in range(len(matrix)):
            row = rest | sum(((target >> k) & 1) << q for k, q in enumerate(qubits))
            result[row, column] = matrix[target, source]
    return result
