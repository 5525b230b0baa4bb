"""Probabilities that hold: calibration on shots whose flips are known, and the flag for review."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng
from qloop.decoding.posterior import Decoded, Posterior

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
BINS = 15
"""Equal bins of confidence between a guess and certainty."""
_FEWEST = 100
_NEARLY = 1e-12


@dataclass(frozen=True)
class Temperature:
    """Log-odds of being right that are divided by a number.

    Args:
        value: above 1 for a decoder that is too sure.

    Source: Guo et al., arXiv:1706.04599.
    """

    value: float

    @classmethod
    def fit(cls, confidence: FloatArray, right: BoolArray) -> "Temperature":
        """Return the most likely one, from 1/20 to 20."""
        from scipy.optimize import minimize_scalar

        def loss(log: float) -> float:
            return _loss(cls(float(np.exp(log))).convert(confidence), right)

        return cls(float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x)))

    def convert(self, confidence: FloatArray) -> FloatArray:
        """Return what stated confidences are worth."""
        inside = np.clip(confidence, _NEARLY, 1 - _NEARLY)
        return np.asarray(1 / (1 + ((1 - inside) / inside) ** (1 / self.value)))


@dataclass(frozen=True, eq=False)
class Isotonic:
    """A rising curve through the shares of right answers.

    Args:
        stated: confidences, ascending.
        measured: what they are worth; straight lines lie in between.

    Source: Zadrozny and Elkan, KDD 2002, doi:10.1145/775047.775151.
    """

    stated: FloatArray
    measured: FloatArray

    @classmethod
    def fit(cls, confidence: FloatArray, right: BoolArray) -> "Isotonic":
        """Return the most likely one."""
        from scipy.optimize import isotonic_regression

        stated, place, shots = np.unique(confidence, return_inverse=True, return_counts=True)
        steps = isotonic_regression(np.bincount(place, right) / shots, weights=shots)
        ends = np.unique([steps.blocks[:-1], steps.blocks[1:] - 1])
        # So many shots prove no certainty.
        least = 0.5 / len(right)
        return cls(stated[ends], steps.x[ends].clip(least, 1 - least))

    def convert(self, confidence: FloatArray) -> FloatArray:
        """Return what stated confidences are worth."""
        return np.interp(confidence, self.stated, self.measured)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How a decoder's confidence becomes one that holds.

    Args:
        curve: from the stated confidence to the one that holds.
        error_before: expected calibration error as the decoder states its confidence.
        error_after: the same after calibration, each half of the shots by a curve from the other half.
        coverage: of 15 equal groups of shots, from the least to the most confident, the share in which the number of
            right answers is within two standard errors of what the calibrated confidence says: about 0.95 where it
            holds.
    """

    curve: Temperature | Isotonic
    error_before: float
    error_after: float
    coverage: float

    def apply(self, answer: Posterior | Decoded) -> Decoded:
        """Return the answer with a confidence that holds; predictions stay.

        Raises:
            InvalidValueError: the answer has no confidence.
        """
        return Decoded(predictions=answer.predictions, confidence=self.curve.convert(_confidence(answer)))

    def review(self, answer: Posterior | Decoded, fraction: float) -> BoolArray:
        """Return which shots to look at again: the least confident, a fraction of all.

        Raises:
            InvalidValueError: no confidence, or a fraction outside [0, 1].
        """
        # By the stated confidence: the curve keeps its order, but for ties.
        return review(_confidence(answer), fraction)


