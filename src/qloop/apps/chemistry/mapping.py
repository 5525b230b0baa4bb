"""Fermions to qubits: Jordan-Wigner or parity, with every Z2 symmetry of the curve tapered off.

A spin orbital is numbered ``2 * orbital + spin`` (0 alpha, 1 beta). A Pauli string stands as two bit masks, X^x Z^z.
All mappings here are linear: qubit values are a matrix over GF(2) times the occupations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.integrals import ActiveSpace
from qloop.circuits.gf2 import inverse, nullspace, rank
from qloop.circuits.pauli import PauliSum
from qloop.circuits.simulate.memory import check_memory
from qloop.core.errors import InvalidValueError

Mapping = Literal["jordan_wigner", "parity"]
Bits = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
_NEGLIGIBLE = 1e-10
"""Hartree; smaller integrals and coefficients are rounding."""


@dataclass(frozen=True, eq=False, kw_only=True)
class QubitCurve:
    """The Hamiltonians of a curve on the same qubits.

    Args:
        hamiltonians: one a geometry, with the same Pauli strings in the same order; the constant is an identity string.
        reference: Hartree-Fock bits, shape [num_qubits].
        valid: bits of every determinant with the right alpha and beta electrons, shape [determinants, num_qubits].
    """

    hamiltonians: tuple[PauliSum, ...]
    reference: Bits
    valid: Bits

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return len(self.reference)

    def encoded(self, matrix: Bits) -> "QubitCurve":
        """Return the curve after the change of encoding ``bits -> matrix @ bits`` over GF(2)."""
        return QubitCurve(
            hamiltonians=tuple(hamiltonian.linear_map(matrix) for hamiltonian in self.hamiltonians),
            reference=self.reference @ matrix.T % 2,
            valid=self.valid @ matrix.T % 2,
        )

    def restricted(self, active: Sequence[int]) -> "QubitCurve":
        """Return the curve on some qubits, the others held at their Hartree-Fock bits.

        Exact for states in which the others never leave those bits: their Z is a sign, strings that flip them vanish.
        """
        kept = list(active)
        held = [q for q in range(self.num_qubits) if q not in kept]
        letters = self.hamiltonians[0].letters
        stays = ((letters[:, held] == 0) | (letters[:, held] == 3)).all(1)
        sign = 1.0 - 2.0 * ((letters[:, held] == 3) @ self.reference[held].astype(np.int64) % 2)
        table = np.array([hamiltonian.coefficients for hamiltonian in self.hamiltonians])
        distinct, sums = _merge(letters[stays][:, kept], (table * sign)[:, stays])
        valid = self.valid[(self.valid[:, held] == self.reference[held]).all(1)]
        return QubitCurve(
            hamiltonians=tuple(PauliSum(len(kept), distinct, row) for row in sums),
            reference=self.reference[kept],
            valid=valid[:, kept],
        )


def map_curve(spaces: Sequence[ActiveSpace], mapping: Mapping = "jordan_wigner", taper: bool = True) -> QubitCurve:
    """Map a curve to qubits.

    Args:
        spaces: the curve's geometries, same active space.
        mapping: which linear mapping the kept qubits carry.
        taper: whether to remove one qubit per diagonal Z2 symmetry of all geometries, in the Hartree-Fock sector.

    Raises:
        InvalidValueError: more than 32 orbitals, or more qubits than fit in memory.

    Source: Bravyi et al., arXiv:1701.08213 (tapering); Seeley et al., arXiv:1208.5986 (parity).
    """
    size = 2 * spaces[0].num_orbitals
    if size > 64:
        raise InvalidValueError(f"at most 32 orbitals can be mapped, got {spaces[0].num_orbitals}.")
    terms = [_jordan_wigner(space) for space in spaces]
    masks = np.unique(np.concatenate([np.array(list(term), np.uint64).reshape(-1, 2) for term in terms]), axis=0)
    coefficients = np.array([[term.get((int(x), int(z)), 0.0) for x, z in masks] for term in terms])
    x, z = _bits(masks[:, 0], size), _bits(masks[:, 1], size)
    occupied = _hartree_fock(spaces[0])
    base = _base_matrix(size, mapping)
    symmetries = nullspace(x) if taper else np.zeros((0, size), np.uint8)
    matrix, kept = _taper(base, symmetries, occupied)
    check_memory((8 + 4 * size) << kept, f"the determinants of {kept} qubits")
    x = x @ matrix.T % 2
    z = z @ inverse(matrix) % 2
    sector = matrix[kept:] @ occupied % 2
    sign = 1 - 2.0 * (z[:, kept:] @ sector % 2)
    # X^x Z^z = (-i)^(number of Y) times the Pauli string; the coefficients of a real Hamiltonian come out real.
    phase = np.real((-1j) ** (x[:, :kept] & z[:, :kept]).sum(1))
    letters, values = _merge(_letters(x[:, :kept], z[:, :kept]), coefficients * sign * phase)
    used = (np.abs(values) > _NEGLIGIBLE).any(0) | ~letters.any(1)
    values[:, ~letters.any(1)] += np.array([[space.constant] for space in spaces])
    return QubitCurve(
        hamiltonians=tuple(PauliSum(num_qubits=kept, letters=letters[used], coefficients=row[used]) for row in values),
        reference=matrix[:kept] @ occupied % 2,
        valid=_valid_determinants(spaces[0], matrix, kept, sector),
    )


def _jordan_wigner(space: ActiveSpace) -> dict[tuple[int, int], float]:
    """Return coefficients of X^x Z^z over Jordan-Wigner spin orbitals; Y's phases are left inside."""
    keys, values = [], []
    p, q = np.nonzero(np.abs(space.one_body) > _NEGLIGIBLE)
    for spin in (0, 1):
        x, z, c = _ladder_product([(2 * p + spin, True), (2 * q + spin, False)])
        keys.append(np.stack([x, z], -1).reshape(-1, 2))
        values.append((c * space.one_body[p, q][:, None]).ravel())
    p, q, r, s = np.nonzero(np.abs(space.two_body) > _NEGLIGIBLE)
    weight = 0.5 * space.two_body[p, q, r, s]
    for first, second in product((0, 1), repeat=2):
        # (pq|rs) multiplies a+_p a+_r a_s a_q; equal creations or annihilations vanish.
        use = np.ones(len(p), bool) if first != second else (p != r) & (q != s)
        factors = [(2 * p + first, True), (2 * r + second, True), (2 * s + second, False), (2 * q + first, False)]
        x, z, c = _ladder_product([(orbital[use], dagger) for orbital, dagger in factors])
        keys.append(np.stack([x, z], -1).reshape(-1, 2))
        values.append((c * weight[use][:, None]).ravel())
    masks, place = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    total = np.bincount(place.ravel(), weights=np.concatenate(values), minlength=len(masks))
    return {(int(x), int(z)): float(v) for (x, z), v in zip(masks, total, strict=True) if abs(v) > _NEGLIGIBLE}


