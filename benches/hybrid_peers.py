"""One package doing one piece of the work of `hybrid.py`, timed in this process alone.

    python benches/hybrid_peers.py PACKAGE WORK RESULT SECONDS

It runs in the package's own environment, pinned by its parent: nothing but NumPy and the package is imported. Each
package is used as its documentation advises for speed, one configuration each. A gate list holds rows of name, qubits
and slots; a slot is an index into a sample's inputs followed by the shared weights.
"""

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

Arrays = tuple[np.ndarray, ...]
Call = Callable[[], Arrays]
MAX_REPEATS = 2000


class Work:
    """What every package has to do, in plain arrays.

    Args:
        path: an npz file written by `hybrid.py`.
    """

    def __init__(self, path: str) -> None:
        with np.load(path) as data:
            self.kind, self.threads = str(data["kind"]), int(data["threads"])
            self.gates = [(name, qubits, slots) for name, qubits, slots in json.loads(str(data["gates"]))]
            self.matrices = data["matrices"]
            self.inputs, self.weights, self.gradient = data["inputs"], data["weights"], data["gradient"]
            self.letters, self.coefficients = data["letters"], data["coefficients"]
        self.num_qubits = self.letters.shape[1]
        self.batch, self.num_inputs = self.inputs.shape

    @property
    def terms(self) -> list[tuple[float, list[tuple[str, int]]]]:
        """Return the observable's terms as coefficients and (letter, qubit) pairs."""
        return [
            (float(c), [("IXYZ"[letter], q) for q, letter in enumerate(row) if letter])
            for c, row in zip(self.coefficients, self.letters.tolist(), strict=True)
        ]

    def sparse(self) -> Any:
        """Return the observable as a SciPy matrix, qubit 0 the most significant bit, as PennyLane and jax order it."""
        import scipy.sparse

        places = 1 << np.arange(self.num_qubits)[::-1]
        x, z = ((np.isin(self.letters, which) * places).sum(1) for which in ([1, 2], [2, 3]))
        columns = np.arange(1 << self.num_qubits)
        masks, owner = np.unique(x, return_inverse=True)
        values = np.zeros((len(masks), len(columns)), complex)
        for k, (c, flip, sign) in enumerate(zip(self.coefficients, x, z, strict=True)):
            phase = 1j ** int(np.bitwise_count(flip & sign))
            values[owner[k]] += c * phase * (1 - 2.0 * (np.bitwise_count(columns & sign) & 1))
        rows = (columns ^ masks[:, None]).ravel()
        return scipy.sparse.csr_matrix((values.ravel(), (rows, np.tile(columns, len(masks)))))


def main() -> None:
    """Time one package at one work and write what it returned."""
    package, path, result, seconds = sys.argv[1:]
    work = Work(path)
    started = time.process_time()
    for module in PACKAGES[package].modules:
        importlib.import_module(module)
    imported, memory = time.process_time() - started, peak_mib()
    started = time.process_time()
    call = PACKAGES[package].make[work.kind](work)
    built = time.process_time() - started
    row, values = measure(call, float(seconds), PACKAGES[package].compiles)
    row |= {"import_s": imported, "build_s": built, "import_mib": memory, "peak_mib": peak_mib()}
    np.savez(result, row=json.dumps(row), **{f"value{k}": value for k, value in enumerate(values)})


def measure(call: Call, seconds: float, compiles: bool) -> tuple[dict[str, Any], Arrays]:
    """Return the least CPU and wall seconds of a call after a warm-up, and what it returned.

    A call of more CPU time than `seconds` is not repeated: its row says ``single``. A first call that compiles never
    counts.
    """
    values, first_cpu, first_wall = timed(call)
    cpu, wall = [first_cpu], [first_wall]
    if compiles or first_cpu < seconds:
        cpu, wall = [], []
        while not cpu or (cpu[0] < seconds and len(cpu) < 3) or (sum(cpu) < seconds and len(cpu) < MAX_REPEATS):
            values, one_cpu, one_wall = timed(call)
            cpu.append(one_cpu)
            wall.append(one_wall)
    row = {"cpu_s": min(cpu), "wall_s": min(wall), "first_cpu_s": first_cpu, "first_wall_s": first_wall}
    return row | {"repeats": len(cpu), "single": len(cpu) == 1}, values


