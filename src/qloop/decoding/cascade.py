"""Matching first, the frontier where matching is not sure."""

from dataclasses import dataclass

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.decoding.frontier import FrontierDecoder
from qloop.decoding.matching import CompiledMatching
from qloop.decoding.posterior import Decoded


class CompiledCascade:
    """A cascade for one model; see `Cascade`."""

    def __init__(self, dem: stim.DetectorErrorModel, gap: float, beam: int | None) -> None:
        self.matching = CompiledMatching(dem, correlated=True)
        self.frontier = FrontierDecoder(dem, beam)
        self.threshold = gap

    def decode(self, events: NDArray[np.generic]) -> Decoded:
        """Return matching's predictions where its gap is wide, the frontier's elsewhere."""
        seen = self.matching.model.check_events(events)
        predictions, gap = self.matching.predict(seen), self.matching.gap(seen)
        confidence = 1 / (1 + np.exp(-gap))
        narrow = np.flatnonzero(gap < self.threshold)
        again = self.frontier.decode(seen[narrow])
        predictions[narrow], confidence[narrow] = again.predictions, again.confidence
        return Decoded(predictions=predictions, confidence=confidence)


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """Settings of the cascade. Every shot is judged alone: answers do not depend on the batch.

    Args:
        gap: in nats; shots whose complementary gap of plain matching is smaller go to the frontier.
        beam: states that the frontier keeps; `None` as in `FrontierDecoder`.
    """

    gap: float = 6.0
    beam: int | None = 64

    def __post_init__(self) -> None:
        if not self.gap > 0:
            raise InvalidValueError(f"`gap` must be positive, got {self.gap}.")

    def compile(self, dem: stim.DetectorErrorModel) -> CompiledCascade:
        """Return the decoder for a model.

        Raises:
            InvalidValueError: a model without a gap: other than one observable, or one flipped by pieces of two.
        """
        made = CompiledCascade(dem, self.gap, self.beam)
        made.matching.gap(np.zeros((1, made.matching.model.num_detectors), np.uint8))
        return made
