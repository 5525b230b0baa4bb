"""Which parameters of a circuit are inputs and which are weights."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qloop.core.errors import InvalidValueError, nearest


@dataclass(frozen=True, eq=False)
class Roles:
    """Where inputs and weights stand among the parameters of a program.

    Args:
        inputs: index of each input, in the order of the input columns.
        weights: index of each weight, in the program's order.
    """

    inputs: tuple[int, ...]
    weights: tuple[int, ...]

    def join(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """Return all parameters, shape [batch, num_parameters], of inputs [batch, ...] and shared weights."""
        order = np.argsort((*self.inputs, *self.weights))
        columns = torch.cat([inputs, weights.expand(len(inputs), -1)], dim=1)
        return columns[:, torch.as_tensor(order, device=inputs.device)]

    def split(self, gradient: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the gradients over inputs and over shared weights, of one over all, [batch, num_parameters]."""
        return gradient[:, list(self.inputs)], gradient[:, list(self.weights)].sum(axis=0)


def assign_roles(parameters: tuple[str, ...], inputs: Iterable[Any] | None) -> Roles:
    """Return the roles of a program's parameters.

    Args:
        parameters: their names.
        inputs: names, or Qiskit's parameters, of those that are inputs, in the order of the input columns; by default
            those whose name starts with x, in natural order (x2 before x10).

    Raises:
        InvalidValueError: a name that two parameters share, that `inputs` holds twice, or that the circuit lacks.
    """
    _check_distinct("the circuit", parameters)
    if inputs is None:
        chosen = sorted((name for name in parameters if name.startswith("x")), key=_natural)
    else:
        chosen = [getattr(one, "name", one) for one in inputs]
        _check_distinct("`inputs`", chosen)
        for name in chosen:
            if name not in parameters:
                raise InvalidValueError(f"`inputs` names `{name}`, unbound in the circuit: {nearest(name, parameters)}")
    index = {name: k for k, name in enumerate(parameters)}
    return Roles(
        inputs=tuple(index[name] for name in chosen),
        weights=tuple(index[name] for name in parameters if name not in set(chosen)),
    )


def _check_distinct(where: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise InvalidValueError(f"each parameter must be named once, {where} has `{name}` {count} times.")


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers inside names by their value."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", name)]
