"""The whole task on a tiny table: its answer, its ledger, its page, and its bits after it was stopped anywhere."""

import json
import multiprocessing
import signal
import time

import numpy as np
import pytest

from qloop.apps.classify.kind import TASK, classify
from qloop.apps.classify.ledger import PARTS
from qloop.cli.main import main
from qloop.core.errors import InvalidValueError
from qloop.core.memo import DictMemo
from qloop.core.page import page_from_json, page_to_json
from qloop.core.progress import silent
from qloop.runs.page import render
from qloop.runs.store import Store
from tests.apps.classify.tiny import TINY, run_tiny, settings_in, write_blobs


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Return the settings file, the store's folder and the finished run in it."""
    folder = tmp_path_factory.mktemp("tiny")
    write_blobs(folder / "<b>blobs.csv")
    file = folder / "tiny.toml"
    file.write_text(TINY)
    return file, folder / "store", run_tiny(file, folder / "store")


def test_the_answer_is_an_accuracy_with_its_interval_and_a_verdict(tiny):
    answer = tiny[2].answer
    values = answer.values
    assert values["cases"] == {"train": 60, "test": 20}
    assert (values["classes"], values["columns"]) == (["left", "right"], 3)
    assert (values["num_qubits"], values["num_weights"], values["two_qubit_gates"]) == (2, 4, 2)
    low, high = values["accuracy"]["interval"]
    assert 0.8 <= values["accuracy"]["value"] <= high <= 1
    assert low < values["accuracy"]["value"]
    assert values["outcome"] in {"pays", "does not pay", "undecided"}
    assert values["ablation"]["seeds"] == 2
    assert "20 cases held out; " in answer.headline
    assert answer.arrays["probabilities"].shape == (20, 2)
    np.testing.assert_allclose(answer.arrays["probabilities"].sum(axis=1), 1)
    assert len(answer.arrays["train_loss"]) == values["epochs"] <= 15


def test_the_ledger_has_every_part_with_its_gain_and_the_twins(tiny):
    ledger = tiny[2].answer.ledger
    assert [line.part.name for line in ledger.lines] == ["encoder", "entanglement", "circuit", "weights", "head"]
    for line in ledger.lines:
        if line.part.name != "circuit":
            assert 0 < line.gain.low <= line.gain.value <= line.gain.high
        assert {"part", "gain", "gain_interval"} <= ledger.to_json()["lines"][0].keys()
    assert [level.name for level in ledger.levels][:2] == ["this answer", "removed"]
    assert "conventional" in {level.name for level in ledger.levels}
    assert ledger.repeats == 2
    assert any("2403.07059" in reference for reference in tiny[2].answer.references)


def test_the_page_shows_curves_twins_circuit_and_what_it_cannot_claim(tiny):
    page = tiny[2].answer.page
    assert page_from_json(json.loads(json.dumps(page_to_json(page)))) == page
    figures = [figure for section in page.sections for figure in section.figures]
    assert {"line", "forest", "circuit", "table", "text"} <= {figure.kind for figure in figures}
    html = render(tiny[2])
    assert "classically simulable" in html
    assert "What each part bought" in html
    assert "<b>blobs" not in html
    assert "&lt;b&gt;blobs" in html


def test_the_confusion_adds_up_to_the_accuracy(tiny):
    answer = tiny[2].answer
    table = next(f for f in answer.page.sections[0].figures if f.kind == "table")
    counts = np.array([row[1:] for row in table.rows], int)
    assert counts.sum() == 20
    assert np.trace(counts) / 20 == answer.values["accuracy"]["value"]


class Stopping(DictMemo):
    """Ends the work once it has remembered so many pieces more."""

    def __init__(self, values, pieces):
        super().__init__()
        self.values, self.left = values, pieces

    def put(self, key, value):
        super().put(key, value)
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_stopped_after_every_few_pieces_it_ends_in_the_same_bits(tiny):
    file, _, run = tiny
    pieces, stopped = {}, 0
    while True:
        try:
            answer = TASK.task(settings_in(file), 3, memo=Stopping(pieces, 15), progress=silent)
            break
        except KeyboardInterrupt:
            stopped += 1
    assert stopped >= 3
    assert timeless(answer.values) == timeless(run.answer.values)
    for name, array in run.answer.arrays.items():
        assert answer.arrays[name].tobytes() == array.tobytes()
    gains = [[line.gain for line in one.ledger.lines] for one in (answer, run.answer)]
    assert gains[0] == gains[1]


@pytest.mark.slow
def test_a_killed_process_resumes_to_the_same_bits(tiny, tmp_path):
    file, _, run = tiny
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.apps.classify.tiny"])
    process = context.Process(target=run_tiny, args=(file, tmp_path))
    process.start()
    while not (tmp_path / "store.sqlite").exists() or count_pieces(tmp_path) < 2:
        assert process.is_alive()
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    again = run_tiny(file, tmp_path)
    assert timeless(again.answer.values) == timeless(run.answer.values)
    assert again.answer.arrays["probabilities"].tobytes() == run.answer.arrays["probabilities"].tobytes()


def count_pieces(path):
    with Store(path) as store:
        return store._db.execute("SELECT count(*) FROM memo").fetchone()[0]


def timeless(values):
    """Return an answer without what the clock says: the twins' seconds, and the verdict that tells them."""
    rows = [{**row, "seconds": 0} for row in values["ablation"]["rows"]]
    return {**values, "verdict": "", "ablation": {**values["ablation"], "verdict": "", "rows": rows}}


def test_without_twins_there_is_no_verdict(tiny):
    file = tiny[0]
    data = {"file": file.parent / "<b>blobs.csv", "target": "side"}
    small = {"model": {"num_qubits": 2, "layers": 1}, "training": {"epochs": 2}, "ablation": {"seeds": 0}}
    answer = classify(data, **small)
    assert answer.values["verdict"] is None
    assert [line.part.name for line in answer.ledger.lines] == [part.name for part in PARTS]
    assert {line.gain for line in answer.ledger.lines} == {None}
    assert "classically simulable" in json.dumps(page_to_json(answer.page))
    assert not answer.headline.endswith("undecided.")
    with pytest.raises(InvalidValueError, match="`seeds` must be at least 2"):
        classify(data, **small | {"ablation": {"seeds": 1}})


def test_a_dry_run_says_what_it_would_train(tiny, tmp_path, capsys):
    assert main(["run", str(tiny[0]), "--dry-run", "--store", str(tmp_path / "none")]) == 0
    said = capsys.readouterr().out
    assert "60 cases to learn from and 20 to test on, 2 classes, 3 columns" in said
    assert "2 qubits and 4 weights" in said
    assert not (tmp_path / "none").exists()


def test_faults_are_one_sentence_before_any_training(tiny, tmp_path, capsys):
    def fail(*assignments):
        flags = [flag for assignment in assignments for flag in ("--set", assignment)]
        assert main(["run", str(tiny[0]), *flags, "--store", str(tmp_path)]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        return error

    assert "must be at most the 3 columns of <b>blobs, got 9" in fail("model.num_qubits=9")
    assert "`data.target` `sied` is not a column" in fail("data.target=sied")
    assert "there is no data file" in fail("data.file=no.csv")
    assert "`model.encoder` must be" in fail("model.encoder=pac")
    assert "at least 2 classes, got left alone" in fail('data.classes=["left"]')
