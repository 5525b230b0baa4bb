"""Energy curves of molecules, with the exact classical answer beside them."""

from qloop.core.lazy import lazy_names

_HOMES = {
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
__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
