"""Sums of Pauli strings against dense matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp

from qloop.circuits import PauliSum, from_sparse_pauli_op, gf2, to_sparse_pauli_op
from qloop.circuits.gates import pauli_matrix
from qloop.circuits.pauli import count_clashes
from qloop.core.errors import InvalidValueError
from tests.circuits.samples import random_pauli_sum, random_state

seeds = st.integers(0, 10**6)


def dense(observable):
    """The slow twin: Kronecker products."""
    return sum(
        c * pauli_matrix(row) for c, row in zip(observable.coefficients, observable.letters.tolist(), strict=True)
    )


def test_by_hand():
    observable = PauliSum.from_labels({"XZ": 0.5, "II": 2.0, "YI": -1.0})
    np.testing.assert_array_equal(observable.letters, [[3, 1], [0, 0], [0, 2]])
    assert observable.constant == 2.0
    assert observable.labels() == ["XZ", "II", "YI"]
    x, z = observable.masks()
    assert (x.tolist(), z.tolist()) == ([2, 0, 2], [1, 0, 2])
    # In |10>: X on qubit 1 vanishes, and so does Y.
    assert observable.expectation(np.eye(4, dtype=complex)[2]) == 2.0
    same = PauliSum.from_terms(2, [("ZX", (0, 1), 0.5), ("", (), 2.0), ("Y", (1,), -1.0)])
    np.testing.assert_array_equal(same.letters, observable.letters)


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 4))
def test_numbers_equal_dense_matrices(seed, num_qubits):
    rng = np.random.default_rng(seed)
    observable, state = random_pauli_sum(rng, num_qubits, 8), random_state(rng, num_qubits)
    matrix = dense(observable)
    np.testing.assert_allclose(observable.matrix(), matrix, atol=1e-14)
    np.testing.assert_allclose(observable.apply(state), matrix @ state, atol=1e-13)
    assert observable.expectation(state) == pytest.approx(np.vdot(state, matrix @ state).real)
    assert observable.constant == pytest.approx(np.trace(matrix).real / 2**num_qubits)


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_sums_are_linear(seed):
    rng = np.random.default_rng(seed)
    a, b = random_pauli_sum(rng, 2, 9), random_pauli_sum(rng, 2, 5)
    total = (2 * a + b * -0.5).simplify()
    np.testing.assert_allclose(total.matrix(), 2 * dense(a) - 0.5 * dense(b), atol=1e-13)
    assert len(set(total.labels())) == total.num_terms
    nothing = (a + a * -1).simplify(1e-12)
    assert nothing.num_terms == nothing.simplify().num_terms == len(nothing.group()) == 0
    np.testing.assert_array_equal(nothing.matrix(), np.zeros((4, 4)))


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 4))
def test_clashes_decide_commutation(seed, num_qubits):
    a, b = np.random.default_rng(seed).integers(0, 4, (2, num_qubits), np.uint8)
    A, B = pauli_matrix(a), pauli_matrix(b)
    assert np.allclose(A @ B, B @ A) == (count_clashes(a, b) % 2 == 0)


@settings(deadline=None, max_examples=25)
@given(seeds, st.sampled_from(["qubitwise", "full"]))
def test_groups_commute_and_hold_every_term_once(seed, kind):
    observable = random_pauli_sum(np.random.default_rng(seed), 4, 30)
    groups = observable.group(kind)
    members = np.concatenate([group.terms for group in groups])
    np.testing.assert_array_equal(np.sort(members), np.flatnonzero(observable.letters.any(1)))
    for group in groups:
        letters = observable.letters[group.terms]
        clashes = count_clashes(letters[:, None], letters[None])
        assert (clashes == 0 if kind == "qubitwise" else clashes % 2 == 0).all()
        if kind == "qubitwise":
            assert ((letters == 0) | (letters == group.basis)).all()
            assert (group.basis[(letters == 0).all(0)] == 3).all()
        else:
            assert group.basis is None


def test_sorted_insertion_by_hand():
    observable = PauliSum.from_labels({"ZI": 0.1, "XX": 0.9, "ZZ": 0.5, "YY": 0.4, "II": 7})
    first, second, third = observable.group()
    assert (first.terms.tolist(), first.basis.tolist()) == ([1], [1, 1])
    assert (second.terms.tolist(), second.basis.tolist()) == ([2, 0], [3, 3])
    assert (third.terms.tolist(), third.basis.tolist()) == ([3], [2, 2])
    assert [group.terms.tolist() for group in observable.group("full")] == [[1, 2, 3], [0]]


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 4))
def test_linear_map_is_conjugation_by_the_permutation(seed, num_qubits):
    rng = np.random.default_rng(seed)
    observable = random_pauli_sum(rng, num_qubits, 10)
    matrix = np.eye(num_qubits, dtype=np.uint8)[rng.permutation(num_qubits)]
    for _ in range(2 * num_qubits if num_qubits > 1 else 0):
        target, control = rng.permutation(num_qubits)[:2]
        matrix[target] ^= matrix[control]
    states = np.arange(2**num_qubits)
    bits = (states[:, None] >> np.arange(num_qubits)) & 1
    permutation = np.zeros((len(states), len(states)))
    permutation[(bits @ matrix.T % 2) @ (1 << np.arange(num_qubits)), states] = 1
    mapped = observable.linear_map(matrix)
    np.testing.assert_allclose(mapped.matrix(), permutation @ dense(observable) @ permutation.T, atol=1e-13)
    back = mapped.linear_map(gf2.inverse(matrix))
    np.testing.assert_array_equal(back.letters, observable.letters)
    np.testing.assert_array_equal(back.coefficients, observable.coefficients)


def test_qiskit_round_trip():
    observable = random_pauli_sum(np.random.default_rng(1), 3, 12)
    operator = to_sparse_pauli_op(observable)
    np.testing.assert_allclose(operator.to_matrix(), observable.matrix(), atol=1e-14)
    again = from_sparse_pauli_op(operator)
    np.testing.assert_array_equal(again.letters, observable.letters)
    np.testing.assert_array_equal(again.coefficients, observable.coefficients)
    with pytest.raises(InvalidValueError, match="real coefficients"):
        from_sparse_pauli_op(SparsePauliOp(["X"], [1j]))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PauliSum.from_labels({"XA": 1.0}), "got `A`"),
        (lambda: PauliSum.from_labels({"X": 1.0, "XX": 1.0}), r"one length, got lengths \[1, 2\]"),
        (lambda: PauliSum.from_terms(2, [("XX", (0, 0), 1.0)]), r"2 distinct qubits below 2, got \[0, 0\]"),
        (lambda: PauliSum.from_terms(2, [("X", (2,), 1.0)]), r"distinct qubits below 2, got \[2\]"),
        (lambda: PauliSum(1, np.array([[4]]), np.ones(1)), "must be 0 to 3, got 4"),
        (lambda: PauliSum(2, np.array([[1]]), np.ones(1)), r"shape \(1, 2\), got \(1, 1\)"),
        (lambda: PauliSum(1, np.array([[1]]), np.array([np.nan])), "finite"),
        (lambda: PauliSum.from_labels({"X": 1.0}).group("some"), 'got "some"'),
        (lambda: PauliSum.from_labels({"X": 1.0}) + PauliSum.from_labels({"XX": 1.0}), "1 and 2 qubits"),
        (lambda: PauliSum(65, np.zeros((1, 65)), np.ones(1)).masks(), "at most 64 qubits, got 65"),
    ],
)
def test_bad_input_is_one_sentence(build, message):
    with pytest.raises(InvalidValueError, match=message):
        build()
