"""What a run is, and what identifies it."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import qloop
from qloop.core.answer import Answer
from qloop.core.memo import content_key

State = Literal["started", "finished", "failed"]
"""A run that was killed stays `started`: running the same settings again resumes it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the store knows about a run beside its answer: one row of `qloop runs list`.

    Args:
        id: `run_id` of the next five.
        kind: the task's kind.
        settings: plain JSON values, every default filled in.
        seed: the run's seed.
        code_version: `code_version` of the code that ran.
        weights_hash: sha256 of the learned weights it used, empty for none.
        versions: name to version of Python and of the libraries it used; outside the id.
        started: UTC time, ISO 8601; outside the id.
        finished: UTC time, empty before the end; outside the id.
        state: where it stands.
        headline: the answer's headline, or the error of a failed run.
    """

    id: str
    kind: str
    settings: dict[str, Any]
    seed: int
    code_version: str
    weights_hash: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    started: str
    finished: str = ""
    state: State = "started"
    headline: str = ""

    @property
    def short_id(self) -> str:
        """The first 12 hex digits: what people type."""
        return self.id[:12]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run: its entry and its answer."""

    entry: Entry
    answer: Answer


def run_id(task_kind: str, settings: Mapping[str, Any], seed: int, code_version: str, weights_hash: str = "") -> str:
    """Return the identity of a run: equal questions to equal code have equal ids on every machine.

    Args:
        task_kind: the task's kind.
        settings: plain JSON values, every default filled in.
        seed: the run's seed.
        code_version: `code_version` of the code that answers.
        weights_hash: sha256 of the learned weights it uses, empty for none.

    Returns:
        A sha256 in 64 hex digits. Times are not part of it.
    """
    return content_key(task_kind, dict(settings), seed, code_version, weights_hash)


@functools.cache
def code_version() -> str:
    """Return the version of qloop and a hash of its Python files, for example ``0.1.0+1f0c8a3be542``.

    Every file counts, not only those a task touches: repeating a run costs minutes, an answer that no longer belongs
    to its code costs trust. The files are read once per process, a few milliseconds.
    """
    return f"{qloop.__version__}+{_hash_sources(Path(__file__).parents[1])[:12]}"


def _hash_sources(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
