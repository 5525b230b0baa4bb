"""`Backend`: the one protocol of everything that runs programs and returns shots."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from qloop.devices.device import Device
from qloop.devices.shots import Request, Shots


@runtime_checkable
class Backend(Protocol):
    """Runs requests and returns raw shots, one `Shots` a request, in order.

    A simulator evolves the state of one (program, values) once and samples all its settings and all later requests for
    it from that state. Hardware sends as few jobs as it can and stores their ids before it waits.
    """

    @property
    def name(self) -> str:
        """Name for reports."""
        ...

    @property
    def device(self) -> Device | None:
        """What is published about the device, `None` for an ideal simulator."""
        ...

    def run(self, requests: Sequence[Request], rng: np.random.Generator) -> list[Shots]:
        """Run the requests in order.

        Args:
            requests: programs on this backend's qubits.
            rng: source of shot noise; hardware draws one number to tell repeated work from resumed work.

        Raises:
            InvalidValueError: a program does not fit the backend, or a request asks for no shots at all.
        """
        ...
