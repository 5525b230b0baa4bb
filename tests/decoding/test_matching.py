import numpy as np
import pymatching
import pytest
import stim
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.decoding import CorrelatedMatching, Matching
from qloop.decoding.matching import Gap, has_gap
from tests.decoding.test_beam import surface

LINE = stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.2) D0 D1\nerror(0.15) D1 D2\nerror(0.3) D2")


@pytest.fixture(scope="module")
def shots():
    _, model, events, flips = surface(3, 3, 0.03, 5000)
    return model.dem, events, flips[:, 0]


def test_the_bits_are_pymatchings_own(shots):
    dem, events, _ = shots
    plain = pymatching.Matching.from_detector_error_model(dem).decode_batch(events)
    twice = pymatching.Matching.from_detector_error_model(dem, enable_correlations=True)
    for kind, bits in (
        (Matching, plain),
        (CorrelatedMatching, twice.decode_batch(events, enable_correlations=True)),
    ):
        for confidence in (False, True):
            answer = kind(confidence=confidence).compile(dem).decode(events)
            np.testing.assert_array_equal(answer.predictions, bits)
            assert (answer.confidence is not None) == confidence


@given(st.tuples(*[st.integers(0, 1)] * 3))
@settings(max_examples=8)
def test_the_gap_of_a_line_is_the_difference_of_its_two_corrections(events):
    """A line has two corrections: errors e with the syndrome, and their complement."""
    weights = np.log(1 / np.array([0.1, 0.2, 0.15, 0.3]) - 1)
    first = np.cumsum([0, *events]) % 2
    flipped, other = weights @ first, weights @ (1 - first)
    answer = Matching().compile(LINE).decode(np.array([events]))
    assert answer.predictions[0, 0] == (first[0] if flipped < other else 1 - first[0])
    odds = np.log(answer.confidence[0] / (1 - answer.confidence[0]))
    assert odds == pytest.approx(abs(flipped - other), abs=0.01)


def test_a_gap_is_negative_against_the_matchings_own_answer_and_cut_off(shots):
    dem, events, _ = shots
    own = Matching().compile(dem).predict(events)
    gap = Gap(dem, correlated=False)
    np.testing.assert_allclose(gap.measure(events, own), -gap.measure(events, ~own), atol=0.02)
    assert (gap.measure(events, own) > -0.01).all()
    cut = Gap(dem, correlated=False, largest=2.0).measure(events, own)
    np.testing.assert_allclose(cut, np.minimum(gap.measure(events, own), 2.0), atol=0.02)


def test_the_less_sure_the_oftener_wrong(shots):
    dem, events, flips = shots
    for kind in (Matching, CorrelatedMatching):
        answer = kind().compile(dem).decode(events)
        wrong = answer.predictions[:, 0] != flips
        sure = answer.confidence > np.median(answer.confidence)
        assert wrong[sure].mean() < 0.4 * wrong[~sure].mean()


def test_an_observable_that_nothing_flips_is_predicted_with_certainty():
    dem = stim.DetectorErrorModel("error(0.1) D0\nlogical_observable L0")
    answer = Matching().compile(dem).decode(np.array([[0], [1]]))
    assert not answer.predictions.any()
    assert (answer.confidence > 1 - 1e-9).all()


def test_models_without_a_gap_have_no_confidence():
    two = stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.1) D0 L1")
    inside = stim.DetectorErrorModel("error(0.1) D0 D1 L0\nerror(0.2) D0\nerror(0.2) D1")
    for dem in (two, inside):
        assert not has_gap(dem)
        answer = CorrelatedMatching().compile(dem).decode(np.zeros((2, dem.num_detectors)))
        assert answer.predictions.shape == (2, dem.num_observables)
        assert answer.confidence is None


def test_errors_that_are_not_decomposed_are_refused():
    whole = stim.DetectorErrorModel("error(0.1) D0 D1 D2")
    with pytest.raises(InvalidValueError, match="decomposed into pieces of one or two detectors, got `error"):
        Matching().compile(whole)
    with pytest.raises(InvalidValueError, match=r"shape \[shots, 3\]"):
        Matching().compile(LINE).decode(np.zeros((2, 4)))
