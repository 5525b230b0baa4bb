import os
import random
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qloop.core.answer import Answer
from qloop.core.errors import InvalidValueError, QloopError
from qloop.core.jobs import JobBook
from qloop.core.ledger import Ledger
from qloop.core.page import Page
from qloop.runs.execute import WorkerError, execute, sweep
from qloop.runs.store import Store
from tests.runs.toy import PIECES, Toy, answer_bytes, die, run_toy, toy

ROOT = Path(__file__).parents[2]


def plain_answer(**values):
    return Answer(
        headline="done", values=values, ledger=Ledger(lines=()), page=Page(title="t", headline="h", sections=())
    )


def test_a_finished_run_is_looked_up(store):
    calls = []

    def task(settings, seed, *, memo, progress):
        calls.append(settings["n"])
        return plain_answer(n=settings["n"])

    runs = [execute(task, {"n": n}, kind="k", seed=0, store=store) for n in (1, 2, 1)]
    assert calls == [1, 2]
    assert runs[0].entry == runs[2].entry
    assert runs[0].answer.values == {"n": 1}
    assert runs[0].entry.versions["numpy"] == np.__version__
    assert runs[0].entry.started <= runs[0].entry.finished
    assert len({run.entry.id for run in runs}) == 2


def test_another_seed_or_other_weights_are_another_run(store):
    options = [{"seed": 1}, {"seed": 2}, {"seed": 1, "weights_hash": "w"}]
    assert len({execute(toy, Toy(), kind="toy", store=store, **option).entry.id for option in options}) == 3


def test_a_failed_run_says_why_and_resumes(store):
    with pytest.raises(InvalidValueError, match="`fail` must be false, got true"):
        execute(toy, Toy(fail=True), kind="toy", seed=1, store=store)
    (entry,) = store.entries()
    assert (entry.state, entry.headline) == ("failed", "`fail` must be false, got true.")
    with pytest.raises(InvalidValueError, match="has no answer, it is `failed`: `fail` must be false, got true"):
        store.run(entry.id)
    assert store._db.execute("SELECT count(*) FROM memo").fetchone()[0] == PIECES // 2


def test_a_fresh_run_reads_nothing_and_replaces_the_answer(store):
    count = iter(range(10))

    def task(settings, seed, *, memo, progress):
        assert isinstance(memo, JobBook)
        book = memo
        job = book.find_job("k")
        book.record_job("k", f"id-{next(count)}", "sim")
        value = memo.get("k")
        memo.put("k", {"n": next(count)})
        return plain_answer(before=value, job=job and job.job_id, after=memo.get("k"), later=book.find_job("k").job_id)

    first = execute(task, {}, kind="k", seed=0, store=store)
    again = execute(task, {}, kind="k", seed=0, store=store)
    fresh = execute(task, {}, kind="k", seed=0, store=store, fresh=True)
    assert first.answer == again.answer
    assert first.answer.values == {"before": None, "job": None, "after": {"n": 1}, "later": "id-0"}
    assert fresh.answer.values == {"before": None, "job": None, "after": {"n": 3}, "later": "id-2"}
    assert store.run(first.entry.id).answer == fresh.answer


def test_pieces_belong_to_their_code(store):
    seen = []

    def task(settings, seed, *, memo, progress):
        seen.append(memo.get("k"))
        memo.put("k", {"n": 1})
        return plain_answer()

    execute(task, {}, kind="k", seed=0, store=store)
    execute(task, {}, kind="k", seed=1, store=store)
    execute(task, {}, kind="k", seed=1, store=store, weights_hash="other")
    assert seen == [None, {"n": 1}, None]


def test_a_run_killed_at_any_moment_resumes_to_the_same_bits(store, tmp_path, processes):
    expected = execute(toy, Toy(pause_s=0.002), kind="toy", seed=7, store=store)
    rng = random.Random(5)
    with Store(tmp_path / "killed") as killed:
        pieces = []
        for _ in range(8):
            process = processes.Process(target=run_toy, args=(killed.path, 0.002))
            process.start()
            known = count_pieces(killed)
            while count_pieces(killed) < min(known + 1, PIECES) and process.is_alive():
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.02))
            process.kill()
            process.join()
            pieces.append(count_pieces(killed))
        assert pieces == sorted(pieces)
        assert sum(0 < count < PIECES for count in pieces) >= 5
        resumed = execute(toy, Toy(pause_s=0.002), kind="toy", seed=7, store=killed)
        assert answer_bytes(killed, resumed.entry.id) == answer_bytes(store, expected.entry.id)


