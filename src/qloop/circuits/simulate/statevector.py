"""Exact statevectors, expectation values and gradients of programs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate import kernels
from qloop.circuits.simulate.memory import check_memory
from qloop.circuits.simulate.tape import Tape, Terms, lower, lower_observable
from qloop.core.errors import InvalidValueError

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]

TABLE_BYTES = 2**26
"""Diagonals of an observable are kept between calls up to this size (64 MiB)."""
_NO_TABLE = np.empty((0, 0), np.complex128)


def simulate(program: Program, values: ArrayLike = (), initial: int = 0) -> ComplexArray:
    """Return the state that a program prepares.

    Args:
        program: any program.
        values: parameters, shape [num_parameters].
        initial: basis state to start from.

    Returns:
        shape [2^num_qubits], qubit 0 the least significant bit; the global phase is that of the gates' matrices.

    Raises:
        InvalidValueError: a wrong number of parameters, a basis state outside, or more memory than there is.
    """
    check_memory(16 * 2**program.num_qubits, f"a state of {program.num_qubits} qubits")
    theta = _parameters(program, values)
    state = _basis_state(program.num_qubits, initial)
    tape = lower(program)
    kernels.run(state, tape.steps, tape.matrices(theta), kernels.angles_at(tape.affine, theta))
    return state


def expectations(program: Program, observables: Sequence[PauliSum], values: ArrayLike = ()) -> FloatArray:
    """Return the expectation value of each observable in the state that a program prepares.

    Args:
        program: any program.
        observables: on the program's outputs, output k their qubit k.
        values: parameters, shape [num_parameters].

    Returns:
        shape [len(observables)].

    Raises:
        InvalidValueError: a wrong number of parameters or qubits, or more memory than there is.
    """
    used = program.compact()
    check_memory(3 * 16 * 2**used.num_qubits, f"expectation values on {used.num_qubits} qubits")
    state = simulate(used, values)
    work = np.empty_like(state)
    result = np.empty(len(observables))
    for k, observable in enumerate(observables):
        kernels.apply_terms(state, lower_observable(_on_outputs(observable, used)), _NO_TABLE, work)
        result[k] = kernels.overlap(state, work)
    return result


def expectation_gradient(program: Program, observable: PauliSum, values: ArrayLike) -> tuple[float, FloatArray]:
    """Return the expectation value and its exact gradient; see `CompiledEnergy` for many evaluations."""
    return CompiledEnergy(program, observable).value_and_gradient(values)


class CompiledEnergy:
    """The expectation value of one observable after one program, prepared once for many parameter values.

    Not for use by two threads at once: both states are kept between calls.

    Args:
        program: any program; idle qubits cost nothing.
        observable: on the program's outputs, output k its qubit k.
        initial: basis state of the program's qubits to start from.

    Raises:
        InvalidValueError: a wrong number of qubits, a basis state outside, or more memory than there is.

    Source: adjoint differentiation, Jones and Gacon, arXiv:2009.02823.
    """

    def __init__(self, program: Program, observable: PauliSum, initial: int = 0) -> None:
        used = program.compact()
        check_memory(3 * 16 * 2**used.num_qubits, f"an energy on {used.num_qubits} qubits")
        self._tape: Tape = lower(used)
        self._terms = lower_observable(_on_outputs(observable, used))
        self._table = _tabulate(self._terms, used.num_qubits)
        self._initial = sum(((initial >> qubit) & 1) << k for k, qubit in enumerate(program.used_qubits()))
        self._ket = _basis_state(used.num_qubits, self._initial)
        self._bra = np.empty_like(self._ket)

    def value(self, values: ArrayLike) -> float:
        """Return the expectation value at parameters of shape [num_parameters]."""
        theta, tape = self._start(values), self._tape
        energy = kernels.energy(
            self._ket, self._bra, tape.steps, tape.matrices(theta), tape.affine, self._terms, self._table, theta
        )
        return float(energy)

    def value_and_gradient(self, values: ArrayLike) -> tuple[float, FloatArray]:
        """Return the expectation value and its gradient at parameters of shape [num_parameters]."""
        theta, tape = self._start(values), self._tape
        matrices, derivatives = tape.matrices(theta), tape.derivatives(theta)
        value, gradient = kernels.energy_gradient(
            self._ket, self._bra, tape.steps, matrices, derivatives, tape.affine, self._terms, self._table, theta
        )
        return float(value), gradient

    def _start(self, values: ArrayLike) -> FloatArray:
        self._ket[:] = 0
        self._ket[self._initial] = 1
        return _parameters(self._tape.program, values)


class CompiledObservable:
    """An observable prepared once to act on many states.

    Args:
        observable: on `observable.num_qubits` qubits.
    """

    def __init__(self, observable: PauliSum) -> None:
        self._terms = lower_observable(observable)
        self._table = _tabulate(self._terms, observable.num_qubits)

    def apply(self, state: ComplexArray) -> ComplexArray:
        """Return the observable applied to a state, shape [2^num_qubits]."""
        result = np.empty_like(state)
        kernels.apply_terms(state, self._terms, self._table, result)
        return result


def warm_up() -> None:
    """Compile every kernel, so that processes which start now find them on disk."""
    operations = [
        Operation("h", (0,)),
        Operation("cx", (0, 1)),
        Operation("ccx", (0, 1, 2)),
        Operation("crx", (0, 1), (Angle(0.0, {0: 1.0}),)),
        Operation("rz", (0,), (Angle(0.0, {0: 1.0}),)),
    ]
    program = Program.from_operations(3, operations, ["angle"])
    observable = PauliSum.from_labels({"ZZZ": 1.0})
    expectations(program, [observable], [0.1])
    expectation_gradient(program, observable, [0.1])


def _parameters(program: Program, values: ArrayLike) -> FloatArray:
    theta = np.ascontiguousarray(values, np.float64)
    if theta.shape != (program.num_parameters,):
        raise InvalidValueError(f"the program takes {program.num_parameters} parameters, got shape {theta.shape}.")
    return theta


def _basis_state(num_qubits: int, index: int) -> ComplexArray:
    if not 0 <= index < 2**num_qubits:
        raise InvalidValueError(f"`initial` must be a basis state below {2**num_qubits}, got {index}.")
    state = np.zeros(2**num_qubits, np.complex128)
    state[index] = 1
    return state


def _tabulate(terms: Terms, num_qubits: int) -> ComplexArray:
    if 16 * len(terms.x) * 2**num_qubits > TABLE_BYTES:
        return _NO_TABLE
    table = np.empty((len(terms.x), 2**num_qubits), np.complex128)
    kernels.tabulate(terms, table)
    return table


def _on_outputs(observable: PauliSum, program: Program) -> PauliSum:
    if observable.num_qubits != len(program.outputs):
        raise InvalidValueError(
            f"the observable acts on {observable.num_qubits} qubits, the program has {len(program.outputs)} outputs."
        )
    letters = np.zeros((observable.num_terms, program.num_qubits), np.uint8)
    letters[:, program.outputs] = observable.letters
    return PauliSum(program.num_qubits, letters, observable.coefficients)
