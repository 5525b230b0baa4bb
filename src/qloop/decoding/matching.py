"""Minimum-weight perfect matching by PyMatching, with the complementary gap as confidence."""

from dataclasses import dataclass

import numpy as np
import pymatching
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.decoding.model import ErrorModel, iterate_errors
from qloop.decoding.posterior import Decoded

FloatArray = NDArray[np.float64]
LARGEST_GAP = 30.0
"""In nats: a chance of 1e-13 to be wrong."""


@dataclass(frozen=True, kw_only=True)
class Matching:
    """Settings of plain matching.

    Args:
        confidence: whether to say how sure the answers are, from the gap between the best corrections of both classes
            (`Gap`), where the model allows it. It takes some five times as long.
    """

    confidence: bool = True

    def compile(self, dem: stim.DetectorErrorModel) -> "CompiledMatching":
        """Return the decoder for a model."""
        return CompiledMatching(dem, correlated=False, confident=self.confidence)


@dataclass(frozen=True, kw_only=True)
class CorrelatedMatching:
    """Settings of correlated matching.

    Args:
        confidence: as in `Matching`, from the mean of the gaps of plain and correlated matching: on Sycamore data it
            orders the shots better than either.
    """

    confidence: bool = True

    def compile(self, dem: stim.DetectorErrorModel) -> "CompiledMatching":
        """Return the decoder for a model."""
        return CompiledMatching(dem, correlated=True, confident=self.confidence)


class CompiledMatching:
    """PyMatching for one model.

    Args:
        dem: detector error model; errors that flip more than two detectors need a suggested decomposition.
        correlated: whether a second pass uses the correlations that the decompositions tell of.
        confident: whether to say how sure the answers are.

    Raises:
        InvalidValueError: a model without decompositions where they are needed.
    """

    def __init__(self, dem: stim.DetectorErrorModel, correlated: bool, confident: bool = False) -> None:
        self.model = ErrorModel.from_dem(dem)
        for instruction, _, _ in iterate_errors(dem):
            if max(detectors for detectors, _ in _count(instruction)) > 2:
                raise InvalidValueError(
                    f"matching needs errors decomposed into pieces of one or two detectors, got `{instruction}`: "
                    "make the model with decompose_errors=True."
                )
        self._matching = pymatching.Matching.from_detector_error_model(dem, enable_correlations=correlated)
        self._correlated = correlated
        kinds = (False, True) if correlated else (False,)
        self._gaps = [Gap(dem, correlated=kind) for kind in kinds] if confident and has_gap(dem) else []

    def decode(self, events: NDArray[np.generic]) -> Decoded:
        """Return predictions, with confidence where it is wanted and known."""
        seen = self.model.check_events(events)
        predictions = self.predict(seen)
        if not self._gaps:
            return Decoded(predictions=predictions)
        gap = np.mean([gap.measure(seen, predictions) for gap in self._gaps], axis=0)
        return Decoded(predictions=predictions, confidence=1 / (1 + np.exp(-gap)))

    def predict(self, events: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return predictions only, without a check of the events."""
        # PyMatching refuses what has no shots or no detectors.
        if not events.size:
            return np.zeros((len(events), self.model.num_observables), bool)
        packed = np.packbits(events, axis=1, bitorder="little")
        answer = self._matching.decode_batch(packed, bit_packed_shots=True, enable_correlations=self._correlated)
        return np.asarray(answer, bool)


class Gap:
    """How much heavier the best correction of the other class is than that of the predicted one.

    The observable becomes one more detector, so that either class can be asked for. Predictions are not made like
    this: every error that flips the observable seems correlated with every other then, and matching gets worse.

    Args:
        dem: a model that `has_gap`.
        correlated: whether by correlated matching.
        largest: gaps are cut off there, in nats; small ones are found faster.

    Source: the complementary gap, Gidney et al., arXiv:2312.04522.
    """

    def __init__(self, dem: stim.DetectorErrorModel, *, correlated: bool, largest: float = LARGEST_GAP) -> None:
        self._correlated = correlated
        closed = stim.target_relative_detector_id(dem.num_detectors)
        marked = stim.DetectorErrorModel()
        for instruction, _, _ in iterate_errors(dem):
            targets = [closed if t.is_logical_observable_id() else t for t in instruction.targets_copy()]
            marked.append("error", instruction.args_copy(), targets)
        # At this price the observable may flip for no reason.
        marked.append("error", [1 / (1 + np.exp(largest))], [closed])
        self._matching = pymatching.Matching.from_detector_error_model(marked, enable_correlations=correlated)

    def measure(self, events: NDArray[np.uint8], predictions: NDArray[np.bool_]) -> FloatArray:
        """Return the gap in nats, negative where this matching would have answered otherwise; shape [shots].

        Args:
            events: shape [shots, num_detectors].
            predictions: shape [shots, 1].
        """
        if not len(events):
            return np.zeros(0)
        same, other = (
            self._matching.decode_batch(
                np.packbits(np.concatenate([events, flips], axis=1), axis=1, bitorder="little"),
                bit_packed_shots=True,
                return_weights=True,
                enable_correlations=self._correlated,
            )[1]
            for flips in (predictions, ~predictions)
        )
        return np.asarray(other - same, np.float64)


def has_gap(dem: stim.DetectorErrorModel) -> bool:
    """Return whether a model has one observable, and no piece of an error flips it together with two detectors."""
    pieces = (piece for instruction, _, _ in iterate_errors(dem) for piece in _count(instruction))
    return dem.num_observables == 1 and all(detectors < 2 for detectors, observables in pieces if observables)


def _count(instruction: stim.DemInstruction) -> list[tuple[int, int]]:
    """Return how many detectors and observables every piece of an error's decomposition flips."""
    pieces = [[target.is_logical_observable_id() for target in piece] for piece in instruction.target_groups()]
    return [(len(piece) - sum(piece), sum(piece)) for piece in pieces]
