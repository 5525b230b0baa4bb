"""The whole frontier: every state of the open detectors, with many shots side by side in the lanes of registers.

The states of n open detectors and k observables are the 2^(n + k) rows of one array; the observables are the low bits.
An error pairs rows ``s`` and ``s ^ mask``; one that opens detectors appends their bits at the top; closing a detector
removes its bit, so that the work follows the number of detectors that are open.
"""

# mypy: disable-error-code="no-untyped-def"

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.memory import aligned, check_memory
from qloop.circuits.simulate.simd import full, load, store
from qloop.circuits.simulate.threads import share_out, usable_cores
from qloop.decoding.elimination import CLOSE, ERROR, Elimination
from qloop.decoding.model import ErrorModel

FloatArray = NDArray[np.float64]
LANES = 16
"""Shots in a row of 32-bit floats, one cache line."""
_CLOSES = 4
"""Closings between two normalisations; a closing costs the probability of one event."""


class Steps(NamedTuple):
    """Operations in order.

    Args:
        kinds: `ERROR` or `CLOSE`.
        items: error or detector.
        masks: rows that an error pairs, without the bits that it opens.
        opened: detectors that an error opens.
        bits: the bit that a closing removes, -1 for a detector that was never open.
    """

    kinds: NDArray[np.int8]
    items: NDArray[np.int64]
    masks: NDArray[np.int64]
    opened: NDArray[np.int64]
    bits: NDArray[np.int64]


