"""Lowered programs, run layer by layer in plain numpy, against the plain twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.circuits import Angle, Operation, Program
from qloop.circuits.gates import GATES
from qloop.circuits.simulate.layers import Dense, Diagonal, Rotations, lower
from tests.circuits.samples import random_pauli_sum, random_program, random_unitary
from tests.slow_twins import layers as layered
from tests.slow_twins import statevector as twin

seeds = st.integers(0, 10**6)


def test_by_hand():
    theta = Angle(0.0, {0: 1.0})
    operations = [Operation("ry", (0,), (theta,)), Operation("cx", (0, 1)), Operation("rz", (1,), (theta,))]
    layers = lower(Program.from_operations(2, operations, ["theta"]))
    rotations, diagonal = layers.layers
    assert isinstance(rotations, Rotations)
    assert isinstance(diagonal, Diagonal)
    np.testing.assert_array_equal([rotations.x, rotations.z], [[1], [1]])
    # After the CNOT qubit 1 is the parity of both bits of a row.
    np.testing.assert_array_equal(diagonal.z, [3])
    np.testing.assert_array_equal(layers.z, [1, 3])
    np.testing.assert_array_equal(layers.x, [3, 2])


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_every_gate_and_its_phase(gate):
    rng = np.random.default_rng(3)
    width = gate.num_qubits or 3
    angles = tuple(Angle(0.0, {k: 1.0}) for k in range(gate.num_angles))
    letters = (1, 2, 3) if gate.name == "pauli_rotation" else ()
    matrix = random_unitary(rng, width) if gate.name == "unitary" else None
    operation = Operation(gate.name, tuple(rng.permutation(width).tolist()), angles, letters, matrix)
    program = Program.from_operations(width, [operation], [f"p{k}" for k in range(gate.num_angles)])
    values = rng.normal(size=gate.num_angles)
    for initial in range(2**width):
        np.testing.assert_allclose(
            layered.simulate(lower(program), values, initial), twin.simulate(program, values, initial), atol=1e-12
        )


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 5))
def test_states_equal_the_plain_twin(seed, num_qubits):
    rng = np.random.default_rng(seed)
    program, values = random_program(rng, num_qubits, 25), rng.normal(size=3)
    initial = int(rng.integers(2**num_qubits))
    np.testing.assert_allclose(
        layered.simulate(lower(program), values, initial), twin.simulate(program, values, initial), atol=1e-12
    )


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 4))
def test_paulis_follow_the_rows(seed, num_qubits):
    rng = np.random.default_rng(seed)
    names = [("cx", 2), ("swap", 2), ("x", 1), ("dcx", 2), ("ry", 1)]
    operations = []
    for _ in range(12):
        name, width = names[rng.integers(len(names))]
        if width <= num_qubits:
            angles = (Angle(rng.normal()),) if name == "ry" else ()
            operations.append(Operation(name, tuple(rng.permutation(num_qubits)[:width].tolist()), angles))
    program = Program.from_operations(num_qubits, operations)
    layers, observable = lower(program), random_pauli_sum(rng, num_qubits, 5)
    x, z, signs = layers.pauli_masks(*(mask.astype(np.int64) for mask in observable.masks()))
    rows = layered.run(layers, layers.angles([]), np.eye(2**num_qubits)[0])
    state = twin.simulate(program)
    for k, letters in enumerate(observable.letters):
        expected = (state.conj() @ twin.spread(layered.pauli(letters), range(num_qubits), num_qubits) @ state).real
        got = (rows.conj() @ layered.apply_pauli(rows, x[k], z[k])).real * signs[k]
        assert got == pytest.approx(expected, abs=1e-12)


def test_a_layered_ansatz_has_two_layers_per_repetition():
    operations, names = [], []
    for layer in range(3):
        for q in range(4):
            names += [f"y{layer}_{q}", f"z{layer}_{q}"]
            operations.append(Operation("ry", (q,), (Angle(0.0, {len(names) - 2: 1.0}),)))
            operations.append(Operation("rz", (q,), (Angle(0.0, {len(names) - 1: 1.0}),)))
        operations += [Operation("cx", (q, (q + 1) % 4)) for q in range(4)]
    layers = lower(Program.from_operations(4, operations, names))
    assert [type(layer) for layer in layers.layers] == [Rotations, Diagonal] * 3


def test_equal_rotations_merge_and_opposite_ones_vanish():
    angle = Angle(0.1, {0: 2.0})
    operations = [
        Operation("h", (0,)),
        Operation("h", (0,)),
        Operation("rx", (1,), (angle,)),
        Operation("rz", (0,), (angle,)),
        Operation("rx", (1,), (angle,)),
        Operation("unitary", (0, 1), matrix=np.eye(4)),
    ]
    layers = lower(Program.from_operations(2, operations, ["p"]))
    x_rotation = next(layer for layer in layers.layers if isinstance(layer, Rotations) and 2 in layer.x)
    angles = layers.angles([0.3])
    np.testing.assert_allclose(angles[x_rotation.angles[x_rotation.x == 2]], [2 * 0.7])
    assert isinstance(layers.layers[-1], Dense)


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_parameter_gradient_is_the_transpose(seed):
    rng = np.random.default_rng(seed)
    layers = lower(random_program(rng, 3, 10))
    values, gradient = rng.normal(size=(2, 3)), rng.normal(size=(2, layers.num_angles))
    linear = layers.angles(values) - layers.angles(np.zeros(3))
    np.testing.assert_allclose(
        (linear * gradient).sum(1), (values * layers.parameter_gradient(gradient)).sum(1), atol=1e-12
    )
