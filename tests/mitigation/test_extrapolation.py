import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.circuits import Angle, Operation, Program
from qloop.circuits.simulate import simulate
from qloop.core.errors import InvalidValueError
from qloop.mitigation.extrapolation import SELF_INVERSE, fold, linear_weights
from tests.devices.samples import line_device, random_native_program


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 5]))
def test_folding_keeps_the_unitary_and_multiplies_the_two_qubit_gates(seed, factor):
    rng = np.random.default_rng(seed)
    program = random_native_program(rng, line_device(3), (0, 1, 2), 8, [2, 0], parametric=True)
    values = rng.uniform(-3, 3, program.num_parameters)
    folded = fold(program, factor)
    assert folded.count_two_qubit() == factor * program.count_two_qubit()
    assert folded.num_gates - folded.count_two_qubit() == program.num_gates - program.count_two_qubit()
    assert simulate(folded, values) == pytest.approx(simulate(program, values), abs=1e-9)
    assert folded.outputs.tolist() == [2, 0]
    assert folded.parameters == program.parameters


@pytest.mark.parametrize("name", sorted(SELF_INVERSE))
def test_every_gate_named_so_is_its_own_inverse(name):
    twice = Program.from_operations(2, [Operation(name, (0, 1))] * 2)
    for initial in range(4):
        flips = [Operation("x", (q,)) for q in range(2) if initial >> q & 1]
        state = simulate(Program.from_operations(2, [*flips, *twice.operations()]), [])
        assert abs(state[initial]) == pytest.approx(1)


@pytest.mark.parametrize("factor", [0, 2, -1])
def test_even_factors_are_refused(factor):
    with pytest.raises(InvalidValueError, match=f"`factor` must be odd and positive, got {factor}"):
        fold(Program.from_operations(1, []), factor)


def test_gates_that_do_not_undo_themselves_are_refused():
    program = Program.from_operations(2, [Operation("rzz", (0, 1), (Angle(0.1),))])
    with pytest.raises(InvalidValueError, match="gates that undo themselves, `rzz` does not"):
        fold(program, 3)


def test_weights_by_hand():
    # Through two points: v1 - (v3 - v1) / 2.
    assert linear_weights([1, 3]) == pytest.approx([1.5, -0.5])
    # Mean 3, spread 8: 1/3 - (x - 3) 3 / 8.
    assert linear_weights([1, 3, 5]) == pytest.approx([1 / 3 + 6 / 8, 1 / 3, 1 / 3 - 6 / 8])


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_a_line_is_extrapolated_exactly(intercept, slope):
    factors = [1, 3, 5, 9]
    assert linear_weights(factors) @ (intercept + slope * np.array(factors)) == pytest.approx(intercept, abs=1e-9)
