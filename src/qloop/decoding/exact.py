"""The whole frontier: every state of the open detectors, with many shots side by side in the lanes of registers.

The states of n open detectors and k observables are the 2^(n + k) rows of one array; the observables are the low bits.
An error pairs rows ``s`` and ``s ^ mask``; one that opens detectors appends their bits at the top; closing a detector
removes its bit, so that the work follows the number of detectors that are open. Masses are only ever added and
multiplied, so that 32 bits are enough.
"""

# mypy: disable-error-code="no-untyped-def"

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.memory import aligned, check_memory
from qloop.circuits.simulate.simd import full, load, store
from qloop.circuits.simulate.threads import share_out, usable_cores
from qloop.decoding.elimination import CLOSE, ERROR, Elimination
from qloop.decoding.model import ErrorModel
from qloop.decoding.posterior import number_classes

FloatArray = NDArray[np.float64]
Lanes = NDArray[np.float32]
LANES = 16
"""Shots in a row of 32-bit floats, one cache line."""
_LEAST = 1e-37
"""An event less probable than this, given all before it, is taken for impossible: 32 bits hold no smaller number."""
EXACT_BITS = 16
"""Open detectors and observables up to which the whole frontier is summed over: 4 MiB for 16 shots."""


class Steps(NamedTuple):
    """Operations in order.

    Args:
        kinds: `ERROR` or `CLOSE`.
        items: error or detector.
        masks: rows that an error pairs, without the bits that it opens.
        opened: detectors that an error opens.
        bits: the bit that a closing removes, -1 for a detector that was never open.
        counts: rows before the operation, and at the end.
    """

    kinds: NDArray[np.int8]
    items: NDArray[np.int64]
    masks: NDArray[np.int64]
    opened: NDArray[np.int64]
    bits: NDArray[np.int64]
    counts: NDArray[np.int64]


class Tile(NamedTuple):
    """Shots side by side, and how far they are.

    Args:
        rows: masses of the states; shape [rows, lanes].
        level: what the next closing multiplies with, so that masses stay near one; shape [1, lanes].
        sums: total of the rows right after each closing, by detector; shape [num_detectors, lanes].
    """

    rows: Lanes
    level: Lanes
    sums: Lanes


class Spans(NamedTuple):
    """What lies between closings: errors, and the closing that ends them.

    Args:
        closes: step of each closing.
        kept: first place of the rows at the beginning of each span, and the end.
    """

    closes: NDArray[np.int64]
    kept: NDArray[np.int64]


