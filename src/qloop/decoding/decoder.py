"""The contract of decoders, and the table of those that are built in."""

from typing import Protocol, runtime_checkable

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.registry import Registry
from qloop.decoding.posterior import Decoded

DECODERS = Registry(
    "decoder",
    {
        "frontier": "qloop.decoding.frontier:Frontier",
        "pymatching": "qloop.decoding.matching:Matching",
        "pymatching-correlated": "qloop.decoding.matching:CorrelatedMatching",
        "cascade": "qloop.decoding.cascade:Cascade",
    },
    "qloop.decoders",
)


@runtime_checkable
class CompiledDecoder(Protocol):
    """A decoder made for one detector error model."""

    def decode(self, events: NDArray[np.uint8]) -> Decoded:
        """Return predictions for shots of detection events.

        Args:
            events: zeros and ones, shape [shots, num_detectors]; no shots at all is allowed.
        """
        ...


@runtime_checkable
class Decoder(Protocol):
    """Settings of a decoder: a frozen dataclass that pickles, with a default for every field."""

    def compile(self, dem: stim.DetectorErrorModel) -> CompiledDecoder:
        """Return the decoder for a model.

        Raises:
            InvalidValueError: a model that it cannot decode.
        """
        ...
