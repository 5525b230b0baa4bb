"""Progress on stderr: a bar where a person watches, plain lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from qloop.cli.show import printable
from qloop.core.progress import Event, Progress


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Yield what to tell about progress inside the block."""
    if sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield _Lines()


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def report(event: Event) -> None:
            if event.stage not in tasks:
                tasks[event.stage] = bars.add_task(event.stage, total=None)
            bars.update(
                tasks[event.stage],
                description=printable(f"{event.stage}: {event.text}"),
                completed=event.done,
                total=event.total or None,
            )

        yield report


class _Lines:
    """Prints an event when its text is new, or when another tenth of its work is done."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str, int]] = set()

    def __call__(self, event: Event) -> None:
        tenth = 10 * event.done // event.total if event.total else 0
        key = (event.stage, event.text, tenth)
        if key not in self._seen:
            self._seen.add(key)
            part = f" ({event.done} of {event.total})" if event.total else ""
            print(printable(f"{event.stage}: {event.text}{part}"), file=sys.stderr, flush=True)