class ExactPlan:
    """A model's operations on the whole frontier.

    Args:
        model: the errors.
        elimination: their order.
    """

    def __init__(self, model: ErrorModel, elimination: Elimination) -> None:
        self.classes = 2**model.num_observables
        self.num_errors, self.num_detectors = model.num_errors, model.num_detectors
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
        logs, syndrome = np.zeros((len(events), self.classes)), np.zeros(len(events))
        chances_of, nothing = prepare_chances(priors), aligned((0, LANES), np.float32)

        def decode(tiles: range) -> None:
            tile = self.make_tile()
            for own in map(shots_of, tiles):
                start(tile)
                advance(self.steps, 0, len(self.steps.kinds), chances_of(own), in_lanes(events[own]), tile, nothing)
                logs[own], syndrome[own] = self.read(tile, self.classes, len(logs[own]))

        share_out(decode, self.share(len(events), self.rows))
        return logs, syndrome

    def gradient(
        self, events: NDArray[np.uint8], flips: NDArray[np.uint8], priors: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return how often each error happened, with and without knowledge of the observables.

        Args and returns as those of `BeamPlan.gradient`, whose `beam` is not needed.
        """
        shots = len(events)
        logs, syndrome = np.zeros((shots, self.classes)), np.zeros(shots)
        targets = number_classes(flips)
        chances_of = prepare_chances(priors)
        spans, deepest = _span(self.steps)
        sizes = int(spans.kept[-1]), deepest, self.rows + 1
        pieces = self.share(shots, self.rows + sum(sizes))
        sums = np.zeros((len(pieces), 2, self.num_errors))

        def go(piece: int) -> None:
            tile = self.make_tile()
            kept, stack, future = (aligned((size, LANES), np.float32, np.empty) for size in sizes)
            for own in map(shots_of, pieces[piece]):
                chances, seen = chances_of(own), in_lanes(events[own])
                start(tile)
                advance(self.steps, 0, len(self.steps.kinds), chances, seen, tile, kept)
                logs[own], syndrome[own] = self.read(tile, self.classes, len(logs[own]))
                wanted = np.full(LANES, -1)
                wanted[: len(targets[own])] = targets[own]
                _backward(self.steps, spans, chances, seen, kept, stack, future, wanted, sums[piece])

        share_out(go, range(len(pieces)))
        conditional, unconditional = sums.sum(axis=0)
        return logs[np.arange(shots), targets], syndrome, conditional, unconditional

    def make_tile(self) -> Tile:
        """Return memory for shots side by side."""
        return Tile(
            rows=aligned((self.rows, LANES), np.float32),
            level=aligned((1, LANES), np.float32),
            sums=aligned((self.num_detectors, LANES), np.float32),
        )

    def read(self, tile: Tile, count: int, shots: int) -> tuple[FloatArray, FloatArray]:
        """Return the log-probability of the classes and of the events so far.

        Args:
            tile: after some steps.
            count: its rows then.
            shots: lanes that count.
        """
        masses = tile.rows[:count].reshape(-1, self.classes, LANES).sum(axis=0, dtype=np.float64).T[:shots]
        total = masses.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(total > 0, np.log(masses / total), -np.log(self.classes))
            return logs, np.log(tile.sums[:, :shots], dtype=np.float64).sum(axis=0)

    def share(self, shots: int, rows: int) -> list[range]:
        """Return the tiles, dealt out to as many threads as the work is worth, once the memory is there.

        Args:
            shots: to decode.
            rows: that each thread needs.
        """
        tiles = -(-shots // LANES)
        threads = usable_cores() if tiles * len(self.steps.kinds) * self.rows > 5 * 10**6 else 1
        check_memory(threads * rows * LANES * 4, f"a frontier of {self.rows // self.classes} states")
        return [range(first, tiles, threads) for first in range(max(min(threads, tiles), 1))]


def _plan(model: ErrorModel, elimination: Elimination) -> Steps:
    low = model.num_observables
    standing: list[int] = []
    rows: list[tuple[int, int, int]] = []
    counts = [1 << low]
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
        counts.append(1 << low + len(standing))
    masks, opened, bits = np.array(rows, np.int64).reshape(-1, 3).T.copy()
    return Steps(
        kinds=elimination.kinds,
        items=elimination.items,
        masks=masks,
        opened=opened,
        bits=bits,
        counts=np.array(counts, np.int64),
    )


def _span(steps: Steps) -> tuple[Spans, int]:
    """Return the spans and the most rows that the states within one have together."""
    closes = np.flatnonzero(steps.kinds == CLOSE)
    begins = np.concatenate([[0], closes + 1])[:-1]
    before = np.concatenate([[0], np.cumsum(steps.counts)])
    spans = Spans(closes=closes, kept=np.concatenate([[0], np.cumsum(steps.counts[begins])]))
    return spans, int((before[closes + 1] - before[begins]).max(initial=0))


def shots_of(tile: int) -> slice:
    """Return the shots of a tile."""
    return slice(LANES * tile, LANES * (tile + 1))


def prepare_chances(priors: FloatArray) -> Callable[[slice], Lanes]:
    """Return what gives p and 1 - p of every error, one below the other, to some shots; shape [2 errors, lanes].

    Args:
        priors: shape [num_errors], or [shots, num_errors].
    """

    def pair(table: FloatArray) -> Lanes:
        return in_lanes(np.stack([table, 1 - table], axis=2).reshape(len(table), -1))

    if priors.ndim == 2:
        return lambda own: pair(priors[own])
    shared = pair(priors[None])
    return lambda _: shared


def in_lanes(values: NDArray[np.generic]) -> Lanes:
    """Return the values of up to 16 shots as columns; lanes that are left over repeat them.

    Args:
        values: shape [shots, columns].
    """
    made: Lanes = aligned((values.shape[1], LANES), np.float32, np.empty)
    made[:] = np.resize(values, (LANES, values.shape[1])).T
    return made


def start(tile: Tile) -> None:
    """Set a tile to where nothing has happened."""
    tile.rows[:] = 0
    tile.rows[0] = 1
    tile.level[:] = 1
    tile.sums[:] = 1


@compiled
def advance(steps, first, last, chances, events, tile, kept):
    """Take some steps; keep the rows at the beginning of every span where there is room for them."""
    held, fresh = 0, True
    for step in range(first, last):
        item, count = steps.items[step], steps.counts[step]
        if fresh and len(kept):
            for row in range(count):
                store(kept, held + row, load(tile.rows, row))
            held += count
        fresh = steps.kinds[step] == CLOSE
        if fresh:
            _close(events, item, steps.bits[step], count, tile)
        else:
            _add(chances, item, steps.masks[step], steps.opened[step], count, tile.rows, 0, tile.rows, 0)


@compiled
def _add(chances, item, mask, opened, count, source, at, target, to):
    """Add an error to the rows that begin at a place of the source; they may stay where they are."""
    p, q = load(chances, 2 * item), load(chances, 2 * item + 1)
    if opened:
        none, top = full(target, 0.0), (count << opened) - count
        for row in range(count, top):
            store(target, to + row, none)
        for row in range(count):
            store(target, to + top + (row ^ mask), p * load(source, at + row))
        for row in range(count):
            store(target, to + row, q * load(source, at + row))
        return
    half = 1
    while 2 * half <= mask:
        half *= 2
    for block in range(0, count, 2 * half):
        for row in range(block, block + half):
            a, b = load(source, at + row), load(source, at + (row ^ mask))
            store(target, to + row, q * a + p * b)
            store(target, to + (row ^ mask), p * a + q * b)


@compiled
def _close(events, item, bit, count, tile):
    """Compare a detector with its event."""
    rows, level, total = tile.rows, load(tile.level, 0), full(tile.rows, 0.0)
    fired = level * load(events, item)
    quiet = level - fired
    if bit < 0:
        for row in range(count):
            x = quiet * load(rows, row)
            store(rows, row, x)
            total = total + x
    else:
        half = 1 << bit
        for block in range(0, count, 2 * half):
            for row in range(half):
                x = quiet * load(rows, block + row) + fired * load(rows, block + half + row)
                store(rows, block // 2 + row, x)
                total = total + x
    store(tile.sums, item, total)
    for lane in range(rows.shape[1]):
        if tile.sums[item, lane] < _LEAST:
            tile.sums[item, lane] = 0.0
        tile.level[0, lane] = 1.0 / tile.sums[item, lane] if tile.sums[item, lane] > 0.0 else 1.0


@compiled
def _backward(steps, spans, chances, events, kept, stack, future, targets, sums):
    """Take the futures of all rows back to the start and count the errors on the way.

    ``future[s ^ c]`` is the chance, up to a factor, that what is still to come fits the syndrome and turns state s of
    class 0 into class c: it does not depend on the class so far.
    """
    classes = steps.counts[0]
    for row in range(classes):
        store(future, row, full(future, 0.0))
    store(future, 0, full(future, 1.0))
    happened = np.zeros((classes, future.shape[1]), np.float32)
    either = np.zeros((classes, future.shape[1]), np.float32)
    for span in range(len(spans.closes) - 1, -1, -1):
        close, begin = spans.closes[span], spans.closes[span - 1] + 1 if span else 0
        # Forward again from the beginning of the span: undoing an error subtracts, and loses what is likely as not.
        for row in range(steps.counts[begin]):
            store(stack, row, load(kept, spans.kept[span] + row))
        at = 0
        for step in range(begin, close):
            count = steps.counts[step]
            _add(chances, steps.items[step], steps.masks[step], steps.opened[step], count, stack, at, stack, at + count)
            at += count
        _reopen(events, steps.items[close], steps.bits[close], steps.counts[close], future)
        _meet(stack, at, steps.counts[close], future, 0, either)
        for step in range(close - 1, begin - 1, -1):
            item, mask, count, opened = steps.items[step], steps.masks[step], steps.counts[step], steps.opened[step]
            at -= count
            top = (count << opened) - count
            _meet(stack, at, count, future, mask | top, happened)
            if opened:
                p, q = load(chances, 2 * item), load(chances, 2 * item + 1)
                for row in range(count):
                    store(future, row, q * load(future, row) + p * load(future, top + (row ^ mask)))
            else:
                _add(chances, item, mask, opened, count, future, 0, future, 0)
            _count(chances, item, happened, either, targets, sums)


@compiled
def _reopen(events, item, bit, count, future):
    """Take the futures back to before a detector was closed, and bring those of every lane to a sum of one."""
    total, half = full(future, 0.0), 1 << max(bit, 0)
    fired = load(events, item)
    quiet = full(future, 1.0) - fired
    if bit < 0:
        for row in range(count):
            store(future, row, quiet * load(future, row))
            total = total + load(future, row)
    else:
        # From the top down nothing is overwritten before it is read.
        for block in range(count - 2 * half, -1, -2 * half):
            for row in range(half - 1, -1, -1):
                x = load(future, block // 2 + row)
                store(future, block + half + row, fired * x)
                store(future, block + row, quiet * x)
                total = total + x
    level = future[len(future) - 1]
    store(future, len(future) - 1, total)
    for lane in range(len(level)):
        level[lane] = 1.0 / level[lane] if level[lane] > 0.0 else 1.0
    factor = load(future, len(future) - 1)
    for row in range(count):
        store(future, row, factor * load(future, row))


@compiled
def _meet(rows, at, count, future, mask, joint):
    """Write the chance of every class, where the rows' states are moved by a mask into the future's."""
    for c in range(len(joint)):
        total = full(rows, 0.0)
        for row in range(count):
            total = total + load(rows, at + row) * load(future, row ^ mask ^ c)
        store(joint, c, total)


@compiled
def _count(chances, item, happened, either, targets, sums):
    """Add an error's chances to have happened, given everything and given the syndrome."""
    for lane in range(len(targets)):
        target = targets[lane]
        if target < 0:
            continue
        prior, moved, all_ = chances[2 * item, lane], 0.0, 0.0
        for c in range(len(either)):
            moved += happened[c, lane]
            all_ += either[c, lane]
        if either[target, lane] > 0.0:
            sums[0, item] += prior * happened[target, lane] / either[target, lane]
            sums[1, item] += prior * moved / all_
