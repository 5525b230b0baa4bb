import numpy as np
import pytest
import torch

from qloop.circuits.gates import GATES, gate_matrix
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate.statevector import expectations, simulate
from qloop.core.errors import InvalidValueError
from qloop.hybrid import statevector
from qloop.hybrid.spectrum import gate_spectrum
from qloop.hybrid.statevector import evolve, output_values
from tests.circuits.samples import random_pauli_sum, random_program, random_state


@pytest.mark.parametrize("name", [gate.name for gate in GATES if gate.matrix is not None and gate.num_angles])
def test_the_series_of_a_gate_is_the_gate(name):
    spectrum = gate_spectrum(name)
    angles = np.random.default_rng(0).normal(size=spectrum.exponents.shape[1])
    series = np.tensordot(np.exp(1j * spectrum.exponents @ angles), spectrum.matrices, axes=1)
    np.testing.assert_allclose(series, gate_matrix(name, angles), atol=1e-14)


@pytest.mark.parametrize(
    ("name", "angle", "frequencies"),
    [("rx", 0, [1]), ("p", 0, [1]), ("rzz", 0, [1]), ("crx", 0, [0.5, 1]), ("xx_plus_yy", 1, [1, 2]), ("cu", 3, [1])],
)
def test_frequencies_of_expectation_values(name, angle, frequencies):
    np.testing.assert_allclose(gate_spectrum(name).frequencies(angle), frequencies)


@pytest.mark.parametrize("seed", range(6))
def test_states_equal_those_of_the_kernels(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, 5, 30)
    values = rng.normal(size=(3, 3))
    states = evolve(program, torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(states, [simulate(program, row) for row in values], atol=1e-12)


def test_expectations_act_on_the_outputs():
    rng = np.random.default_rng(1)
    program = random_program(rng, 4, 20)
    program = Program.from_operations(4, list(program.operations()), program.parameters, outputs=[2, 0, 3])
    observables = [random_pauli_sum(rng, 3, 5) for _ in range(3)]
    values = rng.normal(size=(2, 3))
    got = output_values(program, observables, evolve(program, torch.from_numpy(values)))
    np.testing.assert_allclose(got, [expectations(program, observables, row) for row in values], atol=1e-12)


def test_probabilities_of_the_outputs_worked_by_hand():
    flips = [Operation("x", (0,)), Operation("ry", (2,), (Angle(0.0, {0: 1.0}),))]
    program = Program.from_operations(3, flips, ["a"], outputs=[2, 0])
    state = evolve(program, torch.tensor([[2 * np.pi / 3]], dtype=torch.float64))
    # Output 0 is qubit 2, which is 1 with sin^2(pi/3) = 3/4; output 1 is qubit 0, which is 1.
    np.testing.assert_allclose(output_values(program, None, state), [[0, 0, 0.25, 0.75]], atol=1e-12)


def test_a_program_may_start_from_any_state():
    rng = np.random.default_rng(2)
    program = random_program(rng, 3, 12)
    initial = random_state(rng, 3)
    prepare = Operation("unitary", (0, 1, 2), matrix=np.linalg.qr(np.c_[initial, rng.normal(size=(8, 7))])[0])
    whole = Program.from_operations(3, [prepare, *program.operations()], program.parameters)
    values = torch.from_numpy(rng.normal(size=(1, 3)))
    start = torch.from_numpy(prepare.matrix[:, :1].T.copy())
    np.testing.assert_allclose(evolve(program, values, start), evolve(whole, values), atol=1e-12)


def test_first_and_second_derivatives():
    rng = np.random.default_rng(3)
    program = random_program(rng, 3, 15)
    observables = [random_pauli_sum(rng, 3, 4)]
    values = torch.from_numpy(rng.normal(size=(2, 3))).requires_grad_()

    def energy(parameters):
        return output_values(program, observables, evolve(program, parameters))

    assert torch.autograd.gradcheck(energy, values)
    assert torch.autograd.gradgradcheck(energy, values)


def test_memory_is_checked_before_it_is_taken():
    program = Program.from_operations(45, [Operation("h", (0,))])
    with pytest.raises(InvalidValueError, match=r"a batch of 2 states of 45 qubits in PyTorch needs .* GiB"):
        statevector.evolve(program, torch.zeros(2, 0))
