"""Simulated outputs of a circuit with exact gradients: fast kernels on the processor, PyTorch elsewhere."""

from typing import Any

import torch
from torch import Tensor

from qloop.circuits.noise import Noise
from qloop.circuits.program import Program
from qloop.circuits.simulate.batch import BatchedCircuit
from qloop.circuits.simulate.trajectories import TrajectoryCircuit
from qloop.core.errors import InvalidValueError
from qloop.hybrid.parameters import Roles
from qloop.hybrid.readout import Readout
from qloop.hybrid.statevector import evolve, output_values

_NUMPY: dict[torch.dtype, Any] = {torch.float32: "float32", torch.float64: "float64"}


class Exact:
    """The outputs of a program, differentiable in all that they depend on, any number of times.

    First derivatives come from one adjoint sweep of the fast kernels. Second derivatives, and tensors that live on
    another device than the processor, go through `statevector`, which is slower and takes more memory.

    Args:
        program: any program.
        roles: of its parameters.
        readout: expectation values or probabilities.
    """

    def __init__(self, program: Program, roles: Roles, readout: Readout) -> None:
        self.program, self.roles, self.readout = program, roles, readout
        self._kernels: dict[torch.dtype, BatchedCircuit] = {}

    def __call__(self, inputs: Tensor, weights: Tensor, initial: Tensor | None) -> Tensor:
        """Return the outputs, shape [batch, num_outputs].

        Args:
            inputs: shape [batch, num_inputs].
            weights: shape [num_weights].
            initial: states to start from, shape [batch, 2^num_qubits], all zeros where `None`.
        """
        if inputs.device.type != "cpu":
            for name, tensor in (("inputs", inputs), ("weights", weights), ("initial", initial)):
                if tensor is not None and not bool(torch.isfinite(tensor).all()):
                    raise InvalidValueError(f"`{name}` must be finite.")
            return self.by_pytorch(inputs, weights, initial)
        return _apply(inputs, weights, initial, self)

    def by_pytorch(self, inputs: Tensor, weights: Tensor, initial: Tensor | None) -> Tensor:
        """Return the same outputs by operations of PyTorch."""
        states = evolve(self.program, self.roles.join(inputs, weights), initial)
        return output_values(self.program, self.readout.observables, states)

    def kernel(self, dtype: torch.dtype) -> BatchedCircuit:
        """Return the fast kernels in one precision, prepared once."""
        if dtype not in self._kernels:
            self._kernels[dtype] = BatchedCircuit(
                self.program, self.readout.observables, inputs=self.roles.inputs, dtype=_NUMPY[dtype]
            )
        return self._kernels[dtype]

    def draw(self) -> dict[str, int]:
        """Return nothing: there is nothing to draw."""
        return {}


class Noisy:
    """The outputs of a program under noise, as the mean over Monte Carlo trajectories.

    Every call draws new trajectories, from PyTorch's generator; the gradient is that of the same draw.

    Args:
        program: any program.
        roles: of its parameters.
        readout: expectation values or probabilities.
        noise: of the program.
        trajectories: for each sample.
    """

    def __init__(self, program: Program, roles: Roles, readout: Readout, noise: Noise, trajectories: int) -> None:
        self.program, self.roles, self.readout = program, roles, readout
        self.noise, self.trajectories = noise, trajectories
        self._kernels: dict[torch.dtype, TrajectoryCircuit] = {}
        self.kernel(torch.float32)

    def __call__(self, inputs: Tensor, weights: Tensor, initial: Tensor | None) -> Tensor:
        """Return the outputs, shape [batch, num_outputs]; see `Exact`."""
        start = None if initial is None else initial.cpu()
        return _apply(inputs.cpu(), weights.cpu(), start, self).to(weights.device)

    def by_pytorch(self, inputs: Tensor, weights: Tensor, initial: Tensor | None) -> Tensor:
        """Refuse.

        Raises:
            InvalidValueError: always.
        """
        raise InvalidValueError("a second derivative needs exact outputs, those of this layer are noisy.")

    def kernel(self, dtype: torch.dtype) -> TrajectoryCircuit:
        """Return the kernels in one precision, prepared once."""
        if dtype not in self._kernels:
            self._kernels[dtype] = TrajectoryCircuit(
                self.program,
                self.readout.observables,
                self.noise,
                inputs=self.roles.inputs,
                trajectories=self.trajectories,
                dtype=_NUMPY[dtype],
            )
        return self._kernels[dtype]

    def draw(self) -> dict[str, int]:
        """Return which trajectories the next pass takes."""
        return {"draw": int(torch.randint(2**31, ()))}


def _apply(inputs: Tensor, weights: Tensor, initial: Tensor | None, source: Exact | Noisy) -> Tensor:
    if not torch.is_grad_enabled():
        # A function is told that a tensor wants its gradient even where nobody records one.
        inputs, weights, initial = inputs.detach(), weights.detach(), None if initial is None else initial.detach()
    outputs: Tensor = _Adjoint.apply(inputs, weights, initial, source)  # type: ignore[no-untyped-call]
    return outputs


class _Adjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weights: Tensor, initial: Tensor | None, source: Exact | Noisy) -> Tensor:
        kernel: Any = source.kernel(weights.dtype)
        arrays = [None if tensor is None else tensor.numpy() for tensor in (inputs, weights, initial)]
        if not any(ctx.needs_input_grad):
            return torch.from_numpy(kernel.values(*arrays, **source.draw()))
        ctx.source, ctx.kernel, ctx.run = source, kernel, kernel.forward(*arrays, **source.draw())
        ctx.save_for_backward(inputs, weights, initial)
        return torch.from_numpy(ctx.run.values)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            # Somebody asked for a graph of the gradient, to differentiate it again.
            return *_differentiable(ctx, upstream), None
        gradients = ctx.kernel.backward(ctx.run, upstream.contiguous().numpy())
        pairs = zip(ctx.saved_tensors, (gradients.inputs, gradients.weights, gradients.initial), strict=True)
        return *(None if array is None else torch.from_numpy(array).to(tensor) for tensor, array in pairs), None


def _differentiable(ctx: Any, upstream: Tensor) -> list[Tensor | None]:
    tensors = ctx.saved_tensors
    wanted = [k for k in range(3) if ctx.needs_input_grad[k]]
    outputs = ctx.source.by_pytorch(*tensors)
    found = torch.autograd.grad(outputs, [tensors[k] for k in wanted], upstream, create_graph=True, allow_unused=True)
    gradients: list[Tensor | None] = [None, None, None]
    for k, gradient in zip(wanted, found, strict=True):
        gradients[k] = gradient
    return gradients
