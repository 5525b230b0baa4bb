"""Qiskit Aer's density matrix with a snapshot's noise model, as an outside reference."""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise.device import basic_device_readout_errors

GATES = get_standard_gate_name_mapping()


class Reference:
    """Exact noisy probabilities by Aer.

    Args:
        backend: a snapshot's backend.
        qubits: which of its qubits are simulated; Aer takes seconds to build the noise of all.
    """

    def __init__(self, backend, qubits):
        self.qubits = qubits
        self.target = _part(backend.target, qubits)
        self.simulator = AerSimulator.from_backend(Part(self.target), method="density_matrix")
        errors = basic_device_readout_errors(target=self.target)
        self.confusion = {site[0]: np.array(error.probabilities).T for site, error in errors}

    def probabilities(self, program, bases, idle):
        """Return outcome probabilities, shape [settings, 2^outputs], little-endian."""
        outputs = program.outputs.tolist()
        result = self.simulator.run([self._circuit(program, basis, idle) for basis in bases]).result()
        return np.array([self._read(result.data(k)["probabilities"], outputs) for k in range(len(bases))])

    def _read(self, probabilities, outputs):
        tensor = probabilities.reshape((2,) * len(outputs))
        for axis, qubit in enumerate(reversed(outputs)):
            tensor = np.moveaxis(np.tensordot(self.confusion[qubit], tensor, axes=([1], [axis])), 0, axis)
        return tensor.reshape(-1)

    def _circuit(self, program, basis, idle):
        circuit = QuantumCircuit(program.num_qubits)
        clock = dict.fromkeys(self.qubits, 0.0)

        def wait(qubit, until):
            if idle and until > clock[qubit]:
                circuit.delay(until - clock[qubit], qubit, unit="s")

        for operation in program.operations():
            start = max(clock[q] for q in operation.qubits)
            for q in operation.qubits:
                wait(q, start)
                clock[q] = start + (self.target[operation.name][operation.qubits].duration or 0.0)
            _append(circuit, operation.name, operation.qubits, [angle.offset for angle in operation.angles])
        outputs = program.outputs.tolist()
        for q, letter in zip(outputs, basis, strict=True):
            wait(q, max(clock.values()))
            if letter != 3:
                self._turn(circuit, q, letter)
        circuit.save_probabilities(outputs)
        return circuit

    def _turn(self, circuit, qubit, letter):
        if "u2" in self.target.operation_names:
            _append(circuit, "u2", [qubit], [0, np.pi if letter == 1 else np.pi / 2])
            return
        if letter == 1:
            circuit.rz(np.pi / 2, qubit)
        circuit.sx(qubit)


class Part(BackendV2):
    """A backend that is a target and nothing else."""

    def __init__(self, target):
        super().__init__(name="part")
        self._target = target

    @property
    def target(self):
        return self._target

    @property
    def max_circuits(self):
        return None

    @classmethod
    def _default_options(cls):
        return Options()

    def run(self, run_input, **options):
        raise NotImplementedError


def _part(whole, qubits):
    target = Target(num_qubits=whole.num_qubits, qubit_properties=whole.qubit_properties, dt=whole.dt)
    for name in whole.operation_names:
        sites = {site: p for site, p in (whole[name] or {}).items() if site and set(site) <= set(qubits)}
        if sites:
            target.add_instruction(whole.operation_from_name(name), sites)
    return target


def _append(circuit, name, qubits, angles):
    circuit.append(GATES[name].base_class(*angles), qubits)
