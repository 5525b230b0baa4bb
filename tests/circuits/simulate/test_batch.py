"""Batches against a plain twin, gradients against differences, in both precisions."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.circuits import Angle, Operation, PauliSum, Program
from qloop.circuits.gates import GATES
from qloop.circuits.simulate import batch, blocks
from qloop.circuits.simulate.batch import BatchedCircuit
from qloop.circuits.simulate.statevector import expectations
from qloop.core.errors import InvalidValueError
from tests.circuits.samples import random_pauli_sum, random_program, random_state, random_unitary
from tests.slow_twins import batch as twin

seeds = st.integers(0, 10**6)
ANGLED = [gate for gate in GATES if gate.num_angles]


def turn(name, qubit, parameter):
    return Operation(name, (qubit,), (Angle(0.0, {parameter: 1.0}),))


def ansatz(num_qubits, layers, dtype=np.float64, threads=None, axis="ry"):
    """Return angle encoding, then layers of turns about two axes and a ring of CNOTs, read by all Z."""
    operations = [turn(axis, q, q) for q in range(num_qubits)]
    count = num_qubits
    for _ in range(layers):
        for q in range(num_qubits):
            operations += [turn(axis, q, count), turn("rz", q, count + 1)]
            count += 2
        operations += [Operation("cx", (q, (q + 1) % num_qubits)) for q in range(num_qubits)]
    program = Program.from_operations(num_qubits, operations, [f"p{k}" for k in range(count)])
    observables = [PauliSum.from_terms(num_qubits, [("Z", (q,), 1.0)]) for q in range(num_qubits)]
    return BatchedCircuit(program, observables, inputs=range(num_qubits), dtype=dtype, threads=threads)


def sample(rng, circuit, size):
    return rng.normal(size=(size, circuit.num_inputs)) * 3, rng.normal(size=circuit.num_weights) * 3


def check_gradients(circuit, rng, size, initial=None):
    data, weights = sample(rng, circuit, size)
    run = circuit.forward(data, weights, initial)
    factor = rng.normal(size=run.values.shape)
    got = circuit.backward(run, factor)

    def loss(data, weights, initial):
        return (circuit.values(data, weights, initial) * factor).sum()

    np.testing.assert_allclose(got.inputs, twin.slope(lambda x: loss(x, weights, initial), data), atol=1e-7)
    np.testing.assert_allclose(got.weights, twin.slope(lambda w: loss(data, w, initial), weights), atol=1e-7)
    if initial is None:
        assert got.initial is None
    else:
        np.testing.assert_allclose(got.initial, twin.slope(lambda s: loss(data, weights, s), initial), atol=1e-7)


def test_by_hand():
    operations = [turn("ry", 0, 0), turn("rx", 1, 1)]
    program = Program.from_operations(2, operations, ["x", "w"])
    observables = [PauliSum.from_labels({"IZ": 1.0}), PauliSum.from_labels({"YX": 2.0, "II": 0.5})]
    circuit = BatchedCircuit(program, observables, inputs=[0], dtype=np.float64)
    data, w = np.array([[0.3], [-1.2], [2.0]]), 0.7
    run = circuit.forward(data, [w])
    x = data[:, 0]
    np.testing.assert_allclose(run.values, np.stack([np.cos(x), 0.5 - 2 * np.sin(x) * np.sin(w)], 1), atol=1e-14)
    gradient = circuit.backward(run, [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    slopes = [-np.sin(0.3), -2 * np.cos(1.2) * np.sin(w), -np.sin(2.0) - 2 * np.cos(2.0) * np.sin(w)]
    np.testing.assert_allclose(gradient.inputs[:, 0], slopes, atol=1e-14)
    np.testing.assert_allclose(gradient.weights, [-2 * np.cos(w) * (np.sin(-1.2) + np.sin(2.0))], atol=1e-14)


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
@pytest.mark.parametrize("per_sample", [True, False])
def test_every_gate(gate, per_sample):
    rng = np.random.default_rng(5)
    width = gate.num_qubits or 3
    angles = tuple(Angle(0.2, {k: 1.0, k + 1: 0.5}) for k in range(gate.num_angles))
    matrix = random_unitary(rng, width) if gate.name == "unitary" else None
    letters = (1, 2, 3) if gate.name == "pauli_rotation" else ()
    first = [Operation("unitary", tuple(range(width)), matrix=random_unitary(rng, width))]
    operation = Operation(gate.name, tuple(rng.permutation(width).tolist()), angles, letters, matrix)
    program = Program.from_operations(width, [*first, operation], [f"p{k}" for k in range(gate.num_angles + 1)])
    inputs = range(gate.num_angles + 1) if per_sample else ()
    observables = [random_pauli_sum(rng, width, 3)]
    circuit = BatchedCircuit(program, observables, inputs=inputs, dtype=np.float64)
    data, weights = sample(rng, circuit, 2)
    np.testing.assert_allclose(
        circuit.values(data, weights), twin.values(program, observables, inputs, data, weights), atol=1e-12
    )
    np.testing.assert_allclose(circuit.states(data, weights), twin.states(program, inputs, data, weights), atol=1e-12)
    if gate.num_angles:
        check_gradients(circuit, rng, 2)


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 5), st.sampled_from([1e-12, 1e-4]), st.booleans(), st.booleans())
def test_values_and_states_equal_the_plain_twin(seed, num_qubits, tolerance, probabilities, starts):
    rng = np.random.default_rng(seed)
    program = random_program(rng, num_qubits, 20, 4)
    program = replace(program, outputs=rng.permutation(num_qubits)[: rng.integers(1, num_qubits + 1)].astype(np.int32))
    inputs = rng.permutation(4)[: rng.integers(0, 5)].tolist()
    observables = None if probabilities else [random_pauli_sum(rng, len(program.outputs), 4) for _ in range(3)]
    dtype = np.float64 if tolerance < 1e-8 else np.float32
    circuit = BatchedCircuit(program, observables, inputs=inputs, dtype=dtype)
    data, weights = sample(rng, circuit, int(rng.integers(1, 20)))
    data, weights = data.astype(dtype), weights.astype(dtype)
    initial = np.array([random_state(rng, num_qubits) for _ in data]) if starts else None
    got = circuit.values(data, weights, initial)
    assert got.dtype == dtype
    expected = twin.values(program, observables, inputs, data, weights, initial)
    np.testing.assert_allclose(got, expected, atol=tolerance)
    states = circuit.states(data, weights, initial)
    np.testing.assert_allclose(states, twin.states(program, inputs, data, weights, initial), atol=tolerance)


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 4), st.booleans(), st.sampled_from(["zeros", "real", "complex"]))
def test_gradients_equal_differences(seed, num_qubits, probabilities, start):
    rng = np.random.default_rng(seed)
    program = random_program(rng, num_qubits, 15, 4)
    observables = None if probabilities else [random_pauli_sum(rng, num_qubits, 4) for _ in range(2)]
    inputs = rng.permutation(4)[: rng.integers(0, 5)].tolist()
    circuit = BatchedCircuit(program, observables, inputs=inputs, dtype=np.float64)
    size = int(rng.integers(1, 4))
    initial = None if start == "zeros" else np.array([random_state(rng, num_qubits) for _ in range(size)])
    check_gradients(circuit, rng, size, initial.real.copy() if start == "real" else initial)


@pytest.mark.parametrize("axis", ["ry", "rx"])
@pytest.mark.parametrize("local_bits", [1, 2, 8])
def test_blocks_of_any_size_give_the_same_values_and_gradients(axis, local_bits, monkeypatch):
    monkeypatch.setattr(blocks, "LOCAL_BITS", local_bits)
    rng = np.random.default_rng(2)
    circuit = ansatz(5, 2, axis=axis)
    data, weights = sample(rng, circuit, 9)
    expected = [expectations(circuit.program, circuit_observables(5), [*row, *weights]) for row in data]
    np.testing.assert_allclose(circuit.values(data, weights), expected, atol=1e-12)
    check_gradients(circuit, rng, 4)


def circuit_observables(num_qubits):
    return [PauliSum.from_terms(num_qubits, [("Z", (q,), 1.0)]) for q in range(num_qubits)]


def test_single_precision_gradients_are_close():
    rng = np.random.default_rng(3)
    double, single = ansatz(6, 3), ansatz(6, 3, np.float32)
    data, weights = sample(rng, double, 40)
    factor = rng.normal(size=(40, 6))
    exact = double.backward(double.forward(data, weights), factor)
    rough = single.backward(single.forward(data, weights), factor)
    np.testing.assert_allclose(rough.inputs, exact.inputs, atol=2e-5)
    np.testing.assert_allclose(rough.weights, exact.weights, atol=2e-4)


def test_half_turns_and_large_angles_change_nothing():
    circuit = ansatz(3, 2)
    data, weights = sample(np.random.default_rng(4), circuit, 5)
    values = circuit.values(data, weights)
    np.testing.assert_allclose(circuit.values(data, weights + 2 * np.pi * np.arange(12)), values, atol=1e-12)
    exact = np.round(weights / (np.pi / 2)) * np.pi / 2
    expected = twin.values(circuit.program, circuit_observables(3), range(3), data, exact)
    np.testing.assert_allclose(circuit.values(data, exact), expected, atol=1e-12)


def test_threads_and_parts_give_the_same_bits(monkeypatch):
    one, two = ansatz(4, 2, np.float32, threads=1), ansatz(4, 2, np.float32, threads=2)
    data, weights = sample(np.random.default_rng(5), one, 200)
    factor = np.ones((200, 4))
    expected = one.forward(data, weights)
    gradients = one.backward(expected, factor)
    monkeypatch.setattr(batch, "THREADED_SECONDS", 0.0)
    run = two.forward(data, weights)
    np.testing.assert_array_equal(run.values, expected.values)
    threaded = two.backward(run, factor)
    np.testing.assert_array_equal(threaded.weights, gradients.weights)
    np.testing.assert_array_equal(threaded.inputs, gradients.inputs)
    monkeypatch.setattr(batch, "KEPT_BYTES", 10_000)
    parts = two.backward(two.forward(data, weights), factor)
    np.testing.assert_array_equal(parts.inputs, gradients.inputs)
    np.testing.assert_allclose(parts.weights, gradients.weights, rtol=1e-5)


def test_backward_twice_and_from_many_threads_at_once():
    circuit = ansatz(4, 2)
    rng = np.random.default_rng(6)
    samples = [sample(rng, circuit, 9) for _ in range(8)]

    def work(given):
        run = circuit.forward(*given)
        first, second = (circuit.backward(run, np.ones((9, 4))) for _ in range(2))
        np.testing.assert_array_equal(first.weights, second.weights)
        return first.weights

    expected = [work(given) for given in samples]
    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(work, samples)), expected)


def test_a_pickled_circuit_gives_the_same_values():
    circuit = ansatz(3, 1)
    data, weights = sample(np.random.default_rng(7), circuit, 4)
    copy = pickle.loads(pickle.dumps(circuit))
    np.testing.assert_array_equal(copy.values(data, weights), circuit.values(data, weights))


def test_empty_batch_and_program_without_parameters():
    circuit = ansatz(3, 1)
    run = circuit.forward(np.empty((0, 3)), np.zeros(6))
    assert run.values.shape == (0, 3)
    assert circuit.backward(run, np.empty((0, 3))).inputs.shape == (0, 3)
    fixed = Program.from_operations(2, [Operation("h", (0,)), Operation("cx", (0, 1))])
    bell = BatchedCircuit(fixed, None, dtype=np.float64)
    np.testing.assert_allclose(bell.values(np.empty((2, 0)), []), 2 * [[0.5, 0, 0, 0.5]], atol=1e-15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": np.zeros((2, 4))}, r"`inputs` must have shape \[batch, 3\], got \[2, 4\]"),
        ({"data": np.zeros(3)}, r"`inputs` must have shape \[batch, 3\], got \[3\]"),
        ({"data": np.full((2, 3), np.nan)}, "`inputs` must be finite"),
        ({"weights": np.zeros(5)}, r"`weights` must have shape \[6\], got \[5\]"),
        ({"weights": np.full(6, np.inf)}, "`weights` must be finite"),
        ({"initial": np.zeros((2, 4))}, r"`initial` must have shape \[2, 8\], got \[2, 4\]"),
        ({"initial": np.full((2, 8), np.nan * 1j)}, "`initial` must be finite"),
    ],
)
def test_bad_data(change, message):
    given = {"data": np.zeros((2, 3)), "weights": np.zeros(6), "initial": None} | change
    with pytest.raises(InvalidValueError, match=message):
        ansatz(3, 1).forward(given["data"], given["weights"], given["initial"])


def test_bad_gradient():
    circuit = ansatz(3, 1)
    run = circuit.forward(np.zeros((2, 3)), np.zeros(6))
    with pytest.raises(InvalidValueError, match=r"`gradient` must have shape \[2, 3\], got \[2, 2\]"):
        circuit.backward(run, np.zeros((2, 2)))
    with pytest.raises(InvalidValueError, match="`gradient` must be finite"):
        circuit.backward(run, np.full((2, 3), np.nan))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"observables": []}, "`observables` must hold at least one"),
        ({"observables": [PauliSum.from_labels({"ZZZ": 1.0})]}, "acts on 3 qubits, the program has 2 outputs"),
        ({"inputs": [0, 0]}, r"`inputs` must be distinct parameters below 2, got \[0, 0\]"),
        ({"inputs": [2]}, r"`inputs` must be distinct parameters below 2, got \[2\]"),
        ({"dtype": np.int32}, "`dtype` must be float32 or float64, got int32"),
        ({"threads": 0}, "`threads` must be at least 1, got 0"),
    ],
)
def test_bad_circuit(options, message):
    program = Program.from_operations(2, [turn("ry", 0, 0), turn("ry", 1, 1)], ["a", "b"])
    given = {"observables": None} | options
    with pytest.raises(InvalidValueError, match=message):
        BatchedCircuit(program, **given)


def test_too_many_qubits_is_one_sentence():
    program = Program.from_operations(34, [Operation("h", (0,))])
    with pytest.raises(InvalidValueError, match=r"a batch of states of 34 qubits needs .* GiB"):
        BatchedCircuit(program, [PauliSum.from_terms(34, [("Z", (0,), 1.0)])])
