"""A noisy program as Pauli rotations: Clifford gates are moved to its end, where they turn what is measured.

A Pauli error then costs nothing: moved to the end as well, it flips the sign of the later rotations that anticommute
with it, and of what is measured. Damping becomes a signed Pauli channel and a reset, whose probabilities do not depend
on the state; both are drawn beforehand.

Source: Litinski, arXiv:1808.02892, for Clifford gates; ours for the damping.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.noise import Error, Noise, PauliChannel
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate.memory import check_memory
from qloop.circuits.simulate.steps import Cnot, Flip, Matrix, Phase, Rotation, add_angles, decompose

BitArray = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Pauli = tuple[int, int, int]
"""i^phase X^x Z^z as (x, z, phase)."""

_COMMUTE = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
_NEGLIGIBLE = 1e-13


@dataclass(frozen=True, eq=False)
class Rotations:
    """A lowered program.

    A step is a rotation ``exp(-i angle / 2 P)``, or a place where a lane may be projected onto P = +-1, for
    P = i^|x & z| X^x Z^z. An error is one alternative of its site; of those, at most one happens.

    Args:
        num_qubits: width of the register.
        x: X mask of each step, shape [num_steps].
        z: its Z mask.
        projection: whether it is a place of projection.
        offset: constant part of its angle; signs of P are in the angles.
        slope: angle over the program's parameters, shape [num_steps, num_parameters].
        keep: quasi-probability of each site that nothing happens, shape [num_sites].
        site: of each error, ascending, shape [num_errors].
        weight: its quasi-probability, which may be negative.
        error_x: X mask of the Pauli that it applies.
        error_z: its Z mask.
        first: first step after it.
        project: step at which it projects, -1 for none.
        sign: +1 or -1, onto which value of P it projects.
        images: what ``X`` and ``Z`` on each qubit, measured after the program, are after the rotations alone.
    """

    num_qubits: int
    x: IntArray
    z: IntArray
    projection: NDArray[np.bool_]
    offset: FloatArray
    slope: FloatArray
    keep: FloatArray
    site: IntArray
    weight: FloatArray
    error_x: IntArray
    error_z: IntArray
    first: IntArray
    project: IntArray
    sign: IntArray
    images: tuple[tuple[Pauli, Pauli], ...]

    def measured(self, letters: BitArray) -> tuple[IntArray, IntArray, IntArray]:
        """Return the X mask, Z mask and sign (+-1) of Pauli strings as they are after the rotations alone.

        Args:
            letters: 0..3 = I, X, Y, Z, shape [strings, num_qubits].
        """
        rows = [_image(self.images, *_masks(row)) for row in letters.tolist()]
        x, z, phase = np.array(rows, np.int64).reshape(-1, 3).T
        return x, z, 1 - (phase - np.bitwise_count(x & z)) % 4

    def flips(self, x: IntArray, z: IntArray) -> BitArray:
        """Return whether each error flips the sign of each step, and of strings measured after the last.

        Args:
            x: X masks of the strings, shape [strings].
            z: their Z masks.

        Returns:
            0 or 1, shape [num_errors, num_steps + strings].
        """
        all_x, all_z = np.concatenate([self.x, x]), np.concatenate([self.z, z])
        check_memory(24 * len(self.site) * len(all_x), f"{len(self.site)} errors in {len(self.x)} steps")
        odd = np.bitwise_count(self.error_x[:, None] & all_z) + np.bitwise_count(self.error_z[:, None] & all_x)
        later = np.arange(len(all_x)) >= self.first[:, None]
        flips: BitArray = (odd & 1 & later).astype(np.uint8)
        return flips


def lower(program: Program, noise: Noise, keep_z: bool) -> Rotations:
    """Return a program with its noise as rotations.

    Args:
        program: any program.
        noise: of that program; its readout is left out.
        keep_z: whether strings of I and Z must stay so, as reading bits needs; more rotations are left then.
    """
    lowering = _Lowering(program.num_qubits, program.num_parameters, keep_z)
    for operation, errors in zip(program.operations(), noise.after, strict=True):
        lowering.add_gate(operation)
        for error in errors:
            lowering.add_error(error)
    return lowering.finish()


@dataclass(eq=False)
class _Pending:
    """A Pauli channel that has not been written yet, by its eigenvalues."""

    qubits: tuple[int, ...]
    eigenvalues: FloatArray


class _Lowering:
    def __init__(self, num_qubits: int, num_parameters: int, keep_z: bool) -> None:
        self.num_qubits, self.num_parameters, self.keep_z = num_qubits, num_parameters, keep_z
        self.images: list[tuple[Pauli, Pauli]] = [((1 << q, 0, 0), (0, 1 << q, 0)) for q in range(num_qubits)]
        self.steps: list[tuple[int, int, bool]] = []
        self.angles: list[Angle] = []
        self.keep: list[float] = []
        self.errors: list[tuple[int, float, int, int, int, int, int]] = []
        self.pending: dict[int, _Pending] = {}
        self.survival: dict[int, float] = {}

    def add_gate(self, operation: Operation) -> None:
        for qubit in operation.qubits:
            self.flush(qubit)
        for step in _expand(operation):
            x, z, phase = _image(self.images, step.x, step.z)
            quarters = round(step.angle.offset / (np.pi / 2))
            fixed = not step.angle.terms and abs(step.angle.offset - quarters * np.pi / 2) < _NEGLIGIBLE
            if fixed and not (self.keep_z and step.x and quarters % 2):
                self.images = [
                    (_turned(on_x, (x, z, phase), quarters), _turned(on_z, (x, z, phase), quarters))
                    for on_x, on_z in self.images
                ]
            else:
                self.steps.append((x, z, False))
                self.angles.append(add_angles((_sign(x, z, phase), step.angle)))

    def add_error(self, error: Error) -> None:
        if isinstance(error, Operation):
            self.add_gate(error)
        elif isinstance(error, PauliChannel):
            self.add_channel(error.qubits, _commutation(len(error.qubits)) @ error.probabilities)
        else:
            # Damping keeps sqrt(1 - p) of the coherence, a reset that happens with the same probability 1 - p of it.
            coherence = (1 - error.probability) ** -0.5
            self.add_channel((error.qubit,), np.array([1, coherence, coherence, 1]))
            self.survival[error.qubit] = self.survival.get(error.qubit, 1.0) * (1 - error.probability)

    def add_channel(self, qubits: tuple[int, ...], eigenvalues: FloatArray) -> None:
        """Compose with the channel that waits on the same qubits; only phase errors commute with a waiting reset."""
        for place, qubit in enumerate(qubits):
            along = eigenvalues.reshape((4,) * len(qubits))
            along = np.moveaxis(along, len(qubits) - 1 - place, 0)
            if qubit in self.survival and not np.array_equal(along[[0, 1]], along[[3, 2]]):
                self.flush(qubit)
        waiting = self.pending.get(qubits[0])
        if waiting is not None and set(qubits) <= set(waiting.qubits):
            waiting.eigenvalues = waiting.eigenvalues * _spread(eigenvalues, qubits, waiting.qubits)
            return
        for qubit in qubits:
            self.write_channel(qubit)
        self.pending.update(dict.fromkeys(qubits, _Pending(qubits, eigenvalues)))

    def flush(self, qubit: int) -> None:
        """Write what waits on a qubit: its channel, then its reset."""
        self.write_channel(qubit)
        survival = self.survival.pop(qubit, 1.0)
        if survival == 1:
            return
        (flip_x, flip_z, _), (x, z, phase) = self.images[qubit]
        sign = _sign(x, z, phase)
        step, site = len(self.steps), len(self.keep)
        self.steps.append((x, z, True))
        self.angles.append(Angle())
        self.keep.append(survival)
        half = (1 - survival) / 2
        self.errors.append((site, half, 0, 0, step + 1, step, sign))
        self.errors.append((site, half, flip_x, flip_z, step + 1, step, -sign))

    def write_channel(self, qubit: int) -> None:
        waiting = self.pending.pop(qubit, None)
        if waiting is None:
            return
        for other in waiting.qubits:
            self.pending.pop(other, None)
        width = len(waiting.qubits)
        probabilities = _commutation(width) @ waiting.eigenvalues / 4**width
        chosen = np.flatnonzero(abs(probabilities) > _NEGLIGIBLE)
        if not chosen.any():
            return
        for string in chosen[chosen > 0].tolist():
            letters = [string >> 2 * k & 3 for k in range(width)]
            on = dict(zip(waiting.qubits, letters, strict=True))
            x, z, _ = _image(self.images, *_masks([on.get(q, 0) for q in range(self.num_qubits)]))
            self.errors.append((len(self.keep), float(probabilities[string]), x, z, len(self.steps), -1, 0))
        self.keep.append(float(probabilities[0]))

    def finish(self) -> Rotations:
        for qubit in range(self.num_qubits):
            self.flush(qubit)
        slope = np.zeros((len(self.angles), self.num_parameters))
        for row, angle in zip(slope, self.angles, strict=True):
            row[list(angle.terms)] = list(angle.terms.values())
        x, z, projection = np.array(self.steps, np.int64).reshape(-1, 3).T
        site, weight, error_x, error_z, first, project, sign = np.array(self.errors, object).reshape(-1, 7).T
        return Rotations(
            num_qubits=self.num_qubits,
            x=x.copy(),
            z=z.copy(),
            projection=projection.astype(np.bool_),
            offset=np.array([angle.offset for angle in self.angles]),
            slope=slope,
            keep=np.array(self.keep),
            site=site.astype(np.int64),
            weight=weight.astype(np.float64),
            error_x=error_x.astype(np.int64),
            error_z=error_z.astype(np.int64),
            first=first.astype(np.int64),
            project=project.astype(np.int64),
            sign=sign.astype(np.int64),
            images=tuple(self.images),
        )


def _expand(operation: Operation) -> Iterator[Rotation]:
    """Yield an operation as Pauli rotations, up to its global phase."""
    for step in decompose(operation):
        match step:
            case Rotation():
                yield step
            case Flip(qubit):
                yield Rotation(1 << qubit, 0, Angle(np.pi))
            case Cnot(control, target):
                # exp(i pi / 4 (1 - Z)(1 - X)), with Z on the control and X on the target.
                yield Rotation(0, 1 << control, Angle(np.pi / 2))
                yield Rotation(1 << target, 0, Angle(np.pi / 2))
                yield Rotation(1 << target, 1 << control, Angle(-np.pi / 2))
            case Matrix(qubits, entries):
                for inner in _synthesize(entries):
                    yield from _expand(Operation(inner.name, tuple(qubits[k] for k in inner.qubits), inner.angles))
            case Phase():
                pass


def _synthesize(matrix: NDArray[np.complex128]) -> Iterator[Operation]:
    from qiskit.synthesis import qs_decomposition

    from qloop.circuits.qiskit import from_qiskit

    return from_qiskit(qs_decomposition(matrix)).operations()


def _image(images: Sequence[tuple[Pauli, Pauli]], x: int, z: int) -> Pauli:
    """Return the image of i^|x & z| X^x Z^z from those of X and Z on each qubit."""
    result: Pauli = (0, 0, 0)
    for qubit, (on_x, on_z) in enumerate(images):
        if x >> qubit & 1:
            result = _product(result, on_x)
        if z >> qubit & 1:
            result = _product(result, on_z)
    return result[0], result[1], (result[2] + (x & z).bit_count()) % 4


def _turned(pauli: Pauli, axis: Pauli, quarters: int) -> Pauli:
    """Return R^dagger P R for R a rotation about an axis by quarter turns."""
    if not ((pauli[0] & axis[1]).bit_count() + (pauli[1] & axis[0]).bit_count()) % 2:
        return pauli
    for _ in range(quarters % 4):
        x, z, phase = _product(pauli, axis)
        pauli = x, z, (phase + 3) % 4
    return pauli


def _product(left: Pauli, right: Pauli) -> Pauli:
    turns = left[2] + right[2] + 2 * (left[1] & right[0]).bit_count()
    return left[0] ^ right[0], left[1] ^ right[1], turns % 4


def _sign(x: int, z: int, phase: int) -> int:
    """Return the sign of a string before i^|x & z| X^x Z^z."""
    return 1 - (phase - (x & z).bit_count()) % 4


def _masks(letters: Sequence[int]) -> tuple[int, int]:
    x = sum(1 << qubit for qubit, letter in enumerate(letters) if letter in (1, 2))
    return x, sum(1 << qubit for qubit, letter in enumerate(letters) if letter >= 2)


def _commutation(width: int) -> NDArray[np.int64]:
    """Return +1 where two strings commute and -1 where not, shape [4^width, 4^width]."""
    return _COMMUTE if width == 1 else np.kron(_commutation(width - 1), _COMMUTE)


def _spread(eigenvalues: FloatArray, qubits: tuple[int, ...], onto: tuple[int, ...]) -> FloatArray:
    """Return a channel's eigenvalues as those of one on more qubits, or on the same in another order."""
    strings = np.arange(4 ** len(onto))
    index = sum((strings >> 2 * onto.index(q) & 3) << 2 * k for k, q in enumerate(qubits))
    spread: FloatArray = eigenvalues[index]
    return spread
