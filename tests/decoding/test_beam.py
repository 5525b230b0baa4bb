"""The beam against sums over all patterns of errors, and its gradient against differences."""

import itertools

import numpy as np
import pytest
import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding.beam import BeamPlan
from qloop.decoding.elimination import eliminate
from qloop.decoding.model import ErrorModel
from tests.slow_twins.decoding import sum_over_patterns

TWO = stim.DetectorErrorModel("""
    error(0.1) D0 D1 L0
    error(0.2) D1 D2
    error(0.05) D2 D3 L1
    error(0.15) D0 L1
    error(0.3) D3
    error(0.25) D0 D1 D2 D3
    error(0.12) D1
    error(0.08) D2 L0 L1
""")


def surface(distance, rounds, p, shots, seed=1):
    circuit = stim.Circuit.generated(
        "surface_code:rotated_memory_z",
        distance=distance,
        rounds=rounds,
        after_clifford_depolarization=p,
        before_measure_flip_probability=p,
    )
    model = ErrorModel.from_dem(circuit.detector_error_model(decompose_errors=True))
    events, flips = circuit.compile_detector_sampler(seed=seed).sample(shots, separate_observables=True)
    return BeamPlan(model, eliminate(model)), model, events.astype(np.uint8), flips.astype(np.uint8)


@pytest.fixture(scope="module")
def small():
    model = ErrorModel.from_dem(TWO)
    events = np.array(list(itertools.product((0, 1), repeat=4)), np.uint8)
    return BeamPlan(model, eliminate(model)), model, events


def test_a_wide_beam_sums_over_all_patterns(small):
    plan, model, events = small
    logs, syndrome, states = plan.run(events, model.priors, 64)
    table = sum_over_patterns(model, events, model.priors)
    np.testing.assert_allclose(np.exp(logs + syndrome[:, None]), table, rtol=1e-5, atol=1e-9)
    assert states.max() <= 16


def test_priors_may_differ_from_shot_to_shot(small):
    plan, model, events = small
    priors = np.random.default_rng(0).uniform(0.01, 0.4, (len(events), model.num_errors))
    logs, syndrome, _ = plan.run(events, priors, 64)
    for shot, row in enumerate(priors):
        table = sum_over_patterns(model, events[shot : shot + 1], row)[0]
        np.testing.assert_allclose(np.exp(logs[shot] + syndrome[shot]), table, rtol=1e-5, atol=1e-9)


def test_mean_numbers_of_errors_are_the_gradient(small):
    plan, model, events = small
    flips = np.random.default_rng(1).integers(0, 2, (len(events), 2)).astype(np.uint8)
    likelihood, syndrome, conditional, unconditional = plan.gradient(events, flips, model.priors, 64)
    logs, again, _ = plan.run(events, model.priors, 64)
    np.testing.assert_allclose(likelihood, logs[np.arange(len(events)), flips @ [1, 2]], rtol=1e-6)
    np.testing.assert_allclose(syndrome, again, rtol=1e-6)
    for error in range(model.num_errors):
        sums = []
        for step in (-1e-4, 1e-4):
            priors = model.priors.copy()
            odds = np.log(priors[error] / (1 - priors[error])) + step
            priors[error] = 1 / (1 + np.exp(-odds))
            table = sum_over_patterns(model, events, priors)
            picked = table[np.arange(len(events)), flips @ [1, 2]]
            sums.append((np.log(picked / table.sum(axis=1)).sum(), np.log(table.sum(axis=1)).sum()))
        expected = np.diff(sums, axis=0)[0] / 2e-4
        got = (conditional - unconditional)[error], (unconditional - len(events) * model.priors)[error]
        np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-4)


def test_a_narrow_beam_knows_a_lower_bound_that_rises_with_it():
    plan, model, events, _ = surface(5, 5, 0.01, 40)
    bounds = [plan.run(events, model.priors, beam)[1] for beam in (16, 128, 2048)]
    assert (bounds[0] <= bounds[2] + 1e-3).all()
    assert bounds[0].mean() < bounds[1].mean() <= bounds[2].mean() + 1e-3
    assert bounds[2].mean() - bounds[1].mean() < 0.2


def test_the_gradient_of_a_narrow_beam_counts_every_error_once():
    plan, model, events, flips = surface(3, 4, 0.01, 60)
    likelihood, _, conditional, unconditional = plan.gradient(events, flips, model.priors, 8)
    known = np.isfinite(likelihood)
    assert known.mean() > 0.9
    # Every detection event that fires was flipped an odd number of times, at least once.
    touched = np.zeros(model.num_detectors)
    for error, (detectors, _) in enumerate(model.symptoms):
        touched[list(detectors)] += conditional[error]
    assert (touched >= events[known].sum(axis=0) - 1e-3).all()
    assert ((unconditional >= 0) & (unconditional <= known.sum() + 1e-6)).all()


def test_answers_do_not_depend_on_batching_or_threads():
    plan, model, events, _ = surface(5, 5, 0.005, 30)
    logs, syndrome, _ = plan.run(events, model.priors, 32)
    for shot in (0, 7, 29):
        alone = plan.run(events[shot : shot + 1], model.priors, 32)
        np.testing.assert_array_equal(alone[0][0], logs[shot])
        assert alone[1][0] == syndrome[shot]


def test_a_syndrome_that_no_errors_explain_has_equal_classes():
    model = ErrorModel.from_dem(stim.DetectorErrorModel("error(0.1) D0 D1 L0\nerror(0.1) D0 D1\ndetector D2"))
    plan = BeamPlan(model, eliminate(model))
    logs, syndrome, _ = plan.run(np.array([[1, 0, 0], [1, 1, 1], [1, 1, 0]], np.uint8), model.priors, 8)
    np.testing.assert_allclose(np.exp(logs), 0.5)
    assert np.isneginf(syndrome).tolist() == [True, True, False]


def test_models_beyond_the_beam_are_refused():
    wide = stim.DetectorErrorModel("error(0.1) " + " ".join(f"D{i}" for i in range(11)))
    model = ErrorModel.from_dem(wide)
    with pytest.raises(InvalidValueError, match="at most 10 detectors, got 11"):
        BeamPlan(model, eliminate(model))
    many = ErrorModel.from_dem(stim.DetectorErrorModel("error(0.1) D0 L3"))
    with pytest.raises(InvalidValueError, match="at most 3 observables, got 4"):
        BeamPlan(many, eliminate(many))
    plan, model, events, _ = surface(3, 2, 0.01, 2)
    with pytest.raises(InvalidValueError, match=r"a beam of 1000000000 states needs .* GiB"):
        plan.run(events, model.priors, 10**9)
