"""`PauliSum`: a real sum of Pauli strings, the observable of every room."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits import gf2
from qloop.core.errors import InvalidValueError

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
Letters = NDArray[np.uint8]
Masks = NDArray[np.uint64]


@dataclass(frozen=True)
class Group:
    """Terms of a sum that one measurement setting serves.

    Args:
        terms: indices of the terms, largest coefficient first.
        basis: letter to measure each qubit in, Z where free, shape [num_qubits]; `None` when the terms commute
            only as a whole.
    """

    terms: NDArray[np.intp]
    basis: Letters | None


@dataclass(frozen=True, eq=False)
class PauliSum:
    """A real linear combination of Pauli strings.

    Args:
        num_qubits: width of the register.
        letters: 0..3 = I, X, Y, Z, shape [num_terms, num_qubits]; column q acts on qubit q.
        coefficients: real, shape [num_terms].

    Raises:
        InvalidValueError: shapes that do not fit, a letter above 3, or a coefficient that is not finite.
    """

    num_qubits: int
    letters: Letters
    coefficients: FloatArray

    def __post_init__(self) -> None:
        letters, coefficients = np.asarray(self.letters, np.uint8), np.asarray(self.coefficients, np.float64)
        if letters.shape != (len(coefficients), self.num_qubits):
            raise InvalidValueError(
                f"`letters` must have shape ({len(coefficients)}, {self.num_qubits}), got {letters.shape}."
            )
        if letters.size and letters.max() > 3:
            raise InvalidValueError(f"`letters` must be 0 to 3, got {letters.max()}.")
        if not np.isfinite(coefficients).all():
            raise InvalidValueError("`coefficients` must be finite.")
        object.__setattr__(self, "letters", letters)
        object.__setattr__(self, "coefficients", coefficients)

    @classmethod
    def from_labels(cls, terms: Mapping[str, float]) -> "PauliSum":
        """Build a sum from labels such as ``{"XIZ": 0.5}``; the last letter acts on qubit 0, as in Qiskit.

        Raises:
            InvalidValueError: no term, labels of different lengths, or a letter other than I, X, Y, Z.
        """
        widths = {len(label) for label in terms}
        if len(widths) != 1:
            raise InvalidValueError(f"labels must be given and have one length, got lengths {sorted(widths)}.")
        letters = [[_letter(letter) for letter in reversed(label)] for label in terms]
        return cls(widths.pop(), np.array(letters, np.uint8), np.array([*terms.values()]))

    @classmethod
    def from_terms(cls, num_qubits: int, terms: Iterable[tuple[str, Iterable[int], float]]) -> "PauliSum":
        """Build a sum from sparse terms such as ``("XZ", (4, 0), 0.5)`` for X on qubit 4 and Z on qubit 0.

        Raises:
            InvalidValueError: a letter other than I, X, Y, Z, or qubits that are repeated, missing or outside.
        """
        rows, coefficients = [], []
        for label, on, coefficient in terms:
            qubits = list(on)
            if len(qubits) != len(label) or len({*qubits} & {*range(num_qubits)}) != len(qubits):
                raise InvalidValueError(
                    f"`{label}` needs {len(label)} distinct qubits below {num_qubits}, got {qubits}."
                )
            row = np.zeros(num_qubits, np.uint8)
            row[qubits] = [_letter(letter) for letter in label]
            rows.append(row)
            coefficients.append(coefficient)
        return cls(num_qubits, np.array(rows, np.uint8).reshape(-1, num_qubits), np.array(coefficients))

    @property
    def num_terms(self) -> int:
        """Number of terms."""
        return len(self.coefficients)

    @property
    def constant(self) -> float:
        """Coefficient of the identity."""
        return float(self.coefficients[~self.letters.any(axis=1)].sum())

    def labels(self) -> list[str]:
        """Return each term's label, the last letter on qubit 0."""
        return ["".join("IXYZ"[letter] for letter in reversed(row)) for row in self.letters.tolist()]

    def masks(self) -> tuple[Masks, Masks]:
        """Return the strings as bit masks x and z, shape [num_terms]: ``P = i^|x & z| X^x Z^z``.

        Raises:
            InvalidValueError: more than 64 qubits.
        """
        if self.num_qubits > 64:
            raise InvalidValueError(f"masks hold at most 64 qubits, got {self.num_qubits}.")
        places = np.arange(self.num_qubits, dtype=np.uint64)
        x, z = ((bits.astype(np.uint64) << places).sum(axis=1, dtype=np.uint64) for bits in _symplectic(self.letters))
        return x, z

    def __add__(self, other: "PauliSum") -> "PauliSum":
        if self.num_qubits != other.num_qubits:
            raise InvalidValueError(f"sums must have one width, got {self.num_qubits} and {other.num_qubits} qubits.")
        letters = np.concatenate([self.letters, other.letters])
        return PauliSum(self.num_qubits, letters, np.concatenate([self.coefficients, other.coefficients]))

    def __mul__(self, factor: float) -> "PauliSum":
        return PauliSum(self.num_qubits, self.letters, self.coefficients * factor)

    __rmul__ = __mul__

    def simplify(self, tolerance: float = 0.0) -> "PauliSum":
        """Return the sum with equal strings merged, in order of their letters, and terms up to `tolerance` dropped."""
        letters, where = np.unique(self.letters, axis=0, return_inverse=True)
        coefficients = np.zeros(len(letters))
        np.add.at(coefficients, where.ravel(), self.coefficients)
        keep = abs(coefficients) > tolerance
        return PauliSum(self.num_qubits, letters[keep], coefficients[keep])

    def group(self, kind: Literal["qubitwise", "full"] = "qubitwise") -> list[Group]:
        """Return groups of commuting terms by sorted insertion; the identity needs no measurement and is left out.

        Args:
            kind: whether the terms of a group commute on every qubit, or only as a whole.

        Raises:
            InvalidValueError: another kind.

        Source: Crawford et al., arXiv:1908.06942.
        """
        if kind not in ("qubitwise", "full"):
            raise InvalidValueError(f'`kind` must be "qubitwise" or "full", got "{kind}".')
        order = np.argsort(-abs(self.coefficients), kind="stable")
        order = order[self.letters[order].any(axis=1)]
        owner = np.empty(len(order), np.intp)
        for k, term in enumerate(order):
            clashes = count_clashes(self.letters[term], self.letters[order[:k]])
            free = np.ones(k + 1, np.bool_)
            free[owner[:k][clashes > 0 if kind == "qubitwise" else clashes % 2 == 1]] = False
            owner[k] = free.argmax()
        members = [order[owner == g] for g in range(owner.max(initial=-1) + 1)]
        return [Group(terms, self._basis(terms) if kind == "qubitwise" else None) for terms in members]

    def placed(self, qubits: ArrayLike, num_qubits: int) -> "PauliSum":
        """Return the sum on a wider register.

        Args:
            qubits: where each of this sum's qubits stands in it, all distinct.
            num_qubits: width of the register.
        """
        letters = np.zeros((self.num_terms, num_qubits), np.uint8)
        letters[:, np.asarray(qubits)] = self.letters
        return PauliSum(num_qubits, letters, self.coefficients)

    def linear_map(self, matrix: ArrayLike) -> "PauliSum":
        """Return the sum conjugated by the CNOT circuit ``|b> -> |A b>``: x becomes A x and z becomes A^-T z.

        Args:
            matrix: A, invertible bits, shape [num_qubits, num_qubits]; row i gives the new bit i.

        Raises:
            InvalidValueError: A is not invertible.
        """
        forward = np.asarray(matrix, np.uint8)
        # Sums of bits wrap at 256, which keeps their parity.
        x, z = _symplectic(self.letters)
        new_x, new_z = (x @ forward.T) & 1, (z @ gf2.inverse(forward)) & 1
        # P = i^|x & z| X^x Z^z, and the parity of |x & z| is kept: what remains is a sign.
        turns = (x & z).sum(axis=1, dtype=np.int64) - (new_x & new_z).sum(axis=1, dtype=np.int64)
        letters = (3 * new_z) ^ new_x
        return PauliSum(self.num_qubits, letters.astype(np.uint8), self.coefficients * (1 - turns % 4))

    def apply(self, state: ComplexArray) -> ComplexArray:
        """Return the sum applied to a statevector, shape [2^num_qubits]."""
        result = np.zeros_like(state, np.complex128)
        for (rows, factors), coefficient in zip(self._monomials(), self.coefficients, strict=True):
            result[rows] += coefficient * factors * state
        return result

    def term_expectations(self, state: ComplexArray) -> FloatArray:
        """Return the expectation value of each string, coefficients left out, in a statevector; shape [num_terms]."""
        return np.array([np.vdot(state[rows], factors * state).real for rows, factors in self._monomials()])

    def expectation(self, state: ComplexArray) -> float:
        """Return the expectation value in a statevector, shape [2^num_qubits]."""
        return float(self.coefficients @ self.term_expectations(state))

    def matrix(self) -> ComplexArray:
        """Return the dense matrix, shape [2^num_qubits, 2^num_qubits]: for small registers."""
        columns = np.arange(2**self.num_qubits)
        result = np.zeros((len(columns), len(columns)), np.complex128)
        for (rows, factors), coefficient in zip(self._monomials(), self.coefficients, strict=True):
            result[rows, columns] += coefficient * factors
        return result

    def _monomials(self) -> Iterable[tuple[NDArray[np.uint64], ComplexArray]]:
        """Yield each string as the row and the value of the one entry in every column of its matrix."""
        columns = np.arange(2**self.num_qubits, dtype=np.uint64)
        for x, z in zip(*self.masks(), strict=True):
            signs = 1.0 - 2.0 * (np.bitwise_count(columns & z) & 1)
            yield columns ^ x, 1j ** int(np.bitwise_count(x & z)) * signs

    def _basis(self, terms: NDArray[np.intp]) -> Letters:
        letters = self.letters[terms].max(axis=0)
        return np.where(letters == 0, 3, letters).astype(np.uint8)


def count_clashes(first: Letters, second: Letters) -> NDArray[np.intp]:
    """Return on how many qubits two strings differ with neither the identity; leading axes broadcast.

    Strings commute qubit-wise when there is no clash, and as a whole when the number is even.
    """
    return np.asarray(((first != second) & (first != 0) & (second != 0)).sum(axis=-1))


def _symplectic(letters: Letters) -> tuple[Letters, Letters]:
    return ((letters == 1) | (letters == 2)).astype(np.uint8), (letters >= 2).astype(np.uint8)


def _letter(letter: str) -> int:
    code = "IXYZ".find(letter)
    if code < 0 or len(letter) != 1:
        raise InvalidValueError(f"a Pauli letter must be I, X, Y or Z, got `{letter}`.")
    return code
