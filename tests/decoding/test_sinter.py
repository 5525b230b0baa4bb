import pickle

import numpy as np
import pytest
import sinter
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding import FrontierDecoder, SinterDecoder, sinter_decoders
from tests.decoding.test_beam import surface
from tests.decoding.toys import repetition


def pack(events):
    return np.packbits(events, axis=1, bitorder="little")


def test_every_decoder_of_the_table_predicts_in_sinters_own_form():
    dem, events, flips = repetition(p=0.01)
    for name, decoder in sinter_decoders().items():
        compiled = pickle.loads(pickle.dumps(decoder)).compile_decoder_for_dem(dem=dem)
        answer = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=pack(events))
        assert (answer.dtype, answer.shape) == (np.uint8, (500, 1)), name
        assert (answer != flips).mean() < 0.02, name


def test_bits_are_little_endian_in_and_out():
    lines = [f"error(0.01) D{bit} L{bit % 3}" for bit in range(10)]
    compiled = SinterDecoder().compile_decoder_for_dem(dem=stim.DetectorErrorModel("\n".join(lines)))
    # Detectors 1 and 9: observables 1 and 0.
    answer = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=np.array([[2, 2]], np.uint8))
    assert answer.tolist() == [[0b011]]


def test_sinter_counts_doubtful_shots_as_discarded():
    circuit = stim.Circuit.generated(
        "repetition_code:memory", distance=3, rounds=3, before_round_data_depolarization=0.1
    )
    stats = sinter.collect(
        num_workers=1,
        tasks=[sinter.Task(circuit=circuit, decoder="flagging")],
        max_shots=2000,
        custom_decoders={"flagging": SinterDecoder("pymatching", discard=0.05)},
    )[0]
    assert stats.shots == 2000
    assert 0.05 < stats.discards / stats.shots < 0.6
    assert stats.errors / (stats.shots - stats.discards) < 0.1


def test_the_extra_byte_is_one_where_the_chance_to_be_wrong_is_larger():
    _, model, events, _ = surface(3, 3, 0.05, 50)
    compiled = SinterDecoder(discard=0.05).compile_decoder_for_dem(dem=model.dem)
    answer = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=pack(events))
    confidence = FrontierDecoder(model.dem).decode(events).confidence
    np.testing.assert_array_equal(answer[:, 1:], (confidence < 0.95)[:, None])
    assert 0 < answer[:, 1].sum() < 50


def test_bad_input_is_one_sentence():
    with pytest.raises(InvalidValueError, match=r"`discard` must be in \(0, 1\), got 2"):
        SinterDecoder(discard=2)
    with pytest.raises(InvalidValueError, match="`baem` is not a setting of `frontier`: did you mean `beam`"):
        SinterDecoder(baem=3)
    with pytest.raises(InvalidValueError, match="`cascad` is not a known decoder: did you mean `cascade`"):
        SinterDecoder("cascad")
    bare = SinterDecoder("pymatching", discard=0.1, confidence=False)
    compiled = bare.compile_decoder_for_dem(dem=stim.DetectorErrorModel("error(0.1) D0 L0"))
    with pytest.raises(InvalidValueError, match="a decoder that knows how sure it is"):
        compiled.decode_shots_bit_packed(bit_packed_detection_event_data=np.zeros((1, 1), np.uint8))
