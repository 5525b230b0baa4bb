"""A layer in other processes: loaders of data, and training side by side."""

import subprocess
import sys

import pytest
import torch
from torch.utils.data import DataLoader

from tests.hybrid.workers import Encoded, make_data, make_model, train


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_data_loader_may_run_circuits_in_its_workers(method):
    data = Encoded()
    expected = torch.stack([data[k] for k in range(len(data))])
    loader = DataLoader(data, batch_size=4, num_workers=1, multiprocessing_context=method)
    assert torch.equal(torch.cat(list(loader)), expected)


def test_two_processes_train_as_one(tmp_path):
    """Gradients averaged over two halves of the data are those of all of it."""
    command = [sys.executable, "-m", "tests.hybrid.workers"]
    processes = [
        subprocess.Popen([*command, str(rank), str(tmp_path)], stderr=subprocess.PIPE, text=True) for rank in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    model = make_model()
    train(model, *make_data())
    for rank in range(2):
        for name, value in torch.load(tmp_path / f"{rank}.pt").items():
            torch.testing.assert_close(value, model.state_dict()[name], atol=1e-5, rtol=1e-4)
