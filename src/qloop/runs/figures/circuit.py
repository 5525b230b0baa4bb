"""Circuit drawings as SVG: gates packed to the left, long circuits wrapped into rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from qloop.core.page import Circuit, Gate
from qloop.runs.figures.style import INK, MUTED, PANEL, SERIES, color, escape, measure, shorten, svg

_WIDTH = 720.0
_PITCH = 34.0
_BOX = 24.0
_GAP = 12.0
_ROW_GAP = 26.0
_FONT = 11.0


@dataclass(frozen=True)
class _Column:
    """Gates that act at once, with the width of the widest."""

    gates: tuple[Gate, ...]
    width: float


def draw_circuit(chart: Circuit) -> str:
    """Draw the circuit in rows of a page's width, each starting with the names of the wires.

    On a narrow screen it scrolls in its own container rather than shrink beyond reading.
    """
    columns = [_Column(tuple(gates), max(map(_gate_width, gates))) for gates in pack_moments(chart.gates)]
    wires = [shorten(name, 150, _FONT) for name in chart.wires]
    margin = 14 + max((measure(name, _FONT) for name in wires), default=0)
    rows = list(_wrap(columns, _WIDTH - margin - _GAP))
    row_height = _PITCH * len(chart.wires) + _ROW_GAP
    body = ""
    for index, row in enumerate(rows):
        drawn = _draw_row(wires, row, margin, goes_on=index + 1 < len(rows))
        body += f'<g transform="translate(0 {index * row_height:g})">{drawn}</g>'
    width = _WIDTH if len(rows) > 1 else _row_end(columns, margin)
    drawing = svg(f"0 0 {width:g} {len(rows) * row_height - _ROW_GAP:g}", body, chart.title, chart.caption)
    size = f"width: {1.25 * width:.0f}px; min-width: {0.85 * width:.0f}px; max-width: 100%"
    return f'<div class="scroll"><div style="{size}">{drawing}</div></div>'


def pack_moments(gates: Sequence[Gate]) -> list[list[Gate]]:
    """Return the gates by moment, each as early as the wires that it spans allow."""
    moments: list[list[Gate]] = []
    free: dict[int, int] = {}
    for gate in gates:
        span = range(min(gate.wires), max(gate.wires) + 1)
        moment = max(free.get(wire, 0) for wire in span)
        if moment == len(moments):
            moments.append([])
        moments[moment].append(gate)
        free.update(dict.fromkeys(span, moment + 1))
    return moments


def _wrap(columns: Sequence[_Column], room: float) -> Iterator[list[_Column]]:
    row: list[_Column] = []
    used = 0.0
    for column in columns:
        if row and used + column.width + _GAP > room:
            yield row
            row, used = [], 0.0
        row.append(column)
        used += column.width + _GAP
    yield row


def _row_end(columns: Sequence[_Column], margin: float) -> float:
    return margin + _GAP + sum(column.width + _GAP for column in columns)


def _draw_row(wires: Sequence[str], columns: Sequence[_Column], margin: float, goes_on: bool) -> str:
    end = _WIDTH if goes_on else _row_end(columns, margin)
    parts = []
    for wire, name in enumerate(wires):
        parts += [_path(f"M{margin:g} {_y(wire):g}H{end:g}", MUTED), _text(name, margin - 8, _y(wire), INK, "end")]
    x = margin + _GAP
    for column in columns:
        parts += [_draw_gate(gate, x + column.width / 2) for gate in column.gates]
        x += column.width + _GAP
    return "".join(parts)


def _draw_gate(gate: Gate, x: float) -> str:
    base = _base_name(gate)
    low, high = min(gate.wires), max(gate.wires)
    if base == "barrier":
        return _path(f"M{x:g} {_y(low) - 15:g}V{_y(high) + 15:g}", MUTED, 'stroke-dasharray="3 3"')
    link = _path(f"M{x:g} {_y(low):g}V{_y(high):g}", SERIES[0], 'stroke-width="1.6"') if low < high else ""
    controls, targets = gate.wires[: gate.controls], gate.wires[gate.controls :]
    return link + "".join(_dot(x, wire) for wire in controls) + _draw_targets(gate, base, targets, x)


def _draw_targets(gate: Gate, base: str, targets: Sequence[int], x: float) -> str:
    symbol = _SYMBOLS.get(base)
    if symbol and (gate.controls or base in {"swap", "measure"}):
        return "".join(symbol(x, wire) for wire in targets)
    shade = SERIES[0] if len(gate.wires) > 1 else INK
    top, bottom = min(targets), max(targets)
    spans = [(top, bottom)] if bottom - top + 1 == len(targets) else [(wire, wire) for wire in targets]
    return "".join(_box(x, *span, _gate_width(gate), _label(base), shade) for span in spans)


def _base_name(gate: Gate) -> str:
    """Return the name of what is done to the targets: ``cx`` and ``x`` with a control are the same drawing."""
    name = {"m": "measure", "measurement": "measure", "cnot": "cx", "id": "I"}.get(gate.name.lower(), gate.name)
    plain = name.lower()
    if plain in {"barrier", "swap", "measure"}:
        return plain
    if gate.controls and plain.lstrip("c") in {"x", "z", "swap"}:
        return plain.lstrip("c")
    return name


def _gate_width(gate: Gate) -> float:
    base = _base_name(gate)
    drawn = base in {"barrier", "swap", "measure"} or (gate.controls and base in _SYMBOLS)
    return _BOX if drawn else max(_BOX, measure(_label(base), _FONT) + 10)


def _label(name: str) -> str:
    return shorten(name, 150, _FONT)


def _y(wire: int) -> float:
    return _PITCH * (wire + 0.5)


def _path(route: str, shade: str, more: str = "") -> str:
    return f'<path d="{route}" fill="none" {more} style="stroke: {color(shade)}"/>'


def _text(text: str, x: float, y: float, shade: str, anchor: str = "middle") -> str:
    place = f'x="{x:g}" y="{y:g}" dy="0.35em" text-anchor="{anchor}" font-size="{_FONT:g}"'
    return f'<text {place} style="fill: {color(shade)}">{escape(text)}</text>'


def _box(x: float, top: int, bottom: int, width: float, label: str, shade: str) -> str:
    place = (
        f'x="{x - width / 2:g}" y="{_y(top) - _BOX / 2:g}" width="{width:g}" height="{_y(bottom) - _y(top) + _BOX:g}"'
    )
    box = f'<rect {place} rx="4" style="fill: {color(PANEL)}; stroke: {color(shade)}"/>'
    return box + (_text(label, x, (_y(top) + _y(bottom)) / 2, shade) if label else "")


def _dot(x: float, wire: int) -> str:
    return f'<circle cx="{x:g}" cy="{_y(wire):g}" r="4" style="fill: {color(SERIES[0])}"/>'


def _plus(x: float, wire: int) -> str:
    y = _y(wire)
    ring = f'<circle cx="{x:g}" cy="{y:g}" r="9" style="fill: {color(PANEL)}; stroke: {color(SERIES[0])}"/>'
    return ring + _path(f"M{x - 9:g} {y:g}h18M{x:g} {y - 9:g}v18", SERIES[0], 'stroke-width="1.6"')


def _cross(x: float, wire: int) -> str:
    return _path(f"M{x - 5:g} {_y(wire) - 5:g}l10 10m0 -10l-10 10", SERIES[0], 'stroke-width="1.8"')


def _meter(x: float, wire: int) -> str:
    y = _y(wire)
    dial = _path(f"M{x - 8:g} {y + 5:g}a8 8 0 0 1 16 0M{x:g} {y + 5:g}l6 -11", MUTED)
    return _box(x, wire, wire, _BOX, "", MUTED) + dial


_SYMBOLS: dict[str, Callable[[float, int], str]] = {
    "x": _plus,
    "z": _dot,
    "swap": _cross,
    "measure": _meter,
}
"""Names with a drawing of their own: the first two where they are controlled."""
