"""Active-space integrals along a curve, in orbitals aligned from one geometry to the next."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from qloop.apps.chemistry.molecule import Molecule
from qloop.core.errors import InvalidValueError, import_extra, nearest

FloatArray = NDArray[np.float64]
FCI_DETERMINANTS = 4_000_000
"""Largest space that is diagonalised exactly beside an answer."""
T1_LIMIT = 0.02
"""T1 diagnostic above which coupled cluster is not to be trusted. Source: Lee and Taylor, IJQC 36 (1989) 199."""
T2_LIMIT = 0.2
"""Largest double amplitude, likewise. Ours: on stretched N2 and H4 T1 stays small and CCSD(T) is 10 to 50 mHa off."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ActiveSpace:
    """One geometry's electronic problem.

    Args:
        one_body: h_pq, hartree, shape [orbitals, orbitals].
        two_body: (pq|rs) in chemists' order, hartree, shape [orbitals] * 4.
        constant: nuclear repulsion and frozen electrons, hartree.
        electrons: alpha and beta electrons in the active space.
        energies: classical energies in hartree by name: ``HF``, ``MP2``, ``CCSD(T)``, ``FCI``, where affordable.
        doubtful: names of energies that are not to be trusted, with the reason.
    """

    one_body: FloatArray
    two_body: FloatArray
    constant: float
    electrons: tuple[int, int]
    energies: dict[str, float]
    doubtful: dict[str, str]

    @property
    def num_orbitals(self) -> int:
        """Number of active spatial orbitals."""
        return len(self.one_body)


def count_orbitals(molecule: Molecule, basis: str) -> int:
    """Return the number of spatial orbitals of a basis.

    Raises:
        InvalidValueError: unknown basis.
        MissingExtraError: PySCF is not installed.
    """
    return int(_build(molecule, basis).nao)


def compute_curve(
    molecules: Sequence[Molecule],
    basis: str,
    frozen: int,
    active: tuple[int, int] | None,
    report: Callable[[int], None] = lambda done: None,  # noqa: ARG005
) -> list[ActiveSpace]:
    """Compute every geometry of a curve with PySCF, orbitals matched to the geometry before.

    Orbitals are permuted and signed for the largest overlap inside the occupied and the virtual space, which makes
    integrals, parameters and variances smooth along the curve.

    Args:
        molecules: geometries in curve order, same atoms.
        basis: name of a Gaussian basis.
        frozen: doubly occupied orbitals left out of the active space.
        active: electrons and orbitals of the active space; `None` takes all that is not frozen.
        report: called with the number of geometries done.

    Raises:
        InvalidValueError: unknown basis, an active space that does not fit, or a Hartree-Fock that does not converge.
        MissingExtraError: PySCF is not installed.
    """
    lib = import_extra("pyscf.lib", "chemistry", "A molecule needs PySCF")
    spaces: list[ActiveSpace] = []
    before: _Orbitals | None = None
    # One thread: sums are then the same bit for bit on every run, and small molecules are faster.
    with lib.with_omp_threads(1):
        for molecule in molecules:
            field = _hartree_fock(_build(molecule, basis))
            labels = np.asarray(getattr(field.mo_coeff, "orbsym", np.zeros(field.mo_coeff.shape[1], int)))
            current = _Orbitals(field.mol, np.asarray(field.mo_coeff), labels)
            if before is not None:
                current = _align(before, current)
            before = current
            spaces.append(_active_space(field, current.coefficients, frozen, active))
            report(len(spaces))
    return spaces


@dataclass(frozen=True, eq=False)
class _Orbitals:
    mol: Any
    coefficients: FloatArray
    irreps: NDArray[np.int64]


def _build(molecule: Molecule, basis: str) -> Any:
    gto = import_extra("pyscf.gto", "chemistry", "A molecule needs PySCF")
    atoms = list(zip(molecule.symbols, molecule.coordinates.tolist(), strict=True))
    # The basis is looked up by name only: PySCF would also read a path or evaluate text.
    known = {name for name in gto.basis.ALIAS if isinstance(name, str)}
    if basis.lower().replace("-", "").replace("_", "").replace(" ", "") not in known:
        raise InvalidValueError(
            f"`{basis}` is not a known basis: {nearest(basis, ('sto-3g', '6-31g', '6-31g*', 'cc-pvdz', 'cc-pvtz'))}"
        )
    try:
        with warnings.catch_warnings():
            # A basis without an element is our sentence, not a hint at another package.
            warnings.simplefilter("ignore")
            mol = gto.M(atom=atoms, basis=basis, charge=molecule.charge, spin=molecule.spin, verbose=0, symmetry=True)
    except (KeyError, RuntimeError) as error:
        raise InvalidValueError(
            f"the basis `{basis}` does not describe {', '.join(sorted(set(molecule.symbols)))}."
        ) from error
    # The Abelian subgroup keeps the two orbitals of a degenerate pair apart at every geometry.
    abelian = {"Coov": "C2v", "Dooh": "D2h", "SO3": "D2h"}.get(mol.groupname)
    if abelian:
        mol.symmetry_subgroup = abelian
        mol.build(False, False)
    return mol


