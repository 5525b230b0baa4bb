"""Noise channels of a device as Pauli transfer matrices.

A channel on k qubits is a real matrix over Pauli strings, shape [4^k, 4^k]. Letters are 0..3 = I, X, Y, Z and the first
qubit is the least significant digit, as in Qiskit's operator order.
"""

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.gates import PAULIS
from qloop.devices.device import Device

FloatArray = NDArray[np.float64]
_STRINGS = {1: PAULIS, 2: np.einsum("aij,bkl->abikjl", PAULIS, PAULIS).reshape(16, 4, 4)}


def unitary_channel(matrix: NDArray[np.complex128]) -> FloatArray:
    """Return the transfer matrix of a one- or two-qubit unitary in little-endian order."""
    strings = _STRINGS[len(matrix).bit_length() - 1]
    image = matrix @ strings @ matrix.conj().T
    channel: FloatArray = np.einsum("aij,bji->ab", strings, image).real / len(matrix)
    return channel


def rotation_z(angle: float) -> FloatArray:
    """Return the transfer matrix of a rotation about Z by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1.0]])


def rotation_zz(angle: float) -> FloatArray:
    """Return the transfer matrix of exp(-i angle/2 ZZ)."""
    phase = np.exp(-0.5j * angle * np.array([1, -1, -1, 1]))
    return unitary_channel(np.diag(phase))


def thermal_relaxation(time_ns: float, t1_ns: float, t2_ns: float) -> FloatArray:
    """Return relaxation to the ground state and dephasing over a time.

    Source: Nielsen and Chuang, section 8.3; T2 is cut at 2 T1 as Qiskit Aer does.
    """
    t2_ns = min(t2_ns, 2 * t1_ns)
    keep, coherence = np.exp(-time_ns / t1_ns), np.exp(-time_ns / t2_ns)
    channel = np.diag([1.0, coherence, coherence, keep])
    channel[3, 0] = 1 - keep
    return channel


def average_fidelity(channel: FloatArray) -> float:
    """Return the average gate fidelity of a channel against the identity."""
    dim = round(len(channel) ** 0.5)
    return float((np.trace(channel) / dim + 1) / (dim + 1))


def gate_error_channel(device: Device, name: str, qubits: tuple[int, ...]) -> FloatArray:
    """Return the error that follows an ideal gate: depolarisation, then relaxation during the gate.

    Source: the device model of Qiskit Aer's `NoiseModel.from_backend`; equality is tested.
    """
    depolarising = np.full(4 ** len(qubits), 1 - depolarising_strength(device, name, qubits))
    depolarising[0] = 1.0
    return _relaxation_during(device, name, qubits) * depolarising


def depolarising_strength(device: Device, name: str, qubits: tuple[int, ...]) -> float:
    """Return how far a gate depolarises: by what remains of the reported average infidelity beyond relaxation."""
    error, dim = device.gate_error(name, qubits), 2 ** len(qubits)
    fidelity = average_fidelity(_relaxation_during(device, name, qubits))
    if error <= 1 - fidelity:
        return 0.0
    strength = dim * (min(error, dim / (dim + 1)) - (1 - fidelity)) / (dim * fidelity - 1)
    return float(min(strength, dim * dim / (dim * dim - 1)))


def _relaxation_during(device: Device, name: str, qubits: tuple[int, ...]) -> FloatArray:
    time = device.gate_ns(name, qubits)
    relaxation: FloatArray = np.eye(1)
    for qubit in qubits:
        alone = thermal_relaxation(time, device.t1_ns[qubit], device.t2_ns[qubit])
        relaxation = np.kron(alone, relaxation).astype(np.float64)
    return relaxation


def readout_confusion(device: Device, qubit: int) -> FloatArray:
    """Return P(read row | prepared column), shape [2, 2]."""
    up, down = device.readout_error[qubit]
    return np.array([[1 - up, down], [up, 1 - down]])