def timed(call: Call) -> tuple[Arrays, float, float]:
    """Return a call's values with its CPU seconds, all threads together, and its wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    values = call()
    return values, time.process_time() - cpu, time.perf_counter() - wall


def peak_mib() -> float:
    """Return the largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# qloop


def qloop_program(work: Work) -> Any:
    from qloop.circuits.program import Angle, Operation, Program

    operations = [
        Operation(
            name,
            tuple(qubits),
            tuple(Angle(0.0, {slot: 1.0}) for slot in slots) if name != "unitary" else (),
            matrix=work.matrices[slots[0]] if name == "unitary" else None,
        )
        for name, qubits, slots in work.gates
    ]
    names = [f"x{k}" for k in range(work.num_inputs)] + [f"w{k}" for k in range(len(work.weights))]
    return Program.from_operations(work.num_qubits, operations, names)


def qloop_layer(work: Work, dtype: str) -> Call:
    from qloop.circuits.pauli import PauliSum
    from qloop.circuits.simulate.batch import BatchedCircuit

    observables = [PauliSum.from_terms(work.num_qubits, [("Z", (q,), 1.0)]) for q in range(work.num_qubits)]
    inputs = range(work.num_inputs)
    circuit = BatchedCircuit(qloop_program(work), observables, inputs=inputs, dtype=dtype, threads=work.threads)
    x, w, g = (np.asarray(a, dtype) for a in (work.inputs, work.weights, work.gradient))

    def call() -> Arrays:
        run = circuit.forward(x, w)
        gradients = circuit.backward(run, g)
        return run.values, gradients.inputs, gradients.weights

    return call


def qloop_torch(work: Work, dtype: str) -> Call:
    import torch

    from qloop.hybrid import QuantumLayer

    torch.set_num_threads(work.threads)
    kind = getattr(torch, dtype)
    layer = QuantumLayer(qloop_program(work), outputs="Z", dtype=kind)
    layer.weight.data = torch.tensor(work.weights, dtype=kind)
    x, g = torch.tensor(work.inputs, dtype=kind, requires_grad=True), torch.tensor(work.gradient, dtype=kind)

    def call() -> Arrays:
        y = layer(x)
        gx, gw = torch.autograd.grad((y * g).sum(), (x, layer.weight))
        return y.detach().numpy(), gx.numpy(), gw.numpy()

    return call


def qloop_energy(work: Work) -> Call:
    from qloop.circuits.pauli import PauliSum
    from qloop.circuits.simulate.statevector import CompiledEnergy

    energy = CompiledEnergy(qloop_program(work), PauliSum(work.num_qubits, work.letters, work.coefficients))
    return lambda: tuple(map(np.asarray, energy.value_and_gradient(work.weights)))


def qloop_gram(work: Work) -> Call:
    from qloop.hybrid.kernels import FidelityKernel

    kernel = FidelityKernel(qloop_program(work))
    return lambda: (kernel.gram(work.inputs),)


def qloop_clifford(work: Work) -> Call:
    from qloop.circuits.pauli import PauliSum
    from qloop.circuits.simulate.statevector import expectations

    program = qloop_program(work)
    observables = [PauliSum.from_terms(work.num_qubits, [("Z", (q,), 1.0)]) for q in range(work.num_qubits)]
    return lambda: (expectations(program, observables),)


# Stim: Clifford gates only, no amplitudes


