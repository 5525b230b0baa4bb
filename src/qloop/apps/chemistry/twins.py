"""Simulated twins of a job: what the corrections miss on machines like this one, learned before the answer is given."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from qloop.apps.chemistry.design import Compiler, twin_machines
from qloop.apps.chemistry.stages import chemistry_loop, first_geometries
from qloop.apps.chemistry.state import Problem, State, known
from qloop.core.conformal import finite_sample_quantile
from qloop.devices.backend import Backend
from qloop.devices.device import Device
from qloop.devices.simulator import NoisySimulator
from qloop.loop.driver import run_loop
from qloop.loop.stage import Parts

FloatArray = NDArray[np.float64]
COVERAGE = 0.9


@dataclass(frozen=True, kw_only=True)
class ModelError:
    """What an interval needs beyond shots and fit.

    Args:
        share: standard deviation of the model error as a share of E - E_HF.
        factor: half width in units of the total standard deviation that covers `COVERAGE` of the twins' energies.
    """

    share: float
    factor: float

    def half_widths(self, values: FloatArray, deviations: FloatArray) -> FloatArray:
        """Return half widths for a curve's values above Hartree-Fock and their deviations, hartree."""
        return self.factor * np.hypot(deviations, self.share * values)


WITHOUT = ModelError(share=0.0, factor=1.6449)
"""Shot noise and fit alone, at the normal quantile."""


def run_once(problem: Problem, backend: Backend, seed: int, parts: Parts, otherwise: Compiler = "default") -> State:
    """Run the loop once on one machine."""
    start = State(problem=problem, backend=backend, seed=seed, chosen=first_geometries(len(problem.grid)))
    return run_loop(chemistry_loop(otherwise), start, parts).state


def ansatz_energies(state: State) -> FloatArray:
    """Return the exact energies of the circuits at every solved geometry of the grid, hartree; NaN where not solved."""
    return np.array(
        [state.optima[g].energy_ha if g in state.optima else np.nan for g in range(len(state.problem.grid))]
    )


def learn_model_error(
    problem: Problem, device: Device, parts: Parts, seed: int, twins: int, report: Callable[[int], None]
) -> ModelError:
    """Learn the model error on twins of the job, simulated from the published calibration with drift.

    The share is the maximum-likelihood one over all twins and geometries; the factor is the conformal quantile of the
    scaled errors, so that it also makes up for their shape; it is at least the normal quantile.

    Args:
        problem: the same problem, circuits and budget as the job.
        device: published calibration.
        parts: the switches of the job.
        seed: of the twins' machines and shots.
        twins: number of twins.
        report: called with the number of twins done.
    """
    errors, values, deviations = [], [], []
    for k, machine in enumerate(twin_machines(device, twins, "model error", seed)):
        state = run_once(problem, NoisySimulator(device, (machine,)), 1_000_003 * seed + k, parts)
        curve = known(state.curve)
        errors.append(problem.hartree_fock + curve.values - ansatz_energies(state))
        values.append(curve.values)
        deviations.append(curve.deviations)
        report(k + 1)
    return fit_model_error(np.array(errors), np.array(values), np.array(deviations))


def fit_model_error(errors: FloatArray, values: FloatArray, deviations: FloatArray) -> ModelError:
    """Fit share and factor to the errors of twins, shape [twins, geometries], NaN where a geometry was not measured."""
    seen = np.isfinite(errors)
    errors, values, deviations = errors[seen], values[seen], deviations[seen]

    def cost(share: float) -> float:
        variance = deviations**2 + (share * values) ** 2
        return float(np.mean(errors**2 / variance + np.log(variance)))

    share = float(minimize_scalar(cost, bounds=(0.0, 0.5), method="bounded", options={"xatol": 1e-4}).x)
    scaled = np.abs(errors) / np.hypot(deviations, share * values)
    # Twins may widen an interval, never narrow it below what shots and fit ask for: no twin knows everything.
    return ModelError(share=share, factor=max(WITHOUT.factor, finite_sample_quantile(scaled, COVERAGE)))
