"""The gates that a `Program` holds: names, matrices and derivatives in Qiskit's conventions, little-endian."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.core.errors import InvalidValueError, nearest

ComplexArray = NDArray[np.complex128]

PAULIS: ComplexArray = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_I, _X, _Y, _Z = PAULIS
_H = (_X + _Z) / np.sqrt(2)
_SWAP: ComplexArray = np.eye(4, dtype=np.complex128)[[0, 2, 1, 3]]


@dataclass(frozen=True)
class Gate:
    """One kind of gate.

    Args:
        name: Qiskit's name.
        num_qubits: how many qubits it acts on, `None` for any number.
        matrix: angles in radians, each of shape [...], to the unitary of shape [..., 2^n, 2^n]; `None` where angles are
            not enough (``unitary``, ``pauli_rotation``).
        frequencies: one per angle; the matrix's entries are spanned by 1 and exp(+-i frequency angle).
    """

    name: str
    num_qubits: int | None
    matrix: Callable[..., ComplexArray] | None
    frequencies: tuple[float, ...] = ()

    @property
    def num_angles(self) -> int:
        """Number of angles."""
        return len(self.frequencies)


def pauli_matrix(letters: Sequence[int]) -> ComplexArray:
    """Return the matrix of a Pauli string; ``letters[0]`` acts on the least significant bit."""
    matrix: ComplexArray = np.ones((1, 1), np.complex128)
    for letter in letters:
        matrix = np.kron(PAULIS[letter], matrix)
    return matrix


def gate_matrix(name: str, angles: ArrayLike = (), letters: Sequence[int] = ()) -> ComplexArray:
    """Return a gate's unitary.

    Args:
        name: a gate of `GATES` other than ``unitary``.
        angles: radians, shape [..., num_angles].
        letters: Pauli letters of a ``pauli_rotation``, in the order of its qubits.

    Returns:
        shape [..., 2^n, 2^n]; the gate's first qubit is the least significant bit.

    Raises:
        InvalidValueError: an unknown gate or a wrong number of angles.
    """
    gate, values = _lookup(name, angles)
    return _matrix(gate, letters)(*np.moveaxis(values, -1, 0))


def gate_derivatives(name: str, angles: ArrayLike, letters: Sequence[int] = ()) -> ComplexArray:
    """Return the derivative of a gate's unitary with respect to each of its angles.

    The entries are trigonometric polynomials of one frequency f in each angle, so that a shift of pi / (2 f) is exact.

    Args:
        name: a gate of `GATES` other than ``unitary``.
        angles: radians, shape [..., num_angles].
        letters: Pauli letters of a ``pauli_rotation``, in the order of its qubits.

    Returns:
        shape [num_angles, ..., 2^n, 2^n].

    Raises:
        InvalidValueError: an unknown gate or a wrong number of angles.

    Source: Mitarai et al., arXiv:1803.00745, applied to the matrix instead of the expectation value.
    """
    gate, values = _lookup(name, angles)
    matrix = _matrix(gate, letters)
    shifts = np.pi / 2 / np.array(gate.frequencies) * np.eye(gate.num_angles)
    return np.array(
        [
            f / 2 * (matrix(*np.moveaxis(values + shift, -1, 0)) - matrix(*np.moveaxis(values - shift, -1, 0)))
            for f, shift in zip(gate.frequencies, shifts, strict=True)
        ]
    )


def rotation_matrix(pauli: ComplexArray, angle: ArrayLike) -> ComplexArray:
    """Return ``exp(-i angle / 2 pauli)`` for a matrix that squares to one; angle of any shape [...]."""
    half = np.asarray(angle, np.float64)[..., None, None] / 2
    return np.cos(half) * np.eye(len(pauli)) - 1j * np.sin(half) * pauli


def _lookup(name: str, angles: ArrayLike) -> tuple[Gate, NDArray[np.float64]]:
    if name not in CODES:
        raise InvalidValueError(f"`{name}` is not a gate: {nearest(name, CODES)}")
    gate, values = GATES[CODES[name]], np.asarray(angles, np.float64)
    if values.shape[-1] != gate.num_angles:
        raise InvalidValueError(f"`{name}` takes {gate.num_angles} angles, got {values.shape[-1]}.")
    return gate, values


def _matrix(gate: Gate, letters: Sequence[int]) -> Callable[..., ComplexArray]:
    if gate.name == "pauli_rotation":
        return _rotation(pauli_matrix(letters))
    if gate.matrix is None:
        raise InvalidValueError(f"the matrix of `{gate.name}` is kept in its program.")
    return gate.matrix


def _constant(matrix: ArrayLike) -> Callable[..., ComplexArray]:
    return lambda: np.array(matrix, np.complex128)


def _rotation(pauli: ComplexArray) -> Callable[..., ComplexArray]:
    return lambda angle: rotation_matrix(pauli, angle)


def _phase(angle: ArrayLike) -> ComplexArray:
    matrix = np.zeros((*np.shape(angle), 2, 2), np.complex128)
    matrix[..., 0, 0] = 1
    matrix[..., 1, 1] = np.exp(1j * np.asarray(angle))
    return matrix


def _u(theta: ArrayLike, phi: ArrayLike, lam: ArrayLike) -> ComplexArray:
    half, phi, lam = np.asarray(theta) / 2, np.asarray(phi), np.asarray(lam)
    c, s = np.cos(half), np.sin(half)
    rows = [[c, -np.exp(1j * lam) * s], [np.exp(1j * phi) * s, np.exp(1j * (phi + lam)) * c]]
    return _stack(rows)


def _r(theta: ArrayLike, phi: ArrayLike) -> ComplexArray:
    return _u(theta, np.asarray(phi) - np.pi / 2, np.pi / 2 - np.asarray(phi))


def _cu(theta: ArrayLike, phi: ArrayLike, lam: ArrayLike, gamma: ArrayLike) -> ComplexArray:
    return _controlled(np.exp(1j * np.asarray(gamma))[..., None, None] * _u(theta, phi, lam))


def _exchange(low: int, high: int) -> Callable[..., ComplexArray]:
    """Return a rotation by theta between two of the four basis states, with phase beta."""

    def matrix(theta: ArrayLike, beta: ArrayLike) -> ComplexArray:
        result = np.zeros((*np.shape(theta), 4, 4), np.complex128)
        result[...] = np.eye(4)
        result[..., low, low] = result[..., high, high] = np.cos(np.asarray(theta) / 2)
        result[..., high, low] = -1j * np.sin(np.asarray(theta) / 2) * np.exp(1j * np.asarray(beta))
        result[..., low, high] = -np.conj(result[..., high, low])
        return result

    return matrix


def _stack(rows: Sequence[Sequence[ArrayLike]]) -> ComplexArray:
    return np.stack([np.stack(np.broadcast_arrays(*row), -1) for row in rows], -2)


def _controlled(matrix: NDArray[np.inexact[Any]]) -> ComplexArray:
    size = 2 * matrix.shape[-1]
    result = np.zeros((*matrix.shape[:-2], size, size), np.complex128)
    result[..., 0::2, 0::2] = np.eye(size // 2)
    result[..., 1::2, 1::2] = matrix
    return result


def _control(function: Callable[..., ComplexArray]) -> Callable[..., ComplexArray]:
    return lambda *angles: _controlled(function(*angles))


def _relative_phase_toffoli(num_controls: int) -> ComplexArray:
    """Return Qiskit's simplified Toffoli: an X on the last qubit if all controls are 1, with phases on some states."""
    size = 2**num_controls
    states = np.arange(2 * size)
    states[[size - 1, 2 * size - 1]] = [2 * size - 1, size - 1]
    matrix = np.eye(2 * size, dtype=np.complex128)[states]
    if num_controls == 2:
        matrix[5, 5], matrix[3, 7], matrix[7, 3] = -1, -1j, 1j
    else:
        matrix[3, 3], matrix[11, 11], matrix[7, 15], matrix[15, 7] = 1j, -1j, 1, -1
    return matrix


