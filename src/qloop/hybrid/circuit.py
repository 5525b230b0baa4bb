"""What users call a circuit, as a program."""

from typing import Any

from qloop.circuits.program import Program
from qloop.core.errors import InvalidValueError


def read_circuit(circuit: Any) -> Program:
    """Return the program of a Qiskit `QuantumCircuit`, or the `Program` itself.

    Raises:
        InvalidValueError: it is neither, or holds what `qloop.circuits.from_qiskit` refuses.
    """
    if isinstance(circuit, Program):
        return circuit
    if not hasattr(circuit, "parameters"):
        raise InvalidValueError(f"`circuit` must be a `QuantumCircuit` or a `Program`, got `{type(circuit).__name__}`.")
    from qloop.circuits.qiskit import from_qiskit

    return from_qiskit(circuit)
