"""FCIDUMP files: active-space integrals in and out.

Source: Knowles and Handy, Computer Physics Communications 54 (1989) 75.
"""

import re
from pathlib import Path

import numpy as np

from qloop.apps.chemistry.integrals import ActiveSpace
from qloop.circuits.simulate.memory import check_memory
from qloop.core.errors import InvalidValueError, import_extra


def read_fcidump(path: Path) -> ActiveSpace:
    """Read one geometry's integrals; no classical energies come with them.

    Raises:
        InvalidValueError: the file is missing, not an FCIDUMP, or its electrons fit neither its spin nor its orbitals.
    """
    if not path.is_file():
        raise InvalidValueError(f"there is no FCIDUMP file `{path}`.")
    try:
        head, _, body = re.split(r"([&$]END|/)", path.read_text(encoding="utf-8"), maxsplit=1, flags=re.IGNORECASE)
    except (ValueError, UnicodeDecodeError):
        raise InvalidValueError(f"`{path}` is not an FCIDUMP file: its header has no end.") from None
    header = {name.upper(): int(number) for name, number in re.findall(r"(\w+)\s*=\s*(-?\d+)", head)}
    if not {"NORB", "NELEC"} <= header.keys():
        raise InvalidValueError(f"`{path}` is not an FCIDUMP file: its header needs NORB and NELEC.")
    orbitals, electrons, spin = header["NORB"], header["NELEC"], header.get("MS2", 0)
    if (electrons - spin) % 2 or not 0 <= spin <= electrons <= 2 * orbitals - spin:
        raise InvalidValueError(
            f"`{path}` has {electrons} electrons, MS2 = {spin} and {orbitals} orbitals, which do not fit."
        )
    check_memory(8 * orbitals**4, f"the integrals of {orbitals} orbitals")
    one_body, two_body, constant = np.zeros((orbitals,) * 2), np.zeros((orbitals,) * 4), 0.0
    for line in filter(str.strip, body.splitlines()):
        value, (p, q, r, s) = _integral(path, line, orbitals)
        if r > 0:
            for a, b in ((p, q), (q, p)):
                for c, d in ((r, s), (s, r)):
                    two_body[a - 1, b - 1, c - 1, d - 1] = two_body[c - 1, d - 1, a - 1, b - 1] = value
        elif q > 0:
            one_body[p - 1, q - 1] = one_body[q - 1, p - 1] = value
        elif p == 0:
            constant = value
    return ActiveSpace(
        one_body=one_body,
        two_body=two_body,
        constant=constant,
        electrons=((electrons + spin) // 2, (electrons - spin) // 2),
        energies={},
        doubtful={},
    )


def write_fcidump(space: ActiveSpace, path: Path) -> None:
    """Write one geometry's integrals.

    Raises:
        InvalidValueError: the file exists; nothing is overwritten.
        MissingExtraError: PySCF is not installed.
    """
    fcidump = import_extra("pyscf.tools.fcidump", "chemistry", "An FCIDUMP file needs PySCF")
    if path.exists():
        raise InvalidValueError(f"`{path}` exists; choose another name, nothing is overwritten.")
    alpha, beta = space.electrons
    fcidump.from_integrals(
        str(path), space.one_body, space.two_body, space.num_orbitals, alpha + beta, space.constant, alpha - beta
    )


def _integral(path: Path, line: str, orbitals: int) -> tuple[float, list[int]]:
    """Return a line's value and its four indices, counted from 1 with zeros last."""
    try:
        words = re.sub("[dD]", "e", line).split()
        value, indices = float(words[0]), [int(word) for word in words[1:]]
    except ValueError:
        value, indices = np.nan, []
    used = [index for index in indices if index]
    if not np.isfinite(value) or len(indices) != 4:
        raise InvalidValueError(f"`{path}` is not an FCIDUMP file: `{line.strip()}` is no integral.")
    if any(not 0 < index <= orbitals for index in used) or indices[: len(used)] != used:
        raise InvalidValueError(f"`{path}` has no place for `{line.strip()}` among {orbitals} orbitals.")
    return value, indices
