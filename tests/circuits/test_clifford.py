"""Clifford programs through Stim against exact states."""

import numpy as np
import pytest
import stim
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.circuits import Angle, Operation, PauliSum, Program, clifford_expectations, is_clifford, to_stim
from qloop.circuits.gates import GATES
from qloop.circuits.simulate import simulate
from qloop.core.errors import InvalidValueError
from tests.circuits.samples import random_pauli_sum

FIXED = ["id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap", "iswap", "ecr", "dcx"]
ROTATED = ["rx", "ry", "rz", "p", "r", "u", "rxx", "ryy", "rzz", "rzx", "pauli_rotation"]
CLIFFORD = [gate for gate in GATES if gate.name in FIXED + ROTATED]


def random_clifford_program(rng, num_qubits, num_gates, parameter):
    operations = []
    for _ in range(num_gates):
        gate = CLIFFORD[rng.integers(len(CLIFFORD))]
        width = gate.num_qubits or rng.integers(1, num_qubits + 1)
        qubits = tuple(rng.permutation(num_qubits)[:width].tolist())
        quarters = rng.integers(-5, 6, gate.num_angles)
        angles = tuple(Angle(k * np.pi / 2 - parameter, {0: 1.0}) for k in quarters)
        letters = tuple(rng.integers(1, 4, width).tolist()) if gate.name == "pauli_rotation" else ()
        operations.append(Operation(gate.name, qubits, angles, letters))
    return Program.from_operations(num_qubits, operations, ["a"])


def test_by_hand():
    operations = [Operation("h", (0,)), Operation("cx", (0, 2)), Operation("rz", (2,), (Angle(0.0, {0: 1.0}),))]
    program = Program.from_operations(3, operations, ["a"], outputs=[0, 2])
    assert is_clifford(program, [np.pi / 2])
    assert not is_clifford(program, [np.pi / 4])
    # |00> + i|11>: ZZ = 1, XX = 0, XY = YX = 1, XZ = 0, and S turns it further to XX = -1.
    letters = [[3, 3], [1, 1], [1, 2], [2, 1], [3, 1], [0, 0]]
    assert clifford_expectations(program, [np.pi / 2], letters).tolist() == [1, 0, 1, 1, 0, 1]
    assert clifford_expectations(program, [np.pi], letters).tolist() == [1, -1, 0, 0, 0, 1]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_expectations_equal_the_statevector(seed, num_qubits):
    rng = np.random.default_rng(seed)
    program = random_clifford_program(rng, num_qubits, 15, 0.3)
    strings = random_pauli_sum(rng, num_qubits, 40)
    exact = strings.term_expectations(simulate(program, [0.3]))
    np.testing.assert_allclose(clifford_expectations(program, [0.3], strings.letters), exact, atol=1e-10)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_stim_circuits_keep_the_unitary(seed):
    program = random_clifford_program(np.random.default_rng(seed), 3, 10, 0.0)
    circuit = to_stim(program, [0.0])
    circuit.append("I", range(3))
    found = stim.Tableau.from_circuit(circuit).to_unitary_matrix(endian="little")
    ours = np.array([simulate(program, [0.0], k) for k in range(8)]).T
    assert abs(np.vdot(found, ours)) == pytest.approx(8, abs=1e-4)


@pytest.mark.parametrize("name", ["t", "ccx", "cs", "rx", "rzz", "p", "u", "crx", "cp"])
@pytest.mark.parametrize("error", [1e-3, 1e-5])
def test_other_gates_are_refused(name, error):
    gate = next(gate for gate in GATES if gate.name == name)
    # A controlled gate by a quarter turn is not Clifford even when the angle is exact.
    offset = np.pi / 2 if name in ("crx", "cp") else np.pi / 2 + error
    angles = tuple(Angle(offset) for _ in range(gate.num_angles))
    program = Program.from_operations(3, [Operation(name, tuple(range(gate.num_qubits)), angles)])
    assert not is_clifford(program)
    with pytest.raises(InvalidValueError, match=rf"`{name}` on qubits .* is not Clifford at these angles"):
        to_stim(program)


def test_wide_rotations_and_unitaries():
    wide = Operation("pauli_rotation", tuple(range(40)), (Angle(np.pi / 2),), (3,) * 40)
    swap = Operation("unitary", (3, 60), matrix=np.eye(4)[[0, 2, 1, 3]])
    program = Program.from_operations(100, [Operation("h", (0,)), wide, Operation("x", (3,)), swap])
    letters = np.zeros((3, 100), np.uint8)
    letters[0, 60] = letters[1, 3] = 3
    letters[2, :40] = [2] + [3] * 39
    assert clifford_expectations(program, [], letters).tolist() == [-1, 1, 1]


def test_letters_must_fit():
    program = Program.from_operations(2, [])
    with pytest.raises(InvalidValueError, match=r"must have 2 columns, got shape \(1, 3\)"):
        clifford_expectations(program, [], PauliSum.from_labels({"XXX": 1.0}).letters)
