"""The Fourier surrogate: a trainable series over the very frequencies that a circuit can give its inputs."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qloop.circuits.program import Program
from qloop.hybrid.layer import QuantumLayer
from qloop.hybrid.spectrum import gate_spectrum

FloatArray = NDArray[np.float64]
MOST_FREQUENCIES = 256
"""A surrogate has all frequencies up to this many, and a random choice of them beyond."""


class FourierSeries(nn.Module):
    """A series in the inputs of a circuit, over its frequencies; amplitudes of initial states enter as they are.

    With all of its frequencies every output of the circuit is such a series.

    Args:
        layer: whose frequencies.
        columns: inputs, and amplitudes where the layer is given initial states.

    Source: Schreiber et al., arXiv:2206.11740; a random choice, Landman et al., arXiv:2210.13200.
    """

    frequencies: Tensor

    def __init__(self, layer: QuantumLayer, columns: int) -> None:
        super().__init__()
        rng = np.random.default_rng(int(torch.randint(2**31, ())))
        found = find_frequencies(layer.program, layer.roles.inputs, MOST_FREQUENCIES, rng)
        self.register_buffer("frequencies", torch.from_numpy(found).to(layer.weight))
        features = 2 * len(found) + columns - layer.num_inputs
        self.series = nn.Linear(features, layer.num_outputs, dtype=layer.weight.dtype)
        # From zero, descent ends at the smallest of all series that fit few cases; anything else would stay in them.
        nn.init.zeros_(self.series.weight)

    def forward(self, columns: Tensor) -> Tensor:
        """Return the series, shape [..., num_outputs]."""
        width = self.frequencies.shape[1]
        phases = columns[..., :width] @ self.frequencies.T
        return self.series(torch.cat([phases.cos(), phases.sin(), columns[..., width:]], dim=-1))


def find_frequencies(program: Program, inputs: tuple[int, ...], most: int, rng: np.random.Generator) -> FloatArray:
    """Return frequencies other than zero that outputs of a program may have in its inputs, one of each pair +-.

    Args:
        program: any program.
        inputs: which of its parameters are inputs.
        most: how many at most; of more, likelier those that more paths through the circuit lead to.
        rng: of the choice.

    Returns:
        shape [frequencies, inputs].
    """
    steps = list(_steps(program, inputs))
    found = np.zeros((1, len(inputs)))
    for step in steps:
        found = _distinct((found[:, None] + step).reshape(-1, len(inputs)))
        if len(found) > 2 * most + 1:
            found = _distinct(np.sum([rng.choice(each, 4 * most) for each in steps], axis=0))
            break
    found = found[found.any(axis=1)]
    first = found[np.arange(len(found)), (found != 0).argmax(axis=1)]
    positive = _distinct(found * np.sign(first)[:, None])
    return positive[np.sort(rng.permutation(len(positive))[:most])]


def _steps(program: Program, inputs: tuple[int, ...]) -> Iterator[FloatArray]:
    """Yield what each gate that depends on inputs may add to a frequency, shape [pairs of exponents, inputs]."""
    for operation in program.operations():
        slopes = np.array([[angle.terms.get(k, 0.0) for k in inputs] for angle in operation.angles])
        if slopes.any():
            phases = gate_spectrum(operation.name, operation.letters).exponents @ slopes
            yield (phases[:, None] - phases).reshape(-1, len(inputs))


def _distinct(frequencies: FloatArray) -> FloatArray:
    # Sums that differ by rounding alone are one frequency.
    return np.unique(frequencies.round(9) + 0.0, axis=0)
