import numpy as np
import pytest

from qloop.apps.chemistry.ansatz import build_ansatz, operator_pool
from qloop.apps.chemistry.plan import plan_measurement, spread_shots
from qloop.circuits.simulate.statevector import simulate
from qloop.devices import IdealSimulator, Request
from qloop.mitigation.expectation import Estimator
from qloop.mitigation.response import identity_response
from tests.apps.chemistry.samples import curve


def states(mapped, count=3):
    rng = np.random.default_rng(0)
    operators = operator_pool(mapped)[:4]
    program = build_ansatz(mapped.reference, operators)
    return [(program, rng.normal(size=len(operators))) for _ in range(count)]


@pytest.mark.parametrize("name", ["H2", "LiH", "BeH2"])
def test_exact_probabilities_give_the_exact_energies(name):
    mapped = curve(name)
    plan = plan_measurement(mapped)
    estimator = Estimator(plan.functional, identity_response(*plan.bases.shape))
    for program, values in states(mapped):
        request = Request(program=program, values=values, bases=plan.bases, shots=np.zeros(len(plan.bases), np.int64))
        counts = 1e9 * IdealSimulator().probabilities(request)
        state = simulate(program, values)
        expected = [hamiltonian.expectation(state) for hamiltonian in mapped.hamiltonians]
        assert estimator.tabulate(counts[None])[0] == pytest.approx(expected, abs=1e-9)


def test_every_string_is_measured_once_in_a_setting_that_sees_it():
    mapped = curve("LiH")
    plan = plan_measurement(mapped)
    strings = mapped.hamiltonians[0].letters
    assert sorted(map(tuple, plan.letters)) == sorted(tuple(row) for row in strings if row.any())
    basis = plan.bases[plan.setting]
    assert ((plan.letters == 0) | (plan.letters == basis)).all()
    squares = np.zeros(len(plan.bases))
    coefficients = {tuple(row): c for row, c in zip(strings, mapped.hamiltonians[0].coefficients, strict=True)}
    for row, setting in zip(plan.letters, plan.setting, strict=True):
        squares[setting] += coefficients[tuple(row)] ** 2
    assert plan.l2[0] == pytest.approx(np.sqrt(squares))


@pytest.mark.parametrize("name", ["H2", "LiH"])
def test_the_all_z_setting_selects_the_right_number_of_electrons(name):
    mapped = curve(name)
    plan = plan_measurement(mapped)
    assert (plan.bases[plan.number_setting] == 3).all()
    kept = plan.functional.selected
    assert set(np.flatnonzero(kept[plan.number_setting])) == set(mapped.valid @ (1 << np.arange(mapped.num_qubits)))
    assert (np.delete(kept, plan.number_setting, axis=0) == 1).all()


def test_shots_are_whole_and_follow_the_weights():
    assert spread_shots(np.array([1.0, 3.0, 0.0]), 100).tolist() == [25, 75, 0]
    assert spread_shots(np.array([1e-9, 1.0]), 100).tolist() == [4, 99]
