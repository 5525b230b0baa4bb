"""The check passes a stage that keeps the contract, and says what is wrong with deliberately broken ones."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from qloop.testing import check_stage

PARTS = ("doubling", "counting")


@dataclass(frozen=True, eq=False)
class Toy:
    values: np.ndarray = field(default_factory=lambda: np.array([1.0, np.nan]))
    seen: dict = field(default_factory=lambda: {"passes": [1, 2], "worst": np.nan})
    backend: object = field(default_factory=object)


class Good:
    name = "correct"

    def __init__(self):
        self.calls = []

    def __call__(self, state, parts):
        self.calls.append(parts)
        values = 2 * state.values if "doubling" in parts else state.values
        passes = [*state.seen["passes"], 3] if "counting" in parts else state.seen["passes"]
        return replace(state, values=values, seen={**state.seen, "passes": passes})


def test_a_stage_that_keeps_the_contract_is_run_with_every_part_off_and_with_all_off():
    stage = Good()
    check_stage(stage, Toy(), PARTS)
    assert stage.calls[::2] == stage.calls[1::2]
    assert stage.calls[::2] == [{"doubling", "counting"}, {"doubling"}, {"counting"}, set()]


def test_a_stage_without_parts_is_run_too():
    stage = Good()
    check_stage(stage, Toy(), ())
    assert set(stage.calls) == {frozenset()}


class Misnamed(Good):
    name = "corect"


class NotCallable:
    name = "correct"


class Needy(Good):
    def __call__(self, state, parts):
        return replace(state, values=state.values * {"doubling": 2}[next(iter(parts & {"doubling"}))])


class Forgetful(Good):
    def __call__(self, state, parts):
        super().__call__(state, parts)


class InPlace(Good):
    def __call__(self, state, parts):
        state.values[0] += "counting" not in parts
        return state


class InTheDictionary(Good):
    def __call__(self, state, parts):
        state.seen["passes"].append(3)
        return state


class AddsAKey(Good):
    def __call__(self, state, parts):
        state.seen.setdefault("new", 0)
        return state


class Random(Good):
    def __call__(self, state, parts):
        return replace(state, values=np.random.default_rng().normal(size=2))


class Remembers(Good):
    """Gives another answer the second time, in one place only and only with all parts off."""

    def __call__(self, state, parts):
        self.calls.append(parts)
        passes = state.seen["passes"] if parts else [1, len(self.calls)]
        return replace(state, seen={**state.seen, "passes": passes})


class OtherType(Good):
    def __call__(self, state, parts):
        self.calls.append(parts)
        return replace(state, values=np.ones(2, np.float64 if len(self.calls) % 2 else np.float32))


class FreshObject(Good):
    def __call__(self, state, parts):
        return replace(state, backend=object())


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Misnamed(), "`name` must be one of prepare, design, execute, correct, interpret, got 'corect'"),
        (object(), "`name` must be one of .* got None"),
        (NotCallable(), "a stage is called with a state and parts, `NotCallable` cannot be called"),
        (Needy(), "with `doubling` off, the stage must work: StopIteration"),
        (Forgetful(), "with all parts on, the stage must return `Toy`, got `NoneType`"),
        (InPlace(), r"with `counting` off, the state that is passed in must stay as it is: `values` changed"),
        (InTheDictionary(), r"must stay as it is: `seen\['passes'\]'s length` changed"),
        (AddsAKey(), "must stay as it is: `seen's keys` changed"),
        (Random(), "with all parts on, equal state and parts must give equal results: `values` differs"),
        (Remembers(), r"with all parts off, equal state and .* `seen\['passes'\]\[1\]` differs"),
        (OtherType(), "equal results: `values` differs"),
        (FreshObject(), "equal results: `backend` differs"),
    ],
)
def test_broken_stages_are_found(stage, message):
    with pytest.raises(AssertionError, match=message):
        check_stage(stage, Toy(), PARTS)
