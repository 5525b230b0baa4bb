"""Twins of a hybrid model: the same model, its circuits replaced by something simpler."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from qloop.circuits.program import Angle, Program
from qloop.core.errors import InvalidValueError
from qloop.hybrid.layer import QuantumLayer
from qloop.hybrid.surrogate import FourierSeries
from qloop.train.loop import predict, seeded

Build = Callable[[QuantumLayer, int], nn.Module]
"""Takes a layer and the number of columns it is given, and returns what stands in its place; may change the layer."""


@dataclass(frozen=True)
class Twin:
    """One way to replace a circuit.

    Args:
        name: one word.
        meaning: one clause, what stands in the circuit's place.
        build: makes that.
    """

    name: str
    meaning: str
    build: Build


class InPlace(nn.Module):
    """A classical module that is called as a circuit is.

    Args:
        body: takes columns, which are the inputs and after them the amplitudes of initial states.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, inputs: Tensor | None = None, initial: Tensor | None = None) -> Tensor:
        """Return what the module makes of the columns."""
        dtype = next(self.body.parameters()).dtype
        return self.body(_columns(inputs, initial).to(dtype))


class Shuffled(nn.Module):
    """A circuit that is given the inputs of other cases, in a new random order at every call."""

    def __init__(self, layer: QuantumLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor | None = None, initial: Tensor | None = None) -> Tensor:
        """Return what the circuit makes of the wrong cases."""
        order = torch.randperm(len(_columns(inputs, initial)))
        return self.layer(*(None if tensor is None else tensor[order] for tensor in (inputs, initial)))


def without_entanglement(program: Program, inputs: Sequence[int]) -> Program:
    """Return a program without its gates on several qubits, and without the weights that only those had; swaps stay.

    Args:
        program: any program.
        inputs: parameters that stay in any case.
    """
    kept = [one for one in program.operations() if len(one.qubits) < 2 or one.name == "swap"]
    used = sorted({*inputs, *(k for one in kept for angle in one.angles for k in angle.terms)})
    index = {old: new for new, old in enumerate(used)}

    def renumber(angle: Angle) -> Angle:
        return Angle(angle.offset, {index[k]: scale for k, scale in angle.terms.items()})

    operations = [replace(one, angles=tuple(map(renumber, one.angles))) for one in kept]
    names = [program.parameters[k] for k in used]
    return Program.from_operations(program.num_qubits, operations, names, program.outputs, program.inputs)


def _build_mlp(layer: QuantumLayer, columns: int) -> nn.Module:
    outputs, dtype = layer.num_outputs, layer.weight.dtype
    enough = math.ceil((layer.num_weights - outputs) / (columns + 1 + outputs))
    hidden = max(columns, outputs, enough)
    return InPlace(
        nn.Sequential(nn.Linear(columns, hidden, dtype=dtype), nn.Tanh(), nn.Linear(hidden, outputs, dtype=dtype))
    )


FULL = Twin("full", "the model as it is", lambda layer, _: layer)
TWINS: tuple[Twin, ...] = (
    Twin(
        "removed",
        "a linear map in place of the circuit",
        lambda layer, columns: InPlace(nn.Linear(columns, layer.num_outputs, dtype=layer.weight.dtype)),
    ),
    Twin("mlp", "a hidden layer in its place, with at least as many parameters", _build_mlp),
    Twin(
        "fourier",
        "a Fourier series over the circuit's frequencies",
        lambda layer, columns: InPlace(FourierSeries(layer, columns)),
    ),
    Twin("frozen", "the circuit at random weights, not trained", lambda layer, _: layer.requires_grad_(False)),
    Twin(
        "product",
        "the circuit without entangling gates",
        lambda layer, _: layer.replaced(without_entanglement(layer.program, layer.roles.inputs)),
    ),
    Twin("shuffled", "the circuit given the inputs of other cases", lambda layer, _: Shuffled(layer)),
)


def count_columns(model: nn.Module, inputs: Tensor) -> dict[str, int]:
    """Return how many columns, inputs and amplitudes of initial states, each circuit of a model is given.

    Args:
        model: any model.
        inputs: a few cases.

    Raises:
        InvalidValueError: the model holds no circuit, or one that it does not use or gives nothing.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, QuantumLayer)}
    if not layers:
        raise InvalidValueError("`model` must hold a `QuantumLayer`, it holds none.")
    seen: dict[str, int] = {}

    def note(name: str) -> Callable[..., None]:
        return lambda _, args, kwargs: seen.update({name: _columns(*args, **kwargs).shape[-1]})

    hooks = [layer.register_forward_pre_hook(note(name), with_kwargs=True) for name, layer in layers.items()]
    try:
        predict(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    for name in layers:
        if not seen.get(name):
            raise InvalidValueError(f"each circuit must be given something by the model, `{name or 'it'}` is not.")
    return seen


def replace_layers(model: nn.Module, columns: Mapping[str, int], build: Build) -> nn.Module:
    """Return a copy of a model with every circuit replaced; one that stands in two places is replaced by one module.

    Args:
        model: stays as it is.
        columns: of `count_columns`.
        build: takes a circuit of the copy.
    """
    twin = copy.deepcopy(model)
    places = [pair for pair in twin.named_modules(remove_duplicate=False) if isinstance(pair[1], QuantumLayer)]
    made: dict[nn.Module, nn.Module] = {}
    for name, layer in places:
        if layer not in made:
            made[layer] = build(layer, columns[name])
        parent, _, child = name.rpartition(".")
        if not child:
            return made[layer]
        setattr(twin.get_submodule(parent), child, made[layer])
    return twin


def start_twin(model: nn.Module, columns: Mapping[str, int], twin: Twin, seed: int) -> nn.Module:
    """Return a twin at the start of its training: what two twins of a seed share starts alike.

    Every part that trains starts anew by its `reset_parameters`; one whose parameters are frozen stays as it is.

    Args:
        model: stays as it is.
        columns: of `count_columns`.
        twin: how to replace the circuits.
        seed: of the start.
    """
    start = copy.deepcopy(model)
    for name, module in start.named_modules():
        own = list(module.parameters(recurse=False))
        if hasattr(module, "reset_parameters") and all(parameter.requires_grad for parameter in own):
            with seeded(seed, "start", name):
                module.reset_parameters()
    with seeded(seed, "twin", twin.name):
        return replace_layers(start, columns, twin.build)


def count_parameters(module: nn.Module) -> int:
    """Return how many numbers are trained."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def _columns(inputs: Tensor | None = None, initial: Tensor | None = None) -> Tensor:
    parts = [] if inputs is None else [inputs]
    if initial is not None:
        parts.append(torch.view_as_real(initial).flatten(-2) if initial.is_complex() else initial)
    return torch.cat(parts, dim=-1) if parts else torch.empty(0)