def _hartree_fock(mol: Any) -> Any:
    scf = import_extra("pyscf.scf", "chemistry", "A molecule needs PySCF")
    lib = import_extra("pyscf.lib", "chemistry", "A molecule needs PySCF")
    with lib.temporary_env(scf.hf, MUTE_CHKFILE=True):
        field = scf.RHF(mol) if mol.spin == 0 else scf.ROHF(mol)
    field.conv_tol = 1e-11
    field.kernel()
    if not field.converged:
        field = field.newton().run()
    if not field.converged:
        raise InvalidValueError(
            f"Hartree-Fock does not converge for the geometry {np.round(mol.atom_coords(), 3).tolist()} (bohr)."
        )
    return field


def _align(before: _Orbitals, now: _Orbitals) -> _Orbitals:
    gto = import_extra("pyscf.gto", "chemistry", "A molecule needs PySCF")
    overlap = before.coefficients.T @ gto.intor_cross("int1e_ovlp", before.mol, now.mol) @ now.coefficients
    allowed = np.abs(overlap) * (before.irreps[:, None] == now.irreps)
    order = np.arange(len(overlap))
    bounds = sorted({0, *now.mol.nelec, len(order)})
    for start, stop in pairwise(bounds):
        block = np.arange(start, stop)
        _, match = linear_sum_assignment(-allowed[np.ix_(block, block)])
        order[block] = block[match]
    sign = np.where(overlap[np.arange(len(order)), order] < 0, -1.0, 1.0)
    return _Orbitals(now.mol, now.coefficients[:, order] * sign, now.irreps[order])


def _active_space(field: Any, orbitals: FloatArray, frozen: int, active: tuple[int, int] | None) -> ActiveSpace:
    mol = field.mol
    mcscf = import_extra("pyscf.mcscf", "chemistry", "A molecule needs PySCF")
    ao2mo = import_extra("pyscf.ao2mo", "chemistry", "A molecule needs PySCF")
    total = orbitals.shape[1]
    electrons, count = active or (mol.nelectron - 2 * frozen, total - frozen)
    inactive = (mol.nelectron - electrons) // 2
    if electrons < 1 or (mol.nelectron - electrons) % 2 or inactive < 0:
        raise InvalidValueError(
            f"`electrons` must be 1..{mol.nelectron} and leave whole pairs outside, got {electrons}."
        )
    if inactive + count > total or 2 * count < electrons or count < 1:
        raise InvalidValueError(
            f"`orbitals` must hold {electrons} electrons and be at most {total - inactive} of the basis's {total}, "
            f"got {count}."
        )
    pair = (electrons + mol.spin) // 2, (electrons - mol.spin) // 2
    if not 0 <= pair[1] <= pair[0] <= count:
        raise InvalidValueError(
            f"the active space must hold {mol.spin} unpaired electrons, got {electrons} electrons in {count} orbitals."
        )
    cas = mcscf.CASCI(field, count, electrons)
    cas.mo_coeff = orbitals
    one_body, constant = cas.get_h1cas(orbitals)
    two_body = ao2mo.restore(1, np.asarray(cas.get_h2cas(orbitals)), count)
    space = ActiveSpace(
        one_body=np.asarray(one_body),
        two_body=two_body,
        constant=float(constant),
        electrons=pair,
        energies={},
        doubtful={},
    )
    outside = [*range(inactive), *range(inactive + count, total)]
    energies, doubtful = _classical(field, orbitals, outside, space)
    space.energies.update(energies)
    space.doubtful.update(doubtful)
    return space


def _classical(
    field: Any, orbitals: FloatArray, outside: list[int], space: ActiveSpace
) -> tuple[dict[str, float], dict[str, str]]:
    """Return classical energies of the same active space, and which of them to doubt."""
    fci = import_extra("pyscf.fci", "chemistry", "A molecule needs PySCF")
    cc = import_extra("pyscf.cc", "chemistry", "A molecule needs PySCF")
    mp = import_extra("pyscf.mp", "chemistry", "A molecule needs PySCF")
    energies, doubtful = {"HF": float(field.e_tot)}, {}
    if field.mol.spin == 0:
        moved = field.copy()
        moved.mo_coeff, moved.mo_energy = orbitals, np.diag(orbitals.T @ field.get_fock() @ orbitals)
        frozen = outside or None
        energies["MP2"] = float(mp.MP2(moved, frozen=frozen).run().e_tot)
        coupled = cc.CCSD(moved, frozen=frozen).run()
        triples = coupled.ccsd_t() if coupled.converged and min(space.electrons) + max(space.electrons) > 2 else 0.0
        energies["CCSD(T)"] = float(coupled.e_tot + triples)
        singles = float(np.linalg.norm(coupled.t1) / np.sqrt(2 * coupled.t1.shape[0]))
        doubles = float(np.abs(coupled.t2).max())
        if not coupled.converged:
            doubtful["CCSD(T)"] = "did not converge"
        elif sum(space.electrons) > 2 and singles > T1_LIMIT:
            doubtful["CCSD(T)"] = f"T1 diagnostic {singles:.3f} above {T1_LIMIT}"
        elif sum(space.electrons) > 2 and doubles > T2_LIMIT:
            doubtful["CCSD(T)"] = f"double amplitude {doubles:.2f} above {T2_LIMIT}"
    if (
        fci.cistring.num_strings(space.num_orbitals, space.electrons[0])
        * fci.cistring.num_strings(space.num_orbitals, space.electrons[1])
        <= FCI_DETERMINANTS
    ):
        energy, _ = fci.direct_spin1.FCI().kernel(
            space.one_body, space.two_body, space.num_orbitals, space.electrons, tol=1e-11
        )
        energies["FCI"] = float(energy + space.constant)
    return energies, doubtful
