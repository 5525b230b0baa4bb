"""Simultaneous perturbation: minimise a noisy function with two evaluations a step, whatever the dimension."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def minimise_spsa(
    evaluate: Callable[[FloatArray, FloatArray], tuple[float, float]],
    start: FloatArray,
    rng: np.random.Generator,
    *,
    steps: int,
    first_step: float = 0.1,
    perturbation: float = 0.1,
) -> FloatArray:
    """Return the mean of the last quarter of an SPSA run.

    The gain is set so that the first steps move each parameter by about `first_step`.

    Args:
        evaluate: returns the function at two points, noise independent between calls.
        start: first point, shape [dimension].
        rng: source of perturbation signs.
        steps: number of steps, two evaluations each, the calibration of the gain included.
        first_step: radians.
        perturbation: radians, falls slowly.

    Source: Spall, IEEE Transactions on Automatic Control 37 (1992) 332, with the gains of Spall (1998): exponents 0.602
    and 0.101.
    """
    point = start.copy()
    if not len(point):
        return point
    calibration = max(1, steps // 10)
    slopes = [abs(_slope(evaluate, point, rng, perturbation)[0]) for _ in range(calibration)]
    stability = 0.1 * steps
    gain = first_step * (1 + stability) ** 0.602 / max(float(np.mean(slopes)), 1e-9)
    tail = []
    for k in range(steps - calibration):
        slope, signs = _slope(evaluate, point, rng, perturbation / (k + 1) ** 0.101)
        step = gain / (k + 1 + stability) ** 0.602 * slope
        # One unlucky slope must not throw the search out of its basin.
        point = point - np.clip(step, -2 * first_step, 2 * first_step) * signs
        if k >= 3 * (steps - calibration) // 4:
            tail.append(point)
    return np.mean(tail, axis=0) if tail else point


def _slope(
    evaluate: Callable[[FloatArray, FloatArray], tuple[float, float]],
    point: FloatArray,
    rng: np.random.Generator,
    size: float,
) -> tuple[float, FloatArray]:
    signs = rng.choice([-1.0, 1.0], len(point))
    plus, minus = evaluate(point + size * signs, point - size * signs)
    return (plus - minus) / (2 * size), signs
