"""What a piece of work will cost on a device, before anything is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from qloop.devices.device import Device
from qloop.devices.schedule import start_times
from qloop.devices.shots import Request

REPETITION_NS = 250_000.0
"""Rest between two shots. Source: `default_rep_delay` in the configuration of IBM's processors."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The price of a set of requests.

    Args:
        circuits: different circuits, one a setting that has shots.
        shots: shots in all.
        seconds: time that the device is busy with shots; loading circuits and waiting in a queue come on top.
    """

    circuits: int
    shots: int
    seconds: float


def estimate_cost(requests: Sequence[Request], device: Device) -> Cost:
    """Return what requests would cost on a device.

    Args:
        requests: compiled for the device.
        device: whose gate and readout times.

    Raises:
        InvalidValueError: a program has a gate that the device does not have.
    """
    shots = [int(request.shots.sum()) for request in requests]
    shot_ns = [start_times(request.program, device)[1] + device.readout_ns + REPETITION_NS for request in requests]
    return Cost(
        circuits=sum(int((request.shots > 0).sum()) for request in requests),
        shots=sum(shots),
        seconds=1e-9 * sum(count * time for count, time in zip(shots, shot_ns, strict=True)),
    )
