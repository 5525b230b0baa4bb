import numpy as np
import pytest

from qloop.apps.chemistry.ansatz import Grown, Optimum, build_ansatz, grow, operator_pool
from qloop.apps.chemistry.design import choose_references, drop_idle_qubits, twin_machines
from qloop.circuits.clifford import clifford_expectations
from qloop.circuits.pauli import PauliSum
from qloop.circuits.simulate.statevector import simulate
from qloop.devices import load_device
from tests.apps.chemistry.samples import curve, problem, spaces

EVERY = [(False, "default"), (True, "default"), (True, "search")]


@pytest.mark.parametrize(("searched", "how"), EVERY)
def test_a_design_is_one_problem_seen_from_every_side(searched, how):
    case, device = problem()
    design = case.design(searched, how)
    assert case.design(searched, how) is design
    device.check(design.program)
    assert design.program.parameters == design.grown.program.parameters
    for anchor, optimum in zip(design.anchors, design.grown.optima, strict=True):
        state = simulate(design.grown.program, optimum.values)
        energy = design.curve.hamiltonians[anchor].expectation(state)
        assert energy == pytest.approx(optimum.energy_ha, abs=1e-9)
        # The tolerance of the sample is 4 mHa.
        assert -1e-9 <= energy - case.spaces[anchor].energies["FCI"] <= 0.004


def test_the_search_needs_fewer_gates():
    case, _ = problem()
    plain, searched = (case.design(kind, "search").program.count_two_qubit() for kind in (False, True))
    assert searched <= 0.75 * plain


def test_references_are_determinants_in_the_sector_with_exact_values():
    case, _ = problem()
    design = case.design(True, "search")
    assert not design.references[0].any()
    assert len(design.references) >= 4
    number = PauliSum(design.curve.num_qubits, design.plan.letters, np.ones(len(design.plan.letters)))
    valid = design.curve.valid @ (1 << np.arange(design.curve.num_qubits))
    for row, values in zip(design.table.exact, design.references, strict=True):
        state = simulate(design.grown.program, values)
        assert np.isin(np.flatnonzero(np.abs(state) > 1e-9), valid).all()
        assert row == pytest.approx(number.term_expectations(state), abs=1e-9)
        assert (clifford_expectations(design.program, values, design.plan.letters) == row).all()


def test_idle_qubits_are_dropped_and_the_energy_stays():
    mapped = curve("LiH")
    target = np.array([space.energies["FCI"] for space in spaces("LiH")]) + 0.008
    grown = grow(mapped, (0, 1), target_ha=target, power=2.0)
    smaller, active = drop_idle_qubits(mapped, grown)
    assert smaller.num_qubits < mapped.num_qubits
    assert active.operators.any(0).all()
    for hamiltonian, optimum in zip(smaller.hamiltonians, grown.optima, strict=True):
        state = simulate(active.program, optimum.values)
        assert hamiltonian.expectation(state) == pytest.approx(optimum.energy_ha, abs=1e-9)
    assert len(choose_references(smaller, active)) > 1


def test_a_reference_with_another_number_of_electrons_is_left_out():
    mapped = curve("LiH")
    pool = operator_pool(mapped)
    flips = (pool != 0).astype(np.uint8)
    inside = np.array([(mapped.reference ^ row == mapped.valid).all(1).any() for row in flips])
    assert inside.any()
    assert not inside.all()
    operators = np.vstack([pool[inside][:2], pool[~inside][:3]])
    program = build_ansatz(mapped.reference, operators)
    optimum = Optimum(values=np.array([0.1, 0.2, 0.5, 0.6, 0.7]), energy_ha=0.0, evaluations=1, curvature=np.eye(5))
    grown = Grown(program=program, operators=operators, optima=(optimum,), reached=True)
    # The larger parameter first, those that leave the sector not at all.
    quarter = np.pi / 2
    assert choose_references(mapped, grown).tolist() == [[0] * 5, [0, quarter, 0, 0, 0], [quarter, 0, 0, 0, 0]]


def test_twins_are_the_same_every_time_and_differ_by_use():
    device = load_device("FakeLagos")
    first, again, other = (twin_machines(device, 3, path)[1] for path in ("prior", "prior", "model error"))
    assert (first.t1_ns == again.t1_ns).all()
    assert (first.t1_ns != other.t1_ns).all()
    assert first.coherent_zz
    assert not twin_machines(device, 3, "prior")[0].coherent_zz
