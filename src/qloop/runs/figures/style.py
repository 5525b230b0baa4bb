"""The look that all figures share, and the way from a matplotlib figure to SVG that lives in a page.

Colours are CSS variables with a fallback, so that one drawing suits a light page, a dark one and paper. matplotlib
wants plain colours, so each variable has a stand-in that is exchanged in the SVG.
"""

import bisect
import functools
import html
import io
import math
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qloop.runs.numbers import format_tick, format_ticks

UNITS = 72
"""SVG units per inch, the measure of matplotlib."""
WIDTH_IN = 5.0
"""Width of a figure in inches, so that its 10-unit text is 9 px on a telephone and 14 px in half a desktop page."""

INK, MUTED, GRID, PANEL = "#010201", "#010202", "#010203", "#010204"
SERIES = ("#010301", "#010302", "#010303", "#010304", "#010305", "#010306")
"""Blue, orange, green, purple, yellow, grey: after Okabe and Ito's palette, which every reader can tell apart."""

_VARIABLES = {
    INK: "var(--ink, #1c2630)",
    MUTED: "var(--muted, #67727e)",
    GRID: "var(--grid, #dfe3e8)",
    PANEL: "var(--panel, #ffffff)",
    SERIES[0]: "var(--s0, #1f6fb2)",
    SERIES[1]: "var(--s1, #d2601a)",
    SERIES[2]: "var(--s2, #11866a)",
    SERIES[3]: "var(--s3, #9b5699)",
    SERIES[4]: "var(--s4, #b98300)",
    SERIES[5]: "var(--s5, #7b8794)",
}

LOW_TO_HIGH = ("#3d85d9", "#9068cc", "#d95a8c", "#f79a3e")
"""A scale for thin marks: blue to orange, at a lightness that shows on white and on black."""

_RC = {
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "hatch.color": GRID,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "path.simplify": False,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 9.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9.5,
}
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@contextmanager
def house_style(salt: str) -> Iterator[None]:
    """Apply the house's matplotlib settings inside the block, whatever the user's own are.

    Args:
        salt: makes the identifiers inside the SVG differ between the figures of a page, and the same in every drawing.
    """
    import matplotlib.style

    with matplotlib.style.context(["default", {**_RC, "svg.hashsalt": salt}]), warnings.catch_warnings():
        # A name in a script that the measuring font lacks is drawn by the reader's own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_figure(height_in: float, width_in: float = WIDTH_IN) -> Any:
    """Return an empty matplotlib figure that belongs to no window and no global list."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in))


@functools.lru_cache(4096)
def measure(text: str, size: float = 10) -> float:
    """Return the width of a text in SVG units in matplotlib's own font, which is wider than most."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(
        text, FontProperties(family="DejaVu Sans", size=size), False
    )
    return float(width)


def label_ticks(axis: Any, most: int = 7) -> None:
    """Put plain numbers at the ticks of a matplotlib axis, at most so many."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    logarithmic = axis.get_scale() == "log"
    decades = math.log10(high / low) if logarithmic else 0.0
    if decades > 0.8:
        axis.set_major_locator(
            LogLocator(subs=(1,) if decades > 2.5 else (1, 3) if decades > 1.5 else (1, 2, 5), numticks=most)
        )
    else:
        axis.set_major_locator(MaxNLocator(most, steps=(1, 2, 2.5, 5, 10)))
    ticks = [tick for tick in axis.get_majorticklocs() if low <= tick <= high]
    axis.set_ticks(ticks, [format_tick(tick) for tick in ticks] if logarithmic else format_ticks(ticks))
    axis.set_minor_locator(NullLocator())


def shorten(text: str, room: float, size: float = 10) -> str:
    """Return the text, with its end left out where it would be wider than so many SVG units."""
    if measure(text, size) <= room:
        return text
    kept = bisect.bisect_right(range(len(text)), room, key=lambda length: measure(f"{text[:length]}…", size)) - 1
    return f"{text[: max(kept, 0)]}…"


def to_svg(figure: Any, title: str, description: str) -> str:
    """Return the figure as inline SVG: themed, scalable, in the page's font, described for those who cannot see it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ET.fromstring(buffer.getvalue())
    used = set(re.findall(r"#([\w.-]+)", buffer.getvalue()))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        if attributes.get("id") not in used:
            attributes.pop("id", None)
        if "style" in attributes:
            attributes["style"] = _restyle(attributes["style"])
        element.attrib.clear()
        element.attrib.update(attributes)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in {"metadata", "style"}]:
            parent.remove(child)
    body = "".join(ET.tostring(child, encoding="unicode") for child in root)
    return svg(root.attrib["viewBox"], body, title, description)


def svg(view_box: str, body: str, title: str, description: str) -> str:
    """Return an SVG element for a page, named by its title and described by its caption."""
    described = f"<desc>{escape(description)}</desc>" if description else ""
    named = f"<title>{escape(title)}</title>{described}"
    return f'<svg viewBox="{view_box}" role="img" stroke-linejoin="round">{named}{body}</svg>'


def color(stand_in: str) -> str:
    """Return the CSS colour behind a stand-in."""
    return _VARIABLES[stand_in]


def clean(text: str) -> str:
    """Exchange characters that no page may hold for the replacement sign."""
    return _NOT_XML.sub("\ufffd", text)


def escape(text: str) -> str:
    """Return the text as harmless HTML."""
    return html.escape(text)


def _restyle(style: str) -> str:
    """Exchange stand-ins for variables, and leave the choice of the font to the page."""
    for stand_in, variable in _VARIABLES.items():
        style = style.replace(stand_in, variable)
    kept = []
    for name, _, value in (declaration.strip().partition(": ") for declaration in style.split(";")):
        if name == "font":
            weight, _, size = value.partition("px")[0].rpartition(" ")
            kept += [f"font-size: {size}px", f"font-weight: {weight or 'normal'}"]
        elif name != "font-family":
            kept.append(f"{name}: {value}")
    return "; ".join(kept)
