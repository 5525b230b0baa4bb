"""The task kind ``classify``, light enough for `qloop list`; the work is imported when it is asked for."""

from collections.abc import Mapping
from typing import Any

from qloop.apps.classify.settings import ClassifySettings
from qloop.core.answer import Answer, TaskKind
from qloop.core.errors import import_extra
from qloop.core.memo import Memo, NoMemo
from qloop.core.progress import Progress, silent
from qloop.core.settings import validate


def run(settings: ClassifySettings, seed: int, *, memo: Memo, progress: Progress) -> Answer:
    """Train a hybrid and its twins; see `qloop.apps.classify.task.run_classify`.

    Raises:
        MissingExtraError: PyTorch is not installed.
    """
    import_extra("torch", "torch", "A hybrid classifier needs PyTorch")
    from qloop.apps.classify.task import run_classify

    return run_classify(settings, seed, memo=memo, progress=progress)


def dry_run(settings: ClassifySettings, seed: int) -> str:
    """Say what a run would train."""
    import_extra("torch", "torch", "A hybrid classifier needs PyTorch")
    from qloop.apps.classify.task import dry_run as say

    return say(settings, seed)


def classify(
    data: Mapping[str, Any], *, seed: int = 0, memo: Memo | None = None, progress: Progress = silent, **tables: Any
) -> Answer:
    """Train a classifier with a quantum circuit inside, beside twins that say whether the circuit pays.

    Args:
        data: the table ``data`` of the settings, for example ``{"name": "digits", "classes": [3, 5]}`` or
            ``{"file": "trees.csv", "target": "kind"}``.
        seed: of splits, weights and order.
        memo: remembers trained models; by default nothing is remembered.
        progress: told where the work is.
        tables: further settings, for example ``model={"num_qubits": 4}``.

    Raises:
        InvalidValueError: a setting that breaks a rule, or data that do.
        MissingExtraError: PyTorch is not installed.
    """
    settings = validate(ClassifySettings, {"data": {key: _plain(value) for key, value in data.items()}, **tables})
    return run(settings, seed, memo=memo or NoMemo(), progress=progress)


def _plain(value: Any) -> Any:
    """Return paths as text, as in a settings file."""
    return str(value) if hasattr(value, "__fspath__") else value


TASK = TaskKind(settings=ClassifySettings, task=run, dry_run=dry_run)