class ExactPlan:
    """A model's operations on the whole frontier.

    Args:
        model: the errors.
        elimination: their order.
    """

    def __init__(self, model: ErrorModel, elimination: Elimination) -> None:
        self.classes = 2**model.num_observables
        self.num_errors = model.num_errors
        self.rows = self.classes << elimination.width
        self.steps = _plan(model, elimination)

    def run(self, events: NDArray[np.uint8], priors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Decode shots.

        Args:
            events: shape [shots, num_detectors].
            priors: shape [num_errors], or [shots, num_errors].

        Returns:
            Normalised log-probability of the classes [shots, classes] and log-probability of the syndrome [shots]. A
            syndrome that no errors explain has -inf and equal classes.
        """
        shots = len(events)
        logs, syndrome = np.zeros((shots, self.classes)), np.zeros(shots)
        table = np.atleast_2d(priors)
        tiles = self._share(shots, 1)

        def decode(tiles_: range) -> None:
            rows, kept = aligned((self.rows + 1, LANES), np.float32), aligned((0, LANES), np.float32)
            for tile in tiles_:
                own = slice(LANES * tile, LANES * (tile + 1))
                scale, masses = np.zeros(LANES), np.zeros((self.classes, LANES))
                chances = _in_lanes(table[own] if len(table) > 1 else table)
                _forward(self.steps, chances, _events(events[own]), rows, kept, scale, masses)
                _finish(masses, scale, logs[own], syndrome[own])

        share_out(decode, tiles)
        return logs, syndrome

    def gradient(
        self, events: NDArray[np.uint8], flips: NDArray[np.uint8], priors: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return how often each error happened, with and without knowledge of the observables.

        Args and returns as those of `BeamPlan.gradient`, whose `beam` is not needed.
        """
        shots = len(events)
        logs, syndrome = np.zeros((shots, self.classes)), np.zeros(shots)
        targets = flips.astype(np.int64) @ (1 << np.arange(flips.shape[1]))
        table = np.atleast_2d(priors)
        heights = self._heights()
        pieces = self._share(shots, 3 + int(heights.sum()) // self.rows)
        sums = np.zeros((len(pieces), 2, self.num_errors))

        def go(number: int) -> None:
            rows, kept, future = (
                aligned((size, LANES), np.float32, np.empty)
                for size in (self.rows + 1, int(heights.sum()), self.rows + 1)
            )
            for tile in pieces[number]:
                own = slice(LANES * tile, LANES * (tile + 1))
                scale, masses = np.zeros(LANES), np.zeros((self.classes, LANES))
                chances, seen = _in_lanes(table[own] if len(table) > 1 else table), _events(events[own])
                _forward(self.steps, chances, seen, rows, kept, scale, masses)
                _finish(masses, scale, logs[own], syndrome[own])
                wanted = np.full(LANES, -1)
                wanted[: len(targets[own])] = targets[own]
                _backward(self.steps, chances, seen, rows, kept, heights, future, wanted, self.classes, sums[number])

        share_out(go, range(len(pieces)))
        conditional, unconditional = sums.sum(axis=0)
        return logs[np.arange(shots), targets], syndrome, conditional, unconditional

    def _share(self, shots: int, arrays: int) -> list[range]:
        """Return the tiles, dealt out to as many threads as the work is worth, once the memory is there."""
        tiles = -(-shots // LANES)
        threads = usable_cores() if tiles * len(self.steps.kinds) * self.rows > 5 * 10**6 else 1
        needed = threads * arrays * self.rows * LANES * 4
        check_memory(needed, f"a frontier of {self.rows // self.classes} states")
        return [range(start, tiles, threads) for start in range(max(min(threads, tiles), 1))]

    def _heights(self) -> NDArray[np.int64]:
        """Return the number of rows before every closing."""
        width = np.cumsum(np.where(self.steps.kinds == ERROR, self.steps.opened, np.where(self.steps.bits >= 0, -1, 0)))
        closes = self.steps.kinds == CLOSE
        return np.asarray(self.classes << (width + (self.steps.bits >= 0))[closes])


def _plan(model: ErrorModel, elimination: Elimination) -> Steps:
    low = model.num_observables
    standing: list[int] = []
    rows: list[tuple[int, int, int]] = []
    for kind, item in zip(elimination.kinds, elimination.items.tolist(), strict=True):
        if kind == ERROR:
            detectors, mask = model.symptoms[item]
            fresh = [d for d in detectors if d not in standing]
            mask |= sum(1 << low + standing.index(d) for d in detectors if d not in fresh)
            standing += fresh
            rows.append((mask, len(fresh), -1))
        elif item in standing:
            rows.append((0, 0, low + standing.index(item)))
            standing.remove(item)
        else:
            rows.append((0, 0, -1))
    masks, opened, bits = np.array(rows, np.int64).reshape(-1, 3).T.copy()
    return Steps(kinds=elimination.kinds, items=elimination.items, masks=masks, opened=opened, bits=bits)


def _in_lanes(priors: FloatArray) -> NDArray[np.float32]:
    """Return p, 1 - p, 1/(1 - p), (1 - p)/(1 - 2p) and p/(1 - 2p) of each error and lane; shape [5 errors, lanes]."""
    p = np.full((LANES, priors.shape[1]), 0.25)
    p[: len(priors)] = priors
    if len(priors) == 1:
        p[:] = priors
    p = p.T
    with np.errstate(divide="ignore"):
        values = np.stack([p, 1 - p, 1 / (1 - p), (1 - p) / (1 - 2 * p), p / (1 - 2 * p)], axis=1)
    made = aligned((5 * p.shape[0], LANES), np.float32, np.empty)
    made[:] = values.reshape(-1, LANES)
    return made


def _events(events: NDArray[np.uint8]) -> NDArray[np.float32]:
    made = aligned((events.shape[1], LANES), np.float32)
    made[:, : len(events)] = events.T
    return made


def _finish(masses: FloatArray, scale: FloatArray, logs: FloatArray, syndrome: FloatArray) -> None:
    own = masses[:, : len(logs)].T
    total = own.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs[:] = np.log(own / total[:, None])
        syndrome[:] = np.where(total > 0, np.log(total) + scale[: len(logs)], -np.inf)
    logs[~(total > 0)] = -np.log(len(masses))


@compiled
def _forward(steps, chances, events, rows, kept, scale, masses):
    """Run one tile; keep the rows before every closing where there is room for them."""
    classes = len(masses)
    none, one = full(rows, 0.0), full(rows, 1.0)
    for row in range(classes):
        store(rows, row, none)
    store(rows, 0, one)
    count, closes, held = classes, 0, 0
    for step in range(len(steps.kinds)):
        item, mask = steps.items[step], steps.masks[step]
        if steps.kinds[step] == ERROR:
            p, q = load(chances, 5 * item), load(chances, 5 * item + 1)
            if steps.opened[step]:
                top = count << steps.opened[step]
                for row in range(count, top - count):
                    store(rows, row, none)
                for row in range(count):
                    store(rows, (top - count) + (row ^ mask), p * load(rows, row))
                for row in range(count):
                    store(rows, row, q * load(rows, row))
                count = top
            else:
                half = 1
                while 2 * half <= mask:
                    half *= 2
                for first in range(0, count, 2 * half):
                    for row in range(first, first + half):
                        a, b = load(rows, row), load(rows, row ^ mask)
                        store(rows, row, q * a + p * b)
                        store(rows, row ^ mask, p * a + q * b)
            continue
        if len(kept):
            for row in range(count):
                store(kept, held + row, load(rows, row))
            held += count
        fired = load(events, item)
        quiet = one - fired
        bit = steps.bits[step]
        if bit < 0:
            for row in range(count):
                store(rows, row, quiet * load(rows, row))
        else:
            half = 1 << bit
            for first in range(0, count, 2 * half):
                for row in range(half):
                    a, b = load(rows, first + row), load(rows, first + half + row)
                    store(rows, first // 2 + row, quiet * a + fired * b)
            count //= 2
        closes += 1
        if closes % _CLOSES == 0:
            _normalise(rows, count, scale)
    for c in range(classes):
        masses[c] = rows[c]


@compiled
def _normalise(rows, count, scale):
    sums = full(rows, 0.0)
    for row in range(count):
        sums = sums + load(rows, row)
    store(rows, count, sums)
    for lane in range(rows.shape[1]):
        total = rows[count, lane]
        if total > 0.0:
            scale[lane] += np.log(total)
            rows[count, lane] = 1.0 / total
    factor = load(rows, count)
    for row in range(count):
        store(rows, row, factor * load(rows, row))


@compiled
def _backward(steps, chances, events, rows, kept, heights, future, targets, classes, sums):
    """Take the futures of all rows back to the start and count the errors on the way.

    ``future[s ^ c]`` is the chance, up to a factor, that what is still to come fits the syndrome and turns state s of
    class 0 into class c: it does not depend on the class so far.
    """
    none, one = full(rows, 0.0), full(rows, 1.0)
    for row in range(classes):
        store(future, row, none)
    store(future, 0, one)
    count, held, close = classes, len(kept), len(heights)
    happened = np.zeros((classes, rows.shape[1]), np.float32)
    either = np.zeros((classes, rows.shape[1]), np.float32)
    for step in range(len(steps.kinds) - 1, -1, -1):
        item, mask = steps.items[step], steps.masks[step]
        if steps.kinds[step] == CLOSE:
            close -= 1
            held -= heights[close]
            fired = load(events, item)
            quiet = one - fired
            bit = steps.bits[step]
            if bit < 0:
                for row in range(count):
                    store(future, row, quiet * load(future, row))
            else:
                half = 1 << bit
                count *= 2
                # From the top down nothing is overwritten before it is read.
                for first in range(count - 2 * half, -1, -2 * half):
                    for row in range(half - 1, -1, -1):
                        a = load(future, first // 2 + row)
                        store(future, first + half + row, fired * a)
                        store(future, first + row, quiet * a)
            _level(future, count)
            for row in range(count):
                store(rows, row, load(kept, held + row))
            for c in range(classes):
                joint = none
                for row in range(count):
                    joint = joint + load(rows, row) * load(future, row ^ c)
                store(either, c, joint)
            continue
        p, q = load(chances, 5 * item), load(chances, 5 * item + 1)
        if steps.opened[step]:
            back = load(chances, 5 * item + 2)
            top = count
            count >>= steps.opened[step]
            for row in range(count):
                store(rows, row, back * load(rows, row))
            mask |= top - count
        else:
            a_, b_ = load(chances, 5 * item + 3), load(chances, 5 * item + 4)
            half = 1
            while 2 * half <= mask:
                half *= 2
            for first in range(0, count, 2 * half):
                for row in range(first, first + half):
                    x, y = load(rows, row), load(rows, row ^ mask)
                    store(rows, row, a_ * x - b_ * y)
                    store(rows, row ^ mask, a_ * y - b_ * x)
        for c in range(classes):
            joint = none
            for row in range(count):
                joint = joint + load(rows, row) * load(future, row ^ mask ^ c)
            store(happened, c, p * joint)
        if steps.opened[step]:
            for row in range(count):
                store(future, row, q * load(future, row) + p * load(future, row ^ mask))
        else:
            for first in range(0, count, 2 * half):
                for row in range(first, first + half):
                    x, y = load(future, row), load(future, row ^ mask)
                    store(future, row, q * x + p * y)
                    store(future, row ^ mask, p * x + q * y)
        for lane in range(rows.shape[1]):
            if targets[lane] < 0:
                continue
            one_, all_ = 0.0, 0.0
            for c in range(classes):
                one_ += happened[c, lane]
                all_ += either[c, lane]
            here = either[targets[lane], lane]
            if all_ > 0.0 and here > 0.0:
                sums[0, item] += min(max(happened[targets[lane], lane] / here, 0.0), 1.0)
                sums[1, item] += min(max(one_ / all_, 0.0), 1.0)


@compiled
def _level(future, count):
    """Bring the futures of every lane to a sum of one."""
    sums = full(future, 0.0)
    for row in range(count):
        sums = sums + load(future, row)
    store(future, len(future) - 1, sums)
    for lane in range(future.shape[1]):
        if future[-1, lane] > 0.0:
            future[-1, lane] = 1.0 / future[-1, lane]
    factor = load(future, len(future) - 1)
    for row in range(count):
        store(future, row, factor * load(future, row))
