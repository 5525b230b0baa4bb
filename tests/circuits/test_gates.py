"""The gate table against Qiskit's own matrices, and derivatives against finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit.library import get_standard_gate_name_mapping
from scipy.linalg import expm

from qloop.circuits.gates import CODES, GATES, gate_derivatives, gate_matrix, pauli_matrix
from qloop.core.errors import InvalidValueError

NOT_UNITARY_GATES = {"measure", "reset", "delay", "global_phase"}
QISKIT = {name: gate for name, gate in get_standard_gate_name_mapping().items() if name not in NOT_UNITARY_GATES}
ANGLED = [gate for gate in GATES if gate.num_angles and gate.matrix is not None]


@pytest.mark.parametrize("name", sorted(QISKIT))
def test_every_standard_gate_equals_qiskit(name):
    angles = np.random.default_rng(1).uniform(-7, 7, len(QISKIT[name].params))
    expected = type(QISKIT[name])(*angles).to_matrix()
    np.testing.assert_allclose(gate_matrix(name, angles), expected, atol=1e-14)
    assert GATES[CODES[name]].num_qubits == QISKIT[name].num_qubits


def test_pauli_rotation_by_hand():
    # exp(-i pi/4 Z_0 X_1) with qubit 0 the least significant bit.
    expected = (np.eye(4) - 1j * np.kron([[0, 1], [1, 0]], np.diag([1, -1]))) / np.sqrt(2)
    np.testing.assert_allclose(gate_matrix("pauli_rotation", [np.pi / 2], (3, 1)), expected, atol=1e-15)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=3), st.floats(-10, 10))
def test_pauli_rotation_is_the_exponential(letters, angle):
    expected = expm(-0.5j * angle * pauli_matrix(letters))
    np.testing.assert_allclose(gate_matrix("pauli_rotation", [angle], letters), expected, atol=1e-13)


@pytest.mark.parametrize("gate", ANGLED, ids=lambda gate: gate.name)
def test_derivatives_equal_finite_differences(gate):
    angles = np.random.default_rng(2).uniform(-4, 4, gate.num_angles)
    steps = 1e-5 * np.eye(gate.num_angles)
    numeric = [(gate_matrix(gate.name, angles + h) - gate_matrix(gate.name, angles - h)) / 2e-5 for h in steps]
    np.testing.assert_allclose(gate_derivatives(gate.name, angles), numeric, atol=1e-9)


@pytest.mark.parametrize("gate", ANGLED, ids=lambda gate: gate.name)
def test_a_batch_of_angles_is_one_call(gate):
    angles = np.random.default_rng(3).uniform(-4, 4, (5, gate.num_angles))
    np.testing.assert_array_equal(gate_matrix(gate.name, angles), [gate_matrix(gate.name, row) for row in angles])
    one_by_one = np.stack([gate_derivatives(gate.name, row) for row in angles], 1)
    np.testing.assert_array_equal(gate_derivatives(gate.name, angles), one_by_one)


def test_bad_input_is_one_sentence():
    with pytest.raises(InvalidValueError, match="`xz` is not a gate"):
        gate_matrix("xz")
    with pytest.raises(InvalidValueError, match="`rx` takes 1 angles, got 2"):
        gate_matrix("rx", [1, 2])
    with pytest.raises(InvalidValueError, match="kept in its program"):
        gate_matrix("unitary")
