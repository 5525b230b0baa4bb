"""Simulated backends: ideal, and noisy from a device's calibration."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.statevector import simulate
from qloop.devices.device import Device
from qloop.devices.shots import Request, Shots
from qloop.devices.transfer import TransferProgram, lower, outcome_probabilities

FloatArray = NDArray[np.float64]
CACHE_BYTES = 256 * 2**20
"""Memory that a simulator gives to states it may be asked for again, and to lowered programs."""


class IdealSimulator:
    """Exact states, sampled without noise."""

    name = "ideal simulator"
    device = None

    def probabilities(self, request: Request) -> FloatArray:
        """Return the exact outcome probabilities, shape [settings, 2^num_outputs]."""
        used = request.program.used_qubits()
        program = request.program.relabel({qubit: k for k, qubit in enumerate(used)}, len(used))
        state = simulate(program, request.values).reshape((2,) * len(used))
        outputs = [len(used) - 1 - qubit for qubit in reversed(program.outputs.tolist())]
        rest = [axis for axis in range(len(used)) if axis not in outputs]
        state = state.transpose(rest + outputs).reshape(-1, *(2,) * len(outputs))
        return np.array([_born(state, basis) for basis in request.bases])

    def run(self, requests: Sequence[Request], rng: np.random.Generator) -> list[Shots]:
        """Sample the requests."""
        return [sample(self.probabilities(request), request, rng, self.name) for request in requests]


class NoisySimulator:
    """A device's noise, exactly: each (program, values) is evolved once and sampled for all settings and seeds.

    Args:
        device: the published calibration.
        worlds: the device as it really is; by default the calibration is true. Several are drift while it is used: it
            moves on to the next after every `shots_per_world` shots, between two requests, and stays in the last.
        idle: whether waiting qubits relax.
        shots_per_world: how long each world lasts.

    Attributes:
        evolved: number of states evolved so far.
        shots_taken: number of shots sampled so far.
    """

    def __init__(
        self, device: Device, worlds: Sequence[Device] = (), idle: bool = True, shots_per_world: int = 1_000_000
    ) -> None:
        self.device = device
        self.worlds = tuple(worlds) or (device,)
        self.idle = idle
        self.shots_per_world = shots_per_world
        self.evolved = 0
        self.shots_taken = 0
        self._programs: _Recent[TransferProgram] = _Recent()
        self._states: _Recent[FloatArray] = _Recent()

    @property
    def name(self) -> str:
        """Name for reports."""
        return f"{self.device.name} (simulated)"

    def probabilities(self, request: Request, world: int = 0) -> FloatArray:
        """Return the exact outcome probabilities under noise, shape [settings, 2^num_outputs]."""
        program, values = request.program, request.values
        lowered = self._programs.get((program, world), lambda: lower(program, self.worlds[world], self.idle))
        state = self._states.get((program, values.tobytes(), world), lambda: self._evolve(lowered, values))
        return outcome_probabilities(state, lowered.effects, request.bases)

    def run(self, requests: Sequence[Request], rng: np.random.Generator) -> list[Shots]:
        """Sample the requests."""
        results = []
        for request in requests:
            world = min(self.shots_taken // self.shots_per_world, len(self.worlds) - 1)
            results.append(sample(self.probabilities(request, world), request, rng, self.name))
            self.shots_taken += len(results[-1])
        return results

    def _evolve(self, lowered: TransferProgram, values: FloatArray) -> FloatArray:
        self.evolved += 1
        return lowered.evolve(values)


class UniformBits:
    """The control with the quantum data removed: every outcome is uniform random bits.

    Args:
        device: published device of the backend it stands in for.
    """

    name = "uniform random bits"

    def __init__(self, device: Device | None = None) -> None:
        self.device = device

    def run(self, requests: Sequence[Request], rng: np.random.Generator) -> list[Shots]:
        """Sample uniform bits for the requests."""
        return [self._sample(request, rng) for request in requests]

    def _sample(self, request: Request, rng: np.random.Generator) -> Shots:
        num_qubits, setting = request.bases.shape[1], request.setting_of_shots()
        bits = rng.integers(0, 2, (len(setting), num_qubits), np.uint8)
        return Shots(
            num_qubits=num_qubits,
            bits=np.packbits(bits, axis=1, bitorder="little"),
            setting=setting,
            bases=request.bases,
            job=self.name,
        )


def sample(probabilities: FloatArray, request: Request, rng: np.random.Generator, job: str) -> Shots:
    """Draw a request's shots, setting by setting.

    Args:
        probabilities: little-endian, shape [settings, 2^num_outputs].
        request: whose shots.
        rng: source of shot noise.
        job: what `Shots.job` says.

    Raises:
        InvalidValueError: the request asks for no shots at all.
    """
    setting = request.setting_of_shots()
    outcomes = []
    for row, shots in zip(probabilities, request.shots.tolist(), strict=True):
        cumulative = np.cumsum(row)
        outcomes.append(np.searchsorted(cumulative, rng.random(shots) * cumulative[-1], side="right"))
    drawn = np.minimum(np.concatenate(outcomes), probabilities.shape[1] - 1)
    return Shots.from_outcomes(drawn, setting, request.bases, job=job)


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


V = TypeVar("V", bound=_Sized)


class _Recent(Generic[V]):
    """Values by key; beyond `CACHE_BYTES` the least recently used are forgotten."""

    def __init__(self) -> None:
        self.values: OrderedDict[Hashable, V] = OrderedDict()
        self.nbytes = 0

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        if key in self.values:
            self.values.move_to_end(key)
            return self.values[key]
        value = self.values[key] = make()
        self.nbytes += value.nbytes
        while self.nbytes > CACHE_BYTES and len(self.values) > 1:
            self.nbytes -= self.values.popitem(last=False)[1].nbytes
        return value


_TO_Z = {
    1: np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    2: np.array([[1, -1j], [1, 1j]]) / np.sqrt(2),
}


def _born(state: NDArray[np.complex128], basis: NDArray[np.uint8]) -> FloatArray:
    """Outcome probabilities of a state of shape [rest, 2, ..., 2], last axis qubit 0, the rest not measured."""
    num_qubits = len(basis)
    for qubit, letter in enumerate(basis.tolist()):
        if letter in _TO_Z:
            axis = num_qubits - qubit
            state = np.moveaxis(np.tensordot(_TO_Z[letter], state, axes=([1], [axis])), 0, axis)
    weights = np.sum(np.abs(state) ** 2, axis=0).reshape(-1)
    probabilities: FloatArray = weights / weights.sum()
    return probabilities
