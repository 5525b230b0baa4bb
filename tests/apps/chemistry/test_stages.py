from dataclasses import replace

import numpy as np
import pytest

from qloop.apps.chemistry.parts import NAMES, PARTS
from qloop.apps.chemistry.settings import PartSettings
from qloop.apps.chemistry.stages import (
    Correct,
    DesignCircuit,
    Execute,
    Interpret,
    Prepare,
    anchor_geometries,
    chemistry_loop,
    first_geometries,
)
from qloop.apps.chemistry.state import known
from qloop.apps.chemistry.twins import run_once
from qloop.core.settings import to_plain
from qloop.devices import UniformBits
from qloop.loop.driver import run_loop
from qloop.loop.stage import ORDER
from qloop.testing import check_stage
from tests.apps.chemistry.samples import ON, after, fresh, machine, problem

BEFORE = {
    "prepare": ("interpret", Prepare(), {"warm_start"}),
    "design": ("prepare", DesignCircuit(), {"encoding", "placement", "warm_start"}),
    "execute": ("design", Execute(), NAMES - {"encoding", "placement"}),
    "correct": ("execute", Correct(), {"channel", "readout", "reference", "postselection", "extrapolation", "gate"}),
    "interpret": ("correct", Interpret(), {"process"}),
}


@pytest.mark.parametrize("name", ORDER)
def test_every_stage_keeps_the_contract(name):
    case, device = problem("H2", 5)
    before, stage, parts = BEFORE[name]
    state = after(fresh(case, machine(device)), before, NAMES)
    assert stage.name == name
    check_stage(stage, state, parts)


@pytest.mark.parametrize("name", ["execute", "correct", "interpret"])
def test_a_stage_before_its_time_is_one_sentence(name):
    case, device = problem("H2", 5)
    with pytest.raises(RuntimeError, match="a stage that sets this has not run: a pass is prepare, design, execute"):
        BEFORE[name][1](fresh(case, machine(device)), ON)
    assert known(3) == 3


def test_every_part_has_a_switch_and_every_switch_a_part():
    assert {part.name for part in PARTS} == NAMES == set(to_plain(PartSettings()))
    assert all(part.stage in ORDER for part in PARTS)


def test_passes_measure_every_geometry_once():
    case, device = problem()
    finished = run_loop(chemistry_loop(), fresh(case, machine(device)), ON)
    state = finished.state
    assert finished.passes == 2
    assert state.passes[0].geometries == first_geometries(6) == (0, 3, 5)
    assert sorted(state.measured) == list(range(6))
    assert state.done
    assert set(finished.seconds) == set(ORDER)


@pytest.mark.parametrize("parts", [ON, NAMES, ON - {"readout"}, ON - {"channel", "reference"}, frozenset()])
def test_shots_stay_within_the_budget(parts):
    case, device = problem()
    state = run_once(case, machine(device), 0, frozenset(parts))
    total = sum(state.shots.values())
    assert 0.98 * 6 * 20_000 < total <= 6 * 20_000
    assert ("clifford" in state.shots) == ("channel" in parts)
    assert ("readout" in state.shots) == ("readout" in parts)
    assert ("reference" in state.shots) == bool({"reference", "channel"} & parts)


def test_targets_draw_the_same_shots_whichever_corrections_are_on():
    case, device = problem()
    first = [after(fresh(case, machine(device)), "execute", parts) for parts in (ON, ON - {"gate", "process"})]
    assert (first[0].passes[0].counts[0] == first[1].passes[0].counts[0]).all()


def test_allocation_follows_the_spreads_seen_next_door():
    case, device = problem()
    second = after(fresh(case, machine(device)), "execute", ON, passes=2)
    corrected = after(fresh(case, machine(device)), "interpret", ON).corrected
    one = second.passes[1]
    for geometry, counts in zip(one.geometries, one.counts[0], strict=True):
        near = second.nearest(geometry, corrected.geometries)
        spread = np.maximum(corrected.spreads[near], 0.05 * corrected.spreads[near].max())
        assert counts.sum(1) / counts.sum() == pytest.approx(spread / spread.sum(), abs=2e-3)
    plain = after(fresh(case, machine(device)), "execute", ON - {"allocation"}, passes=2).passes[1]
    l2 = second.design.plan.l2[plain.geometries[0]]
    assert plain.counts[0][0].sum(1) / plain.counts[0][0].sum() == pytest.approx(l2 / l2.sum(), abs=2e-3)


def test_warm_starts_need_fewer_evaluations_and_find_the_same_curve():
    case, device = problem()
    warm, cold = (run_once(case, machine(device), 0, parts) for parts in (ON, ON - {"warm_start"}))
    assert warm.evaluations <= cold.evaluations / 1.5
    for geometry in range(6):
        assert warm.optima[geometry].energy_ha == pytest.approx(cold.optima[geometry].energy_ha, abs=5e-4)


def test_the_next_geometry_is_where_least_is_known():
    case, device = problem()
    state = after(fresh(case, machine(device)), "interpret", ON)
    rest = [g for g in range(6) if g not in state.measured]
    assert sorted(state.chosen) == rest
    posterior = state.curve.deviations
    assert posterior[state.chosen[0]] >= 0.8 * max(posterior[rest])
    assert after(fresh(case, machine(device)), "interpret", ON - {"process"}).chosen == tuple(rest)


def test_every_reference_is_measured_and_they_are_spread_over_the_job():
    case, device = problem()
    state = run_once(case, machine(device), 0, ON)
    numbers = [set(one.cliffords) for one in state.passes]
    assert set.union(*numbers) == set(range(1, len(state.design.references)))
    assert not set.intersection(*numbers)


def test_what_the_fit_and_the_checks_leave_open_widens_the_curve():
    case, device = problem()
    state = after(fresh(case, machine(device)), "correct", ON)
    plain = replace(state.corrected, fit=np.zeros((3, 3)), doubt=np.zeros(3))
    points = list(plain.geometries)
    shots = Interpret()(replace(state, corrected=plain), ON).curve.deviations[points]
    for extra in (
        replace(plain, fit=0.05**2 * np.ones((3, 3))),
        replace(plain, doubt=np.full(3, 0.05)),
    ):
        # The same error at every point, which smoothing hands on.
        wide = Interpret()(replace(state, corrected=extra), ON).curve.deviations[points]
        assert np.sqrt(wide**2 - shots**2) == pytest.approx(0.05, rel=0.3)


def test_a_target_ends_the_loop_early():
    case, device = problem()
    state = run_once(replace(case, target_ha=10.0), machine(device), 0, ON)
    assert state.done
    assert len(state.measured) == 3
    assert np.isfinite(state.curve.values).all()
    strict = run_once(replace(case, target_ha=1e-6), machine(device), 0, ON)
    assert len(strict.measured) == 6


def test_random_bits_go_through_every_correction():
    case, device = problem()
    for parts in (ON, NAMES, frozenset()):
        state = run_once(case, UniformBits(device), 0, frozenset(parts))
        assert np.isfinite(state.curve.values).all()
        assert np.isfinite(state.curve.deviations).all()


def test_the_nearest_geometry():
    case, device = problem()
    state = fresh(case, machine(device))
    assert [state.nearest(g, (5, 0, 3)) for g in range(6)] == [0, 0, 3, 3, 5, 5]


def test_anchors_are_every_other_geometry_and_both_ends():
    assert anchor_geometries(9) == (0, 2, 4, 6, 8)
    assert anchor_geometries(6) == (0, 2, 4, 5)
    assert anchor_geometries(3) == (0, 2)
