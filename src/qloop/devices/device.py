"""`Device`: what is known of a quantum computer, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.program import Program
from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng

Pair = tuple[int, int]
UNUSABLE = 0.5
"""A gate or readout with a reported error from here on is treated as absent: it is not worth the shots."""
_DRIFT_LIMIT = 0.45
"""No usable error drifts past this."""


@dataclass(frozen=True, eq=False, kw_only=True)
class GateCalibration:
    """One native gate on every place it exists.

    Args:
        sites: qubits in the gate's own order, shape [k, num_qubits]; direction matters.
        error: average gate infidelity, shape [k].
        duration_ns: shape [k].
    """

    sites: NDArray[np.int32]
    error: NDArray[np.float64]
    duration_ns: NDArray[np.float64]

    @cached_property
    def index(self) -> dict[tuple[int, ...], int]:
        """Position of each site."""
        return {tuple(site): k for k, site in enumerate(self.sites.tolist())}


@dataclass(frozen=True, eq=False, kw_only=True)
class Device:
    """Topology, gates, errors and times of one device at one moment.

    Args:
        name: name of the device or snapshot.
        num_qubits: number of physical qubits.
        gates: native unitary gates by name; those missing here cannot be run.
        t1_ns: relaxation time, infinite when not reported, shape [num_qubits].
        t2_ns: coherence time, at most 2 `t1_ns`, shape [num_qubits].
        readout_error: P(read 1 | prepared 0) and P(read 0 | prepared 1), shape [num_qubits, 2].
        readout_ns: duration of a measurement.
        calibrated: ISO date of the calibration, empty when unknown.
        coherent_zz: ZZ angle in radians that each use of a two-qubit gate adds on its undirected pair.
        crosstalk_zz: ZZ rate in radians per microsecond between a qubit in a two-qubit gate and a neighbour outside it.
    """

    name: str
    num_qubits: int
    gates: Mapping[str, GateCalibration]
    t1_ns: NDArray[np.float64]
    t2_ns: NDArray[np.float64]
    readout_error: NDArray[np.float64]
    readout_ns: float = 0.0
    calibrated: str = ""
    coherent_zz: Mapping[Pair, float] = field(default_factory=dict)
    crosstalk_zz: Mapping[Pair, float] = field(default_factory=dict)

    @cached_property
    def two_qubit_gates(self) -> tuple[str, ...]:
        """Names of the native two-qubit gates."""
        return tuple(name for name, gate in self.gates.items() if gate.sites.shape[1] == 2)

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Undirected coupled pairs (low, high), ascending."""
        sites = (self.gates[name].sites for name in self.two_qubit_gates)
        return tuple(sorted({(min(pair), max(pair)) for array in sites for pair in array.tolist()}))

    @cached_property
    def usable_qubits(self) -> frozenset[int]:
        """Qubits whose mean readout error is below `UNUSABLE`."""
        return frozenset(np.flatnonzero(self.readout_error.mean(1) < UNUSABLE).tolist())

    @cached_property
    def pair_error(self) -> dict[Pair, float]:
        """Lowest error of any two-qubit gate in either direction on each coupled pair."""
        best: dict[Pair, float] = {}
        for name in self.two_qubit_gates:
            gate = self.gates[name]
            for (a, b), error in zip(gate.sites.tolist(), gate.error.tolist(), strict=True):
                pair = (min(a, b), max(a, b))
                best[pair] = min(error, best.get(pair, 1.0))
        return best

    def gate_error(self, name: str, qubits: tuple[int, ...]) -> float:
        """Return the average infidelity of one gate.

        Raises:
            InvalidValueError: the device has no such gate there.
        """
        gate, index = self._find(name, qubits)
        return float(gate.error[index])

    def gate_ns(self, name: str, qubits: tuple[int, ...]) -> float:
        """Return the duration of one gate.

        Raises:
            InvalidValueError: the device has no such gate there.
        """
        gate, index = self._find(name, qubits)
        return float(gate.duration_ns[index])

    def check(self, program: Program) -> None:
        """Check that a program is compiled for the device.

        Raises:
            InvalidValueError: another number of qubits, or a gate the device does not have.
        """
        if program.num_qubits != self.num_qubits:
            raise InvalidValueError(
                f"`{self.name}` has {self.num_qubits} qubits, the program {program.num_qubits}: compile it first."
            )
        for operation in program.operations():
            self._find(operation.name, operation.qubits)

    def perturbed(self, seed: int, drift: float = 0.3, coherent: float = 0.0, crosstalk: float = 0.0) -> "Device":
        """Return the device as it may be at run time, which its published calibration does not show.

        Every two-qubit error, readout error, T1 and T2 is multiplied by its own log-normal factor; directions of one
        pair share theirs. Benches judge on such worlds, so that nothing is tested on the snapshot it was tuned on.

        Args:
            seed: the world.
            drift: standard deviation of the logarithms.
            coherent: standard deviation in radians of a fixed ZZ angle per two-qubit gate and pair.
            crosstalk: standard deviation in radians per microsecond of the spectator ZZ rate per pair.

        Source: ours; drift of 0.3 is about the day-to-day spread of two-qubit errors in IBM's daily calibrations.
        """
        for name, value in (("drift", drift), ("coherent", coherent), ("crosstalk", crosstalk)):
            if not 0 <= value < np.inf:
                raise InvalidValueError(f"`{name}` must be a finite number of at least 0, got {value}.")
        rng = make_rng(seed, "world", self.name)
        pair_factor = dict(zip(self.pairs, np.exp(drift * rng.standard_normal(len(self.pairs))).tolist(), strict=True))
        readout = _drifted(self.readout_error, np.exp(drift * rng.standard_normal((self.num_qubits, 2))))
        t1 = self.t1_ns * np.exp(drift * rng.standard_normal(self.num_qubits))
        t2 = self.t2_ns * np.exp(drift * rng.standard_normal(self.num_qubits))
        angles = coherent * rng.standard_normal(len(self.pairs))
        rates = crosstalk * rng.standard_normal(len(self.pairs))
        gates = dict(self.gates)
        for name in self.two_qubit_gates:
            gate = gates[name]
            factor = np.array([pair_factor[min(pair), max(pair)] for pair in gate.sites.tolist()])
            gates[name] = replace(gate, error=_drifted(gate.error, factor))
        return replace(
            self,
            gates=gates,
            readout_error=readout,
            t1_ns=t1,
            t2_ns=np.minimum(t2, 2 * t1),
            coherent_zz=dict(zip(self.pairs, angles.tolist(), strict=True)) if coherent else self.coherent_zz,
            crosstalk_zz=dict(zip(self.pairs, rates.tolist(), strict=True)) if crosstalk else self.crosstalk_zz,
        )

    def _find(self, name: str, qubits: tuple[int, ...]) -> tuple[GateCalibration, int]:
        if name not in self.gates:
            raise InvalidValueError(f"`{self.name}` has no gate `{name}`; its gates are {', '.join(self.gates)}.")
        gate = self.gates[name]
        if qubits not in gate.index:
            raise InvalidValueError(f"`{self.name}` has no `{name}` on qubits {qubits}.")
        return gate, gate.index[qubits]


def _drifted(error: NDArray[np.float64], factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """An error reported as unusable stays so."""
    return np.where(error < UNUSABLE, np.minimum(error * factor, np.maximum(error, _DRIFT_LIMIT)), error)
