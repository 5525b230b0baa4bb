"""Heads: what interprets a circuit's outputs, and what states how far to trust the reading."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from qloop.core.conformal import conformal_radius, finite_sample_quantile, measure_coverage
from qloop.core.errors import InvalidValueError, nearest
from qloop.core.estimate import Estimate

FloatArray = NDArray[np.float64]
HEADS = ("linear", "mlp")


def make_head(name: str, num_inputs: int, num_outputs: int, hidden: int = 16) -> nn.Module:
    """Return the module that turns a circuit's outputs into scores or values.

    Args:
        name: ``"linear"``, or ``"mlp"`` for one hidden layer.
        num_inputs: the circuit's outputs.
        num_outputs: classes or values.
        hidden: width of the hidden layer.

    Raises:
        InvalidValueError: an unknown name.
    """
    if name not in HEADS:
        raise InvalidValueError(f"`{name}` is not a head: {nearest(name, HEADS)}")
    if name == "linear":
        return nn.Linear(num_inputs, num_outputs)
    return nn.Sequential(nn.Linear(num_inputs, hidden), nn.ReLU(), nn.Linear(hidden, num_outputs))


class ConformalClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier that also names every class it cannot rule out.

    The set holds the true class of a new exchangeable case with at least the stated probability, however good or bad
    the classifier is; a bad one only names more classes. The set may be empty: no class fits the case.

    Args:
        classifier: anything with `predict_proba`; one in `sklearn.frozen.FrozenEstimator` is taken as it is.
        coverage: between 0 and 1.
        calibration_share: share of the cases that the classifier does not learn from and that calibrate the sets; 1
            for a frozen classifier and cases it never saw.
        seed: which cases calibrate.

    Source: least ambiguous sets, Sadinle, Lei and Wasserman, arXiv:1609.00451; split conformal as in `qloop.core`.
    """

    def __init__(
        self, classifier: Any = None, coverage: float = 0.9, calibration_share: float = 0.3, seed: int = 0
    ) -> None:
        self.classifier = classifier
        self.coverage = coverage
        self.calibration_share = calibration_share
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the classifier on one part of the cases and calibrate on the other.

        Raises:
            InvalidValueError: a class that calibrates but that the classifier never saw, or a share out of range.
        """
        table, targets = validate_data(self, X, y)
        check_classification_targets(targets)
        self.classifier_, held_out, labels = _fit_part(
            self.classifier, table, targets, self.calibration_share, self.seed, stratify=True
        )
        self.classes_ = self.classifier_.classes_
        scores = 1 - (self.classifier_.predict_proba(held_out) * self._one_hot(labels)).sum(axis=1)
        self.threshold_ = finite_sample_quantile(scores, self.coverage)
        return self

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Return the classifier's probabilities, shape [cases, classes]."""
        check_is_fitted(self)
        return self.classifier_.predict_proba(validate_data(self, X, reset=False))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each case."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_set(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each class is in each case's set, shape [cases, classes]."""
        return 1 - self.predict_proba(X) <= self.threshold_

    def measure_coverage(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Estimate:
        """Return the share of new cases whose set holds their class.

        Args:
            X: cases that neither the fit nor the calibration saw.
            y: their classes.
            groups: the group of each case, where cases of a group resemble each other.
        """
        named = np.any(self.predict_set(X) & self._one_hot(np.asarray(y)), axis=1)
        return measure_coverage(named, 1, 1, np.arange(len(named)) if groups is None else groups)

    def _one_hot(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        table = labels[:, None] == self.classes_
        if not table.any(axis=1).all():
            unknown = labels[~table.any(axis=1)][0]
            raise InvalidValueError(f"`{unknown}` is a class that the classifier never saw.")
        return table


class ConformalRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """A regressor with an interval that covers a new exchangeable value with at least the stated probability.

    Args:
        regressor: any scikit-learn regressor; one in `sklearn.frozen.FrozenEstimator` is taken as it is.
        coverage: between 0 and 1.
        calibration_share: share of the cases that the regressor does not learn from and that calibrate the intervals; 1
            for a frozen regressor and cases it never saw.
        seed: which cases calibrate.

    Source: split conformal, as in `qloop.core.conformal`.
    """

    def __init__(
        self, regressor: Any = None, coverage: float = 0.9, calibration_share: float = 0.3, seed: int = 0
    ) -> None:
        self.regressor = regressor
        self.coverage = coverage
        self.calibration_share = calibration_share
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the regressor on one part of the cases and calibrate on the other."""
        table, targets = validate_data(self, X, y, y_numeric=True)
        self.regressor_, held_out, values = _fit_part(
            self.regressor, table, targets, self.calibration_share, self.seed, stratify=False
        )
        self.radius_ = conformal_radius(values, self.regressor_.predict(held_out), coverage=self.coverage)
        return self

    def predict(self, X: ArrayLike) -> FloatArray:
        """Return the regressor's value of each case."""
        check_is_fitted(self)
        return self.regressor_.predict(validate_data(self, X, reset=False))

    def predict_interval(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper ends, shape [cases] each; infinite where too few cases calibrated."""
        centre = self.predict(X)
        return centre - self.radius_, centre + self.radius_

    def measure_coverage(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Estimate:
        """Return the share of new values inside their intervals.

        Args:
            X: cases that neither the fit nor the calibration saw.
            y: their values.
            groups: the group of each case, where cases of a group resemble each other.
        """
        low, high = self.predict_interval(X)
        return measure_coverage(y, low, high, np.arange(len(low)) if groups is None else groups)


def _fit_part(
    estimator: Any, inputs: NDArray[Any], targets: NDArray[Any], share: float, seed: int, *, stratify: bool
) -> tuple[Any, NDArray[Any], NDArray[Any]]:
    """Return the estimator fitted on one part of the cases, and the inputs and targets of the other part."""
    if not 0 < share <= 1:
        raise InvalidValueError(f"`calibration_share` must lie above 0 and not above 1, got {share}.")
    fitted = clone(estimator)
    if share == 1:
        check_is_fitted(fitted)
        return fitted, inputs, targets
    first, held_out, known, hidden = train_test_split(
        inputs, targets, test_size=share, random_state=seed, stratify=targets if stratify else None
    )
    return fitted.fit(first, known), held_out, hidden
