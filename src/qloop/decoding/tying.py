"""Errors that look alike in time share one parameter, so that what is learned holds for any number of rounds."""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.decoding.model import ErrorModel

Kind = tuple[str, tuple[tuple[float, ...], ...], int]


def tie(models: Sequence[ErrorModel]) -> tuple[list[NDArray[np.int64]], int]:
    """Return the parameter of every error of every model, and the number of parameters.

    Errors share one when they flip the same observables and the same pattern of detectors, moved in time, and stand
    alike in the experiment: at its first round, at its last, or in between. Time is the detectors' last coordinate. A
    model alone whose detectors have no coordinates gets one parameter an error.

    Raises:
        InvalidValueError: several models without coordinates: nothing says which of their errors belong together.
    """
    if not all(model.rounds for model in models):
        if len(models) > 1:
            raise InvalidValueError("several models are fitted together by detector coordinates, and one has none.")
        return [np.arange(models[0].num_errors)], models[0].num_errors
    return number_kinds(map(_kinds, models))


def number_kinds(kinds: Iterable[Iterable[Hashable]]) -> tuple[list[NDArray[np.int64]], int]:
    """Return the number of every error's kind, model by model, in the order in which kinds first appear; and how many.

    Args:
        kinds: of the errors of every model.
    """
    numbers: dict[Hashable, int] = {}
    indices = [np.array([numbers.setdefault(kind, len(numbers)) for kind in own], np.int64) for own in kinds]
    return indices, len(numbers)


def _kinds(model: ErrorModel) -> list[Kind]:
    places = model.coordinates
    begin, end = places[:, -1].min(initial=np.inf), places[:, -1].max(initial=-np.inf)
    kinds: list[Kind] = []
    for detectors, observables in model.symptoms:
        own = places[list(detectors)]
        first = own[:, -1].min()
        stands = "first" if first == begin else "last" if own[:, -1].max() == end else "bulk"
        own[:, -1] -= first
        kinds.append((stands, tuple(sorted(map(tuple, own.tolist()))), observables))
    return kinds
