"""Circuits: the flat `Program`, Pauli observables, and exact simulation."""

import importlib
from typing import Any

_PUBLIC = {
    "Angle": "program",
    "Damping": "noise",
    "Noise": "noise",
    "Operation": "program",
    "PauliChannel": "noise",
    "PauliSum": "pauli",
    "Program": "program",
    "clifford_expectations": "clifford",
    "from_qasm": "qasm",
    "from_qiskit": "qiskit",
    "from_sparse_pauli_op": "qiskit",
    "is_clifford": "clifford",
    "to_qasm": "qasm",
    "to_qiskit": "qiskit",
    "to_sparse_pauli_op": "qiskit",
    "to_stim": "clifford",
    "uniform_noise": "noise",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
