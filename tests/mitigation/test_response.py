import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.mitigation.response import Response, identity_response


def random_response(rng, num_settings, num_qubits):
    errors = rng.uniform(0, 0.3, (num_settings, num_qubits, 2))
    zero, one = errors[..., 0], errors[..., 1]
    return Response(np.stack([np.stack([1 - zero, one], -1), np.stack([zero, 1 - one], -1)], -2))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_corrected_weights_undo_the_whole_matrix(num_settings, num_qubits, seed):
    rng = np.random.default_rng(seed)
    response = random_response(rng, num_settings, num_qubits)
    weights = rng.normal(size=(2, num_settings, 2**num_qubits))
    corrected = response.corrected_weights(weights)
    for setting in range(num_settings):
        whole = np.ones((1, 1))
        for matrix in response.matrices[setting]:
            whole = np.kron(matrix, whole)
        truth = rng.dirichlet(np.ones(2**num_qubits))
        assert corrected[:, setting] @ (whole @ truth) == pytest.approx(weights[:, setting] @ truth)


def test_one_qubit_by_hand():
    # Read 1 given 0 in 10 %, 0 given 1 in 20 %: the inverse of [[0.9, 0.2], [0.1, 0.8]] is [[8, -2], [-1, 9]] / 7.
    response = Response(np.array([[[[0.9, 0.2], [0.1, 0.8]]]]))
    assert response.corrected_weights(np.array([[0.0, 1.0]])) == pytest.approx(np.array([[-1 / 7, 9 / 7]]))


def test_a_perfect_readout_changes_nothing():
    weights = np.random.default_rng(0).normal(size=(4, 3, 8))
    assert (identity_response(3, 3).corrected_weights(weights) == weights).all()
