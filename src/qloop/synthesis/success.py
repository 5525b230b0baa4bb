"""How likely a compiled program is to run without an error, by the published calibration."""

import numpy as np

from qloop.circuits.program import Program
from qloop.devices.device import Device


def log_success(program: Program, device: Device) -> float:
    """Return the logarithm of the product of all gate and readout fidelities.

    Args:
        program: compiled for the device.
        device: whose errors.

    Raises:
        InvalidValueError: the device lacks a gate of the program.

    Source: the usual estimated success probability, for example Nation and Treinish, arXiv:2209.15512.
    """
    errors = [device.gate_error(operation.name, operation.qubits) for operation in program.operations()]
    errors += device.readout_error[program.outputs].mean(1).tolist()
    return float(np.log1p(-np.minimum(errors, 0.999)).sum())
