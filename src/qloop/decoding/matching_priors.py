"""Priors for matching: a search on the shots themselves, since those that suit the frontier make matching worse."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.core.memo import Memo, NoMemo, content_key
from qloop.core.progress import Event, Progress, silent
from qloop.core.rng import make_rng
from qloop.decoding.matching import CompiledMatching
from qloop.decoding.model import ErrorModel
from qloop.decoding.priors import FittedPriors, as_list, tagged

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
    seen = [m.check_events(e) for m, e in zip(models, as_list(events, np.ndarray), strict=True)]
    known = [m.check_flips(f, len(e)) for m, f, e in zip(models, as_list(flips, np.ndarray), seen, strict=True)]
    if any((f == f[0]).all() for f in known):
        raise InvalidValueError("`flips` must hold more than one class: nothing can be learned from one.")
    groups, size = _group(models)
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
    offsets, width = np.zeros(size), _STEP
    best = wrong(offsets, train)
    for number in range(rounds):
        progress(Event(stage="fit", text=f"{best:.4%} wrong", done=number, total=rounds))
        known_step = memo.get(f"{key}-{number}")
        if known_step is None:
            candidate = offsets + width * make_rng(seed, "step", number).normal(size=size)
            error = wrong(candidate, train)
            taken = error <= best
            known_step = {
                "offsets": candidate if taken else offsets,
                "width": width * (1.5 if taken else 1.5**-0.25),
                "best": min(error, best),
            }
            memo.put(f"{key}-{number}", known_step)
        offsets, width, best = known_step["offsets"], float(known_step["width"]), float(known_step["best"])
    history = (wrong(np.zeros(size), held), wrong(offsets, held))
    chosen = offsets if history[1] < history[0] else np.zeros(size)
    return FittedPriors(
        dems=tuple(tagged(m.with_priors(_moved(m, g, chosen)), decoder) for m, g in zip(models, groups, strict=True)),
        decoder=decoder,
        num_parameters=size,
        history=history,
        best=int(history[1] < history[0]),
    )


def _moved(model: ErrorModel, group: NDArray[np.int64], offsets: FloatArray) -> FloatArray:
    logits = np.log(model.priors / (1 - model.priors)) + offsets[group]
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, _LOWEST, _HIGHEST))))


def _group(models: Sequence[ErrorModel]) -> tuple[list[NDArray[np.int64]], int]:
    numbers: dict[tuple[object, ...], int] = {}
    groups = []
    for model in models:
        places = model.coordinates
        timed = places.shape[1] and not np.isnan(places).any()
        begin, end = (places[:, -1].min(), places[:, -1].max()) if timed else (0.0, 0.0)
        rows = []
        for detectors, _ in model.symptoms:
            kind: tuple[object, ...] = (len(detectors),)
            if timed:
                own = places[list(detectors)]
                reach = np.ptp(own, axis=0)
                edge = int(own[:, -1].min() == begin) + 2 * int(own[:, -1].max() == end)
                kind = (len(detectors), float(reach[-1]), bool(reach[:-1].any()), edge)
            rows.append(numbers.setdefault(kind, len(numbers)))
        groups.append(np.array(rows, np.int64))
    return groups, len(numbers)