def stim_clifford(work: Work) -> Call:
    import stim

    circuit = stim.Circuit()
    for name, qubits, _ in work.gates:
        circuit.append(name, qubits)
    strings = [stim.PauliString(f"Z{q}") for q in range(work.num_qubits)]

    def call() -> Arrays:
        simulator = stim.TableauSimulator()
        simulator.do(circuit)
        return (np.array([simulator.peek_observable_expectation(string) for string in strings], float),)

    return call


# PennyLane


def pennylane_layer(work: Work, device: str, method: str) -> Call:
    import pennylane as qml
    import torch

    # Else results of the device are rounded to single precision on their way.
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(work.threads)

    @qml.qnode(
        qml.device(device, wires=work.num_qubits),
        interface="torch",
        diff_method=method,
        device_vjp=device == "lightning.qubit",
    )
    def circuit(x: Any, w: Any) -> Any:
        pennylane_gates(qml, work, x, w)
        return [qml.expval(qml.PauliZ(q)) for q in range(work.num_qubits)]

    x, w, g = (torch.tensor(a, dtype=torch.float64) for a in (work.inputs, work.weights, work.gradient))
    x.requires_grad_(True)
    w.requires_grad_(True)

    def call() -> Arrays:
        outputs = circuit(x if work.batch > 1 else x[0], w)
        y = torch.stack(list(outputs), -1).reshape(work.batch, work.num_qubits)
        gx, gw = torch.autograd.grad((y * g).sum(), (x, w))
        return y.detach().numpy(), gx.numpy(), gw.numpy()

    return call


def pennylane_gates(qml: Any, work: Work, x: Any, w: Any) -> None:
    for name, qubits, slots in work.gates:
        if name == "unitary":
            qml.QubitUnitary(work.matrices[slots[0]], wires=qubits[::-1])
            continue
        angles = [x[..., s] if s < work.num_inputs else w[s - work.num_inputs] for s in slots]
        if name == "u":
            qml.Rot(angles[2], angles[0], angles[1], wires=qubits)
        else:
            {"rx": qml.RX, "ry": qml.RY, "rz": qml.RZ, "cx": qml.CNOT, "cz": qml.CZ}[name](*angles, wires=qubits)


def pennylane_energy(work: Work, device: str, method: str, sparse: bool) -> Call:
    import pennylane as qml
    import torch

    # Else results of the device are rounded to single precision on their way.
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(work.threads)
    letters = {"X": qml.PauliX, "Y": qml.PauliY, "Z": qml.PauliZ}
    if sparse:
        observable = qml.SparseHamiltonian(work.sparse(), wires=range(work.num_qubits))
    else:
        strings = [qml.prod(*(letters[p](q) for p, q in term)) if term else qml.Identity(0) for _, term in work.terms]
        observable = qml.Hamiltonian(work.coefficients, strings)

    @qml.qnode(qml.device(device, wires=work.num_qubits), interface="torch", diff_method=method)
    def circuit(w: Any) -> Any:
        pennylane_gates(qml, work, None, w)
        return qml.expval(observable)

    w = torch.tensor(work.weights, requires_grad=True)

    def call() -> Arrays:
        energy = circuit(w)
        (gradient,) = torch.autograd.grad(energy, w)
        return energy.detach().numpy(), gradient.numpy()

    return call


# Qulacs: no batch, so a loop; its rotations turn the other way.


