"""Programs in a device's own gates, by Qiskit's preset pass manager."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from qiskit.transpiler import PassManager, Target, generate_preset_pass_manager

from qloop.circuits.program import Program
from qloop.circuits.qiskit import from_qiskit, to_qiskit
from qloop.core.errors import InvalidValueError
from qloop.devices.device import Device
from qloop.devices.qiskit import to_target


def transpile(program: Program, device: Device, level: int = 2, seed: int = 0) -> Program:
    """Return a program on a device's qubits, placed by reported errors from level 2 on.

    The measurement is compiled too, so that its errors count and no output lands where nothing can be read.

    Args:
        program: logical program.
        device: whose gates, couplings and errors.
        level: of Qiskit's preset pass manager, 0 to 3.
        seed: of its searches.

    Returns:
        Native gates, the same parameters in the same order; `outputs` are the physical qubits of the logical ones.

    Raises:
        InvalidValueError: the device has too few qubits.
    """
    if program.num_qubits > device.num_qubits:
        raise InvalidValueError(
            f"`{device.name}` has {device.num_qubits} qubits, the program needs {program.num_qubits}."
        )
    circuit = _pass_manager(device, level, seed).run(to_qiskit(program, measure=True))
    return _ordered(from_qiskit(circuit), program.parameters)


@lru_cache(maxsize=64)
def _pass_manager(device: Device, level: int, seed: int) -> PassManager:
    return generate_preset_pass_manager(optimization_level=level, target=_target(device), seed_transpiler=seed)


@lru_cache(maxsize=8)
def _target(device: Device) -> Target:
    return to_target(device)


def _ordered(program: Program, parameters: tuple[str, ...]) -> Program:
    """Return the program with its parameters in the order of the logical one; absent ones are kept."""
    place = np.array([parameters.index(name) for name in program.parameters], np.int32)
    return replace(
        program,
        parameters=parameters,
        term_parameter=place[program.term_parameter] if len(place) else program.term_parameter,
    )
