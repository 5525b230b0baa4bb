"""Training in PyTorch: a loop that resumes, and weights with a model card."""

from qloop.core.lazy import lazy_names

_HOMES = {
    "FitSettings": "qloop.train.loop",
    "Fitted": "qloop.train.loop",
    "ModelCard": "qloop.train.weights",
    "fit": "qloop.train.loop",
    "load_weights": "qloop.train.weights",
    "predict": "qloop.train.loop",
    "read_card": "qloop.train.weights",
    "save_weights": "qloop.train.weights",
    "seeded": "qloop.train.loop",
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
