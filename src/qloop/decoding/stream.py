"""`Stream`: what is known about the observables after every round of measurements."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.memory import aligned, check_memory
from qloop.circuits.simulate.threads import share_out
from qloop.core.errors import InvalidValueError
from qloop.decoding.elimination import CLOSE, eliminate
from qloop.decoding.exact import EXACT_BITS, LANES, ExactPlan, Lanes, Tile, advance, prepare_chances, shots_of, start
from qloop.decoding.model import ErrorModel
from qloop.decoding.posterior import Posterior

FloatArray = NDArray[np.float64]


class Stream:
    """The running posterior of shots whose rounds arrive one by one.

    A round's detectors are closed when it arrives, once every error that flips one of them is added. The posterior
    then states the class of these errors, the Pauli frame so far, given all events so far: a Bayesian filter. With a
    lag it states the frame of ``lag`` rounds ago, which later events have told more about; this costs ``lag`` times as
    much again. After the last round it is the posterior of whole shots, with or without a lag.

    Args:
        model: errors, and detectors whose last coordinate is their round.
        priors: of the errors; shape [num_errors], or [shots, num_errors].
        lag: rounds.

    Raises:
        InvalidValueError: a detector without coordinates, a negative lag, or more than 16 bits of open detectors and
            observables when rounds are closed in turn.

    Source: ours.
    """

    def __init__(self, model: ErrorModel, priors: FloatArray, lag: int = 0) -> None:
        if not model.rounds:
            raise InvalidValueError("a stream needs the round of every detector, its last coordinate: one has none.")
        if lag < 0:
            raise InvalidValueError(f"`lag` must be at least 0, got {lag}.")
        elimination = eliminate(model, model.rounds)
        bits = elimination.width + model.num_observables
        if bits > EXACT_BITS:
            raise InvalidValueError(
                f"a stream sums over at most {EXACT_BITS} bits of open detectors and observables, got {bits}."
            )
        self.rounds = model.rounds
        self.lag = lag
        self._model, self._priors, self._chances_of = model, priors, prepare_chances(priors)
        self._plan = ExactPlan(model, elimination)
        self._steps = self._plan.steps
        # What was the frame when it was copied stays as it is: later errors flip no observable of a copy.
        self._frozen = self._steps._replace(masks=self._steps.masks & -self._plan.classes)
        closed = np.cumsum([len(detectors) for detectors in self.rounds])
        self._ends = [0, *(np.flatnonzero(self._steps.kinds == CLOSE)[closed - 1] + 1)]
        self._pushed = 0
        self._shots = len(priors) if priors.ndim == 2 else None
        self._events: list[Lanes] = []
        self._now: list[Tile] = []
        self._past: list[deque[Tile]] = []

    def push(self, events: NDArray[np.generic]) -> Posterior:
        """Add a round and return what is known now.

        Args:
            events: of the round's detectors, ``rounds[k]`` for the round number k; shape [shots, detectors].

        Raises:
            InvalidValueError: a wrong shape, other shots than before, events that are not 0 or 1, or no round left.
        """
        if self._pushed == len(self.rounds):
            raise InvalidValueError(f"all {self._pushed} rounds have been pushed.")
        detectors = self.rounds[self._pushed]
        seen = self._check(events, detectors)
        shots = len(seen)
        if not self._pushed:
            self._begin(shots)
        first, last = self._ends[self._pushed : self._pushed + 2]
        self._pushed += 1
        done = self._pushed == len(self.rounds)
        count = int(self._steps.counts[last])
        logs, syndrome = np.zeros((shots, self._plan.classes)), np.zeros(shots)
        nothing = aligned((0, LANES), np.float32)

        def go(tiles: range) -> None:
            for number in tiles:
                own, lanes, now, past = shots_of(number), self._events[number], self._now[number], self._past[number]
                lanes[detectors] = np.resize(seen[own], (LANES, len(detectors))).T
                if self.lag:
                    past.append(Tile(*(_copy(part) for part in now)))
                chances = self._chances_of(own)
                for tile in past:
                    advance(self._frozen, first, last, chances, lanes, tile, nothing)
                advance(self._steps, first, last, chances, lanes, now, nothing)
                asked = past[0] if past and not done else now
                logs[own], syndrome[own] = self._plan.read(asked, count, len(logs[own]))

        share_out(go, self._plan.share(shots, self._plan.rows))
        return Posterior(
            log_classes=logs,
            log_syndrome=syndrome,
            exact=True,
            states=np.full(shots, self._plan.rows // self._plan.classes),
        )

    def _check(self, events: NDArray[np.generic], detectors: NDArray[np.int64]) -> NDArray[np.uint8]:
        shape = np.shape(events)
        if len(shape) != 2 or shape[1] != len(detectors) or self._shots not in {None, shape[0]}:
            shots = "shots" if self._shots is None else self._shots
            raise InvalidValueError(
                f"`events` of round {self._pushed} must have shape [{shots}, {len(detectors)}], got {shape}."
            )
        whole = np.zeros((shape[0], self._model.num_detectors), np.uint8)
        whole[:, detectors] = events
        return self._model.check_events(whole)[:, detectors]

    def _begin(self, shots: int) -> None:
        tiles = -(-shots // LANES)
        each = self._plan.rows + 2 * self._model.num_detectors
        check_memory(tiles * (self.lag + 1) * each * LANES * 4, f"a stream of {shots} shots with a lag of {self.lag}")
        self._events = [aligned((self._model.num_detectors, LANES), np.float32) for _ in range(tiles)]
        self._now = [self._plan.make_tile() for _ in range(tiles)]
        self._past = [deque(maxlen=self.lag) for _ in range(tiles)]
        self._shots = shots
        for tile in self._now:
            start(tile)


def _copy(part: Lanes) -> Lanes:
    made: Lanes = aligned(part.shape, part.dtype, np.empty)
    made[:] = part
    return made
