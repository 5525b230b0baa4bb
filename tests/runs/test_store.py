import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from qloop.core.errors import InvalidValueError
from qloop.core.jobs import Job, JobBook
from qloop.core.memo import Memo, remembered
from qloop.runs.execute import execute
from qloop.runs.run import Run
from qloop.runs.store import SCHEMA_VERSION, Store, StoreError, default_path
from tests.runs.toy import Toy, answer_bytes, entry, hammer, toy

ROOT = Path(__file__).parents[2]


def test_the_protocols_are_met(store):
    memo: Memo = store
    book: JobBook = store
    assert memo.get("k") is None
    assert book.find_job("k") is None


def test_a_value_comes_back_in_any_later_process(store):
    value = {
        "file": np.arange(6.0).reshape(2, 3),
        "a": np.array(3),
        "a.npy": np.array([True]),
        "n": [1, 2.5, None, "é"],
    }
    store.put("k", value)
    with Store(store.path) as later:
        found = later.get("k")
    assert found["n"] == value["n"]
    for name in ("file", "a", "a.npy"):
        assert found[name].dtype == value[name].dtype
        np.testing.assert_array_equal(found[name], value[name])


@settings(max_examples=10, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0/\\")),
        arrays(scalar_dtypes(), array_shapes(min_dims=0)),
    )
)
def test_any_arrays_come_back_bit_for_bit(value):
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        store.put("k", value)
        found = store.get("k")
    assert list(found) == list(value)
    for name, array in value.items():
        little = array.astype(array.dtype.newbyteorder("<"))
        assert (found[name].dtype, found[name].shape) == (little.dtype, array.shape)
        assert found[name].tobytes() == little.tobytes()


def test_putting_a_key_again_changes_nothing(store):
    store.put("k", {"x": 1})
    store.put("k", {"x": 2})
    assert store.get("k") == {"x": 1}


def test_a_computed_value_is_what_a_resumed_run_reads(store):
    def compute():
        return {"view": np.arange(12.0).reshape(3, 4).T[::2], "pair": (1, 2)}

    first, second = (remembered(store, "k", compute) for _ in range(2))
    assert first["pair"] == second["pair"] == [1, 2]
    assert first["view"].strides == second["view"].strides


def test_equal_arrays_are_kept_once_and_do_not_change_each_other(store):
    array = np.arange(12.0).reshape(3, 4)
    store.put("k", {"x": array})
    strides = store.get("k")["x"].strides
    store.put("l", {"x": np.asfortranarray(array.astype(">f8"))})
    assert len(list((store.path / "arrays").iterdir())) == 1
    assert store.get("k")["x"].strides == store.get("l")["x"].strides == strides


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-30]), lambda path: path.write_bytes(b"")]
)
def test_a_damaged_piece_is_forgotten_and_heals(store, damage):
    store.put("k", {"x": np.ones(3)})
    damage(next((store.path / "arrays").iterdir()))
    assert store.get("k") is None
    store.put("k", {"x": np.ones(3)})
    np.testing.assert_array_equal(store.get("k")["x"], np.ones(3))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"x": {1, 2}}, "a memo holds arrays and plain JSON values only: Object of type set is not JSON serializable"),
        ({"x": np.array([object()])}, "array `x` must hold numbers or text, got Python objects"),
    ],
)
def test_what_a_memo_cannot_hold_is_said(store, value, sentence):
    with pytest.raises(InvalidValueError, match=sentence):
        store.put("k", value)
    assert store.get("k") is None


def test_pickles_are_never_read(store):
    store.put("k", {"x": np.ones(3)})
    path = next((store.path / "arrays").iterdir())
    np.savez(path, x=np.array([print], dtype=object))
    assert store.get("k") is None


def test_the_latest_job_is_found_and_none_is_lost(store):
    store.record_job("k", "job-1", "ibm_torino")
    store.record_job("k", "job-2", "ibm_torino")
    with Store(store.path) as later:
        assert later.find_job("k") == Job(job_id="job-2", backend="ibm_torino")
    assert [row["job_id"] for row in store._db.execute("SELECT job_id FROM jobs ORDER BY job_id")] == ["job-1", "job-2"]


def test_short_ids_name_one_run_or_say_why_not(store):
    for run_id in ("ab" + "0" * 62, "ab1" + "0" * 61, "ab2" + "0" * 61):
        store.begin(entry(run_id))
    assert store.entry("AB1").id == "ab1" + "0" * 61
    assert store.entry("ab1").short_id == "ab1000000000"
    with pytest.raises(
        InvalidValueError, match="`ab` is short for `ab0000000000` and `ab1000000000` and more: give more"
    ):
        store.entry("ab")
    for unknown in ("f", "", "%", "ab?"):
        with pytest.raises(
            InvalidValueError, match=r"there is no run `.*` in the store `.*`: `qloop runs list` shows them"
        ):
            store.entry(unknown)
    with pytest.raises(InvalidValueError, match="run `ab1000000000` has no answer, it is `started`; running the same"):
        store.run("ab1")


