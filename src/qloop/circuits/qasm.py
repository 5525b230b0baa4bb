"""OpenQASM 2 and 3 to `Program` and back; circuits of Cirq and PennyLane come in by this door."""

import re
from typing import Literal

from openqasm3.parser import QASM3ParsingError
from qiskit import QiskitError, qasm2, qasm3

from qloop.circuits.program import Program
from qloop.circuits.qiskit import from_qiskit, to_qiskit
from qloop.core.errors import InvalidValueError

_COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_VERSION = re.compile(r"\s*OPENQASM\s+([23])\b")


def from_qasm(text: str) -> Program:
    """Read OpenQASM text, for example from ``cirq.qasm(circuit)`` or PennyLane's ``qml.to_openqasm(circuit)``.

    Qubit k is the k-th qubit declared. No file is read: the standard gates are built in, other includes are errors.

    Args:
        text: OpenQASM 2.0 or 3; ``input float`` declarations of version 3 become parameters.

    Raises:
        InvalidValueError: no version line, text that does not parse, or a circuit that `from_qiskit` refuses.
    """
    version = _VERSION.match(_COMMENTS.sub("", text))
    if version is None:
        raise InvalidValueError("OpenQASM text must begin with `OPENQASM 2.0;` or `OPENQASM 3.0;`.")
    try:
        if version[1] == "3":
            circuit = qasm3.loads(text)
        else:
            circuit = qasm2.loads(text, include_path=(), custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
    except (QiskitError, QASM3ParsingError) as error:
        reason = getattr(error, "message", str(error)) or "syntax error"
        raise InvalidValueError(f"the OpenQASM text cannot be read: {reason.rstrip('.')}.") from error
    return from_qiskit(circuit)


def to_qasm(program: Program, version: Literal[2, 3] = 3, measure: bool = False) -> str:
    """Write OpenQASM text.

    Args:
        program: any program; Pauli rotations and unitaries are written as standard gates.
        version: 2, which has no free parameters, or 3, where names that are not identifiers are escaped.
        measure: append a measurement of the outputs, as `to_qiskit` does.

    Raises:
        InvalidValueError: free parameters in version 2.
    """
    if version == 2 and program.parameters:
        raise InvalidValueError(f"OpenQASM 2 has no free parameters, the program has {program.num_parameters}.")
    circuit = to_qiskit(program, measure).decompose(["PauliEvolution", "unitary"], reps=3)
    return str(qasm2.dumps(circuit) if version == 2 else qasm3.dumps(circuit))
