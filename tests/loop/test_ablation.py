import numpy as np
import pytest

from qloop.core.ledger import Part
from qloop.loop.ablation import compare_level, configurations, part_gain

PARTS = tuple(Part(name=name, stage="correct", nature="learns", does="x", off="y") for name in ("a", "b", "c"))


def test_every_part_alone_and_every_part_missing():
    table = configurations(PARTS, frozenset({"a", "b"}))
    assert list(table)[:2] == ["on", "all off"]
    assert table == {
        "on": {"a", "b"},
        "all off": set(),
        "-a": {"b"},
        "+a": {"a"},
        "-b": {"a"},
        "+b": {"b"},
        "-c": {"a", "b", "c"},
        "+c": {"c"},
    }


def test_a_gain_is_without_over_with_whether_the_part_is_on_or_off():
    errors = {
        "on": np.array([1.0, 2.0]),
        "-a": np.array([3.0, 6.0]),
        "-c": np.array([4.0, 8.0]),
        "all off": np.array([10.0, 20.0]),
        "+a": np.array([5.0, 10.0]),
        "+c": np.array([20.0, 40.0]),
    }
    on = frozenset({"a"})
    gain, added = part_gain(PARTS[0], on, errors)
    assert (gain.value, added.value) == (pytest.approx(3), pytest.approx(2))
    # Adding c makes the error four times larger: it does not pay.
    gain, added = part_gain(PARTS[2], on, errors)
    assert (gain.value, added.value) == (pytest.approx(1 / 4), pytest.approx(1 / 2))
    assert gain.low <= gain.value <= gain.high


def test_a_level_beside_the_answer():
    errors = {"on": np.linspace(1, 2, 21), "classical": 3 * np.linspace(1, 2, 21)}
    level = compare_level("classical", "a twin", errors, "mHa")
    assert (level.error.value, level.error.low, level.error.high) == pytest.approx((4.5, 3.15, 5.85))
    assert level.error.unit == "mHa"
    assert level.ratio.value == pytest.approx(3)
    assert compare_level("on", "the answer", errors, "mHa").ratio is None
