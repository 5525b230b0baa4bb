"""What the loop knows: the problem, which never changes, and the state, which every stage extends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.ansatz import Optimum
from qloop.apps.chemistry.design import Compiler, Design
from qloop.apps.chemistry.integrals import ActiveSpace
from qloop.apps.chemistry.settings import ShotSettings
from qloop.devices.backend import Backend
from qloop.mitigation.channel import LearnedChannel
from qloop.mitigation.selection import Selection

FloatArray = NDArray[np.float64]
T = TypeVar("T")


def known(value: T | None) -> T:
    """Return what an earlier stage has set.

    Raises:
        RuntimeError: that stage has not run.
    """
    if value is None:
        raise RuntimeError(
            "a stage that sets this has not run: a pass is prepare, design, execute, correct, interpret."
        )
    return value


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """The molecule's curve and the rules of the run.

    Args:
        grid: distances in angstrom, ascending, shape [geometries].
        spaces: electronic problem at each.
        design: returns the circuit for (encoding searched?, how it is compiled), the same object every time.
        shots: the budget.
        target_ha: half width at which to stop, 0 to measure every geometry.
        optimise_on: ``"exact"`` or ``"device"``.
    """

    grid: FloatArray
    spaces: tuple[ActiveSpace, ...]
    design: Callable[[bool, Compiler], Design]
    shots: ShotSettings
    target_ha: float = 0.0
    optimise_on: str = "exact"

    @property
    def hartree_fock(self) -> FloatArray:
        """Hartree-Fock energies."""
        return np.array([space.energies["HF"] for space in self.spaces])


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured:
    """Histograms of one pass, per fold.

    Args:
        geometries: what was measured, shape [points].
        counts: per fold, shape [points, settings, 2^num_qubits].
        reference: Hartree-Fock histograms per fold, shape [settings, 2^num_qubits].
        cliffords: histograms by Clifford reference number, unfolded, shape [settings, 2^num_qubits].
    """

    geometries: tuple[int, ...]
    counts: tuple[FloatArray, ...]
    reference: tuple[FloatArray, ...]
    cliffords: Mapping[int, FloatArray]


@dataclass(frozen=True, eq=False, kw_only=True)
class Corrected:
    """Energies above Hartree-Fock at the measured geometries, by the chosen correction.

    Args:
        geometries: shape [points].
        values: E - E_HF in hartree, shape [points].
        variances: shot noise of the values and of the reference, shape [points].
        fit: covariance by the learned channel's uncertainty, shape [points, points].
        doubt: standard deviation that failed checks add, shape [points].
        spreads: one shot's standard deviation per geometry and setting.
        selection: what the gate decided.
        channel: the learned channel, when there is one.
        unchanged: p-value of "the machine did not change between passes".
    """

    geometries: tuple[int, ...]
    values: FloatArray
    variances: FloatArray
    fit: FloatArray
    doubt: FloatArray
    spreads: Mapping[int, FloatArray]
    selection: Selection
    channel: LearnedChannel | None
    unchanged: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Curve:
    """The answer on the whole grid.

    Args:
        values: E - E_HF in hartree, shape [geometries].
        deviations: standard deviation by shots, fit and smoothing, shape [geometries].
    """

    values: FloatArray
    deviations: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class State:
    """Everything known after some stages of some passes.

    Args:
        problem: what is asked.
        backend: where it runs.
        seed: of the shots.
        chosen: geometries of this pass.
        design: circuit, once designed.
        optima: solved geometries.
        readout: histograms of the readout calibration.
        passes: what was measured.
        shots: shots spent by purpose.
        evaluations: energy evaluations of warm-started geometries.
        corrected: energies so far.
        curve: the curve so far.
        done: whether the stop rule holds.
    """

    problem: Problem
    backend: Backend
    seed: int
    chosen: tuple[int, ...]
    design: Design | None = None
    optima: Mapping[int, Optimum] = field(default_factory=dict)
    readout: tuple[FloatArray, ...] = ()
    passes: tuple[Measured, ...] = ()
    shots: Mapping[str, int] = field(default_factory=dict)
    evaluations: int = 0
    corrected: Corrected | None = None
    curve: Curve | None = None
    done: bool = False

    @property
    def measured(self) -> tuple[int, ...]:
        """Geometries measured so far, in order."""
        return tuple(g for one in self.passes for g in one.geometries)

    def nearest(self, geometry: int, among: tuple[int, ...]) -> int:
        """Return the geometry of `among` nearest on the grid."""
        return min(among, key=lambda other: abs(self.problem.grid[other] - self.problem.grid[geometry]))
