"""`BatchedCircuit`: one program for many samples at once, with exact gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate.blocks import Plan, plan
from qloop.circuits.simulate.layers import Dense, lower
from qloop.circuits.simulate.memory import aligned, check_memory
from qloop.circuits.simulate.readout import check_widths, group_strings
from qloop.circuits.simulate.simd import ROW_BYTES, lanes_of
from qloop.circuits.simulate.single import SingleCircuit, SingleRun
from qloop.circuits.simulate.sweep import Shared, sweep_backward, sweep_forward
from qloop.circuits.simulate.threads import share_out, usable_cores
from qloop.circuits.simulate.turns import Turns, fill_shared, reduce_turns
from qloop.core.errors import InvalidValueError

FloatArray = NDArray[np.floating]
ComplexArray = NDArray[np.complexfloating]

KEPT_BYTES = 2**29
"""Final states are kept for the way back up to this size (512 MiB), and otherwise made again."""
FEW_SAMPLES = 3
"""So few samples are run one by one faster than in lanes."""
THREADED_SECONDS = 5e-3
"""Less work than this is done by one thread."""
_SECONDS_PER_TURN = 2e-10
"""Rough time of one rotation of one pair of places in one sample."""


@dataclass(frozen=True, eq=False)
class Pass:
    """One forward run.

    Args:
        values: outputs, shape [batch, num_outputs].
    """

    values: FloatArray
    _call: "_Call | _FewCall"
    _states: Any


@dataclass(frozen=True, eq=False)
class Gradients:
    """The gradient of a scalar.

    Args:
        inputs: shape [batch, num_inputs].
        weights: shape [num_weights].
        initial: by real part plus i times that by imaginary part, shape [batch, 2^num_qubits]; real where the initial
            states were, `None` where there were none.
    """

    inputs: FloatArray
    weights: FloatArray
    initial: NDArray[np.inexact[Any]] | None


@dataclass(frozen=True, eq=False)
class _Route:
    """A plan with what every call needs of it.

    Args:
        plan: blocks from all zeros or from given states.
        slotted: whether a gate's angle differs between samples, or is one of the start's; shape [gates].
        slopes: derivative of the slots' angles by the inputs, shape [slots, num_inputs].
        owner: angle of every gate, then of every term of a table.
        local_size: floats in the rows of a block, real and imaginary, of two states.
    """

    plan: Plan
    slotted: NDArray[np.bool_]
    slopes: FloatArray
    owner: NDArray[np.int64]
    local_size: int


class BatchedCircuit:
    """A program for many samples at once: outputs and exact gradients.

    Samples fill the lanes of the machine's registers; one sweep forward and one back serve any number of outputs. Safe
    to pickle and to use from several threads.

    Args:
        program: any program.
        observables: on the program's outputs, output k their qubit k; `None` for the probabilities of the
            2^num_outputs outcomes, little-endian.
        inputs: indices of the parameters that differ from sample to sample; the others, in order, are weights that all
            samples share.
        dtype: float32 or float64.
        threads: most threads that a large batch is shared among, by default the cores this process may use.

    Raises:
        InvalidValueError: observables of another width, none at all, inputs that are repeated or not parameters,
            another dtype, fewer than one thread, or more qubits than there is memory for.

    Source: adjoint differentiation, Jones and Gacon, arXiv:2009.02823; the kernels are ours.
    """

    def __init__(
        self,
        program: Program,
        observables: Sequence[PauliSum] | None,
        *,
        inputs: Sequence[int] = (),
        dtype: DTypeLike = np.float32,
        threads: int | None = None,
    ) -> None:
        self.program = program
        self.dtype = np.dtype(dtype)
        self._observables = None if observables is None else tuple(observables)
        self._inputs = _parameter_indices(inputs, program)
        self._weights = np.setdiff1d(np.arange(program.num_parameters), self._inputs)
        self._threads = usable_cores() if threads is None else threads
        self._check()
        self._lanes = lanes_of(self.dtype)
        check_memory(8 * ROW_BYTES * 2**program.num_qubits, f"a batch of states of {program.num_qubits} qubits")
        layers = lower(program)
        slopes = layers.slopes()
        self._layers, self._offset = layers, layers.offset
        self._dense = [layer for layer in layers.layers if isinstance(layer, Dense)]
        self._input_slopes, self._weight_slopes = slopes[:, self._inputs], slopes[:, self._weights]
        differs = np.asarray(self._input_slopes.any(axis=1))
        self._routes = {from_zero: self._route(plan(layers, differs, from_zero)) for from_zero in (True, False)}
        self._strings = group_strings(layers, self._observables or ())
        self._single = SingleCircuit(program, self._observables)
        self._outcomes = (
            layers.outcomes(np.arange(2**program.num_qubits)) if observables is None else np.zeros(0, np.int64)
        )

    @property
    def num_inputs(self) -> int:
        """Number of parameters that differ from sample to sample."""
        return len(self._inputs)

    @property
    def num_weights(self) -> int:
        """Number of parameters that all samples share."""
        return len(self._weights)

    @property
    def num_outputs(self) -> int:
        """Number of values a sample gives."""
        return 2 ** len(self.program.outputs) if self._observables is None else len(self._observables)

    def forward(self, inputs: ArrayLike, weights: ArrayLike, initial: ArrayLike | None = None) -> Pass:
        """Return the outputs of every sample, with what `backward` needs.

        Args:
            inputs: radians, shape [batch, num_inputs].
            weights: radians, shape [num_weights].
            initial: states to start from, real or complex, shape [batch, 2^num_qubits]; by default all zeros.

        Raises:
            InvalidValueError: a wrong shape, a value that is not finite, or more memory than there is.
        """
        call = self._call(inputs, weights, initial)
        values, states = call.forward(keep=call.state_bytes <= KEPT_BYTES)
        return Pass(values, call, states)

    def values(self, inputs: ArrayLike, weights: ArrayLike, initial: ArrayLike | None = None) -> FloatArray:
        """Return the outputs of every sample, shape [batch, num_outputs]; arguments as for `forward`."""
        return self._call(inputs, weights, initial).forward(keep=False)[0]

    def backward(self, run: Pass, gradient: ArrayLike) -> Gradients:
        """Return the gradient of a scalar given that by the outputs.

        Args:
            run: what `forward` returned.
            gradient: of the scalar by the outputs, shape [batch, num_outputs].

        Raises:
            InvalidValueError: a wrong shape or a value that is not finite.
        """
        return run._call.backward(run._states, _finite("gradient", gradient, self.dtype, run.values.shape))

    def states(self, inputs: ArrayLike, weights: ArrayLike, initial: ArrayLike | None = None) -> ComplexArray:
        """Return the final states, shape [batch, 2^num_qubits], qubit 0 the least significant bit."""
        return _Call(self, *self._checked(inputs, weights, initial)).states()

    def _check(self) -> None:
        if self.dtype not in (np.float32, np.float64):
            raise InvalidValueError(f"`dtype` must be float32 or float64, got {self.dtype}.")
        if self._threads < 1:
            raise InvalidValueError(f"`threads` must be at least 1, got {self._threads}.")
        if self._observables is None:
            return
        if not self._observables:
            raise InvalidValueError("`observables` must hold at least one.")
        check_widths(self._observables, self.program)

    def _route(self, plan: Plan) -> "_Route":
        return _Route(
            plan=plan,
            slotted=plan.gates.slot >= 0,
            slopes=self._input_slopes[plan.slots].astype(self.dtype),
            owner=np.concatenate([plan.gates.angle, plan.tables.angle]),
            local_size=4 * self._lanes << int(plan.blocks.bits.max(initial=0)),
        )

    def _call(self, inputs: ArrayLike, weights: ArrayLike, initial: ArrayLike | None) -> "_Call | _FewCall":
        checked = self._checked(inputs, weights, initial)
        return (_FewCall if 0 < len(checked[0]) <= FEW_SAMPLES else _Call)(self, *checked)

    def _checked(
        self, inputs: ArrayLike, weights: ArrayLike, initial: ArrayLike | None
    ) -> tuple[FloatArray, NDArray[np.float64], ComplexArray | None]:
        data = _finite("inputs", inputs, self.dtype, (None, self.num_inputs))
        theta = _finite("weights", weights, np.dtype(np.float64), (self.num_weights,))
        if initial is None:
            return data, theta, None
        kind = np.result_type(self.dtype, np.complex64) if np.iscomplexobj(initial) else self.dtype
        return data, theta, _finite("initial", initial, kind, (len(data), 2**self.program.num_qubits))


class _FewCall:
    """A batch too small for the lanes, sample by sample."""

    state_bytes = 0

    def __init__(
        self, circuit: BatchedCircuit, inputs: FloatArray, weights: NDArray[np.float64], initial: ComplexArray | None
    ) -> None:
        self.circuit, self.initial = circuit, initial
        self.parameters = np.empty((len(inputs), circuit.program.num_parameters))
        self.parameters[:, circuit._inputs], self.parameters[:, circuit._weights] = inputs, weights

    def forward(self, keep: bool) -> tuple[FloatArray, list[SingleRun]]:
        """Return the outputs and what `backward` needs."""
        starts = [None] * len(self.parameters) if self.initial is None else self.initial
        runs = [self.circuit._single.forward(*sample) for sample in zip(self.parameters, starts, strict=True)]
        return np.array([run.outputs for run in runs], self.circuit.dtype), runs if keep else []

    def backward(self, runs: list[SingleRun], gradient: FloatArray) -> Gradients:
        """Return all gradients."""
        circuit = self.circuit
        pairs = [circuit._single.backward(*sample) for sample in zip(runs, gradient, strict=True)]
        by_parameter = np.array([parameters for parameters, _ in pairs])
        initial = None
        if self.initial is not None:
            rows = np.array([state for _, state in pairs])
            initial = (rows if np.iscomplexobj(self.initial) else rows.real).astype(self.initial.dtype)
        return Gradients(
            inputs=by_parameter[:, circuit._inputs].astype(circuit.dtype),
            weights=by_parameter[:, circuit._weights].sum(0).astype(circuit.dtype),
            initial=initial,
        )


class _Call:
    """One batch on its way through a circuit."""

    def __init__(
        self, circuit: BatchedCircuit, inputs: FloatArray, weights: NDArray[np.float64], initial: ComplexArray | None
    ) -> None:
        self.circuit, self.inputs, self.weights, self.initial = circuit, inputs, weights, initial
        self.route = circuit._routes[initial is None]
        self.plan = self.route.plan
        self.lanes, self.dtype = circuit._lanes, circuit.dtype
        self.tiles = -(-len(inputs) // self.lanes)
        self.state_size = 2 * self.plan.num_rows * self.lanes
        self.state_bytes = self.tiles * self.state_size * self.dtype.itemsize
        self.angles = circuit._offset + circuit._weight_slopes @ weights
        self.turns, self.factors, self.shared = self._share()
        self.trig = self._differing()
        seconds = self.tiles * self.state_size * max(len(self.plan.gates.x), 1) * _SECONDS_PER_TURN
        self.workers = min(circuit._threads, self.tiles) if seconds >= THREADED_SECONDS else 1

    def forward(self, keep: bool) -> tuple[FloatArray, FloatArray | None]:
        """Return the outputs and, where they are to be kept, the final states."""
        states = self._states(keep)
        width = max(self.circuit.num_outputs, 1)
        values = np.empty((self.tiles, width * self.lanes), self.dtype)
        share_out(lambda worker: self._sweep_forward(worker, states, values), range(self.workers))
        return np.ascontiguousarray(self._by_sample(values, width)), states if keep else None

    def backward(self, states: FloatArray | None, gradient: FloatArray) -> Gradients:
        """Return all gradients."""
        if states is None:
            return self._backward_in_parts(gradient)
        plan, lanes = self.plan, self.lanes
        num_gates, num_terms = len(plan.gates.x), len(plan.tables.z)
        weight = self._in_lanes(gradient)
        by_gate = np.zeros((self.tiles, num_gates * lanes), self.dtype)
        by_term = np.zeros((self.tiles, num_terms), np.float64)
        kept = None if self.initial is None else aligned((self.tiles, self.state_size), self.dtype, np.empty)
        share_out(
            lambda worker: self._sweep_backward(worker, states, weight, kept, by_gate, by_term), range(self.workers)
        )
        turned = by_gate.reshape(self.tiles, num_gates, lanes) * self.factors
        by_gate_and_term = np.concatenate([turned.sum((0, 2), np.float64), by_term.sum(0) * self.turns.term_sign])
        by_angle = np.bincount(self.route.owner, by_gate_and_term, len(self.angles))
        return Gradients(
            inputs=self._by_sample(turned[:, self.route.slotted], len(plan.slots)) @ self.route.slopes,
            weights=(by_angle @ self.circuit._weight_slopes).astype(self.dtype),
            initial=None if kept is None or self.initial is None else self._initial_gradient(kept, self.initial),
        )

    def states(self) -> ComplexArray:
        """Return the final states over qubits with their phase."""
        states = self._states(keep=True)
        share_out(lambda worker: self._sweep_forward(worker, states, np.empty((0, 0), self.dtype)), range(self.workers))
        rows = self._rows(states)
        layers, plan = self.circuit._layers, self.plan
        x, z, power = self.turns.after
        row = np.arange(plan.num_rows)
        signs = (1 - 2 * (np.bitwise_count(row & z) & 1).astype(np.int8)) * 1j ** int(power)
        slopes = self.circuit._input_slopes
        phases = self.angles[-1] - self.angles[plan.phases].sum() / 2
        phases = phases + self.inputs @ (slopes[-1] - slopes[plan.phases].sum(0) / 2)
        result = np.empty_like(rows)
        result[:, layers.basis_states(row ^ x)] = rows * signs.astype(rows.dtype)
        result *= np.exp(1j * phases).astype(rows.dtype)[:, None]
        return result

    def _share(self) -> tuple[Turns, NDArray[np.float64], Shared]:
        plan, circuit = self.plan, self.circuit
        num_gates, num_blocks, num_tables = len(plan.gates.x), len(plan.blocks.bits), len(plan.tables.start) - 1
        num_matrices = len(plan.matrices.start) - 1
        turns = Turns(
            gate_sign=np.empty(num_gates),
            gate_angle=np.zeros(num_gates),
            term_sign=np.empty(len(plan.tables.z)),
            before=np.zeros((num_matrices, 2), np.int64),
            after=np.zeros(3, np.int64),
        )
        reduce_turns(plan.events, plan.gates, plan.tables, self.angles, turns)
        strings, outcomes = circuit._strings, circuit._outcomes
        matrices, adjoints = self._matrices(turns) if num_matrices else 2 * (np.empty(0, self.dtype),)
        shared = Shared(
            tangents=np.empty(num_gates, self.dtype),
            scales=np.empty(num_blocks, self.dtype),
            table_re=np.empty(num_tables * plan.num_rows, self.dtype),
            table_im=np.empty(num_tables * plan.num_rows, self.dtype),
            matrices=matrices,
            adjoints=adjoints,
            coefficients=np.empty(len(strings.z), self.dtype),
            outcomes=outcomes[np.arange(len(outcomes)) ^ turns.after[0]] if len(outcomes) else outcomes,
        )
        factors = np.empty((num_gates, 1), self.dtype)
        fill_shared(plan, strings, self.angles, turns, shared, factors)
        return turns, factors, shared

    def _matrices(self, turns: Turns) -> tuple[FloatArray, FloatArray]:
        """Return the constant unitaries and their adjoints between the Paulis carried past them."""
        forward, back = [], []
        for layer, (x, z) in zip(self.circuit._dense, turns.before, strict=True):
            size = np.arange(len(layer.matrix))
            places = 1 << np.arange(len(layer.x))
            flip = ((np.bitwise_count(layer.z & x) & 1) * places).sum()
            sign = 1.0 - 2.0 * (np.bitwise_count(size & ((np.bitwise_count(layer.x & z) & 1) * places).sum()) & 1)
            matrix = sign[:, None] * layer.matrix[size ^ flip][:, size ^ flip] * sign
            forward.append(matrix.ravel())
            back.append(matrix.conj().T.ravel())
        kind = np.result_type(self.dtype, np.complex64)
        return np.concatenate(forward).astype(kind).view(self.dtype), np.concatenate(back).astype(kind).view(self.dtype)

    def _differing(self) -> FloatArray:
        """Return cosine and sine of half of the angles that differ between samples, shape [tiles, 2, slots x lanes]."""
        plan = self.plan
        sign = self.turns.gate_sign[self.route.slotted] / 2
        half = self.inputs @ (self.route.slopes * sign[:, None]).T + sign * self.angles[plan.slots]
        angles = self._in_lanes(half)
        trig = np.empty((self.tiles, 2, angles.shape[1]), self.dtype)
        np.cos(angles, out=trig[:, 0])
        np.sin(angles, out=trig[:, 1])
        return trig

    def _in_lanes(self, by_sample: FloatArray) -> FloatArray:
        """Return [samples, k] as [tiles, k x lanes], filled up with zeros."""
        width = by_sample.shape[1]
        lanes = np.zeros((self.tiles, width, self.lanes), self.dtype)
        whole = len(by_sample) // self.lanes
        rest = by_sample[whole * self.lanes :]
        lanes[:whole] = by_sample[: whole * self.lanes].reshape(whole, self.lanes, width).swapaxes(1, 2)
        lanes[whole:, :, : len(rest)] = rest.T
        return lanes.reshape(self.tiles, width * self.lanes)

    def _by_sample(self, lanes: FloatArray, width: int) -> FloatArray:
        """Return [tiles, k x lanes] as [samples, k]: the reverse of `_in_lanes`."""
        rows = lanes.reshape(self.tiles, width, self.lanes).swapaxes(1, 2)
        return rows.reshape(self.tiles * self.lanes, width)[: len(self.inputs)]

    def _states(self, keep: bool) -> FloatArray:
        """Return memory for states: one for each tile where they are kept or given, otherwise one for each worker."""
        count = self.tiles if keep or self.initial is not None else self.workers
        needed = (count + 3 * self.workers) * self.state_size * self.dtype.itemsize
        check_memory(needed, f"a batch of {len(self.inputs)} states of {self.circuit.program.num_qubits} qubits")
        states = aligned((count, self.state_size), self.dtype, np.empty)
        if self.initial is not None:
            states[:] = self._in_lanes(np.concatenate([self.initial.real, self.initial.imag], 1))
        return states

    def _rows(self, states: FloatArray) -> ComplexArray:
        """Return tiles as complex states over rows, shape [batch, rows]."""
        size = self.plan.num_rows
        rows = np.empty((self.tiles, self.lanes, size), np.result_type(self.dtype, np.complex64))
        rows.real, rows.imag = states.reshape(self.tiles, 2, size, self.lanes).transpose(1, 0, 3, 2)
        return rows.reshape(self.tiles * self.lanes, size)[: len(self.inputs)]

    def _initial_gradient(self, lambdas: FloatArray, initial: ComplexArray) -> NDArray[np.inexact[Any]]:
        rows = 2 * self._rows(lambdas)
        return rows if np.iscomplexobj(initial) else np.ascontiguousarray(rows.real)

    def _sweep_forward(self, worker: int, states: FloatArray, values: FloatArray) -> None:
        local, buffer = self._scratch(self.route.local_size, self.state_size // 2)
        sweep_forward(
            worker, self.workers, self.plan, self.circuit._strings, self.shared, self.trig, local, buffer, states,
            values,
        )  # fmt: skip

    def _sweep_backward(
        self,
        worker: int,
        states: FloatArray,
        weight: FloatArray,
        kept: FloatArray | None,
        by_gate: FloatArray,
        by_term: NDArray[np.float64],
    ) -> None:
        size = self.state_size
        local, buffer, psi, lam, flow = self._scratch(
            self.route.local_size, size // 2, size, size if kept is None else 0, max(self.plan.num_rows, self.lanes)
        )
        sweep_backward(
            worker, self.workers, self.plan, self.circuit._strings, self.shared, self.trig, local, buffer, states,
            weight, psi, lam.reshape(1, -1) if kept is None else kept, by_gate, flow, by_term,
        )  # fmt: skip

    def _scratch(self, *sizes: int) -> list[FloatArray]:
        """Return arrays of these sizes, all of them whole rows."""
        memory, ends = aligned((sum(sizes),), self.dtype, np.empty), [*accumulate(sizes, initial=0)]
        return [memory[first:end] for first, end in pairwise(ends)]

    def _backward_in_parts(self, gradient: FloatArray) -> Gradients:
        """Run forward again, part by part of the batch, where the final states were not kept."""
        size = max(KEPT_BYTES // (self.state_size * self.dtype.itemsize), 1) * self.lanes
        parts = []
        for first in range(0, len(self.inputs), size):
            part = slice(first, first + size)
            call = _Call(
                self.circuit, self.inputs[part], self.weights, None if self.initial is None else self.initial[part]
            )
            parts.append(call.backward(call.forward(keep=True)[1], gradient[part]))
        return Gradients(
            np.concatenate([p.inputs for p in parts]),
            sum((p.weights for p in parts), np.zeros(len(self.weights), self.dtype)),
            None if self.initial is None else np.concatenate([p.initial for p in parts if p.initial is not None]),
        )


def _parameter_indices(inputs: Sequence[int], program: Program) -> NDArray[np.intp]:
    indices = np.asarray(inputs, np.intp).reshape(-1)
    if len(np.unique(indices)) != len(indices) or (indices < 0).any() or (indices >= program.num_parameters).any():
        raise InvalidValueError(
            f"`inputs` must be distinct parameters below {program.num_parameters}, got {indices.tolist()}."
        )
    return indices


def _finite(name: str, values: ArrayLike, dtype: Any, shape: tuple[int | None, ...]) -> NDArray[Any]:
    array = np.ascontiguousarray(values, dtype)
    if array.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("batch" if size is None else str(size) for size in shape)
        raise InvalidValueError(f"`{name}` must have shape [{wanted}], got {list(array.shape)}.")
    if not np.isfinite(array).all():
        raise InvalidValueError(f"`{name}` must be finite.")
    return array


def warm_up() -> None:
    """Compile every kernel, so that processes which start now find them on disk."""
    angles = [(Angle(0.0, {k: 1.0}),) for k in range(2)]
    operations = [
        Operation("ry", (0,), angles[0]),
        Operation("rz", (0,), angles[1]),
        Operation("unitary", (0,), matrix=np.eye(2, dtype=np.complex128)),
    ]
    program = Program.from_operations(1, operations, ["input", "weight"])
    for dtype in (np.float32, np.float64):
        for observables in ([PauliSum.from_labels({"Z": 1.0})], None):
            circuit = BatchedCircuit(program, observables, inputs=[0], dtype=dtype)
            run = circuit.forward(np.full((FEW_SAMPLES + 1, 1), 0.1), [0.1])
            circuit.backward(run, run.values)
