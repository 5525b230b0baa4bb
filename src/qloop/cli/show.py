"""What a person reads in the terminal: answers, ledgers, settings."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from qloop.core.estimate import Estimate
    from qloop.core.ledger import Ledger
    from qloop.core.page import Section
    from qloop.runs.run import Run

_PIPE_WIDTH = 160


def printable(text: str) -> str:
    """Return the text with control characters made visible, so that no name in a file can steer the terminal."""
    return "".join(
        char if char == "\n" or unicodedata.category(char)[0] != "C" else f"\\x{ord(char):02x}" for char in text
    )


def print_run(run: "Run", page: Path, *, as_json: bool) -> None:
    """Print a run: tables for a person, or one JSON object for a program.

    Args:
        run: the run.
        page: where its page is.
        as_json: which of the two.
    """
    answer, entry = run.answer, run.entry
    if as_json:
        from qloop.runs.export import finite

        ledger = answer.ledger.to_json()
        print(
            json.dumps(
                finite(
                    {
                        "run": entry.id,
                        "kind": entry.kind,
                        "seed": entry.seed,
                        "headline": answer.headline,
                        "answer": answer.values,
                        "error_name": ledger["error_name"],
                        "repeats": ledger["repeats"],
                        "ledger": ledger["lines"],
                        "levels": ledger["levels"],
                        "page": str(page),
                    }
                ),
                allow_nan=False,
            )
        )
        return
    print_text(answer.headline)
    # As on the page: the answer, what it is worth, and then how it came about.
    _print_sections(answer.page.sections[:1])
    _print_ledger(answer.ledger)
    _print_sections(answer.page.sections[1:])
    print(printable(f"\npage  {page}\nrun   {entry.short_id}  (qloop cite {entry.short_id} prints its references)"))


def print_settings(settings: type[Any], given: Mapping[str, Any]) -> None:
    """Print every setting of a class, with what a file says of it.

    Args:
        settings: the settings class.
        given: the file's tables.
    """
    from qloop.core.settings import explain

    rows = [
        (row.key, _value_at(given, row.key), row.default, row.unit, row.type, row.meaning) for row in explain(settings)
    ]
    print_table("", ("setting", "in the file", "default", "unit", "type", "meaning"), rows)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of plain text."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(Text(printable(column)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if title:
        print_text(f"\n{title}", "bold")
    _console().print(table)


def print_text(text: str, style: str = "") -> None:
    """Print plain text, its lines broken between words."""
    from rich.text import Text

    _console().print(Text(printable(text), style))


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def _print_sections(sections: "Sequence[Section]") -> None:
    for section in sections:
        for figure in section.figures:
            if figure.kind == "text":
                for paragraph in figure.paragraphs:
                    print_text(f"\n{paragraph}")
            elif figure.kind == "table":
                print_table(figure.title, figure.columns, figure.rows)
                if figure.caption:
                    print_text(figure.caption)


def _print_ledger(ledger: "Ledger") -> None:
    if ledger.lines:
        bought = (
            f"What each part bought: {ledger.error_name} without it / with it, over {ledger.repeats} paired repeats"
        )
        print_table(
            bought if ledger.repeats else "Every part; what it bought was not measured",
            ("stage", "part", "nature", "gain", "alone", "seconds", "shots", "gates"),
            [
                (
                    line.part.stage,
                    line.part.name + ("" if line.on else " (off)"),
                    line.part.nature,
                    _show(line.gain),
                    _show(line.added),
                    f"{line.seconds:.1f}" if line.seconds >= 0.05 else "",
                    f"{line.shots:,}" if line.shots else "",
                    f"{line.gates:+d}" if line.gates else "",
                )
                for line in ledger.lines
            ],
        )
        print_text(
            "gain: everything else on; alone: everything else off; above 1 the part helps; gates: two-qubit gates saved"
        )
        print_table(
            "Each part's own measure",
            ("part", "measure", "value"),
            [(line.part.name, metric.name, _show(metric.estimate)) for line in ledger.lines for metric in line.metrics],
        )
    if ledger.levels:
        print_table(
            f"Beside other ways: {ledger.error_name}",
            ("level", "error", "error / this answer's", "what it is"),
            [(level.name, _show(level.error), _show(level.ratio), level.meaning) for level in ledger.levels],
        )


def _show(estimate: "Estimate | None") -> str:
    from qloop.runs.numbers import format_interval

    if estimate is None:
        return ""
    return " ".join(filter(None, (*format_interval(estimate.value, estimate.low, estimate.high), estimate.unit)))


def _value_at(tables: Mapping[str, Any], key: str) -> str:
    value: Any = tables
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return ""
        value = value[part]
    return json.dumps(value, default=str)
