import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng
from qloop.hybrid.heads import ConformalClassifier, ConformalRegressor, make_head


@parametrize_with_checks([ConformalClassifier(LogisticRegression()), ConformalRegressor(LinearRegression())])
def test_scikit_learn_takes_them_for_its_own(estimator, check):
    check(estimator)


def test_heads_by_hand():
    linear = make_head("linear", 2, 1)
    linear.load_state_dict({"weight": torch.tensor([[2.0, -1.0]]), "bias": torch.tensor([0.5])})
    assert linear(torch.tensor([[1.0, 3.0]])).item() == pytest.approx(-0.5)
    assert sum(p.numel() for p in make_head("mlp", 4, 3, hidden=5).parameters()) == 4 * 5 + 5 + 5 * 3 + 3
    with pytest.raises(InvalidValueError, match="`liner` is not a head: did you mean `linear`?"):
        make_head("liner", 2, 1)


def three_classes(count, seed):
    rng = make_rng(seed, "classes")
    labels = rng.integers(3, size=count)
    centres = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
    return centres[labels] + rng.standard_normal((count, 2)), np.array(["a", "b", "c"])[labels]


def line(count, seed):
    rng = make_rng(seed, "line")
    X = rng.standard_normal((count, 1))
    return X, X.ravel() + rng.standard_normal(count)


class Fixed(DummyClassifier):
    """Says that column 0 is the probability of class 1."""

    def predict_proba(self, X):
        return np.column_stack([1 - X[:, 0], X[:, 0]])


def test_sets_by_hand():
    # Scores of the calibration cases are 0.1, 0.2, 0.3, 0.4: three quarters of coverage is rank ceil(5 * 0.75) = 4.
    X, y = np.array([[0.9], [0.8], [0.7], [0.4]]), np.array([1, 1, 1, 0])
    frozen = FrozenEstimator(Fixed().fit(X, y))
    model = ConformalClassifier(frozen, coverage=0.75, calibration_share=1).fit(X, y)
    assert model.threshold_ == pytest.approx(0.4)
    # A class is named when its probability is at least 0.6.
    assert model.predict_set(np.array([[0.95], [0.5], [0.3]])).tolist() == [[0, 1], [0, 0], [1, 0]]
    assert model.predict(np.array([[0.95], [0.3]])).tolist() == [1, 0]


def test_too_few_cases_name_every_class_and_every_value():
    X, y = three_classes(12, 0)
    model = ConformalClassifier(LogisticRegression(), coverage=0.99).fit(X, y)
    assert model.predict_set(X).all()
    low, high = ConformalRegressor(LinearRegression(), coverage=0.99).fit(X, X[:, 0]).predict_interval(X)
    assert np.isneginf(low).all()
    assert np.isposinf(high).all()


def covered(model, X, y):
    """Return the share of cases inside, by plain loops over what the model says."""
    if isinstance(model, ConformalClassifier):
        inside = [row[list(model.classes_).index(label)] for row, label in zip(model.predict_set(X), y, strict=True)]
    else:
        inside = [low <= value <= high for low, high, value in zip(*model.predict_interval(X), y, strict=True)]
    return np.mean(inside)


@pytest.mark.parametrize("coverage", [0.6, 0.9])
def test_coverage_is_kept_over_many_worlds(coverage):
    # A world's coverage follows a Beta law with this mean; the mean of 40 worlds strays 4 deviations once in 15,000.
    calibration, worlds = 60, 40
    rank = np.ceil((calibration + 1) * coverage)
    mean = rank / (calibration + 1)
    deviation = np.sqrt(mean * (1 - mean) * (1 / (calibration + 2) + 1 / 500) / worlds)
    for model, make in (
        (ConformalClassifier(GaussianNB()), three_classes),
        (ConformalRegressor(LinearRegression()), line),
    ):
        model.set_params(coverage=coverage, calibration_share=0.5)
        shares = [
            covered(model.fit(*make(2 * calibration, world)), *make(500, 1000 + world)) for world in range(worlds)
        ]
        assert np.mean(shares) == pytest.approx(mean, abs=4 * deviation)


def test_a_useless_classifier_still_covers():
    X, y = three_classes(600, 1)
    model = ConformalClassifier(DummyClassifier(strategy="uniform")).fit(X, y)
    checked = model.measure_coverage(*three_classes(300, 2))
    assert checked.value == 1
    assert checked.flags
    assert model.predict_set(X).all()


def test_measured_coverage_resamples_groups():
    X, y = line(400, 3)
    model = ConformalRegressor(LinearRegression()).fit(*line(200, 4))
    single = model.measure_coverage(X, y)
    assert single.value == covered(model, X, y)
    # Groups that lie or miss together are fewer independent cases.
    grouped = model.measure_coverage(X, y, groups=np.argsort(np.argsort(np.abs(y - model.predict(X)))) // 40)
    assert single.value == grouped.value
    assert grouped.high - grouped.low > 2 * (single.high - single.low)


def test_calibration_cases_are_not_learned_from():
    X, y = line(40, 5)
    model = ConformalRegressor(LinearRegression(), calibration_share=0.5).fit(X, y)
    residuals = np.sort(np.abs(y - model.predict(X)))
    assert model.radius_ in residuals
    frozen = ConformalRegressor(FrozenEstimator(LinearRegression().fit(X[:20], y[:20])), calibration_share=1)
    assert frozen.fit(X[20:], y[20:]).regressor_.coef_ == LinearRegression().fit(X[:20], y[:20]).coef_


def test_bad_input():
    X, y = three_classes(60, 6)
    model = ConformalClassifier(LogisticRegression()).fit(X, y)
    with pytest.raises(InvalidValueError, match="`d` is a class that the classifier never saw"):
        model.measure_coverage(X, np.full(60, "d"))
    with pytest.raises(InvalidValueError, match="`calibration_share` must lie above 0 and not above 1, got 0"):
        ConformalClassifier(LogisticRegression(), calibration_share=0).fit(X, y)
    with pytest.raises(InvalidValueError, match="`coverage` must lie between 0 and 1, got 1"):
        ConformalClassifier(LogisticRegression(), coverage=1).fit(X, y)
