"""The noisy evolution equals Qiskit Aer's density matrix, and a plain density matrix where Aer has no such noise."""

from dataclasses import replace

import numpy as np
import pytest

from qloop.circuits import Angle, Operation, Program
from qloop.core.errors import InvalidValueError
from qloop.devices import IdealSimulator, NoisySimulator, Request, load_device
from qloop.devices.qiskit import snapshot_backend
from qloop.devices.transfer import _evolve, _measure, lower, outcome_probabilities, warm_up
from tests.devices.aer import Reference
from tests.devices.samples import calibration, line_device, random_native_program
from tests.slow_twins.noisy_density_matrix import noisy_probabilities

BASES = np.array([[1, 1, 1], [2, 2, 2], [3, 3, 3], [1, 2, 3], [3, 1, 2]])


# CZ both ways, ECR one way, CX both ways, and a device without `sx`. T2 > T1 on Torino's qubits 0 to 3.
@pytest.mark.parametrize(
    ("name", "qubits"),
    [
        ("FakeTorino", (0, 1, 2, 3)),
        ("FakeSherbrooke", (0, 1, 2, 14)),
        ("FakeLagos", (0, 1, 3, 5)),
        ("FakeAlmaden", (0, 1, 2, 3)),
    ],
)
@pytest.mark.parametrize("idle", [False, True])
def test_probabilities_equal_aer(name, qubits, idle):
    rng = np.random.default_rng(7)
    published = load_device(name)
    # Aer's model reads one error a qubit.
    mean = np.repeat(published.readout_error.mean(1, keepdims=True), 2, axis=1)
    device = replace(published, readout_error=mean)
    program = random_native_program(rng, device, qubits, 30, outputs=rng.permutation(qubits)[:3])
    request = Request(program=program, values=[], bases=BASES, shots=[1] * len(BASES))
    probabilities = NoisySimulator(device, idle=idle).probabilities(request)
    assert program.count_two_qubit() > 4
    assert np.abs(probabilities - IdealSimulator().probabilities(request)).max() > 5e-3
    expected = Reference(snapshot_backend(name), qubits).probabilities(program, BASES, idle)
    # Aer itself drops Kraus operators below 1e-8 where T2 > T1.
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-8)


def test_idling_of_a_waiting_qubit_matters():
    device = line_device()
    program = Program.from_operations(3, [Operation("x", (2,)), Operation("ecr", (0, 1)), Operation("ecr", (0, 1))])
    request = Request(program=program, values=[], bases=[[3, 3, 3]], shots=[1])
    one = [4, 5, 6, 7]
    waiting, frozen = (NoisySimulator(device, idle=idle).probabilities(request)[0, one].sum() for idle in (True, False))
    wait_ns = 2 * device.gate_ns("ecr", (0, 1)) - device.gate_ns("x", (2,))
    up, down = device.readout_error[2]
    decay = np.exp(-wait_ns / device.t1_ns[2])
    assert waiting == pytest.approx(up + (frozen - up) * decay, abs=1e-12)
    assert up + down < 1


@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("parametric", [False, True])
def test_coherent_and_crosstalk_equal_the_plain_twin(idle, parametric):
    rng = np.random.default_rng(11)
    device = line_device(
        4, coherent_zz={(0, 1): 0.3, (1, 2): -0.2}, crosstalk_zz={(0, 1): 0.7, (1, 2): 1.1, (2, 3): -0.9}
    )
    program = random_native_program(rng, device, (0, 1, 2, 3), 25, outputs=(2, 0, 3), parametric=parametric)
    values = rng.uniform(-3, 3, program.num_parameters)
    request = Request(program=program, values=values, bases=BASES, shots=[1] * len(BASES))
    probabilities = NoisySimulator(device, idle=idle).probabilities(request)
    expected = noisy_probabilities(device, program, values, BASES, idle)
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-12)
    plain = replace(device, coherent_zz={}, crosstalk_zz={})
    assert np.abs(NoisySimulator(plain, idle=idle).probabilities(request) - probabilities).max() > 0.01


