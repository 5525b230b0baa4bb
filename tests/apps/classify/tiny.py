"""The smallest whole job, as a file and as a call that another process can be killed in."""

from pathlib import Path

import numpy as np

# Imported here, so that a process forked from one that has imported this file starts at once.
import qloop.apps.classify.task  # noqa: F401
from qloop.apps.classify.kind import TASK
from qloop.apps.classify.settings import ClassifySettings
from qloop.core.settings import read_toml, validate
from qloop.runs.execute import execute
from qloop.runs.run import Run
from qloop.runs.store import Store

TINY = """
[task]
kind = "classify"
seed = 3
[data]
file = "<b>blobs.csv"
target = "side"
[model]
num_qubits = 2
layers = 1
[training]
epochs = 15
batch_size = 20
learning_rate = 0.05
[ablation]
seeds = 2
trials = 1
"""


def settings_in(file: Path) -> ClassifySettings:
    tables = read_toml(file)
    del tables["task"]
    return validate(ClassifySettings, tables, folder=file.parent)


def run_tiny(file: Path, path: Path) -> Run:
    with Store(path) as store:
        return execute(TASK.task, settings_in(file), kind="classify", seed=3, store=store)


def write_blobs(path: Path, cases: int = 80) -> None:
    """Write two clouds of points in three columns, which a line tells apart."""
    rng = np.random.default_rng(0)
    sides = np.arange(cases) % 2
    points = rng.normal(size=(cases, 3)) + 3 * sides[:, None]
    rows = [f"{x:.6f},{y:.6f},{z:.6f},{('left', 'right')[side]}" for (x, y, z), side in zip(points, sides, strict=True)]
    path.write_text("\n".join(["x,y,z,side", *rows]) + "\n")
