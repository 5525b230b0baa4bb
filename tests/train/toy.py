"""A training small enough for tests, and a process that is killed in the middle of it."""

import os
import signal
import sys

import numpy as np
import torch
from torch import nn

from qloop.core.memo import Memo
from qloop.core.rng import make_rng
from qloop.runs.store import Store
from qloop.train import FitSettings, Fitted, fit

SETTINGS = FitSettings(epochs=30, batch_size=16, patience=30, checkpoint_epochs=5)


def data(cases: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = make_rng(seed, "toy")
    inputs = rng.standard_normal((cases, 3)).astype(np.float32)
    return torch.from_numpy(inputs), torch.from_numpy(np.sin(inputs).sum(axis=1, keepdims=True))


def module() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        # Dropout and batch statistics are what a careless resume forgets.
        return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 1))


def train(
    memo: Memo | None = None, settings: FitSettings = SETTINGS, seed: int = 0, progress=lambda event: None
) -> Fitted:
    return fit(module(), nn.functional.mse_loss, data(70, 1), data(30, 2), settings, seed, memo, progress)


def die_at(epoch: int) -> None:
    """Train with checkpoints in a store and kill this process after an epoch."""

    def progress(event):
        if event.done >= epoch:
            os.kill(os.getpid(), signal.SIGKILL)

    train(Store(sys.argv[1]), progress=progress)


if __name__ == "__main__":
    die_at(15)
