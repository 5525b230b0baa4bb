"""What other processes of the tests run."""

import sys
from pathlib import Path

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Dataset

from qloop.hybrid import QuantumLayer


class Encoded(Dataset):
    """Random rows that a circuit has transformed, in whichever process loads them."""

    def __init__(self):
        self.layer = QuantumLayer.hardware_efficient(2, 1, seed=0)
        self.rows = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        with torch.no_grad():
            return self.layer(self.rows[index])


def make_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), QuantumLayer.hardware_efficient(2, 2), nn.Linear(2, 1))


def make_data():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 3, generator=generator), torch.randn(8, 1, generator=generator)


def train(model, x, y, steps=3):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(x) - y).square().mean().backward()
        optimizer.step()


def main(rank, folder):
    """Train on half of the data beside another process, and write down the weights."""
    torch.set_num_threads(1)
    store = distributed.FileStore(str(Path(folder) / "store"), 2)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    model = DistributedDataParallel(make_model())
    x, y = make_data()
    train(model, x[rank::2], y[rank::2])
    torch.save(model.module.state_dict(), Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
