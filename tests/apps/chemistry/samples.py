"""Small molecules, each computed once a session."""

from functools import lru_cache

from qloop.apps.chemistry.integrals import compute_curve
from qloop.apps.chemistry.mapping import map_curve
from qloop.apps.chemistry.molecule import parse_atoms
from qloop.apps.chemistry.parts import NAMES
from qloop.apps.chemistry.problem import build_problem
from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.apps.chemistry.stages import chemistry_loop, first_geometries
from qloop.apps.chemistry.state import State
from qloop.core.memo import DictMemo
from qloop.core.progress import silent
from qloop.core.settings import validate
from qloop.devices import NoisySimulator

ON = NAMES - {"extrapolation"}

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


def settings_of(name, points=6, **tables):
    """Return settings of a curve that is quick: loose tolerance, seven qubits to choose from."""
    atoms, _, move, spin, frozen, _ = CURVES[name]
    given = {
        "molecule": {"name": name, "atoms": atoms, "spin": spin, "frozen_core": frozen > 0},
        "scan": {"start": 1.0, "stop": 3.0, "points": points, "move": move},
        "device": {"name": "FakeLagos"},
        "shots": {"per_geometry": 20_000},
        "tolerance_mha": 4.0,
    }
    return validate(ChemistrySettings, {**given, **tables})


@lru_cache
def problem(name="LiH", points=6, **options):
    """Return a problem and its published device, every circuit found once a session."""
    return build_problem(settings_of(name, points, **options), seed=1, memo=DictMemo(), progress=silent)


def machine(device, seed=0, drift=0.3, **options):
    """Return a drifted machine behind a published device."""
    return NoisySimulator(device, (device.perturbed(seed, drift, **options),))


def fresh(problem, backend, seed=0):
    """Return the state that a loop starts from."""
    return State(problem=problem, backend=backend, seed=seed, chosen=first_geometries(len(problem.grid)))


def after(state, last, parts, passes=1):
    """Return the state after some passes, the last of which ends with a stage of a given name."""
    for k in range(passes):
        for stage in chemistry_loop().stages:
            state = stage(state, parts)
            if k == passes - 1 and stage.name == last:
                return state
    return state
