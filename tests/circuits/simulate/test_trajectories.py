"""Trajectories: exact once every error is enumerated, unbiased when they are drawn, smooth for one draw."""

import copy
import pickle
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2, norm

from qloop.circuits import Angle, Damping, Noise, Operation, PauliChannel, PauliSum, Program, uniform_noise
from qloop.circuits.noise import readout_from_confusion
from qloop.circuits.simulate import TrajectoryCircuit, noisy_expectations, simulate
from qloop.circuits.simulate import trajectories as module
from qloop.circuits.simulate.draws import Draw, Sites
from qloop.circuits.simulate.rotations import lower
from qloop.core.errors import InvalidValueError
from tests.circuits.samples import random_pauli_sum, random_program, random_state


def enumerate_errors(circuit):
    """Make a circuit's trajectories all combinations of errors, each with its quasi-probability."""
    rotations = circuit._rotations
    choices = [[-1, *np.flatnonzero(rotations.site == site)] for site in range(len(rotations.keep))]
    combinations = list(product(*choices))
    circuit.trajectories = -(-len(combinations) // 16) * 16

    def draw(rng, samples, trajectories):
        weights, lane, error = np.zeros((samples, trajectories)), [], []
        for s in range(samples):
            for k, errors in enumerate(combinations):
                each = [rotations.keep[i] if e < 0 else rotations.weight[e] for i, e in enumerate(errors)]
                weights[s, k] = np.prod(each)
                lane += [s * trajectories + k] * sum(e >= 0 for e in errors)
                error += [e for e in errors if e >= 0]
        return Draw(weights, np.array(lane, np.int64), np.array(error, np.int64))

    circuit._sites = SimpleNamespace(draw=draw)


def exact(program, observables, noise, inputs, x, w):
    """Return values and Jacobians by density matrices, a row per sample."""
    weights = [k for k in range(program.num_parameters) if k not in inputs]
    theta = np.empty((len(x), program.num_parameters))
    theta[:, inputs], theta[:, weights] = x, w
    values, jacobians = zip(*(noisy_expectations(program, observables, row, noise) for row in theta), strict=True)
    return np.array(values), np.array(jacobians)[:, :, inputs], np.array(jacobians)[:, :, weights]


def probability_observables(num_qubits):
    """Return projectors onto every outcome, as sums of Z strings."""
    strings, outcomes = np.arange(2**num_qubits)[:, None], np.arange(2**num_qubits)
    letters = (3 * (strings >> np.arange(num_qubits) & 1)).astype(np.uint8)
    signs = 1.0 - 2.0 * (np.bitwise_count(strings & outcomes) & 1)
    return [PauliSum(num_qubits, letters, column / 2**num_qubits) for column in signs.T]


def few_errors(rng, program, where, outputs):
    """Return noise of four kinds at a few random gates."""
    after = [[] for _ in range(program.num_gates)]
    for number in where:
        a, b = rng.permutation(program.num_qubits)[:2].tolist()
        after[number] += [
            PauliChannel((a,), rng.dirichlet(np.ones(4))),
            Damping(a, rng.uniform(0.1, 0.6)),
            Operation("rzz", (a, b), (Angle(rng.normal()),)),
        ]
    after[-1].append(PauliChannel((b, a), rng.dirichlet([1] * 3 + [1e-30] * 13)))
    right = rng.uniform(0.8, 1, (2, outputs))
    return Noise(
        after=tuple(map(tuple, after)),
        readout=readout_from_confusion(np.array([[right[0], 1 - right[1]], [1 - right[0], right[1]]]).T.swapaxes(1, 2)),
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("probabilities", [False, True])
def test_all_errors_together_are_the_density_matrix(seed, probabilities):
    rng = np.random.default_rng(seed)
    program = random_program(rng, 3, 9)
    noise = few_errors(rng, program, rng.permutation(9)[:2], 3)
    observables = None if probabilities else [random_pauli_sum(rng, 3, 4) for _ in range(2)]
    circuit = TrajectoryCircuit(program, observables, noise, inputs=[2, 0], dtype=np.float64)
    enumerate_errors(circuit)
    x, w = rng.normal(size=(2, 2)), rng.normal(size=1)
    values, by_input, by_weight = exact(program, observables or probability_observables(3), noise, [2, 0], x, w)
    run = circuit.forward(x, w)
    np.testing.assert_allclose(run.values, values, atol=1e-11)
    outer = rng.normal(size=values.shape)
    gradients = circuit.backward(run, outer)
    np.testing.assert_allclose(gradients.inputs, np.einsum("so,sop->sp", outer, by_input), atol=1e-10)
    np.testing.assert_allclose(gradients.weights, np.einsum("so,sop->p", outer, by_weight), atol=1e-10)


def test_errors_are_drawn_with_their_quasi_probabilities():
    """A false alarm in 1 of 10,000 seeds: each combination's weighted count against its quasi-probability."""
    program = Program.from_operations(2, [Operation("rx", (q,), (Angle(0.3),)) for q in (0, 1, 0)])
    after = ((PauliChannel((0,), [0.7, 0.1, 0.05, 0.15]), Damping(0, 0.3)), (Damping(1, 0.2),), ())
    rotations = lower(program, Noise(after=after), keep_z=False)
    samples, trajectories = 4000, 16
    draw = Sites(rotations).draw(np.random.default_rng(3), samples, trajectories)
    happened = np.full((samples * trajectories, len(rotations.keep)), -1)
    happened[draw.lane, rotations.site[draw.error]] = draw.error
    assert (happened[::trajectories] == -1).all()
    assert (happened.reshape(samples, trajectories, -1)[:, 1:] >= 0).any(2).all()
    choices = [[-1, *np.flatnonzero(rotations.site == site)] for site in range(len(rotations.keep))]
    statistic, free = 0.0, 0
    for errors in product(*choices):
        wanted = np.prod([rotations.keep[i] if e < 0 else rotations.weight[e] for i, e in enumerate(errors)])
        each = (draw.weights * (happened == errors).all(1).reshape(draw.weights.shape)).sum(1)
        if max(errors) < 0:
            np.testing.assert_allclose(each, wanted, rtol=1e-12)
        elif abs(wanted) > 1e-3:
            statistic += ((each.mean() - wanted) / (each.std() / samples**0.5)) ** 2
            free += 1
    assert free > 15
    # The counts are bound by their sum and nearly independent: chi-square with as many degrees bounds the tail.
    assert statistic < chi2.ppf(1 - 1e-4, free)


def test_values_and_gradients_are_unbiased():
    """A false alarm in 1 of 10,000 seeds: 11 standard scores of 200 draws each, Bonferroni."""
    rng = np.random.default_rng(5)
    program = random_program(rng, 3, 12)
    noise = uniform_noise(program, 0.02, 0.05, 0.05, 0.03)
    observables = [random_pauli_sum(rng, 3, 3) for _ in range(2)]
    x, w = rng.normal(size=(3, 1)), rng.normal(size=2)
    values, by_input, by_weight = exact(program, observables, noise, [1], x, w)
    circuit = TrajectoryCircuit(program, observables, noise, inputs=[1], trajectories=16, seed=1, dtype=np.float64)
    drawn, outer = [], rng.normal(size=values.shape)
    for draw in range(200):
        run = circuit.forward(x, w, draw=draw)
        gradients = circuit.backward(run, outer)
        drawn.append(np.concatenate([run.values.ravel(), gradients.inputs.ravel(), gradients.weights]))
    wanted = np.concatenate(
        [values.ravel(), np.einsum("so,sop->s", outer, by_input), np.einsum("so,sop->p", outer, by_weight)]
    )
    scores = (np.mean(drawn, 0) - wanted) / (np.std(drawn, 0) / 200**0.5)
    assert len(scores) == 11
    assert abs(scores).max() < norm.isf(1e-4 / 2 / 11)
    clean = exact(program, observables, uniform_noise(program), [1], x, w)[0]
    assert abs(clean - values).max() > 10 * np.std(drawn, 0)[:6].max() / 200**0.5


@pytest.mark.parametrize("observables", [None, [PauliSum.from_labels({"XYZ": 1.0, "IIZ": 0.5})]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_without_noise_it_is_the_pure_state(observables, dtype):
    rng = np.random.default_rng(1)
    program, values = random_program(rng, 3, 15), rng.normal(size=3)
    circuit = TrajectoryCircuit(program, observables, uniform_noise(program), trajectories=1, dtype=dtype)
    state = simulate(program, values)
    wanted = abs(state) ** 2 if observables is None else [observables[0].expectation(state)]
    outputs = circuit.values(np.empty((2, 0)), values)
    assert outputs.dtype == dtype
    assert (circuit.trajectories, circuit.num_inputs, circuit.num_weights) == (16, 0, 3)
    np.testing.assert_allclose(outputs, [wanted] * 2, atol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("real", [False, True])
def test_one_draw_is_a_smooth_function_of_angles_and_initial_states(real):
    rng = np.random.default_rng(2)
    program = random_program(rng, 2, 10)
    noise = uniform_noise(program, 0.05, 0.1, 0.2)
    circuit = TrajectoryCircuit(
        program, [random_pauli_sum(rng, 2, 4)], noise, inputs=[0], trajectories=16, dtype=np.float64
    )
    initial = np.array([random_state(rng, 2) for _ in range(2)])
    initial = initial.real if real else initial
    parts = [rng.normal(size=(2, 1)), rng.normal(size=2), initial]
    outer = rng.normal(size=(2, 1))
    gradients = circuit.backward(circuit.forward(*parts, draw=7), outer)
    assert np.iscomplexobj(gradients.initial) != real

    def slope(k, direction):
        moved = [[*parts[:k], parts[k] + step * direction, *parts[k + 1 :]] for step in (1e-6, -1e-6)]
        high, low = ((circuit.values(*each, draw=7) * outer).sum() for each in moved)
        return (high - low) / 2e-6

    for k, gradient in enumerate((gradients.inputs, gradients.weights, gradients.initial)):
        for place in np.ndindex(gradient.shape):
            unit = np.zeros(gradient.shape)
            unit[place] = 1
            assert gradient[place].real == pytest.approx(slope(k, unit), abs=1e-7)
            if np.iscomplexobj(gradient):
                assert gradient[place].imag == pytest.approx(slope(k, 1j * unit), abs=1e-7)


def test_chunks_threads_copies_and_recomputing_change_nothing(monkeypatch):
    rng = np.random.default_rng(3)
    program = random_program(rng, 4, 20)
    noise = uniform_noise(program, 0.02, 0.05, 0.1, 0.02)
    circuit = TrajectoryCircuit(program, [random_pauli_sum(rng, 4, 5)], noise, inputs=[1], seed=4, threads=1)
    x, w, outer = rng.normal(size=(5, 1)), rng.normal(size=2), rng.normal(size=(5, 1))
    run = circuit.forward(x, w)
    first, again = circuit.backward(run, outer), circuit.backward(run, outer)
    np.testing.assert_array_equal(first.inputs, again.inputs)
    monkeypatch.setattr(module, "CHUNK_BYTES", 1)
    monkeypatch.setattr(module, "KEEP_BYTES", 1)
    monkeypatch.setattr(module, "_SERIAL", 0)
    for other in (pickle.loads(pickle.dumps(circuit)), copy.deepcopy(circuit)):
        other.threads = 3
        run = other.forward(x, w)
        assert not run.chunks
        np.testing.assert_array_equal(run.values, circuit.values(x, w))
        gradients = other.backward(run, outer)
        np.testing.assert_array_equal(gradients.inputs, first.inputs)
        np.testing.assert_array_equal(gradients.weights, first.weights)
    assert abs(circuit.values(x, w, draw=1) - run.values).max() > 1e-4


def test_idle_qubits_cost_nothing_and_outputs_keep_their_order():
    operations = [Operation("ry", (57,), (Angle(0.7),)), Operation("x", (3,)), Operation("cx", (57, 3))]
    program = Program.from_operations(60, operations, outputs=[57, 3])
    noise = uniform_noise(program, two_qubit=0.1, readout=0.1)
    small = Program.from_operations(2, [Operation(o.name, tuple(int(q > 3) for q in o.qubits), o.angles)
                                        for o in operations], outputs=[1, 0])  # fmt: skip
    observables = [
        PauliSum.from_labels({"IZ": 1.0}),
        PauliSum.from_labels({"ZI": 1.0}),
        PauliSum.from_labels({"XX": 1}),
    ]
    wanted, _ = noisy_expectations(small, observables, [], uniform_noise(small, two_qubit=0.1, readout=0.1))
    circuit = TrajectoryCircuit(program, observables, noise, dtype=np.float64)
    enumerate_errors(circuit)
    np.testing.assert_allclose(circuit.values(np.empty((1, 0)), []), [wanted], atol=1e-12)


def test_an_empty_batch():
    rng = np.random.default_rng(0)
    program = random_program(rng, 2, 4)
    circuit = TrajectoryCircuit(program, None, uniform_noise(program, 0.1), inputs=[0])
    run = circuit.forward(np.empty((0, 1)), [0.1, 0.2])
    gradients = circuit.backward(run, run.values)
    assert (run.values.shape, gradients.inputs.shape, gradients.weights.tolist()) == ((0, 4), (0, 1), [0, 0])


def test_bad_input():
    program = Program.from_operations(2, [Operation("rx", (0,), (Angle(0.0, {0: 1.0}),))], ["angle"])
    noise, z = uniform_noise(program), [PauliSum.from_labels({"ZZ": 1.0})]
    for match, arguments in {
        "`dtype` must be float32 or float64": ((program, z, noise), {"dtype": np.int32}),
        "`trajectories` must be at least 1, got 0": ((program, z, noise), {"trajectories": 0}),
        r"`inputs` must be distinct and below 1, got \[1\]": ((program, z, noise), {"inputs": [1]}),
        "noise is of 0 gates, the program has 1": ((program, z, Noise(after=())), {}),
        "names qubit 2, the program has 2": ((program, z, Noise(after=((Damping(2, 0.1),),))), {}),
        "a coherent error must have fixed angles": ((program, z, Noise(after=(tuple(program.operations()),))), {}),
        "reads 1 outputs, the program has 2": ((program, z, Noise(after=((),), readout=np.zeros((1, 3, 4)))), {}),
        "acts on 1 qubits, the program has 2 outputs": ((program, [PauliSum.from_labels({"Z": 1.0})], noise), {}),
        "name at least one": ((program, [], noise), {}),
    }.items():
        with pytest.raises(InvalidValueError, match=match):
            TrajectoryCircuit(*arguments[0], **arguments[1])
    circuit = TrajectoryCircuit(program, z, noise, inputs=[0])
    with pytest.raises(InvalidValueError, match=r"shape \[samples, 1\] and 0 weights, got shapes \(3, 2\)"):
        circuit.values(np.zeros((3, 2)), [])
    with pytest.raises(InvalidValueError, match="must be finite"):
        circuit.values([[np.nan]], [])
    with pytest.raises(InvalidValueError, match=r"of shape \(1, 4\), got \(1, 2\)"):
        circuit.values([[0.1]], [], initial=np.ones((1, 2)))
    alone = Program.from_operations(2, list(program.operations()), ["angle"], outputs=[0])
    half = TrajectoryCircuit(alone, None, Noise(after=((),)), inputs=[0])
    with pytest.raises(InvalidValueError, match="a program that uses all its qubits"):
        half.values([[0.1]], [], initial=np.ones((1, 4)))
    with pytest.raises(InvalidValueError, match=r"`gradient` must have shape \(1, 1\), got \(1, 2\)"):
        circuit.backward(circuit.forward([[0.1]], []), np.ones((1, 2)))
    wide = Program.from_operations(40, [Operation("x", (q,)) for q in range(40)])
    with pytest.raises(InvalidValueError, match="64 trajectories of 40 qubits needs .* GiB of memory"):
        TrajectoryCircuit(wide, [PauliSum.from_terms(40, [("Z", [0], 1.0)])], uniform_noise(wide))