def test_parametric_two_qubit_gate_and_noisy_rz_equal_the_plain_twin():
    line = line_device(2)
    gates = {**line.gates, "rzz": line.gates["ecr"], "rz": calibration([[0], [1]], [0.01, 0.02], [10, 20])}
    device = replace(line, gates=gates)
    angle = Angle(0.2, {0: 1.0})
    operations = [
        Operation("sx", (0,)),
        Operation("sx", (1,)),
        Operation("rzz", (0, 1), (angle,)),
        Operation("rz", (1,), (Angle(0.1, {1: -2.0}),)),
        Operation("sx", (0,)),
        Operation("sx", (1,)),
    ]
    program = Program.from_operations(2, operations, ["a", "b"])
    bases = np.array([[1, 2], [2, 1], [3, 3]])
    values = np.array([0.7, -0.4])
    request = Request(program=program, values=values, bases=bases, shots=[1, 1, 1])
    expected = noisy_probabilities(device, program, values, bases, idle=True)
    np.testing.assert_allclose(NoisySimulator(device).probabilities(request), expected, rtol=0, atol=1e-12)


def test_no_noise_is_the_ideal_simulator():
    rng = np.random.default_rng(3)
    device = line_device(3, scale=1e-15)
    program = random_native_program(rng, device, (0, 1, 2), 30, outputs=(1, 2, 0))
    request = Request(program=program, values=[], bases=BASES, shots=[1] * len(BASES))
    noisy, ideal = (s.probabilities(request) for s in (NoisySimulator(device), IdealSimulator()))
    np.testing.assert_allclose(noisy, ideal, rtol=0, atol=1e-12)


def test_probabilities_do_not_depend_on_the_layout_of_the_arrays():
    device = line_device()
    program = Program.from_operations(3, [Operation("sx", (0,)), Operation("ecr", (0, 1)), Operation("cz", (2, 1))])
    lowered = lower(program, device)
    state = lowered.evolve(np.zeros(0))
    wide = np.repeat(BASES.astype(np.int64), 2, axis=1)[:, ::2]
    expected = outcome_probabilities(state, lowered.effects, np.ascontiguousarray(BASES, np.uint8))
    np.testing.assert_array_equal(outcome_probabilities(state, lowered.effects, wide), expected)


def test_warm_up_compiles_all_that_is_used():
    warm_up()
    kernels = (_evolve, _measure)
    compiled = [kernel.signatures.copy() for kernel in kernels]
    rng = np.random.default_rng(0)
    device = line_device(coherent_zz={(0, 1): 0.1})
    program = random_native_program(rng, device, (0, 1, 2), 12, outputs=(2, 0), parametric=True)
    values = np.linspace(-1, 1, 2 * program.num_parameters, dtype=np.float32)[::2]
    for bases in (np.full((2, 2), 3, np.int64), np.asfortranarray([[1, 2], [3, 3]]), np.broadcast_to(2, (2, 2))):
        request = Request(program=program, values=values, bases=bases, shots=[3, 4])
        NoisySimulator(device).run([request], rng)
    assert [kernel.signatures for kernel in kernels] == compiled
    assert [len(signatures) for signatures in compiled] == [1, 1]


def test_programs_that_do_not_fit():
    device = line_device(16)

    def program(*operations, outputs=(0,)):
        return Program.from_operations(16, operations, outputs=outputs)

    with pytest.raises(InvalidValueError, match=r"`line` has no gate `h`; its gates are rz, sx, x, cz, ecr\."):
        lower(program(Operation("h", (0,))), device)
    with pytest.raises(InvalidValueError, match=r"`line` has no `ecr` on qubits \(1, 0\)\."):
        lower(program(Operation("ecr", (1, 0))), device)
    with pytest.raises(InvalidValueError, match="`line` has no gate `ccx`"):
        lower(program(Operation("ccx", (0, 1, 2))), device)
    with pytest.raises(InvalidValueError, match="up to 14 qubits, the program uses 15"):
        lower(program(outputs=range(15)), device)
    bare = replace(device, gates={"rz": device.gates["rz"]})
    with pytest.raises(InvalidValueError, match="`line` has no gate on qubit 0 that turns the measurement basis"):
        lower(program(), bare)
