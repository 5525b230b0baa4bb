"""The door to Stim: Clifford programs as stabilizer circuits, and their exact expectation values at any size."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import stim
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.gates import ROTATIONS, gate_matrix
from qloop.circuits.program import Operation, Program
from qloop.core.errors import InvalidValueError

TOLERANCE = 1e-6
"""Largest deviation of an angle in radians, and of a matrix entry, from a Clifford gate."""
_Steps = tuple[tuple[str, tuple[int, ...]], ...]
"""Stim's name and the targets of each gate."""


def is_clifford(program: Program, values: ArrayLike = ()) -> bool:
    """Return whether every gate is Clifford at parameter values of shape [num_parameters]."""
    return all(circuit is not None for _, circuit in _lower(program, values))


def to_stim(program: Program, values: ArrayLike = ()) -> stim.Circuit:
    """Write a Clifford program as a Stim circuit on the same qubits, up to a global phase.

    Args:
        program: any program.
        values: parameters at which every gate is Clifford, shape [num_parameters].

    Raises:
        InvalidValueError: a gate is not Clifford, or a wrong number of parameters.
    """
    total = stim.Circuit()
    for operation, circuit in _lower(program, values):
        if circuit is None:
            raise InvalidValueError(f"`{operation.name}` on qubits {operation.qubits} is not Clifford at these angles.")
        total += circuit
    return total


def clifford_expectations(program: Program, values: ArrayLike, letters: ArrayLike) -> NDArray[np.int8]:
    """Return the exact expectation values of Pauli strings after a Clifford program.

    Args:
        program: any program; idle qubits cost nothing.
        values: parameters at which every gate is Clifford, shape [num_parameters].
        letters: 0..3 = I, X, Y, Z, shape [strings, num_outputs]; column k acts on output k.

    Returns:
        -1, 0 or 1 each, shape [strings].

    Raises:
        InvalidValueError: a gate is not Clifford, or shapes do not fit.
    """
    strings = np.asarray(letters, np.uint8)
    if strings.ndim != 2 or strings.shape[1] != len(program.outputs):
        raise InvalidValueError(f"`letters` must have {len(program.outputs)} columns, got shape {strings.shape}.")
    small = program.compact()
    simulator = stim.TableauSimulator()
    simulator.do(to_stim(small, values))
    placed = np.zeros((len(strings), small.num_qubits), np.uint8)
    placed[:, small.outputs] = strings
    signs = [simulator.peek_observable_expectation(stim.PauliString(row)) for row in placed.tolist()]
    return np.array(signs, np.int8)


def _lower(program: Program, values: ArrayLike) -> Iterator[tuple[Operation, stim.Circuit | None]]:
    angles = program.angles(values)
    quarters = np.round(angles / (np.pi / 2))
    near = abs(angles - quarters * np.pi / 2) <= TOLERANCE
    for k, operation in enumerate(program.operations()):
        span = slice(program.angle_start[k], program.angle_start[k + 1])
        if operation.name == "pauli_rotation" or operation.name in ROTATIONS:
            letters = ROTATIONS.get(operation.name, operation.letters)
            yield operation, _rotate(operation.qubits, letters, int(quarters[span][0])) if near[span][0] else None
        else:
            snapped = np.where(near, quarters * np.pi / 2, angles)[span]
            steps = _steps(operation.name, *snapped) if operation.matrix is None else _steps_of(operation.matrix)
            yield operation, None if steps is None else _place(steps, operation.qubits)


def _rotate(qubits: tuple[int, ...], letters: tuple[int, ...], quarters: int) -> stim.Circuit:
    circuit = stim.Circuit()
    paulis = [(q, "IXYZ"[letter]) for q, letter in zip(qubits, letters, strict=False) if letter]
    if quarters % 4 == 2:
        for qubit, letter in paulis:
            circuit.append(letter, [qubit])
    elif quarters % 2 and paulis:
        targets = stim.target_combined_paulis([stim.target_pauli(qubit, letter) for qubit, letter in paulis])
        circuit.append("SPP" if quarters % 4 == 1 else "SPP_DAG", targets)
    return circuit


@lru_cache(maxsize=4096)
def _steps(name: str, *angles: float) -> _Steps | None:
    return _steps_of(gate_matrix(name, angles))


def _steps_of(matrix: NDArray[np.complex128]) -> _Steps | None:
    try:
        tableau = stim.Tableau.from_unitary_matrix(matrix, endian="little")
    except ValueError:
        return None
    # Stim rounds to the nearest Clifford gate generously: hold its matrix, of free phase, against ours.
    rounded = tableau.to_unitary_matrix(endian="little")
    phase = np.vdot(rounded, matrix)
    if abs(rounded * (phase / abs(phase)) - matrix).max() > TOLERANCE:
        return None
    return tuple((step.name, tuple(t.value for t in step.targets_copy())) for step in tableau.to_circuit())


def _place(steps: _Steps, qubits: tuple[int, ...]) -> stim.Circuit:
    circuit = stim.Circuit()
    for name, targets in steps:
        circuit.append(name, [qubits[t] for t in targets])
    return circuit