class Qulacs:
    """The work's circuit in Qulacs, with the slot of each of its parametric gates."""

    def __init__(self, work: Work) -> None:
        from qulacs import ParametricQuantumCircuit, QuantumState
        from qulacs.gate import DenseMatrix

        self.circuit, self.state = ParametricQuantumCircuit(work.num_qubits), QuantumState(work.num_qubits)
        slots = []
        for name, qubits, own in work.gates:
            if name == "unitary":
                self.circuit.add_gate(DenseMatrix(qubits, work.matrices[own[0]]))
            elif name in ("cx", "cz"):
                {"cx": self.circuit.add_CNOT_gate, "cz": self.circuit.add_CZ_gate}[name](*qubits)
            else:
                turns = [("rz", own[2]), ("ry", own[0]), ("rz", own[1])] if name == "u" else [(name, own[0])]
                for turn, slot in turns:
                    getattr(self.circuit, f"add_parametric_{turn.upper()}_gate")(qubits[0], 0.0)
                    slots.append(slot)
        self.slots = np.array(slots)
        self.varying = np.flatnonzero(self.slots < work.num_inputs)

    def set_angles(self, values: np.ndarray, which: Any) -> None:
        for k in which:
            self.circuit.set_parameter(int(k), -values[self.slots[k]])

    def run(self) -> Any:
        self.state.set_zero_state()
        self.circuit.update_quantum_state(self.state)
        return self.state

    def gradient(self, observable: Any, size: int) -> np.ndarray:
        return -np.bincount(self.slots, self.circuit.backprop(observable), size)


def qulacs_layer(work: Work) -> Call:
    from qulacs import Observable

    qulacs = Qulacs(work)
    single = [Observable(work.num_qubits) for _ in range(work.num_qubits)]
    for q, observable in enumerate(single):
        observable.add_operator(1.0, f"Z {q}")
    values = np.concatenate([work.inputs, np.tile(work.weights, (work.batch, 1))], 1)

    def call() -> Arrays:
        y, gradients = np.empty((work.batch, work.num_qubits)), np.empty_like(values)
        for b in range(work.batch):
            qulacs.set_angles(values[b], qulacs.varying if b else range(len(qulacs.slots)))
            state = qulacs.run()
            y[b] = [observable.get_expectation_value(state) for observable in single]
            weighted = Observable(work.num_qubits)
            for q in range(work.num_qubits):
                weighted.add_operator(work.gradient[b, q], f"Z {q}")
            gradients[b] = qulacs.gradient(weighted, values.shape[1])
        return y, gradients[:, : work.num_inputs], gradients[:, work.num_inputs :].sum(0)

    return call


def qulacs_energy(work: Work) -> Call:
    from qulacs import Observable

    qulacs, observable = Qulacs(work), Observable(work.num_qubits)
    for coefficient, term in work.terms:
        observable.add_operator(coefficient, " ".join(f"{p} {q}" for p, q in term))

    def call() -> Arrays:
        qulacs.set_angles(work.weights, range(len(qulacs.slots)))
        energy = observable.get_expectation_value(qulacs.run())
        return np.asarray(energy), qulacs.gradient(observable, len(work.weights))

    return call


def qulacs_gram(work: Work) -> Call:
    qulacs = Qulacs(work)

    def call() -> Arrays:
        states = np.empty((work.batch, 1 << work.num_qubits), np.complex128)
        for b in range(work.batch):
            qulacs.set_angles(work.inputs[b], qulacs.varying)
            states[b] = qulacs.run().get_vector()
        return (np.abs(states.conj() @ states.T) ** 2,)

    return call


# TensorCircuit-NG on jax: jit, vmap over the batch


def tensorcircuit_state(work: Work, dtype: str) -> Callable[[Any, Any], Any]:
    import jax.numpy as jnp
    import tensorcircuit as tc

    tc.set_backend("jax")
    tc.set_dtype("complex64" if dtype == "float32" else "complex128")

    def state(x: Any, w: Any) -> Any:
        circuit = tc.Circuit(work.num_qubits)
        for name, qubits, slots in work.gates:
            if name == "unitary":
                circuit.unitary(*qubits[::-1], unitary=jnp.asarray(work.matrices[slots[0]]))
                continue
            # Weights stay out of the batch: vmap then shares their gates.
            angles = [x[s] if s < work.num_inputs else w[s - work.num_inputs] for s in slots]
            getattr(circuit, name)(*qubits, **dict(zip(("theta", "phi", "lbd"), angles, strict=False)))
        return circuit.state()

    return state


