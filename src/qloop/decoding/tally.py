"""What is counted when decoders see the same shots: arrays that add up, so that any blocks in any order will do.

``shots``; ``events`` of each detector; ``wrong[i]`` and CPU ``seconds[i]`` of decoder i; ``only[i, j]``: shots that i
has wrong and j right; ``doubt[i, b, r]``: shots with the doubt, 1 - confidence, of bin b, wrong (r = 0) or right (1);
``stated[i, b]``, ``right[i, b]``, ``sure[i, b]``: sum of the confidence, right shots and all shots in equal bins of
confidence in [1/2, 1].
"""

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from qloop.decoding.confidence import BINS, bins_of
from qloop.decoding.posterior import Decoded

Counts = dict[str, NDArray[np.float64]]
_DOUBT_EDGES = np.geomspace(1e-16, 1, 481)
"""Thirty bins to a factor of ten."""


def count(
    events: NDArray[np.uint8], flips: NDArray[np.uint8], decoded: Sequence[Decoded], seconds: Sequence[float]
) -> Counts:
    """Return the counts of a block of shots.

    Args:
        events: shape [shots, num_detectors].
        flips: shape [shots, num_observables].
        decoded: what each decoder says.
        seconds: CPU time of each, NaN where nobody knows.
    """
    wrong = np.array([(one.predictions != flips).any(axis=1) for one in decoded], np.float64)
    confident = np.array([_by_confidence(one.confidence, bad > 0) for one, bad in zip(decoded, wrong, strict=True)])
    doubt = np.array([_by_doubt(one.confidence, bad > 0) for one, bad in zip(decoded, wrong, strict=True)])
    return {
        "shots": np.array(float(len(events))),
        "events": events.sum(axis=0, dtype=np.float64),
        "wrong": wrong.sum(axis=1),
        "seconds": np.array(seconds, np.float64),
        "only": wrong @ (1 - wrong).T,
        "doubt": doubt,
        **dict(zip(("stated", "right", "sure"), confident.transpose(1, 0, 2), strict=True)),
    }


def add(counts: Iterable[Counts]) -> Counts:
    """Return the counts of all shots together."""
    return reduce(lambda one, other: {name: one[name] + other[name] for name in one}, counts)


def _by_doubt(confidence: NDArray[np.float64] | None, wrong: NDArray[np.bool_]) -> NDArray[np.float64]:
    counts = np.zeros((len(_DOUBT_EDGES), 2))
    if confidence is not None:
        np.add.at(counts, (np.searchsorted(_DOUBT_EDGES[:-1], 1 - confidence), (~wrong).astype(int)), 1)
    return counts


def _by_confidence(confidence: NDArray[np.float64] | None, wrong: NDArray[np.bool_]) -> NDArray[np.float64]:
    counts = np.zeros((3, BINS))
    if confidence is not None:
        bins = bins_of(confidence)
        for row, weights in zip(counts, (confidence, ~wrong, None), strict=True):
            row += np.bincount(bins, weights, minlength=BINS)
    return counts
