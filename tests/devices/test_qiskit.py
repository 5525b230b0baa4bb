import sys

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import Target

from qloop.core.errors import InvalidValueError, MissingExtraError
from qloop.devices import device_from_backend, device_from_snapshot, load_device, to_target
from qloop.devices.qiskit import snapshot_backend, snapshot_names
from tests.devices.aer import Part
from tests.devices.samples import line_device


def test_numbers_of_sherbrooke_are_the_snapshots_own():
    backend, device = snapshot_backend("FakeSherbrooke"), load_device("FakeSherbrooke")
    properties = backend.properties()
    assert device.num_qubits == 127
    assert device.two_qubit_gates == ("ecr",)
    assert device.calibrated == properties.last_update_date.date().isoformat()
    for qubit in (0, 5, 126):
        assert device.t1_ns[qubit] == pytest.approx(1e9 * properties.t1(qubit))
        assert device.t2_ns[qubit] == pytest.approx(min(1e9 * properties.t2(qubit), 2 * device.t1_ns[qubit]))
        published = properties.qubit_property(qubit)
        assert device.readout_error[qubit, 0] == published["prob_meas1_prep0"][0]
        assert device.readout_error[qubit, 1] == published["prob_meas0_prep1"][0]
    pair = tuple(device.gates["ecr"].sites[3].tolist())
    assert device.gate_error("ecr", pair) == properties.gate_error("ecr", pair)
    assert device.gate_ns("ecr", pair) == pytest.approx(1e9 * properties.gate_length("ecr", pair))
    # ECR has one direction a pair.
    with pytest.raises(InvalidValueError, match="`FakeSherbrooke` has no `ecr` on qubits"):
        device.gate_error("ecr", pair[::-1])


def test_there_are_sixty_snapshots():
    names = snapshot_names()
    assert len(names) >= 60
    assert {"FakeTorino", "FakeMarrakesh", "FakeSherbrooke"} <= set(names)
    with pytest.raises(InvalidValueError, match="`FakeTorinto` is not a known snapshot: did you mean `FakeTorino`"):
        device_from_snapshot("FakeTorinto")


def test_any_backend_is_read():
    backend = GenericBackendV2(4, basis_gates=["cx", "rz", "sx", "x"], coupling_map=[[0, 1], [1, 2], [2, 3]], seed=1)
    device = device_from_backend(backend)
    assert device.pairs == ((0, 1), (1, 2), (2, 3))
    assert device.gate_error("cx", (1, 2)) == backend.target["cx"][1, 2].error
    assert device.readout_error[2, 0] == device.readout_error[2, 1] == backend.target["measure"][2,].error
    assert device.readout_ns == pytest.approx(1e9 * max(p.duration for p in backend.target["measure"].values()))


def test_backend_without_qubits():
    with pytest.raises(InvalidValueError, match="`part` describes no qubits"):
        device_from_backend(Part(Target()))


def test_target_leaves_out_unusable_gates_and_shows_every_readout():
    gates = dict(line_device().gates)
    gates["cz"].error[:] = [0.02, 0.5, 0.02, 0.7]
    device = line_device(gates=gates, readout_error=np.array([[0.1, 0.1], [0.9, 0.3], [0.1, 0.1]]))
    target = to_target(device)
    assert set(target["cz"]) == {(0, 1), (1, 0)}
    # Without a readout Qiskit would take it for a free one; with a bad one it goes elsewhere.
    assert [target["measure"][q,].error for q in range(3)] == pytest.approx([0.1, 0.6, 0.1])
    assert target["cz"][0, 1].duration == pytest.approx(70e-9)
    assert target.qubit_properties[1].t1 == pytest.approx(device.t1_ns[1] / 1e9)


def test_a_circuit_compiles_to_the_target():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 2)
    compiled = transpile(circuit, target=to_target(line_device()), optimization_level=1, seed_transpiler=0)
    assert set(compiled.count_ops()) <= {"rz", "sx", "x", "cz", "ecr"}


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime.fake_provider", None)
    with pytest.raises(MissingExtraError, match=r'pip install "qloop\[hardware\]"'):
        snapshot_names()