def tensorcircuit_layer(work: Work, dtype: str) -> Call:
    import jax
    import jax.numpy as jnp

    state = tensorcircuit_state(work, dtype)

    def outputs(x: Any, w: Any) -> Any:
        amplitudes = state(x, w)
        weights = (amplitudes.real**2 + amplitudes.imag**2).reshape((2,) * work.num_qubits)
        sides = [weights.sum([k for k in range(work.num_qubits) if k != q]) for q in range(work.num_qubits)]
        return jnp.stack([side[0] - side[1] for side in sides])

    @jax.jit
    def step(x: Any, w: Any, g: Any) -> Any:
        y, pull = jax.vjp(jax.vmap(outputs, in_axes=(0, None)), x, w)
        return y, *pull(g)

    arrays = [jnp.asarray(a, dtype) for a in (work.inputs, work.weights, work.gradient)]
    return lambda: tuple(map(np.asarray, jax.block_until_ready(step(*arrays))))


def tensorcircuit_energy(work: Work, dtype: str) -> Call:
    import jax
    import jax.numpy as jnp
    from jax.experimental.sparse import BCSR

    state = tensorcircuit_state(work, dtype)
    # An argument, not a constant: XLA folds constants for minutes.
    matrix = BCSR.from_scipy_sparse(work.sparse())

    @jax.jit
    def step(w: Any, matrix: Any) -> Any:
        def energy(w: Any) -> Any:
            amplitudes = state(jnp.zeros(0), w)
            return jnp.vdot(amplitudes, matrix @ amplitudes).real

        return jax.value_and_grad(energy)(w)

    w = jnp.asarray(work.weights)
    return lambda: tuple(map(np.asarray, jax.block_until_ready(step(w, matrix))))


def tensorcircuit_gram(work: Work, dtype: str) -> Call:
    import jax
    import jax.numpy as jnp

    state = tensorcircuit_state(work, dtype)

    @jax.jit
    def gram(x: Any) -> Any:
        states = jax.vmap(state, in_axes=(0, None))(x, jnp.zeros(0))
        overlaps = states.conj() @ states.T
        return overlaps.real**2 + overlaps.imag**2

    x = jnp.asarray(work.inputs, dtype)
    return lambda: (np.asarray(jax.block_until_ready(gram(x))),)


# DeepQuantum


def deepquantum_circuit(work: Work) -> tuple[Any, list[int]]:
    """Return the circuit with every angle encoded from data, and the slot of each column of that data."""
    import deepquantum
    import torch

    circuit, order = deepquantum.QubitCircuit(work.num_qubits), []
    for name, qubits, slots in work.gates:
        if name == "unitary":
            circuit.any(torch.tensor(work.matrices[slots[0]], dtype=torch.complex64), wires=qubits[::-1])
        elif name == "u":
            circuit.u3(qubits[0], encode=True)
        elif name in ("cx", "cz"):
            {"cx": circuit.cnot, "cz": circuit.cz}[name](*qubits)
        else:
            getattr(circuit, name)(qubits[0], encode=True)
        order += slots if name != "unitary" else []
    return circuit, order


def deepquantum_layer(work: Work) -> Call:
    import torch

    torch.set_num_threads(work.threads)
    circuit, order = deepquantum_circuit(work)
    for q in range(work.num_qubits):
        circuit.observable(q)
    x, w, g = (torch.tensor(a, dtype=torch.float32) for a in (work.inputs, work.weights, work.gradient))
    x.requires_grad_(True)
    w.requires_grad_(True)

    def call() -> Arrays:
        circuit(data=torch.cat([x, w.expand(work.batch, -1)], 1)[:, order])
        y = circuit.expectation().reshape(work.batch, work.num_qubits)
        gx, gw = torch.autograd.grad((y * g).sum(), (x, w))
        return y.detach().numpy(), gx.numpy(), gw.numpy()

    return call


# pyqtorch


