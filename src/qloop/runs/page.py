"""The report: one self-contained HTML file, a pure function of the stored run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate
from qloop.core.ledger import Ledger
from qloop.core.page import Circuit, Figure, Forest, Interval, Table, Text
from qloop.runs.atomic import write_atomic
from qloop.runs.draw import draw
from qloop.runs.figures.style import clean
from qloop.runs.numbers import format_interval, format_number
from qloop.runs.run import Run

_STAGES = ("prepare", "design", "execute", "correct", "interpret")
_MARK = '<meta name="generator" content="qloop'


def render(run: Run) -> str:
    """Return the report of a run as HTML that needs no network, no script and no other file."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qloop.runs"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters |= {"number": format_number, "with_interval": _with_interval}
    answer = run.answer
    text = environment.get_template("report.html").render(
        run=run.entry,
        page=answer.page,
        sections=[
            (section.title, [(_is_wide(figure), draw(figure)) for figure in section.figures])
            for section in answer.page.sections
        ],
        ledger=answer.ledger,
        stages=[(stage, [line for line in answer.ledger.lines if line.part.stage == stage]) for stage in _STAGES],
        charts=[draw(chart) for chart in _ledger_charts(answer.ledger)],
        settings=list(_flatten(run.entry.settings)),
        references=list(dict.fromkeys((*answer.references, *answer.ledger.references()))),
    )
    return clean(text)


def write_report(run: Run, path: Path) -> None:
    """Write a run's report, whole or not at all; an earlier report is replaced.

    Raises:
        InvalidValueError: the path is a folder, is a file that qloop did not write, or cannot be written.
    """
    try:
        if path.exists() and not _is_report(path):
            raise InvalidValueError(f"`{path}` is not a qloop report and stays as it is: choose another name.")
        with write_atomic(path) as file:
            file.write(render(run).encode())
    except OSError as error:
        raise InvalidValueError(f"cannot write the report `{path}`: {error.strerror}.") from error


def _is_wide(figure: Figure) -> bool:
    """Return whether a figure takes a row of its own."""
    return isinstance(figure, Circuit | Text) or (isinstance(figure, Table) and len(figure.columns) > 5)


def _with_interval(estimate: Estimate) -> tuple[str, str]:
    return format_interval(estimate.value, estimate.low, estimate.high)


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK.encode() in file.read(1000)


def _ledger_charts(ledger: Ledger) -> Iterator[Forest]:
    """Yield what the ledger's tables say as pictures: the gain of each part, the error of each level."""
    gains = [
        Interval(label=line.part.name, value=gain.value, low=gain.low, high=gain.high, group=line.part.stage)
        for stage in _STAGES
        for line in ledger.lines
        if line.part.stage == stage and (gain := line.gain) is not None
    ]
    if gains:
        yield Forest(
            title="What each part bought",
            x_label=f"{ledger.error_name}: without the part / with it",
            rows=tuple(gains),
            log_x=True,
            caption=f"Each part switched off in turn, everything else on. Right of the line the part helps; "
            f"hollow: not distinguishable from no effect.{_repeats(ledger)}",
        )
    if ledger.levels:
        own = ledger.levels[0].error
        yield Forest(
            title="Beside other ways",
            x_label=" ".join([ledger.error_name, *([f"({own.unit})"] if own.unit else [])]),
            rows=tuple(
                Interval(label=level.name, value=level.error.value, low=level.error.low, high=level.error.high)
                for level in ledger.levels
            ),
            reference=own.value,
            log_x=all(level.error.value > 0 for level in ledger.levels),
            caption="The line is this answer; hollow: not distinguishable from it.",
        )


def _repeats(ledger: Ledger) -> str:
    return f" Intervals over {ledger.repeats} paired repeats." if ledger.repeats else ""


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings as dotted keys and the text of their values."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _show_value(value)


def _show_value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return ", ".join(map(_show_value, value))
    return {True: "yes", False: "no", None: "none"}[value] if value is None or isinstance(value, bool) else f"{value}"
