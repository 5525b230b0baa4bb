"""Running posteriors against sums over all patterns of errors, and against the posterior of whole shots."""

import itertools

import numpy as np
import pytest
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding import FrontierDecoder
from qloop.decoding.elimination import CLOSE, eliminate
from tests.decoding.test_beam import surface
from tests.slow_twins.decoding import sum_over_frames

CHAIN = stim.DetectorErrorModel("""
    error(0.1) D0 L0
    error(0.2) D0 D1
    error(0.05) D1 D2 L0
    error(0.15) D1 D2 L1
    error(0.3) D2 D3
    error(0.12) D3 D4 L1
    error(0.25) D2 D3 D4 L0
    error(0.08) D4
    detector(0, 0) D0
    detector(1, 0) D1
    detector(0, 1) D2
    detector(1, 1) D3
    detector(0, 2) D4
""")


def push_all(stream, events):
    return [stream.push(events[:, detectors]) for detectors in stream.rounds]


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_every_round_states_the_frame_of_the_errors_seen_a_lag_ago(lag):
    decoder = FrontierDecoder(CHAIN)
    events = np.array(list(itertools.product((0, 1), repeat=5)), np.uint8)
    stream = decoder.stream(lag)
    frames = push_all(stream, events)
    assert [list(detectors) for detectors in stream.rounds] == [[0, 1], [2, 3], [4]]
    for number, post in enumerate(frames):
        known = np.concatenate(stream.rounds[: number + 1])
        done = number + 1 == len(frames)
        asked = number if done else number - lag
        touched = np.concatenate([*stream.rounds[: max(asked + 1, 0)], []]).astype(int)
        table = sum_over_frames(decoder.model, events, decoder.model.priors, known, touched)
        np.testing.assert_allclose(np.exp(post.log_syndrome), table.sum(axis=1), rtol=1e-5)
        np.testing.assert_allclose(np.exp(post.log_classes), table / table.sum(axis=1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize(("lag", "own"), [(0, False), (2, True)])
def test_after_the_last_round_it_is_the_posterior_of_the_whole_shots(lag, own):
    _, model, events, _ = surface(3, 6, 0.02, 50)
    decoder = FrontierDecoder(model.dem)
    priors = np.random.default_rng(0).uniform(0.001, 0.1, (len(events), model.num_errors)) if own else None
    whole = decoder.posterior(events, priors)
    last = push_all(decoder.stream(lag, priors), events)[-1]
    np.testing.assert_allclose(np.exp(last.log_classes), np.exp(whole.log_classes), atol=1e-6)
    np.testing.assert_allclose(last.log_syndrome, whole.log_syndrome, atol=1e-6)


def test_rounds_in_turn_open_no_more_detectors_than_any_order():
    _, model, _, _ = surface(3, 6, 0.02, 1)
    order = eliminate(model, model.rounds)
    closed = order.items[order.kinds == CLOSE]
    assert sorted(closed) == list(range(model.num_detectors))
    assert (np.diff(model.coordinates[closed, -1]) >= 0).all()
    assert order.width == eliminate(model).width


def test_later_events_tell_more_about_a_frame():
    _, model, events, _ = surface(3, 8, 0.03, 600)
    decoder = FrontierDecoder(model.dem)
    confidence = [np.mean([p.confidence.mean() for p in push_all(decoder.stream(lag), events)[3:-1]]) for lag in (0, 2)]
    assert confidence[1] > confidence[0]


def test_bad_input_is_one_sentence():
    decoder = FrontierDecoder(CHAIN)
    with pytest.raises(InvalidValueError, match="`lag` must be at least 0, got -1"):
        decoder.stream(-1)
    with pytest.raises(InvalidValueError, match="the round of every detector"):
        FrontierDecoder(stim.DetectorErrorModel("error(0.1) D0 L0")).stream()
    with pytest.raises(InvalidValueError, match=r"\[8\] or \[2, 8\], got \(2, 3\)"):
        decoder.stream(priors=np.full((2, 3), 0.1))
    stream = decoder.stream()
    with pytest.raises(InvalidValueError, match=r"round 0 must have shape \[shots, 2\], got \(4, 3\)"):
        stream.push(np.zeros((4, 3)))
    stream.push(np.zeros((4, 2)))
    with pytest.raises(InvalidValueError, match=r"round 1 must have shape \[4, 2\], got \(5, 2\)"):
        stream.push(np.zeros((5, 2)))
    with pytest.raises(InvalidValueError, match="zeros and ones"):
        stream.push(np.full((4, 2), 3))
    stream.push(np.zeros((4, 2)))
    stream.push(np.zeros((4, 1)))
    with pytest.raises(InvalidValueError, match="all 3 rounds have been pushed"):
        stream.push(np.zeros((4, 1)))


def test_a_wide_model_is_turned_away():
    _, model, _, _ = surface(5, 3, 0.01, 1)
    with pytest.raises(InvalidValueError, match="at most 16 bits of open detectors and observables, got 26"):
        FrontierDecoder(model.dem).stream()
