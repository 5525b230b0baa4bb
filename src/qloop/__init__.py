"""The loop between AI and quantum computers: every part switchable, every gain measured.

The names below are imported when they are first used, so that `import qloop` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qloop.circuits.program import Program
    from qloop.core.estimate import Estimate
    from qloop.core.ledger import Ledger

_NAMES = {
    "Estimate": "qloop.core.estimate",
    "Ledger": "qloop.core.ledger",
    "Program": "qloop.circuits.program",
}
"""Public name to the module that defines it; the imports above say the same to type checkers."""

__all__ = ["Estimate", "Ledger", "Program", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("qloop")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'qloop' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
