"""`ablate`: does the circuit of a hybrid model pay?"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import methodcaller
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from qloop.core.bootstrap import bootstrap_interval
from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate
from qloop.core.memo import Memo, Value
from qloop.core.paired import paired_ratio
from qloop.core.progress import Event, Progress, silent
from qloop.core.rng import make_rng
from qloop.devices.device import Device
from qloop.hybrid.layer import QuantumLayer
from qloop.hybrid.simulability import describe_simulability
from qloop.hybrid.study import NAMES, Study
from qloop.hybrid.twins import FULL, TWINS
from qloop.hybrid.verdict import Ablation, Condition, Row
from qloop.train.loop import FitSettings

FloatArray = NDArray[np.float64]
COVERAGE = 0.9
SHOTS = (100, 1000, 10_000)
_MEANINGS = {twin.name: twin.meaning for twin in (FULL, *TWINS)}


def ablate(
    model: nn.Module,
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    seeds: int = 10,
    *,
    raw: tuple[ArrayLike, ArrayLike] | None = None,
    groups: ArrayLike | None = None,
    trials: int = 3,
    settings: FitSettings | None = None,
    margin: float = 0.01,
    shots: Sequence[int] = SHOTS,
    devices: Sequence[Device] = (),
    trajectories: int = 64,
    seed: int = 0,
    memo: Memo | None = None,
    progress: Progress = silent,
) -> Ablation:
    """Train a model and its twins alike and say whether its circuits pay.

    For every seed the model and each twin start anew, learn from the same four fifths of `train` and try as many
    learning rates; the other fifth stops them and chooses among the rates. `test` chooses nothing. The circuits are
    exact while all this happens; a gain, if there is one, is then looked for with shots and under noise.

    Intervals come from resampling seeds and test cases together: they speak of new trainings and new cases. Those of
    the differences are wide enough to hold for all twins at once. The circuit pays where all of them lie above zero,
    and does not pay where one of them ends at the margin or below.

    Args:
        model: any module that holds a `QuantumLayer`. Parts that train start anew by their `reset_parameters`, parts
            whose parameters are frozen stay as they are.
        train: inputs, shape [cases, ...], and targets: integers are classes, counted from 0, with an output each; other
            numbers are values, shape [cases] or [cases, outputs].
        test: cases that nothing was learned from.
        seeds: trainings of each, at least 2.
        raw: inputs of `train` and `test` before they were compressed for the model, for the conventional models; by
            default what the model gets.
        groups: the group of each case of `train`, where cases of a group resemble each other.
        trials: learning rates, or values of a conventional model's number, at least 1.
        settings: of the training; its learning rate is not used.
        margin: a gain in accuracy or R2 up to this is not worth a circuit.
        shots: numbers of shots at which a gain is looked for.
        devices: under whose noise a gain is looked for.
        trajectories: for each case and device.
        seed: of everything random.
        memo: remembers every trained twin, and checkpoints on the way there.
        progress: told of every trained twin.

    Returns:
        Rows, a verdict in one sentence, and a table by `str`.

    Raises:
        InvalidValueError: no circuit in the model, or cases that do not fit it.

    Source: the protocol after Bowles et al., arXiv:2403.07059; resampling two ways, Owen, arXiv:0712.1111.
    """
    if seeds < 2 or trials < 1:
        raise InvalidValueError(f"`seeds` must be at least 2 and `trials` at least 1, got {seeds} and {trials}.")
    study = Study(
        model,
        train,
        test,
        raw=raw,
        groups=groups,
        trials=trials,
        settings=settings or FitSettings(),
        seed=seed,
        memo=memo,
    )
    trained = _race(study, seeds, progress)
    scores = {name: np.array([each["scores"] for each in of]) for name, of in trained.items()}
    # Half an error for each seed: then a model that makes none has a ratio too.
    spare = 0.5 / scores[FULL.name].shape[1] if study.metric == "accuracy" else 0.0
    result = Ablation(
        rows=tuple(_row(name, trained[name], scores, spare) for name in NAMES),
        metric=study.metric,
        margin=margin,
        seeds=seeds,
        trials=trials,
        notes=tuple(dict.fromkeys(describe_simulability(layer) for layer in study.layers)),
    )
    if result.outcome != "pays":
        return result
    conditions = []
    for name, change in _weaker(shots, devices, trajectories):
        found = np.array([study.score_with(each, k, change) for k, each in enumerate(trained[FULL.name])])
        difference = _difference(found, scores[result.best_twin.name])
        conditions.append(Condition(name=name, score=_estimate(found, COVERAGE), difference=difference))
        progress(Event(stage="ablate", text=f"{name}: {study.metric} {found.mean():.3f}"))
    return replace(result, conditions=tuple(conditions))


def _race(study: Study, seeds: int, progress: Progress) -> dict[str, list[Value]]:
    trained: dict[str, list[Value]] = {name: [] for name in NAMES}
    places = [(k, name) for k in range(seeds) for name in NAMES]
    for done, (k, name) in enumerate(places, start=1):
        trained[name].append(study.train(name, k))
        text = f"{name}, seed {k}: {study.metric} {np.mean(trained[name][-1]['scores']):.3f}"
        progress(Event(stage="ablate", text=text, done=done, total=len(places)))
    return trained


def _row(name: str, trained: Sequence[Value], scores: Mapping[str, FloatArray], spare: float) -> Row:
    own, full = scores[name], scores[FULL.name]
    errors, least = (1 - each.mean(axis=1) + spare for each in (own, full))
    compared = name != FULL.name
    return Row(
        name=name,
        meaning=_MEANINGS[name] if name in _MEANINGS else _describe_conventional(trained),
        score=_estimate(own, COVERAGE),
        difference=_difference(full, own) if compared else None,
        error_ratio=paired_ratio(errors, least, statistic="mean") if compared and least.min() > 0 else None,
        seconds=float(np.median([each["seconds"] for each in trained])),
        parameters=trained[0]["parameters"],
    )


def _describe_conventional(trained: Sequence[Value]) -> str:
    kind, count = Counter(each["kind"] for each in trained).most_common(1)[0]
    return f"the best conventional model on the raw data, {count} of {len(trained)} times {kind}"


def _weaker(
    shots: Sequence[int], devices: Sequence[Device], trajectories: int
) -> Iterator[tuple[str, Callable[[QuantumLayer], QuantumLayer]]]:
    for count in shots:
        yield f"{count} shots", methodcaller("with_shots", count)
    for device in devices:
        yield f"the noise of {device.name}", methodcaller("with_noise", device, trajectories)


def _difference(full: FloatArray, twin: FloatArray) -> Estimate:
    """Return the paired difference, its interval wide enough for all twins at once, by Bonferroni's inequality."""
    return _estimate(full - twin, 1 - (1 - COVERAGE) / (len(NAMES) - 1))


def _estimate(scores: FloatArray, coverage: float) -> Estimate:
    """Return the mean of scores, shape [seeds, cases], with its interval over new seeds and new cases."""
    seeds, cases = scores.shape
    rng = make_rng(0, "test cases")

    def mean(drawn: NDArray[np.intp]) -> FloatArray:
        by_seed = rng.multinomial(cases, np.full(cases, 1 / cases), size=len(drawn)) / cases @ scores.T
        return np.take_along_axis(by_seed, drawn, axis=1).mean(axis=1)

    low, high = bootstrap_interval(mean, seeds, coverage=coverage)
    return Estimate(value=float(scores.mean()), low=low, high=high, coverage=coverage)
