"""Runs: remembered by content, swept on any executor, drawn into one page.

Names are imported when they are first used, so that `import qloop.runs` loads neither SQLite, matplotlib nor Jinja2.
`execute`, `draw` and `export` bear their module's name and are imported from it: `from qloop.runs.draw import draw`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qloop.runs.execute import WorkerError, sweep
    from qloop.runs.page import render, write_report
    from qloop.runs.run import Entry, Run, code_version, run_id
    from qloop.runs.store import Store, StoreError, default_path

_HOMES = {
    "Entry": "run",
    "Run": "run",
    "Store": "store",
    "StoreError": "store",
    "WorkerError": "execute",
    "code_version": "run",
    "default_path": "store",
    "render": "page",
    "run_id": "run",
    "sweep": "execute",
    "write_report": "page",
}
"""Public name to the module that defines it; the imports above say the same to type checkers."""

__all__ = [
    "Entry",
    "Run",
    "Store",
    "StoreError",
    "WorkerError",
    "code_version",
    "default_path",
    "render",
    "run_id",
    "sweep",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"qloop.runs.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'qloop.runs' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
