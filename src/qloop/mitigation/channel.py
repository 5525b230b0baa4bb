"""A noise channel learned at Clifford references: one set of numbers for every circuit of the same shape.

The circuit's noise is written as a product channel just before measurement: per qubit, X and Y shrink by f_xy, Z
becomes f_z Z + b_z. Those three numbers a qubit are fitted to every measured Pauli at reference parameters whose exact
values are known from stabilisers, and are then inverted like a readout matrix. It contains readout error as a special
case.

This is a good model of a device whose errors are mostly Pauli-like and local. On hardware it can be worse than nothing;
the loop therefore validates it (`selection`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from qloop.circuits.clifford import clifford_expectations
from qloop.circuits.program import Program
from qloop.circuits.splitting import outcome_signs
from qloop.devices.shots import Request
from qloop.mitigation.response import LEAST_SIGNAL, Response

FloatArray = NDArray[np.float64]
Letters = NDArray[np.uint8]
_PLENTY = 1e9
REFERENCE = "Clifford data regression: Czarnik et al., arXiv:2005.10189; the shared per-qubit channel is ours"
FLOOR = 0.01
"""Standard deviation added to every prior, so that data can always overrule it."""
MODEL_VARIANCE = 2e-4
"""Squared error of a Pauli that the product form cannot follow, where twins have not told it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelPrior:
    """What is believed of the channel before a shot is taken.

    Args:
        mean: f_xy, f_z, b_z per qubit, shape [num_qubits, 3].
        covariance: shape [3 num_qubits, 3 num_qubits].
        model_variance: squared error of each Pauli that the product form cannot follow, shape [references, paulis].
    """

    mean: FloatArray
    covariance: FloatArray
    model_variance: FloatArray

    def at(self, references: Sequence[int]) -> "ChannelPrior":
        """Return the prior of some references."""
        return replace(self, model_variance=self.model_variance[list(references)])


