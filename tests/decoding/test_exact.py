"""The whole frontier against sums over all patterns of errors, and its gradient against the beam's."""

import itertools

import numpy as np
import stim

from qloop.decoding.beam import BeamPlan
from qloop.decoding.elimination import eliminate
from qloop.decoding.exact import ExactPlan
from qloop.decoding.model import ErrorModel
from tests.decoding.test_beam import TWO, surface
from tests.slow_twins.decoding import sum_over_patterns


def test_it_sums_over_all_patterns_with_priors_of_every_shot():
    model = ErrorModel.from_dem(TWO)
    events = np.array(list(itertools.product((0, 1), repeat=4)) * 2, np.uint8)
    plan = ExactPlan(model, eliminate(model))
    logs, syndrome = plan.run(events, model.priors)
    np.testing.assert_allclose(
        np.exp(logs + syndrome[:, None]), sum_over_patterns(model, events, model.priors), rtol=1e-5
    )
    priors = np.random.default_rng(0).uniform(0.01, 0.4, (len(events), model.num_errors))
    logs, syndrome = plan.run(events, priors)
    for shot, row in enumerate(priors):
        table = sum_over_patterns(model, events[shot : shot + 1], row)[0]
        np.testing.assert_allclose(np.exp(logs[shot] + syndrome[shot]), table, rtol=1e-5)


def test_its_gradient_is_that_of_a_beam_that_keeps_everything():
    model = ErrorModel.from_dem(TWO)
    events = np.array(list(itertools.product((0, 1), repeat=4)) * 3, np.uint8)
    flips = np.random.default_rng(1).integers(0, 2, (len(events), 2)).astype(np.uint8)
    order = eliminate(model)
    whole = ExactPlan(model, order).gradient(events, flips, model.priors)
    beam = BeamPlan(model, order).gradient(events, flips, model.priors, 64)
    for mine, other in zip(whole, beam, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


def test_a_wide_beam_agrees_on_a_surface_code():
    beam, model, events, flips = surface(3, 5, 0.02, 100)
    plan = ExactPlan(model, eliminate(model))
    logs, syndrome = plan.run(events, model.priors)
    kept, bound, _ = beam.run(events, model.priors, 4096)
    assert (bound <= syndrome + 1e-4).all()
    np.testing.assert_allclose(np.exp(kept), np.exp(logs), atol=2e-3)
    likelihood, _, conditional, unconditional = plan.gradient(events, flips, model.priors)
    other = beam.gradient(events, flips, model.priors, 4096)
    np.testing.assert_allclose(np.exp(likelihood), np.exp(other[0]), atol=2e-3)
    np.testing.assert_allclose(conditional - unconditional, other[2] - other[3], atol=0.05)


def test_no_error_reaches_a_detector_that_is_closed_alone():
    model = ErrorModel.from_dem(stim.DetectorErrorModel("error(0.1) D0 L0\ndetector D1\nerror(0.2) D2"))
    logs, syndrome = ExactPlan(model, eliminate(model)).run(
        np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.uint8), model.priors
    )
    np.testing.assert_allclose(np.exp(syndrome), [0.1 * 0.8, 0, 0.9 * 0.2], rtol=1e-6)
    np.testing.assert_allclose(np.exp(logs), [[0, 1], [0.5, 0.5], [1, 0]], atol=1e-6)
