"""From figure values to HTML: charts and circuits as inline SVG, tables and text as themselves."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any

from qloop.core.memo import content_key
from qloop.core.page import Figure, Table, Text
from qloop.runs.figures.circuit import draw_circuit
from qloop.runs.figures.curves import draw_line, draw_reliability
from qloop.runs.figures.graph import draw_graph_map
from qloop.runs.figures.matrix import draw_heat_map
from qloop.runs.figures.rows import draw_bars, draw_forest
from qloop.runs.figures.style import clean, escape, house_style
from qloop.runs.numbers import MINUS, NOTHING


def draw(figure: Figure) -> str:
    """Return a figure as harmless HTML: its title, the drawing and its caption.

    The same value gives the same bytes in every process, whatever the user's matplotlib settings are.
    """
    figure = _clean(figure)
    if isinstance(figure, Text):
        return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in figure.paragraphs)
    with house_style(salt=content_key(repr(figure))):
        body = _DRAWERS[figure.kind](figure)
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
    return f'<figure class="{figure.kind}"><h3>{escape(figure.title)}</h3>{body}{caption}</figure>'


def _clean(value: Any) -> Any:
    """Return the value with characters that no page may hold exchanged in every text."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return tuple(_clean(item) for item in value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        texts = {field.name: _clean(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **texts)
    return value


def _draw_table(table: Table) -> str:
    """Lay out a table in a container that scrolls; columns of numbers stand to the right, short ones do not wrap."""
    cells = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    classes = [_column_class([cell for cell in column if cell]) for column in cells]

    def line(tag: str, texts: Sequence[str]) -> str:
        marked = zip(texts, classes, strict=True)
        return "<tr>" + "".join(f"<{tag}{style}>{escape(text)}</{tag}>" for text, style in marked) + "</tr>"

    body = "".join(line("td", row) for row in table.rows)
    return f'<div class="scroll"><table><thead>{line("th", table.columns)}</thead><tbody>{body}</tbody></table></div>'


def _column_class(cells: Sequence[str]) -> str:
    if cells and all(map(_is_number, cells)):
        return ' class="number"'
    return ' class="short"' if all(len(cell) <= 30 for cell in cells) else ""


def _is_number(cell: str) -> bool:
    return re.match(rf"[+\-{MINUS}]?[\d.∞]|{NOTHING}$", cell) is not None


_DRAWERS: dict[str, Callable[[Any], str]] = {
    "line": draw_line,
    "forest": draw_forest,
    "bars": draw_bars,
    "heat_map": draw_heat_map,
    "reliability": draw_reliability,
    "graph_map": draw_graph_map,
    "circuit": draw_circuit,
    "table": _draw_table,
}
