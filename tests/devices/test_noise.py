"""A device's noise as values has the mean of the noisy simulator."""

import numpy as np
import pytest
from scipy.stats import norm

from qloop.circuits import Angle, Operation, PauliChannel, PauliSum, Program
from qloop.circuits.simulate import TrajectoryCircuit, noisy_expectations
from qloop.core.errors import InvalidValueError
from qloop.devices import NoisySimulator, Request, load_device, noise_of
from tests.devices.samples import line_device, random_native_program

BASES = np.array([[1, 1, 1], [2, 2, 2], [3, 3, 3], [1, 2, 3], [3, 1, 2]])


def wobbly_line():
    return line_device(
        4, coherent_zz={(0, 1): 0.3, (1, 2): -0.2}, crosstalk_zz={(0, 1): 0.7, (1, 2): 1.1, (2, 3): -0.9}
    )


def strings_of_settings(probabilities):
    """Return every Pauli string that the settings measure, and its expectation value from the outcomes."""
    observables, values = [], []
    for basis, row in zip(BASES, probabilities, strict=True):
        for subset in range(1, 8):
            letters = [letter if subset >> k & 1 else 0 for k, letter in enumerate(basis)]
            observables.append(PauliSum(3, np.array([letters], np.uint8), np.ones(1)))
            values.append(row @ (1.0 - 2.0 * (np.bitwise_count(np.arange(8) & subset) & 1)))
    return observables, values


# A device without `sx`, one where T2 > T1, and one with coherent errors.
@pytest.mark.parametrize("name", ["FakeAlmaden", "FakeTorino", "line"])
@pytest.mark.parametrize("idle", [False, True])
def test_the_density_matrix_is_the_noisy_simulator(name, idle):
    rng = np.random.default_rng(3)
    whole = wobbly_line() if name == "line" else load_device(name)
    program = random_native_program(rng, whole, (0, 1, 2, 3), 25, outputs=(2, 0, 3), parametric=True)
    assert program.count_two_qubit() > 4
    values = rng.uniform(-3, 3, program.num_parameters)
    request = Request(program=program, values=values, bases=BASES, shots=[1] * len(BASES))
    observables, wanted = strings_of_settings(NoisySimulator(whole, idle=idle).probabilities(request))
    noise = noise_of(program, whole, idle)
    used = program.used_qubits()
    assert used == (0, 1, 2, 3)
    found, _ = noisy_expectations(program.compact(), observables, values, noise)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_trajectories_have_the_mean_of_the_noisy_simulator():
    """A false alarm in 1 of 10,000 seeds: 43 standard scores over 1500 samples, Bonferroni."""
    rng = np.random.default_rng(4)
    device = load_device("FakeTorino")
    program = random_native_program(rng, device, (0, 1, 2, 3), 40, outputs=(2, 0, 3))
    request = Request(program=program, values=[], bases=BASES, shots=[1] * len(BASES))
    probabilities = NoisySimulator(device).probabilities(request)
    observables, wanted = strings_of_settings(probabilities)
    noise, many = noise_of(program, device), np.empty((1500, 0))
    strings = TrajectoryCircuit(program, observables, noise, trajectories=16).values(many, [])
    outcomes = TrajectoryCircuit(program, None, noise, trajectories=16, seed=1).values(many, [])
    found = np.column_stack([strings, outcomes]).astype(np.float64)
    scores = (found.mean(0) - [*wanted, *probabilities[2]]) / (found.std(0) / 1500**0.5)
    assert len(scores) == 43
    assert abs(scores).max() < norm.isf(1e-4 / 2 / 43)


def test_a_gate_by_hand():
    device = line_device(2, t1_ns=np.array([np.inf, 1000.0]), t2_ns=np.array([np.inf, 1500.0]))
    program = Program.from_operations(2, [Operation("sx", (0,)), Operation("rz", (1,), (Angle(0.1),))])
    (first, second) = noise_of(program, device, idle=False).after
    # Without relaxation an average infidelity of e is a depolarising strength of 2 e: 3/4 of it in X, Y and Z.
    (channel,) = first
    np.testing.assert_allclose(channel.probabilities, [1 - 1.5 * 3e-3, *[0.5 * 3e-3] * 3])
    assert second == ()
    (flipped, waited) = noise_of(program, device).after[1]
    assert flipped.qubit == 1
    assert flipped.probability == pytest.approx(1 - np.exp(-0.03))
    assert isinstance(waited, PauliChannel)
    # T2 leaves exp(-30/1500) of the coherence, decay alone exp(-30/2000).
    assert waited.probabilities[3] == pytest.approx((1 - np.exp(-30 / 1500 + 30 / 2000)) / 2)


def test_a_program_that_is_not_compiled():
    with pytest.raises(InvalidValueError, match="`line` has no gate `h`"):
        noise_of(Program.from_operations(3, [Operation("h", (0,))]), line_device())
