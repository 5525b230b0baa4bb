"""Runs a task once per question: finished answers are looked up, killed runs resume from their remembered pieces."""

import contextlib
import dataclasses
import datetime
import multiprocessing
import os
import platform
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from typing import Any

from qloop.core.answer import Task
from qloop.core.errors import QloopError
from qloop.core.jobs import Job
from qloop.core.memo import Value, content_key
from qloop.core.progress import Event, Progress, silent
from qloop.core.settings import to_plain
from qloop.runs.run import Entry, Run, code_version, run_id
from qloop.runs.store import Store, StoreError

_LIBRARIES = (
    "numpy", "scipy", "numba", "qiskit", "qiskit_aer", "qiskit_ibm_runtime", "stim", "pymatching", "sklearn", "torch",
    "pyscf", "pyvrp", "highspy", "clarabel", "skfolio",
)  # fmt: skip


class WorkerError(QloopError):
    """A worker process that died, or that runs other code than this one."""


def execute(
    task: Task,
    settings: Any,
    *,
    kind: str,
    seed: int,
    store: Store,
    executor: Executor | None = None,
    progress: Progress = silent,
    fresh: bool = False,
    weights_hash: str = "",
) -> Run:
    """Return the run of a task: from the store when it has finished before, otherwise by running it.

    The task gets the store as its memo (which is also a `JobBook`), so that a run killed at any moment resumes to the
    same bits.

    Args:
        task: a module-level callable when it goes to another process.
        settings: validated settings, or plain JSON values.
        kind: the task's kind.
        seed: the run's seed.
        store: where runs, pieces and jobs are remembered.
        executor: where to run; `None` for this process. Progress events are not sent between processes.
        progress: told where the run is.
        fresh: run again from the start, and replace a finished run at the end.
        weights_hash: sha256 of the learned weights the task uses, empty for none.

    Returns:
        The run as the store holds it.

    Raises:
        KeyboardInterrupt: with one sentence that says how to go on.
    """
    if executor is not None:
        points = sweep(
            task, [settings], kind=kind, seeds=[seed], store=store, executor=executor, progress=progress, fresh=fresh,
            weights_hash=weights_hash,
        )  # fmt: skip
        return next(points)
    entry = _entry(settings, kind, seed, weights_hash)
    if not fresh and (found := store.find_run(entry.id)) is not None:
        return found
    store.begin(entry)
    try:
        answer = task(settings, seed, memo=_Pieces(store, entry, fresh), progress=progress)
        store.save(Run(entry=_finished(entry), answer=answer))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted: what was finished is kept, and the same command resumes run {entry.short_id}."
        ) from None
    except Exception as error:
        with contextlib.suppress(StoreError):
            store.fail(entry.id, str(error) or type(error).__name__)
        raise
    return store.run(entry.id)


def sweep(
    task: Task,
    settings: Iterable[Any],
    *,
    kind: str,
    seeds: Iterable[int],
    store: Store,
    executor: Executor | None = None,
    progress: Progress = silent,
    fresh: bool = False,
    weights_hash: str = "",
) -> Iterator[Run]:
    """Yield the run of every pair of settings and seed as it finishes, finished ones first.

    One that fails does not stop the others: its error is raised at the end. Calling again with the same arguments
    runs only what is missing.

    Args:
        task: a module-level callable.
        settings: one validated settings value per point.
        kind: the task's kind.
        seeds: every point runs once per seed.
        store: where runs are remembered; workers that do not share its folder send their runs back.
        executor: any executor, which stays open; `None` for a process pool of its own, one worker per core (its workers
            import the main script again, which needs the usual ``if __name__ == "__main__":``).
        progress: told how many have finished.
        fresh: run all of them again from the start.
        weights_hash: sha256 of the learned weights the task uses, empty for none.

    Raises:
        WorkerError: a worker process died, or its code differs from this process's.
        KeyboardInterrupt: with one sentence that says how to go on.
    """
    seeds = tuple(seeds)
    points = {}
    for point in settings:
        for seed in seeds:
            entry = _entry(point, kind, seed, weights_hash)
            points[entry.id] = (entry, point)
    done = 0

    def finish(run: Run) -> Run:
        nonlocal done
        done += 1
        progress(Event(stage="sweep", text=run.answer.headline, done=done, total=len(points)))
        return run

    missing = []
    for entry, point in points.values():
        run = None if fresh else store.find_run(entry.id)
        if run is None:
            missing.append((entry, point))
        else:
            yield finish(run)
    errors = []
    try:
        for result in _run_there(task, missing, store, executor, fresh):
            if isinstance(result, Exception):
                errors.append(result)
            else:
                yield finish(result)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted: {done} of {len(points)} runs are finished and kept, the same command resumes the rest."
        ) from None
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise QloopError(f"{len(errors)} of {len(points)} runs failed, the first with: {errors[0]}") from errors[0]


