"""Noise of a program as plain values: Pauli errors, damping and coherent errors after its gates, and its readout."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.program import Operation, Program
from qloop.core.errors import InvalidValueError

FloatArray = NDArray[np.float64]
_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class PauliChannel:
    """A random Pauli error on some qubits.

    Args:
        qubits: one or two.
        probabilities: of each string of letters 0..3 = I, X, Y, Z, the first qubit's the least significant digit; shape
            [4^len(qubits)], of sum 1.

    Raises:
        InvalidValueError: numbers that are not such probabilities.
    """

    qubits: tuple[int, ...]
    probabilities: FloatArray

    def __post_init__(self) -> None:
        given = np.asarray(self.probabilities, np.float64)
        if given.shape != (4 ** len(self.qubits),) or not (given >= 0).all() or abs(given.sum() - 1) > _TOLERANCE:
            raise InvalidValueError(
                f"a Pauli channel on {len(self.qubits)} qubits needs {4 ** len(self.qubits)} probabilities of sum 1, "
                f"got {self.probabilities}."
            )
        object.__setattr__(self, "probabilities", given)


@dataclass(frozen=True)
class Damping:
    """Decay of a qubit from 1 to 0.

    Args:
        qubit: which.
        probability: that a qubit in 1 decays.

    Raises:
        InvalidValueError: the probability is outside [0, 1).
    """

    qubit: int
    probability: float

    def __post_init__(self) -> None:
        if not 0 <= self.probability < 1:
            raise InvalidValueError(f"the probability of a decay must be in [0, 1), got {self.probability}.")


Error = PauliChannel | Damping | Operation
"""One thing that goes wrong; an operation, of fixed angles, is a coherent error."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Noise:
    """What goes wrong while a program runs.

    Args:
        after: the errors after each gate of the program, in order, on the program's qubits; len num_gates.
        readout: what is read where the Pauli X, Y, Z is measured on an output, over I, X, Y, Z: shape
            [num_outputs, 3, 4]; `None` where readout is perfect.

    Raises:
        InvalidValueError: a readout of another shape, or that turns Z into anything but I and Z.
    """

    after: tuple[tuple[Error, ...], ...]
    readout: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.readout is None:
            return
        readout = np.asarray(self.readout, np.float64)
        if readout.ndim != 3 or readout.shape[1:] != (3, 4) or readout[:, 2, 1:3].any():
            raise InvalidValueError(
                f"`readout` must have shape [outputs, 3, 4] and read Z as I and Z, got shape {readout.shape}."
            )
        object.__setattr__(self, "readout", readout)

    def confusion(self) -> FloatArray:
        """Return P(read row | prepared column) of each output, shape [num_outputs, 2, 2]; for imperfect readout."""
        offset, slope = np.moveaxis(np.asarray(self.readout)[:, 2, [0, 3]], 1, 0)
        zero = np.stack([1 + offset + slope, 1 + offset - slope], axis=1) / 2
        return np.stack([zero, 1 - zero], axis=1)


def uniform_noise(
    program: Program, one_qubit: float = 0.0, two_qubit: float = 0.0, damping: float = 0.0, readout: float = 0.0
) -> Noise:
    """Return the same noise on every gate and qubit of a program.

    Args:
        program: whose gates; those on more than two qubits count as two-qubit gates on every neighbouring pair.
        one_qubit: probability of an error after a one-qubit gate, X, Y and Z alike.
        two_qubit: the same after a two-qubit gate, over its 15 strings.
        damping: probability that a qubit in 1 decays at each gate it takes part in.
        readout: probability that a bit is read wrong.

    Raises:
        InvalidValueError: a probability out of range.
    """
    for name, value in (("one_qubit", one_qubit), ("two_qubit", two_qubit), ("readout", readout)):
        if not 0 <= value <= 1:
            raise InvalidValueError(f"`{name}` must be a probability, got {value}.")
    after = []
    for operation in program.operations():
        on = operation.qubits
        pairs = list(pairwise(on))
        errors: list[Error] = [depolarizing(pair, two_qubit) for pair in pairs] or [depolarizing(on, one_qubit)]
        after.append((*errors, *(Damping(qubit, damping) for qubit in on if damping)))
    confusion = np.array([[1 - readout, readout], [readout, 1 - readout]])
    return Noise(after=tuple(after), readout=readout_from_confusion([confusion] * len(program.outputs)))


def depolarizing(qubits: tuple[int, ...], error: float) -> PauliChannel:
    """Return the channel in which every string but the identity has an equal share of the probability `error`."""
    size = 4 ** len(qubits)
    probabilities = np.full(size, error / (size - 1))
    probabilities[0] = 1 - error
    return PauliChannel(qubits, probabilities)


def readout_from_confusion(confusion: ArrayLike) -> FloatArray:
    """Return `Noise.readout` where every Pauli is read with the same confusion.

    Args:
        confusion: P(read row | prepared column), shape [num_outputs, 2, 2].
    """
    matrices = np.asarray(confusion, np.float64)
    readout = np.zeros((len(matrices), 3, 4))
    readout[..., 0] = (matrices[:, 0, 0] - matrices[:, 1, 1])[:, None]
    letters = np.arange(3)
    readout[:, letters, letters + 1] = (matrices[:, 0, 0] + matrices[:, 1, 1] - 1)[:, None]
    return readout
