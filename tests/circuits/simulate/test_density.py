"""Density matrices with and without noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import DensityMatrix, Kraus, SuperOp

from qloop.circuits import Operation, Program
from qloop.circuits.gates import PAULIS
from qloop.circuits.simulate import simulate, simulate_density, superoperator_from_kraus
from qloop.core.errors import InvalidValueError
from tests.circuits.samples import random_program

DAMPING = np.array([[[1, 0], [0, 0.8]], [[0, 0.6], [0, 0]]])


def test_by_hand():
    # X then damping: the excited population is 1 - 0.36; a Hadamard loses coherence to 0.8 of its half.
    program = Program.from_operations(2, [Operation("x", (1,)), Operation("h", (0,))])
    damping = superoperator_from_kraus(DAMPING)
    state = simulate_density(program, channel=lambda operation: [(damping, operation.qubits)])
    one = np.diag([0.36, 0.64])
    zero = np.array([[0.68, 0.4], [0.4, 0.32]])
    np.testing.assert_allclose(state, np.kron(one, zero), atol=1e-15)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_without_noise_it_is_the_pure_state(seed):
    rng = np.random.default_rng(seed)
    program, values = random_program(rng, 3, 10), rng.normal(size=3)
    state = simulate(program, values)
    np.testing.assert_allclose(simulate_density(program, values), np.outer(state, state.conj()), atol=1e-12)


def test_noise_equals_qiskit():
    rng = np.random.default_rng(2)
    program = random_program(rng, 3, 12, 0)
    weights = rng.dirichlet(np.ones(16))
    pairs = [np.kron(a, b) for a in PAULIS for b in PAULIS]
    two = [np.sqrt(w) * pair for w, pair in zip(weights, pairs, strict=True)]

    def noise(operation):
        one = [(superoperator_from_kraus(DAMPING), (q,)) for q in operation.qubits]
        return one if len(operation.qubits) != 2 else [*one, (superoperator_from_kraus(two), operation.qubits)]

    wanted = DensityMatrix.from_int(0, 8)
    for operation in program.operations():
        alone = Program.from_operations(3, [operation])
        unitary = np.array([simulate(alone, initial=k) for k in range(8)]).T
        wanted = DensityMatrix(unitary @ wanted.data @ unitary.conj().T)
        for qubit in operation.qubits:
            wanted = wanted.evolve(Kraus(list(DAMPING)), [qubit])
        if len(operation.qubits) == 2:
            wanted = wanted.evolve(Kraus(two), list(operation.qubits))
    np.testing.assert_allclose(simulate_density(program, channel=noise), wanted.data, atol=1e-12)


def test_superoperators_are_qiskits():
    np.testing.assert_allclose(superoperator_from_kraus(DAMPING), SuperOp(Kraus(list(DAMPING))).data, atol=1e-15)


def test_too_many_qubits_is_one_sentence():
    with pytest.raises(InvalidValueError, match="a density matrix of 30 qubits needs .* GiB of memory"):
        simulate_density(Program.from_operations(30, []))
