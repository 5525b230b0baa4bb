import numpy as np
import pytest

from qloop.apps.chemistry.ledger import CONVENTIONAL, RANDOM, build_ledger, hidden_machine, run_repeat
from qloop.apps.chemistry.parts import PARTS
from qloop.apps.chemistry.twins import WITHOUT, run_once
from qloop.loop.ablation import configurations
from tests.apps.chemistry.samples import ON, machine, problem

SECONDS = {"prepare": 2.0, "design": 6.0, "execute": 1.0, "correct": 10.0, "interpret": 4.0}


@pytest.fixture(scope="module")
def main():
    case, device = problem()
    return run_once(case, machine(device), 0, ON)


def repeat(**errors):
    """Return a repeat in which every configuration has an error of 1 mHa but those named."""
    names = [*configurations(PARTS, ON), *CONVENTIONAL, RANDOM]
    return {
        "errors": {name: errors.get(name.replace("-", "no_"), 1.0) for name in names},
        "covered": 0.9,
        "covered_plain": 0.5,
        "left_default": False,
        "losses": {"readout": 4.0, "channel": 1.0},
        "variance": [1.0, 2.0],
        "evaluations": [10, 30],
    }


def lines(ledger):
    return {line.part.name: line for line in ledger.lines}


def test_gates_and_success_are_those_of_the_two_circuits(main):
    case = main.problem
    ledger = build_ledger(case, main, ON, [], SECONDS)
    plain, searched = case.design(False, "search"), case.design(True, "search")
    saved = plain.program.count_two_qubit() - searched.program.count_two_qubit()
    line = lines(ledger)["encoding"]
    assert line.gates == saved > 0
    counts, success = (metric.estimate.value for metric in line.metrics)
    assert counts == plain.program.count_two_qubit() / searched.program.count_two_qubit()
    assert success == pytest.approx(np.exp(searched.compiled.log_success - plain.compiled.log_success))
    default = case.design(True, "default").program.count_two_qubit()
    assert lines(ledger)["placement"].gates == default - searched.program.count_two_qubit()


def test_a_part_that_is_off_is_compared_the_other_way_round(main):
    case, device = problem()
    parts = ON - {"encoding"}
    state = run_once(case, machine(device), 0, parts)
    with_it, without = (lines(build_ledger(case, s, on, [], SECONDS)) for s, on in ((main, ON), (state, parts)))
    assert without["encoding"].gates == with_it["encoding"].gates
    assert not without["encoding"].on
    assert without["encoding"].seconds == 0


def test_time_is_shared_by_the_parts_of_a_stage_and_shots_go_to_their_part(main):
    found = lines(build_ledger(main.problem, main, ON, [], SECONDS))
    # Of five parts of the correction that are on: readout, channel, reference, post-selection, gate.
    assert found["channel"].seconds == 2.0
    assert found["encoding"].seconds == 3.0
    assert found["extrapolation"].seconds == 0.0
    for part, purpose in (("channel", "clifford"), ("reference", "reference"), ("readout", "readout")):
        assert found[part].shots == main.shots[purpose] > 0
    assert found["gate"].shots == 0


def test_gains_and_yardsticks_by_hand(main):
    found = build_ledger(main.problem, main, ON, [repeat(no_channel=3.0), repeat(no_channel=12.0)], SECONDS)
    table = lines(found)
    assert table["channel"].gain.value == pytest.approx(6.0)
    assert table["reference"].gain.value == pytest.approx(1.0)
    metrics = {metric.name: metric.estimate.value for line in found.lines for metric in line.metrics}
    assert metrics["evaluations, off / on"] == pytest.approx(3.0)
    assert metrics["shot variance, off / on"] == pytest.approx(2.0)
    assert metrics["error at held-out references, readout / channel"] == pytest.approx(2.0)
    assert metrics["share of jobs in which the default was left"] == 0
    assert metrics["coverage of 90 % intervals, on"] == pytest.approx(0.9)
    assert metrics["coverage of 90 % intervals, off"] == pytest.approx(0.5)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_repeats_say_nothing(main, count):
    found = build_ledger(main.problem, main, ON, [repeat()] * count, SECONDS)
    assert {line.gain for line in found.lines} == {None}
    assert [level.name for level in found.levels] == ["this answer", "HF", "MP2", "CCSD(T)", "FCI"]


def test_a_repeat_runs_every_configuration_once():
    case, device = problem("H2", 4)
    found = run_repeat(case, device, hidden_machine(device, 0.3, 0, 0, 5), True, ON, WITHOUT, 11)
    assert set(found["errors"]) == {*configurations(PARTS, ON), *CONVENTIONAL, RANDOM}
    assert found == run_repeat(case, device, hidden_machine(device, 0.3, 0, 0, 5), True, ON, WITHOUT, 11)
    assert found["errors"]["on"] == found["errors"]["-gate"] < found["errors"][RANDOM]
    other = run_repeat(case, device, hidden_machine(device, 0.3, 0, 0, 5), True, ON, WITHOUT, 12)
    assert found["errors"] != other["errors"]


def test_machines_differ_by_seed_and_use():
    _, device = problem("H2", 4)
    machines = [hidden_machine(device, 0.3, 0, 0, *path) for path in ((1,), (1,), (2,), (1, "repeat", 0))]
    times = [one.t1_ns.tobytes() for one in machines]
    assert times[0] == times[1]
    assert len(set(times)) == 3
