"""Small molecules, each computed once a session."""

from functools import lru_cache

from qloop.apps.chemistry.integrals import compute_curve
from qloop.apps.chemistry.mapping import map_curve
from qloop.apps.chemistry.molecule import parse_atoms

# Name: atoms, distances, what moves, spin, frozen orbitals, active space.
CURVES = {
    "H2": ("H 0 0 0; H 0 0 0.7", (0.7, 1.4), "atom", 0, 0, None),
    "LiH": ("Li 0 0 0; H 0 0 1.6", (1.6, 2.8), "atom", 0, 1, None),
    "H4": ("H 0 0 0; H 0 0 1; H 0 0 2; H 0 0 3", (1.0, 1.4), "scale", 0, 0, None),
    "BeH2": ("Be 0 0 0; H 0 0 1.3; H 0 0 -1.3", (1.3,), "scale", 0, 1, None),
    "OH": ("O 0 0 0; H 0 0 0.97", (0.97,), "atom", 1, 1, None),
    "O2": ("O 0 0 0; O 0 0 1.21", (1.21,), "atom", 2, 4, (8, 6)),
}


@lru_cache
def spaces(name):
    atoms, distances, move, spin, frozen, active = CURVES[name]
    molecule = parse_atoms(atoms, spin=spin)
    return tuple(compute_curve([molecule.with_bond((0, 1), d, move) for d in distances], "sto-3g", frozen, active))


@lru_cache
def curve(name, mapping="jordan_wigner", taper=True):
    return map_curve(spaces(name), mapping, taper)
