"""The verbs on files of a generated repetition code; a toy decoder stands in as another package's would."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import platformdirs
import pytest
import stim

from qloop.cli.main import main
from qloop.decoding.shots import ShotFile, encode_shots
from tests.decoding.toys import Toy, repetition

KERNELS = os.environ.get("QLOOP_CACHE") or str(platformdirs.user_cache_path("qloop"))
"""Where compiled kernels are kept, before a test gets a cache of its own."""


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """The toys among the decoders, here and in other processes; the working directory is the test's own."""
    plugin = tmp_path / "decoders" / "toys-1.0.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (plugin / "entry_points.txt").write_text(
        "[qloop.decoders]\ntoy = tests.decoding.toys:Toy\nnever = tests.decoding.toys:Never\n"
    )
    monkeypatch.syspath_prepend(plugin.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.environ["PYTHONPATH"], str(plugin.parent)]))
    monkeypatch.setenv("QLOOP_CACHE", KERNELS)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files(toys):
    """A model, events and flips in the working directory."""
    dem, events, flips = repetition(shots=2000)
    Path("m.dem").write_text(str(dem))
    Path("e.b8").write_bytes(encode_shots(events, "b8"))
    Path("f.01").write_bytes(encode_shots(flips, "01"))
    return dem, events, flips


RUN = ["decode", "run", "--dem", "m.dem", "--events", "e.b8", "--decoder", "toy", "-o", "p.b8", "--workers", "1"]
FIT = ["decode", "fit", "--dem", "m.dem", "--events", "e.b8", "--flips", "f.01", "-o", "fitted.dem"]
COMPARE = ["decode", "compare", "--dem", "m.dem", "--events", "e.b8", "--flips", "f.01", "--workers", "1"]


def fails(capsys, arguments):
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("qloop: ")
    return err.strip()


def test_run_writes_predictions_confidence_and_what_to_review(files, capsys):
    dem, events, _ = files
    assert main([*RUN, "--confidence", "c.npy", "--review", "0.05"]) == 0
    out, err = capsys.readouterr()
    answer = Toy().compile(dem).decode(events)
    assert (ShotFile(Path("p.b8"), 1)[:] == answer.predictions).all()
    assert (np.load("c.npy") == answer.confidence).all()
    assert len(np.load("p.review.npy")) == 100
    assert "2,000 shots decoded" in out
    assert "100 shots flagged for review" in out
    assert "decode: e.b8 (2000 of 2000)" in err
    assert "exists and stays as it is" in fails(capsys, RUN)


