"""`fit_priors`: the probabilities of a detector error model, learned from shots."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError, nearest
from qloop.core.memo import Memo, NoMemo, content_key, remembered
from qloop.core.progress import Event, Progress, silent
from qloop.core.rng import make_rng
from qloop.decoding.frontier import FrontierDecoder
from qloop.decoding.model import ErrorModel
from qloop.decoding.posterior import number_classes
from qloop.decoding.tying import tie

FloatArray = NDArray[np.float64]
EventArray = NDArray[np.generic]
_MOMENTA = 0.9, 0.99
_SMALL = 1e-5
_HOLD = 1e-4
"""Pull of every parameter back to its start, per shot: that of a normal prior whose width shrinks with the shots."""
_LIMITS = -14.0, -0.1
"""Log-odds of a prior stay between these: above the upper one an error would happen more often than not."""
_PATIENCE = 3
"""Epochs without a better validation after which training stops."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedPriors:
    """Models with learned probabilities.

    Args:
        dems: one per experiment, tagged with the decoder that they were fitted for.
        decoder: that decoder: for another one they can be worse than what they started from.
        num_parameters: what was learned, shared by all experiments.
        history: validation loss before training and after every epoch: mean negative log-probability of the flips, or
            of the syndrome where no flips were given.
        best: number of the epoch whose parameters were taken, 0 for the start.
    """

    dems: tuple[stim.DetectorErrorModel, ...]
    decoder: str
    num_parameters: int
    history: tuple[float, ...]
    best: int

    @property
    def dem(self) -> stim.DetectorErrorModel:
        """The model of a single experiment."""
        if len(self.dems) != 1:
            raise InvalidValueError(f"`dem` is for one experiment, got {len(self.dems)}: see `dems`.")
        return self.dems[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Experiment:
    """Shots of one model, whose log-odds start from what tied errors have in common and what each has of its own.

    An offset is added to what is in common, one for every kind of error. The last offset is for all errors together:
    how much more or less than fully to trust what they have of their own, which estimates from few shots exaggerate.
    """

    decoder: FrontierDecoder
    common: FloatArray
    own: FloatArray
    parameters: NDArray[np.int64]
    events: NDArray[np.uint8]
    flips: NDArray[np.uint8] | None
    train: NDArray[np.int64]
    held: NDArray[np.int64]

    def priors(self, offsets: FloatArray) -> FloatArray:
        logits = self.common + offsets[self.parameters] + (1 + offsets[-1]) * self.own
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, *_LIMITS))))

    def step(self, offsets: FloatArray, shots: NDArray[np.int64]) -> FloatArray:
        """Return the mean gradient of the log-likelihood over some shots."""
        flips = None if self.flips is None else self.flips[shots]
        gradient = self.decoder.gradient(self.events[shots], flips, self.priors(offsets))
        whole = gradient.of_syndrome if flips is None else gradient.of_likelihood
        tied = np.bincount(self.parameters, whole, len(offsets) - 1)
        return np.asarray(np.append(tied, whole @ self.own) / len(shots))

    def loss(self, offsets: FloatArray) -> FloatArray:
        """Return the negative log-likelihood of every held-out shot."""
        posterior = self.decoder.posterior(self.events[self.held], self.priors(offsets))
        if self.flips is None:
            return -posterior.log_syndrome
        classes = number_classes(self.flips[self.held])
        # A beam that gives the truth no chance at all must not decide alone.
        return -np.maximum(posterior.log_classes[np.arange(len(classes)), classes], -20.0)


