import sys

import numpy as np
import pytest

from qloop.core.errors import InvalidValueError, MissingExtraError
from qloop.devices import device_from_cirq
from qloop.devices.positions import draw_positions


@pytest.mark.parametrize(("name", "qubits", "pairs"), [("Willow", 105, 182), ("Weber", 53, 86), ("Rainbow", 23, 32)])
def test_processors_are_complete_and_physical(name, qubits, pairs):
    device = device_from_cirq(name)
    assert (device.name, device.num_qubits, len(device.pairs)) == (name, qubits, pairs)
    assert tuple(device.gates) == ("rz", "sx", "x", "cz")
    assert device.gates["cz"].sites.shape == (2 * pairs, 2)
    assert (device.t2_ns <= 2 * device.t1_ns * (1 + 1e-12)).all()
    assert (device.t2_ns > 1_000).all()
    for gate in device.gates.values():
        assert ((gate.error >= 0) & (gate.error < 0.5)).all()
    assert ((device.readout_error > 0) & (device.readout_error < 1)).all()
    assert (device.readout_error[:, 1] > device.readout_error[:, 0]).mean() > 0.9


def test_willow_by_hand():
    # First entries of the calibration file for qubit (0, 6), qubit 0 here: T1 71.88662925116905 us.
    willow = device_from_cirq("Willow")
    assert willow.t1_ns[0] == pytest.approx(71_886.62925116905)
    assert willow.calibrated == "2024-08-16"
    assert willow.gate_ns("cz", (0, 1)) == willow.gate_ns("cz", (1, 0)) == 42
    assert willow.gate_error("cz", (0, 1)) == willow.gate_error("cz", (1, 0))
    assert willow.gate_error("rz", (7,)) == willow.gate_ns("rz", (7,)) == 0


def test_numbering_draws_the_grid():
    willow = device_from_cirq("Willow")
    points = np.array(draw_positions(willow.num_qubits, willow.pairs))
    # Willow is a diamond: 13 rows, the widest of 15 qubits.
    assert np.ptp(points, axis=0).tolist() == [14, 12]
    pairs = np.array(willow.pairs)
    assert (np.abs(points[pairs[:, 0]] - points[pairs[:, 1]]).sum(1) == 1).all()


def test_unknown_processor_and_missing_extra(monkeypatch):
    with pytest.raises(InvalidValueError, match="`Willo` is not a known processor: did you mean `Willow`"):
        device_from_cirq("Willo")
    monkeypatch.setitem(sys.modules, "cirq_google", None)
    with pytest.raises(MissingExtraError, match=r'pip install "qloop\[hardware\]"'):
        device_from_cirq("Willow")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "processor"), [("Willow", "willow_pink"), ("Weber", "weber"), ("Rainbow", "rainbow")])
def test_equal_to_cirq_googles_own_reading(name, processor):
    import cirq
    import cirq_google
    from cirq.devices.noise_utils import OpIdentifier

    device = device_from_cirq(name)
    noise = cirq_google.engine.load_device_noise_properties(processor)
    calibration = cirq_google.engine.load_median_device_calibration(processor)
    qubits = sorted(noise.t1_ns)
    number = {qubit: k for k, qubit in enumerate(qubits)}
    np.testing.assert_allclose(device.t1_ns, [noise.t1_ns[q] for q in qubits])
    t2 = [1 / (1 / (2 * noise.t1_ns[q]) + 1 / noise.tphi_ns[q]) for q in qubits]
    np.testing.assert_allclose(device.t2_ns, t2, rtol=1e-4)
    gate, cycles = (cirq.CZPowGate, 1) if name == "Willow" else (cirq.ISwapPowGate, 2)
    for a, b in device.pairs:
        pauli = noise.gate_pauli_errors[OpIdentifier(gate, qubits[a], qubits[b])]
        assert device.gate_error("cz", (a, b)) == pytest.approx(1 - (1 - 0.8 * pauli) ** cycles)
    prefix = "single_qubit" if name == "Willow" else "parallel"
    for column, metric in enumerate(("p00", "p11")):
        for (qubit,), (value,) in calibration[f"{prefix}_{metric}_error"].items():
            assert device.readout_error[number[qubit], column] == value
