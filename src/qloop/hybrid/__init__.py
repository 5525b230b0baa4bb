"""Quantum circuits inside learned models, and the question whether they pay."""

from typing import Any

from qloop.core.errors import import_extra
from qloop.core.lazy import lazy_names

_HOMES = {
    "Ablation": "qloop.hybrid.verdict",
    "Autoencoder": "qloop.hybrid.encoders",
    "ColumnEncoder": "qloop.hybrid.encoders",
    "ConformalClassifier": "qloop.hybrid.heads",
    "ConformalRegressor": "qloop.hybrid.heads",
    "FeatureSelection": "qloop.hybrid.encoders",
    "FidelityKernel": "qloop.hybrid.kernels",
    "HybridClassifier": "qloop.hybrid.classifier",
    "PCAEncoder": "qloop.hybrid.encoders",
    "ProjectedKernel": "qloop.hybrid.kernels",
    "QuantumLayer": "qloop.hybrid.layer",
    "ablate": "qloop.hybrid.ablation",
    "amplitude_encoding": "qloop.hybrid.encodings",
    "angle_encoding": "qloop.hybrid.encodings",
    "brickwork": "qloop.hybrid.ansatze",
    "hardware_efficient": "qloop.hybrid.ansatze",
    "iqp": "qloop.hybrid.ansatze",
    "iqp_encoding": "qloop.hybrid.encodings",
    "make_encoder": "qloop.hybrid.encoders",
    "make_head": "qloop.hybrid.heads",
    "probe_trainability": "qloop.hybrid.trainability",
    "qcnn": "qloop.hybrid.ansatze",
    "reupload": "qloop.hybrid.ansatze",
}
__all__ = sorted(_HOMES)
_get, __dir__ = lazy_names(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    try:
        return _get(name)
    except ModuleNotFoundError as error:
        if error.name == "torch":
            import_extra("torch", "torch", f"{name} needs PyTorch")
        raise
