"""Our decoders inside sinter: `sinter.collect(custom_decoders=sinter_decoders())`."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sinter
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.decoding.decoder import DECODERS, CompiledDecoder


@dataclass(frozen=True, kw_only=True)
class SinterDecoder(sinter.Decoder):  # type: ignore[misc]
    """A decoder of the table as sinter calls it.

    Args:
        name: in the table of decoders.
        discard: confidence below which a shot is flagged: sinter counts it as discarded, by one more byte a shot.
        options: settings of the decoder by name.
    """

    name: str = "frontier"
    discard: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.discard <= 1:
            raise InvalidValueError(f"`discard` must be a confidence in [0, 1], got {self.discard}.")

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> "CompiledSinterDecoder":
        """Return the decoder for a model."""
        return CompiledSinterDecoder(DECODERS.load(self.name)(**self.options).compile(dem), dem, self.discard)


class CompiledSinterDecoder(sinter.CompiledDecoder):  # type: ignore[misc]
    """Bit-packed shots in, bit-packed predictions out; all rows little-endian."""

    def __init__(self, decoder: CompiledDecoder, dem: stim.DetectorErrorModel, discard: float) -> None:
        self.decoder, self.num_detectors, self.discard = decoder, dem.num_detectors, discard

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Decode shots.

        Returns:
            Predictions, uint8 of shape [shots, ceil(num_observables / 8)], and one column more where shots can be
            flagged: 1 for a shot to discard.
        """
        events = np.unpackbits(bit_packed_detection_event_data, axis=1, bitorder="little", count=self.num_detectors)
        answer = self.decoder.decode(events)
        packed = np.packbits(answer.predictions, axis=1, bitorder="little")
        if not self.discard:
            return packed
        if answer.confidence is None:
            raise InvalidValueError("shots can be flagged only by a decoder that states a confidence.")
        return np.concatenate([packed, (answer.confidence < self.discard)[:, None].astype(np.uint8)], axis=1)


def sinter_decoders() -> dict[str, sinter.Decoder]:
    """Return every decoder of the table under ``qloop-NAME``, and the frontier as ``qloop`` too.

    On the command line: ``sinter collect --custom_decoders_module_function qloop.decoding.sinter:sinter_decoders``.
    """
    named = {f"qloop-{name}": SinterDecoder(name=name) for name in DECODERS.names()}
    return {"qloop": SinterDecoder()} | named
