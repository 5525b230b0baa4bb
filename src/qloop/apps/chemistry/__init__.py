"""Energy curves of molecules, with the exact classical answer beside them."""

from importlib import import_module
from typing import Any

_WHERE = {
    "ActiveSpace": "qloop.apps.chemistry.integrals",
    "ChemistrySettings": "qloop.apps.chemistry.settings",
    "Molecule": "qloop.apps.chemistry.molecule",
    "TASK": "qloop.apps.chemistry.kind",
    "compute_curve": "qloop.apps.chemistry.integrals",
    "energy_curve": "qloop.apps.chemistry.kind",
    "map_curve": "qloop.apps.chemistry.mapping",
    "parse_atoms": "qloop.apps.chemistry.molecule",
    "read_fcidump": "qloop.apps.chemistry.fcidump",
    "read_xyz": "qloop.apps.chemistry.molecule",
    "write_fcidump": "qloop.apps.chemistry.fcidump",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`.")


def __dir__() -> list[str]:
    return __all__
