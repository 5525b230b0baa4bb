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


def is_clifford(program: Program, values: ArrayLike = ()) -> bool:
    """Return whether every gate is Clifford at parameter values of shape [num_parameters]."""
    return all(text is not None for _, text in _lower(program, values))


def to_stim(program: Program, values: ArrayLike = ()) -> stim.Circuit:
    """Write a Clifford program as a Stim circuit on the same qubits, up to a global phase.

    Args:
        program: any program.
        values: parameters at which every gate is Clifford, shape [num_parameters].

    Raises:
        InvalidValueError: a gate is not Clifford, or a wrong number of parameters.
    """
    lines = []
    for operation, text in _lower(program, values):
        if text is None:
            raise InvalidValueError(f"`{operation.name}` on qubits {operation.qubits} is not Clifford at these angles.")
        lines.append(text)
    return stim.Circuit("\n".join(lines))


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


def _lower(program: Program, values: ArrayLike) -> Iterator[tuple[Operation, str | None]]:
    """Yield each gate and its lines of Stim's circuit language, `None` where it is not Clifford."""
    angles = program.angles(values)
    quarters = np.round(angles / (np.pi / 2))
    near = abs(angles - quarters * np.pi / 2) <= TOLERANCE
    snapped = np.where(near, quarters * np.pi / 2, angles)
    for k, operation in enumerate(program.operations()):
        span = slice(program.angle_start[k], program.angle_start[k + 1])
        name, qubits = operation.name, operation.qubits
        if name == "pauli_rotation" or name in ROTATIONS:
            letters = ROTATIONS.get(name, operation.letters)
            yield operation, _rotation(qubits, letters, int(quarters[span][0])) if near[span][0] else None
        else:
            template = _template(name, *snapped[span]) if operation.matrix is None else _decompose(operation.matrix)
            yield operation, None if template is None else template.format(*qubits)


def _rotation(qubits: tuple[int, ...], letters: tuple[int, ...], quarters: int) -> str:
    paulis = [f"{'IXYZ'[letter]}{qubit}" for qubit, letter in zip(qubits, letters, strict=False) if letter]
    if not paulis or quarters % 4 == 0:
        return ""
    if quarters % 4 == 2:
        return "\n".join(f"{pauli[0]} {pauli[1:]}" for pauli in paulis)
    return f"{'SPP' if quarters % 4 == 1 else 'SPP_DAG'} {'*'.join(paulis)}"


@lru_cache(maxsize=4096)
def _template(name: str, *angles: float) -> str | None:
    return _decompose(gate_matrix(name, angles))


def _decompose(matrix: NDArray[np.complex128]) -> str | None:
    """Return lines of Stim's language with ``{k}`` for the gate's qubit k, `None` if the matrix is not Clifford."""
    try:
        tableau = stim.Tableau.from_unitary_matrix(matrix, endian="little")
    except ValueError:
        return None
    # Stim rounds to the nearest Clifford gate generously: hold its matrix, of free phase, against ours.
    rounded = tableau.to_unitary_matrix(endian="little")
    phase = np.vdot(rounded, matrix)
    if abs(rounded * (phase / abs(phase)) - matrix).max() > TOLERANCE:
        return None
    steps = ((step.name, step.targets_copy()) for step in tableau.to_circuit())
    return "\n".join(f"{name} {' '.join(f'{{{target.value}}}' for target in targets)}" for name, targets in steps)
