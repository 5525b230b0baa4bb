"""Gradients from measurements alone: which other angles to run a circuit at, and how to weigh what comes back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.program import Program
from qloop.core.errors import InvalidValueError
from qloop.hybrid.spectrum import gate_spectrum

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SPSA_STEP = 0.2
"""Half the width of a simultaneous perturbation, radians: a slope of unit frequency comes out step^2 / 6 too small."""


class Angles:
    """A program with its angles set free: every gate angle that depends on parameters becomes a parameter of its own.

    Args:
        program: any program.

    Attributes:
        program: the same gates, one parameter an angle.
        slopes: derivative of each angle with respect to the original parameters, shape [num_angles, num_parameters].
    """

    def __init__(self, program: Program) -> None:
        terms = np.diff(program.term_start)
        free = np.flatnonzero(terms)
        self._original, self._free = program, free
        self.program = replace(
            program,
            angle_offset=np.where(terms > 0, 0.0, program.angle_offset),
            term_start=np.concatenate([[0], np.cumsum(terms > 0)]).astype(np.int32),
            term_parameter=np.arange(len(free), dtype=np.int32),
            term_scale=np.ones(len(free)),
            parameters=tuple(f"angle[{k}]" for k in range(len(free))),
        )
        zero = program.angles(np.zeros(program.num_parameters))
        self.slopes: FloatArray = (program.angles(np.eye(program.num_parameters)) - zero).T[free]
        self._rules = [shift_rule(frequencies) for frequencies in _frequencies(program)]

    def at(self, parameters: FloatArray) -> FloatArray:
        """Return the angles, shape [batch, num_angles], at parameters of shape [batch, num_parameters].

        Raises:
            InvalidValueError: numbers that are not finite.
        """
        if not np.isfinite(parameters).all():
            raise InvalidValueError("`inputs` and weights must be finite, they hold NaN or infinite values.")
        return self._original.angles(parameters)[:, self._free]

    def moving(self, wanted: BoolArray) -> IntArray:
        """Return the angles that depend on any of the wanted parameters."""
        return np.flatnonzero((self.slopes[:, wanted] != 0).any(axis=1))

    def shifts(self, angles: IntArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return the shift rules of some angles end to end: the angle, the shift and the factor of each evaluation."""
        chosen = [self._rules[angle] for angle in angles]
        owner = np.repeat(angles, [len(shift) for shift, _ in chosen]).astype(np.int64)
        shift, factor = (np.concatenate([rule[k] for rule in chosen] or [np.zeros(0)]) for k in (0, 1))
        return owner, shift, factor


@dataclass(frozen=True, eq=False)
class Probes:
    """Evaluations that tell a gradient.

    Args:
        sample: which sample of the batch each belongs to, shape [probes].
        angles: what to run the circuit at, shape [probes, num_angles].
        weights: what its outputs contribute to the Jacobian of that sample, shape [probes, num_parameters].
    """

    sample: IntArray
    angles: FloatArray
    weights: FloatArray

    def gradient(self, outputs: FloatArray, upstream: FloatArray) -> FloatArray:
        """Return the gradient over each sample's parameters, shape [batch, num_parameters].

        Args:
            outputs: of the circuit at each probe, shape [probes, num_outputs].
            upstream: gradient over each sample's outputs, shape [batch, num_outputs].
        """
        result = np.zeros((len(upstream), self.weights.shape[1]))
        np.add.at(result, self.sample, (outputs * upstream[self.sample]).sum(axis=1)[:, None] * self.weights)
        return result


Method = Callable[[Angles, FloatArray, BoolArray, int, np.random.Generator], Probes]
"""Takes the angles, their values [batch, num_angles], which parameters are wanted, and how many random directions."""


def probe_shift(angles: Angles, at: FloatArray, wanted: BoolArray, _directions: int, _rng: Any) -> Probes:
    """Return the parameter-shift rule of every angle: without bias, and twice or four times the work per angle."""
    owner, shift, factor = angles.shifts(angles.moving(wanted))
    sample = np.repeat(np.arange(len(at)), len(owner))
    times = len(at)
    return _shifted(angles, at, wanted, sample, np.tile(owner, times), np.tile(shift, times), np.tile(factor, times))


def probe_forward(
    angles: Angles, at: FloatArray, wanted: BoolArray, directions: int, rng: np.random.Generator
) -> Probes:
    """Return shift rules of a few angles, drawn anew for every sample and weighed up: without bias, and more variance.

    Source: forward gradients along coordinates, Coyle et al., arXiv:2606.09734; all directions are the shift rule.
    """
    moving = angles.moving(wanted)
    count = min(directions, len(moving))
    parts = [angles.shifts(np.sort(rng.permutation(moving)[:count])) for _ in at]
    sample = np.repeat(np.arange(len(at)), [len(owner) for owner, _, _ in parts])
    owner, shift, factor = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _shifted(angles, at, wanted, sample, owner, shift, factor * len(moving) / max(count, 1))


def probe_spsa(angles: Angles, at: FloatArray, wanted: BoolArray, directions: int, rng: np.random.Generator) -> Probes:
    """Return two evaluations a direction along random signs of all parameters at once: cheapest, with a small bias.

    Source: Spall, IEEE Transactions on Automatic Control 37 (1992) 332; in hybrid networks, arXiv:2211.13981.
    """
    count = directions if wanted.any() else 0
    sample = np.repeat(np.arange(len(at)), 2 * count)
    signs = np.repeat(rng.choice([-1.0, 1.0], (len(sample) // 2, len(wanted))) * wanted, 2, axis=0)
    side = np.tile([1.0, -1.0], len(sample) // 2)[:, None]
    moved = at[sample] + SPSA_STEP * side * (signs @ angles.slopes.T)
    return Probes(sample, moved, side * signs / (2 * SPSA_STEP * max(count, 1)))


METHODS: dict[str, Method] = {"shift": probe_shift, "spsa": probe_spsa, "forward": probe_forward}


def shift_rule(frequencies: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return shifts s and factors c with ``f'(t) = sum(c f(t + s))`` for every f with these frequencies.

    Args:
        frequencies: positive multiples of the first, ascending.

    Source: the general parameter-shift rule, Wierichs et al., arXiv:2107.12390, equation 28.
    """
    base, count = frequencies[0], round(frequencies[-1] / frequencies[0])
    order = np.arange(2 * count)
    shifts = (2 * order + 1) * np.pi / (2 * count)
    factors = (-1.0) ** order / (4 * count * np.sin(shifts / 2) ** 2)
    # Shifts beyond half a turn are taken the other way round.
    return np.where(shifts > np.pi, shifts - 2 * np.pi, shifts) / base, factors * base


def _shifted(
    angles: Angles,
    at: FloatArray,
    wanted: BoolArray,
    sample: IntArray,
    owner: IntArray,
    shift: FloatArray,
    factor: FloatArray,
) -> Probes:
    moved = at[sample]
    moved[np.arange(len(sample)), owner] += shift
    return Probes(sample, moved, factor[:, None] * angles.slopes[owner] * wanted)


def _frequencies(program: Program) -> list[FloatArray]:
    """Return the frequencies of each angle that depends on parameters."""
    found = []
    for operation in program.operations():
        if any(angle.terms for angle in operation.angles):
            spectrum = gate_spectrum(operation.name, operation.letters)
            found += [spectrum.frequencies(k) for k, angle in enumerate(operation.angles) if angle.terms]
    return found
