"""Molecules and the geometries of a curve: plain values, checked before any work."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError

BOHR_ANGSTROM = 0.529177210903
"""CODATA 2018."""
SYMBOLS = (
    "H", "He",
    "Li", "Be", "B", "C", "N", "O", "F", "Ne",
    "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar",
    "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr",
    "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe",
)  # fmt: skip
CORE_ORBITALS = ((2, 0), (10, 1), (18, 5), (36, 9), (54, 18))
"""Largest atomic number and its doubly occupied core orbitals."""


@dataclass(frozen=True, eq=False)
class Molecule:
    """Atoms in space with a charge and a spin.

    Args:
        symbols: element of each atom.
        coordinates: angstrom, shape [atoms, 3].
        charge: total charge.
        spin: number of unpaired electrons, 2S.

    Raises:
        InvalidValueError: an unknown element, two atoms in one place, or electrons that do not fit the spin.
    """

    symbols: tuple[str, ...]
    coordinates: NDArray[np.float64]
    charge: int = 0
    spin: int = 0

    def __post_init__(self) -> None:
        for symbol in self.symbols:
            if symbol not in SYMBOLS:
                raise InvalidValueError(f"`{symbol}` is not an element from H to Xe.")
        distances = np.linalg.norm(self.coordinates[:, None] - self.coordinates, axis=-1)
        distances[np.diag_indices(len(distances))] = np.inf
        if len(self.symbols) > 1 and distances.min() < 0.1:
            a, b = np.unravel_index(distances.argmin(), distances.shape)
            raise InvalidValueError(
                f"atoms {a} and {b} are {distances.min():.3g} angstrom apart, at least 0.1 is needed."
            )
        electrons = self.num_electrons
        if electrons < 1:
            raise InvalidValueError(f"a charge of {self.charge} leaves {electrons} electrons, at least 1 is needed.")
        if not 0 <= self.spin <= electrons or (electrons - self.spin) % 2:
            raise InvalidValueError(
                f"`spin` (unpaired electrons) must be {'odd' if electrons % 2 else 'even'} and at most {electrons} for "
                f"{electrons} electrons, got {self.spin}."
            )

    @property
    def num_electrons(self) -> int:
        """Number of electrons."""
        return sum(SYMBOLS.index(symbol) + 1 for symbol in self.symbols) - self.charge

    @property
    def num_core_orbitals(self) -> int:
        """Doubly occupied core orbitals in the usual frozen-core choice."""
        numbers = [SYMBOLS.index(symbol) + 1 for symbol in self.symbols]
        return sum(next(core for largest, core in CORE_ORBITALS if z <= largest) for z in numbers)

    def with_bond(self, bond: tuple[int, int], length: float, move: str) -> "Molecule":
        """Return the molecule with one distance set.

        Args:
            bond: the two atoms, counted from 0.
            length: angstrom.
            move: ``"atom"`` moves the second atom along the bond, ``"scale"`` scales all coordinates about the first.

        Raises:
            InvalidValueError: the atoms do not exist or are the same.
        """
        a, b = bond
        if a == b or not all(0 <= atom < len(self.symbols) for atom in bond):
            raise InvalidValueError(f"`bond` must name two atoms out of 0..{len(self.symbols) - 1}, got {list(bond)}.")
        vector = self.coordinates[b] - self.coordinates[a]
        factor = length / np.linalg.norm(vector)
        if move == "scale":
            origin = self.coordinates[a]
            return replace(self, coordinates=origin + factor * (self.coordinates - origin))
        coordinates = self.coordinates.copy()
        coordinates[b] = coordinates[a] + factor * vector
        return replace(self, coordinates=coordinates)


def parse_atoms(text: str, unit: str = "angstrom", charge: int = 0, spin: int = 0) -> Molecule:
    """Read atoms written ``"Li 0 0 0; H 0 0 1.6"``, separated by semicolons or lines.

    Raises:
        InvalidValueError: a line is not an element and three finite numbers.
    """
    symbols, coordinates = [], []
    for line in text.replace(";", "\n").splitlines():
        words = line.split()
        if not words:
            continue
        try:
            place = [float(word) for word in words[1:]]
        except ValueError:
            place = []
        if len(place) != 3 or not np.isfinite(place).all():
            raise InvalidValueError(f"an atom is an element and three coordinates, got `{line.strip()}`.")
        symbols.append(words[0].capitalize())
        coordinates.append(place)
    if not symbols:
        raise InvalidValueError("a molecule needs at least one atom.")
    scale = BOHR_ANGSTROM if unit == "bohr" else 1.0
    return Molecule(tuple(symbols), scale * np.array(coordinates), charge, spin)


def read_xyz(path: Path, unit: str = "angstrom", charge: int = 0, spin: int = 0) -> Molecule:
    """Read an xyz file: a line with the number of atoms, a comment, one atom a line.

    Raises:
        InvalidValueError: the file is missing, not text, or its count does not agree.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InvalidValueError(f"there is no xyz file `{path}`.") from None
    except (OSError, UnicodeDecodeError):
        raise InvalidValueError(f"cannot read `{path}` as text.") from None
    count = lines[0].strip() if lines else ""
    atoms = [line for line in lines[2:] if line.strip()]
    if not count.isdigit() or int(count) != len(atoms):
        raise InvalidValueError(
            f"`{path}` must start with its number of atoms: it says `{count}` and lists {len(atoms)}."
        )
    return parse_atoms("\n".join(atoms), unit, charge, spin)
