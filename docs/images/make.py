"""Draw the picture of the README from a stored run: `python docs/images/make.py RUN`; `qloop runs list` names them."""

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from qloop.core.answer import Answer
from qloop.runs import Store

BLUE, ORANGE, GREY, INK = "#1f6fb2", "#d2601a", "#7b8794", "#1c2630"
STYLE = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "qloop",
    "text.color": INK,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}


def main() -> None:
    """Write `energy_curve.svg` beside this file."""
    with Store() as store:
        answer = store.run(sys.argv[1]).answer
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        curve, gains = figure.subplots(1, 2, width_ratios=(1.1, 1))
        draw_curve(curve, answer)
        draw_gains(gains, answer)
        path = Path(__file__).parent / "energy_curve.svg"
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    print(path)


def draw_curve(axes: Any, answer: Answer) -> None:
    """Draw the energies with their intervals between the classical curves, each named at its end."""
    values = answer.values
    x = values["distance_angstrom"]
    for name, color in (("HF", GREY), ("MP2", GREY), ("FCI", ORANGE)):
        energies = values["classical_ha"][name]
        axes.plot(x, energies, color=color, linewidth=1.6, linestyle="-" if name == "FCI" else "--")
        axes.annotate(name, (x[-1], energies[-1]), (9, 0), textcoords="offset points", va="center", color=color)
    y = [energy["value"] for energy in values["energy_ha"]]
    low, high = zip(*(energy["interval"] for energy in values["energy_ha"]), strict=True)
    axes.vlines(x, low, high, color=BLUE, linewidth=2)
    axes.plot(x, y, "o", color=BLUE, markersize=5.5, markeredgecolor="white", label="qloop, 90 % intervals")
    axes.set(
        title=f"{values['molecule']} on a simulated {values['device']}", xlabel="distance (Å)", ylabel="energy (Ha)"
    )
    axes.legend(frameon=False, loc="upper center")
    axes.locator_params(axis="both", nbins=6)


def draw_gains(axes: Any, answer: Answer) -> None:
    """Draw what every part bought: the error without it over the error with it."""
    lines = [line for line in answer.ledger.lines if line.gain is not None]
    for y, line in enumerate(lines):
        gain = line.gain
        apart = not gain.low <= 1 <= gain.high
        color = BLUE if apart else GREY
        axes.plot([gain.low, gain.high], [y, y], color=color, linewidth=2)
        axes.plot(gain.value, y, "o", color=color, markerfacecolor=color if apart else "white", markersize=6)
    axes.axvline(1, color=GREY, linewidth=1, linestyle="--", zorder=0)
    axes.set_xscale("log")
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 4, 8) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    names = [line.part.name.replace("_", " ") + ("" if line.on else " (off)") for line in lines]
    axes.set_yticks(range(len(lines)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.invert_yaxis()
    axes.set(title="What each part bought", xlabel="error without the part / with it; above 1 it helps")


if __name__ == "__main__":
    main()
