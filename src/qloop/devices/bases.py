"""Native gates that turn a measurement along X or Y into the one along Z that hardware does."""

import numpy as np

from qloop.circuits.program import Angle, Operation
from qloop.core.errors import InvalidValueError
from qloop.devices.device import Device

_QUARTER = np.pi / 2
_Steps = tuple[tuple[str, tuple[float, ...]], ...]
_CHANGES: tuple[dict[int, _Steps], ...] = (
    {1: (("rz", (_QUARTER,)), ("sx", ())), 2: (("sx", ()),)},
    {1: (("u2", (0.0, np.pi)),), 2: (("u2", (0.0, _QUARTER)),)},
    {1: (("u", (_QUARTER, 0.0, np.pi)),), 2: (("u", (_QUARTER, 0.0, _QUARTER)),)},
    {1: (("r", (_QUARTER, -_QUARTER)),), 2: (("r", (_QUARTER, 0.0)),)},
    {1: (("rz", (_QUARTER,)), ("rx", (_QUARTER,))), 2: (("rx", (_QUARTER,)),)},
)
"""Letter to gates, one entry per family of native gates; `Z` needs none."""


def basis_change(device: Device, qubit: int, letter: int) -> tuple[Operation, ...]:
    """Return the gates after which reading Z reads another Pauli.

    Args:
        device: whose native gates.
        qubit: physical qubit.
        letter: 1, 2, 3 for X, Y, Z.

    Raises:
        InvalidValueError: the qubit has no native gates for it.
    """
    if letter == 3:
        return ()
    for family in _CHANGES:
        steps = family[letter]
        if all(name in device.gates and (qubit,) in device.gates[name].index for name, _ in steps):
            return tuple(Operation(name, (qubit,), tuple(map(Angle, angles))) for name, angles in steps)
    raise InvalidValueError(f"`{device.name}` has no gate on qubit {qubit} that turns the measurement basis.")
