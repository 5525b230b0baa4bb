import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qloop.cli.main import main
from qloop.runs.numbers import format_interval
from tests.cli import toy


def run_json(capsys, *arguments):
    assert main(["run", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_person_reads_headline_tables_and_ledger(write_toml, capsys):
    assert main(["run", write_toml()]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("the total of <script>\\x1b[31m[bold] is ")
    for text in (
        "A paragraph.",
        "Energies",
        "7.25",
        "In Ha.",
        "search",
        " ".join(format_interval(1.5, 1.2, math.inf)),
        "7,000",
        "idle (off)",
        "nothing",
    ):
        assert text in out
    assert "RMSE without it / with it, over 8 paired repeats" in out
    assert "\x1b" not in out + err
    page = Path(next(line for line in out.splitlines() if line.startswith("page")).split()[1])
    assert "<script>\x1b" not in page.read_text()
    assert "toy: <script>\\x1b[31m[bold] (5 of 5)" in err


def test_a_program_reads_one_json_object(write_toml, capsys):
    assert main(["run", write_toml(), "--json"]) == 0
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert len(out.splitlines()) == 1
    assert isinstance(data["answer"]["total"], float)
    assert [(line["part"], line["gain"], line["gain_interval"]) for line in data["ledger"]] == [
        ("search", 1.5, [1.2, None]),
        ("idle", None, None),
    ]
    assert data["levels"][0]["name"] == "nothing"
    assert Path(data["page"]).read_text().startswith("<!DOCTYPE html>")
    assert len(data["run"]) == 64
    assert "toy: " in err


def test_set_and_seed_change_the_run(write_toml, capsys):
    file = write_toml()
    plain = run_json(capsys, file)
    doubled = run_json(capsys, file, "--set", "curve.width=2", "--set", "curve.points=9")
    assert doubled["answer"]["total"] == pytest.approx(2 * plain["answer"]["total"])
    assert run_json(capsys, file, "--seed", "4")["answer"] != plain["answer"]
    assert run_json(capsys, file, "--set", "task.seed=4")["seed"] == 4
    assert run_json(capsys, file)["run"] == plain["run"]


def test_a_finished_run_is_looked_up_and_a_fresh_one_is_not(write_toml, capsys):
    first = run_json(capsys, write_toml())
    assert len(toy.COMPUTED) == toy.PIECES
    assert run_json(capsys, write_toml()) == first
    assert len(toy.COMPUTED) == toy.PIECES
    assert run_json(capsys, write_toml(), "--fresh") == first
    assert len(toy.COMPUTED) == 2 * toy.PIECES


def test_paths_start_from_the_file_and_its_content_counts(write_toml, tmp_path, capsys):
    (tmp_path / "start.txt").write_text("100")
    file = write_toml('[task]\nkind = "toy"\n[curve]\nstart = "start.txt"\n')
    first = run_json(capsys, file)
    assert first["answer"]["total"] > 50
    (tmp_path / "start.txt").write_text("200")
    assert run_json(capsys, file)["run"] != first["run"]


def test_report_and_store_go_where_they_are_told(write_toml, tmp_path, capsys):
    data = run_json(
        capsys, write_toml(), "--report", str(tmp_path / "new" / "page.html"), "--store", str(tmp_path / "mine")
    )
    assert data["page"] == str(tmp_path / "new" / "page.html")
    assert (tmp_path / "mine" / "store.sqlite").exists()
    assert not (tmp_path / "store").exists()


def test_explain_shows_every_setting_and_runs_nothing(write_toml, tmp_path, capsys):
    file = write_toml('[task]\nkind = "toy"\n[curve]\npoints = 7\n')
    assert main(["run", file, "--explain", "--set", "trouble=none"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.split()}
    assert rows["curve.points"].split()[1:3] == ["7", "3"]
    assert "angstrom" in rows["curve.width"]
    assert "how long a piece takes" in rows["pause_s"]
    assert '"none"' in rows["trouble"]
    assert not (tmp_path / "store").exists()


def test_explain_helps_with_a_file_that_is_wrong(write_toml, capsys):
    assert main(["run", write_toml('[task]\nkind = "toy"\n[curve]\npoint = 7\n'), "--explain"]) == 1
    out, err = capsys.readouterr()
    assert "curve.points" in out
    assert err == "qloop: `curve.point` is not a setting: did you mean `points`?\n"


def test_dry_run_says_what_it_would_send(write_toml, tmp_path, capsys):
    assert main(["run", write_toml(), "--dry-run", "--set", "curve.points=7"]) == 0
    assert capsys.readouterr().out == "7 circuits with seed 3, nothing sent\n"
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[task]\nkind = ", r"toy.toml` is not valid TOML, line 2 `kind =`: Invalid value."),
        ("x = 1", "qloop: `task.kind` is required and was not given."),
        ("task = 1", "qloop: `task` must be a table, got 1."),
        ('[task]\nkind = "tpy"', "qloop: `tpy` is not a known task kind: did you mean `toy`?"),
        ('[task]\nkind = "toy"\nsead = 1', "qloop: `task.sead` is not a setting: did you mean `seed`?"),
        ('[task]\nkind = "toy"\nseed = -1', "qloop: `task.seed` must be greater than or equal to 0, got -1."),
        (
            '[task]\nkind = "toy"\n[curve]\nwidth = "\\u001b[2J"',
            r'qloop: `curve.width` must be a number, got "\u001b[2J".',
        ),
        ('[task]\nkind = "toy"\n["\\u001b[2J"]', r"qloop: `\x1b[2J` is not a setting: choose one of"),
        ('trouble = "rule"\n[task]\nkind = "toy"', "qloop: `trouble` must be empty, got rule."),
        ('trouble = "bug"\n[task]\nkind = "toy"', "qloop: unexpected KeyError: 'bug' (--debug shows where)."),
        ('trouble = "disk"\n[task]\nkind = "toy"', "qloop: No space left on device: `/full`."),
    ],
)
def test_what_goes_wrong_is_one_sentence(text, sentence, write_toml, capsys):
    assert main(["run", write_toml(text)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert main(["run", str(tmp_path / "none.toml")]) == 1
    assert "there is no settings file" in capsys.readouterr().err


def test_debug_shows_where(write_toml, capsys):
    assert main(["run", write_toml('trouble = "bug"\n[task]\nkind = "toy"'), "--debug"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "tests/cli/toy.py" in err


def test_an_interrupted_run_says_so_and_resumes_to_the_same_answer(write_toml, capsys):
    file = write_toml()
    command = [sys.executable, "-m", "qloop", "run", file, "--set", "pause_s=0.2", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seen = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert "toy: " in seen
    assert process.returncode == 130
    assert out == ""
    assert "the same command resumes run" in err.splitlines()[-1]
    assert "Traceback" not in err
    start = time.monotonic()
    resumed = run_json(capsys, file, "--set", "pause_s=0.2")
    assert len(toy.COMPUTED) < toy.PIECES
    assert time.monotonic() - start < 30
    assert resumed["answer"] == run_json(capsys, file, "--fresh")["answer"]
