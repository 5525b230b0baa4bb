import numpy as np
import pymatching
import pytest
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding import Cascade, CorrelatedMatching, FrontierDecoder, Matching
from tests.decoding.test_beam import surface


def test_the_bits_are_pymatchings_own():
    _, model, events, _ = surface(3, 3, 0.02, 300)
    plain = pymatching.Matching.from_detector_error_model(model.dem).decode_batch(events)
    np.testing.assert_array_equal(Matching().compile(model.dem).decode(events).predictions, plain.astype(bool))
    graph = pymatching.Matching.from_detector_error_model(model.dem, enable_correlations=True)
    twice = graph.decode_batch(events, enable_correlations=True)
    np.testing.assert_array_equal(
        CorrelatedMatching().compile(model.dem).decode(events).predictions, twice.astype(bool)
    )


def test_the_gap_of_a_coin_is_its_log_odds():
    dem = stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.2) D0")
    answer = Matching().compile(dem).decode(np.array([[1]]))
    gap = np.log(0.2 / 0.8) - np.log(0.1 / 0.9)
    assert answer.confidence[0] == pytest.approx(1 / (1 + np.exp(-gap)), rel=1e-5)


def test_shots_with_a_wide_gap_are_wrong_less_often():
    _, model, events, flips = surface(3, 3, 0.03, 5000)
    answer = Matching().compile(model.dem).decode(events)
    wrong = answer.predictions[:, 0] != flips[:, 0]
    sure = answer.confidence > np.median(answer.confidence)
    assert wrong[sure].mean() < 0.3 * wrong[~sure].mean()


def test_a_cascade_asks_the_frontier_where_matching_is_not_sure():
    _, model, events, flips = surface(5, 5, 0.01, 1500)
    cascade = Cascade(gap=4.0).compile(model.dem).decode(events).predictions
    matching = CorrelatedMatching().compile(model.dem).decode(events).predictions
    whole = FrontierDecoder(model.dem, 64).decode(events).predictions
    wrong = [(predictions != flips).mean() for predictions in (matching, cascade, whole)]
    assert wrong[1] < wrong[0]
    assert wrong[1] < wrong[2] + 0.01


def test_models_that_cannot_be_matched_are_refused():
    whole = stim.DetectorErrorModel("error(0.1) D0 D1 D2")
    with pytest.raises(InvalidValueError, match="decomposed into pieces"):
        Matching().compile(whole)
    with pytest.raises(InvalidValueError, match="a gap needs one observable"):
        Cascade().compile(stim.DetectorErrorModel("error(0.1) D0 D1 L1"))
    with pytest.raises(InvalidValueError, match="`gap` must be positive, got 0"):
        Cascade(gap=0)
