"""Matching first, the frontier on the shots of which matching is not sure."""

from dataclasses import dataclass

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.decoding.frontier import FrontierDecoder
from qloop.decoding.matching import CompiledMatching, Gap, has_gap
from qloop.decoding.posterior import Decoded

_WIDER = 1.5
"""Where the gap of plain matching is this many times the limit, that of correlated matching, which is dearer and seldom
negative, is not asked for."""
_MARGIN = 0.1
"""The gap is cut off this far beyond what it is compared with: PyMatching rounds weights."""


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """Settings of the cascade.

    Correlated matching answers, and the frontier the shots where the mean of the gaps of plain and correlated matching
    is small. Every shot is judged alone: answers do not depend on the batch.

    Args:
        confidence: shots of which matching is less sure than this go to the frontier, in (0.5, 1). By default they are
            2.4 % of the shots of a surface code of distance 5 under 0.5 % of uniform noise, and 0.2 % of those of
            distance 7 under 0.3 %, and hold more than four fifths of what the frontier corrects.
        beam: states that the frontier keeps; `None` as in `FrontierDecoder`.
    """

    confidence: float = 0.9
    beam: int | None = 32

    def __post_init__(self) -> None:
        if not 0.5 < self.confidence < 1:
            raise InvalidValueError(f"`confidence` must be in (0.5, 1), got {self.confidence}.")

    def compile(self, dem: stim.DetectorErrorModel) -> "CompiledCascade":
        """Return the decoder for a model.

        Raises:
            InvalidValueError: a model without a gap: other than one observable, or one flipped by pieces of two.
        """
        return CompiledCascade(dem, self.confidence, self.beam)


class CompiledCascade:
    """A cascade for one model; see `Cascade`."""

    def __init__(self, dem: stim.DetectorErrorModel, confidence: float, beam: int | None) -> None:
        if not has_gap(dem):
            raise InvalidValueError(
                "a cascade needs a model with one observable, flipped by pieces of decompositions with one detector."
            )
        self._limit = float(np.log(confidence / (1 - confidence)))
        self._matching = CompiledMatching(dem, correlated=True)
        self._plain = Gap(dem, correlated=False, largest=_WIDER * self._limit + _MARGIN)
        self._correlated = Gap(dem, correlated=True)
        self._frontier = FrontierDecoder(dem, beam)

    def decode(self, events: NDArray[np.generic]) -> Decoded:
        """Return matching's predictions where its gaps are wide, the frontier's elsewhere.

        Of the shots that are beyond doubt the confidence is a lower bound, the same for all.
        """
        seen = self._matching.model.check_events(events)
        predictions = self._matching.predict(seen)
        gaps = self._plain.measure(seen, predictions)
        narrow = np.flatnonzero(gaps < _WIDER * self._limit)
        gaps[narrow] += self._correlated.measure(seen[narrow], predictions[narrow])
        gaps[narrow] /= 2
        confidence = 1 / (1 + np.exp(-gaps))
        unsure = narrow[gaps[narrow] < self._limit]
        again = self._frontier.decode(seen[unsure])
        predictions[unsure], confidence[unsure] = again.predictions, again.confidence
        return Decoded(predictions=predictions, confidence=confidence)
