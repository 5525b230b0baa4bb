"""Steps that keep the number of ones: diagonals, exchanges between pairs of states, and constant matrices.

Each has `apply` and `undo`, which goes back with the ket and the bra of adjoint differentiation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.diagonal import cosines_and_sines

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Diagonal:
    """Phases that are affine in the parameters: `constant` plus a parameter times its row."""

    constant: FloatArray
    parameters: tuple[int, ...]
    rows: tuple[FloatArray, ...]

    def apply(self, ket: ComplexArray, theta: FloatArray) -> None:
        """Apply the step in place."""
        _turn(ket, *self._phases(theta))

    def undo(self, ket: ComplexArray, bra: ComplexArray, theta: FloatArray, gradient: FloatArray) -> None:
        """Undo the step on both states and add to the gradient of ``<ket| H |ket>``, bra = H ket."""
        flow = 2 * (ket.real * bra.imag - ket.imag * bra.real)
        for parameter, row in zip(self.parameters, self.rows, strict=True):
            gradient[parameter] += row @ flow
        cosines, sines = self._phases(theta)
        _turn(ket, cosines, -sines)
        _turn(bra, cosines, -sines)

    def _phases(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        angles = self.constant.copy()
        for parameter, row in zip(self.parameters, self.rows, strict=True):
            angles += theta[parameter] * row
        cosines, sines = np.empty_like(angles), np.empty_like(angles)
        cosines_and_sines(angles, cosines, sines)
        return cosines, sines


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of states that differ by one mask; all pairs of a kind turn alike.

    Args:
        low: place of the state with the lower number, shape [pairs].
        high: of the other.
        kind: shape [pairs].
        signs: (-1)^|z & state| of each Pauli string by kind, shape [strings, kinds].
        leaving: kinds of which some state's partner has another number of ones.
    """

    low: NDArray[np.int32]
    high: NDArray[np.int32]
    kind: NDArray[np.int32]
    signs: FloatArray
    leaving: IntArray


@dataclass(frozen=True, eq=False)
class Exchange:
    """``exp(-i (g |high><low| + h.c.))`` on every pair, g affine in the parameters and its phase fixed.

    Args:
        pairs: of states.
        constant: part of g by kind, shape [kinds].
        parameters: shape [m].
        slopes: of g by parameter and kind, shape [m, kinds].
    """

    pairs: Pairs
    constant: ComplexArray
    parameters: IntArray
    slopes: ComplexArray

    def apply(self, ket: ComplexArray, theta: FloatArray) -> None:
        """Apply the step in place."""
        _exchange(ket, self.pairs.low, self.pairs.high, self.pairs.kind, *self._turns(theta))

    def undo(self, ket: ComplexArray, bra: ComplexArray, theta: FloatArray, gradient: FloatArray) -> None:
        """Undo the step on both states and add to the gradient of ``<ket| H |ket>``, bra = H ket."""
        pairs, (cosines, sines) = self.pairs, self._turns(theta)
        flow = np.zeros(len(self.constant), np.complex128)
        _unexchange(ket, bra, pairs.low, pairs.high, pairs.kind, cosines, sines, flow)
        gradient[self.parameters] += 2 * (self.slopes @ flow).imag

    def _turns(self, theta: FloatArray) -> tuple[FloatArray, ComplexArray]:
        g = self.constant + theta[self.parameters] @ self.slopes
        return np.cos(abs(g)), -1j * np.sin(abs(g)) * np.exp(1j * np.angle(g))


@dataclass(frozen=True, eq=False)
class Fixed:
    """A constant unitary, sparse."""

    matrix: Any
    adjoint: Any

    def apply(self, ket: ComplexArray, theta: FloatArray) -> None:
        """Apply the step in place."""
        ket[:] = self.matrix @ ket

    def undo(self, ket: ComplexArray, bra: ComplexArray, theta: FloatArray, gradient: FloatArray) -> None:
        """Undo the step on both states and add to the gradient of ``<ket| H |ket>``, bra = H ket."""
        ket[:], bra[:] = self.adjoint @ ket, self.adjoint @ bra


@compiled
def _turn(state, cosines, sines):  # type: ignore[no-untyped-def]
    for k in range(len(state)):
        state[k] *= complex(cosines[k], sines[k])


@compiled
def _exchange(state, low, high, kind, cosines, sines):  # type: ignore[no-untyped-def]
    for k in range(len(low)):
        c, s, u, v = cosines[kind[k]], sines[kind[k]], state[low[k]], state[high[k]]
        state[low[k]] = c * u - np.conj(s) * v
        state[high[k]] = c * v + s * u


@compiled
def _unexchange(ket, bra, low, high, kind, cosines, sines, flow):  # type: ignore[no-untyped-def]
    """Undo the exchange of both states; `flow` gains, by kind, what the imaginary part of g's slope multiplies."""
    for k in range(len(low)):
        bra_low, bra_high = bra[low[k]], bra[high[k]]
        flow[kind[k]] += np.conj(bra_high) * ket[low[k]] - bra_low * np.conj(ket[high[k]])
    _exchange(ket, low, high, kind, cosines, -sines)
    _exchange(bra, low, high, kind, cosines, -sines)
