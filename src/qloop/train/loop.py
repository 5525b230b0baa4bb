"""Training that resumes: minibatches, Adam and an early stop, to the same bits after a kill as without one."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qloop.core.errors import InvalidValueError
from qloop.core.memo import Memo, NoMemo, Value, content_key, remembered
from qloop.core.progress import Event, Progress, silent
from qloop.core.rng import make_rng
from qloop.core.settings import setting, settings, to_plain

Data = tuple[Tensor, Tensor]
"""Inputs and targets, one case per row of both."""
Loss = Callable[[Tensor, Tensor], Tensor]
"""Takes outputs and targets and returns the mean over their cases."""
Arrays = dict[str, NDArray[Any]]


@settings
class FitSettings:
    """How a module is trained."""

    epochs: int = setting(default=200, meaning="most passes over the training data", ge=1)
    batch_size: int = setting(default=64, meaning="cases per step", ge=1)
    learning_rate: float = setting(default=0.01, meaning="step size of Adam", gt=0)
    patience: int = setting(
        default=20, meaning="epochs without a lower validation loss before the training stops", ge=1
    )
    checkpoint_epochs: int = setting(default=10, meaning="epochs between checkpoints", ge=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitted:
    """A trained module and how it went.

    Args:
        module: with the weights of the best epoch, in evaluation mode.
        train_loss: mean over each epoch's steps, shape [epochs run].
        validation_loss: after each epoch.
    """

    module: nn.Module
    train_loss: NDArray[np.float64]
    validation_loss: NDArray[np.float64]

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights were kept, counted from 0."""
        return int(np.argmin(self.validation_loss))


def fit(
    module: nn.Module,
    loss: Loss,
    train: Data,
    validation: Data,
    settings: FitSettings,
    seed: int,
    memo: Memo | None = None,
    progress: Progress = silent,
) -> Fitted:
    """Train a module in place and keep the weights of the epoch with the lowest validation loss.

    Everything random (order of cases, dropout, whatever else draws from PyTorch's generator) follows from the seed and
    the epoch's number; the generator is left as it was found. A training that was killed starts again from its last
    checkpoint and ends with the same bits, on the same processor with the same number of threads.

    Args:
        module: maps inputs to outputs; parameters without `requires_grad` stay as they are.
        loss: of outputs and targets.
        train: what is learned from.
        validation: what decides when to stop; shares no case with `train` nor with what will be tested on.
        settings: how.
        seed: of everything random.
        memo: where checkpoints go; by default there are none.
        progress: told after every checkpoint.

    Raises:
        InvalidValueError: nothing to train, data that do not match or are not finite, or a loss that is not finite.

    Source: Adam, Kingma and Ba, arXiv:1412.6980.
    """
    for name, data in (("train", train), ("validation", validation)):
        _check(name, *data)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise InvalidValueError("`module` has no parameter to train.")
    training = _Training(module, loss, train, validation, settings, seed)
    book = NoMemo() if memo is None else memo
    # Without a memo nobody asks for the key, and hashing large data takes time.
    identity = "" if memo is None else training.identity()
    state = training.start()
    while not training.is_done(state["validation_loss"]):
        key = content_key("fit", identity, len(state["validation_loss"]))
        state = remembered(book, key, partial(training.advance, state))
        losses = state["validation_loss"]
        text = f"validation loss {losses.min():.4g}"
        progress(Event(stage="train", text=text, done=len(losses), total=settings.epochs))
    module.load_state_dict(_tensors(_part(state, "best.")))
    module.eval()
    return Fitted(module=module, train_loss=state["train_loss"], validation_loss=state["validation_loss"])


