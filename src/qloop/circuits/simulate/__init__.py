"""Exact simulation of programs: states, energies with gradients, noise, and the kernels below them."""

import importlib
from typing import Any

_PUBLIC = {
    "CompiledEnergy": "statevector",
    "CompiledObservable": "statevector",
    "SubspaceEnergy": "subspace",
    "TrajectoryCircuit": "trajectories",
    "expectation_gradient": "statevector",
    "expectations": "statevector",
    "noisy_expectations": "density",
    "simulate": "statevector",
    "simulate_density": "density",
    "superoperator_from_kraus": "density",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
