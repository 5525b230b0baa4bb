"""The whole frontier against sums over all patterns of errors, and its gradient against the beam's."""

import itertools

import numpy as np
import stim
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_errors_as_likely_as_not_keep_the_digits_of_the_gradient():
    model = ErrorModel.from_dem(TWO)
    events = np.array(list(itertools.product((0, 1), repeat=4)), np.uint8)
    flips = np.random.default_rng(4).integers(0, 2, (len(events), 2)).astype(np.uint8)
    priors = np.where(np.arange(model.num_errors) % 2, 0.4999, model.priors)
    _, _, conditional, unconditional = ExactPlan(model, eliminate(model)).gradient(events, flips, priors)
    sums = np.zeros((2, model.num_errors))
    for error in range(model.num_errors):
        surely = sum_over_patterns(model, events, np.where(np.arange(model.num_errors) == error, 1, priors))
        table = sum_over_patterns(model, events, priors)
        picked = np.arange(len(events)), flips @ [1, 2]
        sums[0, error] = (priors[error] * surely[picked] / table[picked]).sum()
        sums[1, error] = (priors[error] * surely.sum(axis=1) / table.sum(axis=1)).sum()
    np.testing.assert_allclose(conditional, sums[0], rtol=1e-4)
    np.testing.assert_allclose(unconditional, sums[1], rtol=1e-4)


def test_what_is_most_improbable_is_still_weighed():
    model = ErrorModel.from_dem(
        stim.DetectorErrorModel("".join(f"error(1e-9) D{k} L0\nerror(3e-9) D{k}\n" for k in range(40)))
    )
    logs, syndrome = ExactPlan(model, eliminate(model)).run(np.ones((1, 40), np.uint8), model.priors)
    np.testing.assert_allclose(syndrome, 40 * np.log(4e-9), rtol=1e-6)
    np.testing.assert_allclose(np.exp(logs[0, 1]), (1 - 0.5**40) / 2, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sets(st.integers(0, 4), min_size=1), st.integers(0, 3), st.floats(1e-6, 0.999)), max_size=7)
)
def test_any_model_sums_to_its_patterns(rows):
    dem = stim.DetectorErrorModel("detector D4\nlogical_observable L1")
    for detectors, flips, prior in rows:
        targets = [stim.target_relative_detector_id(d) for d in sorted(detectors)]
        targets += [stim.target_logical_observable_id(k) for k in (0, 1) if flips >> k & 1]
        dem.append("error", [prior], targets)
    model = ErrorModel.from_dem(dem)
    events = np.array(list(itertools.product((0, 1), repeat=5)), np.uint8)
    logs, syndrome = ExactPlan(model, eliminate(model)).run(events, model.priors)
    table = sum_over_patterns(model, events, model.priors)
    np.testing.assert_allclose(np.exp(logs) * np.exp(syndrome)[:, None], table, rtol=1e-4, atol=1e-12)
