"""Stim itself is the outside reference of its formats."""

import numpy as np
import pytest
import stim
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.core.errors import InvalidValueError
from qloop.decoding.shots import FORMATS, ShotFile, encode_shots, find_format, npy_header

STIM = ("b8", "01", "dets")


def draw(shots, width, seed=0):
    return (np.random.default_rng(seed).random((shots, width)) < 0.3).astype(np.uint8)


def write(path, bits, letter="D"):
    format = find_format(path)
    header = npy_header(bits.shape, "|b1") if format == "npy" else b""
    path.write_bytes(header + encode_shots(bits, format, letter))
    return path


def test_the_bytes_of_two_shots():
    bits = np.array([[1, 0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0, 1, 0]], np.uint8)
    assert encode_shots(bits, "b8") == bytes([1, 1, 130, 0])
    assert encode_shots(bits, "01") == b"100000001\n010000010\n"
    assert encode_shots(bits, "dets") == b"shot L0 L8\nshot L1 L7\n"


@pytest.mark.parametrize("format", STIM)
@pytest.mark.parametrize("width", [1, 8, 13])
def test_stim_reads_what_is_written_and_the_other_way_round(tmp_path, format, width):
    bits = draw(2500, width)
    path = write(tmp_path / f"ours.{format}", bits)
    assert (stim.read_shot_data_file(path=str(path), format=format, num_detectors=width) == bits).all()
    theirs = tmp_path / f"theirs.{format}"
    stim.write_shot_data_file(data=bits.astype(bool), path=str(theirs), format=format, num_detectors=width)
    assert path.read_bytes() == theirs.read_bytes()
    assert (ShotFile(theirs, width)[:] == bits).all()


@settings(max_examples=100, deadline=None)
@given(
    format=st.sampled_from(FORMATS),
    width=st.integers(1, 20),
    shots=st.integers(0, 12),
    select=st.slices(12).filter(lambda s: s.step is None or s.step > 0),
    block=st.slices(12).filter(lambda s: s.step is None or s.step > 0),
)
def test_slices_are_those_of_an_array(tmp_path_factory, format, width, shots, select, block):
    bits = draw(shots, width)
    file = ShotFile(write(tmp_path_factory.getbasetemp() / f"any.{format}", bits), width, select=select)
    assert len(file) == len(bits[select])
    assert (file[block] == bits[select][block]).all()
    assert file[block].dtype == np.uint8


def test_a_long_dets_file_is_entered_in_the_middle(tmp_path):
    bits = draw(5000, 7)
    file = ShotFile(write(tmp_path / "x.dets", bits), 7)
    assert (file[3333:4444] == bits[3333:4444]).all()


def test_detectors_and_observables_share_a_dets_file(tmp_path):
    path = tmp_path / "x.dets"
    path.write_text("shot D1 L0\nshot\nshot D0 D1\n")
    assert ShotFile(path, 2)[:].tolist() == [[0, 1], [0, 0], [1, 1]]
    assert ShotFile(path, 1, letter="L")[:].tolist() == [[1], [0], [0]]


def test_packed_and_flat_numpy_arrays(tmp_path):
    bits = draw(9, 13)
    np.save(tmp_path / "packed.npy", np.packbits(bits, axis=1, bitorder="little"))
    np.save(tmp_path / "flat.npy", bits[:, 0].astype(bool))
    assert (ShotFile(tmp_path / "packed.npy", 13)[:] == bits).all()
    assert (ShotFile(tmp_path / "flat.npy", 1)[:] == bits[:, :1]).all()


def test_lines_may_end_as_on_windows(tmp_path):
    (tmp_path / "x.01").write_bytes(b"01\r\n11\r\n")
    assert ShotFile(tmp_path / "x.01", 2)[:].tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("name", "content", "width", "message"),
    [
        ("x.b8", bytes(5), 12, "shots of 12 bits in 2 bytes each, its 5 bytes"),
        ("x.b8", bytes([255]), 7, "a bit beyond them"),
        ("x.01", b"0101\n", 3, "lines of 3 digits, its first has more than 3"),
        ("x.01", b"01\n", 3, "lines of 3 digits, its first has 2"),
        ("x.01", b"012\n", 3, "digits 0 and 1, it holds others"),
        ("x.01", b"010\n01\n0", 3, "digits 0 and 1, it holds others"),
        ("x.01", b"010\n01", 3, "no whole number"),
        ("x.dets", b"shot D3\n", 3, "must name D0 to D2, got `D3`"),
        ("x.dets", b"shot M1\n", 3, "got `M1`"),
        ("x.dets", b"010\n", 3, "start with `shot`"),
        ("x.npy", b"010\n", 3, "must be a numpy array"),
        ("x.r8", b"", 3, "`r8` is not a format of shots"),
        ("x", b"", 3, "`` is not a format of shots"),
    ],
)
def test_wrong_files_are_one_sentence(tmp_path, name, content, width, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidValueError, match=message):
        _ = ShotFile(tmp_path / name, width)[:]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 3), bool), r"shape \[shots, 20\]"),
        (np.zeros((4, 20)), "got float64"),
        (np.full((4, 20), 2), "zeros and ones only"),
        (np.array([{"a": 1}]), "numpy array of numbers"),
    ],
)
def test_wrong_arrays_are_one_sentence(tmp_path, array, message):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(InvalidValueError, match=message):
        _ = ShotFile(tmp_path / "x.npy", 20)[:]


def test_a_shot_has_bits_and_steps_are_positive(tmp_path):
    path = write(tmp_path / "x.b8", draw(4, 3))
    with pytest.raises(InvalidValueError, match="at least one bit"):
        ShotFile(path, 0)
    with pytest.raises(InvalidValueError, match="positive step, got -1"):
        ShotFile(path, 3, select=slice(None, None, -1))
