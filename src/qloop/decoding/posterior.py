"""What decoders answer: the flips that they predict, and how sure they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def number_classes(flips: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return the class of each shot: the number whose bit k says whether observable k is flipped.

    Args:
        flips: shape [shots, num_observables].
    """
    return np.asarray(flips, np.int64) @ (1 << np.arange(flips.shape[1]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """Predicted flips of the observables.

    Args:
        predictions: shape [shots, num_observables], bool.
        confidence: the decoder's own probability that a shot's whole prediction is right, shape [shots]; `None` for
            decoders that have none.
    """

    predictions: NDArray[np.bool_]
    confidence: FloatArray | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Posterior:
    """Probability of every class of the observables, given the syndrome.

    A class is a number whose bit k says whether observable k is flipped.

    Args:
        log_classes: log-probability of every class, normalised; shape [shots, 2^num_observables].
        log_syndrome: log-probability of the syndrome, of which a beam knows a lower bound; shape [shots].
        exact: whether no state was left out.
        states: largest number of frontier states that were kept, per shot; shape [shots].
    """

    log_classes: FloatArray
    log_syndrome: FloatArray
    exact: bool
    states: NDArray[np.int64]

    @property
    def num_observables(self) -> int:
        """Observables."""
        return int(self.log_classes.shape[1]).bit_length() - 1

    @property
    def predictions(self) -> NDArray[np.bool_]:
        """The most probable class of each shot as bits, shape [shots, num_observables]."""
        best = self.log_classes.argmax(axis=1)
        return np.asarray(best[:, None] >> np.arange(self.num_observables) & 1, bool)

    @property
    def confidence(self) -> FloatArray:
        """Probability of the most probable class, shape [shots]."""
        return np.asarray(np.exp(self.log_classes.max(axis=1)))

    @property
    def flip_probability(self) -> FloatArray:
        """Probability that each observable is flipped, shape [shots, num_observables]."""
        flipped = np.arange(self.log_classes.shape[1])[:, None] >> np.arange(self.num_observables) & 1
        return np.asarray(np.minimum(np.exp(self.log_classes) @ flipped, 1.0))

    def decoded(self) -> Decoded:
        """Return the predictions with their confidence."""
        return Decoded(predictions=self.predictions, confidence=self.confidence)
