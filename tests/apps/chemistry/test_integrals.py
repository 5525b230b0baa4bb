"""Frozen energies are PySCF 2.14's own, each method called by hand on the bare molecule without this package."""

from itertools import pairwise

import numpy as np
import pytest

from qloop.apps.chemistry import compute_curve, parse_atoms
from qloop.core.errors import InvalidValueError
from tests.apps.chemistry.samples import spaces

FROZEN = {
    ("LiH", 0): {"HF": -7.861864769809, "MP2": -7.874540640559, "FCI": -7.882096599920},
    ("LiH", 1): {"HF": -7.733991340167, "MP2": -7.770548756069, "FCI": -7.806439810555},
    ("H4", 0): {"HF": -2.098545936998, "MP2": -2.139744020661, "FCI": -2.166387448635},
    ("BeH2", 0): {"HF": -15.561278032308, "MP2": -15.583506997374, "FCI": -15.594710157153},
    ("OH", 0): {"HF": -74.361561957933, "FCI": -74.387151275367},
    ("O2", 0): {"HF": -147.632274661318, "FCI": -147.724706944537},
}


@pytest.mark.parametrize("name", sorted({name for name, _ in FROZEN}))
def test_energies_against_frozen_ones(name):
    for k, space in enumerate(spaces(name)):
        for method, energy in FROZEN.get((name, k), {}).items():
            assert space.energies[method] == pytest.approx(energy, abs=1e-7), method


def test_hydrogen_against_the_textbook():
    # Szabo and Ostlund, Modern Quantum Chemistry, sections 3.5.2 and 4.1: STO-3G at 1.4 bohr.
    (space,) = compute_curve([parse_atoms("H 0 0 0; H 0 0 1.4", unit="bohr")], "STO-3G", 0, None)
    assert space.energies["HF"] == pytest.approx(-1.1167, abs=5e-5)
    assert space.energies["FCI"] == pytest.approx(-1.1373, abs=5e-5)
    assert space.constant == pytest.approx(1 / 1.4)
    assert np.diag(space.one_body) == pytest.approx([-1.2528, -0.4756], abs=5e-4)
    assert space.two_body[0, 0, 0, 0] == pytest.approx(0.6746, abs=5e-4)
    assert space.two_body[0, 1, 1, 0] == pytest.approx(0.1813, abs=5e-4)


def test_two_electrons_are_exact_by_coupled_cluster():
    for space in spaces("LiH"):
        assert space.energies["CCSD(T)"] == pytest.approx(space.energies["FCI"], abs=1e-6)


def test_open_shells_have_no_closed_shell_methods():
    assert set(spaces("OH")[0].energies) == {"HF", "FCI"}
    assert spaces("OH")[0].electrons == (4, 3)
    assert spaces("O2")[0].electrons == (5, 3)


def test_coupled_cluster_is_doubted_where_the_bond_breaks():
    near, far = compute_curve([parse_atoms(f"N 0 0 0; N 0 0 {d}") for d in (1.1, 1.9)], "sto-3g", 2, (6, 6))
    assert near.doubtful == {}
    # T1 is 0 here: the doubles tell, and CCSD(T) is 47 mHa too low.
    assert "double amplitude" in far.doubtful["CCSD(T)"]
    assert far.energies["CCSD(T)"] < far.energies["FCI"] - 0.04
    bent = "O 0 0 0; H 0 1.58 1.22; H 0 -1.58 1.22"
    assert "T1 diagnostic" in compute_curve([parse_atoms(bent)], "sto-3g", 1, None)[0].doubtful["CCSD(T)"]


def largest_jump(curve):
    return max(np.abs(a.two_body - b.two_body).max() for a, b in pairwise(curve))


@pytest.mark.parametrize(
    "atoms",
    [
        # Between 2.4 and 2.6 an orbital comes out with another sign.
        [f"Li 0 0 0; H 0 0 {d}" for d in (2.0, 2.2, 2.4, 2.6, 2.8)],
        # Between 1.8 and 2.0 virtual orbitals change places in energy.
        [f"Be 0 0 0; H 0 0 {d}; H 0 0 {-d}" for d in (1.6, 1.8, 2.0, 2.2)],
    ],
)
def test_aligned_orbitals_make_integrals_continuous(atoms):
    molecules = [parse_atoms(text) for text in atoms]
    aligned = compute_curve(molecules, "sto-3g", 1, None)
    alone = [compute_curve([molecule], "sto-3g", 1, None)[0] for molecule in molecules]
    assert largest_jump(alone) > 0.1
    assert largest_jump(aligned) < 0.04
    for one, other in zip(aligned, alone, strict=True):
        assert one.energies["FCI"] == pytest.approx(other.energies["FCI"], abs=1e-8)


def test_progress_is_reported():
    done = []
    molecules = [parse_atoms(f"H 0 0 0; H 0 0 {d}") for d in (0.7, 0.8)]
    compute_curve(molecules, "sto-3g", 0, None, done.append)
    assert done == [1, 2]


def test_a_basis_is_a_name_and_never_a_file(tmp_path):
    basis = tmp_path / "mine.nw"
    basis.write_text("BASIS 'ao basis' PRINT\nH    S\n  1.0 1.0\nEND\n")
    for name in (str(basis), "{'H': 'sto-3g'}", "__import__('os')"):
        with pytest.raises(InvalidValueError, match="is not a known basis: "):
            compute_curve([parse_atoms("H 0 0 0; H 0 0 1")], name, 0, None)


@pytest.mark.parametrize(
    ("atoms", "basis", "active", "sentence"),
    [
        ("H 0 0 0; H 0 0 1", "sto3h", None, "`sto3h` is not a known basis: did you mean `sto-3g`"),
        ("H 0 0 0; H 0 0 1", "cc-pvdx", None, "did you mean `cc-pvdz`"),
        ("Xe 0 0 0", "6-31g", None, "the basis `6-31g` does not describe Xe"),
        ("H 0 0 0; H 0 0 1", "sto-3g", (2, 3), "be at most 2 of the basis's 2, got 3"),
        ("Li 0 0 0; H 0 0 1.6", "sto-3g", (2, 6), "be at most 5 of the basis's 6, got 6"),
        ("Li 0 0 0; H 0 0 1.6", "sto-3g", (4, 1), "`orbitals` must hold 4 electrons"),
        ("Li 0 0 0; H 0 0 1.6", "sto-3g", (3, 4), "`electrons` must be 1..4 and leave whole pairs outside, got 3"),
        ("Li 0 0 0; H 0 0 1.6", "sto-3g", (6, 6), "`electrons` must be 1..4 and leave whole pairs outside, got 6"),
    ],
)
def test_bad_input(atoms, basis, active, sentence):
    with pytest.raises(InvalidValueError, match=sentence):
        compute_curve([parse_atoms(atoms)], basis, 0, active)


def test_more_unpaired_electrons_than_the_active_space_holds():
    triplet = parse_atoms("O 0 0 0; O 0 0 1.2", spin=2)
    with pytest.raises(InvalidValueError, match="2 unpaired electrons"):
        compute_curve([triplet], "sto-3g", 0, (2, 1))
