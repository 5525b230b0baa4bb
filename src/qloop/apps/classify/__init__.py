"""Classifiers with a quantum circuit inside, and the twins that say whether it pays."""

from importlib import import_module
from typing import Any

_WHERE = {
    "Cases": "qloop.apps.classify.data",
    "ClassifySettings": "qloop.apps.classify.settings",
    "TASK": "qloop.apps.classify.kind",
    "classify": "qloop.apps.classify.kind",
    "load_cases": "qloop.apps.classify.data",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`.")


def __dir__() -> list[str]:
    return __all__
