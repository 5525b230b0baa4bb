"""The order in which errors are added and detectors closed, so that few detectors are open at any time."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qloop.decoding.model import ErrorModel

ERROR, CLOSE = 0, 1
_UNOPENED = 6
"""How many unopened detectors, lowest numbers first, compete with the open ones to be closed next."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Elimination:
    """Operations in order; a detector is open from its first error until it is closed.

    Args:
        kinds: `ERROR` or `CLOSE`; shape [num_operations].
        items: the error that is added or the detector that is closed; shape [num_operations].
        width: the largest number of detectors that are open at once.
    """

    kinds: NDArray[np.int8]
    items: NDArray[np.int64]
    width: int


def eliminate(model: ErrorModel, rounds: Iterable[NDArray[np.int64]] | None = None) -> Elimination:
    """Return a greedy order: always close the detector that leaves the fewest open.

    Closing a detector first adds every error that flips it; a detector without errors is closed too, and then fits no
    syndrome in which it fired.

    Args:
        model: the errors.
        rounds: detectors of which each group is closed before the next; by default they are closed in any order.

    Source: the min-width heuristic of variable elimination; ours for detector error models.
    """
    symptoms = [detectors for detectors, _ in model.symptoms]
    # What closing a detector would open: neighbours through errors not added yet, with the number of those errors.
    errors_of: list[set[int]] = [set() for _ in range(model.num_detectors)]
    neighbours: list[dict[int, int]] = [{} for _ in range(model.num_detectors)]
    for error, detectors in enumerate(symptoms):
        for a in detectors:
            errors_of[a].add(error)
            for b in detectors:
                if a != b:
                    neighbours[a][b] = neighbours[a].get(b, 0) + 1
    opened: set[int] = set()
    operations: list[tuple[int, int]] = []
    width = 0
    for group in [np.arange(model.num_detectors)] if rounds is None else rounds:
        left = set(group.tolist())
        unopened = dict.fromkeys(sorted(left - opened))
        while left:
            lowest = [d for d, _ in zip(unopened, range(_UNOPENED), strict=False)]
            best = min((len(neighbours[d].keys() - opened) - (d in opened), d) for d in [*(opened & left), *lowest])[1]
            added = sorted(errors_of[best], key=lambda e: (sum(d not in opened for d in symptoms[e]), e))
            for error in added:
                operations.append((ERROR, error))
                detectors = symptoms[error]
                for a in detectors:
                    errors_of[a].discard(error)
                    for b in detectors:
                        if a != b:
                            neighbours[a][b] -= 1
                            if not neighbours[a][b]:
                                del neighbours[a][b]
                opened.update(detectors)
            opened.add(best)
            width = max(width, len(opened))
            for detector in opened & unopened.keys():
                del unopened[detector]
            operations.append((CLOSE, best))
            opened.discard(best)
            left.discard(best)
    table = np.array(operations, np.int64).reshape(-1, 2)
    return Elimination(kinds=table[:, 0].astype(np.int8), items=table[:, 1].copy(), width=width)
