"""`HybridClassifier`: an encoder that compresses, a circuit, and a head, as one scikit-learn classifier."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from qloop.circuits.program import Program
from qloop.core.errors import InvalidValueError, nearest
from qloop.core.rng import make_rng
from qloop.hybrid import ansatze
from qloop.hybrid.encoders import make_encoder
from qloop.hybrid.heads import make_head
from qloop.hybrid.layer import QuantumLayer
from qloop.train.loop import FitSettings, fit, predict, seeded

CIRCUITS: Mapping[str, Callable[[int, int], Program]] = {
    "hardware_efficient": ansatze.hardware_efficient,
    "reupload": ansatze.reupload,
    "iqp": ansatze.iqp,
    "brickwork": ansatze.brickwork,
}
"""Name to a circuit of so many qubits and layers."""


class HybridClassifier(ClassifierMixin, BaseEstimator):
    """A classifier with a quantum circuit inside: features, angles, Z of every qubit, probabilities.

    A fifth of the cases decides when to stop; encoder, circuit and head learn from the others.

    Args:
        encoder: a name of `qloop.hybrid.encoders.ENCODERS`, or any scikit-learn transformer to `num_qubits` angles.
        num_qubits: at most the number of columns.
        circuit: a name of `CIRCUITS`.
        layers: of the circuit.
        head: ``"linear"`` or ``"mlp"``.
        standardize: false where all columns share one unit (pixels); for an encoder by name.
        epochs: most passes over the cases.
        batch_size: cases per step.
        learning_rate: step size of Adam.
        patience: epochs without a lower validation loss before the training stops.
        seed: of everything random.

    Attributes:
        encoder_: the fitted encoder.
        model_: the trained module from angles to scores, a `QuantumLayer` and the head.
        classes_: class of each column of `predict_proba`.
    """

    def __init__(
        self,
        encoder: Any = "pca",
        num_qubits: int = 8,
        circuit: str = "hardware_efficient",
        layers: int = 3,
        head: str = "linear",
        standardize: bool = True,
        epochs: int = 200,
        batch_size: int = 32,
        learning_rate: float = 0.02,
        patience: int = 30,
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.num_qubits = num_qubits
        self.circuit = circuit
        self.layers = layers
        self.head = head
        self.standardize = standardize
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on cases, shape [cases, columns], and their classes.

        Raises:
            ValueError: values that are not finite, a single class, an unknown name, or fewer columns than qubits.
        """
        table, targets = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(targets)
        self.classes_, labels = np.unique(targets, return_inverse=True)
        if len(self.classes_) < 2:
            raise InvalidValueError(f"a classifier needs at least 2 classes, got 1 class `{self.classes_[0]}`.")
        if self.circuit not in CIRCUITS:
            raise InvalidValueError(f"`{self.circuit}` is not a circuit: {nearest(self.circuit, CIRCUITS)}")
        learned, stopping = _split(labels, self.seed)
        self.encoder_ = self._new_encoder().fit(table[learned], targets[learned])
        with seeded(self.seed, "weights"):
            layer = QuantumLayer(CIRCUITS[self.circuit](self.num_qubits, self.layers))
            model = nn.Sequential(layer, make_head(self.head, layer.num_outputs, len(self.classes_)))
        angles, wanted = torch.from_numpy(self.encoder_.transform(table)).float(), torch.from_numpy(labels)
        train, validation = ((angles[part], wanted[part]) for part in (learned, stopping))
        settings = FitSettings(
            epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate, patience=self.patience
        )
        self.model_ = fit(model, nn.CrossEntropyLoss(), train, validation, settings, self.seed).module
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, shape [cases, classes]."""
        check_is_fitted(self)
        angles = self.encoder_.transform(validate_data(self, X, dtype=np.float64, reset=False))
        return predict(self.model_, torch.from_numpy(angles).float()).double().softmax(dim=1).numpy()

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each case."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def _new_encoder(self) -> Any:
        if isinstance(self.encoder, str):
            return make_encoder(self.encoder, self.num_qubits, standardize=self.standardize, seed=self.seed)
        return clone(self.encoder)


def _split(labels: NDArray[np.intp], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return four fifths and one fifth of the cases, the classes in both as evenly as they come."""
    order = make_rng(seed, "stopping").permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    stopping = np.arange(len(order)) % 5 == 1
    return order[~stopping], order[stopping]
