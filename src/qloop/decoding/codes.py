"""Memory experiments of codes as Stim circuits."""

import stim

from qloop.core.errors import InvalidValueError
from qloop.decoding.noise import CircuitNoise


def surface_code(distance: int, rounds: int, noise: CircuitNoise | None = None, basis: str = "Z") -> stim.Circuit:
    """Return a memory experiment of the rotated surface code.

    Args:
        distance: odd, at least 3.
        rounds: rounds of stabilizer measurements, at least 1.
        noise: what to apply; `None` for the noiseless circuit.
        basis: ``"X"`` or ``"Z"``: the logical operator that is kept.

    Raises:
        InvalidValueError: a value out of range.
    """
    if basis not in ("X", "Z"):
        raise InvalidValueError(f'`basis` must be "X" or "Z", got {basis!r}.')
    return _memory(f"surface_code:rotated_memory_{basis.lower()}", distance, rounds, noise)


def repetition_code(distance: int, rounds: int, noise: CircuitNoise | None = None) -> stim.Circuit:
    """Return a memory experiment of the repetition code that protects a bit.

    Args:
        distance: odd, at least 3.
        rounds: rounds of parity measurements, at least 1.
        noise: what to apply; `None` for the noiseless circuit.

    Raises:
        InvalidValueError: a value out of range.
    """
    return _memory("repetition_code:memory", distance, rounds, noise)


def _memory(task: str, distance: int, rounds: int, noise: CircuitNoise | None) -> stim.Circuit:
    if distance < 3 or distance % 2 == 0:
        raise InvalidValueError(f"`distance` must be odd and at least 3, got {distance}.")
    if rounds < 1:
        raise InvalidValueError(f"`rounds` must be at least 1, got {rounds}.")
    circuit = stim.Circuit.generated(task, distance=distance, rounds=rounds)
    return circuit if noise is None else noise.apply(circuit)
