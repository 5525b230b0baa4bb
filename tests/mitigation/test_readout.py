import numpy as np
import pytest

from qloop.circuits import Program
from qloop.devices import NoisySimulator
from qloop.mitigation import readout
from qloop.mitigation.response import LEAST_SIGNAL
from tests.devices.samples import line_device


def histogram(up, shots=1e9):
    """Return counts of two qubits that are read as 1 with given probabilities."""
    return shots * np.outer([1 - up[1], up[1]], [1 - up[0], up[0]])


def test_the_matrix_of_each_qubit_by_hand():
    response = readout.combine([histogram([0.02, 0.05]), histogram([0.9, 0.8])], settings=3)
    assert response.matrices.shape == (3, 2, 2, 2)
    assert response.matrices[0] == pytest.approx(response.matrices[2])
    assert response.matrices[1, 0] == pytest.approx(np.array([[0.98, 0.1], [0.02, 0.9]]), abs=1e-8)
    assert response.matrices[1, 1] == pytest.approx(np.array([[0.95, 0.2], [0.05, 0.8]]), abs=1e-8)


def test_a_perfect_qubit_keeps_a_finite_inverse():
    response = readout.combine([np.array([10, 0]), np.array([0, 10])], settings=1)
    assert np.linalg.inv(response.matrices[0, 0])[0, 0] == pytest.approx(1.05, abs=0.01)


def test_two_requests_half_of_the_shots_each_on_the_outputs():
    program = Program.from_operations(3, [], outputs=[2, 0])
    zeros, ones = readout.construct(program, "x", 1001)
    assert [request.shots.tolist() for request in (zeros, ones)] == [[500], [500]]
    assert [(o.name, o.qubits) for o in ones.program.operations()] == [("x", (2,)), ("x", (0,))]
    assert zeros.program.num_gates == 0
    assert zeros.program.outputs.tolist() == ones.program.outputs.tolist() == [2, 0]


def test_it_finds_a_devices_readout_errors():
    # Standard errors are below 0.0012 at 100,000 shots; the bound is five of them and the x gate's own error.
    device = line_device(3, scale=0.5)
    requests = readout.construct(Program.from_operations(3, [], outputs=[2, 0]), "x", 200_000)
    taken = NoisySimulator(device).run(requests, np.random.default_rng(0))
    response = readout.combine([shots.histogram for shots in taken], settings=1)
    assert response.matrices[0, :, 1, 0] == pytest.approx(device.readout_error[[2, 0], 0], abs=0.006)
    assert response.matrices[0, :, 0, 1] == pytest.approx(device.readout_error[[2, 0], 1], abs=0.006)


def test_a_qubit_that_reads_at_random_still_has_a_response():
    # Both calibrations read 1 half of the time: the plain confusion matrix has no inverse.
    response = readout.combine([np.array([50.0, 50.0])] * 2, settings=1)
    confusion = response.matrices[0, 0]
    np.testing.assert_allclose(confusion.sum(0), 1)
    np.testing.assert_allclose(confusion[1, 1] - confusion[1, 0], LEAST_SIGNAL)
