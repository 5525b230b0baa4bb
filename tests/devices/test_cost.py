import numpy as np
import pytest

from qloop.circuits import Operation, Program
from qloop.core.errors import InvalidValueError
from qloop.devices import Request, estimate_cost
from qloop.devices.schedule import start_times
from tests.devices.samples import line_device


def test_gates_start_when_their_qubits_are_free():
    # x takes 32 + q ns, ecr (0, 1) takes 500, ecr (1, 2) 540.
    operations = [Operation("x", (1,)), Operation("ecr", (0, 1)), Operation("x", (2,)), Operation("ecr", (1, 2))]
    program = Program.from_operations(3, operations)
    assert start_times(program, line_device()) == ([0.0, 33.0, 0.0, 533.0], 1073.0)
    assert start_times(Program.from_operations(3, []), line_device()) == ([], 0.0)


def test_cost_by_hand():
    program = Program.from_operations(3, [Operation("ecr", (0, 1))], outputs=[0])
    request = Request(program=program, values=[], bases=[[1], [2], [3]], shots=[100, 0, 300])
    cost = estimate_cost([request, request], line_device())
    # 500 ns of gates, 1 us of readout, 250 us of rest.
    assert (cost.circuits, cost.shots) == (4, 800)
    assert cost.seconds == pytest.approx(800 * 251.5e-6)


def test_a_program_that_does_not_fit():
    program = Program.from_operations(3, [Operation("cx", (0, 1))], outputs=[0])
    request = Request(program=program, values=[], bases=np.array([[3]]), shots=np.array([1]))
    with pytest.raises(InvalidValueError, match="`line` has no gate `cx`"):
        estimate_cost([request], line_device())