def test_a_program_reads_what_run_did(files, capsys):
    assert main([*RUN, "--json", "--shots", "1::2"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["shots"], done["confidence"], done["files"]) == (1000, None, ["p.b8"])
    dem, events, _ = files
    assert (ShotFile(Path("p.b8"), 1)[:] == Toy().compile(dem).decode(events[1::2]).predictions).all()


def test_compare_prints_tests_and_writes_a_page(files, capsys):
    arguments = [*COMPARE, "--decoders", "toy", "never", "--distance", "3", "--report", "page.html"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "toy is wrong on" in out
    assert "Exact McNemar test" in out
    page = Path("page.html").read_text()
    for title in ("Error against coverage", "Confidence of toy", "Detection events", "Beside other ways"):
        assert title in page
    assert main([*arguments, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["answer"]
    dem, events, flips = files
    wrong = (Toy().compile(dem).decode(events).predictions != flips).mean()
    assert data["decoders"]["toy"]["error"]["value"] == pytest.approx(wrong)
    assert data["decoders"]["never"]["error"]["value"] == pytest.approx(flips.mean())
    assert data["experiments"][0]["rounds"] == 3
    assert data["mcnemar"][0]["p_value"] < 1e-6


def test_models_of_the_same_shots_go_by_their_own_names(files, capsys):
    Path("other.dem").write_bytes(Path("m.dem").read_bytes())
    assert main([*COMPARE, "--dem", "m.dem", "other.dem", "--decoders", "toy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["answer"]["experiments"]
    assert [one["name"] for one in found] == ["m", "other"]
    assert found[0]["error"] == found[1]["error"]


def test_compare_takes_several_experiments(files, capsys):
    twice = ["decode", "compare", "--workers", "1", "--decoders", "toy"]
    for option, name in (("--dem", "m.dem"), ("--events", "e.b8"), ("--flips", "f.01")):
        twice += [option, name, name]
    assert main([*twice, "--shots", "::2", "1::2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["answer"]["experiments"]
    assert [one["shots"] for one in found] == [1000, 1000]
    assert found[0]["error"] != found[1]["error"]
    wrong = [*twice, "--distance", "3", "5", "7"]
    assert "`dem` must be one for all or one for each of 3, got 2" in fails(capsys, wrong)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"m.dem": b"error(1.5) D0 L0"}, "`m.dem` is not a detector error model"),
        ({"m.dem": b"error(0.1) D20 L0"}, "shots of 21 bits in 3 bytes each, its 2000 bytes"),
        ({"m.dem": b"error(0.1) D3 L0"}, "has a bit beyond them"),
    ],
)
def test_run_refuses_files_that_do_not_fit(files, capsys, changed, message):
    for name, content in changed.items():
        Path(name).write_bytes(content)
    before = set(Path.cwd().iterdir())
    assert message in fails(capsys, RUN)
    assert set(Path.cwd().iterdir()) == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--decoder", "toi"], "`toi` is not a known decoder: did you mean `toy`?"),
        (["--decoder", "never", "--beam", "4"], "decoder `never` has no beam, got 4"),
        (["--decoder", "never", "--review", "0.1"], "need a decoder that knows how sure it is"),
        (["--events", "none.b8"], "No such file or directory: `none.b8`"),
        (["--shots", "x"], "START:STOP"),
        (["--review", "2"], "`review` must be in [0, 1), got 2.0"),
        (["-o", "p.txt"], "`txt` is not a format of shots"),
        (["--workers", "0"], "`--workers` must be at least 1, got 0"),
    ],
)
def test_run_refuses_wrong_arguments(files, capsys, more, message):
    before = set(Path.cwd().iterdir())
    assert message in fails(capsys, [*RUN, *more])
    assert set(Path.cwd().iterdir()) == before


def test_a_model_fitted_to_even_shots_serves_odd_ones(files, capsys):
    Path("m.dem").rename("pij_from_even_for_odd.dem")
    run = [*RUN, "--dem", "pij_from_even_for_odd.dem"]
    assert "serves odd ones only: choose them with `1::2`" in fails(capsys, run)
    compare = [*COMPARE, "--dem", "pij_from_even_for_odd.dem", "--decoders", "toy"]
    assert "serves odd ones only" in fails(capsys, compare)
    assert main([*run, "--shots", "1::2"]) == 0


def test_fit_writes_a_tagged_model_and_its_page(files, capsys):
    assert main([*FIT, "--shots", ":1500", "--epochs", "2", "--report", "page.html"]) == 0
    out = capsys.readouterr().out
    assert "learned from 1,500 shots" in out
    assert "Validation loss" in Path("page.html").read_text()
    fitted = stim.DetectorErrorModel(Path("fitted.dem").read_text())
    assert fitted.num_detectors == files[0].num_detectors
    assert {line.tag for line in fitted if line.type == "error"} == {"fitted for frontier"}
    before = Path("fitted.dem").read_bytes()
    assert "`fitted.dem` exists and stays as it is" in fails(capsys, FIT)
    assert Path("fitted.dem").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--flips", "zeros.01"], "more than one class"),
        (["--flips", "short.01"], "as many shots as"),
        (["--shots", "0:0"], "`validation` must leave shots on both sides"),
        (["--decoder", "toy"], "priors cannot be fitted for `toy`"),
        (["--validation", "1"], "`validation` must be less than 1"),
        (["-o", "a.dem", "b.dem"], "`--output` must be one for each of 1, got 2"),
    ],
)
def test_fit_refuses(files, capsys, more, message):
    Path("zeros.01").write_text("0\n" * 2000)
    Path("short.01").write_text("0\n1\n")
    assert message in fails(capsys, [*FIT, *more])
    assert [path.name for path in Path.cwd().glob("*.dem")] == ["m.dem"]


def test_fit_refuses_more_than_memory_should_hold(files, capsys, monkeypatch):
    monkeypatch.setattr("qloop.decoding.fit_task.MOST_BYTES", 10_000)
    assert "choose some with `--shots`" in fails(capsys, FIT)
    assert main([*FIT, "--shots", ":1000", "--epochs", "1"]) == 0


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="this system does not say what a process held at most"
)
def test_processes_stay_small_on_a_large_file_and_an_interrupted_run_goes_on(toys, tmp_path, capsys):
    """Unpacked the file has 0.8 GB; this process and both workers keep below 0.6 GiB together."""
    shots = 1_000_000
    (tmp_path / "m.dem").write_text("error(0.1) D799 L0")
    with (tmp_path / "e.b8").open("wb") as file:
        file.truncate(100 * shots)
    (tmp_path / "run.py").write_text(
        "import re, resource, sys; from qloop.cli.main import main\n"
        "if __name__ == '__main__':\n"
        "    code = main(sys.argv[1:])\n"
        # Not its own `ru_maxrss`, which counts what the test's process held when it started this one.
        "    ours = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]\n"
        "    print(code, ours, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
    )
    run = ["decode", "run", "--dem", "m.dem", "--events", "e.b8", "--decoder", "never", "-o", "p.b8", "--workers"]
    command = [sys.executable, "run.py", *run, "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        for _ in range(3):
            assert "decode: e.b8" in process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        *_, sentence, last = process.stderr.read().splitlines()
    assert sentence == "qloop: interrupted: the same command goes on where it stopped."
    code, ours, worker = map(int, last.split())
    assert code == 130
    assert ours + 2 * worker < 0.6 * 2**20
    assert not (tmp_path / "p.b8").exists()
    assert 0 < (tmp_path / "p.b8.part").stat().st_size < shots
    assert main([*run, "1"]) == 0
    assert "1,000,000 shots decoded" in capsys.readouterr().out
    assert (tmp_path / "p.b8").stat().st_size == shots
