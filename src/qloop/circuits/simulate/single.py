"""`SingleCircuit`: one program on one state, all of a register's lanes for its rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Program
from qloop.circuits.simulate import kernels
from qloop.circuits.simulate.layers import lower
from qloop.circuits.simulate.memory import aligned, check_memory
from qloop.circuits.simulate.observable import apply_sum, read_sums
from qloop.circuits.simulate.plan import SLOT, Plan, count_rows, plan
from qloop.circuits.simulate.readout import group_strings

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]

PHASE_BYTES = 2**28
"""Phases of diagonals are kept for the way back up to this size (256 MiB), and otherwise made again."""


@dataclass(frozen=True, eq=False)
class SingleRun:
    """One forward run.

    Args:
        outputs: shape [num_outputs].
        values: parameters that gave them.
        ket: final state over rows, real parts, then imaginary parts.
        phases: of the diagonals, as in `kernels.run`.
    """

    outputs: FloatArray
    values: FloatArray
    ket: FloatArray
    phases: FloatArray


class SingleCircuit:
    """A program for one sample, in double precision: outputs and the gradient of any combination of them.

    Args:
        program: any program.
        observables: on the program's outputs, output k their qubit k; `None` for the probabilities of the
            2^num_outputs outcomes, little-endian.
    """

    def __init__(self, program: Program, observables: Sequence[PauliSum] | None) -> None:
        check_memory(8 * 2**program.num_qubits, f"outcomes of {program.num_qubits} qubits")
        layers = lower(program)
        self._num_qubits = program.num_qubits
        self._rows = count_rows(program.num_qubits)
        self._plan = plan(layers)
        self._strings = group_strings(layers, observables or ())
        self._num_outputs = 2 ** len(program.outputs) if observables is None else len(observables)
        self._outcomes = layers.outcomes(np.arange(2**program.num_qubits)) if observables is None else None

    def forward(self, values: FloatArray, initial: ArrayLike | None = None) -> SingleRun:
        """Return the outputs.

        Args:
            values: parameters, shape [num_parameters].
            initial: state to start from, shape [2^num_qubits]; by default all zeros.

        Raises:
            InvalidValueError: more memory than there is.
        """
        ket, phases = allocate(self._plan, self._num_qubits)
        if initial is None:
            ket[0] = 1
        else:
            write_state(initial, ket)
        kernels.run(ket, phases, self._plan, kernels.angles_at(self._plan, values))
        outputs = np.zeros(self._num_outputs)
        if self._outcomes is None:
            read_sums(self._strings, ket, outputs)
        else:
            np.add.at(outputs, self._outcomes, abs(read_state(ket, self._num_qubits)) ** 2)
        return SingleRun(outputs, values, ket, phases)

    def backward(self, run: SingleRun, gradient: NDArray[np.floating]) -> tuple[FloatArray, ComplexArray]:
        """Return the gradient of a scalar over parameters and over the initial state.

        Args:
            run: what `forward` returned.
            gradient: of the scalar by the outputs, shape [num_outputs].

        Returns:
            shape [num_parameters]; and by real part plus i times that by imaginary part, shape [2^num_qubits].
        """
        ket, bra = aligned((2, len(run.ket)), np.float64)
        ket[:] = run.ket
        if self._outcomes is None:
            strings = self._strings
            none = np.empty((0, self._rows))
            apply_sum(strings, strings.coefficient * gradient[strings.output], none, ket, bra)
        else:
            write_state(gradient[self._outcomes] * read_state(ket, self._num_qubits), bra)
        # A single row of phases is written to on the way back.
        phases = run.phases if len(run.phases) > 1 else run.phases.copy()
        by_angle = kernels.rewind(ket, bra, phases, self._plan, kernels.angles_at(self._plan, run.values))
        by_parameter = kernels.gather_gradient(self._plan, by_angle, len(run.values))
        return by_parameter, 2 * read_state(bra, self._num_qubits)


def allocate(plan: Plan, num_qubits: int, others: int = 0) -> tuple[FloatArray, FloatArray]:
    """Return a state of zeros and room for the phases of its diagonals.

    Args:
        plan: what will be run.
        num_qubits: width of the register.
        others: bytes that will be needed besides.

    Raises:
        InvalidValueError: more memory than there is.
    """
    size = 2 * count_rows(num_qubits)
    diagonals = int(plan.steps[:, SLOT].max(initial=0)) + 1
    kept = diagonals if 8 * diagonals * size <= PHASE_BYTES else 1
    check_memory(8 * (1 + kept) * size + others, f"a state of {num_qubits} qubits")
    return aligned((size,), np.float64), aligned((kept, size), np.float64)


def write_state(state: ArrayLike, parts: FloatArray) -> None:
    """Write a complex state to an array of parts, which may be longer."""
    amplitudes, rows = np.asarray(state), len(parts) // 2
    parts[: amplitudes.size], parts[rows : rows + amplitudes.size] = amplitudes.real, amplitudes.imag


def read_state(parts: FloatArray, num_qubits: int) -> ComplexArray:
    """Return the complex state of an array of parts."""
    real, imaginary = parts.reshape(2, -1)[:, : 1 << num_qubits]
    state: ComplexArray = real + 1j * imaginary
    return state
