"""A task that other processes can import: thirty remembered pieces, each a little matrix arithmetic."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from qloop.core.answer import Answer
from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate
from qloop.core.ledger import Ledger, LedgerLine, Part
from qloop.core.memo import Memo, Value, content_key, remembered
from qloop.core.page import Line, Page, Section, Series
from qloop.core.progress import Event, Progress, silent
from qloop.core.rng import make_rng
from qloop.core.settings import setting, settings
from qloop.runs.execute import execute, sweep
from qloop.runs.run import Entry
from qloop.runs.store import Store

PIECES = 30


@settings
class Toy:
    """Settings of the toy task."""

    scale: float = setting(1.0, "what every piece is multiplied by")
    pause_s: float = setting(0.0, "how long a piece takes", unit="s")
    fail: bool = setting(False, "whether it fails after half of the pieces")


def toy(settings: Toy, seed: int, *, memo: Memo, progress: Progress) -> Answer:
    """Sum thirty pieces; each is a transposed view, whose layout in memory a resumed run must not change."""

    def piece(index: int) -> Value:
        time.sleep(settings.pause_s)
        matrix = make_rng(seed, "piece", index).normal(size=(40, 30)) * settings.scale
        return {"matrix": matrix.T[::2], "trace": float(np.trace(matrix @ matrix.T)), "index": index}

    total = np.zeros(15)
    for index in range(PIECES):
        if settings.fail and index == PIECES // 2:
            raise InvalidValueError("`fail` must be false, got true.")
        value = remembered(memo, content_key("toy", settings.scale, seed, index), lambda index=index: piece(index))
        total += value["matrix"].sum(axis=1) / value["trace"]
        progress(Event(stage="toy", text=f"piece {index}", done=index + 1, total=PIECES))
    curve = Series(name="total", x=tuple(float(i) for i in range(15)), y=tuple(total.tolist()))
    part = Part(name="sum", stage="interpret", nature="textbook", does="adds", off="nothing")
    return Answer(
        headline=f"the total is {total.sum():.6g}",
        values={"total": Estimate(value=total.sum(), low=total.min(), high=total.sum() + 1).to_json()},
        ledger=Ledger(lines=(LedgerLine(part=part, on=True),)),
        page=Page(
            title="Toy",
            headline=f"the total is {total.sum()!r}",
            sections=(
                Section(title="Curve", figures=(Line(title="Total", x_label="x", y_label="y", series=(curve,)),)),
            ),
        ),
        arrays={"total": total},
        references=("nobody, 2024",),
    )


def answer_bytes(store: Store, run_id: str) -> Any:
    """Return what the store holds of an answer, as the text and bytes on the disk."""
    row = store._db.execute(
        "SELECT headline, answer, ledger, page, citations, arrays FROM runs WHERE id = ? AND state = 'finished'",
        (run_id,),
    ).fetchone()
    return *tuple(row), (store.path / "arrays" / row["arrays"]).read_bytes()


def run_toy(path: Path, pause_s: float) -> None:
    """Execute the toy in the process that is asked, to be killed or interrupted on the way."""
    with Store(path) as opened:
        execute(toy, Toy(pause_s=pause_s), kind="toy", seed=7, store=opened, progress=silent)


def entry(run_id: str, **changes: Any) -> Entry:
    return replace(Entry(id=run_id, kind="toy", settings={}, seed=1, code_version="v", started="2024-01-01"), **changes)


def hammer(path: Path, worker: int, count: int) -> None:
    """Put, record and begin in turns with other workers."""
    with Store(path) as store:
        for index in range(count):
            key = f"shared-{index}"
            value = remembered(store, key, lambda index=index: {"x": np.full(50, index), "by": worker})
            assert value["x"][0] == index
            store.put(f"own-{worker}-{index}", {"n": index})
            store.record_job(key, f"job-{worker}-{index}", "sim")
            store.begin(entry(f"{worker}{index:03d}" + "0" * 60))


def die(settings: Any, seed: int, *, memo: Memo, progress: Progress) -> Answer:
    """End the process as a kill for want of memory would."""
    os._exit(1)


if __name__ == "__main__":
    points = [Toy(scale=1.0 + index, pause_s=float(sys.argv[2])) for index in range(9)]
    with Store(Path(sys.argv[1])) as opened:
        try:
            for _ in sweep(toy, points, kind="toy", seeds=[7], store=opened):
                sys.stdout.write("finished\n")
                sys.stdout.flush()
        except KeyboardInterrupt as error:
            sys.exit(str(error))
