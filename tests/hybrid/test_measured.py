import numpy as np
import pytest
import torch

from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Program
from qloop.core.errors import InvalidValueError
from qloop.hybrid import QuantumLayer
from tests.circuits.samples import random_pauli_sum, random_program


def layers(shots, outputs=None):
    """Return a layer of random gates, exact and with shots, and two rows for its two inputs."""
    rng = np.random.default_rng(3)
    program = random_program(rng, 3, 25, 4)
    program = Program.from_operations(3, list(program.operations()), program.parameters, outputs=[2, 0])
    observables = [random_pauli_sum(rng, 2, 6) for _ in range(2)] if outputs is None else outputs
    exact = QuantumLayer(program, observables, inputs=["p0", "p2"], dtype=torch.float64, seed=0)
    return exact, exact.with_shots(shots), torch.from_numpy(rng.normal(size=(2, 2)))


def gradients(layer, x):
    x = x.clone().requires_grad_()
    y = layer(x)
    return y.detach(), *torch.autograd.grad((y * torch.tensor([1.0, -2.0])[: y.shape[1]]).sum(), [x, layer.weight])


@pytest.mark.parametrize("outputs", [None, "Z"])
def test_means_and_gradients_have_no_bias(outputs):
    """False alarm: 130 numbers at six standard errors of 40 draws, below 1 in 10,000."""
    torch.manual_seed(0)
    exact, noisy, x = layers(50, outputs)
    x = x.repeat(8, 1)
    expected = gradients(exact, x)
    runs = [gradients(noisy, x) for _ in range(40)]
    for k, value in enumerate(expected):
        each = torch.stack([run[k] for run in runs])
        assert (abs(each.mean(0) - value) < 6 * each.std(0) / len(runs) ** 0.5 + 1e-9).all()


def test_the_scatter_of_outputs_and_gradients_is_that_of_shots():
    """False alarm: a variance of 1500 draws scatters by 3.7 %; 20 % is beyond five standard errors."""
    torch.manual_seed(0)
    layer = QuantumLayer.hardware_efficient(1, 1, shots=20, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.4, 0.0]))
    x = torch.full((1500, 1), 0.3, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    # <Z> is cos(0.7), its derivative half of cos(0.7 + pi/2) - cos(0.7 - pi/2).
    assert y.var().item() == pytest.approx(np.sin(0.7) ** 2 / 20, rel=0.2)
    assert slope.var().item() == pytest.approx(2 * 0.25 * np.cos(0.7) ** 2 / 20, rel=0.2)


def test_terms_that_commute_are_read_from_the_same_shots():
    """ZZ and its factors come from one histogram, so that they agree shot by shot."""
    outputs = [PauliSum.from_labels({label: 1.0}) for label in ("IZ", "ZI", "ZZ")]
    layer = QuantumLayer.hardware_efficient(2, 1, outputs, shots=1)
    y = layer(torch.randn(64, 2))
    assert torch.equal(y[:, 0] * y[:, 1], y[:, 2])
    assert layer.estimate_cost(1, input_gradients=False).circuits == 1 + 2 * 4


def test_shots_follow_pytorchs_generator():
    _, noisy, x = layers(10)
    torch.manual_seed(7)
    first = gradients(noisy, x)
    second = gradients(noisy, x)
    torch.manual_seed(7)
    assert all(torch.equal(a, b) for a, b in zip(first, gradients(noisy, x), strict=True))
    assert not torch.equal(first[0], second[0])


def test_probabilities_are_shares_of_shots():
    torch.manual_seed(0)
    exact, noisy, x = layers(100, "probabilities")
    shares = noisy(x).detach()
    assert torch.equal((100 * shares).round() / 100, shares)
    torch.testing.assert_close(noisy.with_shots(10**6)(x), exact(x), atol=5e-3, rtol=0)


def test_samples_have_the_distribution_of_the_state():
    """False alarm: four probabilities at five standard errors, below 1 in 100,000."""
    torch.manual_seed(0)
    exact, _, x = layers(4000, "probabilities")
    samples = QuantumLayer(exact.program, "samples", ["p0", "p2"], shots=4000, dtype=torch.float64, seed=0)
    share = torch.nn.functional.one_hot((samples(x) @ torch.tensor([1.0, 2.0], dtype=torch.float64)).long(), 4)
    expected = exact(x).detach()
    error = (expected * (1 - expected) / 4000).sqrt()
    assert (abs(share.double().mean(1) - expected) < 5 * error + 1e-9).all()


def test_weights_are_shared_between_the_views_of_a_layer():
    exact, noisy, x = layers(10)
    assert noisy.weight is exact.weight
    with torch.no_grad():
        exact.weight += 0.1
    assert torch.equal(noisy.with_shots(None)(x), exact(x))


def test_what_is_not_wanted_is_not_run():
    layer = QuantumLayer.hardware_efficient(2, 1, shots=7)
    # Two inputs and four weights, two shifts each.
    assert layer.estimate_cost(5).circuits == 5 * (1 + 2 * 6)
    assert layer.estimate_cost(5, input_gradients=False).circuits == 5 * (1 + 2 * 4)
    cost = layer.requires_grad_(False).estimate_cost(5, input_gradients=False)
    assert (cost.circuits, cost.shots, cost.seconds) == (5, 35, 0.0)


def test_a_second_derivative_is_refused():
    _, noisy, x = layers(10)
    x.requires_grad_()
    with pytest.raises(
        InvalidValueError, match="a second derivative needs exact outputs, this layer's come from shots"
    ):
        torch.autograd.grad(noisy(x).sum(), x, create_graph=True)