def calibrate(answer: Posterior | Decoded, flips: ArrayLike, *, seed: int = 0) -> Calibration:
    """Learn how far a decoder's confidence can be trusted.

    A temperature and an isotonic curve are each fitted on one half of the shots and judged on the other, and the other
    way round. The one with the better likelihood is fitted again on all shots.

    Args:
        answer: a decoder's, with confidence.
        flips: what was measured, shape [shots, num_observables], or [shots] for one observable.
        seed: of the split.

    Raises:
        InvalidValueError: no confidence, another shape, fewer than 100 shots, or all of them right or all wrong.
    """
    confidence, right = _confidence(answer), ~_wrong(answer, flips)
    if len(right) < _FEWEST:
        raise InvalidValueError(f"calibration needs at least {_FEWEST} shots, got {len(right)}.")
    if right.all() or not right.any():
        raise InvalidValueError(f"calibration needs right and wrong answers, got {right.sum()} right of {len(right)}.")
    halves = np.arange(len(right)) % 2 == 0
    make_rng(seed, "calibrate").shuffle(halves)
    fits: tuple[Callable[[FloatArray, BoolArray], Temperature | Isotonic], ...] = (Temperature.fit, Isotonic.fit)
    held_out = []
    for fit in fits:
        held_out.append(np.empty(len(right)))
        for half in (halves, ~halves):
            held_out[-1][~half] = fit(confidence[half], right[half]).convert(confidence[~half])
    best = int(np.argmin([_loss(after, right) for after in held_out]))
    return Calibration(
        curve=fits[best](confidence, right),
        error_before=calibration_error(confidence, right),
        error_after=calibration_error(held_out[best], right),
        coverage=_coverage(held_out[best], right),
    )


def calibration_error(confidence: ArrayLike, right: ArrayLike) -> float:
    """Return the expected calibration error: how far confidence and share of right answers are apart on average.

    Args:
        confidence: shape [shots]; the bins divide [1/2, 1], what is below counts in the first.
        right: whether the answers were right, shape [shots].

    Source: Guo et al., arXiv:1706.04599, equation 3.
    """
    stated, hits = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    return float(np.abs(np.bincount(bins_of(stated), hits - stated, BINS)).sum() / len(stated))


def bins_of(confidence: FloatArray) -> NDArray[np.int64]:
    """Return the bin of every confidence; the most probable of many classes may be below one half, in the first."""
    return ((2 * confidence - 1) * BINS).astype(np.int64).clip(0, BINS - 1)


def review(confidence: ArrayLike, fraction: float) -> BoolArray:
    """Return which shots are the least confident, a fraction of all, rounded; of equals those that come first.

    Raises:
        InvalidValueError: a fraction outside [0, 1].
    """
    if not 0 <= fraction <= 1:
        raise InvalidValueError(f"`fraction` must be in [0, 1], got {fraction}.")
    stated = np.asarray(confidence, np.float64)
    flagged = np.zeros(len(stated), bool)
    flagged[np.argsort(stated, kind="stable")[: round(fraction * len(stated))]] = True
    return flagged


def risk_coverage(confidence: ArrayLike, wrong: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the share of shots kept and the error among them, as ever less confident ones are kept too.

    Args:
        confidence: shape [shots].
        wrong: whether the answers were wrong, shape [shots].

    Returns:
        Coverage, from one shot to all, and risk; both of shape [shots].

    Source: El-Yaniv and Wiener, J. Mach. Learn. Res. 11, 1605 (2010).
    """
    stated, missed = np.asarray(confidence, np.float64), np.asarray(wrong, np.float64)
    if stated.shape != missed.shape or stated.ndim != 1:
        raise InvalidValueError(f"`confidence` and `wrong` must match, got shapes {stated.shape} and {missed.shape}.")
    kept = np.arange(1, len(stated) + 1)
    return kept / len(stated), missed[np.argsort(-stated, kind="stable")].cumsum() / kept


def _confidence(answer: Posterior | Decoded) -> FloatArray:
    if answer.confidence is None:
        raise InvalidValueError("a confidence is needed, and this decoder states none.")
    return answer.confidence


def _wrong(answer: Posterior | Decoded, flips: ArrayLike) -> BoolArray:
    truth = np.asarray(flips, bool)
    truth = truth[:, None] if truth.ndim == 1 else truth
    if truth.shape != answer.predictions.shape:
        raise InvalidValueError(f"`flips` must have shape {answer.predictions.shape}, got {np.shape(flips)}.")
    return np.asarray((truth != answer.predictions).any(axis=1))


def _loss(confidence: FloatArray, right: BoolArray) -> float:
    """Return the mean negative log-likelihood."""
    return float(-np.log(np.where(right, confidence, 1 - confidence).clip(_NEARLY)).mean())


def _coverage(confidence: FloatArray, right: BoolArray) -> float:
    held = 0
    for group in np.array_split(np.argsort(confidence, kind="stable"), BINS):
        spread = np.sqrt((confidence[group] * (1 - confidence[group])).sum())
        held += abs(right[group].sum() - confidence[group].sum()) <= 2 * spread
    return held / BINS
