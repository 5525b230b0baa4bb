"""What a layer reads from its circuit: which Paulis are measured together, and how bits become outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.pauli import PauliSum
from qloop.core.errors import InvalidValueError, nearest

FloatArray = NDArray[np.float64]
KINDS = ("Z", "probabilities", "samples")


@dataclass(frozen=True, eq=False)
class Readout:
    """The outputs of a layer.

    Args:
        kind: ``"Z"``, ``"probabilities"``, ``"samples"`` or ``"observables"``.
        num_qubits: measured qubits.
        observables: expectation values that are the outputs; `None` for probabilities and samples.
    """

    kind: str
    num_qubits: int
    observables: tuple[PauliSum, ...] | None

    @property
    def num_outputs(self) -> int:
        """Length of the last axis of what the layer returns."""
        if self.observables is not None:
            return len(self.observables)
        return 2**self.num_qubits if self.kind == "probabilities" else self.num_qubits

    @property
    def bases(self) -> NDArray[np.uint8]:
        """Pauli letter per setting and qubit: as many settings as groups of qubit-wise commuting terms, at least 1."""
        letters = [group.basis for group in self._groups if group.basis is not None]
        return np.array(letters or [[3] * self.num_qubits], np.uint8)

    def from_frequencies(self, frequencies: Sequence[FloatArray]) -> FloatArray:
        """Return the outputs for the share of each outcome.

        Args:
            frequencies: one array a setting, shape [rows, 2^num_qubits], little-endian.

        Returns:
            shape [rows, num_outputs].
        """
        if self.observables is None:
            return frequencies[0]
        return self._constants + sum(share @ table for share, table in zip(frequencies, self._tables, strict=False))

    def from_bits(self, bits: Sequence[NDArray[np.uint8]]) -> FloatArray:
        """Return the outputs for measured bits, shape [shots, num_qubits], one array a setting; shape [num_outputs]."""
        if self.observables is None:
            outcomes = bits[0] @ (1 << np.arange(self.num_qubits))
            return np.bincount(outcomes, minlength=2**self.num_qubits) / len(outcomes)
        values = self._constants.copy()
        for group, measured in zip(self._groups, bits, strict=False):
            support = self._terms[0][group.terms] > 0
            # Sums of bits wrap at 256, which keeps their parity.
            odd = (measured @ support.T.astype(np.uint8)) & 1
            values += (1 - 2 * odd.mean(axis=0)) @ self._terms[1][group.terms]
        return values

    @cached_property
    def _terms(self) -> tuple[NDArray[np.uint8], FloatArray]:
        """The distinct strings, shape [terms, num_qubits], and each output's coefficients, shape [terms, outputs]."""
        sums = self.observables or ()
        letters = np.concatenate([one.letters for one in sums] or [np.zeros((0, self.num_qubits), np.uint8)])
        distinct, where = np.unique(letters, axis=0, return_inverse=True)
        coefficients = np.zeros((len(distinct), len(sums)))
        owner = np.repeat(np.arange(len(sums)), [one.num_terms for one in sums])
        np.add.at(coefficients, (where.ravel(), owner), [c for one in sums for c in one.coefficients])
        return distinct, coefficients

    @cached_property
    def _groups(self) -> list[Any]:
        letters, coefficients = self._terms
        return PauliSum(self.num_qubits, letters, abs(coefficients).max(axis=1, initial=0.0)).group("qubitwise")

    @cached_property
    def _constants(self) -> FloatArray:
        letters, coefficients = self._terms
        return coefficients[~letters.any(axis=1)].sum(axis=0)

    @cached_property
    def _tables(self) -> list[FloatArray]:
        """For each setting what an outcome contributes to the outputs, shape [2^num_qubits, num_outputs]."""
        letters, coefficients = self._terms
        outcomes, places = np.arange(2**self.num_qubits), 1 << np.arange(self.num_qubits)
        tables = []
        for group in self._groups:
            table = np.zeros((len(outcomes), self.num_outputs))
            for mask, row in zip((letters[group.terms] > 0) @ places, coefficients[group.terms], strict=True):
                table += (1.0 - 2.0 * (np.bitwise_count(outcomes & mask) & 1))[:, None] * row
            tables.append(table)
        return tables


def read_outputs(outputs: Any, num_qubits: int) -> Readout:
    """Return the outputs that a user named.

    Args:
        outputs: ``"Z"`` for the Z of every measured qubit, ``"probabilities"``, ``"samples"``, or one or several
            observables as `PauliSum` or Qiskit's `SparsePauliOp`.
        num_qubits: measured qubits of the circuit.

    Raises:
        InvalidValueError: none of these, or an observable on another number of qubits than is measured.
    """
    if isinstance(outputs, str):
        if outputs not in KINDS:
            raise InvalidValueError(f"`outputs` cannot be `{outputs}`: {nearest(outputs, KINDS)}")
        letters = 3 * np.eye(num_qubits, dtype=np.uint8)
        each = tuple(PauliSum(num_qubits, row[np.newaxis], np.ones(1)) for row in letters)
        return Readout(outputs, num_qubits, each if outputs == "Z" else None)
    several = [outputs] if isinstance(outputs, PauliSum) or hasattr(outputs, "paulis") else list(outputs)
    observables = tuple(_read_observable(one) for one in several)
    if not observables:
        raise InvalidValueError("`outputs` must name at least one observable, got none.")
    for observable in observables:
        if observable.num_qubits != num_qubits:
            raise InvalidValueError(
                f"an observable must act on the {num_qubits} measured qubits of the circuit, "
                f"got one on {observable.num_qubits}."
            )
    return Readout("observables", num_qubits, observables)


def _read_observable(observable: Any) -> PauliSum:
    if isinstance(observable, PauliSum):
        return observable
    if hasattr(observable, "paulis"):
        from qloop.circuits.qiskit import from_sparse_pauli_op

        return from_sparse_pauli_op(observable)
    raise InvalidValueError(
        f"an observable must be a `SparsePauliOp` or a `PauliSum`, got `{type(observable).__name__}`."
    )
