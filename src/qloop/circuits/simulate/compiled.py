"""`compiled`: Numba's compiler as qloop uses it."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel at its first call and keep the machine code on disk."""
    return numba.njit(cache=True)(function)  # type: ignore[no-any-return]
