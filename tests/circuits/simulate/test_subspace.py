"""Energies among states with a fixed number of ones against the kernel on all states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qloop.circuits import Angle, Operation, PauliSum, Program
from qloop.circuits.simulate.statevector import CompiledEnergy, simulate
from qloop.circuits.simulate.subspace import SubspaceEnergy
from qloop.core.errors import InvalidValueError
from tests.circuits.samples import random_pauli_sum, random_unitary

PARAMETERS = ["a", "b", "c"]
EXCITATION = ("XXXY", "XXYX", "XYXX", "YXXX", "YYYX", "YYXY", "YXYY", "XYYY")
EXCITATION_SIGNS = (-1, -1, 1, 1, 1, 1, -1, -1)
DIAGONAL = [("rz", 1), ("p", 1), ("t", 1), ("cz", 2), ("rzz", 2), ("cp", 2), ("crz", 2), ("ccz", 3)]


def angle(rng):
    return Angle(rng.normal(), {int(rng.integers(3)): rng.normal()})


def random_step(rng, num_qubits):
    """Return gates that together keep the number of ones."""
    qubits = tuple(rng.permutation(num_qubits).tolist())
    one, two, kind = angle(rng), qubits[:2], rng.integers(8)
    if kind == 0:
        name, width = DIAGONAL[rng.integers(len(DIAGONAL))]
        return [Operation(name, qubits[:width], (one,) if name in ("rz", "p", "rzz", "cp", "crz") else ())]
    if kind == 1:
        return [Operation("xx_plus_yy", two, (one, angle(rng)))]
    if kind == 2:
        return [
            Operation("rxx", two, (one,)),
            Operation("rz", qubits[2:3], (angle(rng),)),
            Operation("ryy", two, (one,)),
        ]
    if kind == 3:
        return [Operation(rng.choice(["swap", "iswap"]), two), Operation("cswap", qubits[:3])]
    if kind == 4:
        unitary = np.eye(4, dtype=complex)
        unitary[1:3, 1:3] = random_unitary(rng, 1)
        return [Operation("unitary", two, matrix=unitary)]
    if kind == 5:
        opposite = Angle(-one.offset, {p: -scale for p, scale in one.terms.items()})
        return [
            Operation("pauli_rotation", qubits[:3], (a,), letters)
            for a, letters in ((one, (1, 3, 2)), (opposite, (2, 3, 1)))
        ]
    if kind == 6:
        return [
            Operation(
                "pauli_rotation",
                tuple(sorted(qubits[:4])),
                (Angle(0.0, {0: sign / 4}),),
                tuple("IXYZ".index(c) for c in label),
            )
            for label, sign in zip(EXCITATION, EXCITATION_SIGNS, strict=True)
        ]
    # All of one letter before all of the other, as mixers on a ring are often written.
    pairs = [(qubits[k], qubits[k + 1]) for k in (0, 2)]
    return [Operation(name, pair, (one,)) for name in ("rxx", "ryy") for pair in pairs]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 5))
def test_equal_to_the_kernel_on_all_states(seed, ones):
    rng = np.random.default_rng(seed)
    operations = [Operation("x", (q,)) for q in rng.permutation(5)[:ones].tolist()]
    operations += [gate for _ in range(6) for gate in random_step(rng, 5)]
    outputs = rng.permutation(5)[: rng.integers(1, 6)]
    program = Program.from_operations(5, operations, PARAMETERS, outputs=outputs)
    observable, values = random_pauli_sum(rng, len(outputs), 10), rng.normal(size=3)
    energy, full = SubspaceEnergy(program, observable), CompiledEnergy(program, observable)
    value, gradient = energy.value_and_gradient(values)
    full_value, full_gradient = full.value_and_gradient(values)
    assert value == pytest.approx(full_value, abs=1e-12)
    assert energy.value(values) == pytest.approx(full_value, abs=1e-12)
    np.testing.assert_allclose(gradient, full_gradient, atol=1e-11)
    amplitudes, state = energy.simulate(values), simulate(program, values)
    np.testing.assert_array_equal(energy.states, np.flatnonzero(np.bitwise_count(np.arange(32)) == ones))
    assert abs(np.vdot(amplitudes, state[energy.states])) == pytest.approx(1)


def test_by_hand():
    # XY rotation by theta of |01>: cos(theta/2)|01> - i sin(theta/2)|10>.
    operations = [Operation("x", (0,)), Operation("xx_plus_yy", (0, 1), (Angle(0.0, {0: 1.0}), Angle()))]
    energy = SubspaceEnergy(Program.from_operations(2, operations, ["theta"]), PauliSum.from_labels({"IZ": 1.0}))
    np.testing.assert_allclose(energy.simulate([0.7]), [np.cos(0.35), -1j * np.sin(0.35)], atol=1e-15)
    value, gradient = energy.value_and_gradient([0.7])
    assert value == pytest.approx(-np.cos(0.7))
    np.testing.assert_allclose(gradient, [np.sin(0.7)])


def test_a_start_in_superposition():
    operations = [Operation("rzz", (0, 1), (Angle(0.0, {0: 1.0}),)), Operation("iswap", (1, 2))]
    program = Program.from_operations(3, operations, ["gamma"])
    dicke = np.full(3, 3**-0.5)
    energy = SubspaceEnergy(program, PauliSum.from_labels({"XXI": 1.0}), initial=1, start=dicke)
    step = 1e-5
    _, gradient = energy.value_and_gradient([0.4])
    assert gradient[0] == pytest.approx((energy.value([0.4 + step]) - energy.value([0.4 - step])) / 2 / step, abs=1e-9)


def test_forty_qubits_with_two_ones():
    ring = [(q, (q + 1) % 40) for q in range(40)]
    operations = [Operation("xx_plus_yy", pair, (Angle(0.0, {0: 1.0}), Angle())) for pair in ring]
    program = Program.from_operations(40, operations, ["beta"])
    ones = PauliSum.from_terms(40, [("Z", (q,), 1.0) for q in range(40)])
    energy = SubspaceEnergy(program, ones, initial=(1 << 7) | (1 << 30))
    assert len(energy.states) == 780
    assert energy.value([0.9]) == pytest.approx(36)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (Operation("h", (1,)), r"`h` on qubits \(1,\) leaves the states with 1 ones"),
        (Operation("cx", (0, 1)), r"`cx` on qubits \(0, 1\) leaves"),
        (Operation("rxx", (0, 1), (Angle(0.0, {0: 1.0}),)), r"`rxx` on qubits \(0, 1\) leaves"),
        (Operation("xx_minus_yy", (1, 2), (Angle(0.3), Angle())), r"`xx_minus_yy` on qubits \(1, 2\) leaves"),
        (Operation("unitary", (2,), matrix=np.eye(2)[::-1]), r"`unitary` on qubits \(2,\) leaves"),
    ],
)
def test_a_gate_that_leaves_is_named(operation, message):
    program = Program.from_operations(3, [Operation("x", (0,)), operation], PARAMETERS)
    with pytest.raises(InvalidValueError, match=message):
        SubspaceEnergy(program, PauliSum.from_labels({"ZZZ": 1.0}))


def test_a_late_x_is_named():
    program = Program.from_operations(2, [Operation("swap", (0, 1)), Operation("x", (1,))])
    with pytest.raises(InvalidValueError, match=r"`x` on qubits \(1,\) leaves"):
        SubspaceEnergy(program, PauliSum.from_labels({"ZZ": 1.0}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial": 8}, r"below 2\^3, got 8"),
        ({"start": np.ones(2)}, r"`start` must have shape \(1,\), got \(2,\)"),
        ({"observable": PauliSum.from_labels({"Z": 1.0})}, "acts on 1 qubits, the program has 3 outputs"),
    ],
)
def test_bad_input(arguments, message):
    given = {"program": Program.from_operations(3, []), "observable": PauliSum.from_labels({"ZZZ": 1.0})} | arguments
    with pytest.raises(InvalidValueError, match=message):
        SubspaceEnergy(**given)


def test_wrong_number_of_parameters_and_too_many_states():
    energy = SubspaceEnergy(Program.from_operations(2, []), PauliSum.from_labels({"ZZ": 1.0}))
    with pytest.raises(InvalidValueError, match="takes 0 parameters"):
        energy.value([1.0])
    wide = Program.from_operations(60, [])
    with pytest.raises(InvalidValueError, match=r"states with 30 ones among 60 qubits needs .* GiB"):
        SubspaceEnergy(wide, PauliSum.from_terms(60, []), initial=(1 << 30) - 1)
