"""`Sites`: where errors may happen in a lowered program, and which of them do in the trajectories of a batch.

One trajectory of each sample is free of errors and has the weight of that. The others have at least one, the first of
them stratified: few trajectories do where errors are few.

Source: ours.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.rotations import Rotations

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Draw(NamedTuple):
    """The errors of a batch.

    Args:
        weights: of each trajectory in the mean, shape [samples, trajectories].
        lane: trajectory of each error, numbered through the batch, ascending; those of one in order of time.
        error: index into the errors of `Rotations`.
    """

    weights: FloatArray
    lane: IntArray
    error: IntArray


class Sites:
    """The places where errors may happen, and how to draw them.

    A site's errors are drawn by the size of their quasi-probabilities; sign and size go into the trajectory's weight.
    """

    def __init__(self, rotations: Rotations) -> None:
        self.site, self.negative = rotations.site, rotations.weight < 0
        size = abs(rotations.weight)
        any_error = np.bincount(rotations.site, size, len(rotations.keep))
        whole = rotations.keep + any_error
        # A clock that runs by a site's hazard: errors come at a constant rate.
        self.clock = np.cumsum(-np.log1p(-np.minimum(any_error / whole, 1 - 1e-16)))
        self.free, self.cost = float(np.prod(rotations.keep)), float(np.prod(whole))
        self.before = np.concatenate([[0.0], np.cumsum(size)])
        self.first_error = np.searchsorted(rotations.site, np.arange(len(rotations.keep) + 1))

    def draw(self, rng: np.random.Generator, samples: int, trajectories: int) -> Draw:
        """Draw the errors of a batch: the first trajectory of each sample has none, the others one at least."""
        weights = np.zeros((samples, trajectories))
        weights[:, 0] = self.free
        if not len(self.clock) or not samples:
            return Draw(weights, np.zeros(0, np.int64), np.zeros(0, np.int64))
        others = trajectories - 1
        weights[:, 1:] = (self.cost - self.free) / others
        strata = (np.arange(others) + rng.random((samples, others))) / others
        time = -np.log1p(np.expm1(-self.clock[-1]) * strata).ravel()
        lane = (np.arange(samples)[:, None] * trajectories + np.arange(1, trajectories)).ravel()
        site = np.minimum(np.searchsorted(self.clock, time), len(self.clock) - 1)
        rounds, flat = [], weights.reshape(-1)
        while len(lane):
            error = self._choose(rng, site)
            rounds.append((lane, error))
            flat[lane[self.negative[error]]] *= -1
            time = self.clock[site] + rng.exponential(size=len(site))
            going = time < self.clock[-1]
            lane, site = lane[going], np.searchsorted(self.clock, time[going])
        lanes_hit, errors = (np.concatenate(column) for column in zip(*rounds, strict=True))
        order = np.argsort(lanes_hit, kind="stable")
        return Draw(weights, lanes_hit[order], errors[order])

    def _choose(self, rng: np.random.Generator, site: IntArray) -> IntArray:
        low, high = self.first_error[site], self.first_error[site + 1]
        place = self.before[low] + rng.random(len(site)) * (self.before[high] - self.before[low])
        error: IntArray = np.clip(np.searchsorted(self.before, place, side="right") - 1, low, high - 1)
        return error
