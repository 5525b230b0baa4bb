import json

import pydantic
import pytest

from qloop.core.page import (
    Bars,
    Circuit,
    Forest,
    Gate,
    GraphMap,
    HeatMap,
    Interval,
    Line,
    Page,
    Reliability,
    Section,
    Series,
    Table,
    Text,
    page_from_json,
    page_to_json,
)

ROW = Interval(label="encoding", value=1.5, low=1.2, high=1.9, group="design")
CURVE = Series(name="a", x=(1.0,), y=(2.0,), low=(1.5,), high=(2.5,), style="dashed")
FIGURES = (
    Line(title="curve", x_label="x", y_label="y", series=(CURVE,), log_y=True),
    Forest(title="gains", x_label="gain", rows=(ROW,), log_x=True),
    Bars(title="gates", x_label="gates", rows=(ROW,)),
    HeatMap(
        title="h", x_label="x", y_label="y", x_ticks=("a",), y_ticks=("b",), values=((1.0,),), value_label="v"
    ),
    Reliability(title="coverage", stated=(0.9,), measured=(0.88,), cases=(60,)),
    GraphMap(
        title="device", positions=((0.0, 0.0), (1.0, 0.0)), edges=((0, 1),), node_values=(0.1, 0.2), edge_values=(0.3,),
        node_label="readout", edge_label="error", highlight_nodes={1: "q0"}, highlight_edges=((0, 1),),
    ),
    Circuit(title="circuit", wires=("q0", "q1"), gates=(Gate(name="cx", wires=(0, 1), controls=1),)),
    Table(title="<script>", columns=("a", "b"), rows=(("1", "2"),)),
    Text(paragraphs=("one", "two")),
)  # fmt: skip


def test_json_round_trip_of_every_figure():
    page = Page(title="t", headline="h", sections=(Section(title="all", figures=FIGURES),))
    assert page_from_json(json.loads(json.dumps(page_to_json(page)))) == page


def test_an_unknown_figure_is_refused():
    data = page_to_json(Page(title="t", headline="h", sections=(Section(title="s", figures=FIGURES[-1:]),)))
    data["sections"][0]["figures"][0]["kind"] = "pie"
    with pytest.raises(pydantic.ValidationError, match="pie"):
        page_from_json(data)
