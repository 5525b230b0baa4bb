import numpy as np
import pytest
from scipy.stats import chi2

from qloop.circuits.pauli import PauliSum
from qloop.circuits.simulate import simulate
from qloop.devices import IdealSimulator, Request
from qloop.mitigation.channel import (
    FLOOR,
    ChannelPrior,
    _predict,
    channel_response,
    combine,
    construct,
    fit_slopes,
    learn_prior,
    reference_values,
    vague_prior,
)
from qloop.mitigation.expectation import Estimator, Functional
from tests.mitigation.samples import (
    BASES,
    NUMBERS,
    ansatz,
    measured,
    noisy_counts,
    noisy_probabilities,
    references,
    table,
    weak_prior,
)

PLENTY = 1e9


@pytest.fixture(scope="module")
def shared():
    return table()


def exact_counts(numbers=NUMBERS):
    return PLENTY * np.array([noisy_probabilities(values, numbers) for values in references()])


def test_references_turn_one_parameter_at_a_time_the_largest_first():
    quarter = np.pi / 2
    values = reference_values(np.array([[0.1, -0.5, 0.2], [0.1, -0.3, 0.3]]))
    assert values.tolist() == [[0, -quarter, 0], [0, 0, quarter], [quarter, 0, 0]]


def test_requests_share_the_shots_between_references_and_settings():
    requests = construct(ansatz(), references(), BASES, 36_000)
    assert len(requests) == 4
    assert all((request.shots == 1000).all() for request in requests)
    assert [request.values.tolist() for request in requests] == references().tolist()
    assert (construct(ansatz(), references(), BASES, 10)[0].shots == 4).all()
    assert construct(ansatz(), references()[:0], BASES, 10) == []


def test_the_table_holds_the_states_expectations(shared):
    letters, _ = measured()
    for row, values in zip(shared.exact, references(), strict=True):
        strings = PauliSum(3, letters, np.ones(len(letters)))
        assert row == pytest.approx(strings.term_expectations(simulate(ansatz(), values)), abs=1e-9)


def test_the_prediction_is_what_the_channel_reads(shared):
    letters, setting = measured()
    outcomes = (np.arange(8)[:, None] >> np.arange(3)) & 1
    signs = (-1.0) ** (outcomes @ (letters != 0).T)
    predicted, _ = _predict(shared, NUMBERS)
    for row, values in zip(predicted, references(), strict=True):
        probabilities = noisy_probabilities(values)[setting]
        assert row == pytest.approx((probabilities * signs.T).sum(1), abs=1e-9)


def test_the_predictions_slopes_against_finite_differences(shared):
    _, slopes = _predict(shared, NUMBERS)
    for k in range(9):
        step = np.zeros(9)
        step[k] = 1e-5
        above, below = (_predict(shared, NUMBERS + sign * step.reshape(3, 3))[0] for sign in (1, -1))
        assert slopes[:, k] == pytest.approx((above - below).ravel() / 2e-5, abs=1e-8)


def test_a_channel_is_recovered_exactly_from_exact_frequencies(shared):
    found = combine(shared, exact_counts(), weak_prior(shared))
    assert found.numbers == pytest.approx(NUMBERS, abs=1e-5)
    assert found.chi2 < 1e-3


def test_the_recovered_channel_corrects_a_state_it_has_not_seen(shared):
    found = combine(shared, exact_counts(), weak_prior(shared))
    values = np.array([0.7, -0.4, 1.1])
    weights = np.random.default_rng(0).normal(size=(1, len(BASES), 8))
    functional = Functional(constant=np.zeros(1), weights=weights, selected=np.ones((len(BASES), 8)))
    request = Request(program=ansatz(), values=values, bases=BASES, shots=np.zeros(len(BASES), np.int64))
    expected = (weights[0] * IdealSimulator().probabilities(request)).sum()
    estimator = Estimator(functional, found.response(BASES))
    assert estimator.estimate(PLENTY * noisy_probabilities(values)[None]).values == pytest.approx([expected], abs=1e-4)


def test_the_response_by_hand():
    matrices = channel_response(np.array([[0.8, 0.9, 0.04]]), np.array([[1], [3]])).matrices[:, 0]
    assert matrices[0] == pytest.approx(np.array([[0.9, 0.1], [0.1, 0.9]]))
    # Z becomes 0.9 Z + 0.04: P(0 | 0) = (1 + 0.94) / 2, P(0 | 1) = (1 - 0.86) / 2.
    assert matrices[1] == pytest.approx(np.array([[0.97, 0.07], [0.03, 0.93]]))


def test_without_shots_the_prior_speaks(shared):
    prior = vague_prior(shared)
    found = combine(shared, np.zeros((4, len(BASES), 8)), prior)
    assert found.numbers == pytest.approx(prior.mean, abs=1e-3)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(0.1, rel=0.01)


