"""FCIDUMP files: active-space integrals in and out.

Source: Knowles and Handy, Computer Physics Communications 54 (1989) 75.
"""

from pathlib import Path

from qloop.apps.chemistry.integrals import ActiveSpace
from qloop.core.errors import InvalidValueError, import_extra


def read_fcidump(path: Path) -> ActiveSpace:
    """Read one geometry's integrals; no classical energies come with them.

    Raises:
        InvalidValueError: the file is missing, not an FCIDUMP, or its electrons fit neither its spin nor its orbitals.
        MissingExtraError: PySCF is not installed.
    """
    fcidump = import_extra("pyscf.tools.fcidump", "chemistry", "An FCIDUMP file needs PySCF")
    ao2mo = import_extra("pyscf.ao2mo", "chemistry", "An FCIDUMP file needs PySCF")
    if not path.is_file():
        raise InvalidValueError(f"there is no FCIDUMP file `{path}`.")
    try:
        data = fcidump.read(str(path), verbose=False)
        orbitals, electrons, spin = int(data["NORB"]), int(data["NELEC"]), int(data.get("MS2", 0))
        one_body, two_body = data["H1"], ao2mo.restore(1, data["H2"], orbitals)
    except (KeyError, ValueError, IndexError, AssertionError, UnicodeDecodeError) as error:
        raise InvalidValueError(f"`{path}` is not an FCIDUMP file: {error}.") from error
    if (electrons - spin) % 2 or not 0 <= spin <= electrons <= 2 * orbitals:
        raise InvalidValueError(
            f"`{path}` has {electrons} electrons, MS2 = {spin} and {orbitals} orbitals, which do not fit."
        )
    return ActiveSpace(
        one_body=one_body,
        two_body=two_body,
        constant=float(data["ECORE"]),
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
