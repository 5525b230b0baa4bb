"""The frontier as a beam: only the states that can still matter are kept.

A state is the set of open detectors that the errors added so far flip, with the mass of every class of the observables.
States are ranked by their mass times the odds that the errors still to come repair what does not fit the syndrome yet
(`beliefs`). An error pairs the states ``s`` and ``s ^ mask`` in place; a new state enters where it ranks high enough.
"""

# mypy: disable-error-code="no-untyped-def"

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.compiled import compiled, inlined
from qloop.circuits.simulate.memory import check_memory
from qloop.circuits.simulate.threads import share_out, usable_cores
from qloop.core.errors import InvalidValueError
from qloop.decoding.beliefs import infer_odds, make_edges
from qloop.decoding.elimination import CLOSE, ERROR, Elimination
from qloop.decoding.model import ErrorModel
from qloop.decoding.posterior import number_classes

FloatArray = NDArray[np.float64]
MAX_WIDTH = 128
"""A state is two words of 64 bits."""
MAX_DEGREE = 10
"""An error's effect on the rank is one look into a table of all patterns of its detectors."""
MAX_OBSERVABLES = 3
_SLACK = 2
"""The list grows to this many times the beam before it is cut back."""
_FAINT = 1e-3
"""A state that ranks below this share of the best, divided by the beam, is not kept."""
_LOOSE = 0.1
"""Between two cuts a new state may rank this much lower than the last one that a cut kept."""
_RESCUES = 3
"""How often a shot whose beam lost every fitting state is decoded again with four times the beam."""


class Operations(NamedTuple):
    """What is done, in order; the places of operation k are ``starts[k]`` to ``starts[k + 1]``.

    Args:
        kinds: `ERROR` or `CLOSE`.
        starts: first place of every operation, and the end.
        detectors: detector of each place.
        slots: bit of each place's detector in a state.
        opens: whether the place is the first with its detector.
        errors: number of the error, -1 for `CLOSE`.
        flips: class that the error adds.
    """

    kinds: NDArray[np.int8]
    starts: NDArray[np.int64]
    detectors: NDArray[np.int64]
    slots: NDArray[np.int64]
    opens: NDArray[np.bool_]
    errors: NDArray[np.int64]
    flips: NDArray[np.int64]


class Scratch(NamedTuple):
    """Memory for one shot at a time; the first five are the states and the table that finds them."""

    low: NDArray[np.uint64]
    high: NDArray[np.uint64]
    mass: NDArray[np.float32]
    rank: FloatArray
    table: NDArray[np.int32]
    score: FloatArray
    sorted: FloatArray
    done: NDArray[np.bool_]
    weights: FloatArray
    stay: FloatArray
    move: FloatArray
    belief: FloatArray
    after: FloatArray
    odds: FloatArray


class Tape(NamedTuple):
    """What the way back needs to know.

    `partners` holds for every error and state before it the partner's number or -1, from ``first[operation]`` on for
    ``before[operation]`` states. A keep, after a closing or a cut, has the states' new numbers or -1 in `renumbered`
    and their masses before it in `masses`.
    """

    partners: NDArray[np.int32]
    first: NDArray[np.int64]
    before: NDArray[np.int64]
    keep_operation: NDArray[np.int64]
    keep_first: NDArray[np.int64]
    renumbered: NDArray[np.int32]
    masses: NDArray[np.float32]


