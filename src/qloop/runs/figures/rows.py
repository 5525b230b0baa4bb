"""Labelled rows with intervals as SVG: forests and bars."""

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qloop.core.page import Bars, Forest, Interval
from qloop.runs.figures.style import (
    INK,
    MUTED,
    PANEL,
    SERIES,
    UNITS,
    WIDTH_IN,
    label_ticks,
    measure,
    new_figure,
    shorten,
    to_svg,
)
from qloop.runs.numbers import format_interval

_ROW, _HEADING, _AXIS = 21, 25, 44
"""Heights of a row, a group heading and the axis below, in SVG units."""


def draw_forest(chart: Forest) -> str:
    """Draw one interval per row; those that reach across the reference are hollow."""

    def mark(axes: Any, row: Interval, y: float) -> None:
        apart = not row.low <= chart.reference <= row.high
        shade = SERIES[0] if apart else MUTED
        axes.plot([row.low, row.high], [y, y], color=shade, linewidth=2)
        axes.plot([row.value], [y], "o", color=shade, markerfacecolor=shade if apart else PANEL, markersize=6)

    figure, axes = _draw_rows(chart, mark, anchor=chart.reference)
    axes.axvline(chart.reference, color=MUTED, linewidth=1, linestyle=(0, (3, 2)), zorder=1)
    return to_svg(figure, chart.title, chart.caption)


def draw_bars(chart: Bars) -> str:
    """Draw horizontal bars with their intervals as thin lines."""

    def mark(axes: Any, row: Interval, y: float) -> None:
        start = axes.get_xlim()[0] if chart.log_x else 0.0
        axes.barh(y, row.value - start, left=start, height=0.62 * _ROW, color=SERIES[0], alpha=0.75)
        axes.plot([row.low, row.high], [y, y], color=INK, linewidth=1.2)

    figure, _ = _draw_rows(chart, mark, anchor=None if chart.log_x else 0.0)
    return to_svg(figure, chart.title, chart.caption)


@dataclass(frozen=True)
class _Place:
    """A label at its height from the top in SVG units; a group heading where it has no row."""

    label: str
    y: float
    row: Interval | None = None


def _draw_rows(
    chart: Forest | Bars, mark: Callable[[Any, Interval, float], None], anchor: float | None
) -> tuple[Any, Any]:
    """Draw labels, marks over a common axis, and values with their intervals."""
    places, height = _place(chart.rows)
    texts = {place: " ".join(format_interval(row.value, row.low, row.high)) for place in places if (row := place.row)}
    left = 10 + max((measure(line) for place in texts for line in place.label.split("\n")), default=0)
    right = 14 + max((measure(text, 9) for text in texts.values()), default=0)
    width = WIDTH_IN * UNITS - left - right

    figure = new_figure((height + _AXIS) / UNITS)
    total = height + _AXIS
    axes = figure.add_axes((left / (WIDTH_IN * UNITS), (_AXIS - 4) / total, width / (WIDTH_IN * UNITS), height / total))
    axes.set_ylim(height, 0)
    axes.set_xscale("log" if chart.log_x else "linear")
    axes.set_xlim(_limits(chart.rows, anchor, chart.log_x))
    axes.set_xlabel(shorten(chart.x_label, 300))
    label_ticks(axes.xaxis, most=5)
    axes.grid(visible=False, axis="y")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)

    beside = {"transform": axes.get_yaxis_transform(), "va": "center"}
    for place in places:
        if place.row is None:
            axes.text(-left / width, place.y, place.label, fontsize=9, color=MUTED, **beside)
        else:
            axes.text(-left / width, place.y, place.label, **beside)
            axes.text(1 + 8 / width, place.y, texts[place], fontsize=9, **beside)
            mark(axes, place.row, place.y)
    return figure, axes


def _place(rows: Sequence[Interval]) -> tuple[list[_Place], float]:
    """Return where labels and group headings stand, and the height of all."""
    places, top, group = [], 0.0, ""
    for row in rows:
        if row.group != group:
            group = row.group
            places.append(_Place(group, top + 0.62 * _HEADING))
            top += _HEADING
        label = "\n".join(shorten(line, 0.4 * WIDTH_IN * UNITS) for line in textwrap.wrap(row.label, 21, max_lines=3))
        tall = _ROW + 11 * label.count("\n")
        places.append(_Place(label, top + tall / 2, row))
        top += tall
    return places, max(top, _ROW)


def _limits(rows: Sequence[Interval], anchor: float | None, log: bool) -> tuple[float, float]:
    """Return axis limits around every finite number, with a little air."""
    numbers = [number for row in rows for number in (row.low, row.value, row.high)]
    numbers = [number for number in (*numbers, *([] if anchor is None else [anchor])) if math.isfinite(number)]
    if log:
        numbers = [number for number in numbers if number > 0] or [0.5, 2.0]
        low, high = min(numbers), max(numbers)
        air = max(1.15, (high / low) ** 0.06)
        return low / air, high * air
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    air = 0.06 * (high - low) or 1.0
    return low - (air if low != 0 else 0), high + (air if high != 0 else 0)
