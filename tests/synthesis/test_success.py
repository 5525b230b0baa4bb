import numpy as np
import pytest

from qloop.circuits import Angle, Operation, Program
from qloop.core.errors import InvalidValueError
from qloop.synthesis import log_success
from tests.devices.samples import line_device


def test_the_product_of_all_fidelities_by_hand():
    operations = [
        Operation("x", (1,)),
        Operation("rz", (0,), (Angle(0.3),)),
        Operation("cz", (1, 0)),
        Operation("cz", (1, 0)),
        Operation("ecr", (1, 2)),
    ]
    program = Program.from_operations(3, operations, outputs=[2, 0])
    # x on 1: 0.005; rz: 0; cz (1, 0) is entry 2: 0.022, twice; ecr (1, 2): 0.032; readout means: 0.05 and 0.035.
    expected = (1 - 0.005) * (1 - 0.022) ** 2 * (1 - 0.032) * (1 - 0.05) * (1 - 0.035)
    assert np.exp(log_success(program, line_device())) == pytest.approx(expected, rel=1e-12)


def test_a_dead_gate_costs_a_finite_amount():
    assert np.isfinite(log_success(Program.from_operations(3, [Operation("x", (0,))]), line_device(scale=300)))


def test_a_gate_in_the_wrong_direction_is_an_error():
    program = Program.from_operations(3, [Operation("ecr", (1, 0))])
    with pytest.raises(InvalidValueError, match=r"`line` has no `ecr` on qubits \(1, 0\)"):
        log_success(program, line_device())