class BeamPlan:
    """A model's operations, ready for the beam.

    Args:
        model: the errors.
        elimination: their order.

    Raises:
        InvalidValueError: more than 128 detectors are open at once, an error flips more than 10 detectors, or there
            are more than three observables.
    """

    def __init__(self, model: ErrorModel, elimination: Elimination) -> None:
        degree = int(np.diff(model.starts).max(initial=0))
        if elimination.width > MAX_WIDTH:
            raise InvalidValueError(f"a beam takes at most {MAX_WIDTH} open detectors, got {elimination.width}.")
        if degree > MAX_DEGREE:
            raise InvalidValueError(f"a beam takes errors that flip at most {MAX_DEGREE} detectors, got {degree}.")
        if model.num_observables > MAX_OBSERVABLES:
            raise InvalidValueError(f"a beam takes at most {MAX_OBSERVABLES} observables, got {model.num_observables}.")
        self.classes = 2**model.num_observables
        self.num_errors = model.num_errors
        self.edges = make_edges(model, elimination)
        self.operations = _place(model, elimination)

    def run(
        self, events: NDArray[np.uint8], priors: FloatArray, beam: int
    ) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
        """Decode shots.

        Args:
            events: shape [shots, num_detectors].
            priors: shape [num_errors], or [shots, num_errors].
            beam: states to keep.

        Returns:
            Normalised log-probability of the classes [shots, classes], log-probability of the syndrome [shots], and
            the largest number of states kept [shots]. A syndrome that no errors explain has -inf and equal classes.
        """
        shots = len(events)
        logs, syndrome, states = np.zeros((shots, self.classes)), np.zeros(shots), np.zeros(shots, np.int64)
        pieces = self._share(shots, beam, 0)
        table = np.ascontiguousarray(np.atleast_2d(priors))

        def decode(piece: NDArray[np.int64]) -> None:
            kept = beam
            for _ in range(1 + _RESCUES):
                scratch, tape = self._scratch(kept), self._tape(kept, False)
                _run(self.operations, self.edges, scratch, tape, events, table, piece, kept, logs, syndrome, states)
                piece = piece[np.isneginf(syndrome[piece])]
                if not len(piece):
                    return
                kept *= 4

        share_out(decode, pieces)
        return logs, syndrome, states

    def gradient(
        self, events: NDArray[np.uint8], flips: NDArray[np.uint8], priors: FloatArray, beam: int
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return how often each error happened, with and without knowledge of the observables.

        Args:
            events: shape [shots, num_detectors].
            flips: of the observables, shape [shots, num_observables].
            priors: shape [num_errors], or [shots, num_errors].
            beam: states to keep.

        Returns:
            Log-probability of the flips given the syndrome [shots] and of the syndrome [shots]; posterior mean numbers
            of each error given syndrome and flips, and given the syndrome only, both summed over those shots whose
            flips have a chance at all; shape [num_errors]. The gradient of the first by an error's log-odds is their
            difference, of the second ``unconditional - shots * prior``.
        """
        shots = len(events)
        likelihood, syndrome = np.zeros(shots), np.zeros(shots)
        classes = number_classes(flips)
        pieces = self._share(shots, beam, 3)
        table = np.ascontiguousarray(np.atleast_2d(priors))
        sums = np.zeros((len(pieces), 2, self.num_errors))

        def go(number: int) -> None:
            scratch, tape = self._scratch(beam), self._tape(beam, True)
            _run_back(
                self.operations, self.edges, scratch, tape, events, table, pieces[number], classes, beam,
                likelihood, syndrome, sums[number],
            )  # fmt: skip

        share_out(go, range(len(pieces)))
        conditional, unconditional = sums.sum(axis=0)
        return likelihood, syndrome, conditional, unconditional

    def _share(self, shots: int, beam: int, tapes: int) -> list[NDArray[np.int64]]:
        """Return the shots, dealt out to as many threads as the work is worth, once the memory is there."""
        size = len(self.operations.kinds)
        threads = usable_cores() if shots * size * beam > 10**6 else 1
        needed = 2 * _SLACK * beam * (80 + 4 * self.classes) + tapes * size * beam * (4 + 4 * self.classes)
        check_memory(threads * needed, f"a beam of {beam} states")
        return [np.arange(start, shots, threads) for start in range(max(min(threads, shots), 1))]

    def _scratch(self, beam: int) -> Scratch:
        most, edges = 2 * _SLACK * beam, len(self.edges.owners)
        return Scratch(
            low=np.empty(most, np.uint64),
            high=np.empty(most, np.uint64),
            mass=np.empty((most, self.classes), np.float32),
            rank=np.empty(most),
            table=np.empty(1 << (2 * most - 1).bit_length(), np.int32),
            score=np.empty(most),
            sorted=np.empty(most),
            done=np.empty(most, np.bool_),
            weights=np.empty(MAX_WIDTH),
            stay=np.empty(2**MAX_DEGREE),
            move=np.empty(2**MAX_DEGREE),
            belief=np.empty(len(self.edges.errors)),
            after=np.empty(edges),
            odds=np.empty(edges),
        )

    def _tape(self, beam: int, needed: bool) -> Tape:
        # The largest that can come about; the system gives memory only to what is written.
        size = len(self.operations.kinds) if needed else 0
        most = size * _SLACK * beam
        return Tape(
            partners=np.empty(most, np.int32),
            first=np.empty(size, np.int64),
            before=np.empty(size, np.int64),
            keep_operation=np.empty(size, np.int64),
            keep_first=np.empty(size + 1, np.int64),
            renumbered=np.empty(2 * most, np.int32),
            masses=np.empty((2 * most, self.classes), np.float32),
        )


def _place(model: ErrorModel, elimination: Elimination) -> Operations:
    free = list(range(MAX_WIDTH - 1, -1, -1))
    bit: dict[int, int] = {}
    rows: list[tuple[int, int, int]] = []
    starts = [0]
    for kind, item in zip(elimination.kinds, elimination.items.tolist(), strict=True):
        for detector in model.symptoms[item][0] if kind == ERROR else (item,):
            opens = detector not in bit
            if opens:
                bit[detector] = free.pop()
            rows.append((detector, bit[detector], opens))
        if kind == CLOSE:
            free.append(bit.pop(item))
        starts.append(len(rows))
    detectors, slots, opened = np.array(rows, np.int64).reshape(-1, 3).T.copy()
    errors = np.where(elimination.kinds == ERROR, elimination.items, -1)
    flips = np.zeros(len(errors), np.int64)
    flips[errors >= 0] = model.observables[errors[errors >= 0]]
    return Operations(
        kinds=elimination.kinds,
        starts=np.array(starts),
        detectors=detectors,
        slots=slots,
        opens=opened.astype(bool),
        errors=errors,
        flips=flips,
    )


@inlined
def _home(low, high, mask):
    mixed = low * np.uint64(0x9E3779B97F4A7C15) ^ high * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(20)) & mask


@compiled
def _index(scratch, count):
    """Fill the table anew."""
    mask = len(scratch.table) - 1
    scratch.table[:] = -1
    for state in range(count):
        place = _home(scratch.low[state], scratch.high[state], mask)
        while scratch.table[place] >= 0:
            place = (place + 1) & mask
        scratch.table[place] = state


@compiled
def _select(values, count, kth):
    """Return the kth largest value, counted from 0, reordering the values (Hoare's selection)."""
    first, last = 0, count - 1
    while first < last:
        pivot = values[(first + last) // 2]
        i, j = first, last
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if kth <= j:
            last = j
        elif kth >= i:
            first = i
        else:
            break
    return values[kth]


@compiled
def _rerank(operations, operation, scratch, edge):
    """Write how an error changes the rank, by the pattern of its detectors that do not fit; keep the new weights.

    A detector that does not fit counts with the odds that later errors flip it.
    """
    stay, move, weights = scratch.stay, scratch.move, scratch.weights
    stay[0], move[0] = 1.0, 1.0
    size = 1
    for place in range(operations.starts[operation], operations.starts[operation + 1]):
        without = 1.0 if operations.opens[place] else 1.0 / weights[operations.slots[place]]
        new = scratch.odds[edge]
        ratio = new * without
        weights[operations.slots[place]] = new
        for pattern in range(size):
            stay[size + pattern] = stay[pattern] * ratio
            move[size + pattern] = move[pattern] * without
            move[pattern] *= new
        size *= 2
        edge += 1
    return edge


@compiled
def _add(operations, operation, scratch, seen_low, seen_high, mask_low, mask_high, chance, floor, count, partners):
    """Add an error to every state; return how many states there are then and the best score."""
    low, high, mass, rank, table = scratch.low, scratch.high, scratch.mass, scratch.rank, scratch.table
    stay, move, done, slots = scratch.stay, scratch.move, scratch.done, operations.slots
    first, last = operations.starts[operation], operations.starts[operation + 1]
    flip, classes, mask = operations.flips[operation], mass.shape[1], len(table) - 1
    chance, rest, every = np.float32(chance), np.float32(1.0 - chance), (1 << (last - first)) - 1
    best, before = 0.0, count
    done[:before] = False
    for state in range(before):
        if done[state]:
            continue
        pattern = 0
        for place in range(first, last):
            slot = slots[place]
            word = low[state] ^ seen_low if slot < 64 else high[state] ^ seen_high
            pattern |= np.int64((word >> np.uint64(slot & 63)) & np.uint64(1)) << (place - first)
        a, b = low[state] ^ mask_low, high[state] ^ mask_high
        place = _home(a, b, mask)
        while table[place] >= 0 and (low[table[place]] != a or high[table[place]] != b):
            place = (place + 1) & mask
        other = table[place]
        heavy = np.float32(0.0)
        if other >= 0:
            done[other] = True
            light = np.float32(0.0)
            for c in range(classes):
                x, y = mass[state, c], mass[other, c ^ flip]
                mass[state, c] = rest * x + chance * y
                mass[other, c ^ flip] = rest * y + chance * x
                heavy += mass[state, c]
                light += mass[other, c ^ flip]
            rank[other] *= stay[every - pattern]
            best = max(best, rank[other] * light)
            if len(partners):
                partners[other] = state
        else:
            for c in range(classes):
                heavy += mass[state, c]
            reached = rank[state] * move[pattern]
            if chance * heavy * reached >= floor:
                other = count
                low[other], high[other], rank[other], table[place] = a, b, reached, other
                for c in range(classes):
                    mass[other, c ^ flip] = chance * mass[state, c]
                best = max(best, chance * heavy * reached)
                count += 1
            for c in range(classes):
                mass[state, c] *= rest
            heavy *= rest
        if len(partners):
            partners[state] = other
        rank[state] *= stay[pattern]
        best = max(best, rank[state] * heavy)
    return count, best


@compiled
def _keep(scratch, count, limit, most, renumbered):
    """Keep the states whose score is at least the limit, at most so many; return how many."""
    low, high, mass, rank = scratch.low, scratch.high, scratch.mass, scratch.rank
    kept = 0
    for state in range(count):
        chosen = scratch.score[state] >= limit and kept < most
        if len(renumbered):
            renumbered[state] = kept if chosen else -1
        if chosen:
            low[kept], high[kept], rank[kept] = low[state], high[state], rank[state]
            for c in range(mass.shape[1]):
                mass[kept, c] = mass[state, c]
            kept += 1
    _index(scratch, kept)
    return kept


@compiled
def _forward(operations, edges, scratch, tape, events, priors, beam):
    """Decode one shot; return the number of states left, the log of their scale, the largest number, and keeps."""
    infer_odds(edges, priors, events, scratch.belief, scratch.after, scratch.odds)
    low, high, mass, rank, score = scratch.low, scratch.high, scratch.mass, scratch.rank, scratch.score
    zero, classes, recording = np.uint64(0), mass.shape[1], len(tape.first) > 0
    low[0], high[0], rank[0] = zero, zero, 1.0
    mass[0] = 0.0
    mass[0, 0] = 1.0
    _index(scratch, 1)
    seen_low, seen_high = zero, zero
    count, largest, scale, best, cut, edge = 1, 1, 0.0, 1.0, 0.0, 0
    written, keeps, held = 0, 0, 0
    for operation in range(len(operations.kinds)):
        mask_low, mask_high = zero, zero
        for place in range(operations.starts[operation], operations.starts[operation + 1]):
            slot = operations.slots[place]
            bit = np.uint64(1) << np.uint64(slot & 63)
            fires = operations.opens[place] and events[operations.detectors[place]]
            if slot < 64:
                mask_low |= bit
                seen_low |= bit if fires else zero
            else:
                mask_high |= bit
                seen_high |= bit if fires else zero
        limit, most = 0.0, count
        if operations.kinds[operation] == ERROR:
            edge = _rerank(operations, operation, scratch, edge)
            if recording:
                tape.first[operation], tape.before[operation] = written, count
                partners = tape.partners[written : written + count]
                written += count
            else:
                partners = tape.partners
            count, best = _add(
                operations, operation, scratch, seen_low, seen_high, mask_low, mask_high,
                priors[operations.errors[operation]], max(_LOOSE * cut, _FAINT / beam) * best, count, partners,
            )  # fmt: skip
            largest = max(largest, count)
            if count <= _SLACK * beam:
                continue
            for state in range(count):
                heavy = np.float32(0.0)
                for c in range(classes):
                    heavy += mass[state, c]
                score[state] = heavy * rank[state]
                scratch.sorted[state] = score[state]
            limit, most = max(_select(scratch.sorted, count, beam - 1), _FAINT / beam * best), beam
            cut = limit / best
        else:
            for state in range(count):
                wrong = ((low[state] ^ seen_low) & mask_low) | ((high[state] ^ seen_high) & mask_high)
                score[state] = -1.0 if wrong else 1.0
        renumbered = tape.renumbered[held : held + count]
        if recording:
            tape.masses[held : held + count] = mass[:count]
            tape.keep_operation[keeps], tape.keep_first[keeps] = operation, held
            keeps += 1
            held += count
        count = _keep(scratch, count, limit, most, renumbered)
        if operations.kinds[operation] == CLOSE:
            total = 0.0
            for state in range(count):
                low[state] &= ~mask_low
                high[state] &= ~mask_high
                for c in range(classes):
                    total += mass[state, c]
            seen_low &= ~mask_low
            seen_high &= ~mask_high
            if not total > 0.0:
                return 0, scale, largest, keeps
            scale += np.log(total)
            best /= total
            for state in range(count):
                for c in range(classes):
                    mass[state, c] *= np.float32(1.0 / total)
            _index(scratch, count)
    if recording:
        tape.keep_first[keeps] = held
    return count, scale, largest, keeps


@compiled
def _finish(scratch, count, logs):
    """Write the normalised logs of the classes; return the log of their sum."""
    classes = len(logs)
    if not count:
        logs[:] = -np.log(classes)
        return -np.inf
    total = 0.0
    for c in range(classes):
        logs[c] = 0.0
        for state in range(count):
            logs[c] += scratch.mass[state, c]
        total += logs[c]
    for c in range(classes):
        logs[c] = np.log(logs[c] / total) if logs[c] > 0.0 else -np.inf
    return np.log(total)


@compiled
def _run(operations, edges, scratch, tape, events, priors, piece, beam, logs, syndrome, states):
    for shot in piece:
        prior = priors[shot if len(priors) > 1 else 0]
        count, scale, states[shot], _ = _forward(operations, edges, scratch, tape, events[shot], prior, beam)
        syndrome[shot] = scale + _finish(scratch, count, logs[shot])


@compiled
def _run_back(
    operations, edges, scratch, tape, events, priors, piece, targets, beam, likelihood, syndrome, sums
):  # fmt: skip
    classes = scratch.mass.shape[1]
    logs = np.empty(classes)
    most = len(scratch.low)
    future, earlier = np.empty((most, classes)), np.empty((most, classes))
    for shot in piece:
        prior = priors[shot if len(priors) > 1 else 0]
        count, scale, _, keeps = _forward(operations, edges, scratch, tape, events[shot], prior, beam)
        syndrome[shot] = scale + _finish(scratch, count, logs)
        likelihood[shot] = logs[targets[shot]]
        if not np.isfinite(likelihood[shot]) or not np.isfinite(syndrome[shot]):
            continue
        # future[s, e]: chance that what is still to come fits the syndrome and adds class e, up to a common factor.
        for state in range(count):
            future[state] = 0.0
            future[state, 0] = 1.0
        mass, keep = scratch.mass, keeps - 1
        for operation in range(len(operations.kinds) - 1, -1, -1):
            if keep >= 0 and tape.keep_operation[keep] == operation:
                _unkeep(tape, keep, mass, future, earlier)
                future, earlier = earlier, future
                keep -= 1
            if operations.kinds[operation] == ERROR:
                error = operations.errors[operation]
                first, before = tape.first[operation], tape.before[operation]
                partners = tape.partners[first : first + before]
                chance, flip = prior[error], operations.flips[operation]
                _subtract(partners, mass, chance, flip)
                _count(partners, mass, chance, flip, future, earlier, targets[shot], sums, error)
                future, earlier = earlier, future


@compiled
def _unkeep(tape, keep, mass, future, earlier):
    """Bring the masses before a keep back, and the futures of the states that it kept, rescaled."""
    first, last = tape.keep_first[keep], tape.keep_first[keep + 1]
    largest = 0.0
    for state in range(last - first):
        mass[state] = tape.masses[first + state]
        now = tape.renumbered[first + state]
        for e in range(mass.shape[1]):
            earlier[state, e] = future[now, e] if now >= 0 else 0.0
            largest = max(largest, earlier[state, e])
    if largest > 0.0:
        for state in range(last - first):
            earlier[state] /= largest


@compiled
def _subtract(partners, mass, chance, flip):
    """Undo what an error did to the masses."""
    before, rest = len(partners), 1.0 - chance
    for state in range(before):
        other = partners[state]
        if 0 <= other < before:
            if other > state:
                for c in range(mass.shape[1]):
                    x, y = mass[state, c], mass[other, c ^ flip]
                    mass[state, c] = max((rest * x - chance * y) / (1.0 - 2.0 * chance), 0.0)
                    mass[other, c ^ flip] = max((rest * y - chance * x) / (1.0 - 2.0 * chance), 0.0)
        else:
            for c in range(mass.shape[1]):
                mass[state, c] /= rest


@compiled
def _count(partners, mass, chance, flip, future, earlier, target, sums, error):
    """Add the chances that the error happened, given everything and given the syndrome; take the futures back."""
    classes = mass.shape[1]
    happened, either, happened_here, either_here = 0.0, 0.0, 0.0, 0.0
    for state in range(len(partners)):
        other = partners[state]
        for e in range(classes):
            moved = chance * future[other, e ^ flip] if other >= 0 else 0.0
            earlier[state, e] = (1.0 - chance) * future[state, e] + moved
            for c in range(classes):
                happened += mass[state, c] * moved
                either += mass[state, c] * earlier[state, e]
            happened_here += mass[state, target ^ e] * moved
            either_here += mass[state, target ^ e] * earlier[state, e]
    if either > 0.0:
        sums[1, error] += happened / either
        if either_here > 0.0:
            sums[0, error] += happened_here / either_here
        else:
            sums[0, error] += happened / either
