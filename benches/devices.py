"""Noisy shots in many measurement bases: a state evolved once and sampled, against Qiskit Aer's density matrix.

    python benches/devices.py

Both sides get the same compiled circuit, the same noise (without idling, which Aer's model leaves out) and the same 53
bases, the number of groups of LiH on six qubits. Exact probabilities are compared before anything is timed. Times are
CPU seconds, the median of five parameter vectors. Aer gets circuits on the used qubits only, with the noise of those
only, built and bound before its clock starts; ours includes lowering the program in "first". "state alone" is one Aer
run that saves the density matrix and reads nothing: what Aer needs when its user samples all bases from one state.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from qiskit.circuit.library import efficient_su2
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_aer.noise.device import basic_device_gate_errors, basic_device_readout_errors

from machine import describe
from qloop.circuits import Program
from qloop.circuits.qiskit import from_qiskit, to_qiskit
from qloop.devices import NoisySimulator, Request, load_device
from qloop.devices.qiskit import snapshot_backend
from qloop.devices.transfer import warm_up

SETTINGS = 53
SHOTS = 370
VECTORS = 5
CASES = [("FakeTorino", 4), ("FakeTorino", 6), ("FakeTorino", 8), ("FakeSherbrooke", 6)]


def main() -> None:
    """Run every case, print the table and write it beside the machine it was measured on."""
    warm_up()
    rows = [measure(name, num_qubits) for name, num_qubits in CASES]
    columns = list(rows[0])
    print(" | ".join(columns))
    for row in rows:
        print(" | ".join(f"{row[c]:.3g}" if isinstance(row[c], float) else str(row[c]) for c in columns))
    result = {
        "command": "python benches/devices.py",
        "settings": SETTINGS,
        "shots_per_setting": SHOTS,
        "unit": "CPU seconds, median of five parameter vectors",
        "machine": describe("numpy", "numba", "qiskit", "qiskit-aer", "qiskit-ibm-runtime"),
        "rows": rows,
    }
    path = Path(__file__).parent / "results" / "devices.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(name: str, num_qubits: int) -> dict[str, object]:
    """Return one row of the table."""
    rng = np.random.default_rng(1)
    backend, published = snapshot_backend(name), load_device(name)
    # Aer's model of a target reads one error a qubit.
    mean = np.repeat(published.readout_error.mean(1, keepdims=True), 2, axis=1)
    device = replace(published, readout_error=mean)
    ansatz = efficient_su2(num_qubits, entanglement="linear", reps=2)
    compiled = transpile(ansatz, backend, optimization_level=1, seed_transpiler=1)
    program = from_qiskit(compiled)
    bases = rng.integers(1, 4, (SETTINGS, num_qubits))
    vectors = rng.uniform(-np.pi, np.pi, (VECTORS, program.num_parameters))
    requests = [
        Request(program=program, values=values, bases=bases, shots=np.full(SETTINGS, SHOTS)) for values in vectors
    ]
    aer = Aer(backend.target, program, bases)
    ours = NoisySimulator(device, idle=False)
    difference = float(np.abs(ours.probabilities(requests[0]) - aer.probabilities(vectors[0])).max())
    if difference > 1e-7:
        raise AssertionError(f"{name}: probabilities differ by {difference:.1e}.")
    first = [cpu_s(lambda r=r: NoisySimulator(device, idle=False).run([r], rng)) for r in requests]
    fresh = NoisySimulator(device, idle=False)
    fresh.run([replace(requests[0], values=vectors[0] + 1)], rng)
    following = [cpu_s(lambda r=r: fresh.run([r], rng)) for r in requests]
    again = [cpu_s(lambda r=r: fresh.run([r], rng)) for r in requests]
    counted = [cpu_s(aer.counting(values)) for values in vectors]
    state = [cpu_s(aer.evolving(values)) for values in vectors]
    return {
        "device": name,
        "qubits": num_qubits,
        "two-qubit gates": program.count_two_qubit(),
        "largest difference": difference,
        "Aer, a circuit per basis": median(counted),
        "Aer, state alone": median(state),
        "ours, first": median(first),
        "ours, next values": median(following),
        "ours, same state again": median(again),
        "Aer / ours, next values": median(counted) / median(following),
        "Aer state alone / ours, next values": median(state) / median(following),
    }


class Aer:
    """The same work on Aer's density matrix, with the noise of the used qubits only: all 133 cost seconds a run."""

    def __init__(self, target: Target, program: Program, bases: np.ndarray) -> None:
        place = {qubit: k for k, qubit in enumerate(program.used_qubits())}
        small = program.relabel(place, len(place))
        self.circuit, self.outputs, self.bases = to_qiskit(small), small.outputs.tolist(), bases
        self.names = program.parameters
        noise = NoiseModel(["rz", "sx", "x", *{name for name in ("cz", "ecr") if name in target.operation_names}])
        for name, qubits, error in basic_device_gate_errors(target=target):
            if name != "reset" and set(qubits) <= set(place):
                noise.add_quantum_error(error, name, [place[qubit] for qubit in qubits])
        readout = {site[0]: error for site, error in basic_device_readout_errors(target=target)}
        for qubit in program.outputs.tolist():
            noise.add_readout_error(readout[qubit], [place[qubit]])
        self.confusion = {place[q]: np.array(readout[q].probabilities).T for q in program.outputs.tolist()}
        self.simulator = AerSimulator(method="density_matrix", noise_model=noise, max_parallel_threads=1)

    def counting(self, values: np.ndarray) -> Callable[[], object]:
        """Return the run of one circuit per basis with shots."""
        circuits = [self.turned(values, basis, measure=True) for basis in self.bases]
        return lambda: self.simulator.run(circuits, shots=SHOTS, seed_simulator=1).result().get_counts()

    def evolving(self, values: np.ndarray) -> Callable[[], object]:
        """Return the run that saves one state."""
        circuit = self.bound(values)
        circuit.save_density_matrix(self.outputs)
        return lambda: self.simulator.run(circuit).result().data()["density_matrix"]

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Return exact outcome probabilities, readout included."""
        result = self.simulator.run([self.turned(values, basis, measure=False) for basis in self.bases]).result()
        return np.array([self.read(result.data(k)["probabilities"]) for k in range(len(self.bases))])

    def bound(self, values: np.ndarray) -> QuantumCircuit:
        """Return the circuit at parameter values."""
        return self.circuit.assign_parameters(dict(zip(self.names, values, strict=True)))

    def turned(self, values: np.ndarray, basis: np.ndarray, measure: bool) -> QuantumCircuit:
        """Return the bound circuit with its change of basis."""
        circuit = self.bound(values)
        for qubit, letter in zip(self.outputs, basis.tolist(), strict=True):
            if letter == 1:
                circuit.rz(np.pi / 2, qubit)
            if letter != 3:
                circuit.sx(qubit)
        if not measure:
            circuit.save_probabilities(self.outputs)
            return circuit
        circuit.add_register(ClassicalRegister(len(self.outputs)))
        circuit.measure(self.outputs, range(len(self.outputs)))
        return circuit

    def read(self, probabilities: np.ndarray) -> np.ndarray:
        """Return what is read when these are prepared."""
        tensor = probabilities.reshape((2,) * len(self.outputs))
        for axis, qubit in enumerate(reversed(self.outputs)):
            tensor = np.moveaxis(np.tensordot(self.confusion[qubit], tensor, axes=([1], [axis])), 0, axis)
        return tensor.reshape(-1)


def cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call, all threads together."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
