"""Exact simulation of programs: states, energies with gradients, noise, and the kernels below them."""

from qloop.core.lazy import lazy_names

_HOMES = {
    "CompiledEnergy": "qloop.circuits.simulate.statevector",
    "CompiledObservable": "qloop.circuits.simulate.statevector",
    "SubspaceEnergy": "qloop.circuits.simulate.subspace",
    "TrajectoryCircuit": "qloop.circuits.simulate.trajectories",
    "expectation_gradient": "qloop.circuits.simulate.statevector",
    "expectations": "qloop.circuits.simulate.statevector",
    "noisy_expectations": "qloop.circuits.simulate.density",
    "simulate": "qloop.circuits.simulate.statevector",
    "simulate_density": "qloop.circuits.simulate.density",
    "superoperator_from_kraus": "qloop.circuits.simulate.density",
}
__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
