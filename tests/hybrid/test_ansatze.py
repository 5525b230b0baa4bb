import numpy as np
import pytest

from qloop.circuits.simulate.statevector import simulate
from qloop.core.errors import InvalidValueError
from qloop.hybrid.ansatze import brickwork, hardware_efficient, iqp, qcnn, reupload


@pytest.mark.parametrize(
    ("program", "inputs", "weights", "two_qubit"),
    [
        (hardware_efficient(4, 3), 4, 24, 12),
        (hardware_efficient(1, 2), 1, 4, 0),
        (hardware_efficient(3, 2, reupload=True), 3, 12, 6),
        (reupload(3, 2), 3, 2 * 9 + 3, 6),
        (reupload(2, 2, num_inputs=5), 5, 2 * 6 + 2, 2),
        (iqp(4, 2), 4, 2 * (4 + 6), 12),
        # Four qubits: 7 weights for each of three convolutions, 2 for each of two poolings.
        (qcnn(4), 4, 3 * 7 + 2 * 2, 3 * 3 + 3 + 2 * 3),
        (brickwork(4, 2), 4, (8 + 6) + (4 + 3) + 4, 9),
    ],
)
def test_sizes(program, inputs, weights, two_qubit):
    names = program.parameters
    assert sum(name.startswith("x") for name in names) == inputs
    assert [name for name in names if name.startswith("w")] == [f"w[{k}]" for k in range(weights)]
    assert len(names) == inputs + weights
    assert program.count_two_qubit() == two_qubit


def test_the_hardware_efficient_circuit_by_hand():
    names = [operation.name for operation in hardware_efficient(3, 1).operations()]
    assert names == ["ry"] * 6 + ["rz"] * 3 + ["cx"] * 3
    assert len(list(hardware_efficient(3, 2, reupload=True).operations())) == 2 * len(names)


def test_features_beyond_the_register_wrap_around_with_another_axis():
    encoding = [op for op in reupload(2, 1, num_inputs=5).operations() if op.angles][:5]
    assert [(op.name, op.qubits[0]) for op in encoding] == [("ry", 0), ("ry", 1), ("rz", 0), ("rz", 1), ("ry", 0)]


@pytest.mark.parametrize("num_qubits", [2, 3, 5, 8])
def test_a_qcnn_leaves_one_qubit_that_sees_every_input(num_qubits):
    program = qcnn(num_qubits)
    assert program.outputs.tolist() == [0]
    values = np.random.default_rng(0).normal(size=program.num_parameters)
    last = program.parameters.index(f"x[{num_qubits - 1}]")

    def excited(angle):
        values[last] = angle
        return (abs(simulate(program, values).reshape(-1, 2)[:, 1]) ** 2).sum()

    assert abs(excited(0.3) - excited(1.3)) > 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: hardware_efficient(0, 1), "`num_qubits` must be at least 1, got 0"),
        (lambda: iqp(2, 0), "`layers` must be at least 1, got 0"),
        (lambda: reupload(2, 1, num_inputs=0), "`num_inputs` must be at least 1, got 0"),
        (lambda: qcnn(1), "`num_qubits` must be at least 2, got 1"),
        (lambda: brickwork(1, 1), "`num_qubits` must be at least 2, got 1"),
    ],
)
def test_bad_sizes(make, message):
    with pytest.raises(InvalidValueError, match=message):
        make()
