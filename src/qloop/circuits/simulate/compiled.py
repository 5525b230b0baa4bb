"""`compiled`: Numba's compiler as qloop uses it, the one place that decorates kernels."""

import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba.core import event

import qloop


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel at its first call and keep the machine code on disk.

    The code lies under ``numba`` in the folder QLOOP_CACHE, by default the user's cache; NUMBA_CACHE_DIR overrides
    both. Where no folder can be written, every process compiles anew.
    """
    _say_once()
    given = numba.config.CACHE_DIR
    options = {"nogil": True, "no_cfunc_wrapper": True}
    try:
        numba.config.CACHE_DIR = given or str(cache_folder(function.__module__.split(".")[1]))
        return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return numba.njit(**options)(function)  # type: ignore[no-any-return]
    finally:
        numba.config.CACHE_DIR = given


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel only as part of those that call it, where a call or compiling it alone would cost too much."""
    return numba.njit(inline="always")(function)  # type: ignore[no-any-return]


@cache
def cache_folder(room: str) -> Path:
    """Return the folder of the machine code that belongs to a room's kernels as they are now.

    Numba looks for changes in a kernel's own file only; the digest also sees those in the kernels that it calls, which
    are of the same room.
    """
    digest = hashlib.sha256()
    for path in sorted((Path(qloop.__file__).parent / room).rglob("*.py")):
        source = path.read_bytes()
        if b"@compiled" in source or b"@inlined" in source:
            digest.update(source)
    root = os.environ.get("QLOOP_CACHE") or platformdirs.user_cache_path("qloop")
    return Path(root) / "numba" / f"{room}-{digest.hexdigest()[:16]}"


@cache
def _say_once() -> None:
    event.register("numba:compile", _Announcer())


class _Announcer(event.Listener):  # type: ignore[misc]
    """Explains the wait when a kernel of ours is not on disk yet."""

    def on_start(self, event_: event.Event) -> None:
        if event_.data["dispatcher"].py_func.__module__.startswith("qloop."):
            sys.stderr.write("compiling kernels (once)\n")
            event.unregister("numba:compile", self)

    def on_end(self, event_: event.Event) -> None:
        """Do nothing."""
