"""`SubspaceEnergy`: exact energies and gradients among the basis states with a fixed number of ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.gates import gate_matrix
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate.exchange import ComplexArray, Diagonal, Exchange, Fixed, FloatArray, IntArray, Pairs
from qloop.circuits.simulate.memory import check_memory
from qloop.circuits.simulate.readout import check_widths
from qloop.circuits.simulate.steps import Phase, Rotation, add_angles, decompose
from qloop.core.errors import InvalidValueError

_TOLERANCE = 1e-12
_STATE_BYTES = 2**7
"""For each basis state: itself, amplitudes of both states, and what pairs are found with."""


class SubspaceEnergy:
    """The expectation value of one observable after a program that keeps the number of ones.

    Such programs are made of diagonal gates, swaps, XY and Givens rotations, sums of Pauli rotations that move as many
    ones up as down, and constant matrices that do so. X gates may come first on their qubits, to prepare the start.

    Args:
        program: any such program on up to 62 qubits.
        observable: on the program's outputs, output k its qubit k.
        initial: basis state of the program's qubits to start from; with the X gates it fixes the number of ones.
        start: amplitudes over `states` to start from instead of one basis state, shape [len(states)].

    Attributes:
        states: the basis states with as many ones as the start has, ascending; qubit 0 the least significant bit.

    Raises:
        InvalidValueError: a gate that changes the number of ones, a wrong number of qubits or amplitudes, a basis state
            outside, or more memory than there is.

    Source: adjoint differentiation, Jones and Gacon, arXiv:2009.02823; the restriction is ours.
    """

    def __init__(
        self, program: Program, observable: PauliSum, initial: int = 0, start: ArrayLike | None = None
    ) -> None:
        if not 0 <= initial < 2**program.num_qubits or program.num_qubits > 62:
            raise InvalidValueError(
                f"`initial` must be a basis state of up to 62 qubits below 2^{program.num_qubits}, got {initial}."
            )
        self._program = program
        lowering = _Lowering(program, initial)
        self.states = lowering.states
        self._steps, self._places = lowering.finish(), lowering.places
        self._start = np.zeros(len(self.states), np.complex128)
        self._start[np.searchsorted(self.states, lowering.initial)] = 1
        if start is not None:
            self._start = np.ascontiguousarray(start, np.complex128)
        if self._start.shape != self.states.shape:
            raise InvalidValueError(f"`start` must have shape {self.states.shape}, got {self._start.shape}.")
        check_widths([observable], program)
        self._observable = _restrict(observable, program.outputs, self._places, self.states)

    def simulate(self, values: ArrayLike) -> ComplexArray:
        """Return the amplitudes of `states` at parameters of shape [num_parameters], up to a global phase."""
        state = self._run(self._parameters(values))
        order = np.argsort(_move_bits(self.states, self._places))
        amplitudes: ComplexArray = state[order]
        return amplitudes

    def value(self, values: ArrayLike) -> float:
        """Return the expectation value at parameters of shape [num_parameters]."""
        ket = self._run(self._parameters(values))
        return float(np.vdot(ket, self._observable @ ket).real)

    def value_and_gradient(self, values: ArrayLike) -> tuple[float, FloatArray]:
        """Return the expectation value and its gradient at parameters of shape [num_parameters]."""
        theta = self._parameters(values)
        ket = self._run(theta)
        bra = self._observable @ ket
        value, gradient = float(np.vdot(ket, bra).real), np.zeros(len(theta))
        for step in reversed(self._steps):
            step.undo(ket, bra, theta, gradient)
        return value, gradient

    def _run(self, theta: FloatArray) -> ComplexArray:
        ket = self._start.copy()
        for step in self._steps:
            step.apply(ket, theta)
        return ket

    def _parameters(self, values: ArrayLike) -> FloatArray:
        theta = np.ascontiguousarray(values, np.float64)
        if theta.shape != (self._program.num_parameters,):
            raise InvalidValueError(
                f"the program takes {self._program.num_parameters} parameters, got shape {theta.shape}."
            )
        return theta


@dataclass
class _Draft:
    """Commuting Pauli rotations with one X mask, by Z mask, and the last gate that brought one."""

    x: int
    strings: dict[int, Angle] = field(default_factory=dict)
    operation: Operation | None = None

    def commutes(self, x: int, z: int) -> bool:
        return not any(((x & other).bit_count() + (z & self.x).bit_count()) & 1 for other in self.strings)


class _Lowering:
    """Gates to steps. Swaps only change the place, a bit of a state, at which a qubit is found."""

    def __init__(self, program: Program, initial: int) -> None:
        self.places = list(range(program.num_qubits))
        self.initial, body = _prepare(program, initial)
        self.ones = self.initial.bit_count()
        count = comb(program.num_qubits, self.ones)
        check_memory(_STATE_BYTES * count, f"{count} states with {self.ones} ones among {program.num_qubits} qubits")
        self.states = _states(program.num_qubits, self.ones)
        self.drafts: list[_Draft | Fixed] = []
        self.pairs: dict[tuple[int, ...], Pairs] = {}
        self.rows: dict[tuple[tuple[int, float], ...], FloatArray] = {}
        for operation in body:
            self._add(operation)

    def finish(self) -> list[Diagonal | Exchange | Fixed]:
        """Return the steps in time order."""
        return [self._finish(draft) for draft in self.drafts]

    def _add(self, operation: Operation) -> None:
        if operation.name == "swap":
            first, second = operation.qubits
            self.places[first], self.places[second] = self.places[second], self.places[first]
            return
        steps = decompose(operation)
        if all(isinstance(step, Rotation | Phase) for step in steps):
            for step in steps:
                if isinstance(step, Rotation):
                    self._rotate(self._moved(step.x), self._moved(step.z), step.angle, operation)
            return
        self.drafts.append(self._fixed(operation))

    def _moved(self, mask: int) -> int:
        return sum(1 << place for qubit, place in enumerate(self.places) if mask >> qubit & 1)

    def _rotate(self, x: int, z: int, angle: Angle, operation: Operation) -> None:
        """Put a rotation to the latest others of its X mask that it can be moved back to."""
        place = None
        for draft in reversed(self.drafts):
            if isinstance(draft, Fixed) or not draft.commutes(x, z):
                break
            if draft.x == x:
                place = draft
                break
        if place is None:
            place = _Draft(x)
            self.drafts.append(place)
        place.strings[z] = add_angles((1, place.strings.get(z, Angle())), (1, angle))
        place.operation = operation

    def _finish(self, draft: _Draft | Fixed) -> Diagonal | Exchange | Fixed:
        if isinstance(draft, Fixed):
            return draft
        strings = draft.strings
        parameters = sorted({parameter for angle in strings.values() for parameter in angle.terms})
        weights = np.array([[a.offset, *(a.terms.get(p, 0.0) for p in parameters)] for a in strings.values()])
        if draft.x == 0:
            constant, *rows = (self._row(strings, column) for column in weights.T)
            return Diagonal(constant, tuple(parameters), tuple(rows))
        pairs = self._pairs_of(draft)
        units = np.array([0.5 * 1j ** (draft.x & z).bit_count() for z in strings])
        g = (weights * units[:, None]).T @ pairs.signs
        if (abs(g[:, pairs.leaving]) > _TOLERANCE).any():
            raise self._leaves(draft.operation)
        return Exchange(pairs, g[0], np.array(parameters, np.int64), g[1:])

    def _row(self, strings: Iterable[int], weights: FloatArray) -> FloatArray:
        """Return ``-1/2 sum(weight (-1)^|z & state|)`` over states, one array for all equal sums."""
        key = tuple((z, weight) for z, weight in zip(strings, weights.tolist(), strict=True) if weight)
        if key not in self.rows:
            check_memory(8 * len(self.states), "a diagonal of the program")
            row = np.zeros(len(self.states))
            for z, weight in key:
                row -= 0.5 * weight * _signs(self.states, z)
            self.rows[key] = row
        return self.rows[key]

    def _pairs_of(self, draft: _Draft) -> Pairs:
        """Return the pairs that a mask connects, one object for all equal rotations."""
        key = (draft.x, *draft.strings)
        if key not in self.pairs:
            check_memory(_STATE_BYTES * len(self.states), "a rotation of the program")
            kinds, signs = _kinds(self.states, list(draft.strings))
            other = self.states ^ draft.x
            inside = np.bitwise_count(other) == self.ones
            low = np.flatnonzero(inside & (self.states < other))
            high = np.searchsorted(self.states, other[low])
            low32, high32, kind = (array.astype(np.int32) for array in (low, high, kinds[low]))
            self.pairs[key] = Pairs(low32, high32, kind, signs, np.unique(kinds[~inside]))
        return self.pairs[key]

    def _fixed(self, operation: Operation) -> Fixed:
        from scipy.sparse import csr_array

        matrix = gate_matrix(operation.name) if operation.matrix is None and not operation.angles else operation.matrix
        if matrix is None or not _keeps_ones(matrix):
            raise self._leaves(operation)
        masks = [1 << self.places[qubit] for qubit in operation.qubits]
        local = sum(((self.states & mask) != 0).astype(np.int64) << k for k, mask in enumerate(masks))
        spread = np.array([sum(mask for k, mask in enumerate(masks) if j >> k & 1) for j in range(len(matrix))])
        rows, columns, entries = [], [], []
        for target, source in zip(*np.nonzero(matrix), strict=True):
            here = np.flatnonzero(local == source)
            columns.append(here)
            rows.append(np.searchsorted(self.states, self.states[here] ^ spread[source] ^ spread[target]))
            entries.append(np.full(len(here), matrix[target, source]))
        places = (np.concatenate(rows), np.concatenate(columns))
        whole = csr_array((np.concatenate(entries), places), shape=(len(self.states),) * 2)
        return Fixed(whole, whole.conj().T.tocsr())

    def _leaves(self, operation: Operation | None) -> InvalidValueError:
        name, qubits = (operation.name, operation.qubits) if operation else ("", ())
        return InvalidValueError(f"`{name}` on qubits {qubits} leaves the states with {self.ones} ones.")


def _prepare(program: Program, initial: int) -> tuple[int, list[Operation]]:
    """Return the basis state after the X gates that come first on their qubits, and the other gates."""
    touched: set[int] = set()
    body = []
    for operation in program.operations():
        if operation.name == "x" and operation.qubits[0] not in touched:
            initial ^= 1 << operation.qubits[0]
        else:
            touched.update(operation.qubits)
            body.append(operation)
    return initial, body


def _states(num_qubits: int, ones: int) -> IntArray:
    """Return all numbers below 2^num_qubits with some number of ones, ascending."""
    by_ones = {0: np.zeros(1, np.int64)}
    none = np.zeros(0, np.int64)
    for qubit in range(num_qubits):
        wanted = range(max(0, ones - (num_qubits - 1 - qubit)), min(ones, qubit + 1) + 1)
        by_ones = {
            count: np.concatenate([by_ones.get(count, none), by_ones.get(count - 1, none) | 1 << qubit])
            for count in wanted
        }
    return by_ones[ones]


def _signs(states: IntArray, z: int) -> FloatArray:
    signs: FloatArray = 1.0 - 2.0 * (np.bitwise_count(states & z) & 1)
    return signs


def _kinds(states: IntArray, strings: Sequence[int]) -> tuple[IntArray, FloatArray]:
    """Number the combinations of signs that occur; return that of each state, and the signs, [strings, kinds]."""
    kinds = np.zeros(len(states), np.int64)
    for z in strings:
        _, first, kinds = np.unique(
            2 * kinds + (np.bitwise_count(states & z) & 1), return_index=True, return_inverse=True
        )
    return kinds, np.array([_signs(states[first], z) for z in strings])


def _keeps_ones(matrix: ComplexArray) -> bool:
    ones = np.bitwise_count(np.arange(len(matrix)))
    return bool((abs(matrix[ones[:, None] != ones]) <= _TOLERANCE).all())


def _move_bits(states: IntArray, places: Sequence[int]) -> IntArray:
    """Return the states with bit ``places[q]`` moved to bit q."""
    moved: IntArray = sum((((states >> place) & 1) << q for q, place in enumerate(places)), np.zeros_like(states))
    return moved


def _restrict(observable: PauliSum, outputs: NDArray[np.int32], places: Sequence[int], states: IntArray) -> Any:
    """Return an observable among the states, a sparse matrix."""
    from scipy.sparse import csr_array

    placed = observable.placed(np.array(places)[outputs], len(places))
    x, z = (mask.astype(np.int64) for mask in placed.masks())
    ones = int(states[0]).bit_count()
    none = np.zeros(0, np.int64)
    rows, columns, entries = [none], [none], [np.zeros(0, np.complex128)]
    for mask in np.unique(x).tolist():
        other = states ^ mask
        here = np.flatnonzero(np.bitwise_count(other) == ones)
        entry = np.zeros(len(here), np.complex128)
        for term in np.flatnonzero(x == mask):
            unit = 1j ** int(np.bitwise_count(x[term] & z[term]))
            entry += observable.coefficients[term] * unit * _signs(states[here], int(z[term]))
        rows.append(np.searchsorted(states, other[here]))
        columns.append(here)
        entries.append(entry)
    places_of = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(entries), places_of), shape=(len(states),) * 2)
