"""Density matrices of small programs with noise after each gate: the slow, clear simulator others are held to."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.gates import gate_matrix
from qloop.circuits.program import Operation, Program
from qloop.circuits.simulate.memory import check_memory

ComplexArray = NDArray[np.complex128]
Channel = Callable[[Operation], Iterable[tuple[ComplexArray, Sequence[int]]]]
"""A gate to the noise after it: superoperators, shape [4^k, 4^k], and the k qubits that each acts on."""


def simulate_density(program: Program, values: ArrayLike = (), channel: Channel | None = None) -> ComplexArray:
    """Return the density matrix that a program prepares from all zeros.

    Args:
        program: any program; meant for up to ten qubits.
        values: parameters, shape [num_parameters].
        channel: noise after each gate, `None` for none.

    Returns:
        shape [2^num_qubits, 2^num_qubits], qubit 0 the least significant bit.

    Raises:
        InvalidValueError: a wrong number of parameters, or more memory than there is.
    """
    n = program.num_qubits
    check_memory(3 * 16 * 4**n, f"a density matrix of {n} qubits")
    angles = program.angles(values)
    # Columns stacked: the row of the matrix is the low n bits of the index, its column the high n bits.
    vector = np.zeros(4**n, np.complex128)
    vector[0] = 1
    for k, operation in enumerate(program.operations()):
        matrix = operation.matrix
        if matrix is None:
            own = angles[program.angle_start[k] : program.angle_start[k + 1]]
            matrix = gate_matrix(operation.name, own, operation.letters)
        vector = _apply(vector, matrix, operation.qubits)
        vector = _apply(vector, matrix.conj(), [q + n for q in operation.qubits])
        for superoperator, qubits in channel(operation) if channel else ():
            vector = _apply(vector, superoperator, [*qubits, *(q + n for q in qubits)])
    return vector.reshape(2**n, 2**n).T


def superoperator_from_kraus(kraus: ArrayLike) -> ComplexArray:
    """Return the matrix of ``rho -> sum K rho K^dagger`` on stacked columns.

    Args:
        kraus: operators, shape [m, 2^k, 2^k].

    Returns:
        shape [4^k, 4^k].
    """
    operators = np.asarray(kraus, np.complex128)
    size = operators.shape[-1] ** 2
    superoperator: ComplexArray = np.einsum("mij,mkl->ikjl", operators.conj(), operators).reshape(size, size)
    return superoperator


def _apply(vector: ComplexArray, matrix: ComplexArray, qubits: Sequence[int]) -> ComplexArray:
    num_bits = len(vector).bit_length() - 1
    axes = [num_bits - 1 - q for q in reversed(qubits)]
    front = range(len(axes))
    tensor = np.moveaxis(vector.reshape((2,) * num_bits), axes, front)
    product = (matrix @ tensor.reshape(len(matrix), -1)).reshape(tensor.shape)
    result: ComplexArray = np.moveaxis(product, front, axes).reshape(-1)
    return result