def fit_priors(
    dems: stim.DetectorErrorModel | Sequence[stim.DetectorErrorModel],
    events: EventArray | Sequence[EventArray],
    flips: EventArray | Sequence[EventArray] | None = None,
    *,
    decoder: str = "frontier",
    beam: int | None = None,
    validation: float = 0.1,
    epochs: int = 8,
    batch: int = 512,
    learning_rate: float = 0.03,
    seed: int = 0,
    memo: Memo | None = None,
    progress: Progress = silent,
) -> FittedPriors:
    """Learn the probabilities of detector error models from shots of their experiments.

    With flips, the parameters are those that make the flips most probable given the syndromes (discriminative);
    without, those that make the syndromes most probable. Experiments of different length that are given together share
    their parameters (see `tying.tie`). Each epoch is remembered, so that interrupted work goes on with the same bits.

    Args:
        dems: where to start from, one for each experiment.
        events: detection events of each, shape [shots, num_detectors].
        flips: of the observables of each, shape [shots, num_observables], or none at all.
        decoder: what the models are for: ``"frontier"``, ``"pymatching"`` or ``"pymatching-correlated"``.
        beam: states that a beam keeps while learning; `None` as in `FrontierDecoder`.
        validation: share of the shots to stop by, in (0, 1).
        epochs: passes over the shots, at most.
        batch: shots a step.
        learning_rate: of Adam, in log-odds; it falls to nothing over the epochs.
        seed: of the split and of the order of the shots.
        memo: remembers finished epochs.
        progress: hears of every epoch.

    Raises:
        InvalidValueError: experiments that do not fit together, no shots, or flips of one class only.

    Source: ours. The gradient of a class probability is a difference of posterior means of the errors; Adam, Kingma
    and Ba, arXiv:1412.6980. That priors can be learned by gradients is also shown in arXiv:2602.19722.
    """
    if not 0 < validation < 1:
        raise InvalidValueError(f"`validation` must be in (0, 1), got {validation}.")
    if decoder in ("pymatching", "pymatching-correlated"):
        from qloop.decoding.matching_priors import fit_matching_priors

        return fit_matching_priors(
            dems, events, flips, decoder=decoder, validation=validation, seed=seed, memo=memo, progress=progress
        )
    if decoder != "frontier":
        known = ("frontier", "pymatching", "pymatching-correlated")
        raise InvalidValueError(f"priors cannot be fitted for `{decoder}`: {nearest(decoder, known)}")
    for name, number, low in (("epochs", epochs, 1), ("batch", batch, 1)):
        if number < low:
            raise InvalidValueError(f"`{name}` must be at least {low}, got {number}.")
    experiments, size = _experiments(dems, events, flips, beam, validation, seed)
    memo = memo or NoMemo()
    key = content_key(
        "fit_priors", [str(e.decoder.model.dem) for e in experiments], [e.events for e in experiments],
        None if flips is None else [e.flips for e in experiments], size, beam, validation, epochs, batch, learning_rate,
        seed,
    )  # fmt: skip
    state: dict[str, Any] = {"offsets": np.zeros(size), "first": np.zeros(size), "second": np.zeros(size), "steps": 0}
    best, history, chosen = state["offsets"], [_validate(experiments, state["offsets"])], 0
    for epoch in range(1, epochs + 1):
        progress(Event(stage="fit", text=f"validation {history[-1]:.4f}", done=epoch - 1, total=epochs))
        go_on = partial(_epoch, experiments, state, epoch, epochs, batch, learning_rate, seed)
        state = remembered(memo, f"{key}-{epoch}", go_on)
        history.append(float(state["loss"]))
        if history[-1] < history[chosen]:
            best, chosen = state["offsets"], epoch
        elif epoch - chosen >= _PATIENCE:
            break
    progress(Event(stage="fit", text=f"validation {history[chosen]:.4f}", done=epochs, total=epochs))
    fitted = tuple(e.decoder.model.with_priors(e.priors(best), tag_for(decoder)) for e in experiments)
    return FittedPriors(dems=fitted, decoder=decoder, num_parameters=size, history=tuple(history), best=chosen)


def tag_for(decoder: str) -> str:
    """Return the tag of errors whose probabilities were fitted for a decoder."""
    return f"fitted for {decoder}"


def as_list(value: Any, single: type | tuple[type, ...]) -> list[Any]:
    """Return a sequence of experiments as a list, and what belongs to a single one as a list of it."""
    return [value] if isinstance(value, single) else list(value)


