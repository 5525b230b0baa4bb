import numpy as np
import pytest
from scipy.stats import chi2

from qloop.circuits import Angle, Operation, Program
from qloop.core.errors import InvalidValueError
from qloop.devices import Backend, IdealSimulator, NoisySimulator, Request, UniformBits
from qloop.devices.simulator import CACHE_BYTES
from tests.devices.samples import line_device, random_native_program

BASES = np.array([[3, 3, 3], [1, 2, 3], [2, 2, 1]])


def request_of(program, shots=(1, 1, 1), **changes):
    return Request(**{"program": program, "values": [], "bases": BASES, "shots": list(shots), **changes})


@pytest.fixture
def program():
    rng = np.random.default_rng(5)
    return random_native_program(rng, line_device(), (0, 1, 2), 20, outputs=(2, 0, 1))


def test_ideal_bell_pair_by_hand():
    # Qubit 2 idles in 0 and is not measured; outputs are swapped, so qubit 1 is logical 0.
    bell = [Operation("h", (0,)), Operation("cx", (0, 1)), Operation("x", (1,))]
    program = Program.from_operations(3, bell, outputs=[1, 0])
    request = Request(program=program, values=[], bases=[[3, 3], [1, 1], [2, 2], [3, 1]], shots=[1] * 4)
    # |01> + |10>: opposite in Z, equal in X and in Y.
    expected = [[0, 0.5, 0.5, 0], [0.5, 0, 0, 0.5], [0.5, 0, 0, 0.5], [0.25] * 4]
    np.testing.assert_allclose(IdealSimulator().probabilities(request), expected, atol=1e-15)
    half = Program.from_operations(3, [*bell, Operation("x", (2,))], outputs=[2])
    one = Request(program=half, values=[], bases=[[3]], shots=[1])
    np.testing.assert_allclose(IdealSimulator().probabilities(one), [[0, 1]], atol=1e-15)


def test_bit_order_of_a_noisy_device():
    program = Program.from_operations(3, [Operation("x", (2,))], outputs=[2, 0, 1])
    probabilities = NoisySimulator(line_device(scale=1e-15)).probabilities(request_of(program))
    np.testing.assert_allclose(probabilities[0], [0, 1, 0, 0, 0, 0, 0, 0], atol=1e-12)


@pytest.mark.parametrize("backend", [IdealSimulator(), NoisySimulator(line_device()), UniformBits(line_device())])
def test_counts_follow_the_probabilities(backend, program):
    """A false alarm in 1 of 10,000 seeds for each backend: chi-square over the three settings."""
    request = request_of(program, shots=(20_000, 30_000, 10_000))
    (shots,) = backend.run([request], np.random.default_rng(17))
    uniform = np.full((3, 8), 1 / 8)
    expected = uniform if isinstance(backend, UniformBits) else backend.probabilities(request)
    expected = expected * request.shots[:, None]
    np.testing.assert_array_equal(shots.histogram.sum(1), request.shots)
    kept = expected > 5
    statistic = ((shots.histogram - expected)[kept] ** 2 / expected[kept]).sum()
    assert statistic < chi2.ppf(1 - 1e-4, kept.sum() - 3)
    assert isinstance(backend, Backend)


def test_uniform_bits_of_a_wide_register():
    program = Program.from_operations(100, [Operation("x", (0,))])
    request = Request(program=program, values=[], bases=np.full((2, 100), 3), shots=[400, 600])
    (shots,) = UniformBits().run([request], np.random.default_rng(0))
    assert shots.bits.shape == (1000, 13)
    # Per qubit, sd .016; a false alarm in fewer than 1 of 10,000 seeds over the 100 qubits.
    assert np.abs(shots.unpacked().mean(0) - 0.5).max() < 5 * 0.016


def test_a_seed_gives_the_same_shots(program):
    def bits(seed):
        (shots,) = NoisySimulator(line_device()).run([request_of(program, (5, 6, 7))], np.random.default_rng(seed))
        return shots.bits.tolist()

    assert bits(1) == bits(1) != bits(2)


def test_a_state_is_evolved_once_for_all_settings_and_seeds():
    simulator = NoisySimulator(line_device())
    program = Program.from_operations(3, [Operation("rz", (0,), (Angle(0.0, {0: 1.0}),))], ["angle"])
    rng = np.random.default_rng(0)
    for value in (0.1, 0.2, 0.1):
        for _ in range(4):
            simulator.run([request_of(program, values=[value])] * 2, rng)
    assert simulator.evolved == 2


def test_states_that_no_longer_fit_are_forgotten():
    rng = np.random.default_rng(0)
    simulator = NoisySimulator(line_device(10))
    operations = [Operation("sx", (0,)), Operation("rz", (0,), (Angle(0.0, {0: 1.0}),))]
    program = Program.from_operations(10, operations, ["angle"])
    held = CACHE_BYTES // (8 * 4**10)
    assert held == 32
    requests = [
        Request(program=program, values=[float(k)], bases=np.full((1, 10), 3), shots=[1]) for k in range(held + 1)
    ]
    simulator.run(requests, rng)
    simulator.run(requests[-1:], rng)
    assert simulator.evolved == held + 1
    simulator.run(requests[:1], rng)
    assert simulator.evolved == held + 2


def test_worlds_are_visited_in_turn(program):
    calm, wild = line_device(scale=1e-15), line_device(scale=5.0)
    simulator = NoisySimulator(line_device(), worlds=[calm, wild], shots_per_world=4000)
    ground = Program.from_operations(3, [Operation("rz", (0,), (Angle(0.1),))])
    shots = simulator.run([request_of(ground, (2000, 0, 0))] * 4, np.random.default_rng(0))
    ones = [s.unpacked().mean() for s in shots]
    assert ones[0] == ones[1] == 0
    assert min(ones[2:]) > 0.05
    np.testing.assert_array_equal(
        simulator.probabilities(request_of(program), world=1),
        NoisySimulator(wild).probabilities(request_of(program)),
    )


def test_requests_that_do_not_fit():
    program = Program.from_operations(2, [Operation("sx", (0,))])
    request = Request(program=program, values=[], bases=[[3, 3]], shots=[1])
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidValueError, match="`line` has 3 qubits, the program 2: compile it first"):
        NoisySimulator(line_device()).run([request], rng)
    empty = Request(program=program, values=[], bases=[[3, 3]], shots=[0])
    for backend in (IdealSimulator(), NoisySimulator(line_device(2)), UniformBits()):
        with pytest.raises(InvalidValueError, match="at least one shot"):
            backend.run([empty], rng)
    huge = Program.from_operations(60, [Operation("x", (0,))])
    with pytest.raises(InvalidValueError, match="a state of 60 qubits needs .* GiB of memory"):
        IdealSimulator().run([Request(program=huge, values=[], bases=np.full((1, 60), 3), shots=[1])], rng)
