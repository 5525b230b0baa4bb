import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from torch import nn

from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng
from qloop.hybrid.encodings import amplitude_encoding
from qloop.hybrid.layer import QuantumLayer
from qloop.hybrid.surrogate import find_frequencies
from qloop.hybrid.twins import FULL, TWINS, Shuffled, count_columns, count_parameters, replace_layers, start_twin
from qloop.hybrid.twins import without_entanglement as strip

CASES = torch.linspace(-1, 1, 12).reshape(4, 3)


def dressed(layer=None):
    layer = layer or QuantumLayer.hardware_efficient(2, 2, seed=1)
    return nn.Sequential(nn.Linear(3, layer.num_inputs), layer, nn.Linear(layer.num_outputs, 2))


def test_every_twin_takes_the_circuits_place_and_nothing_else_changes():
    model = dressed()
    columns = count_columns(model, CASES)
    assert columns == {"1": 2}
    starts = {twin.name: start_twin(model, columns, twin, 7) for twin in (FULL, *TWINS)}
    for twin in starts.values():
        assert twin(CASES).shape == (4, 2)
        assert torch.equal(twin[0].weight, starts["full"][0].weight)
        assert torch.equal(twin[2].weight, starts["full"][2].weight)
    assert not torch.equal(starts["full"][0].weight, model[0].weight)
    assert not torch.equal(starts["full"][1].weight, start_twin(model, columns, FULL, 8)[1].weight)
    # 9 and 6 numbers around 8 of the circuit.
    assert count_parameters(starts["full"]) == 8 + 14
    assert count_parameters(starts["frozen"]) == 14
    assert count_parameters(starts["product"]) == 8 + 14
    assert count_parameters(starts["mlp"]) >= 8 + 14
    assert torch.equal(starts["frozen"](CASES), starts["full"](CASES))
    assert not torch.allclose(starts["product"](CASES), starts["full"](CASES))


def test_a_deep_circuit_gets_an_mlp_of_its_size():
    model = dressed(QuantumLayer.hardware_efficient(2, 40))
    twin = start_twin(model, count_columns(model, CASES), TWINS[1], 0)
    assert count_parameters(model) <= count_parameters(twin) <= count_parameters(model) + 5


def test_frozen_parts_stay_and_shared_circuits_stay_shared():
    layer = QuantumLayer.hardware_efficient(3, 1)
    model = nn.Sequential(layer, nn.Linear(3, 3).requires_grad_(False), layer)
    columns = count_columns(model, CASES)
    twin = start_twin(model, columns, TWINS[0], 0)
    assert twin[0] is twin[2]
    assert torch.equal(twin[1].weight, model[1].weight)
    alone = replace_layers(layer, count_columns(layer, CASES), lambda one, _: Shuffled(one))
    assert isinstance(alone, Shuffled)


def test_shuffling_gives_the_outputs_of_other_cases():
    layer = QuantumLayer.hardware_efficient(3, 1, seed=0)
    torch.manual_seed(0)
    wrong, right = Shuffled(layer)(CASES), layer(CASES)
    assert not torch.equal(wrong, right)
    assert torch.allclose(wrong.sum(dim=0), right.sum(dim=0), atol=1e-6)


def test_twins_of_a_circuit_that_starts_from_given_states():
    class Amplitudes(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = QuantumLayer.hardware_efficient(2, 1)

        def forward(self, x):
            return self.layer(x[:, :2], initial=amplitude_encoding(x.abs() + 0.1, 2))

    model = Amplitudes()
    columns = count_columns(model, CASES)
    assert columns == {"layer": 2 + 4}
    for twin in TWINS:
        assert start_twin(model, columns, twin, 0)(CASES).shape == (4, 2)


def test_a_product_circuit_by_hand():
    x, a, b = Parameter("x"), Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2)
    circuit.ry(x, 0)
    circuit.cx(0, 1)
    circuit.rzz(a, 0, 1)
    circuit.swap(0, 1)
    circuit.rx(b, 1)
    layer = QuantumLayer(circuit, seed=0)
    stripped = strip(layer.program, layer.roles.inputs)
    assert [one.name for one in stripped.operations()] == ["ry", "swap", "rx"]
    assert sorted(stripped.parameters) == ["b", "x"]
    product = layer.replaced(stripped)
    angle = torch.tensor([[0.7]])
    expected = np.cos(0.7) * np.cos(layer.weight.detach().numpy()[1])
    assert product(angle)[0, 1].item() == pytest.approx(expected, abs=1e-6)
    assert product(angle)[0, 0].item() == pytest.approx(1, abs=1e-6)


def test_frequencies_by_hand():
    x, y = Parameter("x0"), Parameter("x1")
    circuit = QuantumCircuit(1)
    circuit.ry(x, 0)
    circuit.rz(Parameter("w"), 0)
    circuit.ry(2 * x + y, 0)
    layer = QuantumLayer(circuit)
    found = find_frequencies(layer.program, layer.roles.inputs, 100, make_rng(0))
    # Steps of (1, 0) and (2, 1), either way or not at all; one of each pair.
    assert found.tolist() == [[1, 0], [1, 1], [2, 1], [3, 1]]


@given(st.sampled_from(["hardware_efficient", "reupload", "iqp", "brickwork"]), st.integers(0, 100))
def test_a_series_over_all_frequencies_is_the_circuit(kind, seed):
    layer = getattr(QuantumLayer, kind)(2, 2, seed=seed, dtype=torch.float64)
    rng = make_rng(seed)
    found = find_frequencies(layer.program, layer.roles.inputs, 1000, rng)
    inputs = rng.uniform(-9, 9, (120, 2))
    phases = inputs @ found.T
    features = np.column_stack([np.ones(len(inputs)), np.cos(phases), np.sin(phases)])
    outputs = layer(torch.from_numpy(inputs)).detach().numpy()
    fitted = features @ np.linalg.lstsq(features, outputs, rcond=None)[0]
    assert features.shape[1] < 60
    np.testing.assert_allclose(fitted, outputs, atol=1e-8)


def test_many_frequencies_are_a_random_choice_of_the_true_ones():
    layer = QuantumLayer.hardware_efficient(8, 1)
    found = find_frequencies(layer.program, layer.roles.inputs, 50, make_rng(1))
    assert found.shape == (50, 8)
    assert set(np.unique(found)) == {-1, 0, 1}
    assert len(np.unique(np.concatenate([found, -found]), axis=0)) == 100


def test_models_without_a_circuit_that_is_used_are_refused():
    with pytest.raises(InvalidValueError, match="`model` must hold a `QuantumLayer`, it holds none."):
        count_columns(nn.Linear(3, 2), CASES)

    class Idle(nn.Linear):
        def __init__(self):
            super().__init__(3, 2)
            self.layer = QuantumLayer.hardware_efficient(2, 1)

    with pytest.raises(InvalidValueError, match="each circuit must be given something by the model, `layer` is not."):
        count_columns(Idle(), CASES)
