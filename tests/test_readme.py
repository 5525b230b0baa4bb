"""The README: its Python runs, its settings are settings, its numbers are the bench's."""

import re
import sys
import tomllib
from pathlib import Path

from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.core.settings import validate
from qloop.train import FitSettings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALL = {
    '"Li 0 0 0; H 0 0 1.6"': '"H 0 0 0; H 0 0 0.74"',
    '"points": 5': '"points": 3',
    '"repeats": 4': '"repeats": 2, "twins": 8',
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def run(code: str, smaller: dict[str, str]) -> None:
    for written, small in smaller.items():
        assert code.count(written) == 1
        code = code.replace(written, small)
    exec(compile(code, "README.md", "exec"), {"FitSettings": FitSettings})


def test_the_curve_runs_on_a_smaller_job(capsys):
    run(blocks("python")[0], SMALL)
    headline, *gains = capsys.readouterr().out.splitlines()
    assert "3 energies" in headline
    assert [line.split()[0] for line in gains[:2]] == ["warm_start", "allocation"]


def test_the_model_learns_and_asks_whether_its_circuit_pays(capsys):
    run(blocks("python")[1], {"seeds=10": "seeds=2, trials=1, settings=FitSettings(epochs=2)"})
    assert "the circuit" in capsys.readouterr().out.lower()


def test_the_settings_are_settings():
    [toml] = blocks("toml")
    tables = tomllib.loads(toml)
    assert tables.pop("task") == {"kind": "chemistry"}
    assert validate(ChemistrySettings, tables).scan.points == 9


def test_the_numbers_are_the_benchs(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    monkeypatch.delitem(sys.modules, "bench_tables", raising=False)
    from bench_tables import fill

    assert fill(README) == README
