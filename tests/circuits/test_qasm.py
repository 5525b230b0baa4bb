"""OpenQASM in and out, from our own writer, from Cirq's and in PennyLane's style."""

import numpy as np
import pytest
from qiskit.quantum_info import Operator

from qloop.circuits import from_qasm, to_qasm, to_qiskit
from qloop.core.errors import InvalidValueError
from tests.circuits.samples import random_program

# What `qml.to_openqasm` writes: every gate with its numbers, then a measurement of all wires.
PENNYLANE = """OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
creg c[3];
ry(0.5) q[0];
cx q[0],q[2];
cry(-1.25) q[2],q[1];
rz(3.0) q[1];
measure q[0] -> c[0];
measure q[1] -> c[1];
measure q[2] -> c[2];
"""


def unitary(program, values=()):
    circuit = to_qiskit(program)
    circuit = circuit.assign_parameters(dict(zip(circuit.parameters, values, strict=True)))
    return Operator(circuit.decompose("PauliEvolution"))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_round_trip_keeps_unitary_and_outputs(version, seed):
    program = random_program(np.random.default_rng(seed), 4, 8, num_parameters=0)
    text = to_qasm(program, version, measure=True)
    again = from_qasm(text)
    assert unitary(again).equiv(unitary(program))
    assert again.outputs.tolist() == program.outputs.tolist()
    assert to_qasm(program, version, measure=True) == text


def test_parameters_live_in_version_3():
    program = random_program(np.random.default_rng(4), 3, 8, num_parameters=2)
    again = from_qasm(to_qasm(program))
    assert again.parameters == program.parameters
    assert unitary(again, [0.3, -2]).equiv(unitary(program, [0.3, -2]))
    with pytest.raises(InvalidValueError, match="no free parameters, the program has 2"):
        to_qasm(program, 2)


def test_from_cirq():
    cirq = pytest.importorskip("cirq")
    q = cirq.LineQubit.range(3)
    circuit = cirq.Circuit(cirq.H(q[0]), cirq.CNOT(q[0], q[1]), cirq.ISWAP(q[1], q[2]) ** 0.5)
    circuit += [cirq.PhasedXPowGate(phase_exponent=0.3)(q[2]), cirq.ZZ(q[0], q[2]) ** 0.2, cirq.CCNOT(*q), cirq.T(q[1])]
    # Cirq's unitary is big-endian: reversing the qubits makes it ours.
    expected = circuit.unitary(qubit_order=q[::-1])
    program = from_qasm(cirq.qasm(circuit + cirq.Circuit(cirq.measure(*q, key="m"))))
    assert unitary(program).equiv(Operator(expected), atol=1e-7)
    assert program.outputs.tolist() == [0, 1, 2]


def test_from_pennylane_by_hand():
    program = from_qasm(PENNYLANE)
    state = unitary(program).data[:, 0]
    probability = abs(state) ** 2
    c, s = np.cos(0.25) ** 2, np.sin(0.25) ** 2
    expected = {0b000: c, 0b101: s * np.cos(0.625) ** 2, 0b111: s * np.sin(0.625) ** 2}
    np.testing.assert_allclose(probability, [expected.get(k, 0) for k in range(8)], atol=1e-12)


@pytest.mark.parametrize(
    "comment", ["// OPENQASM 3.0; reset q[0];\n", "//<script>alert(1)</script>\n", "// $(touch x)\n"]
)
def test_comments_are_inert(comment):
    assert unitary(from_qasm(comment + PENNYLANE.replace("cx", comment + "cx"))).equiv(unitary(from_qasm(PENNYLANE)))


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_no_file_is_included(version, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.inc").write_text("gate own a { }")
    for name in ("own.inc", str(tmp_path / "own.inc")):
        with pytest.raises(InvalidValueError, match=r"cannot be read: .*(unable to find|non-stdgates)"):
            from_qasm(f'OPENQASM {version};\ninclude "{name}";\n')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with"),
        ("qreg q[1];", "must begin with"),
        ("OPENQASM 2.0; qreg q[1]; foo q[0];", "'foo' is not defined"),
        ("OPENQASM 3.0; qubit q q;", "cannot be read: syntax error"),
        (
            'OPENQASM 3.0; include "stdgates.inc"; qubit q; bit c; c = measure q; if (c) { x q; }',
            "`if_else` cannot be read",
        ),
        ("OPENQASM 2.0; opaque o a; qreg q[1]; o q[0];", "`o` cannot be read"),
    ],
)
def test_bad_text_is_one_sentence(text, message):
    with pytest.raises(InvalidValueError, match=message):
        from_qasm(text)
