"""The strongest conventional model on the raw data: support vectors, boosted trees and a network, each tuned."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

FloatArray = NDArray[np.float64]
Cases = tuple[FloatArray, NDArray[Any]]
"""Inputs, shape [cases, columns], and targets: classes, shape [cases], or values, shape [cases, values]."""


@dataclass(frozen=True)
class Conventional:
    """One kind of model and the one number that is tuned.

    Args:
        name: of the kind.
        low: least value tried, about.
        high: largest.
        classifier: takes the number and a seed.
        regressor: the same, for one value.
    """

    name: str
    low: float
    high: float
    classifier: Callable[[float, int], Any]
    regressor: Callable[[float, int], Any]


CONVENTIONAL: tuple[Conventional, ...] = (
    Conventional("support vectors", 0.3, 300.0, lambda c, _: SVC(C=c), lambda c, _: SVR(C=c)),
    Conventional(
        "gradient boosting",
        0.03,
        0.3,
        lambda rate, seed: GradientBoostingClassifier(learning_rate=rate, random_state=seed),
        lambda rate, seed: GradientBoostingRegressor(learning_rate=rate, random_state=seed),
    ),
    Conventional(
        "MLP",
        1e-3,
        10.0,
        lambda alpha, seed: MLPClassifier(
            hidden_layer_sizes=(64,), solver="lbfgs", alpha=alpha, max_iter=200, random_state=seed
        ),
        lambda alpha, seed: MLPRegressor(
            hidden_layer_sizes=(64,), solver="lbfgs", alpha=alpha, max_iter=200, random_state=seed
        ),
    ),
)


def spread(low: float, high: float, count: int) -> list[float]:
    """Return the middles of so many equal parts of a range, on a logarithmic scale."""
    return (low * (high / low) ** ((np.arange(count) + 0.5) / count)).tolist()


def fit_conventional(learn: Cases, validation: Cases, trials: int, seed: int) -> tuple[str, Any]:
    """Return the kind and the fitted model with the best validation score of all kinds and trials.

    Args:
        learn: what is learned from; integer targets are classes.
        validation: what chooses.
        trials: values tried of each kind's number.
        seed: of everything random.
    """
    classify = np.issubdtype(learn[1].dtype, np.integer)
    best: tuple[float, str, Any] | None = None
    for kind in CONVENTIONAL:
        for number in spread(kind.low, kind.high, trials):
            model = _pipeline(kind, number, seed, classify)
            with warnings.catch_warnings():
                # Training that ends early is a choice here, as it is for the other twins.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(*learn)
            score = model.score(*validation)
            if best is None or score > best[0]:
                best = score, kind.name, model
    assert best is not None
    return best[1:]


def _pipeline(kind: Conventional, number: float, seed: int, classify: bool) -> Any:
    if classify:
        return make_pipeline(StandardScaler(), kind.classifier(number, seed))
    scaled = make_pipeline(StandardScaler(), kind.regressor(number, seed))
    return MultiOutputRegressor(TransformedTargetRegressor(scaled, transformer=StandardScaler()))
