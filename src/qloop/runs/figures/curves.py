"""Curves as SVG: lines with bands, points with error bars, reliability."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from qloop.core.page import Line, Reliability, Series
from qloop.runs.figures.style import MUTED, PANEL, SERIES, color, escape, label_ticks, new_figure, shorten, to_svg
from qloop.runs.numbers import format_number


def draw_line(chart: Line) -> str:
    """Draw curves with bands, points with error bars, and the legend as text beside them."""
    figure = new_figure(3.3)
    figure.set_layout_engine("constrained")
    axes = figure.add_subplot()
    for series, shade in _shaded(chart.series):
        _draw_series(axes, series, shade)
    if chart.log_y:
        axes.set_yscale("log")
    _dress(axes, chart.x_label)
    axes.text(0, 1.035, shorten(chart.y_label, 300), transform=axes.transAxes, color=MUTED, fontsize=10)
    legend = [(series.name, shade, series.style) for series, shade in _shaded(chart.series)]
    return _legend(legend) + to_svg(figure, chart.title, chart.caption)


def draw_reliability(chart: Reliability) -> str:
    """Draw measured against stated shares over the diagonal, with the cases behind each point below.

    Source of the error bars: Wilson, J. Am. Stat. Assoc. 22, 209 (1927), at 90 %.
    """
    figure = new_figure(4.2)
    figure.set_layout_engine("constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    stated, measured, cases = np.array(chart.stated), np.array(chart.measured), np.array(chart.cases, float)
    low, high = _wilson(measured, cases)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 2)))
    axes.vlines(stated, low, high, color=SERIES[0], linewidth=1.2)
    axes.plot(stated, measured, "o-", color=SERIES[0], markersize=5)
    lowest = min(0.9, *stated, *low) if len(stated) else 0.0
    start = math.floor(10 * lowest) / 10
    axes.set(xlim=(start - 0.02, 1.02), ylim=(start - 0.02, 1.02))
    axes.text(0, 1.03, "measured", transform=axes.transAxes, color=MUTED)
    _dress(axes, "")
    width = 0.5 * min(np.diff(np.unique(stated)), default=0.1)
    below.bar(stated, cases, width=width, color=SERIES[5], alpha=0.6)
    for x, count in zip(chart.stated, chart.cases, strict=True):
        below.text(x, count, format_number(count), ha="center", va="bottom", fontsize=8, color=MUTED)
    _dress(below, "stated")
    below.set_yticks([])
    below.set_ylim(0, 1.5 * max((1, *chart.cases)))
    below.grid(visible=False)
    below.spines["left"].set_visible(False)
    below.text(0, 1.0, "cases", transform=below.transAxes, color=MUTED, fontsize=9)
    legend = [
        ("measured, with the 90 % interval that so many cases allow", SERIES[0], "points"),
        ("exact", MUTED, "dashed"),
    ]
    return _legend(legend) + to_svg(figure, chart.title, chart.caption)


def _shaded(series: Sequence[Series]) -> Iterator[tuple[Series, str]]:
    return ((one, SERIES[index % len(SERIES)]) for index, one in enumerate(series))


def _draw_series(axes: Any, series: Series, shade: str) -> None:
    banded = len(series.low) == len(series.high) == len(series.y)
    if series.style == "points":
        if banded:
            axes.vlines(series.x, series.low, series.high, color=shade, linewidth=1.4)
        axes.plot(
            series.x, series.y, "o", color=shade, markersize=5, markeredgecolor=PANEL, markeredgewidth=0.8, zorder=3
        )
        return
    dashes = {"line": "-", "dashed": (0, (4, 2.2)), "dotted": (0, (1, 1.8))}[series.style]
    if banded:
        axes.fill_between(series.x, series.low, series.high, color=shade, alpha=0.17, linewidth=0)
    axes.plot(series.x, series.y, color=shade, linestyle=dashes, linewidth=1.8 if series.style == "line" else 1.5)


def _dress(axes: Any, x_label: str) -> None:
    """Put plain numbers on the axes, and the grid along y only."""
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", length=3)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(shorten(x_label, 300))
    label_ticks(axes.xaxis)
    label_ticks(axes.yaxis)


def _wilson(share: Any, cases: Any) -> tuple[Any, Any]:
    z = 1.645
    cases = np.maximum(cases, 1)
    centre = (share + z * z / (2 * cases)) / (1 + z * z / cases)
    half = z * np.sqrt(share * (1 - share) / cases + z * z / (4 * cases**2)) / (1 + z * z / cases)
    return centre - half, centre + half


def _legend(entries: Sequence[tuple[str, str, str]]) -> str:
    """Return the legend as text that wraps with the page."""
    if not entries:
        return ""
    items = "".join(f"<li>{_swatch(shade, style)}{escape(name)}</li>" for name, shade, style in entries)
    return f'<ul class="legend">{items}</ul>'


def _swatch(shade: str, style: str) -> str:
    stroke = f'style="stroke: {color(shade)}; fill: {color(shade)}"'
    dashes = {"dashed": ' stroke-dasharray="6 3"', "dotted": ' stroke-dasharray="2 3"'}.get(style, "")
    mark = (
        f'<circle cx="11" cy="5" r="3.5" {stroke}/>'
        if style == "points"
        else f'<path d="M1 5h20" stroke-width="2.2"{dashes} {stroke}/>'
    )
    return f'<svg viewBox="0 0 22 10" aria-hidden="true">{mark}</svg>'
