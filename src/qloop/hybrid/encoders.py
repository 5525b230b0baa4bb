"""Encoders: real features compressed to the angles of a circuit, one per qubit.

All of them learn from the training split alone and scale in the same way: a compressed feature is standardized by the
mean and the standard deviation it had there, two standard deviations become the angle `span`, and what lies beyond
-span and span is cut.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils import Tags
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from qloop.core.errors import InvalidValueError, nearest
from qloop.core.rng import make_rng
from qloop.train.loop import FitSettings, Loss, fit, predict, seeded

FloatArray = NDArray[np.float64]
_VALIDATION_SHARE = 0.2
"""Share of the training split that decides when an encoder that trains stops."""


class Encoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Abstract: what compresses. The columns it gets are standardized already.

    Args:
        num_qubits: angles per case, at most the number of columns.
        standardize: scale every column by its own standard deviation; false where all columns share one unit (pixels),
            which are then centred and scaled by one common number.
        span: radians.
    """

    num_qubits: int
    standardize: bool
    span: float

    @abstractmethod
    def _learn(self, inputs: FloatArray, targets: NDArray[Any] | None) -> None: ...

    @abstractmethod
    def _compress(self, inputs: FloatArray) -> FloatArray: ...

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from the training split.

        Args:
            X: shape [cases, columns].
            y: class or value of each case; only `FeatureSelection` looks at it.

        Raises:
            ValueError: values that are not finite, or fewer columns than qubits.
        """
        table: FloatArray = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        if not 1 <= self.num_qubits <= table.shape[1]:
            raise InvalidValueError(
                f"`num_qubits` must lie between 1 and n_features = {table.shape[1]}, got {self.num_qubits}."
            )
        self.mean_ = table.mean(axis=0)
        variance = table.var(axis=0)
        own = np.sqrt(variance if self.standardize else np.full_like(variance, variance.mean()))
        self.scale_ = _positive(own, self.mean_)
        inputs = (table - self.mean_) / self.scale_
        self._learn(inputs, None if y is None else np.asarray(y))
        features = self._compress(inputs)
        self.feature_mean_ = features.mean(axis=0)
        self.feature_scale_ = _positive(features.std(axis=0), self.feature_mean_)
        return self

    def transform(self, X: ArrayLike) -> FloatArray:
        """Return angles in radians, shape [cases, num_qubits]."""
        check_is_fitted(self)
        table = validate_data(self, X, dtype=np.float64, reset=False)
        features = self._compress((table - self.mean_) / self.scale_)
        angles = self.span / 2 * (features - self.feature_mean_) / self.feature_scale_
        return np.clip(angles, -self.span, self.span)

    @property
    def _n_features_out(self) -> int:
        return self.num_qubits


class PCAEncoder(Encoder):
    """The directions of largest variance."""

    def __init__(self, num_qubits: int = 8, standardize: bool = True, span: float = np.pi / 2) -> None:
        self.num_qubits = num_qubits
        self.standardize = standardize
        self.span = span

    def _learn(self, inputs: FloatArray, targets: NDArray[Any] | None) -> None:
        self.pca_ = PCA(self.num_qubits, svd_solver="full").fit(inputs)

    def _compress(self, inputs: FloatArray) -> FloatArray:
        return self.pca_.transform(inputs)


class ColumnEncoder(Encoder):
    """Nothing learned: the raw columns of largest variance, the first ones where every column is standardized."""

    def __init__(self, num_qubits: int = 8, standardize: bool = True, span: float = np.pi / 2) -> None:
        self.num_qubits = num_qubits
        self.standardize = standardize
        self.span = span

    def _learn(self, inputs: FloatArray, targets: NDArray[Any] | None) -> None:
        # Rounded, so that columns standardized to variance 1 tie and stay in order.
        self.columns_ = np.argsort(-inputs.var(axis=0).round(9), kind="stable")[: self.num_qubits]

    def _compress(self, inputs: FloatArray) -> FloatArray:
        return inputs[:, self.columns_]


class Autoencoder(Encoder):
    """The bottleneck of a network that is trained to give back its input; with `noise`, one that filters.

    Either half is a linear map plus a hidden layer, and training starts at the principal components with the hidden
    layers silent: what is learned is what straight lines miss.

    Args:
        num_qubits: width of the bottleneck.
        standardize: see `Encoder`.
        span: see `Encoder`.
        noise: standard deviation of the Gaussian noise that training adds to the standardized input and not to what is
            to be given back; above 0 the encoder is a denoiser.
        hidden: width of the layer on either side of the bottleneck.
        epochs: most passes over the training split, of which a fifth decides when to stop.
        learning_rate: step size of Adam.
        seed: of weights, noise and order.

    Source: denoising autoencoders, Vincent et al., ICML 2008, doi:10.1145/1390156.1390294.
    """

    def __init__(
        self,
        num_qubits: int = 8,
        standardize: bool = True,
        span: float = np.pi / 2,
        noise: float = 0.0,
        hidden: int = 64,
        epochs: int = 300,
        learning_rate: float = 0.003,
        seed: int = 0,
    ) -> None:
        self.num_qubits = num_qubits
        self.standardize = standardize
        self.span = span
        self.noise = noise
        self.hidden = hidden
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.seed = seed

    def _learn(self, inputs: FloatArray, targets: NDArray[Any] | None) -> None:
        pca = PCA(self.num_qubits, svd_solver="full").fit(inputs)
        spread = _positive(np.sqrt(pca.explained_variance_), pca.components_[:, 0])[:, None]
        with seeded(self.seed):
            encoder = nn.Sequential(_AddNoise(self.noise), _Curved(pca.components_ / spread, self.hidden))
            decoder = _Curved((pca.components_ * spread).T, self.hidden)
        clean = torch.from_numpy(inputs)
        settings = _fit_settings(self.epochs, self.learning_rate)
        _train(nn.Sequential(encoder, decoder), nn.MSELoss(), clean, clean, settings, self.seed)
        self.network_ = encoder

    def _compress(self, inputs: FloatArray) -> FloatArray:
        return predict(self.network_, torch.from_numpy(inputs)).numpy()


class FeatureSelection(Encoder):
    """Raw columns, chosen by training a small network whose inputs pass noisy gates, one per column.

    Args:
        num_qubits: columns kept: those with the most open gates.
        standardize: see `Encoder`.
        span: see `Encoder`.
        price: what the loss gains when all gates are open instead of the expected `num_qubits` of them.
        hidden: width of the network's hidden layer.
        epochs: most passes over the training split, of which a fifth decides when to stop.
        learning_rate: step size of Adam.
        seed: of weights, gates and order.

    Source: stochastic gates, Yamada et al., arXiv:1810.04247.
    """

    def __init__(
        self,
        num_qubits: int = 8,
        standardize: bool = True,
        span: float = np.pi / 2,
        price: float = 3.0,
        hidden: int = 32,
        epochs: int = 400,
        learning_rate: float = 0.01,
        seed: int = 0,
    ) -> None:
        self.num_qubits = num_qubits
        self.standardize = standardize
        self.span = span
        self.price = price
        self.hidden = hidden
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.seed = seed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _learn(self, inputs: FloatArray, targets: NDArray[Any] | None) -> None:
        if targets is None:
            raise InvalidValueError("`FeatureSelection` requires y to be passed, but the target y is None.")
        if type_of_target(targets, input_name="y").startswith("continuous"):
            loss: Loss = nn.MSELoss()
            learned = torch.from_numpy(targets.reshape(len(targets), -1)).double()
            num_outputs = learned.shape[1]
        else:
            loss = nn.CrossEntropyLoss()
            classes, labels = np.unique(targets, return_inverse=True)
            learned, num_outputs = torch.from_numpy(labels), len(classes)
        columns = inputs.shape[1]
        gates = _Gates(columns)
        with seeded(self.seed):
            hidden, last = nn.Linear(columns, self.hidden), nn.Linear(self.hidden, num_outputs)
        network = nn.Sequential(gates, hidden, nn.Tanh(), last).double()

        def priced(outputs: Tensor, wanted: Tensor) -> Tensor:
            return loss(outputs, wanted) + self.price * (gates.expected_open() - self.num_qubits).abs() / columns

        settings = _fit_settings(self.epochs, self.learning_rate)
        _train(network, priced, torch.from_numpy(inputs), learned, settings, self.seed)
        order = np.argsort(-gates.centre.detach().numpy(), kind="stable")
        self.columns_ = order[: self.num_qubits]

    def _compress(self, inputs: FloatArray) -> FloatArray:
        return inputs[:, self.columns_]


ENCODERS: Mapping[str, Callable[[], Encoder]] = {
    "pca": PCAEncoder,
    "autoencoder": Autoencoder,
    "denoiser": partial(Autoencoder, noise=0.5),
    "selection": FeatureSelection,
    "none": ColumnEncoder,
}
"""Name to an encoder with its defaults."""


def make_encoder(name: str, num_qubits: int, *, standardize: bool = True, seed: int = 0) -> Encoder:
    """Return an encoder that is not fitted yet.

    Args:
        name: a key of `ENCODERS`.
        num_qubits: angles per case.
        standardize: see `Encoder`.
        seed: of an encoder that trains.

    Raises:
        InvalidValueError: an unknown name; the nearest is suggested.
    """
    if name not in ENCODERS:
        raise InvalidValueError(f"`{name}` is not an encoder: {nearest(name, ENCODERS)}")
    encoder = ENCODERS[name]()
    seeds = {"seed": seed} if "seed" in encoder.get_params() else {}
    return encoder.set_params(num_qubits=num_qubits, standardize=standardize, **seeds)


class _AddNoise(nn.Module):
    """Gaussian noise while training, nothing otherwise."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.deviation * torch.randn_like(inputs) if self.training else inputs


