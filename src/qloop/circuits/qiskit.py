"""Qiskit's circuits and operators to ours and back: the edge where users meet `Program`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Barrier, ControlledGate, Delay, Gate, Instruction, Measure, Parameter, ParameterExpression
from qiskit.circuit.library import PauliEvolutionGate, UnitaryGate, get_standard_gate_name_mapping
from qiskit.quantum_info import Operator, Pauli, SparsePauliOp
from qiskit.transpiler.passes import HighLevelSynthesis

from qloop.circuits.gates import CODES
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program
from qloop.core.errors import InvalidValueError

MAX_UNITARY_QUBITS = 6


def from_qiskit(circuit: QuantumCircuit) -> Program:
    """Read a circuit, its layout and its final measurements.

    Barriers, delays and the global phase are dropped: idling time belongs to a device's schedule. Composite gates are
    inlined; controlled gates outside the table, and gates known by their matrix only, become ``unitary`` up to six
    qubits and are synthesised above. The outputs are the measured qubits in the order of the classical bits, or,
    without measurements, where the transpiler's layout left the qubits of the original circuit.

    Args:
        circuit: unitary gates, with angles affine in the parameters, and measurements at the end.

    Returns:
        A program whose parameters are `circuit.parameters`, in that order.

    Raises:
        InvalidValueError: reset, classical control, a gate after a measurement, or an angle that is not affine.
    """
    index = {parameter: k for k, parameter in enumerate(circuit.parameters)}
    operations: list[Operation] = []
    measured: dict[int, int] = {}
    for operation, qubits, clbits in _flatten(circuit, range(circuit.num_qubits), range(circuit.num_clbits)):
        if not measured.keys().isdisjoint(qubits):
            raise InvalidValueError(
                f"`{operation.name}` follows a measurement on qubit {qubits}: measure at the end only."
            )
        if isinstance(operation, Measure):
            measured[qubits[0]] = clbits[0]
        else:
            operations += _read(operation, qubits, index)
    if len(set(measured.values())) < len(measured):
        raise InvalidValueError("a classical bit is written by two measurements: measure into distinct bits.")
    outputs, inputs = _layout(circuit, measured)
    return Program.from_operations(circuit.num_qubits, operations, [p.name for p in index], outputs, inputs)


def to_qiskit(program: Program, measure: bool = False) -> QuantumCircuit:
    """Write a circuit on the program's qubits.

    Args:
        program: any program; a ``pauli_rotation`` becomes a `PauliEvolutionGate`.
        measure: append a measurement of the output qubits, output k into bit k of a register ``meas``.

    Returns:
        A circuit with one `Parameter` per parameter of the same name; without `measure` it does not record the outputs.
    """
    circuit = QuantumCircuit(program.num_qubits)
    parameters = [Parameter(name) for name in program.parameters]
    for operation in program.operations():
        circuit.append(_instruction(operation, parameters), operation.qubits)
    if measure:
        circuit.add_register(ClassicalRegister(len(program.outputs), "meas"))
        circuit.measure(program.outputs.tolist(), range(len(program.outputs)))
    return circuit


def from_sparse_pauli_op(operator: SparsePauliOp) -> PauliSum:
    """Read a Hermitian operator, term by term.

    Raises:
        InvalidValueError: a coefficient is complex or a free parameter.
    """
    if operator.coeffs.dtype == object or np.abs(operator.coeffs.imag).max(initial=0) > 1e-10:
        raise InvalidValueError("an observable must have real coefficients.")
    letters = np.array([_letters(pauli) for pauli in operator.paulis], np.uint8).reshape(-1, operator.num_qubits)
    return PauliSum(operator.num_qubits, letters, operator.coeffs.real)


def to_sparse_pauli_op(observable: PauliSum) -> SparsePauliOp:
    """Write an observable, term by term."""
    if not observable.num_terms:
        return SparsePauliOp("I" * observable.num_qubits, [0.0])
    return SparsePauliOp(observable.labels(), observable.coefficients)


def _flatten(
    circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int]
) -> Iterator[tuple[Any, tuple[int, ...], tuple[int, ...]]]:
    """Yield measurements and readable gates with their bits, composite gates inlined."""
    where = dict(zip((*circuit.qubits, *circuit.clbits), (*qubits, *clbits), strict=True))
    for item in circuit.data:
        operation = item.operation
        on = tuple(where[bit] for bit in item.qubits)
        into = tuple(where[bit] for bit in item.clbits)
        if isinstance(operation, Barrier | Delay) or operation.name == "global_phase":
            continue
        if isinstance(operation, Measure) or _is_readable(operation):
            yield operation, on, into
        else:
            yield from _flatten(_definition(operation), on, into)


def _definition(operation: Any) -> QuantumCircuit:
    if isinstance(operation, Instruction):
        if operation.definition is None:
            raise InvalidValueError(
                f"`{operation.name}` cannot be read: a program holds unitary gates, then measurements at the end."
            )
        return operation.definition
    circuit = QuantumCircuit(operation.num_qubits)
    circuit.append(operation, circuit.qubits)
    return HighLevelSynthesis(basis_gates=["u", "cx"])(circuit)


@cache
def _standard() -> Mapping[str, Gate]:
    mapping: Mapping[str, Gate] = get_standard_gate_name_mapping()
    return mapping


def _is_coded(operation: Any) -> bool:
    known = _standard().get(operation.name)
    return operation.name in CODES and known is not None and operation.base_class is known.base_class


def _is_rotation(operation: Any) -> bool:
    return (
        isinstance(operation, PauliEvolutionGate)
        and isinstance(operation.operator, SparsePauliOp)
        and len(operation.operator) == 1
    )


def _is_readable(operation: Any) -> bool:
    if isinstance(operation, UnitaryGate) or _is_rotation(operation) or _is_coded(operation):
        return True
    free = any(
        isinstance(value, ParameterExpression) and value.parameters for value in getattr(operation, "params", ())
    )
    by_matrix = (
        isinstance(operation, ControlledGate)
        or not isinstance(operation, Instruction)
        or (hasattr(operation, "__array__") and operation.definition is None)
    )
    return by_matrix and not free and operation.num_qubits <= MAX_UNITARY_QUBITS


def _read(operation: Any, qubits: tuple[int, ...], index: Mapping[Parameter, int]) -> Iterator[Operation]:
    if _is_coded(operation):
        angles = tuple(_angle(value, index) for value in operation.params)
        yield Operation(operation.name, qubits, angles)
    elif _is_rotation(operation):
        pauli, factor = operation.operator.paulis[0], operation.operator.coeffs[0]
        if not isinstance(factor, ParameterExpression):
            factor = factor.real
        pairs = [(qubit, letter) for qubit, letter in zip(qubits, _letters(pauli), strict=True) if letter]
        if pairs:
            on, letters = zip(*pairs, strict=True)
            yield Operation("pauli_rotation", on, (_angle(2 * factor * operation.time, index),), letters)
    else:
        yield Operation("unitary", qubits, matrix=Operator(operation).data)


def _letters(pauli: Pauli) -> list[int]:
    letters: list[int] = (3 * pauli.z.astype(int) ^ pauli.x).tolist()
    return letters


def _angle(value: Any, index: Mapping[Parameter, int]) -> Angle:
    if not isinstance(value, ParameterExpression):
        return Angle(float(value))
    slopes = {index[parameter]: value.gradient(parameter) for parameter in value.parameters}
    if any(isinstance(slope, ParameterExpression) for slope in slopes.values()):
        raise InvalidValueError(f"an angle must be affine in the parameters, got `{value}`.")
    offset = value.bind(dict.fromkeys(value.parameters, 0.0)).numeric()
    return Angle(float(offset), {k: float(slope) for k, slope in slopes.items() if slope})


def _layout(circuit: QuantumCircuit, measured: Mapping[int, int]) -> tuple[list[int], list[int]]:
    layout = circuit.layout
    ends = list(range(circuit.num_qubits)) if layout is None else layout.final_index_layout(filter_ancillas=True)
    starts = ends if layout is None else layout.initial_index_layout(filter_ancillas=True)
    if not measured:
        return ends, starts
    origin = dict(zip(ends, starts, strict=True))
    outputs = sorted(measured, key=lambda qubit: measured[qubit])
    return outputs, [origin.get(qubit, qubit) for qubit in outputs]


def _instruction(operation: Operation, parameters: Sequence[Parameter]) -> Gate:
    angles = [_expression(angle, parameters) for angle in operation.angles]
    if operation.name == "unitary":
        return UnitaryGate(operation.matrix)
    if operation.name == "pauli_rotation":
        label = "".join("IXYZ"[letter] for letter in reversed(operation.letters))
        return PauliEvolutionGate(Pauli(label), time=angles[0] / 2)
    return _standard()[operation.name].base_class(*angles)


def _expression(angle: Angle, parameters: Sequence[Parameter]) -> Any:
    terms = [parameters[k] if scale == 1 else scale * parameters[k] for k, scale in angle.terms.items()]
    return sum(terms, start=angle.offset) if angle.offset or not terms else sum(terms[1:], start=terms[0])
