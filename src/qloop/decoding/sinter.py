"""Our decoders inside sinter: ``sinter.collect(custom_decoders=sinter_decoders())``."""

from dataclasses import fields
from typing import Any

import numpy as np
import sinter
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError, nearest
from qloop.decoding.decoder import DECODERS, CompiledDecoder, Decoder


class SinterDecoder(sinter.Decoder):  # type: ignore[misc]
    """A decoder of the table as sinter calls it.

    Args:
        name: in the table of decoders.
        discard: shots that are wrong with a larger probability than this, in the decoder's own opinion, are flagged,
            and sinter counts them as discarded; `None` keeps all.
        options: settings of the decoder.

    Raises:
        InvalidValueError: an unknown decoder or setting, or a probability outside (0, 1).
    """

    def __init__(self, name: str = "frontier", *, discard: float | None = None, **options: Any) -> None:
        if discard is not None and not 0 < discard < 1:
            raise InvalidValueError(f"`discard` must be in (0, 1), got {discard}.")
        kind = DECODERS.load(name)
        known = [field.name for field in fields(kind)]
        for option in options:
            if option not in known:
                raise InvalidValueError(f"`{option}` is not a setting of `{name}`: {nearest(option, known)}")
        self.decoder: Decoder = kind(**options)
        self.discard = discard

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> "CompiledSinterDecoder":
        """Return the decoder for a model."""
        return CompiledSinterDecoder(self.decoder.compile(dem), dem.num_detectors, self.discard)


class CompiledSinterDecoder(sinter.CompiledDecoder):  # type: ignore[misc]
    """A decoder for one model as sinter calls it; see `SinterDecoder`."""

    def __init__(self, decoder: CompiledDecoder, num_detectors: int, discard: float | None) -> None:
        self._decoder, self._num_detectors, self._discard = decoder, num_detectors, discard

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Decode shots.

        Args:
            bit_packed_detection_event_data: little-endian bits, shape [shots, ceil(num_detectors / 8)].

        Returns:
            Predictions as little-endian bits, shape [shots, ceil(num_observables / 8)], and where shots may be
            discarded one column more, which is 1 for those that are.
        """
        events = np.unpackbits(bit_packed_detection_event_data, axis=1, bitorder="little", count=self._num_detectors)
        answer = self._decoder.decode(events)
        packed = np.packbits(answer.predictions, axis=1, bitorder="little")
        if self._discard is None:
            return packed
        if answer.confidence is None:
            raise InvalidValueError("shots are discarded by a decoder that knows how sure it is, this one does not.")
        return np.column_stack([packed, (1 - answer.confidence > self._discard).astype(np.uint8)])


def sinter_decoders() -> dict[str, sinter.Decoder]:
    """Return every decoder of the table as ``qloop-NAME``, and the frontier also as ``qloop``.

    On the command line: ``sinter collect --custom_decoders_module_function qloop.decoding.sinter:sinter_decoders``.
    """
    return {"qloop": SinterDecoder()} | {f"qloop-{name}": SinterDecoder(name) for name in DECODERS.names()}
