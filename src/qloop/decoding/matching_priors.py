"""Priors for matching: a search on the shots themselves, since those that suit the frontier make matching worse."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.core.memo import Memo, NoMemo, Value, content_key, remembered
from qloop.core.progress import Event, Progress, silent
from qloop.core.rng import make_rng
from qloop.decoding.matching import CompiledMatching
from qloop.decoding.model import ErrorModel
from qloop.decoding.priors import FittedPriors, as_list, check_shots, tag_for
from qloop.decoding.tying import number_kinds

FloatArray = NDArray[np.float64]
ROUNDS = 150
"""Candidates after the start; a candidate costs one decoding of all shots."""
_STEP = 0.35
"""First width of the steps, in log-odds."""
_LOWEST, _HIGHEST = -30.0, -0.1
"""Log-odds that a search may reach: priors stay in (0, 1/2)."""


def fit_matching_priors(
    dems: Any,
    events: Any,
    flips: Any,
    *,
    decoder: str,
    validation: float,
    seed: int,
    memo: Memo | None = None,
    progress: Progress = silent,
    rounds: int = ROUNDS,
) -> FittedPriors:
    """Search for priors with which matching makes fewer logical errors.

    Errors are scaled in groups: by the number of their detectors, their extent in time and in space, and their place
    at the first or last round. A (1+1) evolution strategy with one step width moves all groups at once; every candidate
    decodes the same shots, and is kept where fewer are wrong. Shots left out decide whether the result beats the start.

    Args and errors as those of `fit_priors`; flips are needed.

    Source: the one-fifth rule, Rechenberg 1973. That decoder priors can be tuned on the logical error itself is from
    Sivak et al., arXiv:2406.02700.
    """
    if flips is None:
        raise InvalidValueError(f"priors for `{decoder}` are fitted to the flips: `flips` must be given.")
    models = [ErrorModel.from_dem(dem) for dem in as_list(dems, stim.DetectorErrorModel)]
    seen, known = zip(*check_shots(models, events, flips, validation), strict=True)
    groups, size = number_kinds(map(_kinds, models))
    rng = make_rng(seed, "split")
    held = [rng.permutation(len(e)) < round(validation * len(e)) for e in seen]
    correlated = decoder == "pymatching-correlated"

    def wrong(offsets: FloatArray, which: Sequence[NDArray[np.bool_]]) -> float:
        shares = []
        for model, group, own, truth, chosen in zip(models, groups, seen, known, which, strict=True):
            made = CompiledMatching(model.with_priors(_moved(model, group, offsets)), correlated=correlated)
            shares.append((made.predict(own[chosen]) != truth[chosen]).any(axis=1).mean())
        return float(np.mean(shares))

    memo = memo or NoMemo()
    key = content_key(
        "fit_matching_priors", decoder, [str(m.dem) for m in models], seen, known, validation, seed, rounds
    )
    train = [~h for h in held]

    def try_one(number: int, state: Value) -> Value:
        candidate = state["offsets"] + state["width"] * make_rng(seed, "step", number).normal(size=size)
        error = wrong(candidate, train)
        taken = error <= state["best"]
        return {
            "offsets": candidate if taken else state["offsets"],
            "width": state["width"] * (1.5 if taken else 1.5**-0.25),
            "best": min(error, state["best"]),
        }

    state: Value = {"offsets": np.zeros(size), "width": _STEP, "best": wrong(np.zeros(size), train)}
    for number in range(rounds):
        progress(Event(stage="fit", text=f"{state['best']:.4%} wrong", done=number, total=rounds))
        state = remembered(memo, f"{key}-{number}", partial(try_one, number, state))
    history = (wrong(np.zeros(size), held), wrong(state["offsets"], held))
    chosen = state["offsets"] if history[1] < history[0] else np.zeros(size)
    return FittedPriors(
        dems=tuple(m.with_priors(_moved(m, g, chosen), tag_for(decoder)) for m, g in zip(models, groups, strict=True)),
        decoder=decoder,
        num_parameters=size,
        history=history,
        best=int(history[1] < history[0]),
    )


def _moved(model: ErrorModel, group: NDArray[np.int64], offsets: FloatArray) -> FloatArray:
    logits = np.log(model.priors / (1 - model.priors)) + offsets[group]
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, _LOWEST, _HIGHEST))))


def _kinds(model: ErrorModel) -> Iterator[tuple[object, ...]]:
    places = model.coordinates
    begin, end = (places[:, -1].min(), places[:, -1].max()) if model.rounds else (0.0, 0.0)
    for detectors, _ in model.symptoms:
        kind: tuple[object, ...] = (len(detectors),)
        if model.rounds:
            own = places[list(detectors)]
            reach = np.ptp(own, axis=0)
            edge = int(own[:, -1].min() == begin) + 2 * int(own[:, -1].max() == end)
            kind = (len(detectors), float(reach[-1]), bool(reach[:-1].any()), edge)
        yield kind
