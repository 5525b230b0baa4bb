import numpy as np
import pytest

from qloop.apps.chemistry.parts import NAMES
from qloop.apps.chemistry.twins import (
    WITHOUT,
    ModelError,
    ansatz_energies,
    fit_model_error,
    learn_model_error,
    run_once,
)
from tests.apps.chemistry.samples import ON, machine, problem


def synthetic(share, twins=60, geometries=9, seed=0):
    rng = np.random.default_rng(seed)
    values = np.broadcast_to(np.linspace(-0.02, -0.2, geometries), (twins, geometries))
    deviations = np.full((twins, geometries), 0.002)
    errors = np.hypot(deviations, share * values) * rng.normal(size=(twins, geometries))
    return errors, values, deviations


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1])
def test_the_share_is_recovered(share):
    # 540 errors: the share of 0.02 has a standard error of 0.0009.
    found = fit_model_error(*synthetic(share))
    assert found.share == pytest.approx(share, abs=0.005)
    assert found.factor == pytest.approx(1.645, abs=0.2)


def test_new_errors_are_covered_as_stated():
    found = fit_model_error(*synthetic(0.03))
    errors, values, deviations = synthetic(0.03, twins=400, seed=1)
    # 3,600 independent errors: a standard error of 0.5 %, and 1.3 % from the 540 the factor was fitted to.
    covered = np.mean(np.abs(errors) <= found.half_widths(values, deviations))
    assert covered == pytest.approx(0.9, abs=0.045)


def test_rare_large_errors_make_the_factor_larger():
    # One in eight is ten times the others: their root mean square is 0.36 of the large ones, which the 90 % must reach.
    values, deviations = np.full((50, 8), -0.1), np.full((50, 8), 1e-5)
    errors = np.where(np.arange(8) == 0, 0.01, 0.001) * np.ones((50, 1))
    assert fit_model_error(errors, values, deviations).factor == pytest.approx(1 / 0.364, rel=0.02)


def test_what_was_not_measured_is_left_out():
    errors, values, deviations = synthetic(0.05)
    errors = errors.copy()
    errors[:, 4] = np.nan
    found = fit_model_error(errors, values, deviations)
    assert np.isfinite([found.share, found.factor]).all()
    keep = [0, 1, 2, 3, 5, 6, 7, 8]
    assert found == fit_model_error(errors[:, keep], values[:, keep], deviations[:, keep])


def test_half_widths_by_hand():
    error = ModelError(share=0.1, factor=2.0)
    assert error.half_widths(np.array([-0.4]), np.array([0.03])) == pytest.approx([0.1])
    assert WITHOUT.half_widths(np.array([-0.4]), np.array([0.03])) == pytest.approx([0.0493], abs=1e-4)


def test_a_curve_is_a_function_of_machine_seed_and_parts():
    case, device = problem("H2", 4)
    runs = [run_once(case, machine(device, world), seed, ON) for world, seed in ((0, 0), (0, 0), (1, 0), (0, 1))]
    bits = [run.curve.values.tobytes() for run in runs]
    assert bits[0] == bits[1]
    assert len(set(bits)) == 3


def test_only_solved_geometries_have_a_circuit_energy():
    case, device = problem("H2", 4)
    state = run_once(case, machine(device), 0, ON)
    exact = [space.energies["FCI"] for space in case.spaces]
    assert ansatz_energies(state) == pytest.approx(exact, abs=1e-5)
    assert np.isnan(ansatz_energies(type(state)(problem=case, backend=None, seed=0, chosen=()))).all()


@pytest.mark.parametrize("parts", [ON, NAMES, frozenset()])
def test_learned_on_twins_it_covers_new_machines(parts):
    case, device = problem("H2", 4)
    done = []
    error = learn_model_error(case, device, frozenset(parts), 0, 12, done.append)
    assert done == list(range(1, 13))
    assert error == learn_model_error(case, device, frozenset(parts), 0, 12, done.append)
    inside = []
    for seed in range(16):
        state = run_once(case, machine(device, 100 + seed), seed, frozenset(parts))
        miss = np.abs(case.hartree_fock + state.curve.values - ansatz_energies(state))
        inside.append(miss <= error.half_widths(state.curve.values, state.curve.deviations))
    # Four points of one curve hang together: 16 machines are worth at least 16 points, a standard error of 7.5 %.
    assert np.mean(inside) > 0.65
