"""The contract of `Stage`, run against an implementation."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from qloop.loop.stage import ORDER, Parts, Stage, State
from qloop.testing.require import require


def check_stage(stage: Stage[State], state: State, parts: Collection[str]) -> None:
    """Run the contract of `Stage`: twice with all parts on, twice with each one off, and twice with all off.

    Checked are the stage's name, that it works whatever is off, that it returns a state of the same class, that equal
    state and parts give equal results, and that the state it was given stays as it was. Dataclasses, mappings,
    sequences and arrays are compared by what they hold, everything else by ``==``.

    Args:
        stage: an implementation.
        state: what it may be called with.
        parts: names of the parts that the stage knows.

    Raises:
        AssertionError: one sentence for the first rule that is broken.
    """
    name = getattr(stage, "name", None)
    require(name in ORDER, f"`name` must be one of {', '.join(ORDER)}, got {name!r}.")
    require(callable(stage), f"a stage is called with a state and parts, `{type(stage).__name__}` cannot be called.")
    on = frozenset(parts)
    given = dict(_leaves(state, ""))
    switches = {"with all parts on": on, **{f"with `{part}` off": on - {part} for part in sorted(on)}}
    for what, chosen in {**switches, "with all parts off": frozenset[str]()}.items():
        first = _run(stage, state, chosen, what)
        changed = _first_difference(given, dict(_leaves(state, "")))
        require(not changed, f"{what}, the state that is passed in must stay as it is: `{changed}` changed.")
        again = _run(stage, state, chosen, what)
        differs = _first_difference(dict(_leaves(first, "")), dict(_leaves(again, "")))
        require(not differs, f"{what}, equal state and parts must give equal results: `{differs}` differs.")


def _run(stage: Stage[State], state: State, parts: Parts, what: str) -> State:
    try:
        result = stage(state, parts)
    except Exception as error:
        raise AssertionError(f"{what}, the stage must work: {type(error).__name__}: {error}.") from error
    same = type(result) is type(state)
    require(same, f"{what}, the stage must return `{type(state).__name__}`, got `{type(result).__name__}`.")
    return result


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield what a value holds with where it stands, arrays and floats by their bits, so that NaN equals NaN."""
    if isinstance(value, np.ndarray | np.generic):
        yield path, (value.dtype.str, value.shape, value.tobytes())
    elif isinstance(value, float):
        yield path, value.hex()
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name), f"{path}.{field.name}".removeprefix("."))
    elif isinstance(value, Mapping):
        yield f"{path}'s keys", list(value)
        for key, item in value.items():
            yield from _leaves(item, f"{path}[{key!r}]")
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        yield f"{path}'s length", len(value)
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _first_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return where two values first differ, empty where they do not."""
    paths = dict.fromkeys([*before, *after])
    return next((path for path in paths if path not in before or path not in after or before[path] != after[path]), "")
