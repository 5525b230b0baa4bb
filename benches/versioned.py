"""Cells that are remembered for one version of the code."""

from qloop.core.memo import Memo, Value, content_key
from qloop.runs.run import code_version


class Versioned:
    """A memo for this version of the code alone.

    Args:
        memo: where the cells are.
    """

    def __init__(self, memo: Memo) -> None:
        self.memo = memo

    def get(self, key: str) -> Value | None:
        return self.memo.get(content_key(code_version(), key))

    def put(self, key: str, value: Value) -> None:
        self.memo.put(content_key(code_version(), key), value)
