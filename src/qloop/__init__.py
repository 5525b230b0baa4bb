"""The loop between AI and quantum computers: every part switchable, every gain measured.

The names below are imported when they are first used, so that `import qloop` costs nothing.
"""

from typing import TYPE_CHECKING

from qloop.core.lazy import lazy_names

if TYPE_CHECKING:
    from qloop.circuits.pauli import PauliSum
    from qloop.circuits.program import Program
    from qloop.circuits.qiskit import from_qiskit
    from qloop.core.estimate import Estimate
    from qloop.core.ledger import Ledger
    from qloop.runs.execute import execute
    from qloop.runs.store import Store

__version__ = "0.1.0"
_HOMES = {
    "Estimate": "qloop.core.estimate",
    "Ledger": "qloop.core.ledger",
    "PauliSum": "qloop.circuits.pauli",
    "Program": "qloop.circuits.program",
    "Store": "qloop.runs.store",
    "execute": "qloop.runs.execute",
    "from_qiskit": "qloop.circuits.qiskit",
}
"""Public name to the module that defines it; the imports above say the same to type checkers."""

__all__ = ["Estimate", "Ledger", "PauliSum", "Program", "Store", "execute", "from_qiskit"]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
