import numpy as np
import pytest
from pyscf import fci

from qloop.apps.chemistry import read_fcidump, write_fcidump
from qloop.core.errors import InvalidValueError
from tests.apps.chemistry.samples import spaces


def exact(space):
    energy, _ = fci.direct_spin1.kernel(space.one_body, space.two_body, space.num_orbitals, space.electrons)
    return energy + space.constant


@pytest.mark.parametrize("name", ["H2", "LiH", "OH"])
def test_what_is_written_is_read_again(name, tmp_path):
    space = spaces(name)[0]
    write_fcidump(space, tmp_path / "it's <a> file.fcidump")
    again = read_fcidump(tmp_path / "it's <a> file.fcidump")
    assert again.electrons == space.electrons
    assert again.constant == pytest.approx(space.constant, abs=1e-10)
    assert again.one_body == pytest.approx(space.one_body, abs=1e-10)
    assert again.two_body == pytest.approx(space.two_body, abs=1e-10)
    assert exact(again) == pytest.approx(space.energies["FCI"], abs=1e-8)
    assert again.energies == {}


def test_a_file_by_hand(tmp_path):
    # One orbital of energy -1, repulsion 0.5, two electrons, core energy 2: -2 + 0.5 + 2.
    path = tmp_path / "dump"
    path.write_text(
        "&FCI NORB=1, NELEC=2, MS2=0,\n ORBSYM=1,\n ISYM=1,\n&END\n0.5 1 1 1 1\n-1.0 1 1 0 0\n2.0 0 0 0 0\n"
    )
    space = read_fcidump(path)
    assert space.electrons == (1, 1)
    assert exact(space) == pytest.approx(0.5)


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "dump"
    path.write_text("precious")
    with pytest.raises(InvalidValueError, match="exists; choose another name, nothing is overwritten"):
        write_fcidump(spaces("H2")[0], path)
    assert path.read_text() == "precious"


HEAD = "&FCI NORB=2, NELEC={}, MS2={},\n ORBSYM=1,1,\n ISYM=1,\n&END\n-1.0 1 1 0 0\n0.5 1 1 1 1\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not an FCIDUMP file: its header has no end"),
        ("hello\nworld\n", "is not an FCIDUMP file: its header has no end"),
        ("&FCI NORB=2,\n&END\n", "is not an FCIDUMP file: its header needs NORB and NELEC"),
        (HEAD.format(2, 0) + "hello\n", "is not an FCIDUMP file: `hello` is no integral"),
        (HEAD.format(2, 0) + "0.1 1 1 1\n", "is not an FCIDUMP file: `0.1 1 1 1` is no integral"),
        (HEAD.format(2, 0) + "0.1 3 1 1 1\n", "has no place for `0.1 3 1 1 1` among 2 orbitals"),
        (HEAD.format(2, 0) + "0.1 1 0 1 1\n", "has no place for `0.1 1 0 1 1`"),
        (HEAD.format(2, 0) + "0.1 -1 1 1 1\n", "has no place for `0.1 -1 1 1 1`"),
        (HEAD.format(2, 0) + "nan 1 1 1 1\n", "`nan 1 1 1 1` is no integral"),
        (HEAD.format(2, 1), "has 2 electrons, MS2 = 1 and 2 orbitals, which do not fit"),
        (HEAD.format(6, 0), "has 6 electrons, MS2 = 0 and 2 orbitals, which do not fit"),
        (HEAD.format(2, 4), "has 2 electrons, MS2 = 4"),
        (HEAD.format(3, 3), "has 3 electrons, MS2 = 3 and 2 orbitals, which do not fit"),
        ("&FCI NORB=100000, NELEC=2 &END", "the integrals of 100000 orbitals"),
    ],
)
def test_a_wrong_file(text, sentence, tmp_path):
    path = tmp_path / "dump"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=sentence):
        read_fcidump(path)


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(InvalidValueError, match=r"there is no FCIDUMP file `.*none`"):
        read_fcidump(tmp_path / "none")
    (tmp_path / "binary").write_bytes(np.arange(256, dtype=np.uint8).tobytes())
    with pytest.raises(InvalidValueError, match="is not an FCIDUMP file"):
        read_fcidump(tmp_path / "binary")


def test_the_old_ways_of_writing_are_read(tmp_path):
    path = tmp_path / "dump"
    path.write_text(
        " $FCI norb = 1,NELEC= 2,\n ORBSYM=1,\n $END\n 0.5D0 1 1 1 1\n\n -0.1D+01 1 1 0 0\n -0.3 1 0 0 0\n 2 0 0 0 0\n"
    )
    assert exact(read_fcidump(path)) == pytest.approx(0.5)
