"""Ablation: what each part bought, by switching it off (everything else on) and on (everything else off)."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from qloop.core.estimate import Estimate
from qloop.core.ledger import Level, Part
from qloop.core.paired import paired_ratio
from qloop.loop.stage import Parts

ON, OFF = "on", "all off"


def configurations(parts: Sequence[Part], on: Parts) -> dict[str, Parts]:
    """Return the switch settings that an ablation needs, by name.

    ``"on"`` and ``"all off"`` come first; ``"-x"`` flips part x of ``"on"`` (a part that is off by default is added)
    and ``"+x"`` has only part x.
    """
    table = {ON: on, OFF: frozenset[str]()}
    for part in parts:
        table[f"-{part.name}"] = on ^ {part.name}
        table[f"+{part.name}"] = frozenset({part.name})
    return table


def part_gain(part: Part, on: Parts, errors: Mapping[str, ArrayLike]) -> tuple[Estimate, Estimate]:
    """Return what a part buys: error without over error with it, leave-one-out and add-one-in.

    Args:
        part: the part.
        on: the answer's switches.
        errors: error per configuration name and paired repeat.
    """
    with_part, without = (ON, f"-{part.name}") if part.name in on else (f"-{part.name}", ON)
    return (
        paired_ratio(errors[without], errors[with_part], statistic="geometric_mean"),
        paired_ratio(errors[OFF], errors[f"+{part.name}"], statistic="geometric_mean"),
    )


def compare_level(name: str, meaning: str, errors: Mapping[str, ArrayLike], unit: str) -> Level:
    """Return one configuration beside the answer: its typical error and its paired ratio to the answer's.

    Args:
        name: key of `errors`.
        meaning: one clause.
        errors: error per configuration name and paired repeat.
        unit: unit of the errors.
    """
    sample = np.asarray(errors[name], np.float64)
    low, high = np.quantile(sample, [0.05, 0.95])
    error = Estimate(value=float(np.median(sample)), low=float(low), high=float(high), unit=unit)
    ratio = None if name == ON else paired_ratio(sample, errors[ON], statistic="geometric_mean")
    return Level(name=name, meaning=meaning, error=error, ratio=ratio)
