"""A task kind as another package would register it: quick, a little slow on request, full of unfriendly names."""

import math
import os
import time
from pathlib import Path

from qloop.core.answer import Answer, TaskKind
from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate
from qloop.core.ledger import Ledger, LedgerLine, Level, Metric, Part
from qloop.core.memo import content_key, remembered
from qloop.core.page import Page, Section, Table, Text
from qloop.core.progress import Event
from qloop.core.rng import make_rng
from qloop.core.settings import setting, settings

HOSTILE = "<script>\x1b[31m[bold]"
PIECES = 5
COMPUTED = []
"""The pieces that this process computed, in order."""


@settings
class Curve:
    points: int = setting(3, "number of points", ge=1)
    width: float = setting(1.0, "how wide", unit="angstrom", gt=0)
    start: Path | None = setting(None, "file of starting values")


@settings
class Toy:
    curve: Curve = setting(Curve, "the curve")
    pause_s: float = setting(0.0, "how long a piece takes", unit="s")
    trouble: str = setting("", "what goes wrong")


def toy(settings, seed, *, memo, progress):
    if settings.trouble == "rule":
        raise InvalidValueError("`trouble` must be empty, got rule.")
    if settings.trouble == "bug":
        raise KeyError("bug")
    if settings.trouble == "disk":
        raise OSError(28, os.strerror(28), "/full")

    def compute(index):
        COMPUTED.append(index)
        time.sleep(settings.pause_s)
        return {"draw": make_rng(seed, index).standard_normal()}

    total = float(settings.curve.start.read_text()) if settings.curve.start else 0.0
    for index in range(PIECES):
        key = content_key("toy", seed, index)
        total += settings.curve.width * remembered(memo, key, lambda index=index: compute(index))["draw"]
        progress(Event(stage="toy", text=HOSTILE, done=index + 1, total=PIECES))
    gain = Estimate(value=1.5, low=1.2, high=math.inf)
    search = Part(
        name="search", stage="design", nature="searches", does="d", off="o", references=("Search, 2024", "Both")
    )
    idle = Part(name="idle", stage="correct", nature="textbook", does="d", off="o", references=("Idle, 1900",))
    return Answer(
        headline=f"the total of {HOSTILE} is {total:.3f}",
        values={"total": total, "gain": gain.to_json()},
        ledger=Ledger(
            lines=(
                LedgerLine(
                    part=search,
                    on=True,
                    gain=gain,
                    metrics=(Metric(name="draws", estimate=gain),),
                    seconds=2.5,
                    shots=7000,
                ),
                LedgerLine(part=idle, on=False),
            ),
            levels=(Level(name="nothing", meaning="all off", error=gain, ratio=gain),),
            error_name="RMSE",
            repeats=8,
        ),
        page=Page(
            title="toy",
            headline="toy",
            sections=(
                Section(
                    title="s",
                    figures=(
                        Text(paragraphs=("A paragraph.",)),
                        Table(title="Energies", columns=("x", "y"), rows=((HOSTILE, "7.25"),), caption="In Ha."),
                    ),
                ),
            ),
        ),
        references=("Toy, 2025", "Both"),
    )


KIND = TaskKind(
    settings=Toy,
    task=toy,
    dry_run=lambda settings, seed: f"{settings.curve.points} circuits with seed {seed}, nothing sent",
)
