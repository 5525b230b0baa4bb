import math
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.core.page import (
    Bars,
    Circuit,
    Forest,
    Gate,
    GraphMap,
    HeatMap,
    Interval,
    Line,
    Reliability,
    Series,
    Table,
    Text,
    page_from_json,
    page_to_json,
)
from qloop.runs.draw import draw
from qloop.runs.figures.circuit import pack_moments
from qloop.runs.figures.style import INK, PANEL, SERIES, color
from tests.runs import sample

FIGURES = [figure for section in sample.page().sections for figure in section.figures]
HOSTILE = "<script>alert(1)</script>\"'&$x_1$\x00\ud800"
NAN, INF = math.nan, math.inf


def series(**values):
    return Series(name=HOSTILE, **values)


def interval(label, value, low, high, **more):
    return Interval(label=label, value=value, low=low, high=high, **more)


def line(*curves, **more):
    return Line(title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE, series=curves, caption=HOSTILE, **more)


def graph(**values):
    empty = {"positions": (), "edges": (), "node_values": (), "edge_values": (), "node_label": "n", "edge_label": "e"}
    return GraphMap(title=HOSTILE, **{**empty, **values})


def heat_map(rows, columns, value):
    names = [tuple(f"{HOSTILE}{index}" for index in range(count)) for count in (columns, rows)]
    values = tuple(tuple(value(i, j) for j in range(columns)) for i in range(rows))
    return HeatMap(
        title="t", x_label="x", y_label="y", x_ticks=names[0], y_ticks=names[1], values=values, value_label="v"
    )


ODD = {
    "no curve": line(),
    "log with zeros": line(
        series(x=(1, 2), y=(0.0, -1.0)), series(x=(1, 2), y=(1e-9, NAN), style="points"), log_y=True
    ),
    "infinite band": line(series(x=(1, 2), y=(0, 1), low=(-INF, NAN), high=(INF, 2))),
    "points without intervals": line(series(x=(1,), y=(1,), style="points")),
    "no row": Forest(title="t", x_label="x", rows=()),
    "endless rows": Forest(
        title="t",
        x_label="x",
        log_x=True,
        rows=(interval(HOSTILE * 9, INF, -INF, INF), interval("W" * 99, NAN, 0, 3e9)),
    ),
    "negative bars": Bars(title="t", x_label="x", rows=(interval("", -3, -4, -2), interval("b", 0, 0, 0))),
    "log bars": Bars(title="t", x_label="x", log_x=True, rows=(interval("a", 0, 0, 1), interval("b", 1e4, 1e3, 1e5))),
    "no cell": heat_map(0, 0, lambda i, j: 0.0),
    "one cell": heat_map(1, 1, lambda i, j: 2.0),
    "no number": heat_map(2, 2, lambda i, j: NAN),
    "many cells": heat_map(60, 50, lambda i, j: math.sin(i * j)),
    "no case": Reliability(title="t", stated=(), measured=(), cases=()),
    "one case": Reliability(title="t", stated=(0.9,), measured=(1.0,), cases=(0,)),
    "no node": graph(),
    "one node": graph(positions=((1, 1),), node_values=(NAN,), highlight_nodes={0: HOSTILE}),
    "no values": graph(positions=((0, 0), (1, 0)), edges=((0, 1),), highlight_edges=((1, 0),)),
    "equal values": graph(positions=((0, 0), (1, 1)), edges=((0, 1),), node_values=(0.0, 0.0), edge_values=(INF,)),
    "no gate": Circuit(title="t", wires=(HOSTILE,), gates=()),
    "no wire": Circuit(title="t", wires=(), gates=()),
    "long name": Circuit(title="t", wires=("q",), gates=(Gate(name=HOSTILE * 9, wires=(0,)),)),
    "no table row": Table(title="t", columns=("a", HOSTILE), rows=()),
    "text": Text(paragraphs=(HOSTILE, "")),
}


def elements(figure):
    return ET.fromstring(f"<div>{draw(figure)}</div>")


def shades(figure, tag):
    return [re.findall(r"var\(--\w+", element.get("style", "")) for element in elements(figure).iter(tag)]


@pytest.mark.parametrize("figure", [*FIGURES, *ODD.values()], ids=[*(figure.kind for figure in FIGURES), *ODD])
def test_every_figure_is_well_formed_and_harmless(figure):
    root = elements(figure)
    assert {element.tag for element in root.iter()}.isdisjoint({"script", "style", "metadata", "a"})
    for element in root.iter():
        assert not any(name.startswith("on") for name in element.attrib)
        links = [value for name, value in element.attrib.items() if name in {"href", "src"}]
        links += re.findall(r"url\((.*?)\)", " ".join(element.attrib.values()))
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    for drawing in root.iter("svg"):
        if drawing.get("aria-hidden") is None:
            assert drawing.get("role") == "img"
            assert drawing.find("title") is not None
    identifiers = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(identifiers) == len(set(identifiers))


def test_drawing_changes_no_global_setting():
    before = dict(mpl.rcParams)
    draw(sample.energy_curve())
    assert dict(mpl.rcParams) == before


def test_a_stored_figure_is_drawn_as_the_first_one():
    page = sample.page()
    (restored,) = (
        figure for section in page_from_json(page_to_json(page)).sections[1:2] for figure in section.figures[:1]
    )
    assert draw(restored) == draw(sample.device_map())


