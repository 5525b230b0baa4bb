import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import DensityMatrix, Statevector, partial_trace
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import SVC

from qloop.circuits.qiskit import to_qiskit
from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng
from qloop.hybrid.ansatze import hardware_efficient
from qloop.hybrid.encoders import PCAEncoder
from qloop.hybrid.encodings import angle_encoding, iqp_encoding
from qloop.hybrid.kernels import FidelityKernel, ProjectedKernel


def cases(count, columns, seed=0):
    return make_rng(seed, "cases").uniform(-2, 2, (count, columns))


def states(circuit, rows):
    return [Statevector(circuit.assign_parameters(row)) for row in rows]


def test_fidelity_by_hand():
    # RY turns on separate qubits: the overlap is the product of cosines of half the differences.
    X, Y = cases(5, 3), cases(4, 3, seed=1)
    expected = np.prod(np.cos((X[:, None] - Y) / 2) ** 2, axis=2)
    np.testing.assert_allclose(FidelityKernel(angle_encoding(3)).gram(X, Y), expected, atol=1e-6)


def test_fidelity_is_qiskits():
    x = ParameterVector("x", 11)
    circuit = QuantumCircuit(3)
    for k in range(11):  # x[10] must not sort before x[2]
        circuit.ry(x[k], k % 3)
        circuit.cx(k % 3, (k + 1) % 3)
    X = cases(6, 11)
    vectors = np.array(states(circuit, X))
    np.testing.assert_allclose(
        FidelityKernel(circuit, dtype="float64").gram(X), abs(vectors.conj() @ vectors.T) ** 2, atol=1e-12
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 12), st.integers(0, 99))
def test_a_gram_matrix_is_symmetric_positive_and_one_on_its_diagonal(count, seed):
    kernel = FidelityKernel(iqp_encoding(3), dtype="float64")
    X = cases(count, 6, seed)
    gram = kernel.gram(X)
    assert np.array_equal(gram, gram.T)
    np.testing.assert_allclose(np.diag(gram), 1)
    assert np.linalg.eigvalsh(gram).min() > -1e-12
    np.testing.assert_allclose(kernel.gram(X, X[::-1].copy()), gram[:, ::-1], atol=1e-12)


def test_projected_kernel_compares_reduced_states():
    program = iqp_encoding(3)
    X = cases(4, 6)
    reduced = [
        [partial_trace(DensityMatrix(state), [q for q in range(3) if q != k]).data for k in range(3)]
        for state in states(to_qiskit(program), X)
    ]
    distance = (abs(np.array(reduced)[:, None] - np.array(reduced)) ** 2).sum(axis=(2, 3, 4))
    kernel = ProjectedKernel(program, gamma=0.7, dtype="float64")
    np.testing.assert_allclose(kernel.gram(X), np.exp(-0.7 * distance), atol=1e-12)
    assert kernel.features(X).shape == (4, 9)


def test_weights_are_part_of_the_circuit():
    program = hardware_efficient(2, layers=1)
    X = cases(3, 2)
    one, two = (FidelityKernel(program, w).gram(X) for w in (np.zeros(4), np.ones(4)))
    # Gates after the last input are undone by the overlap, so that an encoding in front of them decides.
    np.testing.assert_allclose(one, two, atol=1e-6)
    deep = hardware_efficient(2, layers=2, reupload=True)
    one, two = (FidelityKernel(deep, w).gram(X) for w in (np.zeros(8), np.ones(8)))
    assert abs(one - two).max() > 0.05


@pytest.mark.parametrize("kernel", [FidelityKernel(iqp_encoding(2)), ProjectedKernel(iqp_encoding(2))])
def test_scikit_learn_uses_it(kernel):
    rng = make_rng(0, "circle")
    X = rng.uniform(-1, 1, (80, 2))
    y = (X**2).sum(axis=1) > 0.6
    pairs = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    model = make_pipeline(PCAEncoder(2), pairs, SVC(kernel=kernel, C=100))
    assert model.fit(X[:50], y[:50]).score(X[50:], y[50:]) > 0.8
    assert GridSearchCV(model, {"svc__C": [1, 100]}, cv=2).fit(X, y).best_score_ > 0.7
    features = clone(kernel).fit(pairs.fit_transform(X[:10])).transform(pairs.transform(X))
    np.testing.assert_allclose(features, kernel.gram(pairs.transform(X), pairs.transform(X[:10])), atol=1e-6)
    assert np.array_equal(pickle.loads(pickle.dumps(kernel)).gram(X[:, [0, 1, 1]]), kernel.gram(X[:, [0, 1, 1]]))


def test_bad_input():
    kernel = FidelityKernel(angle_encoding(2))
    with pytest.raises(InvalidValueError, match=r"`inputs` must have shape \[batch, 2\], got \[3, 4\]"):
        kernel.gram(cases(3, 4))
    with pytest.raises(InvalidValueError, match="`inputs` must be finite"):
        kernel.gram(np.full((1, 2), np.nan))
    with pytest.raises(InvalidValueError, match=r"`weights` must have shape \[4\], got \[0\]"):
        FidelityKernel(hardware_efficient(2, 1)).gram(cases(3, 2))
    with pytest.raises(InvalidValueError, match="`circuit` must be a `QuantumCircuit` or a `Program`, got `NoneType`"):
        FidelityKernel().gram(cases(3, 2))
