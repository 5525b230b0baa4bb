"""Circuits to programs and back, by their unitaries, layouts and measurements."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import MCXGate, PauliEvolutionGate, RXGate, XGate
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Operator, SparsePauliOp, random_clifford
from qiskit.transpiler import CouplingMap

from qloop.circuits import Program, from_qiskit, to_qiskit
from qloop.core.errors import InvalidValueError
from tests.circuits.samples import random_program


def unitary(circuit):
    # Qiskit's own matrix of an evolution gate goes through a sparse solver that warns.
    return Operator(circuit.decompose("PauliEvolution"))


def bind(program, values):
    circuit = to_qiskit(program)
    return unitary(circuit.assign_parameters(dict(zip(circuit.parameters, values, strict=True))))


def test_by_hand():
    theta = Parameter("theta")
    circuit = QuantumCircuit(2, global_phase=1)
    circuit.h(0)
    circuit.barrier()
    circuit.delay(100, 0)
    circuit.cx(0, 1)
    circuit.rz(2 * theta - 1, 1)
    program = from_qiskit(circuit)
    first, second, third = program.operations()
    assert (first.name, first.qubits) == ("h", (0,))
    assert (second.name, second.qubits) == ("cx", (0, 1))
    assert (third.angles[0].offset, third.angles[0].terms) == (-1, {0: 2})
    assert program.parameters == ("theta",)
    np.testing.assert_array_equal(program.outputs, [0, 1])


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_random_circuits_keep_their_unitary(seed):
    circuit = random_circuit(4, 6, max_operands=4, seed=seed)
    assert Operator(to_qiskit(from_qiskit(circuit))).equiv(circuit)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_random_programs_survive_the_round_trip(seed):
    program = random_program(np.random.default_rng(seed), 4, 12)
    again = from_qiskit(to_qiskit(program))
    values = dict(zip(again.parameters, np.random.default_rng(seed).normal(size=again.num_parameters), strict=True))
    ours = unitary(to_qiskit(program).assign_parameters(values, strict=False))
    assert ours.equiv(unitary(to_qiskit(again).assign_parameters(values)))


def test_sums_of_parameters_after_transpilation():
    a, b = ParameterVector("x", 2)
    circuit = QuantumCircuit(2)
    circuit.rz(a, 0)
    circuit.rz(3 * b, 0)
    circuit.cx(0, 1)
    circuit.p(a - b / 2 + 0.25, 1)
    compiled = transpile(circuit, basis_gates=["rz", "sx", "x", "cz"], optimization_level=3, seed_transpiler=1)
    program = from_qiskit(compiled)
    assert program.parameters == ("x[0]", "x[1]")
    assert np.diff(program.term_start).max() == 2
    assert bind(program, [0.3, 0.7]).equiv(circuit.assign_parameters([0.3, 0.7]))


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_layout_is_kept(level):
    rng = np.random.default_rng(level)
    circuit = QuantumCircuit(4)
    for k, pair in enumerate([(0, 3), (1, 2), (0, 2), (3, 1), (2, 0)]):
        circuit.ry(rng.normal(), k % 4)
        circuit.cx(*pair)
    circuit.swap(0, 1)
    coupling = CouplingMap.from_line(6)
    compiled = transpile(
        circuit, coupling_map=coupling, basis_gates=["rz", "sx", "cz"], optimization_level=level, seed_transpiler=3
    )
    program = from_qiskit(compiled)
    assert program.outputs.tolist() == compiled.layout.final_index_layout()
    wanted = Operator(circuit).data[:, 0]
    state = Operator(to_qiskit(program)).data[:, 0]
    # Each basis state of the six physical qubits, read at the outputs, is one of the four logical ones.
    physical = np.flatnonzero(abs(state) > 1e-12)
    logical = sum(((physical >> q) & 1) << k for k, q in enumerate(program.outputs.tolist()))
    found = np.zeros(16, complex)
    found[logical] = state[physical]
    assert abs(np.vdot(found, wanted)) == pytest.approx(1)


def test_measurements_define_the_outputs():
    qubits, first, second = QuantumRegister(3), ClassicalRegister(1, "a"), ClassicalRegister(2, "b")
    circuit = QuantumCircuit(qubits, first, second)
    circuit.x(2)
    circuit.measure([2, 0], [0, 2])
    program = from_qiskit(circuit)
    assert program.outputs.tolist() == [2, 0]
    measured = to_qiskit(program, measure=True)
    assert from_qiskit(measured).outputs.tolist() == [2, 0]
    assert measured.cregs[0].name == "meas"


def test_measured_outputs_know_where_they_started():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(0, 2)
    circuit.measure_all()
    compiled = transpile(circuit, coupling_map=CouplingMap.from_line(5), initial_layout=[4, 0, 2], seed_transpiler=1)
    program = from_qiskit(compiled)
    assert program.inputs.tolist() == [4, 0, 2]
    assert program.outputs.tolist() == compiled.layout.final_index_layout()


def test_pauli_evolution_becomes_one_rotation():
    t = Parameter("t")
    circuit = QuantumCircuit(4)
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XIYZ"], [0.5]), time=t), [3, 1, 0, 2])
    program = from_qiskit(circuit)
    (rotation,) = program.operations()
    # The right-most letter acts on the first qubit of the gate; exp(-i t/2 P) is a rotation by t.
    assert rotation.name == "pauli_rotation"
    assert dict(zip(rotation.qubits, rotation.letters, strict=True)) == {3: 3, 1: 2, 2: 1}
    assert rotation.angles[0].terms == {0: 1.0}
    assert bind(program, [0.4]).equiv(unitary(circuit.assign_parameters([0.4])))


def test_gates_outside_the_table():
    custom = QuantumCircuit(2, name="h")
    custom.sx(0)
    custom.rxx(0.3, 0, 1)
    circuit = QuantumCircuit(8)
    circuit.append(custom.to_gate(), [2, 5])
    circuit.append(XGate().control(3, ctrl_state=5), [0, 1, 2, 3])
    circuit.append(random_clifford(3, seed=1), [1, 4, 6])
    circuit.append(MCXGate(6), range(7))
    program = from_qiskit(circuit)
    names = [operation.name for operation in program.operations()]
    assert names[:4] == ["sx", "rxx", "unitary", "unitary"]
    assert Operator(to_qiskit(program)).equiv(circuit)


@pytest.mark.parametrize("annotated", [False, True])
def test_controlled_gates_keep_free_parameters(annotated):
    a = Parameter("a")
    circuit = QuantumCircuit(4)
    circuit.append(RXGate(a).control(3, annotated=annotated), [0, 1, 2, 3])
    assert bind(from_qiskit(circuit), [0.8]).equiv(circuit.assign_parameters([0.8]))


def test_programs_are_pickled_and_copied():
    program = random_program(np.random.default_rng(5), 3, 10)
    for again in (pickle.loads(pickle.dumps(program)), copy.deepcopy(program)):
        assert isinstance(again, Program)
        assert bind(again, [1, 2, 3][: program.num_parameters]) == bind(program, [1, 2, 3])


def refused(build):
    circuit = QuantumCircuit(2, 2)
    build(circuit)
    return circuit


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda c: c.reset(0), "`reset` cannot be read"),
        (lambda c: (c.measure(0, 0), c.x(0)), "`x` follows a measurement"),
        (lambda c: (c.measure(0, 0), c.measure(1, 0)), "written by two measurements"),
        (lambda c: c.initialize([0, 1], 0), "`reset` cannot be read"),
        (lambda c: c.if_test((c.clbits[0], 1), QuantumCircuit(1), [0], []), "`if_else` cannot be read"),
        (lambda c: c.rx(Parameter("a") * Parameter("b"), 0), "affine in the parameters, got `a\\*b`"),
        (lambda c: c.rx(Parameter("a").sin(), 0), "affine"),
    ],
)
def test_refused_circuits_are_one_sentence(build, message):
    with pytest.raises(InvalidValueError, match=message):
        from_qiskit(refused(build))
