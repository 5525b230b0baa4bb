"""The checkpoint protocol: long work remembers its finished pieces under content keys."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Value = dict[str, Any]
"""What a memo holds: numpy arrays and plain JSON values under string names."""


class Memo(Protocol):
    """Get and put by content key. A put is atomic: after a kill a key is there whole or not at all."""

    def get(self, key: str) -> Value | None:
        """Return what was put under the key, or `None`."""
        ...

    def put(self, key: str, value: Value) -> None:
        """Remember a value; putting the same key again changes nothing."""
        ...


class NoMemo:
    """Remembers nothing."""

    def get(self, key: str) -> Value | None:
        """Return `None`."""
        return None

    def put(self, key: str, value: Value) -> None:
        """Forget the value."""


class DictMemo:
    """Remembers in memory, for tests and notebooks."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}

    def get(self, key: str) -> Value | None:
        """Return what was put under the key, or `None`."""
        return self.values.get(key)

    def put(self, key: str, value: Value) -> None:
        """Remember the value unless the key is known."""
        self.values.setdefault(key, value)


def content_key(*parts: object) -> str:
    """Return the sha256 of the parts: JSON values, arrays (shape, type and bytes), tuples and dicts of them.

    Equal content gives an equal key on every machine; floats are hashed by their shortest decimal form.

    Raises:
        TypeError: a part is none of these.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_plain).encode())
    return digest.hexdigest()


def remembered(memo: Memo, key: str, compute: Callable[[], Value]) -> Value:
    """Return the remembered value, or compute it and remember it.

    A computed value is read back, so that memory layout and number types are those a resumed run sees: the same bits.
    """
    value = memo.get(key)
    if value is None:
        value = compute()
        memo.put(key, value)
        value = memo.get(key) or value
    return value


def _plain(part: object) -> object:
    if isinstance(part, np.ndarray):
        return _array(part)
    if isinstance(part, np.generic):
        return part.item()
    raise TypeError(f"`content_key` takes JSON values and arrays, got {type(part).__name__}.")


def _array(array: NDArray[Any]) -> object:
    data = array.astype(array.dtype.newbyteorder("<"))
    return [list(data.shape), data.dtype.str, hashlib.sha256(data.tobytes()).hexdigest()]
