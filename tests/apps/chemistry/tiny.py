"""The smallest whole job, as a file and as a call that another process can be killed in."""

from pathlib import Path

# Imported here, so that a process forked from one that has imported this file starts at once.
import qloop.apps.chemistry.task  # noqa: F401
from qloop.apps.chemistry.kind import TASK
from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.core.settings import read_toml, validate
from qloop.runs.execute import execute
from qloop.runs.run import Run
from qloop.runs.store import Store

NAME = "<script>alert(1)</script>\x1b[31m[bold]"
TINY = """
[task]
kind = "chemistry"
seed = 3
[molecule]
name = "<script>alert(1)</script>\\u001b[31m[bold]"
atoms = "H 0 0 0; H 0 0 0.7"
[scan]
start = 0.5
stop = 1.7
points = 5
[device]
name = "FakeLagos"
[shots]
per_geometry = 2000
[ledger]
repeats = 2
twins = 8
"""
PIECES = 6
"""Integrals, the searched circuit, the model error, the plain circuit, two repeats."""


def settings_in(file: Path) -> ChemistrySettings:
    tables = read_toml(file)
    del tables["task"]
    return validate(ChemistrySettings, tables)


def run_tiny(file: Path, path: Path) -> Run:
    with Store(path) as store:
        return execute(TASK.task, settings_in(file), kind="chemistry", seed=3, store=store)
