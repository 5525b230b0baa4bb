"""Progress events: long work says where it is; who draws it stands above."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Event:
    """One report of long work.

    Args:
        stage: what is being done, one or two words.
        text: one clause for a person.
        done: units finished.
        total: units in all, 0 when unknown.
    """

    stage: str
    text: str
    done: int = 0
    total: int = 0


class Progress(Protocol):
    """Anything that takes an `Event`: a terminal bar, a web page, a list in a test."""

    def __call__(self, event: Event) -> None:
        """Take note of the event."""
        ...


def silent(event: Event) -> None:
    """Ignore the event."""