def _ladder_product(
    factors: Sequence[tuple[NDArray[np.int64], bool]],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], FloatArray]:
    """Multiply ladder operators term by term: masks and signs of shape [terms, 2^factors].

    a_p = (X - X Z)/2 times Z on all lower orbitals and a+_p the same with +, both as X^x Z^z.
    """
    one = np.uint64(1)
    total: list[tuple[NDArray[np.uint64], NDArray[np.uint64], FloatArray]] = []
    for choice in product((0, 1), repeat=len(factors)):
        x = np.zeros(len(factors[0][0]), np.uint64)
        z, c = x.copy(), np.ones(len(x))
        for (orbital, dagger), with_z in zip(factors, choice, strict=True):
            bit = one << orbital.astype(np.uint64)
            fz = (bit - one) | (bit if with_z else np.uint64(0))
            c = c * 0.5 * (1 if dagger or not with_z else -1) * (1 - 2.0 * (np.bitwise_count(z & bit) & 1))
            x, z = x ^ bit, z ^ fz
        total.append((x, z, c))
    stacked = [np.stack(part, -1) for part in zip(*total, strict=True)]
    return stacked[0], stacked[1], stacked[2]


def _base_matrix(size: int, mapping: Mapping) -> Bits:
    if mapping == "jordan_wigner":
        return np.eye(size, dtype=np.uint8)
    blocks = [*range(0, size, 2), *range(1, size, 2)]
    matrix = np.zeros((size, size), np.uint8)
    for row in range(size):
        matrix[row, blocks[: row + 1]] = 1
    return matrix


def _taper(base: Bits, symmetries: Bits, occupied: Bits) -> tuple[Bits, int]:
    """Return the kept rows of the mapping followed by the symmetries, and how many are kept.

    Rows of occupied orbitals go first, beta before alpha, so that what is left are excitations.
    """
    order = sorted(range(len(base)), key=lambda row: (not occupied[row], -(row % 2), row))
    rows = list(range(len(base)))
    for _ in range(len(symmetries)):
        for row in order:
            rest = [r for r in rows if r != row]
            if row in rows and rank(np.vstack([base[rest], symmetries])) == len(base):
                rows = rest
                break
    return np.vstack([base[rows], symmetries]), len(rows)


def _hartree_fock(space: ActiveSpace) -> Bits:
    bits = np.zeros(2 * space.num_orbitals, np.uint8)
    for spin, count in enumerate(space.electrons):
        bits[spin : 2 * count : 2] = 1
    return bits


def _valid_determinants(space: ActiveSpace, matrix: Bits, kept: int, sector: Bits) -> Bits:
    """Return the kept bits of every determinant with the right electrons and symmetry."""
    inner = inverse(matrix)
    codes = _bits(np.arange(1 << kept, dtype=np.uint64), kept)
    full = np.hstack([codes, np.broadcast_to(sector, (len(codes), len(sector)))])
    occupations = full @ inner.T % 2
    right = [occupations[:, spin::2].sum(1) == count for spin, count in enumerate(space.electrons)]
    return np.asarray(codes[reduce(np.logical_and, right)])


def _merge(letters: Bits, coefficients: FloatArray) -> tuple[Bits, FloatArray]:
    """Return each distinct string once, with the sum of its coefficients in every row."""
    distinct, place = np.unique(letters, axis=0, return_inverse=True)
    rows = [np.bincount(place.ravel(), weights=row, minlength=len(distinct)) for row in coefficients]
    return distinct, np.array(rows)


def _bits(masks: NDArray[np.uint64], size: int) -> Bits:
    return ((masks[:, None] >> np.arange(size, dtype=np.uint64)) & np.uint64(1)).astype(np.uint8)


def _letters(x: Bits, z: Bits) -> Bits:
    return np.array([[0, 3], [1, 2]], np.uint8)[x, z]