def count_pieces(store):
    return store._db.execute("SELECT count(*) FROM memo").fetchone()[0]


def test_an_interrupt_leaves_a_run_that_resumes_and_one_line(store):
    def interrupt(event):
        if event.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        execute(toy, Toy(), kind="toy", seed=7, store=store, progress=interrupt)
    (entry,) = store.entries()
    assert str(caught.value) == (
        f"interrupted: what was finished is kept, and the same command resumes run {entry.short_id}."
    )
    assert (entry.state, count_pieces(store)) == ("started", 4)
    assert execute(toy, Toy(), kind="toy", seed=7, store=store).entry.id == entry.id


def test_ctrl_c_ends_a_sweep_and_its_workers_with_one_line(store):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.runs.toy", str(store.path), "0.02"],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "finished\n"
    time.sleep(0.2)  # until it waits for the next run: an interrupt of the loop's own body is the loop's
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert re.fullmatch(r"interrupted: \d of 9 runs are finished and kept, the same command resumes the rest.\n", said)
    assert {entry.state for entry in store.entries()} <= {"started", "finished"}


def test_a_sweep_on_its_own_processes_equals_runs_in_this_one(store, tmp_path):
    points = [Toy(scale=1.0), Toy(scale=2.0)]
    events = []
    with Store(tmp_path / "swept") as swept:
        runs = list(sweep(toy, points, kind="toy", seeds=[1, 2], store=swept, progress=events.append))
        assert len(runs) == 4
        assert [event.done for event in events] == [1, 2, 3, 4]
        for run in runs:
            here = execute(toy, Toy(**run.entry.settings), kind="toy", seed=run.entry.seed, store=store)
            assert answer_bytes(swept, run.entry.id) == answer_bytes(store, here.entry.id)
        again = list(sweep(no_task, points, kind="toy", seeds=[1, 2], store=swept))
        assert {run.entry.id for run in again} == {run.entry.id for run in runs}


def no_task(settings, seed, *, memo, progress):
    raise AssertionError("a finished run must not run again")


def test_one_failure_stops_no_other_run(store):
    points = [Toy(scale=1.0), Toy(scale=2.0, fail=True), Toy(scale=3.0)]
    seen = []
    with ThreadPoolExecutor(2) as pool, pytest.raises(InvalidValueError, match="`fail` must be false"):
        seen.extend(sweep(toy, points, kind="toy", seeds=[1], store=store, executor=pool))
    assert sorted(entry.state for entry in store.entries()) == ["failed", "finished", "finished"]
    points = [Toy(scale=scale, fail=True) for scale in (1.0, 2.0)]
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(QloopError, match="2 of 2 runs failed, the first with: `fail` must"),
    ):
        list(sweep(toy, points, kind="toy", seeds=[1], store=store, executor=pool))


def test_any_executor_runs_one_task(store):
    with ThreadPoolExecutor(1) as pool:
        run = execute(toy, Toy(), kind="toy", seed=1, store=store, executor=pool)
    assert run.entry == store.entries()[0]


def test_a_worker_that_dies_is_one_sentence(store, processes):
    with (
        ProcessPoolExecutor(1, mp_context=processes) as pool,
        pytest.raises(WorkerError, match="a worker process died, most often because memory ran out"),
    ):
        list(sweep(die, [{}], kind="k", seeds=[1], store=store, executor=pool))


def test_runs_come_back_from_workers_without_the_folder(store, tmp_path, processes):
    class Remote(Store):
        def __reduce__(self):
            return Store, (tmp_path / "remote",)

    store.close()
    with Remote(store.path) as here, ProcessPoolExecutor(1, mp_context=processes) as pool:
        (run,) = sweep(toy, [Toy()], kind="toy", seeds=[3], store=here, executor=pool)
        assert here.run(run.entry.id).answer.values == run.answer.values
        assert len(here.entries()) == 1


def test_other_code_on_a_worker_is_refused(store):
    class Old(ThreadPoolExecutor):
        """A worker that answers with the code it has."""

        def submit(self, call, /, *arguments):
            def answer():
                run = call(*arguments)
                return replace(run, entry=replace(run.entry, id="0" * 64, code_version="0.0.9+aaaa"))

            return super().submit(answer)

    with (
        Old(1) as pool,
        pytest.raises(WorkerError, match=r"the worker runs other code \(0.0.9\+aaaa\) than this process"),
    ):
        list(sweep(toy, [Toy()], kind="toy", seeds=[1], store=store, executor=pool))
