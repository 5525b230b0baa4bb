import pickle

import numpy as np
import pytest
import sinter
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding import FrontierDecoder, SinterDecoder, sinter_decoders
from tests.decoding.test_beam import surface


def circuit():
    return stim.Circuit.generated(
        "surface_code:rotated_memory_z", distance=3, rounds=3, after_clifford_depolarization=0.01
    )


def test_sinter_collects_with_every_decoder_of_the_table():
    decoders = sinter_decoders()
    # In this process, as a worker of sinter does it: a pool of processes would take longer than everything else here.
    for name, decoder in decoders.items():
        compiled = pickle.loads(pickle.dumps(decoder)).compile_decoder_for_dem(
            dem=circuit().detector_error_model(decompose_errors=True)
        )
        events, flips = circuit().compile_detector_sampler(seed=2).sample(500, separate_observables=True)
        packed = np.packbits(events, axis=1, bitorder="little")
        answer = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=packed)
        assert answer.dtype == np.uint8
        assert answer.shape == (500, 1), name
        assert (answer[:, 0] != flips[:, 0]).mean() < 0.05, name


def test_flagged_shots_are_discarded_by_sinter():
    task = sinter.Task(circuit=circuit(), decoder="flagging", json_metadata={})
    stats = sinter.collect(
        num_workers=1, tasks=[task], max_shots=2000, custom_decoders={"flagging": SinterDecoder(discard=0.9)}
    )[0]
    kept = (stats.shots - stats.discards) / stats.shots
    assert 0.5 < kept < 1
    assert stats.errors / (stats.shots - stats.discards) < 0.02


def test_the_extra_byte_says_discard():
    _, model, events, _ = surface(3, 3, 0.05, 50)
    packed = np.packbits(events, axis=1, bitorder="little")
    compiled = SinterDecoder(discard=0.95).compile_decoder_for_dem(dem=model.dem)
    answer = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=packed)
    confidence = FrontierDecoder(model.dem).decode(events).confidence
    np.testing.assert_array_equal(answer[:, -1], confidence < 0.95)


def test_bad_input_is_one_sentence():
    with pytest.raises(InvalidValueError, match=r"in \[0, 1\], got 2"):
        SinterDecoder(discard=2)
