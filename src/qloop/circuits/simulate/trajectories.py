"""`TrajectoryCircuit`: expectation values under noise with exact gradients, by Monte Carlo with a trajectory per lane.

The errors of a trajectory are drawn without looking at its state: its value is a smooth function of the parameters, and
the mean over draws of value and gradient alike is that of the density matrix.

Source: Dalibard, Castin and Molmer, Phys. Rev. Lett. 68, 580 (1992), for trajectories; the sampling is ours.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qloop.circuits.noise import Damping, Error, Noise, PauliChannel, uniform_noise
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate import lanes
from qloop.circuits.simulate.batch import Gradients
from qloop.circuits.simulate.draws import Draw, Sites
from qloop.circuits.simulate.measurement import Expectations, Probabilities, Tiles
from qloop.circuits.simulate.memory import check_memory
from qloop.circuits.simulate.readout import check_widths
from qloop.circuits.simulate.rotations import lower
from qloop.circuits.simulate.simd import lanes_of
from qloop.circuits.simulate.threads import share_out, usable_cores
from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Real = NDArray[np.floating]

ROUND_TO = 16
"""Trajectories fill whole rows of lanes; this many do in either precision, so that both draw the same."""
CHUNK_BYTES = 2**26
"""States that are worked on at a time."""
KEEP_BYTES = 2**28
"""States that are kept from forward to backward; more are computed again."""
_SERIAL = 2e7
"""Amplitude updates, about 5 ms, below which threads cost more than they bring."""


class Steps(NamedTuple):
    """What a kernel does in time order; fields as in `Rotations`."""

    x: IntArray
    z: IntArray
    projection: NDArray[np.bool_]


class Angles(NamedTuple):
    """Cosine and sine of half the angle of each step, shape [samples, num_steps]."""

    cosine: Real
    sine: Real


class Projections(NamedTuple):
    """Projections of single lanes by tile and step: of tile t those from start[t] to start[t + 1]."""

    start: IntArray
    step: IntArray
    lane: IntArray
    sign: IntArray


@dataclass(eq=False)
class _Chunk:
    """The final states of some samples, and what brings them back."""

    samples: slice
    states: Real
    saved: Real
    signs: Real
    weights: Real
    projections: Projections


@dataclass(frozen=True, eq=False)
class TrajectoryPass:
    """One forward pass: its values, shape [samples, num_outputs], and what the backward pass needs."""

    values: Real
    angles: Angles
    draw: Draw
    initial: NDArray[np.inexact] | None
    chunks: tuple[_Chunk, ...]


class TrajectoryCircuit:
    """One noisy program for many samples at once: unbiased outputs and their exact gradients.

    Safe to copy, to pickle and to use from several threads. Trajectories have weights whose sum is 1 in the mean only:
    an output may lie a little outside its range.

    Args:
        program: any program; idle qubits cost nothing.
        observables: on the program's outputs, output k their qubit k; `None` for the outcome probabilities of the
            outputs, little-endian.
        noise: of the program.
        inputs: indices into `program.parameters` of those that differ from sample to sample; the rest are weights.
        trajectories: for each sample, rounded up to a multiple of 16; the error falls with their square root.
        seed: of the noise.
        dtype: float32 or float64.
        threads: the most to use, by default one per core; small work stays on one.

    Raises:
        InvalidValueError: noise or an observable that does not fit the program, no trajectories, or another dtype.
    """

    def __init__(
        self,
        program: Program,
        observables: Sequence[PauliSum] | None,
        noise: Noise,
        *,
        inputs: Sequence[int] = (),
        trajectories: int = 64,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
        threads: int | None = None,
    ) -> None:
        _check(program, observables, noise, inputs, trajectories, dtype)
        self.program, self.noise, self.seed, self.dtype = program, noise, seed, np.dtype(dtype).type
        self.trajectories = -(-trajectories // ROUND_TO) * ROUND_TO
        self.threads = threads or usable_cores()
        self._inputs = list(inputs)
        self._weights = [k for k in range(program.num_parameters) if k not in set(inputs)]
        small, errors = _compact(program, noise)
        states = self.trajectories * 2 ** (small.num_qubits + 1) * np.dtype(dtype).itemsize
        check_memory(3 * states, f"{self.trajectories} trajectories of {small.num_qubits} qubits")
        self._rotations = lower(small, errors, keep_z=observables is None)
        self._steps = Steps(self._rotations.x, self._rotations.z, self._rotations.projection)
        self._measure: Expectations | Probabilities = (
            Probabilities(small, noise, self._rotations)
            if observables is None
            else Expectations(observables, small, noise, self._rotations)
        )
        self._flips = self._rotations.flips(self._measure.x, self._measure.z)
        self._sites = Sites(self._rotations)

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
        """Number of values for each sample."""
        return self._measure.num_outputs

    def values(
        self, inputs: ArrayLike, weights: ArrayLike, initial: NDArray[np.inexact] | None = None, draw: int = 0
    ) -> Real:
        """Return the outputs alone; see `forward`."""
        return self._forward(inputs, weights, initial, draw, keep=False).values

    def forward(
        self, inputs: ArrayLike, weights: ArrayLike, initial: NDArray[np.inexact] | None = None, draw: int = 0
    ) -> TrajectoryPass:
        """Return the outputs with what `backward` needs.

        Args:
            inputs: radians, shape [samples, num_inputs].
            weights: radians, shape [num_weights].
            initial: states to start from, shape [samples, 2^num_qubits]; all zeros by default.
            draw: which independent draw of the noise; one draw makes the outputs a smooth function of the angles.

        Raises:
            InvalidValueError: a wrong shape, numbers that are not finite, or more memory than there is.
        """
        return self._forward(inputs, weights, initial, draw, keep=True)

    def backward(self, run: TrajectoryPass, gradient: ArrayLike) -> Gradients:
        """Return the gradients over inputs, weights and initial states.

        Args:
            run: a pass of `forward`.
            gradient: over its values, shape [samples, num_outputs].

        Raises:
            InvalidValueError: a wrong shape.
        """
        outer = np.asarray(gradient, np.float64)
        if outer.shape != run.values.shape:
            raise InvalidValueError(f"`gradient` must have shape {run.values.shape}, got {outer.shape}.")
        over_angles = np.empty(run.angles.cosine.shape)
        over_initial = None if run.initial is None else np.empty_like(run.initial)
        for chunk in run.chunks or self._run(run.angles, run.draw, run.initial):
            slopes, bras = self._rewind(chunk, run.angles, outer[chunk.samples])
            over_angles[chunk.samples] = _by_sample(slopes, chunk)
            if over_initial is not None:
                real, imag = 2 * np.moveaxis(_by_sample(bras.sum(-1, dtype=np.float64), chunk), 1, 0)
                over_initial[chunk.samples] = real + 1j * imag if np.iscomplexobj(over_initial) else real
        over_parameters = over_angles @ self._rotations.slope
        return Gradients(
            over_parameters[:, self._inputs].astype(self.dtype),
            over_parameters[:, self._weights].sum(0).astype(self.dtype),
            over_initial,
        )

    def _forward(
        self, inputs: ArrayLike, weights: ArrayLike, initial: NDArray[np.inexact] | None, draw: int, keep: bool
    ) -> TrajectoryPass:
        angles = self._angles(inputs, weights)
        samples = len(angles.cosine)
        if initial is not None:
            initial = self._check_initial(initial, samples)
        keep = keep and samples * self._sample_bytes() <= KEEP_BYTES
        drawn = self._sites.draw(make_rng(self.seed, "trajectories", draw), samples, self.trajectories)
        values, chunks = np.empty((samples, self.num_outputs), self.dtype), []
        for chunk in self._run(angles, drawn, initial):
            values[chunk.samples] = self._measured(chunk)
            if keep:
                chunks.append(chunk)
        return TrajectoryPass(values, angles, drawn, initial, tuple(chunks))

    def _angles(self, inputs: ArrayLike, weights: ArrayLike) -> Angles:
        own, shared = np.asarray(inputs, np.float64), np.asarray(weights, np.float64)
        if own.ndim != 2 or own.shape[1] != self.num_inputs or shared.shape != (self.num_weights,):
            raise InvalidValueError(
                f"the circuit takes inputs of shape [samples, {self.num_inputs}] and {self.num_weights} weights, "
                f"got shapes {own.shape} and {shared.shape}."
            )
        if not (np.isfinite(own).all() and np.isfinite(shared).all()):
            raise InvalidValueError("inputs and weights must be finite.")
        slope = self._rotations.slope
        half = (self._rotations.offset + slope[:, self._weights] @ shared + own @ slope[:, self._inputs].T) / 2
        return Angles(np.cos(half).astype(self.dtype), np.sin(half).astype(self.dtype))

    def _check_initial(self, initial: NDArray[np.inexact], samples: int) -> NDArray[np.inexact]:
        states, size = np.asarray(initial), 2**self.program.num_qubits
        if self._rotations.num_qubits != self.program.num_qubits:
            raise InvalidValueError("`initial` needs a program that uses all its qubits.")
        if states.shape != (samples, size) or not np.isfinite(states).all():
            raise InvalidValueError(f"`initial` must be finite, of shape ({samples}, {size}), got {states.shape}.")
        return states

    def _sample_bytes(self) -> int:
        numbers: int = 2 ** (self._rotations.num_qubits + 1) + self._flips.shape[1]
        size: int = self.trajectories * numbers * np.dtype(self.dtype).itemsize
        return size

    def _run(self, angles: Angles, draw: Draw, initial: NDArray[np.inexact] | None) -> Iterator[_Chunk]:
        """Yield the final states of a batch, chunk by chunk."""
        at_a_time = max(1, CHUNK_BYTES // self._sample_bytes())
        for first in range(0, len(angles.cosine), at_a_time):
            samples = slice(first, min(first + at_a_time, len(angles.cosine)))
            chunk = self._start(draw, samples, None if initial is None else initial[samples])
            self._spread(chunk, partial(self._run_tiles, chunk, Angles(angles.cosine[samples], angles.sine[samples])))
            yield chunk

    def _run_tiles(self, chunk: _Chunk, angles: Angles, tiles: Tiles) -> None:
        lanes.run(chunk.states, tiles, self._steps, angles, chunk.signs, chunk.projections, chunk.saved)

    def _start(self, draw: Draw, samples: slice, initial: NDArray[np.inexact] | None) -> _Chunk:
        """Return a chunk's states before the first step, and what happens to each of its lanes."""
        width, rows, columns = lanes_of(np.dtype(self.dtype)), 2**self._rotations.num_qubits, self._flips.shape[1]
        bounds = [samples.start * self.trajectories, samples.stop * self.trajectories]
        share, tiles = self.trajectories // width, (bounds[1] - bounds[0]) // width
        mine = slice(*np.searchsorted(draw.lane, bounds))
        lane, error = draw.lane[mine] - bounds[0], draw.error[mine]
        signs = np.ones((tiles, columns, width), self.dtype)
        lanes.flip_signs(signs, lane, error, self._flips)
        projecting = np.flatnonzero(self._rotations.project[error] >= 0)
        lane, error = lane[projecting], error[projecting]
        step = self._rotations.project[error]
        order = np.lexsort((step, lane // width))
        tile, lane, step, error = (lane // width)[order], (lane % width)[order], step[order], error[order]
        states = np.zeros((tiles, 2, rows, width), self.dtype)
        if initial is None:
            states[:, 0, 0] = 1
        else:
            states[:, 0] = np.repeat(initial.real, share, 0)[:, :, None]
            states[:, 1] = np.repeat(initial.imag, share, 0)[:, :, None]
        return _Chunk(
            samples=samples,
            states=states,
            saved=np.empty((len(step), 2, rows), self.dtype),
            signs=signs,
            weights=draw.weights[samples].reshape(tiles, width).astype(self.dtype),
            projections=Projections(
                start=np.searchsorted(tile, np.arange(tiles + 1)),
                step=step,
                lane=lane,
                sign=self._rotations.sign[error] * signs[tile, step, lane].astype(np.int64),
            ),
        )

    def _measured(self, chunk: _Chunk) -> FloatArray:
        each = np.zeros((len(chunk.states), self._measure.num_values))
        self._spread(chunk, lambda tiles: self._measure.add(chunk.states, chunk.signs, chunk.weights, tiles, each))
        return self._measure.outputs(_by_sample(each, chunk))

    def _rewind(self, chunk: _Chunk, angles: Angles, outer: FloatArray) -> tuple[FloatArray, Real]:
        """Return the gradient over each tile's angles and, as half of it, over its initial states."""
        states, bras = chunk.states.copy(), np.empty_like(chunk.states)
        own = Angles(angles.cosine[chunk.samples], angles.sine[chunk.samples])
        coefficients = self._measure.coefficients(outer).astype(self.dtype)
        slopes = np.zeros((len(states), len(self._steps.x)))

        def work(tiles: Tiles) -> None:
            self._measure.seed(states, bras, chunk.signs, chunk.weights, tiles, coefficients)
            lanes.rewind(states, bras, tiles, self._steps, own, chunk.signs, chunk.projections, chunk.saved, slopes)

        self._spread(chunk, work)
        return slopes, bras

    def _spread(self, chunk: _Chunk, work: Callable[[Tiles], None]) -> None:
        """Do the work on all tiles of a chunk, on threads where it is long enough."""
        tiles = len(chunk.states)
        workers = min(self.threads, tiles) if chunk.states.size * len(self._steps.x) > _SERIAL else 1
        bounds = np.linspace(0, tiles, workers + 1).astype(int).tolist()
        share_out(work, list(pairwise(bounds)))


def _by_sample(values: FloatArray, chunk: _Chunk) -> FloatArray:
    """Return the sum of each sample's tiles, the first axis."""
    samples = chunk.samples.stop - chunk.samples.start
    summed: FloatArray = values.reshape(samples, -1, *values.shape[1:]).sum(1)
    return summed


def warm_up() -> None:
    """Compile every kernel, so that processes which start now find them on disk."""
    angle = (Angle(0.0, {0: 1.0}),)
    program = Program.from_operations(1, [Operation("rx", (0,), angle)], ["angle"])
    noise = uniform_noise(program, damping=0.1)
    for dtype in (np.float32, np.float64):
        for observables in ([PauliSum.from_labels({"Z": 1.0})], None):
            circuit = TrajectoryCircuit(program, observables, noise, dtype=dtype)
            run = circuit.forward(np.empty((1, 0)), [0.1])
            circuit.backward(run, run.values)


def _compact(program: Program, noise: Noise) -> tuple[Program, Noise]:
    """Return both on the qubits that a gate, an error or an output touches."""
    used = {qubit for errors in noise.after for error in errors for qubit in _qubits(error)} | {*program.used_qubits()}
    where = {qubit: k for k, qubit in enumerate(sorted(used))}
    after = tuple(tuple(_relabel(error, where) for error in errors) for errors in noise.after)
    return program.relabel(where, len(where)), replace(noise, after=after)


def _qubits(error: Error) -> tuple[int, ...]:
    return (error.qubit,) if isinstance(error, Damping) else error.qubits


def _relabel(error: Error, where: dict[int, int]) -> Error:
    if isinstance(error, Damping):
        return Damping(where[error.qubit], error.probability)
    return replace(error, qubits=tuple(where[qubit] for qubit in error.qubits))


def _check(
    program: Program,
    observables: Sequence[PauliSum] | None,
    noise: Noise,
    inputs: Sequence[int],
    trajectories: int,
    dtype: type[np.floating],
) -> None:
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise InvalidValueError(f"`dtype` must be float32 or float64, got {np.dtype(dtype)}.")
    if trajectories < 1:
        raise InvalidValueError(f"`trajectories` must be at least 1, got {trajectories}.")
    if len({*inputs} & {*range(program.num_parameters)}) != len(inputs):
        raise InvalidValueError(f"`inputs` must be distinct and below {program.num_parameters}, got {list(inputs)}.")
    if len(noise.after) != program.num_gates:
        raise InvalidValueError(f"the noise is of {len(noise.after)} gates, the program has {program.num_gates}.")
    errors = [error for after in noise.after for error in after]
    if any(isinstance(error, Operation) and any(angle.terms for angle in error.angles) for error in errors):
        raise InvalidValueError("a coherent error must have fixed angles.")
    if any(isinstance(error, PauliChannel) and len(error.qubits) not in (1, 2) for error in errors):
        raise InvalidValueError("a Pauli channel acts on one or two qubits.")
    outside = [qubit for error in errors for qubit in _qubits(error) if not 0 <= qubit < program.num_qubits]
    if outside:
        raise InvalidValueError(f"the noise names qubit {outside[0]}, the program has {program.num_qubits}.")
    if noise.readout is not None and len(noise.readout) != len(program.outputs):
        raise InvalidValueError(
            f"the noise reads {len(noise.readout)} outputs, the program has {len(program.outputs)}."
        )
    check_widths(observables or (), program)
    if observables is not None and not len(observables):
        raise InvalidValueError("`observables` must name at least one, or be `None` for probabilities.")
