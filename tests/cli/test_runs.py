import json
from pathlib import Path

import pytest

from qloop.cli.main import main


@pytest.fixture
def run_id(write_toml, capsys):
    assert main(["run", write_toml(), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["run"]


def test_list_shows_finished_and_failed_runs(run_id, write_toml, capsys):
    assert main(["run", write_toml('trouble = "rule"\n[task]\nkind = "toy"')]) == 1
    capsys.readouterr()
    assert main(["runs", "list"]) == 0
    out = capsys.readouterr().out
    assert run_id[:12] in out
    assert "finished" in out
    assert "failed" in out
    assert "`trouble` must be empty" in out


def test_show_repeats_the_answer(run_id, write_toml, capsys):
    assert main(["run", write_toml()]) == 0
    told = capsys.readouterr().out
    assert main(["runs", "show", run_id[:8]]) == 0
    assert capsys.readouterr().out == told
    assert main(["runs", "show", run_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == run_id


def test_report_says_where_the_page_is(run_id, tmp_path, capsys):
    assert main(["runs", "report", run_id[:8]]) == 0
    assert Path(capsys.readouterr().out.strip()).read_text().startswith("<!DOCTYPE html>")
    assert main(["runs", "report", run_id[:8], "--report", str(tmp_path / "a.html")]) == 0
    assert (tmp_path / "a.html").exists()


def test_export_makes_a_folder(run_id, tmp_path, capsys):
    assert main(["runs", "export", run_id[:8], str(tmp_path / "out")]) == 0
    assert any((tmp_path / "out").iterdir())


def test_cite_prints_each_reference_of_what_was_on_once(run_id, capsys):
    assert main(["cite", run_id[:8]]) == 0
    assert capsys.readouterr().out.splitlines() == ["Toy, 2025", "Both", "Search, 2024"]


@pytest.mark.parametrize("command", [["runs", "show"], ["runs", "report"], ["cite"]])
def test_a_run_that_is_not_there(command, capsys):
    assert main([*command, "abc"]) == 1
    assert "there is no run `abc`" in capsys.readouterr().err
