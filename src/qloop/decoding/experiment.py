"""`Experiment`: a model with its shots, from files or arrays."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding.blocks import Rows
from qloop.decoding.shots import ShotFile

_HALVES = re.compile(r"from_(even|odd)_for_(even|odd)")


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """One detector error model, shots of what it describes, and what really happened to the observables.

    Args:
        name: for tables and figures.
        dem: the model.
        events: detection events, zeros and ones of shape [shots, num_detectors]: an array or a file.
        flips: flips of the observables, shape [shots, num_observables].
        distance: code distance, where known.
        rounds: rounds of measurements, by default what `count_rounds` finds.
        predictions: flips as others predicted them for the same shots, by name.

    Raises:
        InvalidValueError: shapes that do not fit each other or the model.
    """

    name: str
    dem: stim.DetectorErrorModel
    events: Rows
    flips: Rows
    distance: int | None = None
    rounds: int | None = None
    predictions: Mapping[str, Rows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rounds is None:
            object.__setattr__(self, "rounds", count_rounds(self.dem))
        shots = len(self.events)
        for what, rows, width in [
            ("events", self.events, self.dem.num_detectors),
            ("flips", self.flips, self.dem.num_observables),
            *((f"predictions of {name}", rows, self.dem.num_observables) for name, rows in self.predictions.items()),
        ]:
            shape = len(rows), rows[:0].shape[-1]
            if shape != (shots, width):
                raise InvalidValueError(
                    f"{what} of `{self.name}` must have shape [{shots}, {width}], got {list(shape)}."
                )


def read_dem(path: Path) -> stim.DetectorErrorModel:
    """Read a detector error model.

    Raises:
        InvalidValueError: it is not one, or has no detectors or no observables.
    """
    try:
        dem = stim.DetectorErrorModel(path.read_text(encoding="utf-8"))
    except (ValueError, IndexError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InvalidValueError(f"`{path}` is not a detector error model: {reason}.") from None
    if not dem.num_detectors or not dem.num_observables:
        raise InvalidValueError(
            f"a model must have detectors and observables, `{path}` has {dem.num_detectors} and {dem.num_observables}."
        )
    return dem


def read_experiment(
    dem: Path,
    events: Path,
    flips: Path,
    *,
    format: str | None = None,
    select: slice = slice(None),
    name: str | None = None,
    distance: int | None = None,
    rounds: int | None = None,
) -> Experiment:
    """Return the experiment in three files; the shots stay there until they are used.

    Args:
        dem: detector error model.
        events: detection events.
        flips: flips of the observables.
        format: format of the events, by default the ending of the name; that of the flips is always the ending.
        select: which shots.
        name: for tables and figures, by default the events' folder and file.
        distance: code distance.
        rounds: rounds of measurements.

    Raises:
        InvalidValueError: files that do not fit the model, or shots that the model must not decode.
    """
    model = read_dem(dem)
    check_half(dem, select)
    return Experiment(
        name=name or f"{events.absolute().parent.name}/{events.stem}",
        dem=model,
        events=ShotFile(events, model.num_detectors, format=format, select=select),
        flips=ShotFile(flips, model.num_observables, letter="L", select=select),
        distance=distance,
        rounds=rounds,
    )


def parse_slice(text: str) -> slice:
    """Return the slice that ``START:STOP:STEP`` means, as in Python; shots are numbered from 0.

    >>> parse_slice("1::2"), parse_slice(":30000")
    (slice(1, None, 2), slice(None, 30000, None))
    """
    parts = text.split(":")
    if not 2 <= len(parts) <= 3 or not all(re.fullmatch(r"\d*", part) for part in parts):
        raise InvalidValueError(f"shots are chosen as START:STOP or START:STOP:STEP, got `{text}`.")
    return slice(*(int(part) if part else None for part in parts))


def spread(**lists: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Return what belongs to each experiment; a list of one is for all of them.

    >>> list(spread(dem=["a.dem", "b.dem"], shots=[":"]))
    [('a.dem', ':'), ('b.dem', ':')]

    Raises:
        InvalidValueError: lists of different lengths.
    """
    number = max(map(len, lists.values()))
    for name, values in lists.items():
        if len(values) not in (1, number):
            raise InvalidValueError(f"`{name}` must be one for all or one for each of {number}, got {len(values)}.")
    return zip(*(list(values) * (number if len(values) == 1 else 1) for values in lists.values()), strict=True)


def check_half(path: Path, select: slice, *, learning: bool = False) -> None:
    """Refuse the half of the shots that a model must not see, where its name says so as Google's do.

    Args:
        path: the model; ``*_from_even_for_odd`` decodes odd shots, and what is learned further comes from even ones.
        select: which shots.
        learning: whether they are to learn from.

    Raises:
        InvalidValueError: shots that are not all of the right half.
    """
    if match := _HALVES.search(path.name):
        fitted, half = match.groups()
        half = fitted if learning else half
        if (select.step or 1) % 2 or (select.start or 0) % 2 != (half == "odd"):
            raise InvalidValueError(
                f"`{path.name}` was fitted to {fitted} shots and {'learns from' if learning else 'serves'} {half} ones "
                f"only: choose them with `{int(half == 'odd')}::2`."
            )


def count_rounds(dem: stim.DetectorErrorModel) -> int | None:
    """Return the rounds of a memory experiment: how far the detectors' last coordinates reach, or `None`.

    The data qubits' own measurement at the end adds a layer of detectors, so layers are one more than rounds.
    """
    times = [place[-1] for place in dem.get_detector_coordinates().values() if place]
    return round(float(np.ptp(times))) or None if times else None
