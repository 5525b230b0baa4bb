"""`QuantumLayer`: a quantum circuit as a layer of a PyTorch model."""

import copy
import math
import numbers
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from qloop.circuits.program import Program
from qloop.core.errors import InvalidValueError, nearest
from qloop.core.rng import make_rng
from qloop.devices.cost import Cost
from qloop.devices.device import Device
from qloop.hybrid import ansatze
from qloop.hybrid.circuit import read_circuit
from qloop.hybrid.exact import Exact, Noisy
from qloop.hybrid.gradient import METHODS, Angles
from qloop.hybrid.measured import Measured, Samples, SimulatedShots
from qloop.hybrid.parameters import assign_roles
from qloop.hybrid.readout import read_outputs


class QuantumLayer(nn.Module):
    """A circuit that takes inputs as angles and gives what is measured, with gradients to inputs and weights.

    Exact by default: one adjoint sweep for the whole batch, in the precision of `weight`, whatever the precision around
    it (autocast is without effect). A copy, a pickle and a `state_dict` work as for any module. Second derivatives go
    through a slower simulation in PyTorch, as do tensors on a GPU; `torch.compile` leaves the layer out of its graph.
    With shots, the circuits of the gradient run along with the batch, unless gradients are switched off.

    Args:
        circuit: a Qiskit `QuantumCircuit` or a `Program`.
        outputs: ``"Z"`` for the Z of every measured qubit, ``"probabilities"`` of the measured bits (little-endian),
            ``"samples"`` for the bits themselves, which have no gradient, or observables on the measured qubits
            (`SparsePauliOp`, `PauliSum` or several). Without measurements all qubits are measured.
        inputs: parameters, or their names, that are inputs, in the order of the input columns; by default those whose
            name starts with x, in natural order. All others are weights.
        shots: per circuit and group of commuting terms; `None` for exact outputs.
        seed: of the initial weights; by default PyTorch's generator draws them, as it always draws shots.
        dtype: of the weights, float32 or float64.

    Attributes:
        program: the circuit.
        weight: shape [num_weights], in the order of the circuit's parameters.

    Raises:
        InvalidValueError: a circuit that is not unitary, a parameter that is named twice or unbound, an observable on
            another number of qubits, shots below 1, or another dtype.
    """

    def __init__(
        self,
        circuit: Any,
        outputs: Any = "Z",
        inputs: Iterable[Any] | None = None,
        *,
        shots: int | None = None,
        seed: int | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        _check_dtype(dtype)
        self.program = read_circuit(circuit)
        self.roles = assign_roles(self.program.parameters, inputs)
        self.readout = read_outputs(outputs, len(self.program.outputs))
        self.weight = nn.Parameter(torch.empty(self.num_weights, dtype=dtype))
        self.reset_parameters(seed)
        self._run = self._simulated(shots)
        self._about = "" if shots is None else f", {shots} shots"

    @classmethod
    def hardware_efficient(
        cls, num_qubits: int, layers: int, outputs: Any = "Z", reupload: bool = False, **options: Any
    ) -> "QuantumLayer":
        """Return a layer of RY encoding, RY, RZ and a ring of CNOTs; see `ansatze.hardware_efficient`."""
        return cls(ansatze.hardware_efficient(num_qubits, layers, reupload), outputs, **options)

    @classmethod
    def reupload(
        cls, num_qubits: int, layers: int, outputs: Any = "Z", num_inputs: int | None = None, **options: Any
    ) -> "QuantumLayer":
        """Return a layer that encodes its inputs before every layer of weights; see `ansatze.reupload`."""
        return cls(ansatze.reupload(num_qubits, layers, num_inputs), outputs, **options)

    @classmethod
    def iqp(cls, num_qubits: int, layers: int, outputs: Any = "Z", **options: Any) -> "QuantumLayer":
        """Return a layer of Hadamards and diagonal gates; see `ansatze.iqp`."""
        return cls(ansatze.iqp(num_qubits, layers), outputs, **options)

    @classmethod
    def qcnn(cls, num_qubits: int, outputs: Any = "Z", **options: Any) -> "QuantumLayer":
        """Return a quantum convolutional network, of which one qubit is left; see `ansatze.qcnn`."""
        return cls(ansatze.qcnn(num_qubits), outputs, **options)

    @classmethod
    def brickwork(cls, num_qubits: int, layers: int, outputs: Any = "Z", **options: Any) -> "QuantumLayer":
        """Return a brick wall of two-qubit blocks; see `ansatze.brickwork`."""
        return cls(ansatze.brickwork(num_qubits, layers), outputs, **options)

    @property
    def num_inputs(self) -> int:
        """Length of the last axis of the inputs."""
        return len(self.roles.inputs)

    @property
    def num_weights(self) -> int:
        """Number of weights."""
        return len(self.roles.weights)

    @property
    def num_outputs(self) -> int:
        """Length of the last axis of the outputs."""
        return self.readout.num_outputs

    def reset_parameters(self, seed: int | None = None) -> None:
        """Draw new weights: normal, narrower for deeper circuits, so that gradients do not vanish at the start.

        Args:
            seed: by default PyTorch's generator is used.

        Source: Zhang et al., arXiv:2203.09376: a variance of the order of one over the depth.
        """
        generator = torch.Generator()
        generator.manual_seed(int(torch.randint(2**62, ())) if seed is None else int(make_rng(seed).integers(2**62)))
        depth = max(1.0, self.num_weights / self.program.num_qubits)
        drawn = torch.randn(self.num_weights, generator=generator, dtype=torch.float64) / math.sqrt(depth)
        with torch.no_grad():
            self.weight.copy_(drawn)

    @torch.compiler.disable(reason="circuits run in kernels outside PyTorch")  # type: ignore[untyped-decorator]
    def forward(self, inputs: Tensor | None = None, initial: Tensor | None = None) -> Tensor:
        """Return what is measured.

        Args:
            inputs: angles in radians, shape [..., num_inputs]; may be left out by a circuit without inputs.
            initial: states to start from instead of all zeros, shape [..., 2^num_qubits], real or complex; not for
                layers with shots.

        Returns:
            shape [..., num_outputs], or [..., shots, num_qubits] for samples.

        Raises:
            InvalidValueError: a wrong shape, integers, numbers that are not finite, or tensors on another device.
        """
        _check_dtype(self.weight.dtype)
        lead: tuple[int, ...] = ()
        for name, tensor, width in (
            ("initial", initial, 2**self.program.num_qubits),
            ("inputs", inputs, self.num_inputs),
        ):
            if tensor is not None:
                self._check(name, tensor, width)
                lead = tuple(tensor.shape[:-1])
        if inputs is None:
            if self.num_inputs:
                raise InvalidValueError(f"`inputs` must have {self.num_inputs} columns, got none.")
            inputs = self.weight.new_zeros(*lead, 0)
        batch = math.prod(lead)
        if initial is not None:
            if initial.shape[:-1] != inputs.shape[:-1]:
                raise InvalidValueError(
                    f"`initial` must have as many states as there are inputs, got shape {tuple(initial.shape)}."
                )
            initial = initial.reshape(batch, -1)
        if batch == 0:
            return self.weight.new_zeros(*lead, *self._output_shape)
        values = self._run(inputs.reshape(batch, self.num_inputs).to(self.weight.dtype), self.weight, initial)
        return values.reshape(*lead, *values.shape[1:])

    def with_shots(self, shots: int | None) -> "QuantumLayer":
        """Return a layer on the same weights whose outputs come from simulated shots, or are exact for `None`."""
        return self._view(self._simulated(shots), "" if shots is None else f", {shots} shots")

    def to_device(self, backend: Any, shots: int, gradient: str = "shift", directions: int = 4) -> "QuantumLayer":
        """Return a layer on the same weights that runs on a device.

        A step, that is the outputs of a batch with gradients switched on, is one job: the batch's circuits and all that
        its gradient needs are sent together, when the outputs are asked for.

        Args:
            backend: a qloop `Backend`, a Qiskit `BackendV2`, `SamplerV2` or `EstimatorV2`.
            shots: per circuit and group of commuting terms.
            gradient: ``"shift"``, the parameter-shift rule of every angle; ``"forward"``, that of a few random angles a
                sample, without bias too; ``"spsa"``, random directions of all parameters at once.
            directions: random angles or directions a sample.

        Raises:
            InvalidValueError: a backend with too few qubits, shots below 1, or an unknown gradient.
        """
        from qloop.hybrid.qiskit import open_sampler

        if gradient not in METHODS:
            raise InvalidValueError(f"`gradient` cannot be `{gradient}`: {nearest(gradient, METHODS)}")
        if directions < 1:
            raise InvalidValueError(f"`directions` must be at least 1, got {directions}.")
        angles = Angles(self.program)
        sampler = open_sampler(backend, angles.program, self.readout, _check_shots(shots))
        run = self._sampled(angles, sampler, gradient, directions)
        return self._view(run, f", {shots} shots on {sampler.name}, gradient by {gradient}")

    def with_noise(self, device: Device, trajectories: int = 64) -> "QuantumLayer":
        """Return a layer on the same weights that is trained, or judged, under a device's noise.

        The circuit is compiled for the device and every call draws new trajectories.

        Args:
            device: whose calibration, for example ``load_device("FakeTorino")``.
            trajectories: a sample; the scatter of an output falls with their square root.

        Raises:
            InvalidValueError: a device with too few qubits, or samples as outputs.
        """
        from qloop.devices.noise import noise_of
        from qloop.devices.transpile import transpile

        if self.readout.kind == "samples":
            raise InvalidValueError("noisy outputs are expectation values or probabilities, got samples.")
        compiled = transpile(self.program, device)
        run = Noisy(compiled, self.roles, self.readout, noise_of(compiled, device), trajectories)
        return self._view(run, f", {trajectories} trajectories of {device.name}")

    def estimate_cost(self, batch: int, input_gradients: bool = True) -> Cost:
        """Return what one training step will cost on the device, before anything is sent.

        Args:
            batch: samples.
            input_gradients: whether the inputs need gradients, as behind a trained layer.

        Raises:
            InvalidValueError: the layer does not run on a device.
        """
        if not isinstance(self._run, Measured | Samples):
            raise InvalidValueError("an exact layer sends nothing: a cost needs `shots` or `to_device`.")
        wanted = [self.weight.requires_grad] * self.program.num_parameters
        for k in self.roles.inputs:
            wanted[k] = input_gradients
        return self._run.cost(batch, wanted)

    def replaced(self, program: Program) -> "QuantumLayer":
        """Return a layer on another program with the same inputs, outputs and precision, exact, on weights of its own.

        Weights of the same name keep their values; others are drawn anew.

        Raises:
            InvalidValueError: the program lacks an input, or measures another number of qubits.
        """
        inputs = [self.program.parameters[k] for k in self.roles.inputs]
        outputs = self.readout.kind if self.readout.observables is None else self.readout.observables
        layer = QuantumLayer(program, outputs, inputs, dtype=self.weight.dtype)
        known = {self.program.parameters[k]: value for k, value in zip(self.roles.weights, self.weight, strict=True)}
        with torch.no_grad():
            for place, k in enumerate(layer.roles.weights):
                layer.weight[place] = known.get(program.parameters[k], layer.weight[place])
        return layer.to(self.weight.device).requires_grad_(self.weight.requires_grad)

    def extra_repr(self) -> str:
        """Return the sizes, for `repr`."""
        return (
            f"{self.program.num_qubits} qubits, {self.num_inputs} inputs, {self.num_weights} weights, "
            f"{self.num_outputs} outputs ({self.readout.kind}){self._about}"
        )

    @property
    def _output_shape(self) -> tuple[int, ...]:
        shots = (self._run.sampler.shots,) if isinstance(self._run, Samples) else ()
        return (*shots, self.num_outputs)

    def _simulated(self, shots: int | None) -> Any:
        if shots is not None:
            angles = Angles(self.program)
            return self._sampled(angles, SimulatedShots(angles.program, self.readout, _check_shots(shots)))
        if self.readout.kind == "samples":
            raise InvalidValueError("samples need a number of `shots`, got None.")
        return Exact(self.program, self.roles, self.readout)

    def _sampled(self, angles: Angles, sampler: Any, gradient: str = "shift", directions: int = 1) -> Any:
        if self.readout.kind == "samples":
            return Samples(angles, self.roles, sampler)
        return Measured(angles, self.roles, sampler, gradient, directions)

    def _view(self, run: Any, about: str) -> "QuantumLayer":
        """Return a layer that shares the weights and nothing else that can change."""
        layer = copy.copy(self)
        layer.__dict__ |= {"_run": run, "_about": about, "_parameters": dict(self._parameters)}
        return layer

    def _check(self, name: str, tensor: Tensor, width: int) -> None:
        if not isinstance(tensor, Tensor) or not (
            tensor.is_floating_point() or (name == "initial" and tensor.is_complex())
        ):
            kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise InvalidValueError(f"`{name}` must be a tensor of floating-point numbers, got {kind}.")
        if tensor.ndim == 0 or tensor.shape[-1] != width:
            raise InvalidValueError(f"`{name}` must have {width} columns, got shape {tuple(tensor.shape)}.")
        if tensor.device != self.weight.device:
            raise InvalidValueError(f"`{name}` must be on {self.weight.device} as the weights, got {tensor.device}.")


def _check_dtype(dtype: torch.dtype) -> None:
    if dtype not in (torch.float32, torch.float64):
        raise InvalidValueError(f"the weights of a circuit must be float32 or float64, got {dtype}.")


def _check_shots(shots: Any) -> int:
    if isinstance(shots, bool) or not isinstance(shots, numbers.Integral) or shots < 1:
        raise InvalidValueError(f"`shots` must be a whole number of at least 1, got {shots}.")
    return int(shots)
