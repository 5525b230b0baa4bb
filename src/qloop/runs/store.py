"""The store: finished runs, pieces of unfinished ones and hardware jobs, in one SQLite file with arrays beside it.

Every write is one SQL statement (a merge is one transaction), and a file of arrays is whole on the disk before a row
names it: a process killed at any moment leaves nothing half done, and any number of processes may share a store.
"""

import contextlib
import errno
import json
import os
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from qloop.core.answer import Answer
from qloop.core.errors import InvalidValueError, QloopError
from qloop.core.jobs import Job
from qloop.core.ledger import Ledger
from qloop.core.memo import Value, content_key
from qloop.core.page import page_from_json, page_to_json
from qloop.runs.atomic import write_atomic
from qloop.runs.npz import read_arrays, write_arrays
from qloop.runs.run import Entry, Run

SCHEMA_VERSION = 1
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS runs (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, settings TEXT NOT NULL, seed TEXT NOT NULL,
        code_version TEXT NOT NULL, weights_hash TEXT NOT NULL, versions TEXT NOT NULL,
        started TEXT NOT NULL, finished TEXT NOT NULL, state TEXT NOT NULL, headline TEXT NOT NULL,
        answer TEXT, ledger TEXT, page TEXT, arrays TEXT, citations TEXT, timings TEXT
    )""",
    "CREATE TABLE IF NOT EXISTS memo (key TEXT PRIMARY KEY, value TEXT NOT NULL, arrays TEXT)",
    """CREATE TABLE IF NOT EXISTS jobs (
        key TEXT NOT NULL, job_id TEXT NOT NULL, backend TEXT NOT NULL, recorded REAL NOT NULL,
        PRIMARY KEY (key, job_id)
    )""",
)
_ENTRY = "id, kind, settings, seed, code_version, weights_hash, versions, started, finished, state, headline"
_ANSWER = "answer, ledger, page, arrays, citations, timings"
_MERGE = (
    "INSERT OR IGNORE INTO main.memo SELECT * FROM other.memo",
    "INSERT OR IGNORE INTO main.jobs SELECT * FROM other.jobs",
    """INSERT OR REPLACE INTO main.runs SELECT * FROM other.runs AS theirs WHERE NOT EXISTS (
        SELECT 1 FROM main.runs AS ours
        WHERE ours.id = theirs.id AND (ours.state = 'finished' OR theirs.state <> 'finished')
    )""",
)
_BUSY_SECONDS = 60.0
_STALE_SECONDS = 86_400.0
_FULL_ERRNO = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_SQLITE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}


class StoreError(QloopError):
    """A store that cannot be read or written."""


def default_path() -> Path:
    """Return the folder named by ``QLOOP_STORE``, otherwise one in the user's data folder."""
    import platformdirs

    return Path(os.environ.get("QLOOP_STORE") or platformdirs.user_data_path("qloop"))


