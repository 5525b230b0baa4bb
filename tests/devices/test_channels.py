import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qloop.circuits.gates import gate_matrix
from qloop.devices.channels import (
    average_fidelity,
    gate_error_channel,
    readout_confusion,
    rotation_zz,
    thermal_relaxation,
    unitary_channel,
)
from tests.devices.samples import line_device


def test_cz_sends_x_on_its_first_qubit_to_xz():
    channel = unitary_channel(gate_matrix("cz"))
    x_first, x_first_z_second = 1, 1 + 4 * 3
    assert channel[x_first_z_second, x_first] == pytest.approx(1)
    assert np.abs(channel[:, x_first]).sum() == pytest.approx(1)


def test_relaxation_of_the_excited_state():
    # T1 = 100, T2 = 50: after 100 ns the population is 1/e and the coherence 1/e^2.
    channel = thermal_relaxation(100, 100, 50)
    excited, plus = np.array([1, 0, 0, -1]), np.array([1, 1, 0, 0])
    assert (channel @ excited)[3] == pytest.approx(1 - 2 / np.e)
    assert (channel @ plus)[1] == pytest.approx(np.exp(-2))


@given(
    first=st.floats(0, 1e5),
    second=st.floats(0, 1e5),
    t1=st.floats(1e3, 1e6),
    ratio=st.floats(0.01, 5),
)
def test_relaxing_twice_is_relaxing_for_the_sum(first, second, t1, ratio):
    both = thermal_relaxation(first, t1, ratio * t1) @ thermal_relaxation(second, t1, ratio * t1)
    np.testing.assert_allclose(both, thermal_relaxation(first + second, t1, ratio * t1), atol=1e-12)


@given(a=st.floats(-10, 10), b=st.floats(-10, 10))
def test_rotations_about_zz_add(a, b):
    np.testing.assert_allclose(rotation_zz(a) @ rotation_zz(b), rotation_zz(a + b), atol=1e-12)


@pytest.mark.parametrize(("name", "qubits"), [("sx", (1,)), ("cz", (1, 0)), ("ecr", (0, 1))])
def test_the_reported_error_is_the_infidelity(name, qubits):
    device = line_device()
    assert 1 - average_fidelity(gate_error_channel(device, name, qubits)) == pytest.approx(
        device.gate_error(name, qubits)
    )


def test_an_error_below_relaxation_is_relaxation():
    device = line_device(scale=1e-9, t1_ns=np.full(3, 1_000.0), t2_ns=np.full(3, 1_000.0))
    np.testing.assert_array_equal(
        gate_error_channel(device, "sx", (0,)), thermal_relaxation(device.gate_ns("sx", (0,)), 1_000, 1_000)
    )


def test_confusion_columns_are_what_was_prepared():
    np.testing.assert_allclose(readout_confusion(line_device(), 1), [[0.97, 0.055], [0.03, 0.945]])
