"""Search of the qubit encoding: a CNOT change of basis that makes the excitations that matter short."""

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]


def search_encoding(
    patterns: Bits,
    weights: NDArray[np.float64],
    rng: np.random.Generator,
    steps: int = 1500,
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
    matrix = np.eye(size, dtype=np.uint8)
    image = patterns.T.copy()
    best, cost, lowest = matrix.copy(), 0.0, 0.0
    cooling = 0.01 ** (1 / steps)
    for _ in range(steps if size > 1 else 0):
        row, other = rng.choice(size, 2, replace=False)
        changed = image[row] ^ image[other]
        # Only this row's bits change, and with them the lengths of the patterns; an image never vanishes.
        delta = float(weights @ (changed.astype(np.int64) - image[row]))
        temperature *= cooling
        if delta <= 0 or rng.random() < np.exp(-delta / temperature):
            image[row] = changed
            matrix[row] ^= matrix[other]
            cost += delta
            if cost <= lowest + 1e-9:
                best, lowest = matrix.copy(), cost
    return best
