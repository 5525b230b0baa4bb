import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp

from qloop.apps.chemistry import map_curve
from qloop.circuits.gf2 import rank
from tests.apps.chemistry.samples import curve, spaces
from tests.slow_twins.fermions import hamiltonian, numbers

SIZES = {"H2": 1, "LiH": 6, "H4": 6, "BeH2": 7, "OH": 6, "O2": 7}


def places(bits):
    return bits.astype(int) @ (1 << np.arange(bits.shape[1]))


@pytest.mark.parametrize("mapping", ["jordan_wigner", "parity"])
@pytest.mark.parametrize("name", ["H2", "H4"])
def test_without_tapering_against_ladder_operators_written_out(name, mapping):
    for k, space in enumerate(spaces(name)):
        size = 2 * space.num_orbitals
        mapped = curve(name, mapping, taper=False)
        plain = hamiltonian(space)
        states = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
        if mapping == "parity":
            # Qubit j holds the parity of the first j + 1 spin orbitals, all alpha before all beta.
            order = [*range(0, size, 2), *range(1, size, 2)]
            states = np.cumsum(states[:, order], axis=1) % 2
        where = places(states)
        ours = mapped.hamiltonians[k].matrix()[np.ix_(where, where)]
        assert ours == pytest.approx(plain, abs=1e-9)


@pytest.mark.parametrize("mapping", ["jordan_wigner", "parity"])
@pytest.mark.parametrize("name", list(SIZES))
def test_the_tapered_ground_state_is_the_exact_one(name, mapping):
    mapped = curve(name, mapping)
    assert mapped.num_qubits <= SIZES[name]
    valid = places(mapped.valid)
    for operator, space in zip(mapped.hamiltonians, spaces(name), strict=True):
        matrix = operator.matrix()
        assert np.abs(matrix.imag).max() < 1e-12
        rest = np.setdiff1d(np.arange(len(matrix)), valid)
        assert np.abs(matrix[np.ix_(valid, rest)]).max(initial=0) < 1e-9, "the number of electrons must be kept"
        sector = matrix[np.ix_(valid, valid)]
        assert np.linalg.eigvalsh(sector)[0] == pytest.approx(space.energies["FCI"], abs=1e-8)
        reference = places(mapped.reference[None])[0]
        assert matrix[reference, reference].real == pytest.approx(space.energies["HF"], abs=1e-8)
        assert reference in valid


@pytest.mark.parametrize("name", ["LiH", "OH"])
def test_both_mappings_taper_to_the_same_sector(name):
    plain, parity = (curve(name, mapping) for mapping in ("jordan_wigner", "parity"))
    assert len(plain.valid) == len(parity.valid)
    for one, other in zip(plain.hamiltonians, parity.hamiltonians, strict=True):
        assert np.linalg.eigvalsh(one.matrix()) == pytest.approx(np.linalg.eigvalsh(other.matrix()), abs=1e-8)


def test_determinants_are_those_with_the_right_electrons():
    mapped = curve("LiH", taper=False)
    (alpha, beta) = spaces("LiH")[0].electrons
    expected = np.flatnonzero((numbers(10) == (alpha, beta)).all(1))
    assert sorted(places(mapped.valid)) == expected.tolist()


def test_a_curve_shares_its_strings():
    first, second = curve("LiH").hamiltonians
    assert (first.letters == second.letters).all()
    assert not (first.coefficients == second.coefficients).all()
    assert len(np.unique(first.letters, axis=0)) == len(first.letters)


def test_a_label_is_what_qiskit_makes_of_it():
    operator = curve("LiH").hamiltonians[0]
    theirs = SparsePauliOp(operator.labels(), operator.coefficients).to_matrix()
    assert theirs == pytest.approx(operator.matrix(), abs=1e-10)


def test_hydrogen_on_one_qubit():
    # Two determinants, |11 00> and |00 11>: the exchange integral couples them.
    space = spaces("H2")[0]
    mapped = map_curve([space])
    assert mapped.num_qubits == 1
    matrix = mapped.hamiltonians[0].matrix().real
    assert abs(matrix[0, 1]) == pytest.approx(space.two_body[0, 1, 0, 1])
    assert sorted(np.diag(matrix))[0] == pytest.approx(space.energies["HF"])


@st.composite
def invertible(draw, size):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    matrix = np.eye(size, dtype=np.uint8)
    for _ in range(20):
        row, other = rng.choice(size, 2, replace=False)
        matrix[row] ^= matrix[other]
    return matrix[rng.permutation(size)]


@settings(max_examples=15, deadline=None)
@given(invertible(6))
def test_another_encoding_is_a_permutation_of_states(matrix):
    before = curve("LiH", "parity")
    assert before.reference.any()
    after = before.encoded(matrix)
    assert rank(matrix) == 6
    states = (np.arange(64)[:, None] >> np.arange(6)) & 1
    moved = places(states @ matrix.T % 2)
    for one, other in zip(before.hamiltonians, after.hamiltonians, strict=True):
        assert other.matrix()[np.ix_(moved, moved)] == pytest.approx(one.matrix(), abs=1e-9)
    assert places(after.reference[None])[0] == moved[places(before.reference[None])[0]]
    assert sorted(places(after.valid)) == sorted(moved[places(before.valid)])


@settings(max_examples=15, deadline=None)
@given(invertible(6), st.sets(st.integers(0, 5), min_size=1, max_size=5))
def test_a_restriction_is_the_block_where_the_others_keep_their_bits(matrix, kept):
    whole = curve("LiH", "parity").encoded(matrix)
    active = sorted(kept)
    held = [q for q in range(6) if q not in kept]
    part = whole.restricted(active)
    states = (np.arange(64)[:, None] >> np.arange(6)) & 1
    block = np.flatnonzero((states[:, held] == whole.reference[held]).all(1))
    block = block[np.argsort(places(states[block][:, active]))]
    for one, other in zip(whole.hamiltonians, part.hamiltonians, strict=True):
        assert other.matrix() == pytest.approx(one.matrix()[np.ix_(block, block)], abs=1e-9)
    assert part.reference.tolist() == whole.reference[active].tolist()
    assert set(places(part.valid)) == {k for k, row in enumerate(block) if row in places(whole.valid)}
