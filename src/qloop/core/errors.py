"""One base error, and the two sentences every room needs: a nearest name and a missing extra."""

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType


class QloopError(Exception):
    """Base of every error that qloop raises on purpose: one sentence, the rule and the value."""


class InvalidValueError(QloopError, ValueError):
    """A value that breaks a stated rule."""


class MissingExtraError(QloopError, ImportError):
    """A feature whose optional dependency is not installed."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return a clause that helps with a misspelt name.

    Args:
        name: what was given.
        choices: every name that would have been accepted.

    Returns:
        ``did you mean `x`?`` when one choice is close, otherwise the list of choices.
    """
    known = sorted(choices)
    lowered = {choice.lower(): choice for choice in known}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{lowered[close[0]]}`?"
    return "choose one of " + ", ".join(f"`{choice}`" for choice in known) + "."


def import_extra(module: str, extra: str, needs: str) -> ModuleType:
    """Import an optional dependency or say in one sentence how to install it.

    Args:
        module: dotted module name, for example ``"pyscf"``.
        extra: the extra of qloop that brings it.
        needs: the feature and the library, for example ``"A molecule needs PySCF"``.

    Raises:
        MissingExtraError: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and module.split(".")[0] != error.name.split(".")[0]:
            raise
        raise MissingExtraError(f'{needs}: pip install "qloop[{extra}]"') from error
