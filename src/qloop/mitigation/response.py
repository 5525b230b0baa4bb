"""`Response`: how the bits that are read depend on the state, qubit by qubit and setting by setting."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
LEAST_SIGNAL = 0.1
"""A qubit that keeps less of its signal is corrected as if it kept this share: noise grows tenfold at most."""


@dataclass(frozen=True, eq=False)
class Response:
    """A product of 2 x 2 matrices per measurement setting.

    Args:
        matrices: quasi-probability of reading the row given the column, shape [settings, num_qubits, 2, 2].
    """

    matrices: FloatArray

    def corrected_weights(self, weights: FloatArray) -> FloatArray:
        """Return weights on read outcomes whose mean is the mean of the given weights on true outcomes.

        Args:
            weights: shape [..., settings, 2^num_qubits].
        """
        settings, num_qubits = self.matrices.shape[:2]
        inverse = np.linalg.inv(self.matrices)
        result = weights.reshape(-1, settings, 2**num_qubits)
        for q in range(num_qubits):
            split = result.reshape(len(result), settings, -1, 2, 2**q)
            (a, b), (c, d) = inverse[:, q, :, :, None, None].transpose(2, 1, 0, 3, 4)
            zero, one = split[..., 0, :], split[..., 1, :]
            result = np.stack([a * zero + b * one, c * zero + d * one], axis=-2)
        return result.reshape(*weights.shape[:-2], settings, 2**num_qubits)


def identity_response(settings: int, num_qubits: int) -> Response:
    """Return the response of a perfect readout."""
    return Response(np.broadcast_to(np.eye(2), (settings, num_qubits, 2, 2)))
