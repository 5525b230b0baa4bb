"""Runs: remembered by content, swept on any executor, drawn into one page.

Names are imported when they are first used, so that `import qloop.runs` loads neither SQLite, matplotlib nor Jinja2.
`execute`, `draw` and `export` bear their module's name and are imported from it: `from qloop.runs.draw import draw`.
"""

from typing import TYPE_CHECKING

from qloop.core.lazy import lazy_names

if TYPE_CHECKING:
    from qloop.runs.execute import WorkerError, sweep
    from qloop.runs.page import render, write_report
    from qloop.runs.run import Entry, Run, code_version, run_id
    from qloop.runs.store import Store, StoreError, default_path

_HOMES = {
    "Entry": "qloop.runs.run",
    "Run": "qloop.runs.run",
    "Store": "qloop.runs.store",
    "StoreError": "qloop.runs.store",
    "WorkerError": "qloop.runs.execute",
    "code_version": "qloop.runs.run",
    "default_path": "qloop.runs.store",
    "render": "qloop.runs.page",
    "run_id": "qloop.runs.run",
    "sweep": "qloop.runs.execute",
    "write_report": "qloop.runs.page",
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
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
