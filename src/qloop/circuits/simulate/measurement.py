"""What is measured at the end of trajectories, observables or outcome probabilities, as a confused readout sees it.

The confusion is a linear map and is applied exactly: on observables beforehand, on probabilities afterwards.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.noise import Noise
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Program
from qloop.circuits.simulate import lanes
from qloop.circuits.simulate.rotations import Rotations

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Real = NDArray[np.floating]
Tiles = tuple[int, int]
"""The first of some tiles and the one after the last."""


class Terms(NamedTuple):
    """Pauli strings by X mask: group g has X mask x[g] and the Z masks start[g] to start[g + 1]."""

    x: IntArray
    start: IntArray
    z: IntArray


class Expectations:
    """Observables, with what is read for each Pauli in its place.

    Args:
        observables: on the program's outputs.
        program: whose outputs.
        noise: whose readout.
        rotations: the program lowered.

    Attributes:
        x: X masks of the strings to measure after the last rotation, shape [strings].
        z: their Z masks.
        num_outputs: observables.
        num_values: numbers that each tile gives, here one a string.
    """

    def __init__(self, observables: Sequence[PauliSum], program: Program, noise: Noise, rotations: Rotations) -> None:
        read = [_as_read(observable, noise) for observable in observables]
        owner = np.repeat(np.arange(len(read)), [observable.num_terms for observable in read])
        letters, term = np.unique(
            np.concatenate([observable.letters for observable in read]), axis=0, return_inverse=True
        )
        placed = np.zeros((len(letters), program.num_qubits), np.uint8)
        placed[:, program.outputs] = letters
        x, z, sign = rotations.measured(placed)
        order = np.argsort(x, kind="stable")
        self.x, self.z = x[order], z[order]
        groups, start = np.unique(self.x, return_index=True)
        self.terms = Terms(groups, np.append(start, len(x)), self.z)
        matrix = np.zeros((len(read), len(letters)))
        matrix[owner, term.ravel()] = np.concatenate([observable.coefficients for observable in read])
        self.matrix = (matrix * sign)[:, order]
        self.num_outputs, self.num_values = len(self.matrix), len(letters)
        self.first = len(rotations.x)

    def add(self, states: Real, signs: Real, weights: Real, tiles: Tiles, values: FloatArray) -> None:
        """Write the values of a range of tiles."""
        lanes.expect(states, tiles, self.terms, self.first, signs, weights, values)

    def outputs(self, values: FloatArray) -> FloatArray:
        """Return the outputs from the values summed over trajectories."""
        return values @ self.matrix.T

    def coefficients(self, gradient: FloatArray) -> FloatArray:
        """Return the gradient over the values from one over the outputs."""
        return gradient @ self.matrix

    def seed(self, states: Real, bras: Real, signs: Real, weights: Real, tiles: Tiles, coefficients: Real) -> None:
        """Write what is measured, weighted by the gradient over the values, applied to each state into its bra."""
        lanes.apply_terms(states, bras, tiles, self.terms, self.first, signs, weights, coefficients)


class Probabilities:
    """Outcome probabilities of the outputs, as they are read; attributes as in `Expectations`.

    Args:
        program: whose outputs.
        noise: whose readout.
        rotations: the program lowered so that Z strings stay so.
    """

    def __init__(self, program: Program, noise: Noise, rotations: Rotations) -> None:
        num_bits = len(program.outputs)
        letters = np.zeros((num_bits, program.num_qubits), np.uint8)
        letters[np.arange(num_bits), program.outputs] = 3
        self.x, self.z, sign = rotations.measured(letters)
        rows = np.arange(2**program.num_qubits)[:, None]
        self.places = 1 << np.arange(num_bits)
        self.outcome = ((np.bitwise_count(rows & self.z) & 1) ^ (sign < 0)) @ self.places
        self.confusion = None if noise.readout is None else noise.confusion()
        self.num_outputs: int = 2**num_bits
        self.num_values = self.num_outputs
        self.first = len(rotations.x)

    def _flips(self, signs: Real) -> IntArray:
        odd = signs[:, self.first :] < 0
        flips: IntArray = np.einsum("tjl,j->tl", odd, self.places)
        return flips

    def add(self, states: Real, signs: Real, weights: Real, tiles: Tiles, values: FloatArray) -> None:
        """Write the values of a range of tiles."""
        lanes.read(states, tiles, self.outcome, self._flips(signs), weights, values)

    def outputs(self, values: FloatArray) -> FloatArray:
        """Return the outputs from the values summed over trajectories."""
        return values if self.confusion is None else _confused(values, self.confusion)

    def coefficients(self, gradient: FloatArray) -> FloatArray:
        """Return the gradient over the values from one over the outputs."""
        return gradient if self.confusion is None else _confused(gradient, self.confusion.transpose(0, 2, 1))

    def seed(self, states: Real, bras: Real, signs: Real, weights: Real, tiles: Tiles, coefficients: Real) -> None:
        """Write what is measured, weighted by the gradient over the values, applied to each state into its bra."""
        lanes.apply_outcomes(states, bras, tiles, self.outcome, self._flips(signs), weights, coefficients)


def _confused(probabilities: FloatArray, confusion: FloatArray) -> FloatArray:
    """Apply each bit's matrix to probabilities of shape [samples, 2^bits], little-endian."""
    tensor = probabilities.reshape(-1, *(2,) * len(confusion))
    for bit, matrix in enumerate(confusion):
        axis = len(confusion) - bit
        tensor = np.moveaxis(np.tensordot(matrix, tensor, axes=([1], [axis])), 0, axis)
    return tensor.reshape(probabilities.shape)


def _as_read(observable: PauliSum, noise: Noise) -> PauliSum:
    """Return the observable whose perfect measurement has the mean of the noisy one."""
    if noise.readout is None:
        return observable
    rows, coefficients = [], []
    for letters, coefficient in zip(observable.letters.tolist(), observable.coefficients.tolist(), strict=True):
        choices = [
            [(0, 1.0)] if letter == 0 else [(k, float(f)) for k, f in enumerate(noise.readout[q, letter - 1]) if f]
            for q, letter in enumerate(letters)
        ]
        for choice in product(*choices):
            rows.append([letter for letter, _ in choice])
            coefficients.append(coefficient * float(np.prod([factor for _, factor in choice])))
    shape = (-1, observable.num_qubits)
    return PauliSum(observable.num_qubits, np.array(rows, np.uint8).reshape(shape), np.array(coefficients)).simplify()
