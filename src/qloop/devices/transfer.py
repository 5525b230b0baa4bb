"""Noisy evolution in the Pauli basis: a density matrix as 4^n real numbers, one pass per program.

Digit q of an index (base 4) is the Pauli letter on qubit q.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.gates import GATES, gate_matrix
from qloop.circuits.program import Operation, Program
from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.memory import check_memory
from qloop.core.errors import InvalidValueError
from qloop.devices.bases import basis_change
from qloop.devices.channels import (
    FloatArray,
    gate_error_channel,
    readout_confusion,
    rotation_zz,
    thermal_relaxation,
    unitary_channel,
)
from qloop.devices.device import Device
from qloop.devices.schedule import start_times

_ONE, _RZ, _TWO = 0, 1, 2
MAX_QUBITS = 14
"""4^14 numbers are 2 GiB; beyond that trajectories are the method."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TransferProgram:
    """A program on one device, lowered to transfer matrices over the qubits it uses.

    Args:
        program: what was lowered, on the device's qubits.
        qubits: physical qubit of each digit.
        kinds: step kind: constant one-qubit, Z rotation, two-qubit, shape [steps].
        wires: digits of each step, shape [steps, 2].
        index: matrix or angle of each step, shape [steps].
        ones: one-qubit matrices, shape [count, 4, 4].
        twos: two-qubit matrices, shape [count, 16, 16].
        effects: what `measurement_effects` returns for the outputs.
        dynamic: (two-qubit?, matrix index, operation number, error) of the gates that depend on parameters, Z rotations
            apart.
    """

    program: Program
    qubits: tuple[int, ...]
    kinds: NDArray[np.int8]
    wires: NDArray[np.int32]
    index: NDArray[np.int32]
    ones: FloatArray
    twos: FloatArray
    effects: FloatArray
    dynamic: tuple[tuple[bool, int, int, FloatArray], ...]

    @property
    def nbytes(self) -> int:
        """Memory that the matrices take."""
        return self.ones.nbytes + self.twos.nbytes

    def evolve(self, values: NDArray[np.float64]) -> FloatArray:
        """Return the Pauli expectations of the outputs before measurement, shape [4^num_outputs]."""
        check_memory(2 * 8 * 4 ** len(self.qubits), f"a noisy state of {len(self.qubits)} qubits")
        angles = self.program.angles(values)
        ones, twos = self.ones, self.twos
        if self.dynamic:
            ones, twos = ones.copy(), twos.copy()
            for two, index, number, error in self.dynamic:
                start, stop = self.program.angle_start[number : number + 2]
                name = GATES[self.program.gates[number]].name
                channel = error @ unitary_channel(gate_matrix(name, angles[start:stop]))
                (twos if two else ones)[index] = channel
        state = _evolve(len(self.qubits), self.kinds, self.wires, self.index, ones, twos, angles)
        return _keep(state, [self.qubits.index(q) for q in self.program.outputs.tolist()], len(self.qubits))


def lower(program: Program, device: Device, idle: bool = True) -> TransferProgram:
    """Lower a compiled program to transfer matrices with the device's noise.

    Every gate is followed by its error channel. With `idle`, qubits that wait relax: gates start as soon as their
    qubits are free, and all outputs are turned to their basis and read when the last gate has ended. Coherent and
    crosstalk ZZ of the device follow each two-qubit gate.

    Args:
        program: gates and directions that the device has.
        device: whose noise.
        idle: whether waiting qubits relax.

    Raises:
        InvalidValueError: a gate the device does not have, or too many used qubits.
    """
    qubits = program.used_qubits()
    if len(qubits) > MAX_QUBITS:
        raise InvalidValueError(
            f"a noisy state is simulated up to {MAX_QUBITS} qubits, the program uses {len(qubits)}."
        )
    device.check(program)
    build = _Builder(program, device, qubits, idle)
    starts, end = start_times(program, device)
    for number, (operation, start) in enumerate(zip(program.operations(), starts, strict=True)):
        build.add(number, operation, start)
    return build.finish(end)


