"""The whole task on a tiny case: its answer, its ledger, its page, and its bits after kills at random moments."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from qloop.apps.chemistry.kind import TASK, energy_curve
from qloop.apps.chemistry.parts import PARTS
from qloop.cli.main import main
from qloop.core.memo import DictMemo
from qloop.core.page import page_from_json, page_to_json
from qloop.devices import NoisySimulator, RecordedBackend, Recorder, load_device
from qloop.runs.page import render
from qloop.runs.store import Store
from tests.apps.chemistry.tiny import NAME, PIECES, TINY, run_tiny, settings_in
from tests.runs.toy import answer_bytes

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Return the settings file, the store's folder and the finished run in it."""
    folder = tmp_path_factory.mktemp("tiny")
    file = folder / "tiny.toml"
    file.write_text(TINY)
    return file, folder / "store", run_tiny(file, folder / "store")


@pytest.fixture(scope="module")
def processes():
    """Real processes that start at once: forked from a clean one that has imported the task."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.apps.chemistry.tiny", "tests.runs.toy"])
    return context


def test_the_answer_is_every_geometry_with_its_interval(tiny):
    _, _, run = tiny
    values = run.answer.values
    assert values["distance_angstrom"] == pytest.approx([0.5, 0.8, 1.1, 1.4, 1.7])
    assert values["measured"] == [0, 2, 4, *sorted(values["measured"][3:])] or len(values["measured"]) == 5
    for k, energy in enumerate(values["energy_ha"]):
        low, high = energy["interval"]
        assert low < energy["value"] < high
        assert energy["unit"] == "Ha"
        assert isinstance(energy["flags"], list)
        assert energy["value"] == run.answer.arrays["energy_ha"][k]
    assert set(values["classical_ha"]) == {"HF", "MP2", "CCSD(T)", "FCI"}
    assert values["rmse_mha"] < 60 < values["random_bits_rmse_mha"]
    assert values["num_qubits"] == 1
    assert max(values["ansatz_error_mha"]) < 0.1
    assert sum(values["shots"].values()) <= 10_000
    assert values["optimised_on"] == "exact"
    assert "5 energies within" in run.answer.headline


def test_the_ledger_has_a_line_per_part_and_the_levels(tiny):
    _, _, run = tiny
    ledger = run.answer.ledger
    assert [line.part.name for line in ledger.lines] == [part.name for part in PARTS]
    for line in ledger.lines:
        assert line.gain.low <= line.gain.value <= line.gain.high
        assert line.added.value > 0
        assert line.on == (line.part.name != "extrapolation")
    by_name = {line.part.name: line for line in ledger.lines}
    assert by_name["channel"].shots == run.answer.values["shots"]["clifford"]
    assert {metric.name for metric in by_name["encoding"].metrics} == {
        "two-qubit gates, off / on",
        "predicted success, on / off",
    }
    (evaluations,) = by_name["warm_start"].metrics
    assert evaluations.estimate.value >= 1
    levels = {level.name: level for level in ledger.levels}
    assert list(levels)[:2] == ["this answer", "all off"]
    assert {"conventional, extrapolated", "uniform random bits", "HF", "FCI"} <= set(levels)
    assert levels["FCI"].error.value == 0
    assert levels["uniform random bits"].ratio.value > 1
    assert ledger.repeats == 2
    assert any("2009" in text or "1701.08213" in text for text in run.answer.references)


def test_the_page_round_trips_and_the_name_is_harmless(tiny):
    _, _, run = tiny
    page = run.answer.page
    assert page_from_json(json.loads(json.dumps(page_to_json(page)))) == page
    html = render(run)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "\x1b" not in html


def test_the_terminal_shows_the_name_and_obeys_it_not(tiny, capsys):
    file, store, _ = tiny
    assert main(["run", str(file), "--store", str(store)]) == 0
    out, err = capsys.readouterr()
    assert "<script>alert(1)</script>\\x1b[31m[bold]" in out
    assert "\x1b" not in out + err
    assert "RMSE against FCI" in out


def test_equal_settings_give_equal_bits_with_or_without_a_store(tiny):
    file, _, run = tiny
    seen = []
    again = TASK.task(settings_in(file), 3, memo=DictMemo(), progress=seen.append)
    assert again.values == run.answer.values
    assert again.headline == run.answer.headline
    for name, array in run.answer.arrays.items():
        assert again.arrays[name].tobytes() == array.tobytes()
    assert without_seconds(again.ledger.to_json()) == without_seconds(run.answer.ledger.to_json())
    assert page_to_json(again.page) == page_to_json(run.answer.page)
    # Progress hears of every stage of the work.
    assert {event.stage for event in seen} == {"integrals", "design", "loop", "model error", "ledger"}
    assert [event.done for event in seen if event.stage == "ledger"] == [1, 2]


def kill_and_resume(tiny, processes, path, moments):
    """Kill the job at random moments, each later than the one before, finish it and compare what is stored."""
    file, finished, run = tiny
    rng = random.Random(moments)
    killed = 0
    with Store(path) as store:
        for pieces in sorted(rng.choices(range(PIECES), k=moments)):
            process = processes.Process(target=run_tiny, args=(file, path))
            process.start()
            while count_pieces(store) < pieces and process.is_alive():
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.3))
            process.kill()
            process.join()
            killed += process.exitcode == -signal.SIGKILL
        assert count_pieces(store) <= PIECES
    run_tiny(file, path)
    with Store(path) as store, Store(finished) as other:
        ours, theirs = (answer_bytes(one, run.entry.id) for one in (store, other))
    # Headline, answer, ledger, page, references, name and bytes of the arrays; only the seconds are the clock's.
    assert without_seconds(json.loads(ours[2])) == without_seconds(json.loads(theirs[2]))
    assert ours[:2] + ours[3:] == theirs[:2] + theirs[3:]
    return killed


def count_pieces(store):
    return store._db.execute("SELECT count(*) FROM memo").fetchone()[0]


def without_seconds(ledger):
    for line in ledger["lines"]:
        del line["seconds"]
    return ledger


def test_killed_at_three_moments_it_resumes_to_the_same_bits(tiny, processes, tmp_path):
    assert kill_and_resume(tiny, processes, tmp_path / "killed", 3) == 3


@pytest.mark.slow
def test_killed_at_twenty_moments_it_resumes_to_the_same_bits(tiny, processes, tmp_path):
    assert kill_and_resume(tiny, processes, tmp_path / "killed", 20) >= 18


def test_a_program_reads_one_json_object(tiny):
    file, store, run = tiny
    command = [sys.executable, "-m", "qloop", "run", str(file), "--store", str(store), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    printed = json.loads(done.stdout)
    assert {"answer", "ledger", "page"} <= printed.keys()
    assert printed["run"] == run.entry.id
    assert printed["answer"] == json.loads(json.dumps(run.answer.values))
    assert [line["part"] for line in printed["ledger"]] == [part.name for part in PARTS]
    assert all({"part", "gain", "gain_interval"} <= line.keys() for line in printed["ledger"])
    assert "<script>alert" not in Path(printed["page"]).read_text()
    assert printed["answer"]["molecule"] == NAME


def test_a_dry_run_says_what_it_would_send(tiny, tmp_path, capsys):
    file, _, run = tiny
    assert main(["run", str(file), "--dry-run", "--store", str(tmp_path / "none")]) == 0
    said = capsys.readouterr().out
    # Two jobs: five geometries, a reference in each, one Clifford state in each, two readout circuits.
    assert "FakeLagos: 2 jobs, " in said
    assert " circuits, " in said
    shots = int(said.split(" circuits, ")[1].split(" shots")[0])
    assert shots == pytest.approx(sum(run.answer.values["shots"].values()), rel=0.01)
    assert " s of machine time; nothing was sent." in said
    assert not (tmp_path / "none").exists()


def test_ten_lines_of_python():
    answer = energy_curve(
        "H 0 0 0; H 0 0 0.7",
        {"start": 0.6, "stop": 1.2, "points": 3},
        "FakeLagos",
        shots={"per_geometry": 1000},
        ledger={"repeats": 0},
        parts={"model_error": False, "encoding": False},
    )
    assert answer.values["molecule"] == "H 0 0 0; H 0 0 0.7"
    assert len(answer.values["energy_ha"]) == 3
    assert [line.gain for line in answer.ledger.lines] == [None] * len(PARTS)
    assert not [line for line in answer.ledger.lines if line.part.name == "encoding" and line.on]


QUICK = {"ledger": {"repeats": 0}, "parts": {"model_error": False, "encoding": False}}


def test_a_recorded_machine_gives_the_same_curve_again(tmp_path):
    device = load_device("FakeLagos")
    job = {"scan": {"start": 0.6, "stop": 1.2, "points": 4}, **QUICK}
    hardware = Recorder(NoisySimulator(device, (device.perturbed(7),)), tmp_path)
    first, again = (
        energy_curve("H 0 0 0; H 0 0 0.7", device="FakeLagos", backend=backend, **job)
        for backend in (hardware, RecordedBackend(tmp_path, device))
    )
    assert again.values["energy_ha"] == first.values["energy_ha"]
    assert (
        energy_curve("H 0 0 0; H 0 0 0.7", device="FakeLagos", **job).values["energy_ha"] != first.values["energy_ha"]
    )


@pytest.mark.parametrize(
    ("atoms", "tables", "flag"),
    [
        ("H 0 0 0; H 0 0 1", {"scan": {"start": 0.6, "stop": 1.8, "points": 5, "target_mha": 900.0}}, "interpolated"),
        (
            "Li 0 0 0; H 0 0 1.6",
            {"scan": {"start": 1.0, "stop": 3.0, "points": 3}, "tolerance_mha": 50.0, "shots": {"per_geometry": 10**6}},
            "mHa above FCI",
        ),
    ],
)
def test_flags_say_what_to_doubt(atoms, tables, flag):
    answer = energy_curve(atoms, device="FakeLagos", **QUICK, **tables)
    assert any(flag in one for energy in answer.values["energy_ha"] for one in energy["flags"])
    assert np.isfinite(answer.arrays["energy_ha"]).all()