def test_text_stays_text_in_the_fonts_of_the_page():
    drawn = draw(sample.energy_curve())
    assert ">energy (Hartree)</text>" in drawn
    assert "font-family" not in drawn
    assert "DejaVu" not in drawn
    assert "<desc>Nine geometries, 100,000 shots" in drawn


def test_colours_are_the_themes():
    drawn = draw(sample.energy_curve())
    assert color(INK) in drawn
    assert "#0103" not in drawn
    assert "#0102" not in drawn


def test_hollow_marks_do_not_clear_the_reference():
    rows = (interval("above", 2, 1.5, 3), interval("across", 1.1, 0.8, 1.4), interval("below", 0.5, 0.4, 0.6))
    drawn = draw(Forest(title="t", x_label="x", rows=rows, log_x=True))
    assert drawn.count(f"fill: {color(PANEL)}") == 1
    assert drawn.count(f"fill: {color(SERIES[0])}") == 2


def test_the_line_goes_through_its_points():
    curve = Series(name="c", x=(0.0, 1.0, 2.0, 4.0), y=(0.0, 2.0, 4.0, 8.0))
    drawn = draw(Line(title="t", x_label="x", y_label="y", series=(curve,)))
    (path,) = re.findall(r'<path d="(M [^"]*L[^"]*)" [^>]*stroke: var\(--s0', drawn)
    points = [tuple(map(float, pair)) for pair in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path)]
    assert len(points) == 4
    (x0, y0), (x1, y1), _, (x3, y3) = points
    assert (x3 - x0) / (x1 - x0) == pytest.approx(4, rel=1e-4)
    assert (y3 - y0) / (y1 - y0) == pytest.approx(4, rel=1e-4)
    assert y3 < y0


def test_a_device_map_shows_every_coupling_and_names_its_layout():
    figure = sample.device_map()
    root = elements(figure)
    lines = [
        element
        for element in root.iter("path")
        if re.fullmatch(r"M \S+ \S+ +L \S+ \S+ *", element.get("d").replace("\n", ""))
    ]
    assert len(lines) >= len(figure.edges) + len(figure.highlight_edges)
    texts = {element.text for element in root.iter("text")}
    assert {"q0", "q5", "readout error", "error of a CZ gate"} <= texts


def test_columns_of_numbers_stand_to_the_right():
    table = Table(
        title="t", columns=("name", "value", "note"), rows=(("a", "1.5", ""), ("b", "\N{MINUS SIGN}2", "x" * 40))
    )
    drawn = draw(table)
    assert '<th class="short">name</th><th class="number">value</th><th>note</th>' in drawn


def gate(name, *wires, controls=0):
    return Gate(name=name, wires=wires, controls=controls)


def test_gates_are_packed_to_the_left():
    a, b, c, d, e = gate("a", 0), gate("b", 1), gate("c", 0, 2), gate("d", 1), gate("e", 3)
    assert pack_moments([a, b, c, d, e]) == [[a, b, e], [c], [d]]


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True).map(tuple), max_size=30))
def test_packing_keeps_the_order_on_every_wire(wires):
    gates = [gate(str(index), *where) for index, where in enumerate(wires)]
    moments = pack_moments(gates)
    assert sorted((one for moment in moments for one in moment), key=lambda one: int(one.name)) == gates
    for moment in moments:
        spans = [wire for one in moment for wire in range(min(one.wires), max(one.wires) + 1)]
        assert len(spans) == len(set(spans))
    for wire in range(6):
        order = [int(one.name) for moment in moments for one in moment if wire in one.wires]
        assert order == sorted(order)


@pytest.mark.parametrize(
    ("one", "circles", "boxes", "texts"),
    [
        (gate("h", 0), 0, 1, ["h"]),
        (gate("cx", 0, 1, controls=1), 2, 0, []),
        (gate("X", 1, 0, controls=1), 2, 0, []),
        (gate("CZ", 0, 1, controls=1), 2, 0, []),
        (gate("ccx", 0, 1, 2, controls=2), 3, 0, []),
        (gate("crz", 0, 1, controls=1), 1, 1, ["crz"]),
        (gate("swap", 0, 2), 0, 0, []),
        (gate("rzz", 0, 1), 0, 1, ["rzz"]),
        (gate("rzz", 0, 2), 0, 2, ["rzz", "rzz"]),
        (gate("measure", 0), 0, 1, []),
        (gate("barrier", 0, 1, 2), 0, 0, []),
    ],
)
def test_gates_have_their_usual_signs(one, circles, boxes, texts):
    root = elements(Circuit(title="t", wires=("a0", "a1", "a2"), gates=(one,)))
    assert len(list(root.iter("circle"))) == circles
    assert len(list(root.iter("rect"))) == boxes
    assert [text.text for text in root.iter("text")] == ["a0", "a1", "a2", *texts]


def test_a_long_circuit_wraps_into_rows_that_repeat_the_wires():
    gates = [gate("u(0.1234, 0.5678)", index % 2) for index in range(40)]
    root = elements(Circuit(title="t", wires=("a0", "a1"), gates=tuple(gates)))
    rows = root.findall(".//svg/g")
    assert len(rows) > 1
    assert [[text.text for text in row.iter("text")][:2] for row in rows] == [["a0", "a1"]] * len(rows)
    right = [float(box.get("x")) + float(box.get("width")) for box in root.iter("rect")]
    assert max(right) < float(root.find(".//svg").get("viewBox").split()[2])
