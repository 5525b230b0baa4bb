"""Probabilities that hold: calibration on held-out shots, and the flag for review."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng
from qloop.decoding.posterior import Decoded, Posterior

FloatArray = NDArray[np.float64]
BINS = 15
"""Equal bins of confidence between a guess and certainty."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """How a decoder's stated confidence becomes one that holds.

    Args:
        method: ``"temperature"``: the log-odds of being right are divided by `temperature`; ``"isotonic"``: a monotone
            step function of the stated confidence, given by `stated` and `measured`.
        temperature: above 1 for a decoder that is too sure.
        stated: confidences, ascending.
        measured: what they are worth.
        error_before: expected calibration error on held-out shots as the decoder states it.
        error_after: the same after calibration.
        coverage: of the held-out shots, how many standard errors the number of wrong ones is away from what the
            calibrated confidences say.
    """

    method: Literal["temperature", "isotonic"]
    temperature: float
    stated: FloatArray
    measured: FloatArray
    error_before: float
    error_after: float
    coverage: float

    def apply(self, answer: Posterior | Decoded) -> Decoded:
        """Return the answer with a confidence that holds; predictions stay."""
        confidence = _convert(self.method, self.temperature, self.stated, self.measured, _confidence(answer))
        return Decoded(predictions=answer.predictions, confidence=confidence)

    def review(self, answer: Posterior | Decoded, fraction: float) -> NDArray[np.bool_]:
        """Return which shots to look at again: the least confident, ``fraction`` of all.

        Raises:
            InvalidValueError: a fraction outside [0, 1].
        """
        return review(_confidence(answer), fraction)


def calibrate(answer: Posterior | Decoded, flips: ArrayLike, *, seed: int = 0) -> Calibration:
    """Learn how far a decoder's confidence can be trusted.

    Temperature and isotonic regression are fitted on one half of the shots; the one with the better likelihood on the
    other half is taken, and judged there.

    Args:
        answer: of the decoder, with confidence.
        flips: what was measured, shape [shots, num_observables] or [shots].
        seed: of the split.

    Raises:
        InvalidValueError: no confidence, another number of shots, or fewer than 100.

    Source: temperature scaling and expected calibration error, Guo et al., arXiv:1706.04599.
    """
    from scipy.optimize import minimize_scalar
    from sklearn.isotonic import IsotonicRegression

    confidence, right = _confidence(answer), ~_wrong(answer, flips)
    if len(right) < 100:
        raise InvalidValueError(f"calibration needs at least 100 shots, got {len(right)}.")
    order = make_rng(seed, "calibrate").permutation(len(right))
    fit, test = order[: len(order) // 2], order[len(order) // 2 :]
    none = np.zeros(0)
    found = minimize_scalar(
        lambda log: _loss(_convert("temperature", float(np.exp(log)), none, none, confidence[fit]), right[fit]),
        bounds=(-2.0, 3.0),
        method="bounded",
    )
    steps = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(confidence[fit], right[fit])
    # Shrunk by one shot of each kind, so that a pure step is not certainty.
    counts = len(fit) / max(len(steps.X_thresholds_), 1)
    measured = (steps.y_thresholds_ * counts + 0.5) / (counts + 1)
    warm, stated = float(np.exp(found.x)), np.asarray(steps.X_thresholds_, np.float64)
    by_temperature = _convert("temperature", warm, none, none, confidence[test])
    by_steps = _convert("isotonic", 1.0, stated, measured, confidence[test])
    scaled = _loss(by_temperature, right[test]) <= _loss(by_steps, right[test])
    after = by_temperature if scaled else by_steps
    spread = np.sqrt((after * (1 - after)).sum())
    return Calibration(
        method="temperature" if scaled else "isotonic",
        temperature=warm if scaled else 1.0,
        stated=none if scaled else stated,
        measured=none if scaled else np.asarray(measured, np.float64),
        error_before=calibration_error(confidence[test], right[test]),
        error_after=calibration_error(after, right[test]),
        coverage=float((right[test].sum() - after.sum()) / max(spread, 1e-12)),
    )


def calibration_error(confidence: ArrayLike, right: ArrayLike) -> float:
    """Return the expected calibration error: mean distance of confidence and share of right answers, over 15 bins."""
    stated, hits = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    bins = np.clip(((stated - 0.5) * 2 * BINS).astype(int), 0, BINS - 1)
    gaps = np.bincount(bins, hits - stated, BINS)
    return float(np.abs(gaps).sum() / len(stated))


def review(confidence: ArrayLike, fraction: float) -> NDArray[np.bool_]:
    """Return the least confident shots, ``fraction`` of all, rounded; of equals those that come first."""
    if not 0 <= fraction <= 1:
        raise InvalidValueError(f"`fraction` must be in [0, 1], got {fraction}.")
    stated = np.asarray(confidence, np.float64)
    flagged = np.zeros(len(stated), bool)
    flagged[np.argsort(stated, kind="stable")[: round(fraction * len(stated))]] = True
    return flagged


def risk_coverage(confidence: ArrayLike, wrong: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the share of shots kept and the error among them, as ever less confident ones are kept too.

    Returns:
        Coverage, from one shot to all, and risk; both of shape [shots].
    """
    stated, missed = np.asarray(confidence, np.float64), np.asarray(wrong, np.float64)
    order = np.argsort(-stated, kind="stable")
    kept = np.arange(1, len(stated) + 1)
    return kept / len(stated), np.cumsum(missed[order]) / kept


def _confidence(answer: Posterior | Decoded) -> FloatArray:
    if answer.confidence is None:
        raise InvalidValueError("this decoder states no confidence: there is nothing to calibrate.")
    return answer.confidence


def _wrong(answer: Posterior | Decoded, flips: ArrayLike) -> NDArray[np.bool_]:
    truth = np.asarray(flips, bool)
    truth = truth[:, None] if truth.ndim == 1 else truth
    if truth.shape != answer.predictions.shape:
        raise InvalidValueError(f"`flips` must have shape {answer.predictions.shape}, got {np.shape(flips)}.")
    return np.asarray((truth != answer.predictions).any(axis=1))


def _convert(method: str, temperature: float, stated: FloatArray, measured: FloatArray, raw: FloatArray) -> FloatArray:
    if method == "isotonic":
        return np.interp(raw, stated, measured)
    inside = np.clip(raw, 1e-12, 1 - 1e-12)
    return np.asarray(1 / (1 + np.exp(-np.log(inside / (1 - inside)) / temperature)))


def _loss(confidence: FloatArray, right: NDArray[np.bool_]) -> float:
    chance = np.clip(np.where(right, confidence, 1 - confidence), 1e-9, 1)
    return float(-np.log(chance).mean())
