import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.circuits import Operation, Program
from qloop.core.errors import InvalidValueError
from qloop.devices import Request, Shots


def make_request(**changes):
    program = Program.from_operations(2, [Operation("x", (0,))], ["angle"])
    fields = {"program": program, "values": [0.5], "bases": [[3, 1], [2, 2]], "shots": [3, 0]}
    return Request(**{**fields, **changes})


def test_ten_qubits_by_hand():
    # Outcome 513 = 2^9 + 2^0: the first and the last of ten qubits read 1.
    shots = Shots.from_outcomes(np.array([513, 2]), np.array([1, 0], np.int32), np.full((2, 10), 3, np.uint8))
    np.testing.assert_array_equal(shots.bits, [[1, 2], [2, 0]])
    np.testing.assert_array_equal(shots.unpacked(), [[1, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]])
    assert shots.bits.dtype == np.uint8
    assert len(shots) == 2
    assert shots.histogram.shape == (2, 1024)
    assert shots.histogram[1, 513] == shots.histogram[0, 2] == 1
    assert shots.histogram.sum() == 2


@given(num_qubits=st.integers(1, 64), data=st.data())
def test_packed_bits_are_the_binary_digits(num_qubits, data):
    outcomes = data.draw(st.lists(st.integers(0, 2**num_qubits - 1), max_size=5))
    setting = np.zeros(len(outcomes), np.int32)
    shots = Shots.from_outcomes(np.array(outcomes, np.uint64), setting, np.full((1, num_qubits), 3, np.uint8))
    assert shots.bits.shape == (len(outcomes), -(-num_qubits // 8))
    assert [[outcome >> q & 1 for q in range(num_qubits)] for outcome in outcomes] == shots.unpacked().tolist()


def test_a_request_is_a_copy_in_the_kernels_types():
    bases = np.array([[3, 1], [2, 2]], np.int64)
    request = make_request(bases=bases)
    bases[:] = 0
    assert request.bases.tolist() == [[3, 1], [2, 2]]
    assert (request.values.dtype, request.bases.dtype, request.shots.dtype) == (np.float64, np.uint8, np.int64)
    np.testing.assert_array_equal(request.setting_of_shots(), [0, 0, 0])


def test_the_key_is_the_content():
    one = make_request(label="one")
    assert one.key == make_request(label="two", bases=np.array([[3, 1], [2, 2]], np.int64)).key
    other = Program.from_operations(2, [Operation("x", (1,))], ["angle"])
    sx = Program.from_operations(2, [Operation("sx", (0,))], ["angle"])
    swapped = Program.from_operations(2, [Operation("x", (0,))], ["angle"], outputs=[1, 0])
    changed = [
        make_request(values=[0.6]),
        make_request(bases=[[3, 1], [2, 1]]),
        make_request(shots=[3, 1]),
        *(make_request(program=program) for program in (other, sx, swapped)),
    ]
    assert len({one.key, *(request.key for request in changed)}) == 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": [1.0, 2.0]}, r"`values` must be 1 finite numbers, got \[1\.0, 2\.0\]\."),
        ({"values": [np.nan]}, "`values` must be 1 finite numbers"),
        ({"bases": [[3], [1]]}, r"`bases` must have shape \[settings, 2\], got \(2, 1\)\."),
        ({"bases": [[3, 0], [1, 1]]}, "`bases` holds letters 1, 2, 3 for X, Y, Z only"),
        ({"bases": [[3, 259], [1, 1]]}, "`bases` holds letters"),
        ({"bases": [[3, 1.5], [1, 1]]}, "`bases` holds letters"),
        ({"shots": [1]}, r"`shots` must be 2 whole numbers of at least 0, got \[1\]\."),
        ({"shots": [1, -1]}, "`shots` must be 2 whole numbers"),
        ({"shots": [1.0, 2.5]}, "`shots` must be 2 whole numbers"),
    ],
)
def test_requests_that_make_no_sense(changes, message):
    with pytest.raises(InvalidValueError, match=message):
        make_request(**changes)


def test_no_shots_at_all():
    with pytest.raises(InvalidValueError, match=r"a request must ask for at least one shot, got \[0, 0\]\."):
        make_request(shots=[0, 0]).setting_of_shots()


def test_registers_too_wide():
    setting = np.zeros(1, np.int32)
    with pytest.raises(InvalidValueError, match="at most 64 qubits, got 65"):
        Shots.from_outcomes(np.zeros(1, np.int64), setting, np.full((1, 65), 3, np.uint8))
    wide = Shots(num_qubits=25, bits=np.zeros((1, 4), np.uint8), setting=setting, bases=np.full((1, 25), 3, np.uint8))
    with pytest.raises(InvalidValueError, match=r"at most 24 qubits, got 25; use `unpacked\(\)`"):
        _ = wide.histogram
    many = Shots(
        num_qubits=24, bits=np.zeros((1, 3), np.uint8), setting=setting, bases=np.full((10**6, 24), 3, np.uint8)
    )
    with pytest.raises(InvalidValueError, match="a histogram of 1000000 settings needs .* GiB of memory"):
        _ = many.histogram