def check_shots(
    models: Sequence[ErrorModel], events: Any, flips: Any, validation: float
) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8] | None]]:
    """Return events and flips of every experiment as zeros and ones.

    Args:
        models: of the experiments.
        events: as for `fit_priors`.
        flips: as for `fit_priors`.
        validation: share of the shots that is held out.

    Raises:
        InvalidValueError: what does not fit, nothing held out or nothing left, or flips of one class only.
    """
    seen = as_list(events, np.ndarray)
    known = [None] * len(models) if flips is None else as_list(flips, np.ndarray)
    if not models or not len(models) == len(seen) == len(known):
        raise InvalidValueError(
            f"every experiment has a model, events and flips, got {len(models)}, {len(seen)} and {len(known)}."
        )
    made = []
    for model, shots, truth in zip(models, seen, known, strict=True):
        checked = model.check_events(shots)
        held = round(validation * len(checked))
        if not 0 < held < len(checked):
            raise InvalidValueError(f"`validation` must leave shots on both sides, got {held} of {len(checked)}.")
        if truth is not None:
            truth = model.check_flips(truth, len(checked))
            if (truth == truth[0]).all():
                raise InvalidValueError("`flips` must hold more than one class: nothing can be learned from one.")
        made.append((checked, truth))
    return made


def _experiments(
    dems: Any, events: Any, flips: Any, beam: int | None, validation: float, seed: int
) -> tuple[list[_Experiment], int]:
    decoders = [FrontierDecoder(dem, beam) for dem in as_list(dems, stim.DetectorErrorModel)]
    models = [decoder.model for decoder in decoders]
    shots = check_shots(models, events, flips, validation)
    parameters, size = tie(models)
    starts = [np.log(model.priors / (1 - model.priors)) for model in models]
    tied = np.concatenate(parameters)
    means = np.bincount(tied, np.concatenate(starts), size) / np.bincount(tied, minlength=size)
    made = []
    for number, (decoder, index, start, (seen, truth)) in enumerate(
        zip(decoders, parameters, starts, shots, strict=True)
    ):
        order = make_rng(seed, "split", number).permutation(len(seen))
        held = round(validation * len(seen))
        made.append(
            _Experiment(
                decoder=decoder, common=means[index], own=start - means[index], parameters=index, events=seen,
                flips=truth, train=np.sort(order[held:]), held=np.sort(order[:held]),
            )
        )  # fmt: skip
    return made, size + 1


def _validate(experiments: Sequence[_Experiment], offsets: FloatArray) -> float:
    return float(np.mean([e.loss(offsets).mean() for e in experiments]))


def _epoch(
    experiments: Sequence[_Experiment],
    state: dict[str, Any],
    epoch: int,
    epochs: int,
    batch: int,
    rate: float,
    seed: int,
) -> dict[str, Any]:
    """Return parameters, moments and validation loss after one pass over all shots, in an order of its own."""
    rng = make_rng(seed, "epoch", epoch)
    shuffled = [rng.permutation(e.train) for e in experiments]
    batches = [
        (e, order[first : first + batch])
        for e, order in zip(experiments, shuffled, strict=True)
        for first in range(0, len(order), batch)
    ]
    offsets, first, second, steps = (state[name] for name in ("offsets", "first", "second", "steps"))
    total = epochs * len(batches)
    for number in rng.permutation(len(batches)):
        experiment, shots = batches[number]
        steps += 1
        gradient = experiment.step(offsets, shots) - _HOLD * offsets
        first = _MOMENTA[0] * first + (1 - _MOMENTA[0]) * gradient
        second = _MOMENTA[1] * second + (1 - _MOMENTA[1]) * gradient**2
        slope = first / (1 - _MOMENTA[0] ** steps)
        spread = np.sqrt(second / (1 - _MOMENTA[1] ** steps))
        offsets = offsets + rate * np.cos(np.pi / 2 * steps / (total + 1)) * slope / (spread + _SMALL)
    loss = _validate(experiments, offsets)
    return {"offsets": offsets, "first": first, "second": second, "steps": steps, "loss": loss}