def pyqtorch_gates(work: Work) -> list[Any]:
    import pyqtorch
    import torch
    from pyqtorch.primitives import Primitive

    kinds = {"rx": pyqtorch.RX, "ry": pyqtorch.RY, "rz": pyqtorch.RZ, "cx": pyqtorch.CNOT, "cz": pyqtorch.CZ}
    gates = []
    for name, qubits, slots in work.gates:
        if name == "unitary":
            matrix = torch.tensor(work.matrices[slots[0]])
            gates.append(Primitive(matrix, tuple(qubits[::-1])))
        elif name == "u":
            gates.append(pyqtorch.U(qubits[0], *(f"v{slots[k]}" for k in (2, 0, 1))))
        else:
            gates.append(kinds[name](*qubits, *(f"v{slot}" for slot in slots)))
    return gates


def pyqtorch_layer(work: Work) -> Call:
    import pyqtorch
    import torch

    torch.set_num_threads(work.threads)
    circuit = pyqtorch.QuantumCircuit(work.num_qubits, pyqtorch_gates(work))
    observables = [pyqtorch.Observable([pyqtorch.Z(q)]) for q in range(work.num_qubits)]
    x, w, g = (torch.tensor(a) for a in (work.inputs, work.weights, work.gradient))
    x.requires_grad_(True)
    w.requires_grad_(True)

    def call() -> Arrays:
        values = {f"v{k}": x[:, k] for k in range(work.num_inputs)}
        values |= {f"v{work.num_inputs + k}": w[k] for k in range(len(w))}
        state = circuit(pyqtorch.zero_state(work.num_qubits), values)
        outputs = [pyqtorch.inner_prod(state, observable(state, values)).real for observable in observables]
        y = torch.stack(outputs, -1).reshape(work.batch, work.num_qubits)
        gx, gw = torch.autograd.grad((y * g).sum(), (x, w))
        return y.detach().numpy(), gx.numpy(), gw.numpy()

    return call


# Qiskit Machine Learning


def qiskit_circuit(work: Work) -> tuple[Any, list[Any], list[Any]]:
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector
    from qiskit.circuit.library import UnitaryGate

    x, w = ParameterVector("x", work.num_inputs), ParameterVector("w", len(work.weights))
    circuit, parameters = QuantumCircuit(work.num_qubits), [*x, *w]
    for name, qubits, slots in work.gates:
        if name == "unitary":
            circuit.append(UnitaryGate(work.matrices[slots[0]]), qubits)
        else:
            getattr(circuit, name)(*(parameters[slot] for slot in slots), *qubits)
    return circuit, list(x), list(w)


def qiskit_layer(work: Work) -> Call:
    import torch
    from qiskit.primitives import StatevectorEstimator
    from qiskit.quantum_info import SparsePauliOp
    from qiskit_machine_learning.connectors import TorchConnector
    from qiskit_machine_learning.neural_networks import EstimatorQNN

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(work.threads)
    circuit, inputs, weights = qiskit_circuit(work)
    network = EstimatorQNN(
        circuit=circuit,
        estimator=StatevectorEstimator(),
        observables=[
            SparsePauliOp.from_sparse_list([("Z", [q], 1.0)], work.num_qubits) for q in range(work.num_qubits)
        ],
        input_params=inputs,
        weight_params=weights,
        input_gradients=True,
        default_precision=0.0,
    )
    layer = TorchConnector(network, initial_weights=work.weights)
    x, g = torch.tensor(work.inputs, requires_grad=True), torch.tensor(work.gradient)

    def call() -> Arrays:
        y = layer(x)
        gx, gw = torch.autograd.grad((y * g).sum(), (x, layer.weight))
        return y.detach().numpy(), gx.numpy(), gw.numpy()

    return call


