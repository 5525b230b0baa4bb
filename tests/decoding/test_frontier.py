import os
from pathlib import Path

import numpy as np
import pytest
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding import FrontierDecoder
from tests.decoding.test_beam import TWO, surface

SYCAMORE = Path(os.environ.get("QLOOP_DATA", "")) / "sycamore_surface_code"


def test_a_coin_flip_is_worked_by_hand():
    decoder = FrontierDecoder(stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.2) D0"))
    post = decoder.posterior([[0], [1]])
    quiet, fired = 0.9 * 0.8 + 0.1 * 0.2, 0.9 * 0.2 + 0.1 * 0.8
    np.testing.assert_allclose(np.exp(post.log_syndrome), [quiet, fired], rtol=1e-6)
    np.testing.assert_allclose(post.flip_probability[:, 0], [0.02 / quiet, 0.08 / fired], rtol=1e-5)
    assert post.predictions.tolist() == [[False], [False]]
    np.testing.assert_allclose(post.confidence, [0.72 / quiet, 0.18 / fired], rtol=1e-5)
    assert post.exact


def test_an_erasure_changes_the_answer_of_its_shot_only():
    decoder = FrontierDecoder(stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.2) D0"))
    priors = np.array([[0.1, 0.2], [0.5, 0.2]])
    assert decoder.posterior([[1], [1]], priors).predictions[:, 0].tolist() == [False, True]


def test_probabilities_hold_on_samples_of_the_model():
    _, model, events, flips = surface(3, 4, 0.02, 4000)
    post = FrontierDecoder(model.dem).posterior(events)
    wrong = post.predictions[:, 0] != flips[:, 0]
    # The number of wrong shots is a sum of independent coins: three standard deviations, false alarm 0.3 %.
    chance = 1 - post.confidence
    assert abs(wrong.sum() - chance.sum()) < 3 * np.sqrt((chance * (1 - chance)).sum())


@pytest.mark.parametrize("beam", [None, 128])
def test_gradients_are_differences(beam):
    _, model, events, flips = surface(3, 2, 0.05, 64)
    decoder = FrontierDecoder(model.dem, beam)
    gradient = decoder.gradient(events, flips)
    rng = np.random.default_rng(3)
    direction = rng.normal(size=model.num_errors)
    ends = []
    for step in (-2e-3, 2e-3):
        odds = np.log(model.priors / (1 - model.priors)) + step * direction
        moved = decoder.gradient(events, flips, 1 / (1 + np.exp(-odds)))
        ends.append((moved.log_likelihood.sum(), moved.log_syndrome.sum()))
    got = direction @ gradient.of_likelihood, direction @ gradient.of_syndrome
    np.testing.assert_allclose(got, np.diff(ends, axis=0)[0] / 4e-3, rtol=0.02, atol=0.02)


def test_without_flips_the_gradient_is_that_of_the_syndrome_alone():
    _, model, events, flips = surface(3, 3, 0.002, 200)
    decoder = FrontierDecoder(model.dem)
    alone = decoder.gradient(events)
    np.testing.assert_allclose(alone.of_syndrome, decoder.gradient(events, flips).of_syndrome, rtol=1e-5, atol=1e-5)
    shots = np.tile(model.priors, (len(events), 1))
    np.testing.assert_allclose(decoder.gradient(events, None, shots).of_syndrome, alone.of_syndrome, atol=1e-9)


def test_an_observable_that_the_syndrome_decides_spoils_no_gradient():
    decoder = FrontierDecoder(stim.DetectorErrorModel("error(0.1) D0 L0\nerror(0.2) D1"))
    gradient = decoder.gradient([[1, 0], [0, 0]])
    np.testing.assert_allclose(gradient.of_syndrome, [1 - 2 * 0.1, -2 * 0.2], atol=1e-6)


def test_bad_input_is_one_sentence():
    decoder = FrontierDecoder(TWO)
    with pytest.raises(InvalidValueError, match="`beam` must be at least 1, got 0"):
        FrontierDecoder(TWO, beam=0)
    with pytest.raises(InvalidValueError, match="at most 3 observables, got 4"):
        FrontierDecoder(stim.DetectorErrorModel("error(0.1) D0 L3"))
    with pytest.raises(InvalidValueError, match=r"\[8\] or \[1, 8\], got \(3,\)"):
        decoder.posterior(np.zeros((1, 4)), np.full(3, 0.1))
    with pytest.raises(InvalidValueError, match=r"in \(0, 1\), got 1.0"):
        decoder.posterior(np.zeros((1, 4)), np.full(8, 1.0))
    with pytest.raises(InvalidValueError, match=r"in \(0, 0.5\), got 0.6"):
        decoder.gradient(np.zeros((1, 4)), None, np.full(8, 0.6))
    assert decoder.posterior(np.zeros((0, 4))).predictions.shape == (0, 2)


@pytest.mark.skipif(not SYCAMORE.is_dir(), reason="Sycamore's shots are not on this machine (QLOOP_DATA)")
@pytest.mark.parametrize("centre", ["3_5", "5_3", "5_7", "7_5"])
def test_distance_three_repeats_the_tensor_network_on_hardware_shots(centre):
    folder = SYCAMORE / f"surface_code_bX_d3_r05_center_{centre}"
    decoder = FrontierDecoder(stim.DetectorErrorModel.from_file(folder / "pij_from_even_for_odd.dem"))
    raw = np.fromfile(folder / "detection_events.b8", np.uint8).reshape(40_000, -1)
    events = np.unpackbits(raw, axis=1, bitorder="little", count=decoder.model.num_detectors)[1:8000:2]
    given = np.unpackbits(np.load(folder / "obs_flips_predicted_by_tensor_network_contraction.npy"))[1:8000:2]
    assert decoder.exact
    assert (decoder.decode(events).predictions[:, 0] == given).mean() >= 0.999
