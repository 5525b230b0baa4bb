import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import SparsePauliOp
from torch import nn

from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate.statevector import expectations
from qloop.core.errors import InvalidValueError
from qloop.hybrid import QuantumLayer
from qloop.hybrid.ansatze import hardware_efficient
from tests.circuits.samples import random_pauli_sum, random_program, random_state

DOUBLE = torch.float64


def double_layer(seed=0, num_gates=14, outputs=None):
    """Return a float64 layer of random gates on 3 qubits with two inputs and three weights."""
    rng = np.random.default_rng(seed)
    program = random_program(rng, 3, num_gates, 5)
    observables = [random_pauli_sum(rng, 3, 4) for _ in range(2)] if outputs is None else outputs
    return QuantumLayer(program, observables, inputs=["p3", "p1"], dtype=DOUBLE, seed=seed)


def rows(batch, width, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(batch, width)))


def test_a_lecturers_ten_lines():
    torch.manual_seed(0)
    x = torch.randn(40, 6)
    y = (x[:, 0] * x[:, 1] > 0).long()
    model = nn.Sequential(nn.Linear(6, 3), QuantumLayer.hardware_efficient(3, layers=2), nn.Linear(3, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_one_rotation_by_hand():
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("x"), 0)
    circuit.ry(Parameter("bias"), 0)
    layer = QuantumLayer(circuit, dtype=DOUBLE)
    with torch.no_grad():
        layer.weight.fill_(0.25)
    x = torch.tensor([[0.5], [1.0]], dtype=DOUBLE, requires_grad=True)
    y = layer(x)
    np.testing.assert_allclose(y.detach(), np.cos([[0.75], [1.25]]))
    y.sum().backward()
    np.testing.assert_allclose(x.grad, -np.sin([[0.75], [1.25]]))
    np.testing.assert_allclose(layer.weight.grad, [-np.sin([0.75, 1.25]).sum()])


@pytest.mark.parametrize("seed", range(3))
def test_outputs_are_those_of_the_simulator(seed):
    layer = double_layer(seed)
    x = rows(4, 2)
    values = np.empty((4, 5))
    values[:, list(layer.roles.inputs)] = x
    values[:, list(layer.roles.weights)] = layer.weight.detach()
    assert layer.roles.inputs == (3, 1)
    expected = [expectations(layer.program, layer.readout.observables, row) for row in values]
    np.testing.assert_allclose(layer(x).detach(), expected, atol=1e-12)


@pytest.mark.parametrize("outputs", [None, "probabilities"])
def test_gradcheck(outputs):
    layer = double_layer(outputs=outputs)
    x = rows(2, 2).requires_grad_()

    def run(inputs, weight):
        return torch.func.functional_call(layer, {"weight": weight}, inputs)

    weight = layer.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(run, (x, weight))
    assert torch.autograd.gradgradcheck(run, (x, weight))


def test_states_to_start_from_and_their_gradient():
    rng = np.random.default_rng(0)
    layer = double_layer()
    start = torch.from_numpy(np.array([random_state(rng, 3) for _ in range(2)])).requires_grad_()
    real = start.detach().real.clone().requires_grad_()
    x = rows(2, 2).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x, start), fast_mode=True)
    assert torch.autograd.gradcheck(layer, (x, real), fast_mode=True)
    assert torch.autograd.gradgradcheck(layer, (x, start), fast_mode=True)
    zeros = torch.eye(8, dtype=DOUBLE)[:1].expand(2, 8)
    np.testing.assert_allclose(layer(x, zeros).detach(), layer(x).detach(), atol=1e-12)


