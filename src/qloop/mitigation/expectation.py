"""Expectation values as weighted means of outcome histograms, with their variances."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qloop.mitigation.response import Response

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Functional:
    """A sum over settings of a weighted mean over outcomes, for several points at once.

    Args:
        constant: shape [points].
        weights: value of each outcome, shape [points, settings, 2^num_qubits].
        selected: outcomes kept by post-selection, 0 or 1, shape [settings, 2^num_qubits]; all ones where a setting
            cannot tell.
    """

    constant: FloatArray
    weights: FloatArray
    selected: FloatArray

    def at(self, points: NDArray[np.integer] | list[int]) -> "Functional":
        """Return the functional of some points."""
        return Functional(constant=self.constant[points], weights=self.weights[points], selected=self.selected)


@dataclass(frozen=True, eq=False, kw_only=True)
class Expectation:
    """Values with their shot noise.

    Args:
        values: shape [points].
        variances: of the values, shape [points].
        spreads: standard deviation of one shot in each setting, shape [points, settings].
        scores: what each read outcome adds to its setting's mean, to first order; shape [points, settings,
            2^num_qubits].
    """

    values: FloatArray
    variances: FloatArray
    spreads: FloatArray
    scores: FloatArray


class Estimator:
    """A functional with a correction, prepared once for many histograms.

    With post-selection a setting's mean is a ratio of two corrected means; its variance is that of the linearised
    ratio. Where less than half a shot is kept, the setting's mean is that of all its shots. A setting without shots
    contributes its constant part only.

    Args:
        functional: what to evaluate.
        response: what the readout did; the identity for raw counts.
        postselect: whether to keep `functional.selected` outcomes only.
    """

    def __init__(self, functional: Functional, response: Response, postselect: bool = False) -> None:
        selected = functional.selected if postselect else np.ones_like(functional.selected)
        self._constant = functional.constant
        self._all = response.corrected_weights(functional.weights)
        self._selected = response.corrected_weights(functional.weights * selected) if postselect else self._all
        self._kept = response.corrected_weights(selected)

    def estimate(self, counts: FloatArray) -> Expectation:
        """Evaluate each point on its own histograms, shape [points, settings, 2^num_qubits]."""
        frequency, shots, norm, few = self._normalise(counts)
        weights = np.where(few[..., None], self._all, self._selected)
        kept = np.where(few[..., None], 1.0, self._kept)
        mean = np.einsum("psk,psk->ps", frequency, weights) / norm
        scores = (weights - mean[..., None] * kept) / norm[..., None]
        first = np.einsum("psk,psk->ps", frequency, scores)
        spread = np.maximum(np.einsum("psk,psk->ps", frequency, scores**2) - first**2, 0.0)
        return Expectation(
            values=self._constant + mean.sum(-1),
            variances=(spread / np.maximum(shots, 1)).sum(-1),
            spreads=np.sqrt(spread),
            scores=scores,
        )

    def tabulate(self, counts: FloatArray) -> FloatArray:
        """Evaluate every point on every histogram: [histograms, settings, 2^num_qubits] to [histograms, points]."""
        frequency, _, norm, few = self._normalise(counts)
        values = self._constant + np.tensordot(frequency / norm[..., None], self._selected, ((1, 2), (1, 2)))
        if few.any():
            values += np.tensordot(frequency * few[..., None], self._all - self._selected, ((1, 2), (1, 2)))
        return values

    def _normalise(self, counts: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
        """Return frequencies, shots, kept share (1 where too few are kept) and where too few are kept."""
        shots = counts.sum(-1)
        frequency = counts / np.maximum(shots, 1)[..., None]
        norm = np.einsum("psk,sk->ps", frequency, self._kept)
        few = norm * shots < 0.5
        return frequency, shots, np.where(few, 1.0, norm), few
