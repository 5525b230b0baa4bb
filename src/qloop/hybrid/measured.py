"""Outputs and gradients from a finite number of shots, simulated or on a device."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qloop.circuits.program import Operation, Program
from qloop.circuits.simulate.batch import BatchedCircuit
from qloop.core.errors import InvalidValueError
from qloop.devices.cost import Cost, estimate_cost
from qloop.devices.device import Device
from qloop.devices.shots import Request
from qloop.hybrid.gradient import METHODS, Angles, Probes
from qloop.hybrid.parameters import Roles
from qloop.hybrid.readout import Readout

FloatArray = NDArray[np.float64]
CHUNK_BYTES = 2**26
"""Probabilities held at once while shots are drawn (64 MiB)."""
_TO_Z: dict[int, tuple[str, ...]] = {1: ("h",), 2: ("sx",), 3: ()}
"""Gates after which reading Z reads another Pauli."""


class Sampler(Protocol):
    """Runs the free-angle circuit of a layer, as often as asked, and measures it."""

    program: Program
    readout: Readout
    shots: int

    @property
    def name(self) -> str:
        """Name for reports."""
        ...

    @property
    def device(self) -> Device | None:
        """What the program is compiled for, `None` for a simulator without one."""
        ...

    def values(self, angles: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the measured outputs, shape [rows, num_outputs], at angles of shape [rows, num_angles]."""
        ...


