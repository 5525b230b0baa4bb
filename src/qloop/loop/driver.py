"""The driver: passes of five stages until the state says it is done."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic

from qloop.core.errors import InvalidValueError, nearest
from qloop.core.progress import Event, Progress, silent
from qloop.loop.stage import ORDER, Parts, Stage, State


@dataclass(frozen=True, kw_only=True)
class Loop(Generic[State]):
    """What is repeated, and until when.

    Args:
        stages: in the order of a pass; a stage may be left out or doubled.
        done: whether a state needs no further pass.
        describe: one clause about a state, for progress.
        most: largest number of passes.

    Raises:
        InvalidValueError: stages out of order, none, or of an unknown name.
    """

    stages: tuple[Stage[State], ...]
    done: Callable[[State], bool]
    describe: Callable[[State], str] = lambda state: ""  # noqa: ARG005
    most: int = 1000

    def __post_init__(self) -> None:
        for stage in self.stages:
            if stage.name not in ORDER:
                raise InvalidValueError(f"`{stage.name}` is not a stage: {nearest(stage.name, ORDER)}")
        places = [ORDER.index(stage.name) for stage in self.stages]
        if not places or places != sorted(places):
            raise InvalidValueError(
                f"stages must follow the order {', '.join(ORDER)}, got {[s.name for s in self.stages]}."
            )


@dataclass(frozen=True, kw_only=True)
class Finished(Generic[State]):
    """The end of a loop.

    Args:
        state: the last state.
        passes: how many passes it took.
        seconds: time spent by stage.
    """

    state: State
    passes: int
    seconds: dict[str, float] = field(default_factory=dict)


def run_loop(loop: Loop[State], state: State, parts: Parts, progress: Progress = silent) -> Finished[State]:
    """Run passes until the loop is done.

    Args:
        loop: stages and stop rule.
        state: what the first pass starts from.
        parts: names of the parts that are on.
        progress: told after every pass.
    """
    seconds: dict[str, float] = {stage.name: 0.0 for stage in loop.stages}
    passes = 0
    while passes < loop.most and not loop.done(state):
        for stage in loop.stages:
            started = time.perf_counter()
            state = stage(state, parts)
            seconds[stage.name] += time.perf_counter() - started
        passes += 1
        progress(Event(stage="loop", text=loop.describe(state), done=passes))
    return Finished(state=state, passes=passes, seconds=seconds)
