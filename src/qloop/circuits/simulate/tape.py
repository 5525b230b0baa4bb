"""`Tape`: a program as the statevector kernels read it, rotations by their masks and other gates by their matrices."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.gates import CODES, GATES, ROTATIONS, gate_derivatives, gate_matrix
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Program

BoolArray = NDArray[np.bool_]
ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Affine(NamedTuple):
    """How angles depend on parameters, as in `Program`."""

    offset: FloatArray
    term_start: IntArray
    parameter: IntArray
    scale: FloatArray


class Steps(NamedTuple):
    """The gates in time order.

    Args:
        rotation: whether the gate is a Pauli rotation.
        x: its X mask, shape [num_gates]; P = i^|x & z| X^x Z^z.
        z: its Z mask.
        qubit_start: first entry of a gate in `qubits`, shape [num_gates + 1].
        qubits: of all gates.
        matrix_start: first entry of a gate's matrix among all, flattened, shape [num_gates + 1].
        angle_start: first angle of a gate, shape [num_gates + 1].
        free: whether an angle depends on parameters, shape [num_angles].
        derivative_start: first entry of the matrix's derivative with respect to an angle, shape [num_angles + 1].
    """

    rotation: BoolArray
    x: IntArray
    z: IntArray
    qubit_start: IntArray
    qubits: IntArray
    matrix_start: IntArray
    angle_start: IntArray
    free: BoolArray
    derivative_start: IntArray


class Terms(NamedTuple):
    """A Pauli sum by X mask: group g is X^x[g] times the sum of weight Z^z over the terms start[g] to start[g + 1]."""

    x: IntArray
    start: IntArray
    z: IntArray
    weight: ComplexArray


class _Alike(NamedTuple):
    """Gates of one name: their numbers, shape [gates], and their angles, shape [gates, num_angles]."""

    name: str
    gates: IntArray
    angles: IntArray


@dataclass(frozen=True, eq=False)
class Tape:
    """A program lowered once for many parameter values.

    Args:
        program: what was lowered.
        steps: its gates.
        affine: its angles.
        constant: all matrices, flattened; those that depend on parameters are filled in by `matrices`.
        changing: the gates that depend on parameters, rotations apart.
    """

    program: Program
    steps: Steps
    affine: Affine
    constant: ComplexArray
    changing: tuple[_Alike, ...]

    def matrices(self, values: FloatArray) -> ComplexArray:
        """Return all matrices at parameter values, flattened."""
        if not self.changing:
            return self.constant
        angles, flat = self.program.angles(values), self.constant.copy()
        for alike in self.changing:
            _write(flat, self.steps.matrix_start[alike.gates], gate_matrix(alike.name, angles[alike.angles]))
        return flat

    def derivatives(self, values: FloatArray) -> ComplexArray:
        """Return the derivatives of those matrices with respect to their angles, flattened."""
        starts = self.steps.derivative_start
        flat = np.empty(starts[-1], np.complex128)
        if self.changing:
            angles = self.program.angles(values)
            for alike in self.changing:
                _write(flat, starts[alike.angles.T], gate_derivatives(alike.name, angles[alike.angles]))
        return flat


@lru_cache(maxsize=64)
def lower(program: Program) -> Tape:
    """Return the program's tape; the last few are kept, as one ansatz serves many observables."""
    letters, rotation = _rotation_letters(program)
    gate_of_qubit = np.repeat(np.arange(program.num_gates), np.diff(program.qubit_start))
    gate_of_angle = np.repeat(np.arange(program.num_gates), np.diff(program.angle_start))
    free = np.diff(program.term_start) > 0
    changes = np.zeros(program.num_gates, np.bool_)
    changes[gate_of_angle[free]] = True
    changes &= ~rotation
    sizes = np.where(rotation, 0, 4 ** np.where(rotation, 0, np.diff(program.qubit_start)))
    steps = Steps(
        rotation=rotation,
        x=_masks((letters == 1) | (letters == 2), program.qubits, gate_of_qubit, program.num_gates),
        z=_masks(letters >= 2, program.qubits, gate_of_qubit, program.num_gates),
        qubit_start=program.qubit_start.astype(np.int64),
        qubits=program.qubits.astype(np.int64),
        matrix_start=_starts(sizes),
        angle_start=program.angle_start.astype(np.int64),
        free=free,
        derivative_start=_starts(np.where(changes, sizes, 0)[gate_of_angle]),
    )
    affine = Affine(
        offset=program.angle_offset,
        term_start=program.term_start.astype(np.int64),
        parameter=program.term_parameter.astype(np.int64),
        scale=program.term_scale,
    )
    constant = np.empty(steps.matrix_start[-1], np.complex128)
    for alike in _alike(program, ~rotation & ~changes):
        starts = steps.matrix_start[alike.gates]
        if alike.name == "unitary":
            for start, index in zip(starts, program.matrix_index[alike.gates].tolist(), strict=True):
                _write(constant, start, program.matrices[index])
        else:
            _write(constant, starts, gate_matrix(alike.name, program.angle_offset[alike.angles]))
    return Tape(program, steps, affine, constant, tuple(_alike(program, changes)))


def lower_observable(observable: PauliSum) -> Terms:
    """Return the sum's terms grouped by X mask."""
    x, z = (mask.astype(np.int64) for mask in observable.masks())
    order = np.argsort(x, kind="stable")
    groups, start = np.unique(x[order], return_index=True)
    phases = 1j ** np.bitwise_count(x & z)
    return Terms(groups, np.append(start, len(x)), z[order], (observable.coefficients * phases)[order])


def _rotation_letters(program: Program) -> tuple[NDArray[np.uint8], BoolArray]:
    letters, rotation = program.letters.copy(), program.gates == CODES["pauli_rotation"]
    for name, own in ROTATIONS.items():
        gates = np.flatnonzero(program.gates == CODES[name])
        letters[program.qubit_start[gates][:, None] + np.arange(len(own))] = own
        rotation[gates] = True
    return letters, rotation


def _alike(program: Program, chosen: BoolArray) -> list[_Alike]:
    groups = []
    for code in np.unique(program.gates[chosen]).tolist():
        gates = np.flatnonzero(chosen & (program.gates == code))
        angles = program.angle_start[gates].astype(np.int64)[:, None] + np.arange(GATES[code].num_angles)
        groups.append(_Alike(GATES[code].name, gates, angles))
    return groups


def _masks(bits: BoolArray, qubits: NDArray[np.int32], owner: IntArray, num_gates: int) -> IntArray:
    masks = np.zeros(num_gates, np.int64)
    np.add.at(masks, owner, bits.astype(np.int64) << qubits)
    return masks


def _starts(sizes: ArrayLike) -> IntArray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _write(flat: ComplexArray, starts: ArrayLike, matrices: ComplexArray) -> None:
    entries = matrices.reshape(*matrices.shape[:-2], -1)
    flat[np.asarray(starts)[..., None] + np.arange(entries.shape[-1])] = entries