def test_without_pytorch_on_the_processor_the_twin_takes_over():
    layer = double_layer()
    x = rows(3, 2).requires_grad_()
    kernels, twin = layer(x), layer._run.by_pytorch(x, layer.weight, None)
    np.testing.assert_allclose(kernels.detach(), twin.detach(), atol=1e-12)
    for a, b in zip(*(torch.autograd.grad(y.square().sum(), [x, layer.weight]) for y in (kernels, twin)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    meta = copy.deepcopy(layer).to("meta")
    assert layer._run.by_pytorch(x.to("meta"), meta.weight, None).shape == (3, 2)


def test_leading_axes_and_none():
    layer = double_layer()
    x = rows(6, 2)
    y = layer(x)
    np.testing.assert_allclose(layer(x.reshape(2, 3, 2)).detach(), y.reshape(2, 3, 2).detach())
    np.testing.assert_allclose(layer(x[0]).detach(), y[0].detach())
    assert layer(x[:0]).shape == (0, 2)
    bits = QuantumLayer.hardware_efficient(2, 1, "samples", shots=5)
    assert bits(torch.zeros(0, 2)).shape == (0, 5, 2)
    alone = QuantumLayer(Program.from_operations(1, [Operation("ry", (0,), (Angle(0.0, {0: 1.0}),))], ["t"]), seed=1)
    torch.testing.assert_close(alone(), torch.cos(alone.weight))
    assert alone(torch.zeros(4, 0)).shape == (4, 1)


def test_inputs_are_found_by_name_in_natural_order():
    circuit = QuantumCircuit(1)
    for name in ("x10", "x2", "w", "x1"):
        circuit.ry(Parameter(name), 0)
    layer = QuantumLayer(circuit)
    assert [layer.program.parameters[k] for k in layer.roles.inputs] == ["x1", "x2", "x10"]
    vector = ParameterVector("data", 2)
    circuit = QuantumCircuit(2)
    circuit.ry(vector[0], 0)
    circuit.ry(vector[1], 1)
    circuit.measure_all()
    layer = QuantumLayer(circuit, inputs=[vector[1], "data[0]"])
    assert (layer.num_inputs, layer.num_weights) == (2, 0)
    torch.testing.assert_close(layer(torch.tensor([[0.3, 0.8]])), torch.cos(torch.tensor([[0.8, 0.3]])))


def test_output_kinds():
    program, x = hardware_efficient(3, 2), torch.randn(5, 3)
    probabilities = QuantumLayer(program, "probabilities", seed=0)(x)
    assert probabilities.shape == (5, 8)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(5))
    z = QuantumLayer(program, "Z", seed=0)(x)
    signs = 1 - 2 * ((torch.arange(8)[:, None] >> torch.arange(3)) & 1)
    torch.testing.assert_close(probabilities @ signs.float(), z)
    one = QuantumLayer(program, SparsePauliOp(["IIZ", "IZI"], [0.5, 0.5]), seed=0)(x)
    torch.testing.assert_close(one[:, 0], z[:, :2].mean(1))
    samples = QuantumLayer(program, "samples", shots=11, seed=0)
    bits = samples(x)
    assert bits.shape == (5, 11, 3)
    assert set(bits.unique().tolist()) <= {0.0, 1.0}
    assert not bits.requires_grad
    assert samples.num_outputs == 3


def test_seeds():
    make = lambda **options: QuantumLayer.iqp(3, 2, **options).weight  # noqa: E731
    assert torch.equal(make(seed=4), make(seed=4))
    assert not torch.equal(make(seed=4), make(seed=5))
    torch.manual_seed(0)
    first = make()
    torch.manual_seed(0)
    assert torch.equal(first, make())
    assert not torch.equal(first, make())
    state = torch.get_rng_state()
    make(seed=4)
    assert torch.equal(torch.get_rng_state(), state)


def test_it_is_a_module_like_any_other():
    model = nn.Sequential(nn.Linear(2, 3), QuantumLayer.brickwork(3, 2), nn.Linear(3, 1))
    x = torch.randn(4, 2)
    y = model(x)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    fresh = nn.Sequential(nn.Linear(2, 3), QuantumLayer.brickwork(3, 2), nn.Linear(3, 1))
    assert not torch.equal(fresh(x), y)
    fresh.load_state_dict(model.state_dict())
    others = [fresh, copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.load(file, weights_only=False)]
    assert all(torch.equal(other(x), y) for other in others)
    assert list(model[1].state_dict()) == ["weight"]
    with torch.no_grad():
        others[1][1].weight.zero_()
    assert torch.equal(model(x), y)
    assert repr(model[1]) == "QuantumLayer(3 qubits, 3 inputs, 17 weights, 3 outputs (Z))"


def test_precision_follows_the_weights():
    layer = QuantumLayer.hardware_efficient(2, 1)
    x = torch.randn(3, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(x.bfloat16()), layer(x.bfloat16().float()))
    double = copy.deepcopy(layer).double()
    assert double(x).dtype == DOUBLE
    torch.testing.assert_close(double(x).float(), layer(x))
    with pytest.raises(InvalidValueError, match="must be float32 or float64, got torch.float16"):
        copy.deepcopy(layer).half()(x)


@pytest.mark.filterwarnings("ignore")
def test_torch_compile_leaves_the_layer_out_of_its_graph():
    model = nn.Sequential(nn.Linear(2, 2), QuantumLayer.hardware_efficient(2, 1), nn.Linear(2, 1))
    x = torch.randn(3, 2)
    model(x).sum().backward()
    wanted = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    compiled = torch.compile(model, backend="eager")
    torch.testing.assert_close(compiled(x), model(x))
    compiled(x).sum().backward()
    for parameter, gradient in zip(model.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    torch.compiler.reset()
    with pytest.raises(Exception, match="circuits run in kernels outside PyTorch"):
        torch.compile(model, backend="eager", fullgraph=True)(x)


def test_replaced_keeps_what_is_the_same():
    layer = QuantumLayer.hardware_efficient(3, 2, dtype=DOUBLE, seed=3)
    kept = [operation for operation in layer.program.operations() if operation.name != "cx"]
    product = layer.replaced(Program.from_operations(3, kept, layer.program.parameters))
    assert torch.equal(product.weight, layer.weight)
    assert product.weight is not layer.weight
    assert (product.num_inputs, product.num_outputs) == (3, 3)
    deeper = layer.replaced(hardware_efficient(3, 3))
    assert torch.equal(deeper.weight[:12], layer.weight)
    assert not layer.requires_grad_(False).replaced(layer.program).weight.requires_grad
    with pytest.raises(InvalidValueError, match=r"`inputs` names `x\[2\]`, unbound in the circuit"):
        layer.replaced(hardware_efficient(2, 2))


X = Parameter("x")


def circuit_of(*names):
    circuit = QuantumCircuit(1)
    for name in names:
        circuit.ry(Parameter(name), 0)
    return circuit


def reset_circuit():
    circuit = QuantumCircuit(1)
    circuit.reset(0)
    return circuit


def twice_named():
    turns = [Operation("ry", (0,), (Angle(0.0, {k: 1.0}),)) for k in range(2)]
    return Program.from_operations(1, turns, ["w", "w"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QuantumLayer(reset_circuit()), "`reset` cannot be read"),
        (lambda: Program.from_operations(1, [Operation("foo", (0,))]), "`foo` is not a gate"),
        (lambda: QuantumLayer("h 0"), "`circuit` must be a `QuantumCircuit` or a `Program`, got `str`"),
        (lambda: QuantumLayer(twice_named()), "each parameter must be named once, the circuit has `w` 2 times"),
        (lambda: QuantumLayer(circuit_of("x"), inputs=["x", "x"]), "named once, `inputs` has `x` 2 times"),
        (lambda: QuantumLayer(circuit_of("x0"), inputs=["y"]), "names `y`, unbound in the circuit: choose one of `x0`"),
        (
            lambda: QuantumLayer(circuit_of("x"), SparsePauliOp("ZZ")),
            "the 1 measured qubits of .*, got one on 2",
        ),
        (lambda: QuantumLayer(circuit_of("x"), PauliSum(1, [[3]], [np.nan])), "`coefficients` must be finite"),
        (lambda: QuantumLayer(circuit_of("x"), shots=0), "`shots` must be a whole number of at least 1, got 0"),
        (lambda: QuantumLayer(circuit_of("x"), shots=True), "`shots` must be a whole number of at least 1, got True"),
        (lambda: QuantumLayer(circuit_of("x"), "samples"), "samples need a number of `shots`, got None"),
        (lambda: QuantumLayer(circuit_of("x"), dtype=torch.float16), "float32 or float64, got torch.float16"),
        (lambda: QuantumLayer(circuit_of("x")).estimate_cost(3), "an exact layer sends nothing"),
    ],
)
def test_bad_layers(make, message):
    with pytest.raises(InvalidValueError, match=message):
        make()


@pytest.mark.parametrize("shots", [None, 10])
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.zeros(3, 4), r"`inputs` must have 2 columns, got shape \(3, 4\)"),
        (torch.tensor(1.0), r"`inputs` must have 2 columns, got shape \(\)"),
        (torch.zeros(3, 2, dtype=torch.int64), "floating-point numbers, got torch.int64"),
        (torch.zeros(3, 2, dtype=torch.complex64), "floating-point numbers, got torch.complex64"),
        (np.zeros((3, 2)), "floating-point numbers, got ndarray"),
        (torch.tensor([[0.0, float("nan")]]), "`inputs`.* must be finite"),
        (torch.tensor([[0.0, float("inf")]]), "`inputs`.* must be finite"),
        (torch.zeros(3, 2, device="meta"), "`inputs` must be on cpu as the weights, got meta"),
        (None, "`inputs` must have 2 columns, got none"),
    ],
)
def test_bad_inputs(shots, inputs, message):
    layer = QuantumLayer.hardware_efficient(2, 1, shots=shots)
    with pytest.raises(InvalidValueError, match=message):
        layer(inputs)


