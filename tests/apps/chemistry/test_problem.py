import numpy as np
import pytest

from qloop.apps.chemistry.problem import build_problem, geometries
from qloop.apps.chemistry.settings import ChemistrySettings
from qloop.core.errors import InvalidValueError
from qloop.core.memo import DictMemo, NoMemo
from qloop.core.progress import silent
from qloop.core.settings import validate
from tests.apps.chemistry.samples import problem, settings_of

LIH = {"molecule": {"atoms": "Li 0 0 0; H 0 0 1.6"}, "scan": {"start": 1.0, "stop": 3.0, "points": 3}}


def changed(**tables):
    """Return the tables of LiH with some keys changed."""
    merged = {name: {**LIH.get(name, {}), **table} for name, table in tables.items() if isinstance(table, dict)}
    return {**LIH, **tables, **merged}


def build(**tables):
    return build_problem(validate(ChemistrySettings, changed(**tables)), 0, NoMemo(), silent)


def test_a_grid_of_molecules():
    grid, molecules = geometries(validate(ChemistrySettings, LIH))
    assert grid.tolist() == [1.0, 2.0, 3.0]
    assert [molecule.coordinates[1, 2] for molecule in molecules] == pytest.approx([1, 2, 3])


def test_an_xyz_file_in_bohr_is_the_same_curve(tmp_path):
    path = tmp_path / "lih.xyz"
    path.write_text("2\n\nLi 0 0 0\nH 0 0 3.0\n")
    molecule = {"xyz": str(path), "unit": "bohr"}
    tables = validate(ChemistrySettings, {"molecule": molecule, "scan": LIH["scan"]})
    for ours, theirs in zip(geometries(tables)[1], geometries(validate(ChemistrySettings, LIH))[1], strict=True):
        assert ours.coordinates == pytest.approx(theirs.coordinates)


def test_what_is_remembered_gives_the_same_circuit():
    memo = DictMemo()
    settings = settings_of("H2", 4)
    first, _ = build_problem(settings, 1, memo, silent)
    matrix = first.design(True, "search").grown.operators
    known = len(memo.values)
    again, _ = build_problem(settings, 1, memo, silent)
    assert (again.design(True, "search").grown.operators == matrix).all()
    assert len(memo.values) == known
    other, _ = build_problem(settings, 2, memo, silent)
    other.design(True, "search")
    assert len(memo.values) == known + 1, "the integrals are shared, another seed searches for itself"
    for one, other in zip(first.spaces, again.spaces, strict=True):
        assert one.one_body.tobytes() == other.one_body.tobytes()


def test_the_mapping_of_the_settings_is_the_plain_encoding():
    plain, parity = (problem("LiH", 4, mapping=mapping)[0] for mapping in ("jordan_wigner", "parity"))
    one, other = (case.design(False, "default") for case in (plain, parity))
    assert one.curve.num_qubits == 6 >= other.curve.num_qubits
    for k in one.anchors:
        assert parity.spaces[k].energies["FCI"] == pytest.approx(plain.spaces[k].energies["FCI"])


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"molecule": {"atoms": ""}}, "`molecule` needs either `atoms` or `xyz`, and not both"),
        ({"molecule": {"xyz": "lih.xyz"}}, "`molecule` needs either `atoms` or `xyz`, and not both"),
        ({"molecule": {"atoms": "", "xyz": "none.xyz"}}, "there is no xyz file `none.xyz`"),
        ({"molecule": {"unit": "nm"}}, "`molecule.unit` must be 'angstrom' or 'bohr'"),
        ({"molecule": {"charge": 4}}, "a charge of 4 leaves 0 electrons"),
        ({"molecule": {"spin": 1}}, "must be even and at most 4 for 4 electrons, got 1"),
        ({"molecule": {"spin": -2}}, "`molecule.spin` must be greater than or equal to 0, got -2"),
        ({"molecule": {"basis": "sto3h"}}, "`sto3h` is not a known basis: did you mean `sto-3g`"),
        ({"molecule": {"bases": "sto-3g"}}, "`molecule.bases` is not a setting: did you mean `basis`"),
        ({"active": {"electrons": 2}}, "`active` needs both `electrons` and `orbitals`, got 2 and 0"),
        ({"active": {"electrons": 2, "orbitals": 6}}, "be at most 5 of the basis's 6, got 6"),
        ({"active": {"electrons": 3, "orbitals": 3}}, "must be 1..4 and leave whole pairs outside, got 3"),
        ({"scan": {"stop": 0.9}}, "`scan.stop` must exceed `scan.start`, got 0.9 and 1.0"),
        ({"scan": {"start": -1.0}}, "`scan.start` must be greater than 0, got -1"),
        ({"scan": {"points": 2}}, "`scan.points` must be greater than or equal to 3, got 2"),
        ({"scan": {"bond": [0, 2]}}, r"`bond` must name two atoms out of 0..1, got \[0, 2\]"),
        ({"device": {"name": "FakeTorin"}}, "`FakeTorin` is not a known device: did you mean `FakeTorino`"),
        ({"shots": {"per_geometry": 0}}, "`shots.per_geometry` must be greater than or equal to 1000, got 0"),
        ({"shots": {"reference_share": 0}}, "`shots.reference_share` must be greater than or equal to 0.001, got 0"),
        ({"shots": {"clifford_share": 0.46}}, "must add up to at most 0.5, they add up to 0.58"),
        ({"mapping": "bravyi_kitaev"}, "`mapping` must be 'jordan_wigner' or 'parity'"),
        ({"optimise_on": "paper"}, "`optimise_on` must be 'exact' or 'device'"),
        ({"parts": {"chanel": True}}, "`parts.chanel` is not a setting: did you mean `channel`"),
        ({"tolerance_mha": 0}, "`tolerance_mha` must be greater than 0, got 0"),
    ],
)
def test_bad_input(tables, sentence):
    with pytest.raises(InvalidValueError, match=sentence):
        build(**tables)


def test_what_is_too_large_is_refused_before_anything_is_computed():
    with pytest.raises(
        InvalidValueError, match=r"needs 115 or more qubits .* at most 10 .* choose a smaller active space"
    ):
        build(
            molecule={"atoms": "N 0 0 0; N 0 0 1.1", "basis": "cc-pvtz", "frozen_core": False, "spin": 0},
            scan={"points": 200},
        )
    with pytest.raises(InvalidValueError, match="at most 5 can be run on `FakeManila`"):
        build(device={"name": "FakeManila"})


def test_where_hartree_fock_is_exact_there_is_nothing_to_compute():
    with pytest.raises(InvalidValueError, match="Hartree-Fock is exact for this molecule"):
        build(molecule={"atoms": "H 0 0 0; H 0 0 1", "charge": 1, "spin": 1})


def test_energies_rise_towards_the_exact_one():
    case, _ = problem("LiH", 4)
    for space in case.spaces:
        assert space.energies["FCI"] <= space.energies["MP2"] <= space.energies["HF"]
    assert (np.diff(case.grid) > 0).all()
