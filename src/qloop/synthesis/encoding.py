"""Search of the qubit encoding: a CNOT change of basis that makes the excitations that matter short."""

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.compiled import compiled

Bits = NDArray[np.uint8]


def search_encoding(
    patterns: Bits,
    weights: NDArray[np.float64],
    rng: np.random.Generator,
    steps: int = 6000,
    temperature: float = 2.0,
) -> Bits:
    """Anneal an invertible matrix over GF(2) that shortens bit patterns.

    A move adds one row to another, which is one CNOT; the cost is the weighted number of qubits beyond the first that
    each transformed pattern touches.

    Args:
        patterns: qubits that each excitation flips, shape [patterns, num_qubits].
        weights: importance of each.
        rng: source of moves.
        steps: moves.
        temperature: in cost units, falls geometrically to about 1 % of it.

    Returns:
        The best matrix met, shape [num_qubits, num_qubits], invertible.

    Source: ours; linear encodings are in Steudtner and Wehner, arXiv:1712.07067.
    """
    size = patterns.shape[1]
    identity = np.eye(size, dtype=np.uint8)
    if size < 2:
        return identity
    rows = rng.integers(size, size=steps)
    others = (rows + rng.integers(1, size, size=steps)) % size
    image = np.ascontiguousarray(patterns.T)
    best: Bits = _anneal(identity, image, weights, rows, others, rng.random(steps), temperature)
    return best


@compiled
def _anneal(matrix, image, weights, rows, others, chances, temperature):  # type: ignore[no-untyped-def]
    image, best = image.copy(), matrix.copy()
    cooling = 0.01 ** (1 / len(rows))
    cost, lowest = 0.0, 0.0
    for step in range(len(rows)):
        row, other = rows[step], others[step]
        # Only this row's bits change, and with them the lengths of the patterns; an image never vanishes.
        delta = 0.0
        for k in range(len(weights)):
            if image[other, k]:
                delta += weights[k] * (1.0 - 2.0 * image[row, k])
        temperature *= cooling
        if delta <= 0 or chances[step] < np.exp(-delta / temperature):
            image[row] ^= image[other]
            matrix[row] ^= matrix[other]
            cost += delta
            if cost <= lowest + 1e-9:
                best[:], lowest = matrix, cost
    return best


def warm_up() -> None:
    """Compile the kernel."""
    search_encoding(np.eye(2, dtype=np.uint8), np.ones(2), np.random.default_rng(0), steps=2)
