"""The ledger by hand: gains are ratios over paired repeats, turned over for a part that is off."""

from dataclasses import replace

import numpy as np
import pytest

from qloop.apps.classify.data import split_cases
from qloop.apps.classify.ledger import PARTS, build_ledger, run_repeat
from qloop.apps.classify.neural import train_hybrid
from qloop.apps.classify.settings import PartSettings
from qloop.core.estimate import Estimate
from tests.apps.classify.test_neural import CASES, SETTINGS

ACCURACY = Estimate(value=0.75, low=0.5, high=0.875)
REPEATS = [
    {"errors": {"on": 0.1, "-encoder": 0.2, "-entanglement": 0.1, "-weights": 0.05, "-head": 0.4}},
    {"errors": {"on": 0.2, "-encoder": 0.4, "-entanglement": 0.2, "-weights": 0.1, "-head": 0.2}},
]


def test_a_gain_is_the_error_without_over_the_error_with():
    gains = {line.part.name: line.gain for line in build_ledger(SETTINGS, ACCURACY, None, REPEATS).lines}
    assert [gains[name].value for name in ("encoder", "entanglement", "weights", "head")] == pytest.approx(
        [2, 1, 0.5, 2]
    )
    # The first three ratios are the same in both repeats.
    assert (gains["encoder"].low, gains["encoder"].high) == pytest.approx((2, 2))
    assert (gains["head"].low, gains["head"].high) == pytest.approx((1, 4))


def test_a_part_that_is_off_is_compared_the_other_way_round():
    settings = replace(SETTINGS, parts=PartSettings(encoder=False))
    line = build_ledger(settings, ACCURACY, None, REPEATS).lines[0]
    assert (line.part.name, line.on) == ("encoder", False)
    assert line.gain.value == pytest.approx(0.5)


def test_the_answers_own_error_is_what_is_left_of_its_accuracy():
    [level] = build_ledger(SETTINGS, ACCURACY, None, ()).levels
    assert (level.error.low, level.error.value, level.error.high) == (0.125, 0.25, 0.5)


def test_references_are_those_of_the_encoder_and_circuit_chosen():
    model = replace(SETTINGS.model, encoder="selection", circuit="iqp")
    references = build_ledger(replace(SETTINGS, model=model), ACCURACY, None, ()).references()
    assert any("1810.04247" in one for one in references)
    assert any("1804.11326" in one for one in references)


def test_a_repeat_switches_every_part_once_on_one_split():
    errors = run_repeat(SETTINGS, CASES, 4)["errors"]
    assert set(errors) == {"on", *(f"-{part.name}" for part in PARTS)}
    split = split_cases(CASES.labels, 0.25, 4)
    hybrid = train_hybrid(replace(SETTINGS, parts=PartSettings(head=False)), CASES, split.train, 4)
    wrong = np.sum(hybrid.predict(CASES.inputs[split.test]).argmax(axis=1) != CASES.labels[split.test])
    assert errors["-head"] == (wrong + 0.5) / 11
