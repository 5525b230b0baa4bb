"""Minimum-weight perfect matching by PyMatching, with the complementary gap as confidence."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pymatching
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.decoding.model import ErrorModel
from qloop.decoding.posterior import Decoded


class CompiledMatching:
    """PyMatching for one model.

    Args:
        dem: detector error model; errors that flip more than two detectors need a suggested decomposition.
        correlated: whether a second pass uses the correlations that the decompositions tell of.

    Raises:
        InvalidValueError: a model without decompositions where they are needed.
    """

    def __init__(self, dem: stim.DetectorErrorModel, correlated: bool) -> None:
        self.model, self.correlated = ErrorModel.from_dem(dem), correlated
        for instruction in dem.flattened():
            if instruction.type == "error":
                _check_pieces(instruction)
        self._matching = pymatching.Matching.from_detector_error_model(dem, enable_correlations=correlated)

    def decode(self, events: NDArray[np.generic]) -> Decoded:
        """Return predictions; their confidence where the gap is defined (`gap`)."""
        seen = self.model.check_events(events)
        predictions = self.predict(seen)
        confidence = None if self._gap_graph is None else 1 / (1 + np.exp(-self.gap(seen)))
        return Decoded(predictions=predictions, confidence=confidence)

    def predict(self, events: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return predictions only."""
        if not self.model.num_detectors or not len(events):
            return np.zeros((len(events), self.model.num_observables), bool)
        packed = np.packbits(events, axis=1, bitorder="little")
        answer = self._matching.decode_batch(packed, bit_packed_shots=True, enable_correlations=self.correlated)
        return np.asarray(answer[:, : self.model.num_observables], bool)

    def gap(self, events: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return how much heavier the lightest correction of the other class is, in nats; shape [shots].

        It is taken from plain matching: with the observable as one more detector, correlated matching would see
        correlations between all errors that flip it, and decode worse.

        Source: complementary gap, Gidney et al., arXiv:2312.04522.
        """
        if self._gap_graph is None:
            raise InvalidValueError("a gap needs one observable that single pieces of the decompositions flip.")
        weights = []
        for flipped in (0, 1):
            marked = np.concatenate([events, np.full((len(events), 1), flipped, np.uint8)], axis=1)
            packed = np.packbits(marked, axis=1, bitorder="little")
            weights.append(self._gap_graph.decode_batch(packed, bit_packed_shots=True, return_weights=True)[1])
        return np.asarray(np.abs(weights[1] - weights[0]), np.float64)

    @cached_property
    def _gap_graph(self) -> pymatching.Matching | None:
        """The plain graph in which the observable is one more detector, or `None` where that makes no graph."""
        if self.model.num_observables != 1:
            return None
        marked = stim.DetectorErrorModel()
        extra = stim.target_relative_detector_id(self.model.num_detectors)
        for instruction in self.model.dem.flattened():
            if instruction.type != "error":
                continue
            targets = [extra if t.is_logical_observable_id() else t for t in instruction.targets_copy()]
            pieces = sum(t.is_separator() for t in targets) + 1
            if len(targets) + 1 - pieces > 2 * pieces:
                return None
            marked.append("error", instruction.args_copy(), targets)
        try:
            return pymatching.Matching.from_detector_error_model(marked)
        except ValueError:
            return None


def _check_pieces(instruction: stim.DemInstruction) -> None:
    size = 0
    for target in instruction.targets_copy():
        size = 0 if target.is_separator() else size + target.is_relative_detector_id()
        if size > 2:
            raise InvalidValueError(
                f"matching needs errors decomposed into pieces of one or two detectors, got `{instruction}`: "
                "make the model with decompose_errors=True."
            )


@dataclass(frozen=True, kw_only=True)
class Matching:
    """Settings of plain matching."""

    def compile(self, dem: stim.DetectorErrorModel) -> CompiledMatching:
        """Return the decoder for a model."""
        return CompiledMatching(dem, correlated=False)


@dataclass(frozen=True, kw_only=True)
class CorrelatedMatching:
    """Settings of correlated matching."""

    def compile(self, dem: stim.DetectorErrorModel) -> CompiledMatching:
        """Return the decoder for a model."""
        return CompiledMatching(dem, correlated=True)
