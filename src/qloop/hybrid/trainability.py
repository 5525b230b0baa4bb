"""Trainability: how gradients of a family of circuits vary with its size, before anything is trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from qloop.core.bootstrap import bootstrap_interval
from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate
from qloop.core.page import Line, Series
from qloop.core.rng import make_rng
from qloop.hybrid.layer import QuantumLayer

FloatArray = NDArray[np.float64]
VANISHING = 0.75
"""A variance that falls to this share or less with each qubit is called a barren plateau: halving is the theory's."""


@dataclass(frozen=True, kw_only=True)
class Trainability:
    """The variance of the first output's derivative by that weight for which it is largest.

    Args:
        sizes: numbers of qubits.
        random: with angles anywhere on the circle, one per size.
        start: with the weights that the layer starts from.
    """

    sizes: tuple[int, ...]
    random: tuple[Estimate, ...]
    start: tuple[Estimate, ...]

    @property
    def verdict(self) -> str:
        """One sentence: how fast the variance falls, and what to do about it."""
        random, start = self._share(self.random), self._share(self.start)
        said = (
            f"With each qubit the gradient's variance changes by a factor of {random:.2f} at random angles and "
            f"{start:.2f} at the layer's start"
        )
        if random > VANISHING:
            return f"{said}: no barren plateau at these sizes."
        if start > VANISHING:
            return f"{said}: a barren plateau that the start avoids; keep the weights small (arXiv:2412.06462)."
        return (
            f"{said}: a barren plateau; measure fewer qubits at a time, use fewer layers, or train layer by layer "
            "(arXiv:2006.14904)."
        )

    def figure(self) -> Line:
        """Return both variances over the number of qubits."""
        curves = (("random angles", self.random), ("the layer's start", self.start))
        return Line(
            title="Variance of the gradient",
            x_label="qubits",
            y_label="variance of the largest derivative",
            series=tuple(
                Series(
                    name=name,
                    x=self.sizes,
                    y=tuple(one.value for one in curve),
                    low=tuple(one.low for one in curve),
                    high=tuple(one.high for one in curve),
                )
                for name, curve in curves
            ),
            log_y=True,
            caption=self.verdict,
        )

    def __str__(self) -> str:
        rows = zip(self.sizes, self.random, self.start, strict=True)
        lines = [f"{size:>6}  {random!s:<32}  {start}" for size, random, start in rows]
        return "\n".join((f"{'qubits':>6}  {'random angles':<32}  layer's start", *lines, "", self.verdict))

    def _share(self, variances: Sequence[Estimate]) -> float:
        logarithms = np.log([max(one.value, 1e-300) for one in variances])
        return float(np.exp(np.polyfit(self.sizes, logarithms, 1)[0]))


def probe_trainability(
    build: Callable[[int], QuantumLayer], sizes: Sequence[int], samples: int = 64, seed: int = 0
) -> Trainability:
    """Return how the gradients of a family of circuits vary with the number of qubits.

    Every sample has inputs of its own, drawn from the circle, and weights of its own; all go through one sweep.

    Args:
        build: takes a number of qubits.
        sizes: at least two, for example ``range(2, 11, 2)``.
        samples: random draws per size.
        seed: of the draws.

    Raises:
        InvalidValueError: fewer than two sizes or samples, or a circuit without weights.

    Source: McClean et al., arXiv:1803.11173.
    """
    if len(set(sizes)) < 2 or samples < 2:
        raise InvalidValueError(f"a trend needs at least 2 sizes and 2 samples, got {list(sizes)} and {samples}.")
    pairs = [_probe(build(size), samples, seed) for size in sizes]
    random, start = zip(*pairs, strict=True)
    return Trainability(sizes=tuple(sizes), random=random, start=start)


def _probe(layer: QuantumLayer, samples: int, seed: int) -> tuple[Estimate, Estimate]:
    if not layer.num_weights:
        raise InvalidValueError("a gradient needs weights, the circuit has none.")
    rng = make_rng(seed, "trainability", layer.program.num_qubits)
    random = rng.uniform(0, 2 * np.pi, (samples, layer.program.num_parameters))
    started = random.copy()
    for row in started:
        layer.reset_parameters(int(rng.integers(2**31)))
        row[list(layer.roles.weights)] = layer.weight.detach().numpy()
    return _variance(layer, random, seed), _variance(layer, started, seed)


def _variance(layer: QuantumLayer, angles: FloatArray, seed: int) -> Estimate:
    readout, program = layer.readout, layer.program
    outputs = readout.kind if readout.observables is None else readout.observables
    # As inputs, the weights may differ from sample to sample.
    free = QuantumLayer(program, outputs, program.parameters, dtype=torch.float64)
    inputs = torch.from_numpy(angles).requires_grad_()
    free(inputs)[:, 0].sum().backward()
    assert inputs.grad is not None
    derivatives = inputs.grad.numpy()[:, list(layer.roles.weights)]

    def largest(cases: NDArray[np.intp]) -> FloatArray:
        return np.array([derivatives[row].var(axis=0).max() for row in cases])

    low, high = bootstrap_interval(largest, len(derivatives), seed=seed)
    return Estimate(value=float(derivatives.var(axis=0).max()), low=low, high=high)
