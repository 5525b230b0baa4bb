"""Graph maps as SVG: a device with the chosen layout, a route map."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from qloop.core.page import GraphMap
from qloop.runs.figures.style import (
    INK,
    LOW_TO_HIGH,
    MUTED,
    PANEL,
    UNITS,
    WIDTH_IN,
    label_ticks,
    new_figure,
    shorten,
    to_svg,
)

_HEIGHT, _AIR, _SCALE_BAR = 360, 14, 46
"""Greatest height of the map, the air around it and the height of the colour scales below, in SVG units."""


def draw_graph_map(chart: GraphMap) -> str:
    """Draw the graph with equal axes, edges and nodes coloured by value, highlighted ones ringed and labelled."""
    points = np.array(chart.positions, float).reshape(-1, 2)
    edges = np.array(chart.edges, int).reshape(-1, 2)
    width = WIDTH_IN * UNITS
    low, high, scale = _fit(points, width)
    height = float((high - low)[1] * scale)
    figure = new_figure((height + _SCALE_BAR) / UNITS)
    axes = figure.add_axes((0, _SCALE_BAR / (height + _SCALE_BAR), 1, height / (height + _SCALE_BAR)))
    axes.set(xlim=(low[0], low[0] + width / scale), ylim=(low[1], high[1]))
    axes.axis("off")
    spacing = _spacing(points, edges) * scale
    _draw_edges(axes, chart, points[edges], spacing)
    _draw_nodes(axes, chart, points, spacing)
    scales = [(chart.edge_label, chart.edge_values), (chart.node_label, chart.node_values)]
    scales = [(label, values) for label, values in scales if np.isfinite(values).any()]
    for index, (label, values) in enumerate(scales):
        place = (
            (16 + index * width / 2) / width,
            26 / (height + _SCALE_BAR),
            (width / 2 - 32) / width,
            7 / (height + _SCALE_BAR),
        )
        _draw_scale(figure, figure.add_axes(place), label, values)
    return to_svg(figure, chart.title, chart.caption)


def _fit(points: Any, width: float) -> tuple[Any, Any, float]:
    """Return the corners of the map in data units and the SVG units per data unit."""
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.ones(2))
    extent, middle = high - low, (low + high) / 2
    room = np.array([width, _HEIGHT]) - 2 * _AIR
    scale = float(min(room[extent > 0] / extent[extent > 0], default=1.0))
    half = np.array([width / 2, extent[1] * scale / 2 + _AIR]) / scale
    return middle - half, middle + half, scale


def _spacing(points: Any, edges: Any) -> float:
    """Return the length of a short edge: what the size of marks goes by."""
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1) if len(edges) else np.ones(1)
    return float(np.quantile(lengths, 0.1))


def _draw_edges(axes: Any, chart: GraphMap, segments: Any, spacing: float) -> None:
    from matplotlib.collections import LineCollection

    thick = min(max(0.16 * spacing, 1.0), 4.5)
    wanted = {frozenset(edge) for edge in chart.highlight_edges}
    marked = [index for index, edge in enumerate(chart.edges) if frozenset(edge) in wanted]
    axes.add_collection(LineCollection(segments[marked], colors=INK, linewidths=thick + 3, capstyle="round", zorder=1))
    axes.add_collection(
        LineCollection(
            segments, colors=_colors(chart.edge_values, len(segments)), linewidths=thick, capstyle="round", zorder=2
        )
    )


def _draw_nodes(axes: Any, chart: GraphMap, points: Any, spacing: float) -> None:
    size = min(max(0.36 * spacing, 3.0), 11.0)
    large = min(max(0.66 * spacing, 8.0), 19.0)
    colors = _colors(chart.node_values, len(points))
    axes.scatter(*points.T, s=size**2, c=colors, linewidths=0, zorder=3)
    marked = list(chart.highlight_nodes)
    axes.scatter(
        *points[marked].T, s=large**2, c=PANEL, linewidths=2.4, edgecolors=[colors[node] for node in marked], zorder=4
    )
    for node, label in chart.highlight_nodes.items():
        inside = len(label) <= 3 and large > 12
        place = {"ha": "center", "va": "center_baseline"} if inside else {"ha": "left", "va": "bottom"}
        axes.annotate(
            shorten(label, 100),
            points[node],
            xytext=(0, 0) if inside else (0.45 * large, 0.3 * large),
            textcoords="offset points",
            fontsize=min(9.5, 0.95 * large / max(1.4, 0.62 * len(label))) if inside else 9.5,
            fontweight="bold",
            color=INK,
            zorder=5,
            **place,
        )


def _norm(values: Sequence[float]) -> Any:
    """Return a colour scale: by ratio where positive values span more than a decade, otherwise by difference."""
    from matplotlib.colors import LogNorm, Normalize

    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)
    if low > 0 and high / low > 10:
        return LogNorm(low, high)
    air = 0 if low < high else abs(low) * 0.1 or 1
    return Normalize(low - air, high + air)


def _colors(values: Sequence[float], count: int) -> list[Any]:
    """Return one colour per value, a quiet one where there is no number."""
    if not any(math.isfinite(value) for value in values):
        return [MUTED] * count
    norm, scale = _norm(values), _color_map()
    return [scale(norm(value)) if math.isfinite(value) else MUTED for value in values]


def _color_map() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("low_to_high", LOW_TO_HIGH)


def _draw_scale(figure: Any, axes: Any, label: str, values: Sequence[float]) -> None:
    from matplotlib.cm import ScalarMappable

    bar = figure.colorbar(ScalarMappable(_norm(values), _color_map()), cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    label_ticks(axes.xaxis, most=5)
    axes.tick_params(length=0, labelsize=8.5, pad=2)
    axes.set_title(shorten(label, 150), fontsize=9, loc="left", pad=3, color=MUTED)
