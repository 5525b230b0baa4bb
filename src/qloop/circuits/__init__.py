"""Circuits: the flat `Program`, Pauli observables, and exact simulation."""

from qloop.core.lazy import lazy_names

_HOMES = {
    "Angle": "qloop.circuits.program",
    "Damping": "qloop.circuits.noise",
    "Noise": "qloop.circuits.noise",
    "Operation": "qloop.circuits.program",
    "PauliChannel": "qloop.circuits.noise",
    "PauliSum": "qloop.circuits.pauli",
    "Program": "qloop.circuits.program",
    "clifford_expectations": "qloop.circuits.clifford",
    "from_qasm": "qloop.circuits.qasm",
    "from_qiskit": "qloop.circuits.qiskit",
    "from_sparse_pauli_op": "qloop.circuits.qiskit",
    "is_clifford": "qloop.circuits.clifford",
    "to_qasm": "qloop.circuits.qasm",
    "to_qiskit": "qloop.circuits.qiskit",
    "to_sparse_pauli_op": "qloop.circuits.qiskit",
    "to_stim": "qloop.circuits.clifford",
    "uniform_noise": "qloop.circuits.noise",
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