def test_bad_initial_states_and_weights():
    layer = QuantumLayer.hardware_efficient(2, 1)
    with pytest.raises(
        InvalidValueError, match=r"`initial` must have as many states as there are inputs, got .*\(1, 4\)"
    ):
        layer(torch.zeros(3, 2), torch.ones(1, 4))
    with pytest.raises(InvalidValueError, match=r"`initial` must have 4 columns, got shape \(3, 8\)"):
        layer(torch.zeros(3, 2), torch.ones(3, 8))
    with pytest.raises(InvalidValueError, match="`initial` is for layers without shots"):
        layer.with_shots(5)(torch.zeros(3, 2), torch.ones(3, 4))
    with torch.no_grad():
        layer.weight[0] = float("nan")
    with pytest.raises(InvalidValueError, match="weights.* must be finite"):
        layer(torch.zeros(3, 2))
    with pytest.raises(InvalidValueError, match="weights must be finite"):
        layer.with_shots(5)(torch.zeros(3, 2))


def test_the_room_opens_without_torch():
    hide = "import sys; sys.modules['torch'] = None\n"
    code = hide + (
        "import qloop.hybrid\n"
        "assert qloop.hybrid.hardware_efficient(2, 1).num_qubits == 2\n"
        "try: from qloop.hybrid import QuantumLayer\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'QuantumLayer needs PyTorch: pip install "qloop[torch]"'
    code = "import sys, qloop.hybrid; print(sorted({'torch', 'qiskit', 'numba', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
