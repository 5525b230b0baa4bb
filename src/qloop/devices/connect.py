"""From what Qiskit users hold, a backend or a sampler, to a `Backend`."""

from typing import Any

from qiskit.primitives import BackendSamplerV2, BaseSamplerV2
from qiskit.providers import BackendV2

from qloop.core.errors import InvalidValueError
from qloop.devices.backend import Backend
from qloop.devices.primitives import PrimitiveBackend
from qloop.devices.qiskit import device_from_backend


def connect(backend: Any) -> Backend:
    """Return a backend that runs requests.

    Args:
        backend: a `Backend`, which is returned as it is; a Qiskit `BackendV2` that runs circuits itself; or a
            `SamplerV2` of a backend, which for IBM's processors is ``SamplerV2(mode=backend)``.

    Raises:
        InvalidValueError: something else, or a sampler that does not name its backend.
    """
    if isinstance(backend, BackendV2):
        return PrimitiveBackend(BackendSamplerV2(backend=backend), device_from_backend(backend))
    if isinstance(backend, BaseSamplerV2):
        return PrimitiveBackend(backend, device_from_backend(backend_of(backend)))
    if isinstance(backend, Backend):
        return backend
    raise InvalidValueError(
        f"`backend` must be a `Backend`, a Qiskit `BackendV2` or a primitive V2, got `{type(backend).__name__}`."
    )


def backend_of(primitive: Any) -> BackendV2:
    """Return the backend that a Qiskit primitive sends circuits to.

    Raises:
        InvalidValueError: it does not tell.
    """
    # A method in qiskit-ibm-runtime, a property in Qiskit, private in Qiskit Aer.
    found = getattr(primitive, "backend", getattr(primitive, "_backend", None))
    backend = found() if callable(found) and not isinstance(found, BackendV2) else found
    if not isinstance(backend, BackendV2):
        raise InvalidValueError(
            f"`{type(primitive).__name__}` does not name its backend: "
            "give a `BackendV2`, or `PrimitiveBackend(sampler, device)`."
        )
    return backend