@contextmanager
def seeded(seed: int, *path: str | int) -> Iterator[None]:
    """Let PyTorch's generator start from a named stream of a seed inside, and leave it as it was found.

    Args:
        seed: non-negative.
        path: names and indices of the stream, as in `qloop.core.rng.make_rng`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(int(make_rng(seed, *path).integers(2**63)))
        yield


def predict(module: nn.Module, inputs: Tensor, batch_size: int = 1024) -> Tensor:
    """Return a module's outputs in evaluation mode and without gradients.

    Args:
        module: left in the mode it was found in.
        inputs: one case per row.
        batch_size: rows per call, which bounds the memory.
    """
    training = module.training
    module.eval()
    with torch.no_grad():
        outputs = torch.cat([module(part) for part in inputs.split(batch_size)])
    module.train(training)
    return outputs


@dataclass(frozen=True)
class _Training:
    """One training; between two checkpoints its state is a dictionary of arrays and nothing else."""

    module: nn.Module
    loss: Loss
    train: Data
    validation: Data
    settings: FitSettings
    seed: int

    def start(self) -> Value:
        weights = _arrays(self.module.state_dict())
        return {"train_loss": np.empty(0), "validation_loss": np.empty(0)} | _named("module.", weights)

    def is_done(self, losses: NDArray[np.float64] | list[float]) -> bool:
        stale = len(losses) - 1 - int(np.argmin(losses)) if len(losses) else 0
        return len(losses) == self.settings.epochs or stale >= self.settings.patience

    def advance(self, state: Value) -> Value:
        """Return the state at the next checkpoint."""
        optimizer = self._restore(state)
        trained, validated = state["train_loss"].tolist(), state["validation_loss"].tolist()
        best = _part(state, "best.")
        for epoch in range(len(trained), len(trained) + self.settings.checkpoint_epochs):
            with seeded(self.seed, "epoch", epoch):
                trained.append(self._pass(optimizer))
                validated.append(self._evaluate(self.validation)[1])
            if not math.isfinite(trained[-1] + validated[-1]):
                rate = self.settings.learning_rate
                raise InvalidValueError(f"the loss of epoch {epoch} is not finite: lower `learning_rate`, got {rate}.")
            if validated[-1] < min(validated[:-1], default=math.inf):
                best = _arrays(self.module.state_dict())
            if self.is_done(validated):
                break
        moments = {
            f"{index}.{name}": value
            for index, values in optimizer.state_dict()["state"].items()
            for name, value in values.items()
        }
        return {
            "train_loss": np.array(trained),
            "validation_loss": np.array(validated),
            **_named("module.", _arrays(self.module.state_dict())),
            **_named("adam.", _arrays(moments)),
            **_named("best.", best),
        }

    def identity(self) -> str:
        """Return a key of everything that the result depends on.

        What a module and a loss do is told by their structure, their weights and by what they make of the first batch:
        two circuits with equal weights differ there.
        """
        batch = [side[: self.settings.batch_size] for side in self.train]
        with seeded(self.seed):
            outputs, loss = self._evaluate((batch[0], batch[1]))
        trained = [name for name, parameter in self.module.named_parameters() if parameter.requires_grad]
        data = [side.detach().cpu().numpy() for side in (*self.train, *self.validation, outputs)]
        weights = _arrays(self.module.state_dict())
        return content_key(repr(self.module), trained, weights, data, loss, to_plain(self.settings), self.seed)

    def _restore(self, state: Value) -> torch.optim.Adam:
        self.module.load_state_dict(_tensors(_part(state, "module.")))
        parameters = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(parameters, lr=self.settings.learning_rate)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _tensors(_part(state, "adam.")).items():
            index, _, kind = name.partition(".")
            moments.setdefault(int(index), {})[kind] = value
        optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
        return optimizer

    def _evaluate(self, data: Data) -> tuple[Tensor, float]:
        """Return outputs and loss in evaluation mode."""
        outputs = predict(self.module, data[0])
        with torch.no_grad():
            return outputs, float(self.loss(outputs, data[1]))

    def _pass(self, optimizer: torch.optim.Adam) -> float:
        """Make one pass over the training data and return the mean loss."""
        inputs, targets = self.train
        self.module.train()
        total = 0.0
        for batch in torch.randperm(len(inputs)).split(self.settings.batch_size):
            optimizer.zero_grad()
            loss = self.loss(self.module(inputs[batch]), targets[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        return total / len(inputs)


def _check(name: str, inputs: Tensor, targets: Tensor) -> None:
    if not len(inputs) or len(inputs) != len(targets):
        raise InvalidValueError(
            f"`{name}` needs as many inputs as targets and at least one, got {len(inputs)} and {len(targets)}."
        )
    if not (torch.isfinite(inputs).all() and torch.isfinite(targets).all()):
        raise InvalidValueError(f"`{name}` must be finite, it holds NaN or infinite values.")


def _arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}


def _tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}


def _named(prefix: str, arrays: Arrays) -> Arrays:
    return {prefix + name: array for name, array in arrays.items()}


def _part(state: Value, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
