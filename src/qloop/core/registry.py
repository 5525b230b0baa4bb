"""Tables of what is built in, and the door for third parties' own."""

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from qloop.core.errors import InvalidValueError, nearest


class Registry:
    """One kind of plug-in: a literal table of lazy ``"module:name"`` strings, then entry points.

    Args:
        kind: what the table holds, in words, for example ``"task kind"``.
        table: name to ``"module:name"``; nothing is imported before `load`.
        group: entry-point group that third parties register under, looked up only for names not in the table.
    """

    def __init__(self, kind: str, table: Mapping[str, str], group: str) -> None:
        self.kind = kind
        self.table = dict(table)
        self.group = group

    def names(self) -> tuple[str, ...]:
        """Return every known name: built-ins in table order, then third parties' by name."""
        third = sorted({entry.name for entry in entry_points(group=self.group)} - set(self.table))
        return (*self.table, *third)

    def load(self, name: str) -> Any:
        """Import and return what stands under a name.

        Raises:
            InvalidValueError: the name is unknown; the nearest is suggested.
        """
        if name in self.table:
            module, _, attribute = self.table[name].partition(":")
            return getattr(importlib.import_module(module), attribute)
        for entry in entry_points(group=self.group, name=name):
            return entry.load()
        raise InvalidValueError(f"`{name}` is not a known {self.kind}: {nearest(name, self.names())}")
