import numpy as np
import pytest
import torch
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator

from qloop.circuits.pauli import PauliSum
from qloop.core.errors import InvalidValueError
from qloop.devices import IdealSimulator, NoisySimulator, load_device
from qloop.devices.cost import REPETITION_NS
from qloop.hybrid import QuantumLayer
from tests.devices.samples import line_device


class Counted:
    """A backend that counts its jobs and their circuits."""

    def __init__(self, backend):
        self.backend, self.jobs = backend, []
        self.name, self.device = backend.name, backend.device

    def run(self, requests, rng):
        self.jobs.append(sum(len(request.shots) for request in requests))
        return self.backend.run(requests, rng)


def make_layer(outputs="Z"):
    return QuantumLayer.hardware_efficient(2, 1, outputs, seed=0, dtype=torch.float64)


def gradients(layer, x):
    x = x.clone().requires_grad_()
    y = layer(x)
    return y.detach(), *torch.autograd.grad(y.sum(), [x, layer.weight])


X = torch.tensor([[0.3, -0.8], [1.1, 0.4], [0.0, 2.0]], dtype=torch.float64)


@pytest.mark.parametrize(("gradient", "circuits"), [("shift", 1 + 2 * 6), ("forward", 1 + 2 * 2), ("spsa", 1 + 2 * 2)])
def test_a_step_is_one_job_of_the_announced_size(gradient, circuits):
    backend = Counted(NoisySimulator(line_device(3)))
    layer = make_layer().to_device(backend, shots=10, gradient=gradient, directions=2)
    cost = layer.estimate_cost(len(X))
    assert not backend.jobs
    assert cost.circuits == 3 * circuits
    assert cost.shots == 10 * cost.circuits
    assert cost.seconds > cost.shots * REPETITION_NS * 1e-9
    layer(X.clone().requires_grad_()).sum().backward()
    assert backend.jobs == [cost.circuits]
    with torch.no_grad():
        layer(X)
    assert backend.jobs == [cost.circuits, 3]


BACKENDS = {
    "ideal": IdealSimulator,
    "aer": lambda: AerSimulator(seed_simulator=1),
    "generic": lambda: GenericBackendV2(4, noise_info=False, seed=1),
    "sampler": lambda: BackendSamplerV2(backend=AerSimulator(seed_simulator=1)),
    "estimator": lambda: BackendEstimatorV2(backend=AerSimulator(seed_simulator=1)),
}


@pytest.mark.filterwarnings("ignore:Qiskit backend:UserWarning")
@pytest.mark.parametrize("name", BACKENDS)
def test_every_kind_of_backend_agrees_with_the_exact_layer(name):
    """False alarm: seventeen numbers of standard error below 0.016, at five of them."""
    torch.manual_seed(0)
    exact = make_layer([SparsePauliOp(["ZZ", "IX"], [0.6, 0.4]), SparsePauliOp("YI")])
    layer = exact.to_device(BACKENDS[name](), shots=4000)
    for measured, expected in zip(gradients(layer, X), gradients(exact, X), strict=True):
        torch.testing.assert_close(measured, expected, atol=0.08, rtol=0)


def test_the_noise_of_a_device_is_seen():
    torch.manual_seed(0)
    device = load_device("FakeLagos")
    layer = make_layer().to_device(NoisySimulator(device), shots=20_000)
    noisy, exact = layer(X).detach(), make_layer()(X).detach()
    shrink = ((noisy * exact).sum() / exact.square().sum()).item()
    assert 0.8 < shrink < 0.995
    assert repr(layer).endswith(", 20000 shots on FakeLagos (simulated), gradient by shift)")


def test_samples_and_probabilities_from_a_device():
    torch.manual_seed(0)
    backend = IdealSimulator()
    samples = QuantumLayer.hardware_efficient(2, 1, "samples", shots=5)
    assert samples.to_device(backend, shots=9)(X.float()).shape == (3, 9, 2)
    exact = make_layer("probabilities")
    torch.testing.assert_close(exact.to_device(backend, shots=40_000)(X), exact(X), atol=0.02, rtol=0)


def test_a_training_step_goes_downhill_on_a_device():
    torch.manual_seed(0)
    layer = make_layer().to_device(IdealSimulator(), shots=200, gradient="spsa", directions=3)
    optimizer = torch.optim.Adam([layer.weight], lr=0.2)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (layer(X) + 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((NoisySimulator(line_device(3)), 0), "`shots` must be a whole number of at least 1, got 0"),
        ((NoisySimulator(line_device(3)), 10.5), "`shots` must be a whole number of at least 1, got 10.5"),
        ((NoisySimulator(line_device(3)), 10, "shft"), "`gradient` cannot be `shft`: did you mean `shift`"),
        ((NoisySimulator(line_device(3)), 10, "spsa", 0), "`directions` must be at least 1, got 0"),
        (("ibm_torino", 10), "`backend` must be a `Backend`, a Qiskit `BackendV2` or a primitive V2, got `str`"),
        ((StatevectorSampler(), 10), "`StatevectorSampler` does not name its backend: give a `BackendV2`"),
    ],
)
def test_bad_devices(arguments, message):
    with pytest.raises(InvalidValueError, match=message):
        make_layer().to_device(*arguments)


def test_a_backend_with_too_few_qubits_and_an_estimator_without_bits():
    wide = QuantumLayer.hardware_efficient(4, 1)
    with pytest.raises(InvalidValueError, match="`line` has 3 qubits, the program needs 4"):
        wide.to_device(NoisySimulator(line_device(3)), shots=10)
    with pytest.raises(InvalidValueError, match="`line` has 3 qubits, the program needs 4"):
        wide.with_noise(line_device(3))
    estimator = BackendEstimatorV2(backend=AerSimulator())
    with pytest.raises(InvalidValueError, match="`EstimatorV2` gives expectation values, got `probabilities`"):
        make_layer("probabilities").to_device(estimator, shots=10)


def test_trajectories_agree_with_the_noisy_simulator():
    """False alarm: the tolerance is beyond five standard errors of 4096 trajectories."""
    torch.manual_seed(0)
    device = load_device("FakeLagos")
    exact = make_layer([PauliSum.from_labels({"ZZ": 1.0}), PauliSum.from_labels({"IX": 1.0})])
    noisy = exact.with_noise(device, trajectories=4096)
    simulated = exact.to_device(NoisySimulator(device), shots=10**6)
    torch.testing.assert_close(noisy(X), simulated(X), atol=8e-3, rtol=0)
    wanted = gradients(exact.to_device(NoisySimulator(device), shots=10**5), X)
    for got, want in zip(gradients(noisy, X), wanted, strict=True):
        torch.testing.assert_close(got, want, atol=0.03, rtol=0)
    assert repr(noisy).endswith(", 4096 trajectories of FakeLagos)")


def test_noisy_training_draws_anew_from_pytorchs_generator():
    layer = make_layer().with_noise(load_device("FakeLagos"), trajectories=16)
    torch.manual_seed(1)
    first, second = layer(X), layer(X)
    torch.manual_seed(1)
    assert torch.equal(first, layer(X))
    assert not torch.equal(first, second)
    with pytest.raises(
        InvalidValueError, match="a second derivative needs exact outputs, those of this layer are noisy"
    ):
        torch.autograd.grad(layer(X).sum(), layer.weight, create_graph=True)
    samples = QuantumLayer.hardware_efficient(2, 1, "samples", shots=3)
    with pytest.raises(InvalidValueError, match="noisy outputs are expectation values or probabilities, got samples"):
        samples.with_noise(load_device("FakeLagos"))
