"""Matrices as colours in SVG."""

import math
from typing import Any

import numpy as np

from qloop.core.page import HeatMap
from qloop.runs.figures.style import UNITS, WIDTH_IN, label_ticks, measure, new_figure, shorten, to_svg
from qloop.runs.numbers import format_number

_CELL = 15
"""Least height of a row whose label is written, in SVG units."""
_ROOM = 0.75 * WIDTH_IN * UNITS
"""Width of the matrix beside its labels and scale, about, in SVG units."""


def draw_heat_map(chart: HeatMap) -> str:
    """Draw a matrix as colours, with its numbers where they fit; a scale that crosses zero is centred there."""
    values = np.ma.masked_invalid(np.array(chart.values, float).reshape(len(chart.y_ticks), len(chart.x_ticks)))
    figure = new_figure(0.9 + min(max(0.27 * len(values), 1.2), 5.2))
    figure.set_layout_engine("constrained")
    axes = figure.add_subplot()
    low, high = (float(values.min()), float(values.max())) if values.count() else (0.0, 1.0)
    scale: dict[str, Any] = {"cmap": "cividis", "vmin": low, "vmax": high}
    if low < 0 < high:
        scale = {"cmap": "PuOr_r", "vmin": -max(-low, high), "vmax": max(-low, high)}
    mesh = axes.pcolormesh(values, edgecolor="face", linewidth=0.2, rasterized=values.size > 2500, **scale)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlabel=shorten(chart.x_label, 240), ylabel=shorten(chart.y_label, 80))
    _label_cells(axes, chart)
    if len(chart.x_ticks) <= 9 and len(chart.y_ticks) <= 16:
        _write_values(axes, mesh, values)
    bar = figure.colorbar(mesh, ax=axes, fraction=0.05, pad=0.02, label=shorten(chart.value_label, 80))
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    label_ticks(bar.ax.yaxis)
    return to_svg(figure, chart.title, chart.caption)


def _label_cells(axes: Any, chart: HeatMap) -> None:
    """Write as many labels as there is room for; long ones below stand on end."""
    x_ticks, y_ticks = ([shorten(tick, 80) for tick in ticks] for ticks in (chart.x_ticks, chart.y_ticks))
    rows, columns = len(y_ticks), len(x_ticks)
    upright = sum(measure(tick) + 6 for tick in x_ticks) <= _ROOM
    every = 1 if upright else math.ceil(columns * _CELL / _ROOM)
    angle = 0 if upright else 90
    axes.set_xticks([column + 0.5 for column in range(0, columns, every)], x_ticks[::every], rotation=angle)
    every = math.ceil(rows * _CELL / (5.2 * UNITS)) or 1
    axes.set_yticks([row + 0.5 for row in range(0, rows, every)], y_ticks[::every])


def _write_values(axes: Any, mesh: Any, values: Any) -> None:
    for (row, column), value in np.ndenumerate(values.filled(math.nan)):
        red, green, blue, _ = mesh.cmap(mesh.norm(value))
        shade = "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "black"
        if math.isfinite(value):
            axes.text(
                column + 0.5, row + 0.5, format_number(value, 2), ha="center", va="center", fontsize=8.5, color=shade
            )
