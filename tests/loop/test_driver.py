from dataclasses import dataclass

import pytest

from qloop.core.errors import InvalidValueError
from qloop.loop.driver import Loop, run_loop
from qloop.loop.stage import ORDER


@dataclass(frozen=True)
class Trace:
    text: str = ""


@dataclass(frozen=True)
class Letter:
    """Writes its initial, in capitals where its part is on."""

    name: str

    def __call__(self, state, parts):
        letter = self.name[0]
        return Trace(state.text + (letter.upper() if self.name in parts else letter))


def loop(*names, **options):
    return Loop(stages=tuple(Letter(name) for name in names), done=lambda state: len(state.text) >= 10, **options)


def test_passes_of_five_stages_until_done():
    finished = run_loop(loop(*ORDER), Trace(), frozenset({"correct"}))
    assert finished.state.text == "pdeCipdeCi"
    assert finished.passes == 2
    assert list(finished.seconds) == list(ORDER)
    assert all(seconds >= 0 for seconds in finished.seconds.values())


def test_a_stage_may_be_left_out_or_doubled():
    assert run_loop(loop("design", "execute", "execute"), Trace(), frozenset()).state.text == "dee" * 4


def test_a_state_that_is_done_is_left_alone():
    finished = run_loop(loop(*ORDER), Trace("0123456789"), frozenset())
    assert (finished.state.text, finished.passes) == ("0123456789", 0)


def test_the_number_of_passes_is_bounded():
    assert run_loop(loop("execute", most=3), Trace(), frozenset()).passes == 3


def test_progress_hears_of_every_pass():
    events = []
    describe = {"describe": lambda state: f"{len(state.text)} letters"}
    run_loop(loop(*ORDER, **describe), Trace(), frozenset(), events.append)
    assert [(event.stage, event.text, event.done) for event in events] == [
        ("loop", "5 letters", 1),
        ("loop", "10 letters", 2),
    ]


@pytest.mark.parametrize("names", [("execute", "design"), (*ORDER, "prepare"), ()])
def test_stages_out_of_order_are_refused(names):
    with pytest.raises(
        InvalidValueError, match="must follow the order prepare, design, execute, correct, interpret, got"
    ):
        loop(*names)


def test_a_stage_of_another_name_is_refused():
    with pytest.raises(InvalidValueError, match="`corect` is not a stage: did you mean `correct`"):
        loop("execute", "corect")