class _Builder:
    def __init__(self, program: Program, device: Device, qubits: tuple[int, ...], idle: bool) -> None:
        self.program, self.device, self.qubits, self.idle = program, device, qubits, idle
        self.wire = {q: k for k, q in enumerate(qubits)}
        self.clock = dict.fromkeys(qubits, 0.0)
        self.steps: list[tuple[int, int, int, int]] = []
        self.ones: list[FloatArray] = []
        self.twos: list[FloatArray] = []
        self.dynamic: list[tuple[bool, int, int, FloatArray]] = []
        self.channels: dict[tuple[str, tuple[int, ...]], FloatArray] = {}

    def add(self, number: int, operation: Operation, start: float) -> None:
        name, qubits = operation.name, operation.qubits
        duration = self.device.gate_ns(name, qubits)
        for qubit in qubits:
            self.wait(qubit, start)
            self.clock[qubit] = start + duration
        if name == "rz":
            self.steps.append((_RZ, self.wire[qubits[0]], 0, int(self.program.angle_start[number])))
            if duration or self.device.gate_error(name, qubits):
                self.push(self.error(name, qubits), qubits)
        else:
            self.add_matrix(number, operation)
        if len(qubits) == 2:
            self.add_zz(qubits[0], qubits[1], duration)

    def add_matrix(self, number: int, operation: Operation) -> None:
        error = self.error(operation.name, operation.qubits)
        if any(angle.terms for angle in operation.angles):
            two = len(operation.qubits) == 2
            self.dynamic.append((two, len(self.twos if two else self.ones), number, error))
            self.push(error, operation.qubits)
            return
        matrix = operation.matrix
        if matrix is None:
            matrix = gate_matrix(operation.name, np.array([angle.offset for angle in operation.angles]))
        self.push(error @ unitary_channel(matrix), operation.qubits)

    def add_zz(self, a: int, b: int, duration: float) -> None:
        angle = self.device.coherent_zz.get((min(a, b), max(a, b)), 0.0)
        if angle:
            self.push(rotation_zz(angle), (a, b))
        if not self.device.crosstalk_zz:
            return
        for qubit in (a, b):
            for other in self.qubits:
                rate = self.device.crosstalk_zz.get((min(qubit, other), max(qubit, other)), 0.0)
                if other not in (a, b) and rate:
                    self.push(rotation_zz(rate * duration / 1000), (qubit, other))

    def error(self, name: str, qubits: tuple[int, ...]) -> FloatArray:
        if (name, qubits) not in self.channels:
            self.channels[name, qubits] = gate_error_channel(self.device, name, qubits)
        return self.channels[name, qubits]

    def wait(self, qubit: int, until: float) -> None:
        time = until - self.clock[qubit]
        if self.idle and time > 0:
            self.push(thermal_relaxation(time, self.device.t1_ns[qubit], self.device.t2_ns[qubit]), (qubit,))

    def push(self, matrix: FloatArray, qubits: tuple[int, ...]) -> None:
        wires = [self.wire[q] for q in qubits]
        if len(qubits) == 1:
            self.steps.append((_ONE, wires[0], 0, len(self.ones)))
            self.ones.append(matrix)
        else:
            self.steps.append((_TWO, wires[0], wires[1], len(self.twos)))
            self.twos.append(matrix)

    def finish(self, end: float) -> TransferProgram:
        for qubit in self.program.outputs.tolist():
            self.wait(qubit, end)
        steps = np.array(self.steps, np.int32).reshape(-1, 4)
        return TransferProgram(
            program=self.program,
            qubits=self.qubits,
            kinds=steps[:, 0].astype(np.int8),
            wires=np.ascontiguousarray(steps[:, 1:3]),
            index=np.ascontiguousarray(steps[:, 3]),
            ones=np.array(self.ones).reshape(-1, 4, 4),
            twos=np.array(self.twos).reshape(-1, 16, 16),
            effects=measurement_effects(self.device, tuple(self.program.outputs.tolist())),
            dynamic=tuple(self.dynamic),
        )


def measurement_effects(device: Device, qubits: tuple[int, ...]) -> FloatArray:
    """Return what a qubit's Pauli vector contributes to each read bit.

    The change of basis is made of native gates with their errors; reading follows the device's confusion.

    Args:
        device: whose gates and readout.
        qubits: physical qubits in logical order.

    Returns:
        shape [num_qubits, 3, 2, 4]: probability of bit s (third axis) in basis X, Y, Z (second) over the Pauli vector.
    """
    identity = np.array([1.0, 0, 0, 0])
    effects = np.empty((len(qubits), 3, 2, 4))
    for k, qubit in enumerate(qubits):
        confusion = readout_confusion(device, qubit)
        for letter in (1, 2, 3):
            row = np.array([0, 0, 0, 1.0])
            for operation in reversed(basis_change(device, qubit, letter)):
                row = row @ _noisy_channel(device, operation)
            effects[k, letter - 1] = confusion @ [(identity + row) / 2, (identity - row) / 2]
    return effects


def outcome_probabilities(state: FloatArray, effects: FloatArray, bases: NDArray[np.uint8]) -> FloatArray:
    """Return the probability of every outcome in every setting, shape [settings, 2^n], little-endian."""
    probabilities: FloatArray = _measure(state, effects, np.ascontiguousarray(bases, np.uint8))
    np.clip(probabilities, 0.0, None, out=probabilities)
    probabilities /= probabilities.sum(1, keepdims=True)
    return probabilities


def _noisy_channel(device: Device, operation: Operation) -> FloatArray:
    angles = np.array([angle.offset for angle in operation.angles])
    ideal = unitary_channel(gate_matrix(operation.name, angles))
    return gate_error_channel(device, operation.name, operation.qubits) @ ideal


