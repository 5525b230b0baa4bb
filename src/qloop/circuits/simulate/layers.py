"""`Layers`: a program as layers of commuting work, with CNOT, SWAP and X turned into a relabelling of the rows."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.program import Angle, Program
from qloop.circuits.simulate.steps import Cnot, Flip, Matrix, Phase, Rotation, Step, add_angles, decompose

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Rotations(NamedTuple):
    """Pauli rotations ``exp(-i angle / 2 P)`` in time order, P = i^|x & z| X^x Z^z over row bits, no x zero.

    Args:
        x: shape [rotations].
        z: shape [rotations].
        angles: indices into the angles of the `Layers`.
    """

    x: IntArray
    z: IntArray
    angles: IntArray


class Diagonal(NamedTuple):
    """One diagonal ``exp(-i / 2 sum(angle (-1)^|z & row|))``.

    Args:
        z: shape [terms], distinct.
        angles: indices into the angles of the `Layers`.
    """

    z: IntArray
    angles: IntArray


class Dense(NamedTuple):
    """A constant unitary on some qubits.

    Args:
        x: row mask that flips qubit k of the matrix, shape [qubits].
        z: row mask whose parity is qubit k up to `flips`, shape [qubits].
        flips: whether that parity is inverted, shape [qubits].
        matrix: qubit 0 its least significant bit.
    """

    x: IntArray
    z: IntArray
    flips: IntArray
    matrix: ComplexArray


Layer = Rotations | Diagonal | Dense


@dataclass(frozen=True, eq=False)
class Layers:
    """A program lowered once for many parameter values.

    A row is an index into the state. Before the first layer bit q of a row is qubit q; afterwards qubit q is the parity
    of ``row & z[q]``, inverted where `flips` says, and flipping bits `x[q]` of the row flips qubit q alone.

    Args:
        program: what was lowered.
        layers: in time order.
        offset: constant part of each angle, shape [num_angles].
        term_start: first parameter term of each angle, shape [num_angles + 1].
        term_parameter: parameter of each term.
        term_scale: factor of each term.
        phase: the global phase, the last angle: ``exp(i angle)``.
        x: shape [num_qubits].
        z: shape [num_qubits].
        flips: shape [num_qubits].
    """

    program: Program
    layers: tuple[Layer, ...]
    offset: FloatArray
    term_start: IntArray
    term_parameter: IntArray
    term_scale: FloatArray
    x: IntArray
    z: IntArray
    flips: IntArray

    @property
    def num_angles(self) -> int:
        """Number of angles, that of the global phase included."""
        return len(self.offset)

    def angles(self, values: ArrayLike) -> FloatArray:
        """Return every angle for parameters of shape [..., num_parameters], the global phase last."""
        theta = np.asarray(values, np.float64)
        angles = np.broadcast_to(self.offset, (*theta.shape[:-1], self.num_angles)).copy()
        np.add.at(angles, (..., self._owner), theta[..., self.term_parameter] * self.term_scale)  # type: ignore[arg-type]
        return angles

    def parameter_gradient(self, angle_gradient: FloatArray) -> FloatArray:
        """Return the gradient over parameters from one over angles: the transpose of `angles`."""
        gradient = np.zeros((*angle_gradient.shape[:-1], self.program.num_parameters))
        share = angle_gradient[..., self._owner] * self.term_scale
        np.add.at(gradient, (..., self.term_parameter), share)  # type: ignore[arg-type]
        return gradient

    def pauli_masks(self, x: IntArray, z: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Return Paulis on the final qubits as Paulis on rows.

        Args:
            x: X masks over qubits, P = i^|x & z| X^x Z^z.
            z: Z masks over qubits.

        Returns:
            X masks over rows, Z masks over rows, and the sign of the Pauli on rows.
        """
        rows_x, rows_z, signs = np.zeros_like(x), np.zeros_like(z), np.ones_like(x)
        for qubit in range(self.program.num_qubits):
            on_x, on_z = (x >> qubit) & 1, (z >> qubit) & 1
            rows_x ^= on_x * self.x[qubit]
            rows_z ^= on_z * self.z[qubit]
            signs *= 1 - 2 * (on_z & self.flips[qubit])
        turns = np.bitwise_count(x & z).astype(np.int64) - np.bitwise_count(rows_x & rows_z)
        return rows_x, rows_z, signs * (1 - turns % 4)

    def slopes(self) -> FloatArray:
        """Return the derivative of every angle by every parameter, shape [num_angles, num_parameters]."""
        matrix = np.zeros((self.num_angles, self.program.num_parameters))
        np.add.at(matrix, (self._owner, self.term_parameter), self.term_scale)
        return matrix

    def basis_states(self, rows: IntArray) -> IntArray:
        """Return the basis state of the qubits that each final row is."""
        return self._read(rows, np.arange(self.program.num_qubits))

    def outcomes(self, rows: IntArray) -> IntArray:
        """Return the outcome of the program's outputs, output 0 the least significant bit, that each final row is."""
        return self._read(rows, self.program.outputs)

    def _read(self, rows: IntArray, qubits: NDArray[np.integer]) -> IntArray:
        result = np.zeros_like(rows)
        for k, qubit in enumerate(qubits.tolist()):
            parity = np.bitwise_count(rows & self.z[qubit]).astype(np.int64) & 1
            result |= (parity ^ self.flips[qubit]) << k
        return result

    @property
    def _owner(self) -> IntArray:
        return np.repeat(np.arange(self.num_angles), np.diff(self.term_start))


