from dataclasses import replace

import numpy as np
import pytest

from qloop.circuits import Angle, Operation, Program
from qloop.circuits.simulate import simulate
from qloop.core.errors import InvalidValueError
from qloop.synthesis import compile_default, compile_search, log_success
from tests.devices.samples import calibration, line_device

COMPILERS = [compile_default, lambda program, device: compile_search(program, device, seeds=range(3))]


def ansatz(rng, num_qubits, count):
    """Return an X and Pauli rotations with one parameter each, the last of which turns nothing."""
    operations = [Operation("x", (0,))]
    for k in range(count):
        qubits = tuple(rng.choice(num_qubits, rng.integers(1, min(3, num_qubits) + 1), replace=False).tolist())
        letters = tuple(rng.integers(1, 4, len(qubits)).tolist())
        operations.append(Operation("pauli_rotation", qubits, (Angle(0.1 * k, {count - 1 - k: 1.0}),), letters))
    return Program.from_operations(num_qubits, operations, [f"t{k}" for k in range(count + 1)])


def logical_state(program, values):
    """Return the state of the outputs, the other qubits being back at zero."""
    state = simulate(program, values).reshape((2,) * program.num_qubits)
    axes = [program.num_qubits - 1 - q for q in reversed(program.outputs.tolist())]
    rest = [axis for axis in range(program.num_qubits) if axis not in axes]
    table = state.transpose(rest + axes).reshape(-1, 2 ** len(axes))
    assert np.abs(table[1:]).max(initial=0) < 1e-9
    return table[0]


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("seed", range(4))
def test_the_compiled_program_is_the_program_up_to_layout(compiler, seed):
    rng = np.random.default_rng(seed)
    device, program = line_device(5), ansatz(rng, 3, 4)
    compiled = compiler(program, device)
    assert compiled.program.parameters == program.parameters
    assert compiled.program.num_qubits == 5
    for values in rng.uniform(-3, 3, (2, 5)):
        overlap = np.vdot(simulate(program, values), logical_state(compiled.program, values))
        assert abs(overlap) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("only", ["ecr", "cz"])
def test_only_gates_that_exist_in_their_direction(compiler, only):
    gates = {name: gate for name, gate in line_device(4).gates.items() if name not in {"ecr", "cz"} - {only}}
    device = line_device(4, gates=gates)
    compiled = compiler(ansatz(np.random.default_rng(1), 3, 3), device)
    device.check(compiled.program)
    assert {operation.name for operation in compiled.program.operations()} <= {"rz", "sx", "x", only}
    assert compiled.log_success == pytest.approx(log_success(compiled.program, device))


@pytest.mark.parametrize("seed", range(6))
def test_the_search_is_never_below_its_best_candidate(seed):
    device = line_device(6).perturbed(seed, drift=1.0)
    program = ansatz(np.random.default_rng(seed), 3, 3)
    candidates = [compile_default(program, device, 3, k) for k in range(3)]
    found = compile_search(program, device, seeds=range(3))
    assert found.log_success >= max(candidate.log_success for candidate in candidates) - 1e-12
    assert found.log_success == pytest.approx(log_success(found.program, device), abs=1e-12)
    assert found.tried > len(candidates)


def test_the_search_finds_the_planted_good_end():
    device = line_device(6)
    sites = device.gates["cz"].sites
    good = np.isin(sites, (4, 5)).all(1)
    gates = {**device.gates, "cz": calibration(sites, np.where(good, 1e-4, 5e-2), device.gates["cz"].duration_ns)}
    del gates["ecr"]
    readout = np.full((6, 2), 0.05)
    readout[2] = 1e-3
    device = replace(device, gates=gates, readout_error=readout)
    bell = Program.from_operations(3, [Operation("h", (0,)), Operation("cx", (0, 1)), Operation("x", (2,))])
    found = compile_search(bell, device, seeds=range(2)).program
    assert set(found.outputs[:2].tolist()) == {4, 5}
    # The qubit without a coupling goes where the readout is best.
    assert found.outputs[2] == 2


def test_a_program_without_two_qubit_gates_is_placed_too():
    program = Program.from_operations(1, [Operation("h", (0,))])
    assert compile_search(program, line_device(5), seeds=range(2)).program.outputs.tolist() == [0]


def test_unusable_qubits_are_left_alone():
    readout = np.full((5, 2), 0.02)
    readout[2] = 0.6
    device = line_device(5, readout_error=readout)
    program = ansatz(np.random.default_rng(0), 2, 2)
    assert 2 not in compile_search(program, device, seeds=range(3)).program.used_qubits()


def test_too_many_qubits_is_one_sentence():
    program = Program.from_operations(4, [Operation("x", (3,))])
    for compiler in COMPILERS:
        with pytest.raises(InvalidValueError, match="`line` has 3 qubits, the program needs 4"):
            compiler(program, line_device(3))


def test_the_conventional_compiler_shuns_what_cannot_be_read():
    readout = np.full((5, 2), 0.02)
    readout[2] = 0.49
    device = line_device(5, readout_error=readout)
    program = ansatz(np.random.default_rng(0), 2, 2)
    assert 2 not in compile_default(program, device).program.outputs
