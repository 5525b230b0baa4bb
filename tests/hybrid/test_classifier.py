import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

from qloop.core.errors import InvalidValueError
from qloop.hybrid.classifier import CIRCUITS, HybridClassifier
from qloop.hybrid.heads import ConformalClassifier

SMALL = {"num_qubits": 2, "layers": 1, "epochs": 15, "learning_rate": 0.3, "batch_size": 256}


@parametrize_with_checks([HybridClassifier(**SMALL)])
def test_scikit_learn_takes_it_for_its_own(estimator, check):
    check(estimator)


def iris():
    X, y = load_iris(return_X_y=True)
    return train_test_split(X, y, test_size=0.4, random_state=0, stratify=y)


def test_it_learns_three_flowers():
    train, test, known, wanted = iris()
    model = HybridClassifier(num_qubits=2, layers=2, epochs=40, learning_rate=0.1).fit(train, known)
    assert model.score(test, wanted) > 0.85
    np.testing.assert_allclose(model.predict_proba(test).sum(axis=1), 1)
    assert model.model_[0].num_inputs == 2


@pytest.mark.parametrize("circuit", CIRCUITS)
@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_every_circuit_and_head_trains(circuit, head):
    train, _, known, _ = iris()
    model = HybridClassifier(num_qubits=3, layers=1, circuit=circuit, head=head, epochs=2).fit(train, known)
    assert model.predict_proba(train).shape == (90, 3)


def test_an_encoder_of_ones_own():
    train, _, known, _ = iris()
    model = HybridClassifier(encoder=PCA(2, whiten=True), num_qubits=2, epochs=2).fit(train, known)
    assert isinstance(model.encoder_, PCA)


def test_the_encoder_never_sees_the_cases_that_stop():
    # Values are powers of two: the mean that the encoder kept says which cases it saw.
    X, y = np.column_stack([2.0 ** np.arange(20), np.zeros(20)]), np.arange(20) % 2
    model = HybridClassifier(encoder="none", epochs=1, num_qubits=1).fit(X, y)
    assert int(model.encoder_.mean_[0] * 16).bit_count() == 16


def test_it_takes_a_conformal_head():
    train, test, known, wanted = iris()
    model = ConformalClassifier(HybridClassifier(**SMALL), coverage=0.8).fit(train, known)
    # 27 cases calibrate: the coverage is a Beta(23, 5), below 0.6 once in 400 worlds.
    assert model.measure_coverage(test, wanted).value > 0.6


def test_bad_input():
    train, _, known, _ = iris()
    for change, message in (
        ({"circuit": "iqq"}, "`iqq` is not a circuit: did you mean `iqp`?"),
        ({"encoder": "pcs"}, "`pcs` is not an encoder: did you mean `pca`?"),
        ({"head": "mpl"}, "`mpl` is not a head: did you mean `mlp`?"),
        ({"num_qubits": 9}, "`num_qubits` must lie between 1 and n_features = 4, got 9"),
    ):
        with pytest.raises(InvalidValueError, match=message.replace("?", r"\?")):
            HybridClassifier(**{"num_qubits": 2} | change).fit(train, known)
    with pytest.raises(InvalidValueError, match="a classifier needs at least 2 classes, got 1 class `0`"):
        HybridClassifier(num_qubits=2).fit(train, 0 * known)
