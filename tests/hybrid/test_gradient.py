import numpy as np
import pytest

from qloop.circuits.gates import GATES
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate.batch import BatchedCircuit
from qloop.circuits.simulate.statevector import expectation_gradient
from qloop.hybrid import gradient
from qloop.hybrid.gradient import METHODS, Angles, shift_rule
from tests.circuits.samples import random_pauli_sum, random_program


def expect(program, observable, rows):
    circuit = BatchedCircuit(program, [observable], inputs=range(program.num_parameters), dtype=np.float64)
    return circuit.values(rows, np.zeros(0))


def every_gate_with_angles(rng):
    """Return a program in which every gate with angles occurs once between random rotations."""
    operations = []
    for gate in GATES:
        if gate.num_angles and gate.num_qubits:
            operations += [Operation("u", (q,), tuple(map(Angle, rng.normal(size=3)))) for q in range(3)]
            qubits = tuple(rng.permutation(3)[: gate.num_qubits].tolist())
            angles = tuple(Angle(rng.normal(), {int(rng.integers(4)): rng.normal()}) for _ in range(gate.num_angles))
            operations.append(Operation(gate.name, qubits, angles))
    return Program.from_operations(3, operations, [f"p{k}" for k in range(4)])


def test_the_two_and_the_four_term_rule_by_hand():
    shifts, factors = shift_rule(np.array([1.0]))
    np.testing.assert_allclose(shifts, [np.pi / 2, -np.pi / 2])
    np.testing.assert_allclose(factors, [0.5, -0.5])
    shifts, factors = shift_rule(np.array([0.5, 1.0]))
    at = 0.7

    def series(t):
        return 3 + np.cos(0.5 * t + 1) - 2 * np.sin(t)

    assert len(shifts) == 4
    assert factors @ series(at + shifts) == pytest.approx(-0.5 * np.sin(0.5 * at + 1) - 2 * np.cos(at), abs=1e-12)


@pytest.mark.parametrize("make", [every_gate_with_angles, lambda rng: random_program(rng, 3, 25, 4)])
def test_shifts_give_the_exact_gradient_of_every_gate(make):
    rng = np.random.default_rng(0)
    program, observable = make(rng), random_pauli_sum(rng, 3, 6)
    values = rng.normal(size=4)
    angles = Angles(program)
    at = angles.at(values[np.newaxis])
    np.testing.assert_allclose(
        expect(angles.program, observable, at)[0], expect(program, observable, values[np.newaxis])[0]
    )
    probes = METHODS["shift"](angles, at, np.ones(4, bool), 1, rng)
    got = probes.gradient(expect(angles.program, observable, probes.angles), np.ones((1, 1)))
    np.testing.assert_allclose(got[0], expectation_gradient(program, observable, values)[1], atol=1e-10)


def test_only_what_is_wanted_is_run():
    operations = [Operation("ry", (0,), (Angle(0.0, {k: 1.0}),)) for k in range(3)]
    angles = Angles(Program.from_operations(1, operations, ["a", "b", "c"]))
    wanted = np.array([False, True, False])
    for method in ("shift", "forward"):
        probes = METHODS[method](angles, np.zeros((2, 3)), wanted, 8, np.random.default_rng(0))
        assert probes.sample.tolist() == [0, 0, 1, 1]
        assert not probes.weights[:, ~wanted].any()
        assert set(np.flatnonzero(probes.angles.any(axis=0))) == {1}
    probes = METHODS["spsa"](angles, np.zeros((2, 3)), wanted, 2, np.random.default_rng(0))
    assert probes.sample.tolist() == [0] * 4 + [1] * 4
    assert not probes.weights[:, ~wanted].any()


@pytest.mark.parametrize("method", ["forward", "spsa"])
def test_random_directions_agree_on_average(method, monkeypatch):
    """False alarm: 4 parameters at five standard errors, below 1 in 100,000."""
    # A perturbation this small has no bias to speak of.
    monkeypatch.setattr(gradient, "SPSA_STEP", 1e-4)
    rng = np.random.default_rng(1)
    program, observable = random_program(rng, 3, 40, 4), random_pauli_sum(rng, 3, 12)
    values = rng.normal(size=4)
    angles, copies = Angles(program), 600
    at = np.repeat(angles.at(values[np.newaxis]), copies, axis=0)
    probes = METHODS[method](angles, at, np.ones(4, bool), 2, rng)
    each = probes.gradient(expect(angles.program, observable, probes.angles), np.ones((copies, 1)))
    exact = expectation_gradient(program, observable, values)[1]
    assert (abs(exact) > 1e-2).all()
    error = abs(each.mean(axis=0) - exact)
    assert (error < 5 * each.std(axis=0) / copies**0.5).all()


def test_forward_with_all_directions_is_the_shift_rule():
    rng = np.random.default_rng(2)
    angles = Angles(random_program(rng, 3, 12, 3))
    at = angles.at(rng.normal(size=(2, 3)))
    shift, forward = (METHODS[name](angles, at, np.ones(3, bool), 99, rng) for name in ("shift", "forward"))
    np.testing.assert_allclose(forward.angles, shift.angles)
    np.testing.assert_allclose(forward.weights, shift.weights)
