import numpy as np
import pytest
import torch
from qiskit.quantum_info import Statevector
from sklearn.preprocessing import PolynomialFeatures

from qloop.circuits.qiskit import to_qiskit
from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng
from qloop.hybrid.encodings import amplitude_encoding, angle_encoding, iqp_encoding
from qloop.hybrid.layer import QuantumLayer


def test_angles_by_hand():
    state = Statevector(to_qiskit(angle_encoding(2)).assign_parameters([0.4, np.pi])).data
    np.testing.assert_allclose(state, [0, 0, np.cos(0.2), np.sin(0.2)], atol=1e-12)


def test_iqp_by_its_formula():
    x = make_rng(0).uniform(-1, 1, 3)
    inputs = PolynomialFeatures(2, interaction_only=True, include_bias=False).fit_transform([x])[0]
    circuit = to_qiskit(iqp_encoding(3)).assign_parameters(
        dict(zip([f"x[{k}]" for k in range(6)], inputs, strict=True))
    )
    z = 1 - 2 * (np.arange(8)[:, None] >> np.arange(3) & 1)
    phase = np.exp(-0.5j * (z @ x + sum(x[a] * x[b] * z[:, a] * z[:, b] for a in range(3) for b in range(a))))
    hadamard = (-1.0) ** np.bitwise_count(np.arange(8)[:, None] & np.arange(8)) / np.sqrt(8)
    state = phase * (hadamard @ (phase * hadamard[:, 0]))
    assert abs(np.vdot(state, Statevector(circuit).data)) == pytest.approx(1)


def test_amplitudes_by_hand():
    state = amplitude_encoding(torch.tensor([[3.0, 0.0, 4.0]]), 2)
    np.testing.assert_allclose(state, [[0.6, 0, 0.8, 0]])


def test_a_layer_starts_from_amplitudes_and_its_gradient_reaches_the_features():
    features = torch.tensor([[3.0, 0.0, 4.0], [0.0, -1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    layer = QuantumLayer(angle_encoding(2), inputs=[], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.zero_()
    z = layer(initial=amplitude_encoding(features, 2))
    # Amplitude k is the basis state k: 0.36 on 00 and 0.64 on 10, and all of it on 01.
    np.testing.assert_allclose(z.detach(), [[1, 0.36 - 0.64], [-1, 1]], atol=1e-12)
    assert torch.autograd.gradcheck(lambda f: layer(initial=amplitude_encoding(f, 2)), features)


def test_bad_input():
    with pytest.raises(InvalidValueError, match="2 qubits have 4 amplitudes, got 5 columns"):
        amplitude_encoding(torch.ones(1, 5), 2)
    with pytest.raises(InvalidValueError, match="a case whose norm is 0 or NaN"):
        amplitude_encoding(torch.zeros(1, 4), 2)
    with pytest.raises(InvalidValueError, match="`repeats` must be at least 1, got 0"):
        iqp_encoding(2, repeats=0)
    with pytest.raises(InvalidValueError, match="`num_qubits` must be at least 1, got 0"):
        angle_encoding(0)
