"""Density matrices of small programs with noise after each gate: the slow, clear simulator others are held to."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.gates import PAULIS, gate_derivatives, gate_matrix
from qloop.circuits.noise import Damping, Error, Noise, PauliChannel
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Operation, Program
from qloop.circuits.simulate.memory import check_memory

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
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


def noisy_expectations(
    program: Program, observables: Sequence[PauliSum], values: ArrayLike, noise: Noise
) -> tuple[FloatArray, FloatArray]:
    """Return expectation values under noise and their derivatives, by density matrices: for up to about six qubits.

    Args:
        program: any program.
        observables: on the program's outputs, output k their qubit k.
        values: parameters, shape [num_parameters].
        noise: of the program.

    Returns:
        The values, shape [observables], and the derivatives, shape [observables, num_parameters].

    Raises:
        InvalidValueError: a wrong number of parameters, or more memory than there is.
    """
    n, angles = program.num_qubits, program.angles(values)
    check_memory(16 * 4**n * (3 * program.num_gates + 3), f"the density matrices of {program.num_gates} gates")
    state = np.zeros(4**n, np.complex128)
    state[0] = 1
    history: list[tuple[ComplexArray, Sequence[int], ComplexArray]] = []

    def step(matrix: ComplexArray, qubits: Sequence[int]) -> None:
        nonlocal state
        history.append((matrix, qubits, state))
        state = _apply(state, matrix, qubits)

    derivatives = {}
    for k, (operation, errors) in enumerate(zip(program.operations(), noise.after, strict=True)):
        own = angles[program.angle_start[k] : program.angle_start[k + 1]]
        if operation.angles:
            slopes = gate_derivatives(operation.name, own, operation.letters)
            derivatives[len(history)] = program.angle_start[k], slopes
        matrix = gate_matrix(operation.name, own, operation.letters) if operation.matrix is None else operation.matrix
        step(matrix, operation.qubits)
        step(matrix.conj(), [q + n for q in operation.qubits])
        for error in errors:
            superoperator, on = _error(error)
            step(superoperator, [*on, *(q + n for q in on)])
    effects = np.array([_effect(observable, program, noise.readout) for observable in observables])
    result = (effects @ state).real
    gradient = np.zeros((len(observables), len(angles)))
    for index in range(len(history) - 1, -1, -1):
        matrix, qubits, before = history[index]
        if index in derivatives:
            first, slopes = derivatives[index]
            for a, slope in enumerate(slopes):
                # `effects` are past the conjugated half of the gate already; the other half gives the real part again.
                gradient[:, first + a] = 2 * (effects @ _apply(before, slope, qubits)).real
        effects = np.array([_apply(effect, matrix.T, qubits) for effect in effects])
    return result, program.parameter_gradient(gradient)


def _error(error: Error) -> tuple[ComplexArray, tuple[int, ...]]:
    if isinstance(error, Damping):
        p = error.probability
        kraus = [np.diag([1, np.sqrt(1 - p)]), np.array([[0, np.sqrt(p)], [0, 0]])]
        return superoperator_from_kraus(kraus), (error.qubit,)
    if isinstance(error, PauliChannel):
        strings = PAULIS
        for _ in error.qubits[1:]:
            strings = np.array([np.kron(high, low) for high in PAULIS for low in strings])
        return superoperator_from_kraus(np.sqrt(error.probabilities)[:, None, None] * strings), error.qubits
    fixed = [angle.offset for angle in error.angles]
    matrix = gate_matrix(error.name, fixed, error.letters) if error.matrix is None else error.matrix
    return superoperator_from_kraus([matrix]), error.qubits


def _effect(observable: PauliSum, program: Program, readout: FloatArray | None) -> ComplexArray:
    """Return the vector whose product with a density matrix's stacked columns is the mean of what is read."""
    outputs, total = program.outputs.tolist(), np.zeros((2**program.num_qubits,) * 2, np.complex128)
    for letters, coefficient in zip(observable.letters.tolist(), observable.coefficients, strict=True):
        product = np.array([[coefficient]], np.complex128)
        for qubit in range(program.num_qubits):
            letter = letters[outputs.index(qubit)] if qubit in outputs else 0
            factor = PAULIS[letter]
            if letter and readout is not None:
                factor = np.einsum("p,pij->ij", readout[outputs.index(qubit), letter - 1], PAULIS)
            product = np.kron(factor, product)
        total += product
    return total.reshape(-1)


def _apply(vector: ComplexArray, matrix: ComplexArray, qubits: Sequence[int]) -> ComplexArray:
    num_bits = len(vector).bit_length() - 1
    axes = [num_bits - 1 - q for q in reversed(qubits)]
    front = range(len(axes))
    tensor = np.moveaxis(vector.reshape((2,) * num_bits), axes, front)
    product = (matrix @ tensor.reshape(len(matrix), -1)).reshape(tensor.shape)
    result: ComplexArray = np.moveaxis(product, front, axes).reshape(-1)
    return result
