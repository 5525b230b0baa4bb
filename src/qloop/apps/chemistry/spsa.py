"""Parameters optimised on the device itself, for those who do not want an exact simulation in the loop."""

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.ansatz import Optimum
from qloop.apps.chemistry.design import Design
from qloop.apps.chemistry.plan import spread_shots
from qloop.apps.chemistry.state import State
from qloop.circuits.simulate.statevector import CompiledEnergy
from qloop.devices.shots import Request
from qloop.mitigation.expectation import Estimator
from qloop.mitigation.response import identity_response
from qloop.search.spsa import minimise_spsa

FloatArray = NDArray[np.float64]
STEPS = 100
"""SPSA steps a geometry."""
FIRST_STEP, PERTURBATION = 0.03, 0.3
"""Radians. A wide difference has less shot noise in its slope; where that still rules, a short step strays less (our
measurement on LiH: with 0.1 for both, 100,000 shots end above Hartree-Fock)."""


def optimise_on_backend(
    state: State, design: Design, geometry: int, start: FloatArray, rng: np.random.Generator
) -> Optimum:
    """Minimise one geometry's raw energy by SPSA through the backend.

    The optimisation may spend as many shots again as the geometry's measurement. The energy that is reported with the
    parameters is exact, for the ledger only; nothing downstream reads it.
    """
    plan = design.plan
    energy = Estimator(plan.functional.at([geometry]), identity_response(*plan.bases.shape))
    each = spread_shots(plan.l2[geometry], state.problem.shots.per_geometry // (2 * STEPS))

    def evaluate(plus: FloatArray, minus: FloatArray) -> tuple[float, float]:
        requests = [
            Request(program=design.program, values=values, bases=plan.bases, shots=each, label="optimisation")
            for values in (plus, minus)
        ]
        first, second = (
            float(energy.estimate(shots.histogram[None].astype(float)).values[0])
            for shots in state.backend.run(requests, rng)
        )
        return first, second

    values = minimise_spsa(evaluate, start, rng, steps=STEPS, first_step=FIRST_STEP, perturbation=PERTURBATION)
    exact, _ = CompiledEnergy(design.grown.program, design.curve.hamiltonians[geometry]).value_and_gradient(values)
    return Optimum(values=values, energy_ha=exact, evaluations=2 * STEPS, curvature=np.eye(len(values)))