class BitSampler(Sampler, Protocol):
    """A sampler that shows its bits."""

    def bits(self, angles: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the measured bits along Z, shape [rows, shots, num_qubits]."""
        ...


class Samples:
    """The measured bits themselves, without a gradient.

    Args:
        angles: the program with its angles set free.
        roles: of its parameters.
        sampler: runs it.
    """

    def __init__(self, angles: Angles, roles: Roles, sampler: BitSampler) -> None:
        self.angles, self.roles, self.sampler = angles, roles, sampler

    def __call__(self, inputs: Tensor, weights: Tensor, initial: Tensor | None) -> Tensor:
        """Return the bits as numbers, shape [batch, shots, num_qubits]."""
        _refuse_initial(initial)
        bits = self.sampler.bits(self.angles.at(_numpy(self.roles.join(inputs, weights))), _draw_rng())
        return torch.as_tensor(bits, dtype=weights.dtype, device=weights.device)

    def cost(self, batch: int, wanted: Sequence[bool]) -> Cost:
        """Return what one call costs."""
        return _job_cost(self.sampler, batch)


class Measured:
    """The outputs of a program as a finite number of shots shows them, with gradients from shots as well.

    All circuits of a step, the batch itself and those of its gradient, go to the sampler in one call. Random numbers
    follow from PyTorch's generator.

    Args:
        angles: the program with its angles set free.
        roles: of its parameters.
        sampler: runs it.
        method: ``"shift"``, ``"spsa"`` or ``"forward"``.
        directions: random directions a sample, for the last two.
    """

    def __init__(self, angles: Angles, roles: Roles, sampler: Sampler, method: str, directions: int) -> None:
        self.angles, self.roles, self.sampler = angles, roles, sampler
        self.method, self.directions = method, directions

    def __call__(self, inputs: Tensor, weights: Tensor, initial: Tensor | None) -> Tensor:
        """Return the outputs, shape [batch, num_outputs]."""
        _refuse_initial(initial)
        if not torch.is_grad_enabled():
            # A function is told that a tensor wants its gradient even where nobody records one.
            inputs, weights = inputs.detach(), weights.detach()
        outputs: Tensor = _Sampled.apply(inputs, weights, self)  # type: ignore[no-untyped-call]
        return outputs

    def cost(self, batch: int, wanted: Sequence[bool]) -> Cost:
        """Return what one step costs; `wanted` says which parameters need a gradient."""
        at = np.zeros((1, self.angles.program.num_parameters))
        probes = self.probe(at, np.array(wanted, np.bool_), np.random.default_rng(0))
        return _job_cost(self.sampler, batch * (1 + len(probes.sample)))

    def probe(self, at: FloatArray, wanted: NDArray[np.bool_], rng: np.random.Generator) -> Probes:
        """Return the evaluations that tell the gradient at angles of shape [batch, num_angles]."""
        return METHODS[self.method](self.angles, at, wanted, self.directions, rng)


class _Sampled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weights: Tensor, measured: Measured) -> Tensor:
        roles, rng = measured.roles, _draw_rng()
        at = measured.angles.at(_numpy(roles.join(inputs, weights)))
        wanted = np.zeros(len(roles.inputs) + len(roles.weights), np.bool_)
        for needed, members in zip(ctx.needs_input_grad, (roles.inputs, roles.weights), strict=False):
            wanted[list(members)] = needed
        probes = measured.probe(at, wanted, rng)
        values = measured.sampler.values(np.concatenate([at, probes.angles]), rng)
        ctx.measured, ctx.probes, ctx.values = measured, probes, values[len(at) :]
        return torch.as_tensor(values[: len(at)], dtype=weights.dtype, device=weights.device)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        if torch.is_grad_enabled():
            raise InvalidValueError("a second derivative needs exact outputs, this layer's come from shots.")
        gradient = ctx.probes.gradient(ctx.values, _numpy(upstream))
        inputs, weights = ctx.measured.roles.split(gradient)
        return torch.as_tensor(inputs).to(upstream), torch.as_tensor(weights).to(upstream), None


class SimulatedShots:
    """Shots drawn from exact probabilities: one simulation a measurement setting, however many terms it serves.

    Args:
        program: free-angle circuit.
        readout: what is measured.
        shots: per circuit and setting.
    """

    name = "an ideal simulator"
    device = None

    def __init__(self, program: Program, readout: Readout, shots: int) -> None:
        self.program, self.readout, self.shots = program, readout, shots
        self._settings = [_circuit(program, basis.tolist()) for basis in readout.bases]

    def values(self, angles: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the measured outputs, shape [rows, num_outputs], at angles of shape [rows, num_angles]."""
        rows = max(1, CHUNK_BYTES // (8 * 2**self.readout.num_qubits))
        parts = [angles[at : at + rows] for at in range(0, len(angles), rows)]
        return np.concatenate([self._measure(part, rng) for part in parts])

    def bits(self, angles: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the measured bits along Z, shape [rows, shots, num_qubits]."""
        probabilities = _probabilities(self._settings[0], angles)
        outcomes = np.stack([rng.choice(len(row), self.shots, p=row) for row in probabilities])
        return ((outcomes[..., None] >> np.arange(self.readout.num_qubits)) & 1).astype(np.uint8)

    def _measure(self, angles: FloatArray, rng: np.random.Generator) -> FloatArray:
        counts = [rng.multinomial(self.shots, _probabilities(setting, angles)) for setting in self._settings]
        return self.readout.from_frequencies([count / self.shots for count in counts])


def _circuit(program: Program, basis: list[int]) -> BatchedCircuit:
    pairs = zip(program.outputs.tolist(), basis, strict=True)
    turns = [Operation(name, (qubit,)) for qubit, letter in pairs for name in _TO_Z[letter]]
    whole = Program.from_operations(
        program.num_qubits, [*program.operations(), *turns], program.parameters, program.outputs
    )
    return BatchedCircuit(whole, None, inputs=range(program.num_parameters), dtype=np.float32)


def _probabilities(circuit: BatchedCircuit, angles: FloatArray) -> FloatArray:
    values = circuit.values(angles, np.zeros(0)).astype(np.float64).clip(min=0)
    return values / values.sum(axis=1, keepdims=True)


def _job_cost(sampler: Sampler, rows: int) -> Cost:
    """Return what it costs to run so many circuits; a simulator without a device takes no time on one."""
    bases = sampler.readout.bases
    shots = np.full(len(bases), sampler.shots)
    request = Request(
        program=sampler.program, values=np.zeros(sampler.program.num_parameters), bases=bases, shots=shots
    )
    seconds = 0.0 if sampler.device is None else estimate_cost([request], sampler.device).seconds
    return Cost(circuits=rows * len(bases), shots=rows * int(shots.sum()), seconds=rows * seconds)


def _refuse_initial(initial: Tensor | None) -> None:
    if initial is not None:
        raise InvalidValueError("`initial` is for layers without shots: a device starts from all zeros.")


def _numpy(tensor: Tensor) -> FloatArray:
    return tensor.detach().cpu().double().numpy()


def _draw_rng() -> np.random.Generator:
    return np.random.default_rng(int(torch.randint(2**63 - 1, ())))
