"""`Stage`: one step of a pass."""

from typing import Protocol, TypeVar, get_args

from qloop.core.ledger import Stage as StageName

State = TypeVar("State")
ORDER: tuple[StageName, ...] = get_args(StageName)
"""The order of a pass: prepare, design, execute, correct, interpret."""
Parts = frozenset[str]
"""Names of the parts that are switched on."""


class Stage(Protocol[State]):
    """A pure step from one state to the next.

    A stage reads which of its parts are on and does without the others; it never fails because a part is off. The same
    state and parts always give the same result.
    """

    @property
    def name(self) -> StageName:
        """Where in a pass the stage stands."""
        ...

    def __call__(self, state: State, parts: Parts) -> State:
        """Return the state after this stage."""
        ...
