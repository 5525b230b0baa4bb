"""What every task returns, whoever asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from qloop.core.ledger import Ledger
from qloop.core.memo import Memo
from qloop.core.page import Page
from qloop.core.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The result of one task.

    Args:
        headline: the result in one sentence.
        values: the answer as plain JSON values, estimates by `Estimate.to_json`.
        ledger: what each part did and bought.
        page: the report as figure values.
        arrays: numpy arrays worth keeping, by name.
        references: one line each.
        timings: seconds by stage; stored beside the run, outside its identity and outside the page.
    """

    headline: str
    values: dict[str, Any]
    ledger: Ledger
    page: Page
    arrays: dict[str, Any] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)


class Task(Protocol):
    """A callable that turns validated settings and a seed into an answer.

    The answer is a function of settings and seed alone: the memo only saves time, progress only reports.
    """

    def __call__(self, settings: Any, seed: int, *, memo: Memo, progress: Progress) -> Answer:
        """Return the answer."""
        ...


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """One kind of task: what stands behind a name of ``[task] kind`` in a settings file.

    Args:
        settings: the settings class that validates the file's other tables.
        task: the task.
        dry_run: says in plain text what settings and a seed would send and cost, without sending anything.
    """

    settings: type[Any]
    task: Task
    dry_run: Callable[[Any, int], str]
