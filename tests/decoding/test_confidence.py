import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.decoding import Decoded, FrontierDecoder, calibrate, risk_coverage
from qloop.decoding.confidence import Isotonic, Temperature, calibration_error, review
from tests.decoding.toys import repetition


def answers(shots, worth, seed=0):
    """Answers "flipped" whose confidence is worth what a function of it says; and the flips."""
    rng = np.random.default_rng(seed)
    confidence = 1 / (1 + np.exp(-np.abs(rng.normal(scale=2, size=shots))))
    right = rng.random(shots) < worth(confidence)
    return Decoded(predictions=np.ones((shots, 1), bool), confidence=confidence), right


def half_as_sure(confidence):
    return 1 / (1 + np.sqrt((1 - confidence) / confidence))


def stairs(confidence):
    return np.where(confidence < 0.8, 0.6, 0.95)


def test_a_temperature_is_found():
    answer, right = answers(20_000, half_as_sure)
    found = calibrate(answer, right)
    assert isinstance(found.curve, Temperature)
    assert found.curve.value == pytest.approx(2.0, rel=0.1)
    assert found.error_after < 0.012 < 0.04 < found.error_before
    assert found.coverage >= 0.8
    new, _ = answers(1000, half_as_sure, seed=1)
    after = found.apply(new)
    np.testing.assert_array_equal(after.predictions, new.predictions)
    np.testing.assert_allclose(after.confidence, half_as_sure(new.confidence), atol=0.015)


def test_what_no_temperature_can_say_is_a_curve():
    found = calibrate(*answers(20_000, stairs))
    assert isinstance(found.curve, Isotonic)
    assert found.error_after < 0.012 < found.error_before
    assert found.apply(answers(1, stairs)[0]).confidence.shape == (1,)
    np.testing.assert_allclose(found.curve.convert(np.array([0.6, 0.9])), [0.6, 0.95], atol=0.03)


def test_an_honest_decoder_is_left_as_it_is():
    dem, events, flips = repetition(rounds=5, shots=20_000, p=0.2, distance=5)
    posterior = FrontierDecoder(dem).posterior(events)
    found = calibrate(posterior, flips)
    assert max(found.error_before, found.error_after) < 0.012
    np.testing.assert_allclose(found.apply(posterior).confidence, posterior.confidence, atol=0.04)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9), st.floats(0.05, 20))
@settings(max_examples=30)
def test_a_temperature_keeps_the_order_and_the_side(confidence, value):
    after = Temperature(value).convert(np.array(sorted(confidence)))
    assert (np.diff(after) >= 0).all()
    assert ((after - 0.5) * (np.array(sorted(confidence)) - 0.5) >= 0).all()


def test_calibration_error_by_hand():
    assert calibration_error([0.9, 0.9, 0.6, 0.6], [1, 0, 1, 1]) == pytest.approx((0.8 + 0.8) / 4)


def test_the_least_confident_are_reviewed():
    assert review([0.9, 0.5, 0.7, 0.6], 0.5).tolist() == [False, True, False, True]
    assert review([0.5, 0.5, 0.5], 0.34).tolist() == [True, False, False]
    answer, right = answers(200, half_as_sure)
    flagged = calibrate(answer, right).review(answer, 0.25)
    assert flagged.sum() == 50
    assert answer.confidence[flagged].max() <= answer.confidence[~flagged].min()


def test_risk_by_coverage_by_hand():
    coverage, risk = risk_coverage([0.9, 0.5, 0.7, 0.6], [0, 1, 0, 1])
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [0, 0, 1 / 3, 1 / 2])


def test_bad_input_is_one_sentence():
    answer, right = answers(200, half_as_sure)
    few = Decoded(predictions=answer.predictions[:50], confidence=answer.confidence[:50])
    for bad, flips, sentence in (
        (few, right[:50], "at least 100 shots, got 50"),
        (Decoded(predictions=answer.predictions), right, "this decoder states none"),
        (answer, right[:3], r"shape \(200, 1\), got \(3,\)"),
        (answer, np.ones(200), "right and wrong answers, got 200 right of 200"),
        (answer, np.zeros(200), "right and wrong answers, got 0 right of 200"),
    ):
        with pytest.raises(InvalidValueError, match=sentence):
            calibrate(bad, flips)
    with pytest.raises(InvalidValueError, match=r"in \[0, 1\], got 2"):
        review([0.5], 2)
    with pytest.raises(InvalidValueError, match=r"got shapes \(1,\) and \(2,\)"):
        risk_coverage([0.5], [0, 1])
