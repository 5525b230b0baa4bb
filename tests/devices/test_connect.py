import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2

from qloop.circuits.program import Angle, Operation, Program
from qloop.core.errors import InvalidValueError
from qloop.devices import IdealSimulator, PrimitiveBackend, Request
from qloop.devices.connect import connect
from qloop.devices.transpile import transpile


def test_a_backend_is_returned_as_it_is():
    backend = IdealSimulator()
    assert connect(backend) is backend


@pytest.mark.parametrize(
    "make",
    [
        lambda: AerSimulator(seed_simulator=1),
        lambda: SamplerV2.from_backend(AerSimulator(), seed=1),
        lambda: BackendSamplerV2(backend=AerSimulator(seed_simulator=1)),
        lambda: GenericBackendV2(5, noise_info=False, seed=1),
    ],
    ids=["aer", "aer sampler", "backend sampler", "generic"],
)
@pytest.mark.filterwarnings("ignore:Qiskit backend:UserWarning")
def test_qiskits_backends_and_samplers_run_compiled_programs(make):
    backend = connect(make())
    assert isinstance(backend, PrimitiveBackend)
    turn = Operation("ry", (1,), (Angle(0.0, {0: 1.0}),))
    program = Program.from_operations(3, [turn, Operation("ccx", (0, 1, 2)), Operation("cx", (1, 0))], ["angle"])
    compiled = transpile(program, backend.device)
    request = Request(program=compiled, values=[np.pi], bases=np.full((1, 3), 3), shots=[20])
    (shots,) = backend.run([request], np.random.default_rng(0))
    # Qubit 1 is turned to 1 and flips qubit 0 after the Toffoli, whose other control was 0.
    assert shots.bits.ravel().tolist() == [3] * 20


def test_a_simulator_without_couplings_has_its_gates_everywhere():
    device = connect(AerSimulator()).device
    pairs = {tuple(site) for site in device.gates["cx"].sites.tolist()}
    assert pairs == {(a, b) for a in range(device.num_qubits) for b in range(device.num_qubits) if a != b}
    assert not device.gates["cx"].error.any()


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        (StatevectorSampler(), "`StatevectorSampler` does not name its backend: give a `BackendV2`"),
        ("ibm_torino", "`backend` must be a `Backend`, a Qiskit `BackendV2` or a primitive V2, got `str`"),
    ],
)
def test_what_cannot_be_connected(backend, message):
    with pytest.raises(InvalidValueError, match=message):
        connect(backend)
