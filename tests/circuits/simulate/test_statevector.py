"""States, energies and gradients against a plain twin, Qiskit and finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Statevector

from qloop.circuits import Angle, Operation, PauliSum, Program, to_qiskit
from qloop.circuits.gates import GATES
from qloop.circuits.simulate.statevector import (
    CompiledEnergy,
    CompiledObservable,
    expectation_gradient,
    expectations,
    simulate,
)
from qloop.core.errors import InvalidValueError
from tests.circuits.samples import random_pauli_sum, random_program, random_state
from tests.slow_twins import statevector as twin

seeds = st.integers(0, 10**6)
ANGLED = [gate for gate in GATES if gate.num_angles]


def test_by_hand():
    theta = Angle(0.0, {0: 1.0})
    operations = [Operation("ry", (0,), (theta,)), Operation("cx", (0, 1))]
    program = Program.from_operations(2, operations, ["theta"])
    c, s = np.cos(0.35), np.sin(0.35)
    np.testing.assert_allclose(simulate(program, [0.7]), [c, 0, 0, s], atol=1e-15)
    # <X X> = sin theta on cos|00> + sin|11>, and its slope is cos theta.
    value, gradient = expectation_gradient(program, PauliSum.from_labels({"XX": 2.0, "II": 1.0}), [0.7])
    assert value == pytest.approx(1 + 2 * np.sin(0.7))
    np.testing.assert_allclose(gradient, [2 * np.cos(0.7)])


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(1, 5))
def test_states_equal_the_plain_twin(seed, num_qubits):
    rng = np.random.default_rng(seed)
    program, values = random_program(rng, num_qubits, 12), rng.normal(size=3)
    initial = int(rng.integers(2**num_qubits))
    np.testing.assert_allclose(simulate(program, values, initial), twin.simulate(program, values, initial), atol=1e-12)


def test_states_equal_qiskit():
    rng = np.random.default_rng(7)
    program, values = random_program(rng, 5, 60), rng.normal(size=3)
    circuit = to_qiskit(program)
    circuit = circuit.assign_parameters(dict(zip(circuit.parameters, values, strict=True)))
    overlap = np.vdot(Statevector(circuit.decompose("PauliEvolution")).data, simulate(program, values))
    assert abs(overlap) == pytest.approx(1)


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 4))
def test_energies_equal_the_plain_twin(seed, num_qubits):
    rng = np.random.default_rng(seed)
    program, values = random_program(rng, num_qubits, 10), rng.normal(size=3)
    observables = [random_pauli_sum(rng, num_qubits, 12) for _ in range(2)]
    state = twin.simulate(program, values)
    wanted = [np.vdot(state, observable.matrix() @ state).real for observable in observables]
    np.testing.assert_allclose(expectations(program, observables, values), wanted, atol=1e-12)
    energy = CompiledEnergy(program, observables[0])
    assert energy.value(values) == pytest.approx(wanted[0], abs=1e-12)
    assert energy.value_and_gradient(values)[0] == energy.value(values)


def test_compiled_observables_equal_plain_ones():
    rng = np.random.default_rng(6)
    observable, state = random_pauli_sum(rng, 5, 40), random_state(rng, 5)
    np.testing.assert_allclose(CompiledObservable(observable).apply(state), observable.apply(state), atol=1e-12)


def assert_gradient(program, observable, values):
    _, gradient = expectation_gradient(program, observable, values)
    energy = CompiledEnergy(program, observable)
    steps = 1e-5 * np.eye(len(values))
    numeric = [(energy.value(values + step) - energy.value(values - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(gradient, numeric, atol=1e-8)


@pytest.mark.parametrize("gate", ANGLED, ids=lambda gate: gate.name)
def test_gradient_of_every_gate(gate):
    rng = np.random.default_rng(11)
    before, after = (random_program(rng, 3, 6, 0) for _ in range(2))
    width = gate.num_qubits or 3
    angles = tuple(Angle(0.1, {k: 0.5 + k}) for k in range(gate.num_angles))
    letters = tuple(rng.integers(1, 4, width).tolist()) if gate.name == "pauli_rotation" else ()
    own = Operation(gate.name, tuple(rng.permutation(3)[:width].tolist()), angles, letters)
    names = [f"p{k}" for k in range(gate.num_angles)]
    program = Program.from_operations(3, [*before.operations(), own, *after.operations()], names)
    assert_gradient(program, random_pauli_sum(rng, 3, 10), rng.normal(size=gate.num_angles))


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_gradients_equal_finite_differences(seed):
    rng = np.random.default_rng(seed)
    assert_gradient(random_program(rng, 4, 15), random_pauli_sum(rng, 4, 10), rng.normal(size=3))


def test_observables_act_on_outputs_and_idle_qubits_are_free():
    operations = [Operation("x", (90,)), Operation("h", (7,)), Operation("cx", (7, 20))]
    program = Program.from_operations(100, operations, outputs=[20, 90])
    observables = [PauliSum.from_labels({"ZI": 1.0}), PauliSum.from_labels({"IZ": 1.0})]
    np.testing.assert_allclose(expectations(program, observables), [-1, 0], atol=1e-15)
    flipped = CompiledEnergy(program, observables[0], initial=1 << 90)
    assert flipped.value([]) == pytest.approx(1)


def test_an_empty_program():
    program = Program.from_operations(2, [])
    np.testing.assert_array_equal(simulate(program, initial=2), [0, 0, 1, 0])
    value, gradient = expectation_gradient(program, PauliSum.from_labels({"ZZ": 3.0}), [])
    assert (value, gradient.shape) == (3.0, (0,))


def test_large_observables_need_no_table():
    # 2^9 X masks on 14 qubits exceed the table's limit.
    rng = np.random.default_rng(3)
    program, values = random_program(rng, 14, 30), rng.normal(size=3)
    letters = np.zeros((512, 14), np.uint8)
    letters[:, :9] = (np.arange(512)[:, None] >> np.arange(9)) & 1
    letters[:, 9:] = 3 * rng.integers(0, 2, (512, 5))
    observable = PauliSum(14, letters, rng.normal(size=512))
    state = simulate(program, values)
    assert CompiledEnergy(program, observable).value(values) == pytest.approx(observable.expectation(state))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: simulate(p, [1.0]), r"takes 3 parameters, got shape \(1,\)"),
        (lambda p: simulate(p, np.zeros(3), initial=4), "basis state below 4, got 4"),
        (
            lambda p: expectations(p, [PauliSum.from_labels({"Z": 1.0})], np.zeros(3)),
            "acts on 1 qubits, the program has 2",
        ),
        (lambda p: CompiledEnergy(p, PauliSum.from_labels({"ZZ": 1.0})).value([1.0]), "takes 3 parameters"),
        (lambda p: simulate(Program.from_operations(60, [])), r"a state of 60 qubits needs 6.87e\+10 GiB of memory"),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(InvalidValueError, match=message):
        call(random_program(np.random.default_rng(1), 2, 4))
