"""Work shared among threads: kernels release the interpreter while they run."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")


def usable_cores() -> int:
    """Return how many cores this process may use; all of them where the system knows no affinity, as on macOS."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_out(work: Callable[[Piece], None], pieces: Sequence[Piece]) -> None:
    """Do every piece of the work, each on a thread of its own; a single one on this thread."""
    if len(pieces) == 1:
        work(pieces[0])
        return
    with ThreadPoolExecutor(len(pieces)) as pool:
        list(pool.map(work, pieces))
