"""Quantum circuits inside learned models, and the question whether they pay."""

import importlib
from typing import Any

from qloop.core.errors import MissingExtraError

_PUBLIC = {
    "Ablation": "verdict",
    "Autoencoder": "encoders",
    "ColumnEncoder": "encoders",
    "ConformalClassifier": "heads",
    "ConformalRegressor": "heads",
    "FeatureSelection": "encoders",
    "FidelityKernel": "kernels",
    "HybridClassifier": "classifier",
    "PCAEncoder": "encoders",
    "ProjectedKernel": "kernels",
    "QuantumLayer": "layer",
    "ablate": "ablation",
    "amplitude_encoding": "encodings",
    "angle_encoding": "encodings",
    "brickwork": "ansatze",
    "hardware_efficient": "ansatze",
    "iqp": "ansatze",
    "iqp_encoding": "encodings",
    "make_encoder": "encoders",
    "make_head": "heads",
    "probe_trainability": "trainability",
    "qcnn": "ansatze",
    "reupload": "ansatze",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    try:
        module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError(f'{name} needs PyTorch: pip install "qloop[torch]"') from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
