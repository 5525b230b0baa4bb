import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from qloop.core.errors import InvalidValueError
from qloop.core.memo import DictMemo
from qloop.runs.store import Store
from qloop.train import FitSettings, fit, predict
from tests.train.toy import SETTINGS, data, module, train

ROOT = Path(__file__).parents[2]


def bits(fitted):
    weights = [tensor.numpy().tobytes() for tensor in fitted.module.state_dict().values()]
    return weights, fitted.train_loss.tobytes(), fitted.validation_loss.tobytes()


def test_a_killed_training_resumes_to_the_same_bits(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    killed = subprocess.run([sys.executable, "-m", "tests.train.toy", str(tmp_path / "store")], env=environment)
    assert killed.returncode == -signal.SIGKILL
    reports = []
    resumed = train(Store(tmp_path / "store"), progress=reports.append)
    assert bits(resumed) == bits(train())
    assert [event.done for event in reports] == [5, 10, 15, 20, 25, 30]


def test_checkpoints_are_read_not_trained_again():
    memo = DictMemo()
    first = train(memo)
    memo.put = None  # a second training that computed anything would have to put it
    assert bits(train(memo)) == bits(first)


def test_checkpoints_do_not_change_the_result():
    often = replace(SETTINGS, checkpoint_epochs=1)
    assert bits(train(DictMemo(), often)) == bits(train())


def test_the_generator_is_left_as_it_was_and_does_not_matter():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = train()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    assert bits(train()) == bits(first)
    assert bits(train(seed=1)) != bits(first)


class Scaled(nn.Module):
    """Two of these with different factors have the same structure and the same weights."""

    def __init__(self, factor):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.factor = factor

    def forward(self, inputs):
        return (self.factor * inputs * self.weight).sum(dim=1, keepdim=True)


def test_modules_that_differ_only_in_what_they_do_share_no_checkpoint():
    memo = DictMemo()
    fitted = [fit(Scaled(f), nn.functional.mse_loss, data(70, 1), data(30, 2), SETTINGS, 0, memo) for f in (1.0, 2.0)]
    assert bits(fitted[0])[1] != bits(fitted[1])[1]


def test_a_frozen_module_is_not_taken_for_a_trained_one():
    memo, frozen = DictMemo(), module()
    trained = train(memo)
    for parameter in frozen[0].parameters():
        parameter.requires_grad_(False)
    before = frozen[0].weight.clone()
    fit(frozen, nn.functional.mse_loss, data(70, 1), data(30, 2), SETTINGS, 0, memo)
    assert torch.equal(frozen[0].weight, before)
    assert not torch.equal(trained.module[0].weight, before)


def test_one_adam_step_by_hand():
    # The first step of Adam moves every weight by the learning rate, against the sign of its gradient.
    line = nn.Linear(1, 1, bias=False)
    nn.init.constant_(line.weight, 1.0)
    settings = FitSettings(epochs=1, learning_rate=0.25)
    point = (torch.tensor([[1.0]]), torch.tensor([[0.0]]))
    fitted = fit(line, nn.functional.mse_loss, point, point, settings, 0)
    assert line.weight.item() == pytest.approx(0.75)
    assert fitted.train_loss.tolist() == [1.0]
    assert fitted.validation_loss.tolist() == pytest.approx([0.75**2])


def test_training_stops_when_validation_gets_worse_and_keeps_the_best():
    # Learning y = x makes the loss on y = -x worse with every step.
    inputs = torch.linspace(-1, 1, 20)[:, None]
    line = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(line.weight)
    settings = FitSettings(epochs=50, batch_size=20, patience=4)
    fitted = fit(line, nn.functional.mse_loss, (inputs, inputs), (inputs, -inputs), settings, 0)
    assert fitted.best_epoch == 0
    assert len(fitted.validation_loss) == 5
    assert line.weight.item() == pytest.approx(0.01, rel=1e-4)
    assert not fitted.module.training


def test_training_learns():
    fitted = train(settings=FitSettings(epochs=200, patience=50))
    inputs, targets = data(200, 3)
    error = nn.functional.mse_loss(predict(fitted.module, inputs), targets)
    assert error < 0.2 * targets.var()
    assert fitted.validation_loss[fitted.best_epoch] == fitted.validation_loss.min()


def test_predict_does_not_depend_on_the_batch_and_leaves_the_mode():
    net, (inputs, _) = module(), data(70, 1)
    net.train()
    np.testing.assert_allclose(predict(net, inputs, 7), predict(net, inputs), atol=1e-6)
    assert net.training


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": (torch.ones(3, 3), torch.ones(2, 1))}, "`train` needs as many inputs as targets .*, got 3 and 2"),
        ({"validation": (torch.ones(0, 3), torch.ones(0, 1))}, "`validation` needs .* at least one, got 0 and 0"),
        ({"train": (torch.full((3, 3), torch.nan), torch.ones(3, 1))}, "`train` must be finite"),
        ({"validation": (torch.ones(3, 3), torch.full((3, 1), torch.inf))}, "`validation` must be finite"),
        ({"module": nn.Tanh()}, "`module` has no parameter to train"),
        ({"settings": FitSettings(learning_rate=1e30)}, "the loss of epoch . is not finite: lower `learning_rate`"),
    ],
)
def test_bad_input(change, message):
    good = {"module": nn.Linear(3, 1), "train": data(9, 1), "validation": data(9, 2), "settings": SETTINGS}
    with pytest.raises(InvalidValueError, match=message):
        fit(loss=nn.functional.mse_loss, seed=0, **good | change)


def test_bad_settings():
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        FitSettings(epochs=0)
