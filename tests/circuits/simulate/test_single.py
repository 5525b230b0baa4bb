"""Outputs and gradients of one state against the plain twin and differences, tiled or not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.circuits import Angle, Operation, PauliSum, Program
from qloop.circuits.simulate import plan as planning
from qloop.circuits.simulate import single
from qloop.circuits.simulate.single import SingleCircuit
from qloop.circuits.simulate.statevector import CompiledEnergy, simulate
from tests.circuits.samples import random_pauli_sum, random_program, random_state
from tests.slow_twins import statevector as twin

seeds = st.integers(0, 10**6)


@pytest.fixture
def small_tiles(monkeypatch):
    """Cut states into tiles of 2^4 rows, so that small ones have several."""
    monkeypatch.setattr(planning, "WHOLE_BITS", 3)
    monkeypatch.setattr(planning, "TILE_BITS", 4)
    planning.plan.cache_clear()
    yield
    planning.plan.cache_clear()


def parts_of(state):
    return np.concatenate([state.real, state.imag])


def outputs_of(program, observables, values, initial):
    state = initial
    for operation, matrix in twin.matrices(program, values):
        state = twin.spread(matrix, operation.qubits, program.num_qubits) @ state
    if observables is not None:
        return [np.vdot(state, observable.matrix() @ state).real for observable in observables]
    probabilities = abs(state) ** 2
    outcome = sum(((np.arange(len(state)) >> q) & 1) << k for k, q in enumerate(program.outputs.tolist()))
    return np.bincount(outcome, probabilities, 2 ** len(program.outputs))


def check(seed, num_qubits, num_gates, probabilities):
    rng = np.random.default_rng(seed)
    program, values = random_program(rng, num_qubits, num_gates), rng.normal(size=3)
    initial = random_state(rng, num_qubits)
    observables = None if probabilities else [random_pauli_sum(rng, num_qubits, 9) for _ in range(3)]
    circuit = SingleCircuit(program, observables)
    run = circuit.forward(values, initial)
    np.testing.assert_allclose(run.outputs, outputs_of(program, observables, values, initial), atol=1e-12)
    weight = rng.normal(size=len(run.outputs))
    for _ in range(2):
        by_value, by_state = circuit.backward(run, weight)
        along, change = rng.normal(size=3), random_state(rng, num_qubits)
        ahead, behind = (
            weight @ circuit.forward(values + step * along, initial + step * change).outputs for step in (1e-5, -1e-5)
        )
        slope = by_value @ along + parts_of(by_state) @ parts_of(change)
        assert slope == pytest.approx((ahead - behind) / 2e-5, abs=1e-7)


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(1, 5), st.booleans())
def test_outputs_and_gradients(seed, num_qubits, probabilities):
    check(seed, num_qubits, 12, probabilities)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("seed", range(8))
def test_tiles(seed):
    check(seed, 7, 40, seed % 2)


@pytest.mark.usefixtures("small_tiles")
def test_tiles_equal_the_whole_state():
    rng = np.random.default_rng(4)
    program, values = random_program(rng, 8, 120), rng.normal(size=3)
    np.testing.assert_allclose(simulate(program, values), twin.simulate(program, values), atol=1e-12)


def test_states_above_the_limit_are_tiled():
    rng = np.random.default_rng(2)
    width = planning.WHOLE_BITS + 1
    names, operations = [], []
    for _ in range(2):
        for q in range(width):
            names.append(f"p{len(names)}")
            operations.append(Operation("ry", (q,), (Angle(0.0, {len(names) - 1: 1.0}),)))
        operations += [Operation("cx", (q, (q + 1) % width)) for q in range(width)]
    program = Program.from_operations(width, operations, names)
    energy, values = CompiledEnergy(program, random_pauli_sum(rng, width, 6)), rng.normal(size=len(names))
    _, gradient = energy.value_and_gradient(values)
    along = rng.normal(size=len(names))
    numeric = (energy.value(values + 1e-5 * along) - energy.value(values - 1e-5 * along)) / 2e-5
    assert gradient @ along == pytest.approx(numeric, abs=1e-8)


def test_phases_are_made_again_where_they_are_not_kept(monkeypatch):
    monkeypatch.setattr(single, "PHASE_BYTES", 0)
    for seed in range(5):
        check(seed, 4, 30, probabilities=False)


def test_by_hand():
    program = Program.from_operations(1, [Operation("ry", (0,), (Angle(0.0, {0: 1.0}),))], ["theta"])
    observables = [PauliSum.from_labels({"Z": 1.0}), PauliSum.from_labels({"X": 1.0})]
    circuit = SingleCircuit(program, observables)
    run = circuit.forward(np.array([0.3]))
    np.testing.assert_allclose(run.outputs, [np.cos(0.3), np.sin(0.3)])
    gradient, _ = circuit.backward(run, np.array([2.0, 5.0]))
    np.testing.assert_allclose(gradient, [-2 * np.sin(0.3) + 5 * np.cos(0.3)])
