import numpy as np
import pytest
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding import Cascade, CorrelatedMatching, FrontierDecoder
from tests.decoding.test_beam import surface


@pytest.fixture(scope="module")
def answers():
    _, model, events, flips = surface(5, 5, 0.01, 800)
    decoders = Cascade().compile(model.dem), CorrelatedMatching().compile(model.dem), FrontierDecoder(model.dem, 32)
    return flips, *(decoder.decode(events) for decoder in decoders)


def test_the_frontier_answers_where_matching_is_not_sure(answers):
    _, cascade, matching, frontier = answers
    # PyMatching rounds weights: shots at the very limit may go either way.
    unsure, sure = matching.confidence < 0.89, matching.confidence > 0.91
    asked = cascade.confidence == frontier.confidence
    # The others are those that plain matching alone is sure of.
    assert asked[unsure].mean() > 0.8
    assert not asked[sure].any()
    np.testing.assert_array_equal(cascade.predictions[asked], frontier.predictions[asked])
    np.testing.assert_array_equal(cascade.predictions[~asked], matching.predictions[~asked])


def test_the_cascade_corrects_most_of_what_the_frontier_corrects(answers):
    flips, *decoded = answers
    cascade, matching, frontier = (np.count_nonzero(answer.predictions != flips) for answer in decoded)
    assert frontier < matching
    assert cascade - frontier <= 0.3 * (matching - frontier)


def test_bad_input_is_one_sentence():
    with pytest.raises(InvalidValueError, match="a cascade needs a model with one observable"):
        Cascade().compile(stim.DetectorErrorModel("error(0.1) D0 D1 L1"))
    with pytest.raises(InvalidValueError, match=r"`confidence` must be in \(0.5, 1\), got 0.5"):
        Cascade(confidence=0.5)
