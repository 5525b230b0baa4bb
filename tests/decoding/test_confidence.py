import numpy as np
import pytest

from qloop.core.errors import InvalidValueError
from qloop.decoding import Decoded, calibrate, risk_coverage
from qloop.decoding.confidence import calibration_error, review


def overconfident(shots, temperature, seed=0):
    rng = np.random.default_rng(seed)
    odds = np.abs(rng.normal(scale=2, size=shots))
    right = rng.random(shots) < 1 / (1 + np.exp(-odds / temperature))
    answer = Decoded(predictions=np.ones((shots, 1), bool), confidence=1 / (1 + np.exp(-odds)))
    return answer, right


def test_a_temperature_is_found_and_the_error_falls():
    answer, right = overconfident(20_000, 2.0)
    found = calibrate(answer, right)
    assert found.error_after < 0.012 < found.error_before
    if found.method == "temperature":
        assert found.temperature == pytest.approx(2.0, rel=0.1)
    again, truth = overconfident(20_000, 2.0, seed=1)
    stated = found.apply(again).confidence
    # Three standard deviations: false alarm 0.3 %.
    assert abs(truth.sum() - stated.sum()) < 3 * np.sqrt((stated * (1 - stated)).sum()) + 100


def test_calibration_error_by_hand():
    assert calibration_error([0.9, 0.9, 0.6, 0.6], [1, 0, 1, 1]) == pytest.approx((0.8 + 0.8) / 4)


def test_the_least_confident_are_reviewed_and_risk_falls_with_coverage():
    assert review([0.9, 0.5, 0.7, 0.6], 0.5).tolist() == [False, True, False, True]
    coverage, risk = risk_coverage([0.9, 0.5, 0.7, 0.6], [0, 1, 0, 1])
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [0, 0, 1 / 3, 1 / 2])


def test_bad_input_is_one_sentence():
    answer, right = overconfident(200, 1.0)
    with pytest.raises(InvalidValueError, match="at least 100 shots, got 50"):
        calibrate(Decoded(predictions=answer.predictions[:50], confidence=answer.confidence[:50]), right[:50])
    with pytest.raises(InvalidValueError, match="states no confidence"):
        calibrate(Decoded(predictions=answer.predictions), right)
    with pytest.raises(InvalidValueError, match=r"shape \(200, 1\), got \(3,\)"):
        calibrate(answer, right[:3])
    with pytest.raises(InvalidValueError, match=r"in \[0, 1\], got 2"):
        review([0.5], 2)
