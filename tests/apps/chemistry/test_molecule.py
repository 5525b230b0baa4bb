import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.apps.chemistry import Molecule, parse_atoms, read_xyz
from qloop.core.errors import InvalidValueError

WATER = "O 0 0 0; H 0.76 0.59 0; H -0.76 0.59 0"


def test_atoms_are_separated_by_semicolons_or_lines():
    for text in ("li 0 0 0;H 0 0 1.6", "\n LI 0 0 0 \n\n H  0 0 1.6\n", "Li 0. 0 0;\nh 0 0 16e-1;"):
        molecule = parse_atoms(text)
        assert molecule.symbols == ("Li", "H")
        assert molecule.coordinates.tolist() == [[0, 0, 0], [0, 0, 1.6]]


def test_bohr_becomes_angstrom():
    assert parse_atoms("H 0 0 0; H 0 0 1.4", unit="bohr").coordinates[1, 2] == pytest.approx(0.7408481)


def test_electrons_and_core_by_hand():
    assert parse_atoms(WATER).num_electrons == 10
    assert parse_atoms(WATER, charge=1, spin=1).num_electrons == 9
    assert parse_atoms(WATER).num_core_orbitals == 1
    # 1s 2s 2p of chlorine, and none of hydrogen.
    assert parse_atoms("Cl 0 0 0; H 0 0 1.3").num_core_orbitals == 5
    assert parse_atoms("H 0 0 0; He 0 0 1", charge=1).num_core_orbitals == 0


@given(st.floats(0.5, 4), st.sampled_from([(0, 1), (1, 2), (2, 0)]))
def test_a_bond_gets_its_length_and_the_other_atoms_stay(length, bond):
    before = parse_atoms(WATER)
    after = before.with_bond(bond, length, "atom")
    assert np.linalg.norm(after.coordinates[bond[0]] - after.coordinates[bond[1]]) == pytest.approx(length)
    rest = [atom for atom in range(3) if atom != bond[1]]
    assert (after.coordinates[rest] == before.coordinates[rest]).all()


@given(st.floats(0.5, 4))
def test_scaling_keeps_the_shape(length):
    before = parse_atoms(WATER).coordinates + np.arange(3)
    after = Molecule(("O", "H", "H"), before).with_bond((0, 1), length, "scale").coordinates
    factor = length / np.linalg.norm(before[1] - before[0])
    assert after - after[0] == pytest.approx(factor * (before - before[0]))
    assert after[0] == pytest.approx(before[0])


def test_an_xyz_file(tmp_path):
    path = tmp_path / "water.xyz"
    path.write_text("3\na comment; O 0 0 0\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n\n")
    assert (read_xyz(path).coordinates == parse_atoms(WATER).coordinates).all()
    assert read_xyz(path, unit="bohr", charge=1, spin=1).num_electrons == 9
    assert read_xyz(path, unit="bohr", charge=2).coordinates[1, 0] == pytest.approx(0.76 * 0.529177)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must start with its number of atoms: it says `` and lists 0"),
        ("H 0 0 0\n\nH 0 0 1\n", "it says `H 0 0 0` and lists 1"),
        ("3\n\nH 0 0 0\nH 0 0 1\n", "it says `3` and lists 2"),
        ("2\n\nH 0 0 0\nH 0 0 one\n", "an atom is an element and three coordinates, got `H 0 0 one`"),
    ],
)
def test_a_wrong_xyz_file(tmp_path, text, sentence):
    path = tmp_path / "wrong.xyz"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=sentence):
        read_xyz(path)


def test_an_xyz_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InvalidValueError, match=r"there is no xyz file `.*none.xyz`"):
        read_xyz(tmp_path / "none.xyz")
    with pytest.raises(InvalidValueError, match="cannot read .* as text"):
        read_xyz(tmp_path)
    (tmp_path / "binary.xyz").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidValueError, match="cannot read .* as text"):
        read_xyz(tmp_path / "binary.xyz")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: parse_atoms(""), "a molecule needs at least one atom"),
        (lambda: parse_atoms("H 0 0"), "an atom is an element and three coordinates, got `H 0 0`"),
        (lambda: parse_atoms("H 0 0 0 0"), "got `H 0 0 0 0`"),
        (lambda: parse_atoms("H 0 0 nan"), "got `H 0 0 nan`"),
        (lambda: parse_atoms("H 0 0 1e999"), "got `H 0 0 1e999`"),
        (lambda: parse_atoms("Hee 0 0 0"), "`Hee` is not an element"),
        (lambda: parse_atoms("<script> 0 0 0"), "`<script>` is not an element"),
        (lambda: parse_atoms("H 0 0 0; H 0 0 0.01"), "atoms 0 and 1 are 0.01 angstrom apart, at least 0.1 is needed"),
        (lambda: parse_atoms("H 0 0 0; H 0 0 0"), "atoms 0 and 1 are 0 angstrom apart"),
        (lambda: parse_atoms("H 0 0 0", charge=1), "a charge of 1 leaves 0 electrons, at least 1 is needed"),
        (lambda: parse_atoms("H 0 0 0"), "must be odd and at most 1 for 1 electrons, got 0"),
        (lambda: parse_atoms(WATER, spin=1), "must be even and at most 10 for 10 electrons, got 1"),
        (lambda: parse_atoms(WATER, spin=12), "must be even and at most 10 for 10 electrons, got 12"),
        (lambda: parse_atoms(WATER).with_bond((0, 3), 1, "atom"), r"two atoms out of 0..2, got \[0, 3\]"),
        (lambda: parse_atoms(WATER).with_bond((1, 1), 1, "atom"), r"two atoms out of 0..2, got \[1, 1\]"),
        (lambda: parse_atoms(WATER).with_bond((0, -1), 1, "atom"), r"two atoms out of 0..2, got \[0, -1\]"),
    ],
)
def test_bad_input(call, sentence):
    with pytest.raises(InvalidValueError, match=sentence):
        call()
