"""Weights as safetensors, with the model card inside the same file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from qloop.core.errors import InvalidValueError

_CARD = "qloop"


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a reader of weights must know before using them.

    Args:
        name: short name of the model.
        about: one sentence, what it takes and what it gives.
        data: what it was trained on; ``"generated"`` and by what, or the published set.
        data_licence: licence of that data.
        metrics: name to value, measured on cases that it was not trained on.
        references: one line each.
    """

    name: str
    about: str
    data: str
    data_licence: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    references: tuple[str, ...] = ()


def save_weights(module: nn.Module, path: Path, card: ModelCard) -> None:
    """Write a module's `state_dict` and its card into one safetensors file.

    Args:
        module: any module whose state is tensors.
        path: replaced when it exists.
        card: stands in the file's header.
    """
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in module.state_dict().items()}
    save_file(tensors, path, metadata={_CARD: json.dumps(asdict(card), sort_keys=True)})


def load_weights(module: nn.Module, path: Path) -> ModelCard:
    """Load weights into a module and return their card; nothing is unpickled.

    Raises:
        InvalidValueError: the file holds no card, or its names or shapes are not the module's.
    """
    card, tensors = read_card(path), load_file(path)
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if wrong := sorted(expected.items() ^ found.items()):
        name = wrong[0][0]
        there, here = found.get(name, "nothing"), expected.get(name, "nothing")
        raise InvalidValueError(f"`{path.name}` does not fit the module: `{name}` is {there} in the file, {here} here.")
    module.load_state_dict(tensors)
    return card


def read_card(path: Path) -> ModelCard:
    """Return the card of a file of weights without reading the weights.

    Raises:
        InvalidValueError: the file is missing, is no safetensors file or holds no card.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InvalidValueError(f"cannot read weights from `{path}`: {error}.") from None
    if _CARD not in metadata:
        raise InvalidValueError(f"`{path}` holds weights without a model card.")
    values = json.loads(metadata[_CARD])
    return ModelCard(**values | {"references": tuple(values["references"])})
