import numpy as np
import pytest

from qloop.apps.chemistry.ansatz import (
    GRADIENT_HA,
    PENALTY_HA,
    _Pool,
    build_ansatz,
    count_rotations,
    grow,
    operator_pool,
    optimise,
    prune,
)
from qloop.circuits.pauli import PauliSum
from qloop.circuits.simulate.statevector import CompiledEnergy, simulate
from tests.apps.chemistry.samples import curve, spaces


def exact(name):
    return np.array([space.energies["FCI"] for space in spaces(name)])


def test_an_ansatz_by_hand():
    # X on qubit 0, then exp(-i t/2 Y1 X0) on |01>: cos(t/2) |01> + sin(t/2) |10>.
    program = build_ansatz(np.array([1, 0], np.uint8), np.array([[1, 2]], np.uint8))
    state = simulate(program, [0.6])
    assert state == pytest.approx([0, np.cos(0.3), np.sin(0.3), 0])
    assert program.parameters == ("t000",)
    assert count_rotations(program) == 2


def test_the_pool_is_real_and_has_every_excitation_with_y_once_on_each_qubit():
    pool = operator_pool(curve("LiH"))
    assert ((pool == 2).sum(1) == 1).all()
    assert not (pool == 3).any()
    assert len(np.unique(pool, axis=0)) == len(pool)
    letters = curve("LiH").hamiltonians[0].letters
    flips = {tuple(row) for row in (letters == 1) | (letters == 2)} - {(False,) * 6}
    assert {tuple(row != 0) for row in pool} == flips


def test_pool_gradients_against_finite_differences():
    mapped = curve("LiH")
    pool = operator_pool(mapped)
    rng = np.random.default_rng(0)
    chosen = pool[rng.permutation(len(pool))[:4]]
    values = rng.normal(size=4)
    state = simulate(build_ansatz(mapped.reference, chosen), values)
    found = _Pool(pool).gradients(state, mapped.hamiltonians[0].apply(state))
    for k in range(0, len(pool), 7):
        longer = CompiledEnergy(build_ansatz(mapped.reference, np.vstack([chosen, pool[k]])), mapped.hamiltonians[0])
        above, below = (longer.value_and_gradient(np.append(values, step))[0] for step in (1e-4, -1e-4))
        assert found[k] == pytest.approx((above - below) / 2e-4, abs=1e-7)
        # The kernel's own derivative says the same.
        assert found[k] == pytest.approx(longer.value_and_gradient(np.append(values, 0))[1][-1], abs=1e-9)


def test_an_optimum_is_certified_and_says_its_own_energy():
    mapped = curve("LiH")
    energy = CompiledEnergy(build_ansatz(mapped.reference, operator_pool(mapped)[[0, 5, 9]]), mapped.hamiltonians[1])
    found = optimise(energy, np.array([0.4, -0.3, 0.2]))
    value, gradient = energy.value_and_gradient(found.values)
    assert found.energy_ha == pytest.approx(value, abs=1e-12)
    assert np.abs(gradient + 2 * PENALTY_HA * found.values).max() <= GRADIENT_HA
    assert (found.curvature == found.curvature.T).all()
    assert found.evaluations > 1
    # From the optimum, certification is a single evaluation.
    assert optimise(energy, found.values, found.curvature).evaluations == 1


@pytest.mark.parametrize("name", ["H2", "LiH", "BeH2"])
def test_growth_reaches_its_target_and_pruning_keeps_it(name):
    mapped, target = curve(name), exact(name) + 0.004
    anchors = range(len(target))
    grown = grow(mapped, anchors, target_ha=target)
    assert grown.reached
    assert (exact(name) - 1e-9 <= grown.energies_ha).all()
    assert (grown.energies_ha <= target).all()
    pruned = prune(mapped, grown, anchors, target)
    assert (pruned.energies_ha <= target).all()
    assert 1 <= len(pruned.operators) <= len(grown.operators)
    assert pruned.program.num_parameters == len(pruned.operators)
    for anchor, optimum in zip(anchors, pruned.optima, strict=True):
        state = simulate(pruned.program, optimum.values)
        assert mapped.hamiltonians[anchor].expectation(state) == pytest.approx(optimum.energy_ha, abs=1e-9)


def test_pruning_drops_what_does_nothing():
    mapped, target = curve("LiH"), exact("LiH") + 0.004
    grown = grow(mapped, (0, 1), target_ha=target)
    pool = operator_pool(mapped)
    state = simulate(build_ansatz(mapped.reference, pool[:0]), [])
    idle = pool[np.abs(_Pool(pool).gradients(state, mapped.hamiltonians[0].apply(state))).argmin()]
    operators = np.vstack([idle, grown.operators])
    program = build_ansatz(mapped.reference, operators)
    optima = tuple(
        optimise(CompiledEnergy(program, hamiltonian), np.append(0.0, optimum.values))
        for hamiltonian, optimum in zip(mapped.hamiltonians, grown.optima, strict=True)
    )
    padded = type(grown)(program=program, operators=operators, optima=optima, reached=True)
    assert len(prune(mapped, padded, (0, 1), target).operators) <= len(grown.operators)


def test_growth_without_a_target_ends_when_an_operator_gains_little():
    grown = grow(curve("LiH"), (0, 1))
    assert not grown.reached
    assert (grown.energies_ha - exact("LiH") < 0.002).all()


def test_growth_is_bounded_by_operators_and_by_gates():
    target = exact("H4")
    assert len(grow(curve("H4"), (0, 1), target_ha=target, most=3).operators) == 3
    short = grow(curve("H4"), (0, 1), target_ha=target, limit=20)
    assert not short.reached
    assert count_rotations(short.program) > 20
    assert count_rotations(build_ansatz(curve("H4").reference, short.operators[:-1])) <= 20


def test_a_dearer_gate_is_chosen_later():
    cheap, dear = (grow(curve("LiH"), (0, 1), target_ha=exact("LiH") + 0.004, power=p) for p in (3.0, 0.0))
    assert np.count_nonzero(cheap.operators[0]) <= np.count_nonzero(dear.operators[0])
    assert count_rotations(cheap.program) <= count_rotations(dear.program)


def test_a_single_qubit():
    mapped = curve("H2")
    assert mapped.num_qubits == 1
    assert operator_pool(mapped).tolist() == [[2]]
    assert isinstance(mapped.hamiltonians[0], PauliSum)
    assert grow(mapped, (0, 1), target_ha=exact("H2") + 1e-4).reached
