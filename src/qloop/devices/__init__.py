"""What is known of quantum computers, and the one way to run on them."""

from qloop.core.lazy import lazy_names

_HOMES = {
    "Backend": "qloop.devices.backend",
    "Cost": "qloop.devices.cost",
    "Device": "qloop.devices.device",
    "GateCalibration": "qloop.devices.device",
    "IdealSimulator": "qloop.devices.simulator",
    "NoisySimulator": "qloop.devices.simulator",
    "PrimitiveBackend": "qloop.devices.primitives",
    "RecordedBackend": "qloop.devices.recorded",
    "Recorder": "qloop.devices.recorded",
    "Request": "qloop.devices.shots",
    "Shots": "qloop.devices.shots",
    "UniformBits": "qloop.devices.simulator",
    "device_from_backend": "qloop.devices.qiskit",
    "device_from_cirq": "qloop.devices.cirq",
    "device_from_snapshot": "qloop.devices.qiskit",
    "device_names": "qloop.devices.catalog",
    "estimate_cost": "qloop.devices.cost",
    "load_device": "qloop.devices.catalog",
    "noise_of": "qloop.devices.noise",
    "to_target": "qloop.devices.qiskit",
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
