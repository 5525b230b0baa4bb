import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.mitigation.expectation import Estimator, Functional
from qloop.mitigation.response import identity_response
from tests.mitigation.test_response import random_response


def random_functional(rng, points=2, num_settings=3, num_qubits=2):
    selected = np.ones((num_settings, 2**num_qubits))
    selected[0, 1:3] = 0
    return Functional(
        constant=rng.normal(size=points),
        weights=rng.normal(size=(points, num_settings, 2**num_qubits)),
        selected=selected,
    )


def read(response, truth):
    """Return what is read of true outcome probabilities, shape [..., settings, 4]."""
    a, b = response.matrices[:, 0], response.matrices[:, 1]
    shape = truth.shape
    return np.einsum("sBb,sAa,...sba->...sBA", b, a, truth.reshape(*shape[:-1], 2, 2)).reshape(shape)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_exact_frequencies_give_the_exact_value_whatever_the_response(seed, postselect):
    rng = np.random.default_rng(seed)
    functional, response = random_functional(rng), random_response(rng, 3, 2)
    truth = rng.dirichlet(np.ones(4), (2, 3))
    selected = functional.selected if postselect else np.ones((3, 4))
    kept = (truth * selected).sum(-1)
    expected = functional.constant + ((truth * selected * functional.weights).sum(-1) / kept).sum(-1)
    found = Estimator(functional, response, postselect).estimate(1e9 * read(response, truth))
    assert found.values == pytest.approx(expected)


def test_a_ratio_by_hand():
    # Two settings of one qubit; in the first only outcome 1 counts.
    functional = Functional(
        constant=np.array([10.0]),
        weights=np.array([[[5.0, 2.0], [1.0, -1.0]]]),
        selected=np.array([[0.0, 1.0], [1.0, 1.0]]),
    )
    counts = np.array([[[30.0, 70.0], [60.0, 40.0]]])
    found = Estimator(functional, identity_response(2, 1), postselect=True).estimate(counts)
    assert found.values == pytest.approx([10 + 2 + 0.2])
    # The first setting's ratio is 2 whatever is drawn; the second's variance is (1 - 0.04) / 100.
    assert found.variances == pytest.approx([0.0096])
    assert found.spreads == pytest.approx(np.array([[0, np.sqrt(0.96)]]))
    plain = Estimator(functional, identity_response(2, 1)).estimate(counts)
    assert plain.values == pytest.approx([10 + 0.3 * 5 + 0.7 * 2 + 0.2])


def test_a_setting_without_shots_adds_nothing_and_warns_of_nothing():
    functional = random_functional(np.random.default_rng(0), points=1)
    counts = np.zeros((1, 3, 4))
    found = Estimator(functional, identity_response(3, 2), postselect=True).estimate(counts)
    assert found.values == pytest.approx(functional.constant)
    assert found.variances.tolist() == [0]


def test_where_nothing_is_kept_all_shots_count():
    functional = random_functional(np.random.default_rng(0), points=1)
    counts = np.full((1, 3, 4), 25.0)
    counts[0, 0] = [0, 40, 60, 0]
    selecting = Estimator(functional, identity_response(3, 2), postselect=True)
    plain = Estimator(functional, identity_response(3, 2)).estimate(counts)
    found = selecting.estimate(counts)
    assert found.values == pytest.approx(plain.values)
    assert found.variances == pytest.approx(plain.variances)
    assert selecting.tabulate(counts)[0] == pytest.approx(plain.values)


@pytest.mark.parametrize("postselect", [False, True])
@pytest.mark.parametrize("corrected", [False, True])
def test_the_variance_is_the_one_seen_in_simulation(postselect, corrected):
    # 4,000 repetitions: the ratio of variances has a standard deviation of 0.022 and the linearised ratio is good to
    # 1 %; bounds of 0.1 are passed wrongly in fewer than 1 of 10,000 seeds.
    rng = np.random.default_rng(5)
    functional = random_functional(rng, points=1)
    response = random_response(rng, 3, 2) if corrected else identity_response(3, 2)
    truth = rng.dirichlet(3 * np.ones(4), 3)
    estimator = Estimator(functional, response, postselect)
    counts = rng.multinomial(2000, read(response, truth), (4000, 3)).astype(float)
    found = [estimator.estimate(one[None]) for one in counts]
    variances = np.array([one.variances[0] for one in found])
    assert np.var([one.values[0] for one in found]) == pytest.approx(variances.mean(), rel=0.1)


def test_the_table_holds_every_point_on_every_histogram():
    rng = np.random.default_rng(1)
    functional = random_functional(rng, points=3)
    counts = rng.multinomial(500, np.full(4, 0.25), (5, 3)).astype(float)
    estimator = Estimator(functional, random_response(rng, 3, 2), postselect=True)
    rows = [estimator.estimate(np.broadcast_to(one, (3, 3, 4))).values for one in counts]
    assert estimator.tabulate(counts) == pytest.approx(np.array(rows))


def test_some_points_of_a_functional():
    functional = random_functional(np.random.default_rng(2), points=3)
    assert (functional.at([2, 0]).weights == functional.weights[[2, 0]]).all()
    assert (functional.at([2, 0]).constant == functional.constant[[2, 0]]).all()
