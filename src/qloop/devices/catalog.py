"""Every device that qloop knows by name."""

from dataclasses import replace
from functools import cache

from qloop.core.errors import InvalidValueError, MissingExtraError, nearest
from qloop.core.registry import Registry
from qloop.devices.device import Device

SOURCES = Registry(
    "device source",
    {"google": "qloop.devices.cirq:processors", "snapshots": "qloop.devices.qiskit:snapshots"},
    group="qloop.devices",
)
"""A source is a function without arguments that returns, for each of its names, how to make that device."""


def device_names() -> tuple[str, ...]:
    """Return the name of every device, source by source.

    Raises:
        MissingExtraError: a source needs an extra that is not installed.
    """
    return tuple(name for source in SOURCES.names() for name in SOURCES.load(source)())


@cache
def load_device(name: str) -> Device:
    """Return a device by name, read once a process; it carries that name, whatever its maker calls it.

    Args:
        name: a calibration snapshot of qiskit-ibm-runtime (``"FakeTorino"``), one of Google's processors (``"Willow"``,
            ``"Weber"``, ``"Rainbow"``), or a device of an installed plug-in.

    Raises:
        InvalidValueError: no source has it; the nearest name of all sources is suggested.
        MissingExtraError: no source has it, and one needs an extra that is not installed.
    """
    missing: MissingExtraError | None = None
    for source in SOURCES.names():
        try:
            devices = SOURCES.load(source)()
        except MissingExtraError as error:
            missing = error
            continue
        if name in devices:
            device: Device = devices[name]()
            return replace(device, name=name)
    raise missing or InvalidValueError(f"`{name}` is not a known device: {nearest(name, device_names())}")
