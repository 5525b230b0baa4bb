"""Batches sample by sample with dense matrices, and gradients by differences."""

import numpy as np

from tests.slow_twins import statevector


def states(program, inputs, data, weights, initial=None):
    """Return the final states, shape [batch, 2^num_qubits]."""
    size = 2**program.num_qubits
    result = []
    for b, row in enumerate(np.asarray(data)):
        values = np.empty(program.num_parameters)
        values[list(inputs)] = row
        values[[k for k in range(program.num_parameters) if k not in list(inputs)]] = weights
        start = np.eye(size)[0] if initial is None else initial[b]
        unitary = np.eye(size, dtype=complex)
        for operation, matrix in statevector.matrices(program, values):
            unitary = statevector.spread(matrix, operation.qubits, program.num_qubits) @ unitary
        result.append(unitary @ start)
    return np.array(result).reshape(len(data), size)


def values(program, observables, inputs, data, weights, initial=None):
    """Return every observable, on the program's outputs, or the outcomes' probabilities; shape [batch, num_outputs]."""
    outputs = program.outputs.tolist()
    result = []
    for state in states(program, inputs, data, weights, initial):
        if observables is None:
            outcomes = sum(((np.arange(len(state)) >> q) & 1) << k for k, q in enumerate(outputs))
            result.append(np.bincount(outcomes, abs(state) ** 2, 2 ** len(outputs)))
        else:
            spread = [statevector.spread(o.matrix(), outputs, program.num_qubits) for o in observables]
            result.append([(state.conj() @ matrix @ state).real for matrix in spread])
    return np.array(result)


def slope(function, point, step=1e-5):
    """Return the gradient of a real function by central differences; by real and imaginary part where complex."""
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        for unit in (1, 1j) if np.iscomplexobj(point) else (1,):
            move = np.zeros_like(point)
            move[index] = unit * step
            gradient[index] += unit * (function(point + move) - function(point - move)) / (2 * step)
    return gradient
