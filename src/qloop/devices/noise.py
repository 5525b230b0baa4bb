"""A device's noise on a compiled program, as the values that trajectories are drawn from."""

from collections.abc import Iterator

import numpy as np

from qloop.circuits.noise import Damping, Error, Noise, PauliChannel
from qloop.circuits.program import Angle, Operation, Program
from qloop.devices.channels import depolarising_strength
from qloop.devices.device import Device
from qloop.devices.schedule import start_times
from qloop.devices.transfer import measurement_effects


def noise_of(program: Program, device: Device, idle: bool = True) -> Noise:
    """Return a device's noise on a program; its mean is what `NoisySimulator` computes.

    Args:
        program: gates and directions that the device has.
        device: whose calibration.
        idle: whether waiting qubits relax.

    Raises:
        InvalidValueError: a gate the device does not have.
    """
    device.check(program)
    used, outputs = program.used_qubits(), tuple(program.outputs.tolist())
    clock: dict[int, float] = {}
    after: list[list[Error]] = []

    def wait(qubit: int, until: float) -> None:
        # A qubit that no gate has touched is in its ground state and stays there.
        if idle and qubit in clock:
            after[-1] += _relaxation(device, qubit, until - clock[qubit])

    starts, end = start_times(program, device)
    for operation, start in zip(program.operations(), starts, strict=True):
        for qubit in operation.qubits:
            wait(qubit, start)
        duration = device.gate_ns(operation.name, operation.qubits)
        clock.update(dict.fromkeys(operation.qubits, start + duration))
        after.append([*_gate_errors(device, operation), *_coherent_errors(device, operation, used)])
    for qubit in outputs:
        wait(qubit, end)
    effects = measurement_effects(device, outputs)
    return Noise(after=tuple(map(tuple, after)), readout=effects[:, :, 0] - effects[:, :, 1])


def _gate_errors(device: Device, operation: Operation) -> Iterator[Error]:
    name, qubits = operation.name, operation.qubits
    strength, size = depolarising_strength(device, name, qubits), 4 ** len(qubits)
    if strength:
        probabilities = np.full(size, strength / size)
        probabilities[0] = 1 - probabilities[1:].sum()
        yield PauliChannel(qubits, probabilities)
    for qubit in qubits:
        yield from _relaxation(device, qubit, device.gate_ns(name, qubits))


def _relaxation(device: Device, qubit: int, time_ns: float) -> Iterator[Error]:
    """Yield what `channels.thermal_relaxation` is made of: decay, and flips of the phase for the rest of T2."""
    t1, t2 = device.t1_ns[qubit], min(device.t2_ns[qubit], 2 * device.t1_ns[qubit])
    decay, flip = -np.expm1(-time_ns / t1), -np.expm1(time_ns / (2 * t1) - time_ns / t2) / 2
    if decay:
        yield Damping(qubit, float(decay))
    if flip > 0:
        yield PauliChannel((qubit,), np.array([1 - flip, 0, 0, flip]))


def _coherent_errors(device: Device, operation: Operation, used: tuple[int, ...]) -> Iterator[Error]:
    if len(operation.qubits) != 2:
        return
    a, b = operation.qubits
    yield from _zz(a, b, device.coherent_zz.get((min(a, b), max(a, b)), 0.0))
    time_us = device.gate_ns(operation.name, operation.qubits) / 1000
    for qubit in (a, b):
        for other in used:
            if other not in (a, b):
                rate = device.crosstalk_zz.get((min(qubit, other), max(qubit, other)), 0.0)
                yield from _zz(qubit, other, rate * time_us)


def _zz(a: int, b: int, angle: float) -> Iterator[Error]:
    if angle:
        yield Operation("rzz", (a, b), (Angle(angle),))
