"""The fair race behind an ablation: every twin gets the same cases, the same seeds and as many tries."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from qloop.core.errors import InvalidValueError
from qloop.core.memo import Memo, NoMemo, Value, content_key, remembered
from qloop.core.rng import make_rng
from qloop.core.settings import to_plain
from qloop.core.splits import split_by_group
from qloop.hybrid.classical import fit_conventional, spread
from qloop.hybrid.layer import QuantumLayer
from qloop.hybrid.twins import FULL, TWINS, Twin, count_columns, count_parameters, replace_layers, start_twin
from qloop.train.loop import FitSettings, fit, predict, seeded

FloatArray = NDArray[np.float64]
CONVENTIONAL = "conventional"
NAMES = (FULL.name, *(twin.name for twin in TWINS), CONVENTIONAL)
"""Who takes part."""
LEARNING_RATES = (0.003, 0.1)
_VALIDATION_SHARE = 0.2
_TWINS = {twin.name: twin for twin in (FULL, *TWINS)}


class Study:
    """Everything that a trained twin depends on, except its name and its seed.

    Args:
        model: holds at least one circuit; its circuits are made exact.
        train: as `ablate` takes it.
        test: as `ablate` takes it.
        raw: inputs of the conventional models, for train and test; by default those of the model.
        groups: the group of each case of `train`.
        trials: learning rates, or values of a conventional model's number.
        settings: of the training.
        seed: of everything random.
        memo: remembers what is trained.

    Raises:
        InvalidValueError: no circuit in the model, or cases that do not fit it.
    """

    def __init__(
        self,
        model: nn.Module,
        train: tuple[Any, Any],
        test: tuple[Any, Any],
        *,
        raw: tuple[ArrayLike, ArrayLike] | None,
        groups: ArrayLike | None,
        trials: int,
        settings: FitSettings,
        seed: int,
        memo: Memo | None,
    ) -> None:
        dtype = next((one.dtype for one in model.parameters() if one.is_floating_point()), torch.float32)
        self._train, self._test = _read("train", train, dtype), _read("test", test, dtype)
        self._columns = count_columns(model, self._train[0][:2])
        self._model = replace_layers(model, self._columns, lambda layer, _: layer.with_shots(None))
        sides = (self._train[0], self._test[0]) if raw is None else raw
        tables = [np.asarray(side, np.float64) for side in sides]
        self._raw = [table.reshape(len(table), -1) for table in tables]
        self._groups = np.arange(len(self._train[0])) if groups is None else np.asarray(groups)
        self._trials, self._settings, self._seed, self._memo = trials, settings, seed, memo
        self._check()

    @property
    def metric(self) -> str:
        """``"accuracy"`` of classes or ``"R2"`` of values."""
        return "R2" if self._train[1].is_floating_point() else "accuracy"

    @property
    def layers(self) -> list[QuantumLayer]:
        """The model's circuits."""
        return [module for module in self._model.modules() if isinstance(module, QuantumLayer)]

    def train(self, name: str, k: int) -> Value:
        """Return what became of one of `NAMES` with the k-th seed, which is remembered.

        Returns:
            ``scores`` on each test case, whose mean is the metric; ``seconds`` of CPU time; ``parameters`` trained;
            ``weights.*`` of the model, and ``kind`` of the conventional one.
        """

        def compute() -> Value:
            started = time.process_time()
            value = self._train_conventional(k) if name == CONVENTIONAL else self._train_twin(_TWINS[name], k)
            return value | {"seconds": time.process_time() - started}

        return remembered(self._memo or NoMemo(), content_key(self._key, name, k), compute)

    def score_with(self, trained: Value, k: int, change: Callable[[QuantumLayer], QuantumLayer]) -> FloatArray:
        """Return the scores on each test case of the trained model, its circuits changed.

        Args:
            trained: what `train` returned for the model.
            k: the seed's number.
            change: of a circuit; the weights stay.
        """
        module = start_twin(self._model, self._columns, FULL, self._seed_of(k))
        weights = {name: torch.from_numpy(np.array(trained[f"weights.{name}"])) for name in module.state_dict()}
        module.load_state_dict(weights)
        return self._score(replace_layers(module, self._columns, lambda layer, _: change(layer)), k)

    @cached_property
    def _key(self) -> str:
        # What a model does is told by its structure, its weights and what it makes of the first cases.
        outputs = predict(self._model, self._train[0][: self._settings.batch_size])
        weights = {name: tensor.numpy() for name, tensor in self._model.state_dict().items()}
        trained = [name for name, parameter in self._model.named_parameters() if parameter.requires_grad]
        arrays = [*(side.numpy() for side in (*self._train, *self._test, outputs.detach())), *self._raw]
        rest = (self._groups.tolist(), self._trials, to_plain(self._settings), self._seed)
        return content_key("ablate", repr(self._model), weights, trained, arrays, *rest)

    def _seed_of(self, k: int) -> int:
        return int(make_rng(self._seed, "ablate", k).integers(2**31))

    def _train_twin(self, twin: Twin, k: int) -> Value:
        """Train at every learning rate and keep what the validation cases prefer."""
        seed, (learned, stopping) = self._seed_of(k), self._split(k)
        train, validation = ((self._train[0][part], self._train[1][part]) for part in (learned, stopping))
        loss = nn.MSELoss() if self.metric == "R2" else nn.CrossEntropyLoss()
        found: list[tuple[float, nn.Module]] = []
        failure: InvalidValueError | None = None
        for rate in spread(*LEARNING_RATES, self._trials):
            module = start_twin(self._model, self._columns, twin, seed)
            if not count_parameters(module):
                found.append((0.0, module))
                break
            try:
                fitted = fit(
                    module, loss, train, validation, replace(self._settings, learning_rate=rate), seed, self._memo
                )
            except InvalidValueError as error:
                # A rate at which the training diverges is a try that failed, not the end of the race.
                failure = error
                continue
            found.append((float(fitted.validation_loss.min()), fitted.module))
        if failure is not None and not found:
            raise failure
        best = min(found, key=lambda pair: pair[0])[1]
        value: Value = {"scores": self._score(best, k), "parameters": count_parameters(best)}
        if twin is FULL:
            value |= {f"weights.{name}": tensor.numpy() for name, tensor in best.state_dict().items()}
        return value

    def _train_conventional(self, k: int) -> Value:
        targets = self._train[1].numpy()
        learn, validation = ((self._raw[0][part], targets[part]) for part in self._split(k))
        kind, fitted = fit_conventional(learn, validation, self._trials, self._seed_of(k))
        return {"scores": self._score_predicted(fitted.predict(self._raw[1])), "parameters": None, "kind": kind}

    def _split(self, k: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        split = split_by_group(self._groups, test_share=_VALIDATION_SHARE, seed=self._seed_of(k))
        return split.train, split.test

    def _score(self, module: nn.Module, k: int) -> FloatArray:
        with seeded(self._seed_of(k), "test"):
            outputs = predict(module, self._test[0])
        return self._score_predicted((outputs if self.metric == "R2" else outputs.argmax(dim=1)).numpy())

    def _score_predicted(self, predicted: NDArray[Any]) -> FloatArray:
        """Return a score for each test case, whose mean is the metric."""
        targets = self._test[1].numpy()
        if self.metric == "accuracy":
            return (predicted == targets).astype(np.float64)
        error = (predicted.reshape(targets.shape) - targets.astype(np.float64)) ** 2
        return 1 - (error / targets.var(axis=0, dtype=np.float64)).mean(axis=1)

    def _check(self) -> None:
        outputs, targets = predict(self._model, self._train[0][:2]), [side[1] for side in (self._train, self._test)]
        if self.metric == "accuracy":
            low, high = min(int(one.min()) for one in targets), max(int(one.max()) for one in targets)
            if targets[1].is_floating_point() or outputs.ndim != 2 or low < 0 or high >= outputs.shape[1]:
                shape = tuple(outputs.shape[1:])
                raise InvalidValueError(
                    f"classes must be counted from 0 and have an output each, got classes {low} to {high} and outputs "
                    f"of shape {shape}."
                )
        elif any(one.shape[1:] != outputs.shape[1:] for one in targets):
            raise InvalidValueError(
                f"outputs must have the shape of the targets, {tuple(targets[0].shape[1:])}, got "
                f"{tuple(outputs.shape[1:])}."
            )
        elif not bool((targets[1].var(dim=0) > 0).all()):
            raise InvalidValueError("the targets of `test` must differ, they are all the same.")
        cases = [len(self._train[0]), len(self._test[0])]
        if [len(side) for side in self._raw] != cases or len(self._groups) != cases[0]:
            raise InvalidValueError(f"`raw` and `groups` must have a row for each case, of which there are {cases}.")


def _read(name: str, side: tuple[Any, Any], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    inputs, targets = (torch.as_tensor(part) for part in side)
    if len(inputs) != len(targets) or len(inputs) < 2:
        raise InvalidValueError(
            f"`{name}` needs as many inputs as targets and at least two, got {len(inputs)} and {len(targets)}."
        )
    if not (torch.isfinite(inputs).all() and torch.isfinite(targets).all()):
        raise InvalidValueError(f"`{name}` must be finite, it holds NaN or infinite values.")
    if targets.is_floating_point():
        targets = targets.to(dtype).reshape(len(targets), -1)
    else:
        targets = targets.long()
    return (inputs.to(dtype) if inputs.is_floating_point() else inputs), targets