def test_a_finished_run_is_never_downgraded(store):
    run = execute(toy, Toy(), kind="toy", seed=1, store=store)
    before = answer_bytes(store, run.entry.id)
    store.begin(replace(run.entry, state="started", finished="", headline=""))
    store.fail(run.entry.id, "later")
    assert store.entries() == [run.entry]
    assert answer_bytes(store, run.entry.id) == before


def test_a_run_whose_arrays_are_gone_says_so(store):
    run = execute(toy, Toy(), kind="toy", seed=1, store=store)
    shutil.rmtree(store.path / "arrays")
    with pytest.raises(StoreError, match=f"the arrays of run `{run.entry.short_id}` in `.*` are missing or damaged"):
        store.run(run.entry.id)


def test_an_answer_of_something_else_is_refused_whole(store):
    run = execute(toy, Toy(), kind="toy", seed=1, store=store)
    with pytest.raises(InvalidValueError, match="an answer holds arrays and plain JSON values only"):
        store.save(Run(entry=entry("c" * 64), answer=replace(run.answer, values={"x": object()})))
    assert store.entries() == [run.entry]


def test_a_newer_store_is_left_alone(tmp_path):
    with Store(tmp_path) as store:
        store.put("k", {"x": 1})
        store._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(
        StoreError, match=rf"was written by a newer qloop \(schema {SCHEMA_VERSION + 1}, .*\): upgrade qloop or"
    ):
        Store(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_not_a_store_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"cannot use the store `.*file`: "):
        Store(tmp_path / "file")
    (tmp_path / "store.sqlite").write_text("not a database, " * 100)
    with pytest.raises(StoreError, match=r"cannot use the store `.*`: file is not a database"):
        Store(tmp_path)


def test_the_folder_comes_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("QLOOP_STORE", str(tmp_path / "here"))
    assert default_path() == tmp_path / "here"
    monkeypatch.delenv("QLOOP_STORE")
    assert default_path().name == "qloop"


def test_stale_leftovers_of_killed_writers_go(store):
    old, new = store.path / "arrays" / "a.tmp", store.path / "arrays" / "b.tmp"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    Store(store.path).close()
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("disk", ["limited files", "small file system"])
def test_a_full_disk_is_one_sentence_and_nothing_is_lost(tmp_path, disk):
    command = [sys.executable, "-m", "tests.runs.fill", str(tmp_path), "300000"]
    if disk == "small file system":
        mount = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"', str(tmp_path)]
        if not shutil.which("unshare") or subprocess.run([*mount, "true"], capture_output=True).returncode:
            pytest.skip("mounting a small file system needs user namespaces")
        command = [*mount, *command[:-1], "-1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    *sentences, kept = done.stdout.splitlines()
    assert len(sentences) == 2
    for sentence in sentences:
        assert sentence.startswith(f"the disk of the store `{tmp_path}` is full (")
        assert sentence.endswith("nothing that was finished is lost; free some space and run the same command again.")
    assert int(kept) > 1


def test_processes_share_a_store_from_its_first_moment(tmp_path, processes):
    workers, count = 3, 25
    with ProcessPoolExecutor(workers, mp_context=processes) as pool:
        list(pool.map(hammer, [tmp_path] * workers, range(workers), [count] * workers))
    with Store(tmp_path) as store:
        assert store._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert store._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        rows = [store._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("memo", "jobs", "runs")]
        assert rows == [count * (workers + 1), count * workers, count * workers]
        assert all(store.get(f"shared-{index}")["x"][0] == index for index in range(count))


def test_threads_share_a_store(store):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda index: store.put(f"{index % 50}", {"x": index % 50}), range(400)))
    assert [store.get(f"{index}")["x"] for index in range(50)] == list(range(50))


def contents(store):
    rows = {}
    for table in ("memo", "jobs", "runs"):
        rows[table] = sorted(tuple(row) for row in store._db.execute(f"SELECT * FROM {table}"))
    return rows, sorted(path.name for path in (store.path / "arrays").iterdir())


def test_merging_is_a_union_of_sets(tmp_path):
    stores = [Store(tmp_path / name) for name in "abcde"]
    a, b, c, ab, ba = stores
    shared = execute(toy, Toy(), kind="toy", seed=1, store=a)
    b.begin(replace(shared.entry, state="started", finished="", started="2024"))
    execute(toy, Toy(), kind="toy", seed=2, store=b)
    c.record_job("k", "job", "sim")
    for into, order in ((ab, (a, b, c, a)), (ba, (c, b, a))):
        for source in order:
            into.merge(source)
    assert contents(ab) == contents(ba)
    assert {entry.state for entry in ab.entries()} == {"finished"}
    assert answer_bytes(ab, shared.entry.id) == answer_bytes(a, shared.entry.id)
    assert ab.find_job("k").job_id == "job"
    before = contents(a)
    a.merge(a)
    assert contents(a) == before
    for store in stores:
        store.close()


def test_the_file_is_plain_sqlite_and_json(store):
    run = execute(toy, Toy(scale=2.0), kind="toy", seed=1, store=store)
    with sqlite3.connect(store.path / "store.sqlite") as db:
        (text,) = db.execute("SELECT settings FROM runs WHERE id = ?", (run.entry.id,)).fetchone()
    db.close()
    assert json.loads(text) == {"fail": False, "pause_s": 0.0, "scale": 2.0}
