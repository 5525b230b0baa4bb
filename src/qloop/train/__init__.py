"""Training in PyTorch: a loop that resumes, and weights with a model card."""

import importlib
from typing import Any

_PUBLIC = {
    "FitSettings": "loop",
    "Fitted": "loop",
    "ModelCard": "weights",
    "fit": "loop",
    "load_weights": "weights",
    "predict": "loop",
    "read_card": "weights",
    "save_weights": "weights",
    "seeded": "loop",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
