"""A layer's circuits on a device: everything that a step needs in one job."""

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.program import Program
from qloop.devices.backend import Backend
from qloop.devices.device import Device
from qloop.devices.shots import Request, Shots
from qloop.devices.transpile import transpile
from qloop.hybrid.readout import Readout

FloatArray = NDArray[np.float64]


class DeviceShots:
    """Shots of a backend, which is given all circuits of a step at once.

    Args:
        backend: runs programs; those for a device are compiled once, with the angles left free.
        program: free-angle circuit.
        readout: what is measured.
        shots: per circuit and setting.

    Raises:
        InvalidValueError: the device has too few qubits.
    """

    def __init__(self, backend: Backend, program: Program, readout: Readout, shots: int) -> None:
        self.backend, self.readout, self.shots = backend, readout, shots
        self.program = program if backend.device is None else transpile(program, backend.device)

    @property
    def name(self) -> str:
        """Name for reports."""
        return self.backend.name

    @property
    def device(self) -> Device | None:
        """What the program is compiled for."""
        return self.backend.device

    def values(self, angles: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the measured outputs, shape [rows, num_outputs], at angles of shape [rows, num_angles]."""
        return np.array([self.readout.from_bits(_by_setting(shots)) for shots in self._run(angles, rng)])

    def bits(self, angles: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the measured bits along Z, shape [rows, shots, num_qubits]."""
        return np.array([shots.unpacked() for shots in self._run(angles, rng)])

    def _run(self, angles: FloatArray, rng: np.random.Generator) -> list[Shots]:
        return self.backend.run([self._request(row) for row in angles], rng)

    def _request(self, values: FloatArray) -> Request:
        bases = self.readout.bases
        shots = np.full(len(bases), self.shots)
        return Request(program=self.program, values=values, bases=bases, shots=shots, label="layer")


def _by_setting(shots: Shots) -> list[NDArray[np.uint8]]:
    bits = shots.unpacked()
    return [bits[shots.setting == setting] for setting in range(len(shots.bases))]