class _Curved(nn.Module):
    """A linear map that starts as given, plus a hidden layer that starts silent."""

    def __init__(self, matrix: FloatArray, hidden: int) -> None:
        super().__init__()
        num_outputs, num_inputs = matrix.shape
        self.straight = nn.Linear(num_inputs, num_outputs, dtype=torch.float64)
        self.bend = nn.Linear(num_inputs, hidden, dtype=torch.float64)
        self.add = nn.Linear(hidden, num_outputs, dtype=torch.float64)
        with torch.no_grad():
            self.straight.weight.copy_(torch.from_numpy(matrix))
        for silent in (self.straight.bias, self.add.weight, self.add.bias):
            nn.init.zeros_(silent)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.straight(inputs) + self.add(torch.tanh(self.bend(inputs)))


class _Gates(nn.Module):
    """A gate per column: a noisy number between 0 (shut) and 1 (open) that multiplies it."""

    deviation = 0.5
    """Of the noise; the source's choice."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.full((columns,), 0.5))

    def forward(self, inputs: Tensor) -> Tensor:
        noise = self.deviation * torch.randn_like(inputs) if self.training else 0.0
        return inputs * (self.centre + noise).clamp(0, 1)

    def expected_open(self) -> Tensor:
        """Return the expected number of gates that are not shut."""
        return torch.special.ndtr(self.centre / self.deviation).sum()


def _fit_settings(epochs: int, learning_rate: float) -> FitSettings:
    # Training splits are small: few steps make an epoch, so that patience must be long.
    return FitSettings(epochs=epochs, learning_rate=learning_rate, batch_size=32, patience=50)


def _train(module: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor, settings: FitSettings, seed: int) -> None:
    """Train on four fifths of the training split and let the fifth decide when to stop."""
    order = torch.from_numpy(make_rng(seed, "encoder split").permutation(len(inputs)))
    held_out = max(1, round(_VALIDATION_SHARE * len(inputs)))
    train, validation = ((inputs[part], targets[part]) for part in (order[held_out:], order[:held_out]))
    fit(module, loss, train, validation, settings, seed)


def _positive(deviation: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the deviations, 1 for columns that are constant up to rounding."""
    return np.where(deviation > 1e-12 * (1 + np.abs(mean)), deviation, 1.0)
