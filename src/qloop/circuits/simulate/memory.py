"""Memory is checked before it is taken, and taken where registers load it at once."""

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from qloop.core.errors import InvalidValueError

_ALWAYS_THERE = 2**26
"""Asking the system takes longer than a small state does."""


def available_bytes() -> int:
    """Return the memory that can be taken now; a generous 8 GiB where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 8 * 2**30
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


def check_memory(needed: int, what: str) -> None:
    """Raise one sentence when an allocation would not fit.

    Args:
        needed: bytes.
        what: what needs them, in words.

    Raises:
        InvalidValueError: more is needed than there is.
    """
    if needed < _ALWAYS_THERE:
        return
    available = available_bytes()
    if needed > available:
        raise InvalidValueError(
            f"{what} needs {needed / 2**30:.3g} GiB of memory, {available / 2**30:.3g} GiB are free."
        )


def aligned(
    shape: tuple[int, ...], dtype: DTypeLike, make: Callable[..., NDArray[np.uint8]] = np.zeros
) -> NDArray[Any]:
    """Return an array that starts at a cache line, so that no register straddles two.

    Args:
        shape: of the array.
        dtype: of the array.
        make: ``np.zeros``, or ``np.empty`` where everything will be written.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    memory = make(size + 64, np.uint8)
    first = -memory.__array_interface__["data"][0] % 64
    return memory[first : first + size].view(dtype).reshape(shape)
