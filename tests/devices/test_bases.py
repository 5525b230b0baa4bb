import numpy as np
import pytest

from qloop.circuits.gates import PAULIS, gate_matrix
from qloop.core.errors import InvalidValueError
from qloop.devices.bases import basis_change
from tests.devices.samples import calibration, line_device

ONE = calibration([[0]], [0.0], [0.0])


@pytest.mark.parametrize("native", [("rz", "sx"), ("u2",), ("u",), ("r",), ("rz", "rx")])
@pytest.mark.parametrize("letter", [1, 2, 3])
def test_reading_z_afterwards_reads_the_letter(native, letter):
    device = line_device(1, gates=dict.fromkeys(native, ONE))
    unitary = np.eye(2)
    for operation in basis_change(device, 0, letter):
        assert operation.name in native
        unitary = gate_matrix(operation.name, [angle.offset for angle in operation.angles]) @ unitary
    np.testing.assert_allclose(unitary.conj().T @ PAULIS[3] @ unitary, PAULIS[letter], atol=1e-15)


def test_a_qubit_without_the_gates():
    device = line_device(2)
    device = line_device(2, gates={"rz": device.gates["rz"], "sx": ONE})
    assert [operation.name for operation in basis_change(device, 0, 1)] == ["rz", "sx"]
    with pytest.raises(InvalidValueError, match="`line` has no gate on qubit 1"):
        basis_change(device, 1, 1)
