"""Figures as values: rooms return them, only `runs` draws them.

Every figure is plain data that survives a round trip through JSON, so that a page is a function of the stored run.
"""

from dataclasses import field
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

import pydantic.dataclasses
from pydantic import ConfigDict, Field, TypeAdapter

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def _value(cls: type[T]) -> type[T]:
    """Make a class a frozen, keyword-only value that is checked when it is made."""
    made = pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
    return made(cls)  # type: ignore[return-value]


@_value
class Series:
    """One curve of a `Line`: values over x, with an interval where `low` and `high` are given."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    style: Literal["line", "points", "dashed", "dotted"] = "line"


@_value
class Line:
    """Curves over a common axis."""

    kind: Literal["line"] = "line"
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_y: bool = False
    caption: str = ""


@_value
class Interval:
    """One row of a `Forest` or one bar of a `Bars`: a value with its interval, under a group heading."""

    label: str
    value: float
    low: float
    high: float
    group: str = ""


@_value
class Forest:
    """Values with intervals against a reference line, one row each: what every part bought."""

    kind: Literal["forest"] = "forest"
    title: str
    x_label: str
    rows: tuple[Interval, ...]
    reference: float = 1.0
    log_x: bool = False
    caption: str = ""


@_value
class Bars:
    """Horizontal bars with intervals."""

    kind: Literal["bars"] = "bars"
    title: str
    x_label: str
    rows: tuple[Interval, ...]
    log_x: bool = False
    caption: str = ""


@_value
class HeatMap:
    """A matrix as colours, rows from top to bottom."""

    kind: Literal["heat_map"] = "heat_map"
    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[str, ...]
    y_ticks: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    value_label: str
    caption: str = ""


@_value
class Reliability:
    """Stated against measured coverage or confidence, with the number of cases behind each point."""

    kind: Literal["reliability"] = "reliability"
    title: str
    stated: tuple[float, ...]
    measured: tuple[float, ...]
    cases: tuple[int, ...]
    caption: str = ""


@_value
class GraphMap:
    """A graph with coloured nodes and edges, some highlighted: a device with the chosen layout, a route map.

    `positions` are (x, y) per node, y upwards; `edges` index nodes; `highlight_nodes` maps a node to its label.
    """

    kind: Literal["graph_map"] = "graph_map"
    title: str
    positions: tuple[tuple[float, float], ...]
    edges: tuple[tuple[int, int], ...]
    node_values: tuple[float, ...]
    edge_values: tuple[float, ...]
    node_label: str
    edge_label: str
    highlight_nodes: dict[int, str] = field(default_factory=dict)
    highlight_edges: tuple[tuple[int, int], ...] = ()
    caption: str = ""


@_value
class Gate:
    """One box of a `Circuit`: a name on one or more wires; the first wires of a controlled gate are its controls."""

    name: str
    wires: tuple[int, ...]
    controls: int = 0


@_value
class Circuit:
    """A circuit drawing, in time order; gates are packed to the left."""

    kind: Literal["circuit"] = "circuit"
    title: str
    wires: tuple[str, ...]
    gates: tuple[Gate, ...]
    caption: str = ""


@_value
class Table:
    """Rows of text under column names; numbers are formatted by the room that knows their unit."""

    kind: Literal["table"] = "table"
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@_value
class Text:
    """Paragraphs of plain text."""

    kind: Literal["text"] = "text"
    paragraphs: tuple[str, ...]


Figure = Annotated[
    Line | Forest | Bars | HeatMap | Reliability | GraphMap | Circuit | Table | Text, Field(discriminator="kind")
]


@_value
class Section:
    """A heading with figures under it."""

    title: str
    figures: tuple[Figure, ...]


@_value
class Page:
    """A whole report: the answer in one sentence, then sections."""

    title: str
    headline: str
    sections: tuple[Section, ...]


_ADAPTER: TypeAdapter[Page] = TypeAdapter(Page)


def page_to_json(page: Page) -> dict[str, Any]:
    """Return plain JSON values; `page_from_json` is the inverse."""
    data: dict[str, Any] = _ADAPTER.dump_python(page, mode="json")
    return data


def page_from_json(data: dict[str, Any]) -> Page:
    """Rebuild a page from `page_to_json`'s values."""
    return _ADAPTER.validate_python(data)