class Store:
    """Remembers runs by id, pieces of work by content key (a `Memo`) and hardware jobs (a `JobBook`).

    It can be pickled: the other process opens the same folder.

    Args:
        path: the store's folder, made when missing; `default_path` when not given.

    Raises:
        StoreError: a newer qloop wrote the store, or the folder cannot be used.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = (default_path() if path is None else Path(path)).absolute()
        self._arrays = self.path / "arrays"
        with self._plainly():
            self._arrays.mkdir(parents=True, exist_ok=True)
            # The connection may move between threads: SQLite serialises calls, and every write is one statement.
            self._db = sqlite3.connect(
                self.path / "store.sqlite", timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._db.row_factory = sqlite3.Row
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"the store `{self.path}` was written by a newer qloop (schema {version}, this one reads up to "
                f"{SCHEMA_VERSION}): upgrade qloop or set QLOOP_STORE to another folder."
            )
        if version == 0:
            self._db.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._db.execute("COMMIT")
        with contextlib.suppress(sqlite3.OperationalError):
            # Only speed: where another process holds the file right now, or the file system shares no memory, the
            # rollback journal keeps every promise as well.
            self._db.execute("PRAGMA journal_mode = WAL")
        for leftover in self._arrays.glob("*.tmp"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - leftover.stat().st_mtime > _STALE_SECONDS:
                    leftover.unlink()

    def __reduce__(self) -> tuple[type["Store"], tuple[Path]]:
        return Store, (self.path,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the SQLite file."""
        self._db.close()

    # Runs

    def begin(self, entry: Entry) -> None:
        """Note that a run has started; a finished run stays finished."""
        marks = ", ".join("?" * len(_ENTRY.split(", ")))
        self._execute(
            f"INSERT INTO runs ({_ENTRY}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE"
            " SET started = excluded.started, state = excluded.state, headline = excluded.headline"
            " WHERE state <> 'finished'",
            _entry_row(entry),
        )

    def fail(self, run_id: str, reason: str) -> None:
        """Note why a run failed; a finished run stays finished."""
        self._execute(
            "UPDATE runs SET state = 'failed', headline = ? WHERE id = ? AND state <> 'finished'", (reason, run_id)
        )

    def save(self, run: Run) -> None:
        """Store a finished run, whole or not at all.

        Raises:
            InvalidValueError: the answer holds something else than plain JSON values and arrays.
        """
        answer = run.answer
        row = (
            *_entry_row(replace(run.entry, state="finished", headline=answer.headline)),
            _to_text(answer.values, "an answer"),
            _to_text(answer.ledger.to_json(), "a ledger"),
            _to_text(page_to_json(answer.page), "a page"),
            self._write_arrays({name: np.asarray(array) for name, array in answer.arrays.items()}),
            _to_text(answer.references, "references"),
            _to_text(answer.timings, "timings"),
        )
        self._execute(f"INSERT OR REPLACE INTO runs ({_ENTRY}, {_ANSWER}) VALUES ({', '.join('?' * len(row))})", row)

    def find_run(self, run_id: str) -> Run | None:
        """Return the finished run of a full id, or `None`."""
        rows = self._execute("SELECT * FROM runs WHERE id = ? AND state = 'finished'", (run_id,))
        return self._read_run(rows[0]) if rows else None

    def run(self, short_id: str) -> Run:
        """Return the finished run that a short id names.

        Raises:
            InvalidValueError: the id is unknown or ambiguous, or the run has not finished.
        """
        entry = self.entry(short_id)
        run = self.find_run(entry.id)
        if run is None:
            reason = f": {entry.headline}" if entry.headline else "; running the same settings again resumes it."
            raise InvalidValueError(f"run `{entry.short_id}` has no answer, it is `{entry.state}`{reason}")
        return run

    def entry(self, short_id: str) -> Entry:
        """Return the entry that the first digits of an id name.

        Raises:
            InvalidValueError: the id is unknown or ambiguous.
        """
        rows = self._execute(
            f"SELECT {_ENTRY} FROM runs WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 3",
            (len(short_id), short_id.lower()),
        )
        if not short_id or not rows:
            raise InvalidValueError(
                f"there is no run `{short_id}` in the store `{self.path}`: `qloop runs list` shows them."
            )
        if len(rows) > 1:
            found = " and ".join(f"`{row['id'][:12]}`" for row in rows[:2])
            raise InvalidValueError(
                f"`{short_id}` is short for {found}{' and more' * (len(rows) > 2)}: give more digits."
            )
        return _read_entry(rows[0])

    def entries(self) -> list[Entry]:
        """Return every run's entry, the latest first."""
        return [_read_entry(row) for row in self._execute(f"SELECT {_ENTRY} FROM runs ORDER BY started DESC, id")]

    # Memo

    def get(self, key: str) -> Value | None:
        """Return what was put under the key, or `None`; a piece whose arrays are damaged is forgotten."""
        rows = self._execute("SELECT value, arrays FROM memo WHERE key = ?", (key,))
        if not rows:
            return None
        try:
            return {**json.loads(rows[0]["value"]), **self._read_arrays(rows[0]["arrays"])}
        except (FileNotFoundError, zipfile.BadZipFile, ValueError, EOFError):
            self.forget(key)
            return None

    def put(self, key: str, value: Value) -> None:
        """Remember a value; putting the same key again changes nothing.

        Raises:
            InvalidValueError: the value holds something else than arrays and plain JSON values.
        """
        arrays = {name: item for name, item in value.items() if isinstance(item, np.ndarray)}
        plain = _to_text({name: item for name, item in value.items() if name not in arrays}, "a memo")
        self._execute("INSERT OR IGNORE INTO memo VALUES (?, ?, ?)", (key, plain, self._write_arrays(arrays)))

    def forget(self, key: str) -> None:
        """Forget what was put under the key."""
        self._execute("DELETE FROM memo WHERE key = ?", (key,))

    # Jobs

    def record_job(self, key: str, job_id: str, backend: str) -> None:
        """Write a hardware job down; a later one under the same key takes its place in `find_job`."""
        self._execute("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?, ?)", (key, job_id, backend, time.time()))

    def find_job(self, key: str) -> Job | None:
        """Return the latest job that was sent for the key, or `None`."""
        rows = self._execute(
            "SELECT job_id, backend FROM jobs WHERE key = ? ORDER BY recorded DESC, rowid DESC LIMIT 1", (key,)
        )
        return Job(**dict(rows[0])) if rows else None

    # Merging

    def merge(self, other: "Store") -> None:
        """Add everything another store knows; where both know a run, a finished one wins.

        Merging is a union of sets: order and repetition change nothing.
        """
        with self._plainly():
            self._db.execute("ATTACH ? AS other", (str(other.path / "store.sqlite"),))
            try:
                with self._db:
                    # One transaction, so that what is copied below is all that the rows inserted after it can name.
                    self._db.execute("BEGIN")
                    named = self._db.execute(
                        "SELECT arrays FROM other.memo UNION SELECT arrays FROM other.runs"
                    ).fetchall()
                    for (name,) in named:
                        if name is not None and not (self._arrays / name).exists():
                            with (other._arrays / name).open("rb") as theirs, write_atomic(self._arrays / name) as ours:
                                shutil.copyfileobj(theirs, ours)
                    for statement in _MERGE:
                        self._db.execute(statement)
            finally:
                self._db.execute("DETACH other")

    # Below the surface

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        with self._plainly():
            return self._db.execute(statement, values).fetchall()

    def _write_arrays(self, arrays: Mapping[str, Any]) -> str | None:
        if not arrays:
            return None
        name = f"{content_key(dict(arrays))}.npz"
        with self._plainly(), write_atomic(self._arrays / name) as file:
            write_arrays(file, arrays)
        return name

    def _read_arrays(self, name: str | None) -> dict[str, Any]:
        if name is None:
            return {}
        with (self._arrays / name).open("rb") as file:
            return read_arrays(file)

    def _read_run(self, row: sqlite3.Row) -> Run:
        try:
            arrays = self._read_arrays(row["arrays"])
        except (OSError, zipfile.BadZipFile, ValueError, EOFError) as error:
            raise StoreError(
                f"the arrays of run `{row['id'][:12]}` in `{self._arrays}` are missing or damaged."
            ) from error
        answer = Answer(
            headline=row["headline"],
            values=json.loads(row["answer"]),
            ledger=Ledger.from_json(json.loads(row["ledger"])),
            page=page_from_json(json.loads(row["page"])),
            arrays=arrays,
            references=tuple(json.loads(row["citations"])),
            timings=json.loads(row["timings"]),
        )
        return Run(entry=_read_entry(row), answer=answer)

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        """Say in one sentence what the disk or SQLite refused."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            full = (
                getattr(error, "errno", None) in _FULL_ERRNO or getattr(error, "sqlite_errorcode", None) in _FULL_SQLITE
            )
            if full:
                raise StoreError(
                    f"the disk of the store `{self.path}` is full ({reason}): nothing that was finished is lost; free "
                    "some space and run the same command again."
                ) from error
            raise StoreError(f"cannot use the store `{self.path}`: {reason}.") from error


def _entry_row(entry: Entry) -> tuple[str, ...]:
    return (
        entry.id,
        entry.kind,
        json.dumps(entry.settings, sort_keys=True, separators=(",", ":")),
        str(entry.seed),
        entry.code_version,
        entry.weights_hash,
        json.dumps(entry.versions),
        entry.started,
        entry.finished,
        entry.state,
        entry.headline.encode(errors="replace").decode(),
    )


def _read_entry(row: sqlite3.Row) -> Entry:
    fields = {name: row[name] for name in _ENTRY.split(", ")}
    for name in ("settings", "seed", "versions"):
        fields[name] = json.loads(fields[name])
    return Entry(**fields)


def _to_text(value: Any, what: str) -> str:
    try:
        return json.dumps(value, separators=(",", ":"))
    except TypeError as error:
        raise InvalidValueError(f"{what} holds arrays and plain JSON values only: {error}.") from None