def _fixed(name: str, matrix: ArrayLike) -> Gate:
    return Gate(name, int(np.log2(len(np.asarray(matrix)))), _constant(matrix))


_HALF, _ONE = (0.5,), (1.0,)
_CX = _controlled(_X)
_S, _T, _SX = np.diag([1, 1j]), np.diag([1, np.exp(0.25j * np.pi)]), np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2
_RX, _RY, _RZ = map(_rotation, PAULIS[1:])

GATES: tuple[Gate, ...] = (
    _fixed("id", _I),
    _fixed("x", _X),
    _fixed("y", _Y),
    _fixed("z", _Z),
    _fixed("h", _H),
    _fixed("s", _S),
    _fixed("sdg", _S.conj()),
    _fixed("t", _T),
    _fixed("tdg", _T.conj()),
    _fixed("sx", _SX),
    _fixed("sxdg", _SX.conj()),
    Gate("rx", 1, _RX, _HALF),
    Gate("ry", 1, _RY, _HALF),
    Gate("rz", 1, _RZ, _HALF),
    Gate("p", 1, _phase, _ONE),
    Gate("r", 1, _r, _HALF + _ONE),
    Gate("u", 1, _u, _HALF + 2 * _ONE),
    Gate("u1", 1, _phase, _ONE),
    Gate("u2", 1, lambda phi, lam: _u(np.pi / 2, phi, lam), 2 * _ONE),
    Gate("u3", 1, _u, _HALF + 2 * _ONE),
    _fixed("cx", _CX),
    _fixed("cy", _controlled(_Y)),
    _fixed("cz", _controlled(_Z)),
    _fixed("ch", _controlled(_H)),
    _fixed("cs", _controlled(_S)),
    _fixed("csdg", _controlled(_S.conj())),
    _fixed("csx", _controlled(_SX)),
    _fixed("swap", _SWAP),
    _fixed("iswap", np.diag([1, 1j, 1j, 1]) @ _SWAP),
    _fixed("ecr", (pauli_matrix((1, 0)) - pauli_matrix((2, 1))) / np.sqrt(2)),
    _fixed("dcx", _SWAP @ _CX @ _SWAP @ _CX),
    Gate("rxx", 2, _rotation(pauli_matrix((1, 1))), _HALF),
    Gate("ryy", 2, _rotation(pauli_matrix((2, 2))), _HALF),
    Gate("rzz", 2, _rotation(pauli_matrix((3, 3))), _HALF),
    Gate("rzx", 2, _rotation(pauli_matrix((3, 1))), _HALF),
    Gate("crx", 2, _control(_RX), _HALF),
    Gate("cry", 2, _control(_RY), _HALF),
    Gate("crz", 2, _control(_RZ), _HALF),
    Gate("cp", 2, _control(_phase), _ONE),
    Gate("cu", 2, _cu, _HALF + 3 * _ONE),
    Gate("cu1", 2, _control(_phase), _ONE),
    Gate("cu3", 2, _control(_u), _HALF + 2 * _ONE),
    Gate("xx_minus_yy", 2, _exchange(0, 3), _HALF + _ONE),
    Gate("xx_plus_yy", 2, _exchange(1, 2), _HALF + _ONE),
    _fixed("ccx", _controlled(_CX)),
    _fixed("ccz", _controlled(_controlled(_Z))),
    _fixed("cswap", _controlled(_SWAP)),
    _fixed("rccx", _relative_phase_toffoli(2)),
    _fixed("rcccx", _relative_phase_toffoli(3)),
    _fixed("c3sx", _controlled(_controlled(_controlled(_SX)))),
    Gate("unitary", None, None),
    Gate("pauli_rotation", None, None, _HALF),
)
ROTATIONS: dict[str, tuple[int, ...]] = {
    "rx": (1,),
    "ry": (2,),
    "rz": (3,),
    "rxx": (1, 1),
    "ryy": (2, 2),
    "rzz": (3, 3),
    "rzx": (3, 1),
}
"""Pauli letters of the gates that are Pauli rotations by another name."""
CODES: dict[str, int] = {gate.name: code for code, gate in enumerate(GATES)}