def test_intervals_cover_as_stated(shared):
    # 120 jobs with 9 numbers: the mean of a chi-squared with 9 degrees of freedom has a standard error of 0.39, so four
    # of them are left wrongly in fewer than 1 of 10,000 seeds. Each number alone is covered in 90 +- 1 %.
    rng = np.random.default_rng(0)
    prior = weak_prior(shared, deviation=0.03, model_variance=1e-7)
    distances, inside = [], []
    for _ in range(120):
        truth = prior.mean + 0.03 * rng.normal(size=(3, 3))
        found = combine(shared, noisy_counts(rng, 800, truth), prior)
        miss = (found.numbers - truth).ravel()
        distances.append(miss @ np.linalg.solve(found.covariance, miss))
        inside.append(np.abs(miss) <= 1.645 * np.sqrt(np.diag(found.covariance)))
    assert np.mean(distances) == pytest.approx(9, abs=1.6)
    assert 0.86 < np.mean(inside) < 0.94
    assert max(distances) < chi2(9).isf(1e-5)


def test_misfit_shows_in_chi2_and_widens_the_covariance(shared):
    counts = exact_counts()
    counts[2] = PLENTY / 8
    prior = weak_prior(shared, model_variance=1e-4)
    good, bad = combine(shared, exact_counts(), prior), combine(shared, counts, prior)
    assert good.chi2 < 1 < bad.chi2
    assert np.trace(bad.covariance) > bad.chi2 * np.trace(good.covariance) / 2


def test_a_prior_is_the_mean_and_spread_of_the_twins(shared):
    rng = np.random.default_rng(0)
    truths = NUMBERS + 0.02 * rng.normal(size=(30, 3, 3))
    twins = np.array([[noisy_probabilities(values, truth) for values in references()] for truth in truths])
    prior = learn_prior(shared, twins)
    # Fits are pulled to the vague prior by model variance; a tenth of the spread remains of that.
    assert prior.mean == pytest.approx(truths.mean(0), abs=0.004)
    spread = np.cov(truths.reshape(30, 9).T) + FLOOR**2 * np.eye(9)
    assert np.diag(prior.covariance) == pytest.approx(np.diag(spread), rel=0.35)
    assert prior.model_variance.shape == shared.exact.shape
    assert prior.model_variance.max() < 1e-4


def test_data_can_overrule_twins_that_all_agree(shared):
    one = np.array([noisy_probabilities(values) for values in references()])
    prior = learn_prior(shared, np.array([one] * 5))
    assert prior.covariance == pytest.approx(FLOOR**2 * np.eye(9), abs=1e-9)


def test_a_learned_prior_beats_a_vague_one_at_few_shots(shared):
    rng = np.random.default_rng(1)
    truths = NUMBERS + 0.01 * rng.normal(size=(31, 3, 3))
    twins = np.array([[noisy_probabilities(values, truth) for values in references()] for truth in truths[:30]])
    learned, vague = learn_prior(shared, twins), vague_prior(shared)
    miss = {"learned": [], "vague": []}
    for _ in range(20):
        counts = noisy_counts(rng, 30, truths[30])
        for name, prior in (("learned", learned), ("vague", vague)):
            miss[name].append(np.abs(combine(shared, counts, prior).numbers - truths[30]).mean())
    assert np.mean(miss["learned"]) < 0.6 * np.mean(miss["vague"])


def test_some_references_alone(shared):
    some = shared.at([3, 1])
    assert (some.exact == shared.exact[[3, 1]]).all()
    assert _predict(some, NUMBERS)[0] == pytest.approx(_predict(shared, NUMBERS)[0][[3, 1]])
    prior = ChannelPrior(mean=NUMBERS, covariance=np.eye(9), model_variance=np.arange(4)[:, None] * np.ones((1, 2)))
    assert prior.at([3, 1]).model_variance[:, 0].tolist() == [3, 1]


@pytest.mark.parametrize("postselect", [False, True])
def test_corrected_values_slopes_against_finite_differences(shared, postselect):
    rng = np.random.default_rng(2)
    found = combine(shared, noisy_counts(rng, 2000), weak_prior(shared))
    counts = rng.multinomial(3000, noisy_probabilities(np.array([0.5, 0.2, -0.9])), (2, len(BASES))).astype(float)
    selected = np.ones((len(BASES), 8))
    selected[8, :4] = 0
    functional = Functional(constant=np.zeros(2), weights=rng.normal(size=(2, len(BASES), 8)), selected=selected)

    def value(numbers):
        return Estimator(functional, channel_response(numbers, BASES), postselect).estimate(counts)

    slopes = fit_slopes(found, BASES, counts, value(found.numbers).scores)
    assert slopes.shape == (9, 2)
    for k in range(9):
        step = np.zeros(9)
        step[k] = 1e-5
        above, below = (value(found.numbers + sign * step.reshape(3, 3)).values for sign in (1, -1))
        assert slopes[k] == pytest.approx((above - below) / 2e-5, abs=1e-6)
