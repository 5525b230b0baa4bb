"""A gate as a Fourier series in its angles: what both an automatic and a shifted derivative need to know of it."""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.gates import CODES, GATES, gate_matrix

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A unitary as ``sum_t matrices[t] exp(i exponents[t] . angles)``.

    Args:
        exponents: shape [terms, num_angles].
        matrices: shape [terms, 2^k, 2^k].
    """

    exponents: FloatArray
    matrices: ComplexArray

    def frequencies(self, angle: int) -> FloatArray:
        """Return the positive frequencies, ascending, that any expectation value can have in one of the angles."""
        own = np.unique(self.exponents[:, angle])
        differences = np.unique(abs(own[:, None] - own))
        return differences[differences > 0]


@cache
def gate_spectrum(name: str, letters: tuple[int, ...] = ()) -> Spectrum:
    """Return the Fourier series of a gate with angles.

    Args:
        name: a gate of `gates.GATES`.
        letters: Pauli letters of a ``pauli_rotation``.
    """
    frequencies = np.array(GATES[CODES[name]].frequencies)
    # An angle has exponents -f, 0 and f: three equally spaced samples tell their coefficients apart.
    steps = np.array(list(product(range(3), repeat=len(frequencies))))
    samples = gate_matrix(name, 2 * np.pi / 3 / frequencies * steps, letters)
    orders = np.array(list(product((-1, 0, 1), repeat=len(frequencies))))
    waves = np.exp(-2j * np.pi / 3 * orders @ steps.T) / len(steps)
    matrices = np.tensordot(waves, samples, axes=1)
    keep = abs(matrices).max(axis=(1, 2)) > 1e-12
    return Spectrum(exponents=orders[keep] * frequencies, matrices=matrices[keep])
