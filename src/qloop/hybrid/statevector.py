"""A statevector in plain PyTorch: any device, any order of derivative; the twin of the fast kernels."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from qloop.circuits.gates import gate_matrix
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate.memory import check_memory
from qloop.hybrid.spectrum import gate_spectrum


def evolve(program: Program, parameters: Tensor, initial: Tensor | None = None) -> Tensor:
    """Return the states that a program prepares, differentiable in the parameters.

    Every gate's state is kept for the derivative: it takes ``num_gates`` times the memory of the fast kernels.

    Args:
        program: any program.
        parameters: radians, shape [batch, num_parameters], float32 or float64, on any device.
        initial: states to start from, shape [batch, 2^num_qubits]; all zeros by default.

    Returns:
        shape [batch, 2^num_qubits], qubit 0 the least significant bit.

    Raises:
        InvalidValueError: more memory than there is.
    """
    batch, n = len(parameters), program.num_qubits
    dtype = torch.complex128 if parameters.dtype == torch.float64 else torch.complex64
    if parameters.device.type == "cpu":
        kept = program.num_gates if torch.is_grad_enabled() else 1
        check_memory(dtype.itemsize * (2 + kept) * batch * 2**n, f"a batch of {batch} states of {n} qubits in PyTorch")
    if initial is None:
        state = torch.zeros(batch, 2**n, dtype=dtype, device=parameters.device)
        state[:, 0] = 1
    else:
        state = initial.to(dtype)
    for operation in program.operations():
        state = _apply(state, _matrices(operation, parameters, state), operation.qubits)
    return state


def output_values(program: Program, observables: Sequence[PauliSum] | None, state: Tensor) -> Tensor:
    """Return what a layer measures on the outputs of a program.

    Args:
        program: whose outputs.
        observables: on the outputs, output k their qubit k; `None` for the probabilities of the outputs.
        state: shape [batch, 2^num_qubits].

    Returns:
        shape [batch, number of observables], or [batch, 2^num_outputs], little-endian.
    """
    n, outputs = program.num_qubits, program.outputs.tolist()
    if observables is None:
        axes = [n - qubit for qubit in reversed(outputs)]
        rest = [axis for axis in range(1, n + 1) if axis not in axes]
        weights = (state.real**2 + state.imag**2).reshape(-1, *(2,) * n).permute(0, *axes, *rest)
        return weights.reshape(len(state), 2 ** len(outputs), -1).sum(-1)
    rows = np.arange(2**n, dtype=np.uint64)
    values = torch.zeros(len(state), len(observables), dtype=state.real.dtype, device=state.device)
    for x, diagonals in _diagonals(n, outputs, observables).items():
        moved = state if x == 0 else state[:, torch.as_tensor((rows ^ np.uint64(x)).astype(np.int64))]
        values = values + ((moved.conj() * state) @ _constant(diagonals, state)).real
    return values


def _matrices(operation: Operation, parameters: Tensor, state: Tensor) -> Tensor:
    """Return a gate's matrix, one a sample where it has angles."""
    if operation.matrix is not None:
        return _constant(operation.matrix, state)
    if not operation.angles:
        return _constant(gate_matrix(operation.name), state)
    spectrum = gate_spectrum(operation.name, operation.letters)
    angles = torch.stack([_angle(angle, parameters) for angle in operation.angles], dim=-1)
    phases = angles @ torch.as_tensor(spectrum.exponents.T, dtype=angles.dtype, device=angles.device)
    return torch.einsum("bt,tij->bij", torch.exp(1j * phases), _constant(spectrum.matrices, state))


def _diagonals(n: int, outputs: list[int], observables: Sequence[PauliSum]) -> dict[int, np.ndarray]:
    """Return, for each X mask, the rest of every observable as a diagonal, shape [2^n, number of observables]."""
    rows = np.arange(2**n, dtype=np.uint64)
    found: dict[int, np.ndarray] = {}
    for k, observable in enumerate(observables):
        for x, z, coefficient in zip(*observable.placed(outputs, n).masks(), observable.coefficients, strict=True):
            diagonal = found.setdefault(int(x), np.zeros((2**n, len(observables)), np.complex128))
            signs = 1.0 - 2.0 * (np.bitwise_count(rows & z) & 1)
            diagonal[:, k] += coefficient * 1j ** int(np.bitwise_count(x & z)) * signs
    return found


def _constant(array: np.ndarray, like: Tensor) -> Tensor:
    return torch.as_tensor(array, dtype=like.dtype, device=like.device)


def _angle(angle: Angle, parameters: Tensor) -> Tensor:
    value = parameters.new_full((len(parameters),), angle.offset)
    for index, scale in angle.terms.items():
        value = value + scale * parameters[:, index]
    return value


def _apply(state: Tensor, matrix: Tensor, qubits: Sequence[int]) -> Tensor:
    """Apply one matrix, or one a sample, to qubits of a batch of states; the first qubit is the least significant."""
    batch, size = state.shape
    n = size.bit_length() - 1
    axes = [n - qubit for qubit in reversed(qubits)]
    last = list(range(n + 1 - len(axes), n + 1))
    moved = state.reshape(batch, *(2,) * n).movedim(axes, last)
    product = moved.reshape(batch, -1, 2 ** len(axes)) @ matrix.mT
    return product.reshape(moved.shape).movedim(last, axes).reshape(batch, size)
