import numpy as np
import pytest
import torch
from torch import nn

from qloop.core.memo import DictMemo
from qloop.devices.catalog import load_device
from qloop.hybrid.layer import QuantumLayer
from qloop.train import FitSettings, fit

SETTINGS = FitSettings(epochs=4, batch_size=8, patience=4, checkpoint_epochs=1)


class StoppedError(Exception):
    pass


def model(kind):
    layer = QuantumLayer.hardware_efficient(2, layers=1, seed=1)
    if kind == "shots":
        layer = layer.with_shots(20)
    if kind == "noise":
        layer = layer.with_noise(load_device("FakeTorino"), trajectories=4)
    head = nn.Linear(2, 1)
    nn.init.ones_(head.weight)
    nn.init.zeros_(head.bias)
    return nn.Sequential(layer, head)


def train(kind, memo=None, progress=lambda event: None):
    inputs = torch.linspace(-1, 1, 32).reshape(16, 2)
    data = (inputs, torch.sin(inputs).sum(dim=1, keepdim=True))
    return fit(model(kind), nn.MSELoss(), data, data, SETTINGS, 0, memo, progress)


@pytest.mark.parametrize("kind", ["exact", "shots", "noise"])
def test_a_stopped_training_of_a_circuit_goes_on_to_the_same_bits(kind):
    memo, reports = DictMemo(), []

    def stop(event):
        raise StoppedError

    with pytest.raises(StoppedError):
        train(kind, memo, stop)
    assert len(memo.values) == 1
    resumed, whole = train(kind, memo, reports.append), train(kind)
    assert len(reports) == 4
    assert np.array_equal(resumed.train_loss, whole.train_loss)
    assert all(torch.equal(a, b) for a, b in zip(resumed.module.parameters(), whole.module.parameters(), strict=True))
    assert whole.train_loss[-1] < whole.train_loss[0]