@lru_cache(maxsize=64)
def lower(program: Program) -> Layers:
    """Return a program's layers; the last few are kept, as one ansatz serves many observables."""
    frame, schedule, phase = _Frame(program.num_qubits), _Schedule(), Angle()
    for operation in program.operations():
        for step in decompose(operation):
            match step:
                case Rotation():
                    schedule.rotate(*frame.rotation(step))
                case Matrix():
                    schedule.layers.append(frame.dense(step))
                case Phase():
                    phase = add_angles((1, phase), (1, step.angle))
                case _:
                    frame.relabel(step)
    angles: list[Angle] = []
    layers = tuple(layer for draft in schedule.layers if (layer := _finish(draft, angles)))
    angles.append(phase)
    terms = [term for angle in angles for term in angle.terms.items()]
    return Layers(
        program=program,
        layers=layers,
        offset=np.array([angle.offset for angle in angles]),
        term_start=np.cumsum([0, *(len(angle.terms) for angle in angles)]),
        term_parameter=np.array([parameter for parameter, _ in terms], np.int64),
        term_scale=np.array([scale for _, scale in terms], np.float64),
        x=np.array(frame.x, np.int64),
        z=np.array(frame.z, np.int64),
        flips=np.array(frame.flips, np.int64),
    )


class _Frame:
    """How rows and qubits are related at one time; see `Layers`."""

    def __init__(self, num_qubits: int) -> None:
        self.x = [1 << q for q in range(num_qubits)]
        self.z = [1 << q for q in range(num_qubits)]
        self.flips = [0] * num_qubits

    def relabel(self, step: Step) -> None:
        """Follow a gate that permutes basis states."""
        match step:
            case Flip(qubit):
                self.flips[qubit] ^= 1
            case Cnot(control, target):
                self.z[target] ^= self.z[control]
                self.flips[target] ^= self.flips[control]
                self.x[control] ^= self.x[target]

    def rotation(self, step: Rotation) -> tuple[int, int, Angle]:
        """Return the rotation with masks over rows, the sign of its Pauli moved into the angle."""
        x = z = sign = 0
        for qubit, (row_x, row_z, flip) in enumerate(zip(self.x, self.z, self.flips, strict=True)):
            if step.x >> qubit & 1:
                x ^= row_x
            if step.z >> qubit & 1:
                z ^= row_z
                sign ^= flip
        turns = (step.x & step.z).bit_count() - (x & z).bit_count()
        return x, z, add_angles(((1 - 2 * sign) * (1 - turns % 4), step.angle))

    def dense(self, step: Matrix) -> Dense:
        """Return the matrix with its qubits as masks over rows."""
        x, z, flips = (np.array([of[q] for q in step.qubits], np.int64) for of in (self.x, self.z, self.flips))
        return Dense(x, z, flips, step.entries)


class _Run:
    """A layer in the making: rotations in time order, all of them diagonal or none."""

    def __init__(self, diagonal: bool) -> None:
        self.diagonal = diagonal
        self.angles: dict[tuple[int, int, int], Angle] = {}

    def commutes(self, x: int, z: int) -> bool:
        return not any(
            ((x & other_z).bit_count() + (z & other_x).bit_count()) & 1 for other_x, other_z, _ in self.angles
        )

    def add(self, x: int, z: int, angle: Angle) -> None:
        """Merge with an equal rotation where nothing stands between, or append."""
        equal = next((key for key in self.angles if key[:2] == (x, z)), None) if self.commutes(x, z) else None
        if equal:
            self.angles[equal] = add_angles((1, self.angles[equal]), (1, angle))
        else:
            self.angles[x, z, len(self.angles)] = angle


class _Schedule:
    """Collects rotations in as few layers as their order allows."""

    def __init__(self) -> None:
        self.layers: list[_Run | Dense] = []

    def rotate(self, x: int, z: int, angle: Angle) -> None:
        """Put a rotation into the earliest layer of its kind that it can be moved back to."""
        place = None
        for layer in reversed(self.layers):
            if isinstance(layer, _Run) and layer.diagonal == (x == 0):
                place = layer
            if not _commutes(layer, x, z):
                break
        if place is None:
            place = _Run(x == 0)
            self.layers.append(place)
        place.add(x, z, angle)


def _commutes(layer: _Run | Dense, x: int, z: int) -> bool:
    if isinstance(layer, _Run):
        return layer.commutes(x, z)
    return not (np.bitwise_count(x & layer.z) & 1).any() and not (np.bitwise_count(z & layer.x) & 1).any()


def _finish(draft: _Run | Dense, angles: list[Angle]) -> Layer | None:
    """Return the layer with its angles appended to all; `None` when every rotation in it cancelled."""
    if isinstance(draft, Dense):
        return draft
    kept = [(x, z, angle) for (x, z, _), angle in draft.angles.items() if angle.offset or any(angle.terms.values())]
    if not kept:
        return None
    x, z = (np.array([item[k] for item in kept], np.int64) for k in (0, 1))
    places = len(angles) + np.arange(len(kept))
    angles += [angle for _, _, angle in kept]
    return Diagonal(z, places) if draft.diagonal else Rotations(x, z, places)