def vague_prior(table: "ReferenceTable") -> ChannelPrior:
    """Return a prior for any decent device: mild shrinking, each number known to 0.1."""
    width = table.letters.shape[1]
    return ChannelPrior(
        mean=np.tile([0.95, 0.95, 0.0], (width, 1)),
        covariance=0.01 * np.eye(3 * width),
        model_variance=np.full(table.exact.shape, MODEL_VARIANCE),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class ReferenceTable:
    """Exact values of the measured Paulis at the references, and of the Paulis they relax to.

    Only strings with a value are kept: of a Pauli's strings with some Z dropped, few are in a state's stabiliser group.

    Args:
        letters: measured Paulis, shape [paulis, num_qubits].
        setting: setting that measures each, shape [paulis].
        exact: expectation of each Pauli, shape [references, paulis].
        reference: reference of each term, shape [terms].
        pauli: Pauli of each term, shape [terms].
        value: expectation of the term's string, shape [terms].
        role: per term and qubit: 0 untouched, 1 X or Y kept, 2 Z kept, 3 Z dropped, shape [terms, num_qubits].
    """

    letters: Letters
    setting: NDArray[np.intp]
    exact: FloatArray
    reference: NDArray[np.intp]
    pauli: NDArray[np.intp]
    value: FloatArray
    role: NDArray[np.intp]

    def at(self, references: Sequence[int]) -> "ReferenceTable":
        """Return the table of some references, renumbered in the given order."""
        place = np.full(len(self.exact), -1)
        place[list(references)] = np.arange(len(references))
        use = place[self.reference] >= 0
        return ReferenceTable(
            letters=self.letters,
            setting=self.setting,
            exact=self.exact[list(references)],
            reference=place[self.reference[use]],
            pauli=self.pauli[use],
            value=self.value[use],
            role=self.role[use],
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class LearnedChannel:
    """Fitted numbers with their uncertainty and how well they explain the references.

    Args:
        numbers: f_xy, f_z, b_z per qubit, shape [num_qubits, 3].
        covariance: shape [3 num_qubits, 3 num_qubits].
        chi2: mean squared residual in units of its standard deviation; far above 1 the form does not hold.
    """

    numbers: FloatArray
    covariance: FloatArray
    chi2: float

    def response(self, bases: Letters) -> Response:
        """Return the channel as a readout response for each setting."""
        return channel_response(self.numbers, bases)


def construct(
    program: Program, references: FloatArray, bases: Letters, shots: int, label: str = "Clifford reference"
) -> list[Request]:
    """Return one request per reference, shots spread evenly over the settings.

    Args:
        program: compiled program.
        references: parameter values that make it Clifford, shape [references, num_parameters].
        bases: settings, shape [settings, num_qubits].
        shots: in all.
        label: what the requests are for, in words.
    """
    each = max(4, shots // max(1, len(references) * len(bases)))
    return [
        Request(program=program, values=values, bases=bases, shots=np.full(len(bases), each), label=label)
        for values in references
    ]


def reference_table(
    program: Program, references: FloatArray, letters: Letters, setting: NDArray[np.intp]
) -> ReferenceTable:
    """Return exact values by stabiliser simulation.

    Args:
        program: logical program, Clifford at every reference.
        references: parameter values, shape [references, num_parameters].
        letters: measured Paulis, shape [paulis, num_qubits].
        setting: setting of each, shape [paulis].
    """
    width = letters.shape[1]
    kinds = np.array([0, 1, 1, 2])[letters]
    along = letters == 3
    subsets = (np.arange(1 << width)[:, None] >> np.arange(width)) & 1
    # A subset of qubits to drop counts once for each Pauli that has Z on all of them.
    pauli, subset = np.nonzero((along[:, None] | (subsets == 0)).all(-1))
    role = np.where(subsets[subset] == 1, 3, kinds[pauli])
    strings = np.where(role == 3, 0, letters[pauli]).astype(np.uint8)
    distinct, where = np.unique(strings, axis=0, return_inverse=True)
    values = np.array([clifford_expectations(program, row, distinct) for row in references], np.float64)[
        :, where.ravel()
    ]
    reference, term = np.nonzero(values)
    return ReferenceTable(
        letters=letters,
        setting=setting,
        exact=values[:, ~(role == 3).any(1)],
        reference=reference,
        pauli=pauli[term],
        value=values[reference, term],
        role=role[term],
    )


def combine(table: ReferenceTable, counts: FloatArray, prior: ChannelPrior) -> LearnedChannel:
    """Fit the channel by generalised least squares: Paulis of one setting come from the same shots.

    Args:
        table: exact values.
        counts: histograms at the references, shape [references, settings, 2^num_qubits].
        prior: of the same references.
    """
    width = table.letters.shape[1]
    whiten = _Whitener(table, counts, prior.model_variance)
    pull = np.linalg.cholesky(np.linalg.inv(prior.covariance)).T

    def residuals(numbers: FloatArray) -> FloatArray:
        predicted, _ = _predict(table, numbers.reshape(width, 3))
        misfit = whiten((predicted - whiten.observed).reshape(-1, 1))[:, 0]
        return np.concatenate([misfit, pull @ (numbers - prior.mean.ravel())])

    def jacobian(numbers: FloatArray) -> FloatArray:
        _, slopes = _predict(table, numbers.reshape(width, 3))
        return np.vstack([whiten(slopes), pull])

    # The prior keeps the numbers in range: no bounds are needed, and MINPACK is the fastest at this shape.
    fit = least_squares(residuals, prior.mean.ravel(), jacobian, method="lm", xtol=1e-6, ftol=1e-6)
    chi2 = float(np.mean(fit.fun[: -3 * width] ** 2))
    slopes = np.asarray(fit.jac)
    covariance = np.linalg.inv(slopes.T @ slopes) * max(1.0, chi2)
    return LearnedChannel(numbers=fit.x.reshape(width, 3), covariance=covariance, chi2=chi2)


def learn_prior(table: ReferenceTable, twins: FloatArray) -> ChannelPrior:
    """Learn a prior from machines like the one at hand.

    The channel is fitted to each twin without shot noise; the prior is the mean and spread of those fits, and what they
    leave unexplained is the model variance.

    Args:
        table: exact values.
        twins: outcome probabilities at the references, shape [twins, references, settings, 2^num_qubits].
    """
    vague = vague_prior(table)
    numbers, squares = [], []
    for probabilities in twins:
        counts = probabilities * _PLENTY
        fit = combine(table, counts, vague)
        numbers.append(fit.numbers.ravel())
        squares.append((_predict(table, fit.numbers)[0] - _Whitener(table, counts, vague.model_variance).observed) ** 2)
    spread = np.cov(np.array(numbers).T) + FLOOR**2 * np.eye(vague.mean.size)
    return ChannelPrior(
        mean=np.mean(numbers, axis=0).reshape(vague.mean.shape),
        covariance=spread,
        model_variance=np.mean(squares, axis=0),
    )


def channel_response(numbers: FloatArray, bases: Letters) -> Response:
    """Return the response of given channel numbers (f_xy, f_z, b_z per qubit) for each setting."""
    along_z = bases == 3
    shrink = np.maximum(np.where(along_z, numbers[:, 1], numbers[:, 0]), LEAST_SIGNAL)
    shift = np.where(along_z, numbers[:, 2], 0.0)
    zero_given_zero, zero_given_one = (1 + shrink + shift) / 2, (1 - shrink + shift) / 2
    rows = [np.stack([zero_given_zero, zero_given_one], -1), np.stack([1 - zero_given_zero, 1 - zero_given_one], -1)]
    return Response(np.stack(rows, -2))


def fit_slopes(channel: LearnedChannel, bases: Letters, counts: FloatArray, scores: FloatArray) -> FloatArray:
    """Return how corrected values move with the channel's numbers, shape [3 num_qubits, points].

    With value = f R^-1 p the slope is -(f R^-1) (dR R_q^-1 p), where dR and R_q act on one qubit.

    Args:
        channel: fitted channel.
        bases: settings.
        counts: histograms, shape [points, settings, 2^num_qubits].
        scores: `Expectation.scores` of the same histograms.
    """
    width = bases.shape[1]
    frequency = counts / np.maximum(counts.sum(-1, keepdims=True), 1)
    inverse = np.linalg.inv(channel.response(bases).matrices)
    slopes = np.zeros((width, 3, len(counts)))
    along = (bases == 3).astype(float)
    for q in range(width):
        left, right = (a.reshape(*a.shape[:2], -1, 2, 2**q) for a in (scores, frequency))
        pair = np.einsum("psxiy,psxjy,skj->psik", left, right, inverse[:, q], optimize=True)
        shrink = (pair[..., 0, 0] - pair[..., 0, 1] - pair[..., 1, 0] + pair[..., 1, 1]) / 2
        shift = (pair[..., 0, 0] + pair[..., 0, 1] - pair[..., 1, 0] - pair[..., 1, 1]) / 2
        slopes[q] = -np.array([shrink @ (1 - along[:, q]), shrink @ along[:, q], shift @ along[:, q]])
    return slopes.reshape(3 * width, -1)


class _Whitener:
    """Measured means of every Pauli, and the linear map that makes their errors independent with unit variance."""

    def __init__(self, table: ReferenceTable, counts: FloatArray, model_variance: FloatArray) -> None:
        signs = outcome_signs(table.letters)
        self.observed = np.zeros(table.exact.shape)
        self._blocks: list[tuple[NDArray[np.intp], FloatArray]] = []
        members = [np.flatnonzero(table.setting == s) for s in range(counts.shape[1])]
        for size in sorted({len(paulis) for paulis in members} - {0}):
            settings = [s for s, paulis in enumerate(members) if len(paulis) == size]
            paulis = np.array([members[s] for s in settings])
            shots = counts[:, settings].sum(-1)
            taken = np.maximum(shots, 1)[..., None]
            frequency = counts[:, settings] / taken
            mean = np.einsum("rsk,spk->rsp", frequency, signs[paulis])
            second = np.einsum("rsk,spk,sqk->rspq", frequency, signs[paulis], signs[paulis])
            covariance = (second - mean[..., None] * mean[..., None, :]) / taken[..., None]
            # A mean of +-1 seen in few shots is not certain; a setting without shots says nothing.
            extra = model_variance[:, paulis] + 2 / taken**2 + np.where(shots == 0, 1e6, 0.0)[..., None]
            covariance[..., np.arange(size), np.arange(size)] += extra
            self.observed[:, paulis] = mean
            rows = np.arange(len(counts))[:, None, None] * table.exact.shape[1] + paulis
            self._blocks.append((rows, np.linalg.inv(np.linalg.cholesky(covariance))))

    def __call__(self, vectors: FloatArray) -> FloatArray:
        """Return whitened vectors, one a column, shape [references * paulis, columns]."""
        result = np.empty_like(vectors)
        for rows, inverse in self._blocks:
            result[rows] = inverse @ vectors[rows]
        return result


def _predict(table: ReferenceTable, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return each Pauli's mean under the channel and its slopes, shape [references * paulis, 3 num_qubits]."""
    width = len(numbers)
    rows = table.exact.size
    row = table.reference * table.exact.shape[1] + table.pauli
    factors = np.column_stack([np.ones(width), numbers])[np.arange(width), table.role]
    before = np.cumprod(np.column_stack([np.ones(len(row)), factors[:, :-1]]), axis=1)
    after = np.cumprod(np.column_stack([np.ones(len(row)), factors[:, :0:-1]]), axis=1)[:, ::-1]
    others = before * after * table.value[:, None]
    mean = np.bincount(row, weights=others[:, 0] * factors[:, 0], minlength=rows).astype(np.float64)
    term, q = np.nonzero(table.role)
    column = 3 * q + table.role[term, q] - 1
    place = row[term] * 3 * width + column
    slopes = np.bincount(place, weights=others[term, q], minlength=rows * 3 * width).astype(np.float64)
    return mean.reshape(table.exact.shape), slopes.reshape(rows, 3 * width)


def reference_values(values: FloatArray) -> FloatArray:
    """Return Clifford references: each parameter in turn at a quarter turn, the largest ones first.

    Args:
        values: parameter values that will be measured, shape [points, num_parameters].
    """
    order = np.argsort(-np.abs(values).mean(0), kind="stable")
    references = np.zeros((len(order), values.shape[1]))
    references[np.arange(len(order)), order] = np.pi / 2 * np.where(values.mean(0)[order] < 0, -1.0, 1.0)
    return references
