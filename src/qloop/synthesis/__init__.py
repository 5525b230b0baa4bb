"""Step 4: circuits designed for a device."""

from importlib import import_module
from typing import Any

_WHERE = {
    "compile_default": "qloop.synthesis.compile",
    "compile_search": "qloop.synthesis.compile",
    "log_success": "qloop.synthesis.success",
    "search_encoding": "qloop.synthesis.encoding",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module `qloop.synthesis` has no attribute `{name}`.")
