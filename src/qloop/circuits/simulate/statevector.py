"""Exact statevectors, expectation values and gradients of programs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate import kernels
from qloop.circuits.simulate.layers import Layers, lower
from qloop.circuits.simulate.memory import aligned
from qloop.circuits.simulate.observable import apply_sum, tabulate
from qloop.circuits.simulate.plan import count_rows, plan
from qloop.circuits.simulate.readout import Strings, check_widths, group_strings
from qloop.circuits.simulate.single import SingleCircuit, allocate, read_state, write_state
from qloop.circuits.simulate.subspace import SubspaceEnergy
from qloop.core.errors import InvalidValueError

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]


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
    theta = _parameters(program, values)
    _check_basis_state(program, initial)
    layers = lower(program)
    steps = plan(layers)
    ket, phases = allocate(steps, program.num_qubits, 2 * 16 * 2**program.num_qubits)
    ket[initial] = 1
    angles = kernels.angles_at(steps, theta)
    kernels.run(ket, phases, steps, angles)
    rows = read_state(ket, program.num_qubits)
    rows *= np.exp(1j * angles[-1])
    return rows[_row_of_each_basis_state(layers)]


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
    check_widths(observables, program)
    return SingleCircuit(program.compact(), observables).forward(_parameters(program, values)).outputs


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
        check_widths([observable], program)
        _check_basis_state(program, initial)
        used = program.compact()
        layers = lower(used)
        self._program, self._plan = used, plan(layers)
        self._initial = sum(((initial >> qubit) & 1) << k for k, qubit in enumerate(program.used_qubits()))
        self._ket, self._phases = allocate(self._plan, used.num_qubits, 16 * 2**used.num_qubits)
        self._bra = aligned(self._ket.shape, np.float64)
        self._strings = group_strings(layers, [observable])
        self._table = tabulate(self._strings, len(self._ket) // 2)

    def value(self, values: ArrayLike) -> float:
        """Return the expectation value at parameters of shape [num_parameters]."""
        return float(kernels.energy(*self._arguments(values)))

    def value_and_gradient(self, values: ArrayLike) -> tuple[float, FloatArray]:
        """Return the expectation value and its gradient at parameters of shape [num_parameters]."""
        value, gradient = kernels.energy_gradient(*self._arguments(values))
        return float(value), gradient

    def _arguments(self, values: ArrayLike) -> tuple[object, ...]:
        theta = _parameters(self._program, values)
        return self._ket, self._bra, self._phases, self._plan, self._strings, self._table, self._initial, theta


class CompiledObservable:
    """An observable prepared once to act on many states.

    Args:
        observable: on `observable.num_qubits` qubits.
    """

    def __init__(self, observable: PauliSum) -> None:
        self._strings: Strings = group_strings(lower(Program.from_operations(observable.num_qubits, [])), [observable])
        self._table = tabulate(self._strings, count_rows(observable.num_qubits))

    def apply(self, state: ComplexArray) -> ComplexArray:
        """Return the observable applied to a state, shape [2^num_qubits]."""
        ket, bra = np.zeros((2, 2 * self._table.shape[1]))
        write_state(state, ket)
        apply_sum(self._strings, self._strings.coefficient, self._table, ket, bra)
        return read_state(bra, len(state).bit_length() - 1)


def warm_up() -> None:
    """Compile every kernel, so that processes which start now find them on disk."""
    operations = [
        Operation("rx", (0,), (Angle(0.0, {0: 1.0}),)),
        Operation("rz", (0,), (Angle(0.0, {0: 1.0}),)),
        Operation("unitary", (0,), matrix=np.eye(2, dtype=np.complex128)),
    ]
    program = Program.from_operations(1, operations, ["angle"])
    observable = PauliSum.from_labels({"Z": 1.0})
    expectation_gradient(program, observable, [0.1])
    circuit = SingleCircuit(program, [observable])
    circuit.backward(circuit.forward(np.array([0.1])), np.ones(1))
    exchange = [Operation("xx_plus_yy", (0, 1), (Angle(0.0, {0: 1.0}), Angle(0.1)))]
    ising = PauliSum.from_labels({"ZZ": 1.0})
    SubspaceEnergy(Program.from_operations(2, exchange, ["angle"]), ising, initial=1).value_and_gradient([0.1])


def _parameters(program: Program, values: ArrayLike) -> FloatArray:
    theta = np.ascontiguousarray(values, np.float64)
    if theta.shape != (program.num_parameters,):
        raise InvalidValueError(f"the program takes {program.num_parameters} parameters, got shape {theta.shape}.")
    return theta


def _check_basis_state(program: Program, index: int) -> None:
    if not 0 <= index < 2**program.num_qubits:
        raise InvalidValueError(f"`initial` must be a basis state below {2**program.num_qubits}, got {index}.")


def _row_of_each_basis_state(layers: Layers) -> NDArray[np.int64]:
    rows = np.bitwise_xor.reduce(layers.x * layers.flips, keepdims=True)
    for x in layers.x:
        rows = np.concatenate([rows, rows ^ x])
    return rows