class _Pieces:
    """The store as one run sees it: a memo and a job book.

    Memo keys carry the code's version, because a piece is only as good as the code that made it; paid jobs do not,
    because their results are the machine's. A fresh run reads only what it wrote itself.
    """

    def __init__(self, store: Store, entry: Entry, fresh: bool) -> None:
        self._store = store
        self._scope = (entry.code_version, entry.weights_hash)
        self._fresh = fresh
        self._written: set[tuple[str, str]] = set()

    def get(self, key: str) -> Value | None:
        return None if self._is_stale("memo", key) else self._store.get(content_key(self._scope, key))

    def put(self, key: str, value: Value) -> None:
        scoped = content_key(self._scope, key)
        if self._is_stale("memo", key):
            self._store.forget(scoped)
        self._store.put(scoped, value)
        self._written.add(("memo", key))

    def record_job(self, key: str, job_id: str, backend: str) -> None:
        self._store.record_job(key, job_id, backend)
        self._written.add(("job", key))

    def find_job(self, key: str) -> Job | None:
        return None if self._is_stale("job", key) else self._store.find_job(key)

    def _is_stale(self, what: str, key: str) -> bool:
        return self._fresh and (what, key) not in self._written


def _entry(settings: Any, kind: str, seed: int, weights_hash: str) -> Entry:
    plain = to_plain(settings)
    code = code_version()
    return Entry(
        id=run_id(kind, plain, seed, code, weights_hash),
        kind=kind,
        settings=plain,
        seed=seed,
        code_version=code,
        weights_hash=weights_hash,
        started=_now(),
    )


def _finished(entry: Entry) -> Entry:
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in _LIBRARIES}
    versions = {
        "python": platform.python_version(),
        **{name: str(version) for name, version in loaded.items() if version},
    }
    return dataclasses.replace(entry, finished=_now(), state="finished", versions=versions)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def _pool(executor: Executor | None, tasks: int) -> Iterator[Executor]:
    if executor is not None:
        yield executor
        return
    # Spawned, because a fork copies the locks of numeric threads; an interrupt ends a worker at once and without a
    # traceback, because its finished pieces are already in the store.
    pool = ProcessPoolExecutor(
        max_workers=min(tasks, os.cpu_count() or 1),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield pool
    finally:
        # The pool must cancel what waits itself: futures cancelled from outside upset it while its workers end.
        pool.shutdown(cancel_futures=True)


def _run_there(
    task: Task, missing: Sequence[tuple[Entry, Any]], store: Store, executor: Executor | None, fresh: bool
) -> Iterator[Run | Exception]:
    """Yield each run, or what went wrong with it, as workers finish."""
    if not missing:
        return
    with _pool(executor, len(missing)) as pool:
        futures = {pool.submit(_execute_there, task, point, entry, store, fresh): entry for entry, point in missing}
        try:
            for future in as_completed(futures):
                try:
                    result: Run | Exception = _collect(future, futures[future], store)
                except WorkerError:
                    raise
                except Exception as error:
                    result = error
                yield result
        finally:
            if executor is not None:
                for future in futures:
                    future.cancel()


def _execute_there(task: Task, settings: Any, entry: Entry, store: Store, fresh: bool) -> Run:
    """Execute in a worker process."""
    return execute(
        task, settings, kind=entry.kind, seed=entry.seed, store=store, fresh=fresh, weights_hash=entry.weights_hash
    )


def _collect(future: "Future[Run]", entry: Entry, store: Store) -> Run:
    """Return a worker's run after storing it here, unless it is here already because the worker shares the folder."""
    try:
        run = future.result()
    except BrokenExecutor as error:
        raise WorkerError(
            "a worker process died, most often because memory ran out: the same command runs what is missing; fewer "
            "workers need less memory."
        ) from error
    if run.entry.id != entry.id:
        raise WorkerError(
            f"the worker runs other code ({run.entry.code_version}) than this process ({entry.code_version}): "
            "install the same qloop on both."
        )
    here = store.find_run(entry.id)
    if here is None or here.entry.finished != run.entry.finished:
        store.save(run)
    return run
