"""`Program`: a circuit as flat arrays, the form that every kernel reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.gates import CODES, GATES
from qloop.core.errors import InvalidValueError

IntArray = NDArray[np.int32]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Angle:
    """One angle in radians, affine in the program's parameters: ``offset + sum(scale * parameter)``.

    Args:
        offset: the constant part.
        terms: parameter index to scale.
    """

    offset: float = 0.0
    terms: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One gate as an object, for code that is not in a hurry."""

    name: str
    qubits: tuple[int, ...]
    angles: tuple[Angle, ...] = ()
    letters: tuple[int, ...] = ()
    matrix: NDArray[np.complex128] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Program:
    """A circuit of unitary gates followed by a measurement of the output qubits.

    Qubit 0 is the least significant bit of a basis state (Qiskit's little-endian order). Pauli letters are 0..3 =
    I, X, Y, Z.

    Args:
        num_qubits: width of the register.
        gates: gate codes (`gates.CODES`), shape [num_gates].
        qubit_start: first entry of each gate in `qubits`, shape [num_gates + 1].
        qubits: qubits of all gates in the gate's own order (controls first).
        letters: Pauli letters aligned with `qubits`, non-zero for ``pauli_rotation`` only.
        angle_start: first entry of each gate among the angles, shape [num_gates + 1].
        angle_offset: constant part of each angle.
        term_start: first parameter term of each angle, shape [num_angles + 1].
        term_parameter: parameter index of each term.
        term_scale: factor of each term.
        matrix_index: entry of `matrices` for ``unitary`` gates, -1 otherwise, shape [num_gates].
        matrices: unitaries in the gate's little-endian qubit order.
        parameters: parameter names.
        outputs: qubit that holds logical qubit k when the program ends, shape [num_outputs].
        inputs: qubit that holds logical qubit k when it starts, shape [num_outputs].
    """

    num_qubits: int
    gates: NDArray[np.int16]
    qubit_start: IntArray
    qubits: IntArray
    letters: NDArray[np.uint8]
    angle_start: IntArray
    angle_offset: FloatArray
    term_start: IntArray
    term_parameter: IntArray
    term_scale: FloatArray
    matrix_index: IntArray
    matrices: tuple[NDArray[np.complex128], ...]
    parameters: tuple[str, ...]
    outputs: IntArray
    inputs: IntArray

    @classmethod
    def from_operations(
        cls,
        num_qubits: int,
        operations: Sequence[Operation],
        parameters: Sequence[str] = (),
        outputs: ArrayLike | None = None,
        inputs: ArrayLike | None = None,
    ) -> "Program":
        """Build a program.

        Args:
            num_qubits: width of the register.
            operations: gates in time order.
            parameters: names; `Angle.terms` index them.
            outputs: qubit of each logical qubit at the end, by default all qubits in order.
            inputs: qubit of each logical qubit at the start, by default `outputs`.

        Raises:
            InvalidValueError: an unknown gate, a qubit outside the register or named twice, a wrong number of angles.
        """
        starts, angle_starts, term_starts = [0], [0], [0]
        qubits: list[int] = []
        letters: list[int] = []
        offsets: list[float] = []
        term_parameter: list[int] = []
        term_scale: list[float] = []
        matrices: list[NDArray[np.complex128]] = []
        matrix_index = []
        for operation in operations:
            _check(operation, num_qubits, len(parameters))
            qubits += operation.qubits
            letters += operation.letters or (0,) * len(operation.qubits)
            for angle in operation.angles:
                offsets.append(angle.offset)
                term_parameter += angle.terms.keys()
                term_scale += angle.terms.values()
                term_starts.append(len(term_parameter))
            starts.append(len(qubits))
            angle_starts.append(len(offsets))
            matrix_index.append(len(matrices) if operation.matrix is not None else -1)
            if operation.matrix is not None:
                matrices.append(np.asarray(operation.matrix, np.complex128))
        ends = np.arange(num_qubits, dtype=np.int32) if outputs is None else np.asarray(outputs, np.int32)
        return cls(
            num_qubits=num_qubits,
            gates=np.array([CODES[operation.name] for operation in operations], np.int16),
            qubit_start=np.array(starts, np.int32),
            qubits=np.array(qubits, np.int32),
            letters=np.array(letters, np.uint8),
            angle_start=np.array(angle_starts, np.int32),
            angle_offset=np.array(offsets, np.float64),
            term_start=np.array(term_starts, np.int32),
            term_parameter=np.array(term_parameter, np.int32),
            term_scale=np.array(term_scale, np.float64),
            matrix_index=np.array(matrix_index, np.int32),
            matrices=tuple(matrices),
            parameters=tuple(parameters),
            outputs=ends,
            inputs=ends if inputs is None else np.asarray(inputs, np.int32),
        )

    @property
    def num_gates(self) -> int:
        """Number of gates."""
        return len(self.gates)

    @property
    def num_parameters(self) -> int:
        """Number of free parameters."""
        return len(self.parameters)

    def angles(self, values: ArrayLike = ()) -> FloatArray:
        """Return every angle for parameter values.

        Args:
            values: shape [..., num_parameters], radians.

        Returns:
            shape [..., num_angles].

        Raises:
            InvalidValueError: the last axis is not `num_parameters` long.
        """
        theta = np.asarray(values, np.float64)
        if theta.shape[-1:] != (self.num_parameters,):
            raise InvalidValueError(f"the program takes {self.num_parameters} parameters, got shape {theta.shape}.")
        angles = np.broadcast_to(self.angle_offset, (*theta.shape[:-1], len(self.angle_offset))).copy()
        owner = np.repeat(np.arange(len(self.angle_offset)), np.diff(self.term_start))
        np.add.at(angles, (..., owner), theta[..., self.term_parameter] * self.term_scale)  # type: ignore[arg-type]
        return angles

    def parameter_gradient(self, angle_gradient: FloatArray) -> FloatArray:
        """Return the gradient over parameters from one over angles: the transpose of `angles`, same leading axes."""
        gradient = np.zeros((*angle_gradient.shape[:-1], self.num_parameters))
        owner = np.repeat(np.arange(len(self.angle_offset)), np.diff(self.term_start))
        share = angle_gradient[..., owner] * self.term_scale
        np.add.at(gradient, (..., self.term_parameter), share)  # type: ignore[arg-type]
        return gradient

    def operations(self) -> Iterator[Operation]:
        """Yield the gates as objects, in time order."""
        for k, code in enumerate(self.gates):
            span = slice(self.qubit_start[k], self.qubit_start[k + 1])
            angles = tuple(self._angle(a) for a in range(self.angle_start[k], self.angle_start[k + 1]))
            letters = tuple(self.letters[span].tolist())
            index = self.matrix_index[k]
            yield Operation(
                GATES[code].name,
                tuple(self.qubits[span].tolist()),
                angles,
                letters if any(letters) else (),
                self.matrices[index] if index >= 0 else None,
            )

    def relabel(self, mapping: Mapping[int, int], num_qubits: int) -> "Program":
        """Return the program on other qubits: qubit q becomes ``mapping[q]`` of a register of `num_qubits`."""
        table = np.full(self.num_qubits, -1, np.int32)
        table[list(mapping)] = list(mapping.values())
        return replace(
            self,
            num_qubits=num_qubits,
            qubits=table[self.qubits],
            outputs=table[self.outputs],
            inputs=table[self.inputs],
        )

    def used_qubits(self) -> tuple[int, ...]:
        """Return the qubits that a gate or an output touches, ascending."""
        return tuple(np.union1d(self.qubits, self.outputs).tolist())

    def compact(self) -> "Program":
        """Return the program on its used qubits alone, renumbered in ascending order; itself where all are used."""
        used = self.used_qubits()
        if len(used) == self.num_qubits:
            return self
        return self.relabel({qubit: k for k, qubit in enumerate(used)}, len(used))

    def count_two_qubit(self) -> int:
        """Return the number of gates on exactly two qubits."""
        return int(np.count_nonzero(np.diff(self.qubit_start) == 2))

    def _angle(self, index: int) -> Angle:
        terms = slice(self.term_start[index], self.term_start[index + 1])
        return Angle(
            float(self.angle_offset[index]),
            dict(zip(self.term_parameter[terms].tolist(), self.term_scale[terms].tolist(), strict=True)),
        )


def _check(operation: Operation, num_qubits: int, num_parameters: int) -> None:
    if operation.name not in CODES:
        raise InvalidValueError(f"`{operation.name}` is not a gate that a program holds.")
    gate = GATES[CODES[operation.name]]
    qubits = operation.qubits
    if len(set(qubits)) != len(qubits) or (qubits and not 0 <= min(qubits) <= max(qubits) < num_qubits):
        raise InvalidValueError(f"`{gate.name}` needs distinct qubits below {num_qubits}, got {qubits}.")
    if gate.num_qubits is not None and len(qubits) != gate.num_qubits:
        raise InvalidValueError(f"`{gate.name}` acts on {gate.num_qubits} qubits, got {qubits}.")
    if len(operation.angles) != gate.num_angles:
        raise InvalidValueError(f"`{gate.name}` takes {gate.num_angles} angles, got {len(operation.angles)}.")
    if any(not 0 <= index < num_parameters for angle in operation.angles for index in angle.terms):
        raise InvalidValueError(f"`{gate.name}` names a parameter beyond the program's {num_parameters}.")