def qiskit_gram(work: Work) -> Call:
    from qiskit_machine_learning.kernels import FidelityStatevectorKernel

    circuit, _, _ = qiskit_circuit(work)

    def call() -> Arrays:
        # A new kernel each time: it keeps the states of the samples that it has seen.
        return (FidelityStatevectorKernel(feature_map=circuit).evaluate(work.inputs),)

    return call


class Package:
    """How a package does each kind of work.

    Args:
        environment: folder of its environment, empty for qloop's own.
        modules: what is imported before anything is timed.
        precision: floating point type of its amplitudes' parts.
        make: kind of work to the function that prepares it.
        compiles: whether a first call compiles, or loads what was compiled.
        keeps_states: whether a gradient keeps the state after every gate.
    """

    def __init__(
        self,
        environment: str,
        modules: tuple[str, ...],
        precision: str,
        make: dict[str, Callable[[Work], Call]],
        compiles: bool = False,
        keeps_states: bool = False,
    ) -> None:
        self.environment, self.modules, self.precision = environment, modules, precision
        self.make, self.compiles, self.keeps_states = make, compiles, keeps_states


def _pennylane(device: str, method: str) -> Package:
    make = {
        "layer": partial(pennylane_layer, device=device, method=method),
        "energy": partial(pennylane_energy, device=device, method=method, sparse=False),
    }
    return Package("pennylane", ("torch", "pennylane"), "float64", make, keeps_states=method == "backprop")


def _tensorcircuit(dtype: str) -> Package:
    makers = {"layer": tensorcircuit_layer}
    makers |= {"gram": tensorcircuit_gram} if dtype == "float32" else {"energy": tensorcircuit_energy}
    make = {kind: partial(maker, dtype=dtype) for kind, maker in makers.items()}
    return Package("tensorcircuit", ("jax", "tensorcircuit"), dtype, make, compiles=True, keeps_states=True)


def _qloop(dtype: str) -> Package:
    make: dict[str, Callable[[Work], Call]] = {"layer": partial(qloop_layer, dtype=dtype)}
    make |= {"gram": qloop_gram} if dtype == "float32" else {"energy": qloop_energy, "clifford": qloop_clifford}
    modules = ("qloop.circuits.simulate.batch", "qloop.circuits.simulate.statevector")
    return Package("", modules, dtype, make, compiles=True)


PACKAGES: dict[str, Package] = {
    "qloop f32": _qloop("float32"),
    "qloop f64": _qloop("float64"),
    "qloop layer f32": Package(
        "", ("torch", "qloop.hybrid.layer"), "float32", {"layer": partial(qloop_torch, dtype="float32")}, compiles=True
    ),
    "Stim": Package("", ("stim",), "float64", {"clifford": stim_clifford}),
    "qulacs": Package(
        "qulacs", ("qulacs",), "float64", {"layer": qulacs_layer, "energy": qulacs_energy, "gram": qulacs_gram}
    ),
    "PennyLane lightning": _pennylane("lightning.qubit", "adjoint"),
    "PennyLane lightning, sparse": Package(
        "pennylane",
        ("torch", "pennylane"),
        "float64",
        {"energy": partial(pennylane_energy, device="lightning.qubit", method="adjoint", sparse=True)},
    ),
    "PennyLane default.qubit": _pennylane("default.qubit", "backprop"),
    "TensorCircuit-NG jax f32": _tensorcircuit("float32"),
    "TensorCircuit-NG jax f64": _tensorcircuit("float64"),
    "DeepQuantum f32": Package(
        "deepquantum", ("torch", "deepquantum"), "float32", {"layer": deepquantum_layer}, keeps_states=True
    ),
    "pyqtorch": Package("pyqtorch", ("torch", "pyqtorch"), "float64", {"layer": pyqtorch_layer}, keeps_states=True),
    "Qiskit Machine Learning": Package(
        "qiskit", ("torch", "qiskit_machine_learning"), "float64", {"layer": qiskit_layer, "gram": qiskit_gram}
    ),
}

if __name__ == "__main__":
    main()