def _keep(state: FloatArray, wires: list[int], num_qubits: int) -> FloatArray:
    tensor = state.reshape((4,) * num_qubits)
    tensor = tensor[tuple(slice(None) if num_qubits - 1 - axis in wires else 0 for axis in range(num_qubits))]
    kept = sorted(wires, reverse=True)
    return np.ascontiguousarray(tensor.transpose([kept.index(w) for w in reversed(wires)])).reshape(-1)


@compiled
def _evolve(num_qubits, kinds, wires, index, ones, twos, angles):  # type: ignore[no-untyped-def]
    size = 4**num_qubits
    state = np.zeros(size)
    for k in range(2**num_qubits):
        # The ground state has expectation 1 on every string of I and Z.
        place, scale = 0, 1
        for q in range(num_qubits):
            place += 3 * scale * ((k >> q) & 1)
            scale *= 4
        state[place] = 1.0
    pending = np.zeros((num_qubits, 4, 4))
    for q in range(num_qubits):
        for i in range(4):
            pending[q, i, i] = 1.0
    product = np.empty((16, 16))
    for step in range(len(kinds)):
        a, b = wires[step, 0], wires[step, 1]
        if kinds[step] == 0:
            pending[a] = ones[index[step]] @ pending[a]
        elif kinds[step] == 1:
            c, s = np.cos(angles[index[step]]), np.sin(angles[index[step]])
            for j in range(4):
                x, y = pending[a, 1, j], pending[a, 2, j]
                pending[a, 1, j] = c * x - s * y
                pending[a, 2, j] = s * x + c * y
        else:
            for i in range(4):
                for j in range(4):
                    for k in range(4):
                        for m in range(4):
                            product[4 * i + k, 4 * j + m] = pending[b, i, j] * pending[a, k, m]
            _apply_two(state, twos[index[step]] @ product, 4**a, 4**b)
            for q in (a, b):
                for i in range(4):
                    for j in range(4):
                        pending[q, i, j] = 1.0 if i == j else 0.0
    for q in range(num_qubits):
        stride = 4**q
        for start in range(0, size, 4 * stride):
            for low in range(start, start + stride):
                x0, x1, x2, x3 = state[low], state[low + stride], state[low + 2 * stride], state[low + 3 * stride]
                for i in range(4):
                    p = pending[q, i]
                    state[low + i * stride] = p[0] * x0 + p[1] * x1 + p[2] * x2 + p[3] * x3
    return state


@compiled
def _apply_two(state, matrix, stride_a, stride_b):  # type: ignore[no-untyped-def]
    low, high = min(stride_a, stride_b), max(stride_a, stride_b)
    block = np.empty(16)
    image = np.empty(16)
    for outer in range(0, len(state), 4 * high):
        for middle in range(outer, outer + high, 4 * low):
            for base in range(middle, middle + low):
                for j in range(16):
                    block[j] = state[base + (j % 4) * stride_a + (j // 4) * stride_b]
                for i in range(16):
                    total = 0.0
                    for j in range(16):
                        total += matrix[i, j] * block[j]
                    image[i] = total
                for i in range(16):
                    state[base + (i % 4) * stride_a + (i // 4) * stride_b] = image[i]


@compiled
def _measure(state, effects, bases):  # type: ignore[no-untyped-def]
    settings, num_qubits = bases.shape
    probabilities = np.empty((settings, 2**num_qubits))
    work = np.empty((2, len(state)))
    for setting in range(settings):
        source = state
        # Contract the highest remaining qubit; its bit becomes the lowest digit already done, so order is kept by rows.
        done = 1
        for step in range(num_qubits):
            q = num_qubits - 1 - step
            rest = 4**q
            effect = effects[q, bases[setting, q] - 1]
            target = work[step % 2]
            for row in range(done):
                offset = row * 4 * rest
                for bit in range(2):
                    e0, e1, e2, e3 = effect[bit, 0], effect[bit, 1], effect[bit, 2], effect[bit, 3]
                    out = (2 * row + bit) * rest
                    for low in range(rest):
                        at = offset + low
                        target[out + low] = (
                            e0 * source[at]
                            + e1 * source[at + rest]
                            + e2 * source[at + 2 * rest]
                            + e3 * source[at + 3 * rest]
                        )
            done *= 2
            source = target
        probabilities[setting] = source[:done]
    return probabilities


def warm_up() -> None:
    """Compile this room's kernels for the types they are used with."""
    kinds = np.array([_ONE, _TWO], np.int8)
    wires = np.array([[0, 0], [0, 1]], np.int32)
    ones, twos = np.eye(4)[np.newaxis], np.eye(16)[np.newaxis]
    state = _evolve(2, kinds, wires, np.zeros(2, np.int32), ones, twos, np.zeros(0))
    outcome_probabilities(state, np.ones((2, 3, 2, 4)), np.full((1, 2), 3, np.uint8))
