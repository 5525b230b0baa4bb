"""`FrontierDecoder`: the probability of every class of the observables, exact or by a beam."""

from dataclasses import dataclass

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.decoding.beam import MAX_OBSERVABLES, BeamPlan
from qloop.decoding.elimination import eliminate
from qloop.decoding.exact import EXACT_BITS, ExactPlan
from qloop.decoding.model import ErrorModel
from qloop.decoding.posterior import Decoded, Posterior
from qloop.decoding.stream import Stream

FloatArray = NDArray[np.float64]
BEAM = 256
"""Beam where the frontier is larger and none is asked for: as good as the tensor network on Sycamore's distance 5."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Gradient:
    """How the data want the priors to change.

    Args:
        log_likelihood: log-probability of the flips given the syndrome; shape [shots].
        log_syndrome: log-probability of the syndrome; shape [shots].
        of_likelihood: gradient of the sum of the first by the log-odds of every error; shape [num_errors].
        of_syndrome: the same of the second.
    """

    log_likelihood: FloatArray
    log_syndrome: FloatArray
    of_likelihood: FloatArray
    of_syndrome: FloatArray


class FrontierDecoder:
    """Sum-product decoding over the frontier of open detectors.

    Errors are added one by one and a detector is closed, that is compared with its event, once all errors that flip it
    are added. What has to be remembered in between is a mass for every set of open detectors and every class of the
    observables: of all of them while they are few, of the ``beam`` most promising ones otherwise.

    Args:
        dem: detector error model with up to three observables.
        beam: states to keep; `None` sums over the whole frontier up to 16 bits and keeps 256 states beyond.

    Raises:
        InvalidValueError: a model that cannot be decoded, or a beam below 1.

    Source: ours; the ranking of the beam in `beliefs`. Exact sums over the classes are those of tensor-network
    decoding, Bravyi et al., arXiv:1405.4883.
    """

    def __init__(self, dem: stim.DetectorErrorModel, beam: int | None = None) -> None:
        if beam is not None and beam < 1:
            raise InvalidValueError(f"`beam` must be at least 1, got {beam}.")
        self.model = ErrorModel.from_dem(dem)
        if self.model.num_observables > MAX_OBSERVABLES:
            raise InvalidValueError(
                f"a frontier decoder takes at most {MAX_OBSERVABLES} observables, got {self.model.num_observables}."
            )
        elimination = eliminate(self.model)
        self.width = elimination.width
        self.exact = beam is None and self.width + self.model.num_observables <= EXACT_BITS
        self.beam = beam or BEAM
        if self.exact and self.model.rounds:
            # A stream closes rounds in turn: in the same order it gives the same answers to the last bit.
            elimination = min(eliminate(self.model, self.model.rounds), elimination, key=lambda order: order.width)
        self._plan = ExactPlan(self.model, elimination) if self.exact else BeamPlan(self.model, elimination)

    def posterior(self, events: NDArray[np.generic], priors: FloatArray | None = None) -> Posterior:
        """Return the probability of every class.

        Args:
            events: detection events, shape [shots, num_detectors].
            priors: of the errors in the order of ``model.symptoms``, shape [num_errors], or [shots, num_errors] where
                shots differ: erasures, leakage heralds, soft readout. By default the model's.

        Raises:
            InvalidValueError: a wrong shape, events that are not 0 or 1, or priors outside (0, 1).
        """
        seen = self.model.check_events(events)
        chances = self._check_priors(priors, len(seen), 1.0)
        if isinstance(self._plan, ExactPlan):
            logs, syndrome = self._plan.run(seen, chances)
            states = np.full(len(seen), 1 << self.width)
        else:
            logs, syndrome, states = self._plan.run(seen, chances, self.beam)
        return Posterior(log_classes=logs, log_syndrome=syndrome, exact=self.exact, states=states)

    def decode(self, events: NDArray[np.generic]) -> Decoded:
        """Return the most probable class of every shot with its probability."""
        return self.posterior(events).decoded()

    def gradient(
        self, events: NDArray[np.generic], flips: NDArray[np.generic] | None = None, priors: FloatArray | None = None
    ) -> Gradient:
        """Return the log-likelihoods of shots and their gradients by the log-odds of the priors.

        Args:
            events: detection events, shape [shots, num_detectors].
            flips: of the observables, shape [shots, num_observables]; by default the most probable ones.
            priors: in (0, 1/2), shape [num_errors], or [shots, num_errors] where shots differ; by default the model's.
        """
        seen = self.model.check_events(events)
        known = self.posterior(seen, priors).predictions if flips is None else flips
        chances = self._check_priors(priors, len(seen), 0.5)
        arguments = seen, self.model.check_flips(known, len(seen)), chances
        if isinstance(self._plan, ExactPlan):
            likelihood, syndrome, conditional, unconditional = self._plan.gradient(*arguments)
        else:
            likelihood, syndrome, conditional, unconditional = self._plan.gradient(*arguments, self.beam)
        expected = np.isfinite(likelihood) @ np.broadcast_to(chances, (len(seen), self.model.num_errors))
        return Gradient(
            log_likelihood=likelihood,
            log_syndrome=syndrome,
            of_likelihood=conditional - unconditional,
            of_syndrome=unconditional - expected,
        )

    def stream(self, lag: int = 0, priors: FloatArray | None = None) -> Stream:
        """Return a decoder for shots whose rounds arrive one by one.

        Args:
            lag: rounds by which the answer stays behind the events; see `Stream`.
            priors: in (0, 1), shape [num_errors], or [shots, num_errors] where shots differ; by default the model's.
        """
        shots = 0 if priors is None else len(np.atleast_1d(priors))
        return Stream(self.model, self._check_priors(priors, shots, 1.0), lag)

    def _check_priors(self, priors: FloatArray | None, shots: int, below: float) -> FloatArray:
        if priors is None:
            return self.model.priors
        values = np.asarray(priors, np.float64)
        size = self.model.num_errors
        if values.shape not in {(size,), (shots, size)}:
            raise InvalidValueError(f"`priors` must have shape [{size}] or [{shots}, {size}], got {values.shape}.")
        outside = values[~((values > 0) & (values < below))]
        if outside.size:
            raise InvalidValueError(f"`priors` must be in (0, {below:g}), got {outside[0]}.")
        return values


@dataclass(frozen=True, kw_only=True)
class Frontier:
    """Settings of the frontier decoder.

    Args:
        beam: states to keep; `None` as in `FrontierDecoder`.
    """

    beam: int | None = None

    def compile(self, dem: stim.DetectorErrorModel) -> FrontierDecoder:
        """Return the decoder for a model."""
        return FrontierDecoder(dem, self.beam)


def warm_up() -> None:
    """Compile the kernels."""
    dem = stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.1) D0 D1")
    for beam in (None, 2):
        decoder = FrontierDecoder(dem, beam)
        decoder.posterior(np.zeros((1, 2)))
        decoder.gradient(np.zeros((1, 2)), np.zeros((1, 1)))
