"""The hybrid in PyTorch: an encoder that compresses to angles, a circuit, a head; its training and its twins."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qloop.apps.classify.data import Cases, split_cases
from qloop.apps.classify.settings import ClassifySettings
from qloop.core.errors import InvalidValueError
from qloop.core.memo import Memo
from qloop.core.progress import Progress, silent
from qloop.core.splits import Split
from qloop.hybrid.ablation import ablate
from qloop.hybrid.classifier import CIRCUITS
from qloop.hybrid.encoders import Encoder, make_encoder
from qloop.hybrid.heads import make_head
from qloop.hybrid.layer import QuantumLayer
from qloop.hybrid.twins import without_entanglement
from qloop.hybrid.verdict import Ablation
from qloop.train.loop import FitSettings, fit, predict, seeded

FloatArray = NDArray[np.float64]
STOPPING_SHARE = 0.2
"""Share of the training cases that decides when to stop."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Hybrid:
    """A trained hybrid.

    Args:
        encoder: from columns to angles.
        layer: the circuit.
        model: from angles to scores: the circuit and the head.
        train_loss: by epoch.
        validation_loss: by epoch.
    """

    encoder: Encoder
    layer: QuantumLayer
    model: nn.Module
    train_loss: FloatArray
    validation_loss: FloatArray

    def predict(self, inputs: FloatArray) -> FloatArray:
        """Return the probability of each class, shape [cases, classes]."""
        return predict(self.model, torch.from_numpy(self.encoder.transform(inputs))).softmax(dim=1).numpy()


def fit_encoder(settings: ClassifySettings, cases: Cases, train: NDArray[np.intp], seed: int) -> Encoder:
    """Return the encoder, fitted on the training cases; switched off, it takes raw columns.

    Raises:
        InvalidValueError: more qubits than columns.
    """
    table, columns = settings.model, len(cases.columns)
    if table.num_qubits > columns:
        raise InvalidValueError(
            f"`model.num_qubits` must be at most the {columns} columns of {cases.name}, got {table.num_qubits}."
        )
    name = table.encoder if settings.parts.encoder else "none"
    encoder = make_encoder(name, table.num_qubits, standardize=not cases.same_unit, seed=seed)
    return encoder.fit(cases.inputs[train], cases.labels[train])


def make_layers(settings: ClassifySettings, num_classes: int, seed: int) -> tuple[QuantumLayer, nn.Module]:
    """Return the circuit and the head at the start of their training, what is switched off frozen or left out."""
    table, parts = settings.model, settings.parts
    with seeded(seed, "weights"):
        layer = QuantumLayer(CIRCUITS[table.circuit](table.num_qubits, table.layers))
        head = make_head(table.head, layer.num_outputs, num_classes)
    if not parts.entanglement:
        layer = layer.replaced(without_entanglement(layer.program, layer.roles.inputs))
    return layer.requires_grad_(parts.weights), head.requires_grad_(parts.head)


def train_hybrid(
    settings: ClassifySettings,
    cases: Cases,
    train: NDArray[np.intp],
    seed: int,
    memo: Memo | None = None,
    progress: Progress = silent,
) -> Hybrid:
    """Train encoder, circuit and head on the training cases.

    Args:
        settings: of the task.
        cases: all cases.
        train: indices of those to learn from; a fifth of them decides when to stop.
        seed: of everything random.
        memo: where checkpoints go.
        progress: told after each.
    """
    encoder = fit_encoder(settings, cases, train, seed)
    layer, head = make_layers(settings, len(cases.classes), seed)
    model = nn.Sequential(layer, head)
    split = split_cases(cases.labels[train], STOPPING_SHARE, seed, "stopping")
    learned, stopping = (_data(encoder, cases, train[side]) for side in (split.train, split.test))
    if any(parameter.requires_grad for parameter in model.parameters()):
        fitted = fit(model, nn.CrossEntropyLoss(), learned, stopping, fit_settings(settings), seed, memo, progress)
        losses = fitted.train_loss, fitted.validation_loss
    else:
        losses = np.empty(0), np.empty(0)
    # Trained in single precision, used in double: a case's probabilities do not depend on its neighbours.
    model.double().eval()
    return Hybrid(encoder=encoder, layer=layer, model=model, train_loss=losses[0], validation_loss=losses[1])


def ablate_hybrid(
    settings: ClassifySettings, cases: Cases, split: Split, seed: int, memo: Memo, progress: Progress
) -> Ablation:
    """Train the hybrid's twins and say whether its circuit pays."""
    encoder = fit_encoder(settings, cases, split.train, seed)
    return ablate(
        nn.Sequential(*make_layers(settings, len(cases.classes), seed)),
        _data(encoder, cases, split.train),
        _data(encoder, cases, split.test),
        settings.ablation.seeds,
        raw=(cases.inputs[split.train], cases.inputs[split.test]),
        trials=settings.ablation.trials,
        settings=fit_settings(settings),
        seed=seed,
        memo=memo,
        progress=progress,
    )


def fit_settings(settings: ClassifySettings) -> FitSettings:
    """Return what the training loop is told."""
    table = settings.training
    return FitSettings(
        epochs=table.epochs, batch_size=table.batch_size, learning_rate=table.learning_rate, patience=table.patience
    )


def _data(encoder: Encoder, cases: Cases, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
    angles = encoder.transform(cases.inputs[rows])
    return torch.from_numpy(angles).float(), torch.from_numpy(cases.labels[rows])
