"""Lowering to Pauli rotations keeps every expectation value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.circuits import Angle, Damping, Noise, Operation, PauliSum, Program, uniform_noise
from qloop.circuits.gates import pauli_matrix, rotation_matrix
from qloop.circuits.simulate import simulate
from qloop.circuits.simulate.rotations import lower
from tests.circuits.samples import random_pauli_sum, random_program


def letters_of(x, z, num_qubits):
    table = {(0, 0): 0, (1, 0): 1, (1, 1): 2, (0, 1): 3}
    return [table[int(x) >> q & 1, int(z) >> q & 1] for q in range(num_qubits)]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.booleans())
def test_expectation_values_stay(seed, keep_z):
    rng = np.random.default_rng(seed)
    num_qubits = int(rng.integers(2, 5))
    program, values = random_program(rng, num_qubits, 8), rng.normal(size=3)
    lowered = lower(program, uniform_noise(program), keep_z)
    state = np.eye(2**num_qubits)[0]
    for x, z, angle in zip(lowered.x, lowered.z, lowered.offset + lowered.slope @ values, strict=True):
        state = rotation_matrix(pauli_matrix(letters_of(x, z, num_qubits)), angle) @ state
    observable = random_pauli_sum(rng, num_qubits, 4)
    if keep_z:
        observable.letters[observable.letters > 0] = 3
    x, z, sign = lowered.measured(observable.letters)
    assert not (keep_z and x.any())
    letters = np.array([letters_of(*masks, num_qubits) for masks in zip(x, z, strict=True)], np.uint8)
    moved = PauliSum(num_qubits, letters, observable.coefficients * sign)
    assert moved.expectation(state) == pytest.approx(observable.expectation(simulate(program, values)), abs=1e-9)


def test_clifford_gates_cost_nothing_and_errors_are_moved():
    # X on the control before a CNOT is X on both after it, and flips Z on both and no X.
    flip = Noise(after=((Operation("x", (0,)),), ()))
    program = Program.from_operations(2, [Operation("h", (0,)), Operation("cx", (0, 1))])
    lowered = lower(program, flip, keep_z=False)
    assert len(lowered.x) == 0
    x, z, sign = lowered.measured(np.array([[3, 0], [0, 3], [3, 3], [1, 1]], np.uint8))
    # Z Z and X X are 1 in the Bell state; here they are measured before the gates, in |00>, after an X.
    assert (x.tolist(), z.tolist(), sign.tolist()) == ([1, 1, 0, 0], [0, 2, 2, 1], [-1, -1, 1, 1])


def test_damping_is_a_signed_flip_of_the_phase_and_a_reset():
    program = Program.from_operations(1, [Operation("rx", (0,), (Angle(0.3),)), Operation("ry", (0,), (Angle(0.3),))])
    lowered = lower(program, Noise(after=((Damping(0, 0.19), Damping(0, 0.0)), ())), keep_z=False)
    # sqrt(1 - 0.19) = 0.9 of the coherence is left where the reset leaves 0.81 of it.
    np.testing.assert_allclose(lowered.keep, [(1 + 1 / 0.9) / 2, 0.81])
    np.testing.assert_allclose(lowered.weight, [(1 - 1 / 0.9) / 2, 0.095, 0.095])
    assert lowered.projection.tolist() == [False, True, False]
    assert lowered.project.tolist() == [-1, 1, 1]
    assert lowered.sign.tolist() == [0, 1, -1]
