"""When the gates of a compiled program run."""

from qloop.circuits.program import Program
from qloop.devices.device import Device


def start_times(program: Program, device: Device) -> tuple[list[float], float]:
    """Schedule every gate as soon as its qubits are free.

    Args:
        program: gates and directions that the device has.
        device: whose durations.

    Returns:
        The start of each gate, and the end of the last one, in nanoseconds.

    Raises:
        InvalidValueError: a gate the device does not have.
    """
    free = dict.fromkeys(program.used_qubits(), 0.0)
    starts = []
    for operation in program.operations():
        start = max(free[qubit] for qubit in operation.qubits)
        starts.append(start)
        end = start + device.gate_ns(operation.name, operation.qubits)
        free.update(dict.fromkeys(operation.qubits, end))
    return starts, max(free.values(), default=0.0)
