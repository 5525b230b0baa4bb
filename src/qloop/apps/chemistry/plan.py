"""What is measured: settings shared by all geometries, and each energy as a functional of the outcomes."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.mapping import QubitCurve
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Program
from qloop.circuits.splitting import outcome_signs, split_coefficients, visible_strings
from qloop.devices.shots import Request
from qloop.mitigation.expectation import Functional

FloatArray = NDArray[np.float64]
Letters = NDArray[np.uint8]


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """Settings and functionals of a curve.

    Args:
        bases: letter per setting and qubit, shape [settings, num_qubits].
        functional: every geometry's energy in hartree, each Pauli string by one setting.
        l2: root sum of squared coefficients, shape [geometries, settings].
        letters: measured Pauli strings, shape [paulis, num_qubits].
        setting: the setting that measures each, shape [paulis].
        number_setting: the all-Z setting, which sees the number of electrons.
    """

    bases: Letters
    functional: Functional
    l2: FloatArray
    letters: Letters
    setting: NDArray[np.intp]
    number_setting: int

    def request(self, program: Program, values: FloatArray) -> Request:
        """Return a request for the probabilities of all settings, without shots."""
        return Request(program=program, values=values, bases=self.bases, shots=np.zeros(len(self.bases), np.int64))


def plan_measurement(curve: QubitCurve) -> Plan:
    """Group the curve's Pauli strings by qubit-wise commutation, the largest mean coefficients first."""
    table = np.array([hamiltonian.coefficients for hamiltonian in curve.hamiltonians])
    letters = curve.hamiltonians[0].letters
    measured = letters.any(1)
    groups = PauliSum(curve.num_qubits, letters, np.abs(table).mean(0)).group()
    bases = np.array([group.basis for group in groups], np.uint8)
    if not (bases == 3).all(1).any():
        bases = np.vstack([bases, np.full_like(bases[:1], 3)])
    signs = outcome_signs(letters)
    weights = np.zeros((len(table), len(bases), 1 << curve.num_qubits))
    l2 = np.zeros((len(table), len(bases)))
    setting = np.zeros(len(letters), np.intp)
    for k, group in enumerate(groups):
        weights[:, k] = table[:, group.terms] @ signs[group.terms]
        l2[:, k] = np.sqrt((table[:, group.terms] ** 2).sum(1))
        setting[group.terms] = k
    number_setting = int((bases == 3).all(1).argmax())
    selected = np.ones((len(bases), 1 << curve.num_qubits))
    selected[number_setting] = 0.0
    selected[number_setting, curve.valid @ (1 << np.arange(curve.num_qubits))] = 1.0
    return Plan(
        bases=bases,
        functional=Functional(constant=table[:, ~measured].sum(1), weights=weights, selected=selected),
        l2=l2,
        letters=letters[measured],
        setting=setting[measured],
        number_setting=number_setting,
    )


def one_shot_spreads(weights: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Return the standard deviation of one shot in each setting, shape [..., settings].

    Args:
        weights: value of each outcome, shape [..., settings, 2^num_qubits].
        probabilities: of each outcome, the same shape.
    """
    variances = (probabilities * weights**2).sum(-1) - (probabilities * weights).sum(-1) ** 2
    spreads: FloatArray = np.sqrt(np.maximum(variances, 0))
    return spreads


def split(curve: QubitCurve, plan: Plan, probabilities: FloatArray) -> Functional:
    """Return the energies with every coefficient split over the settings that see its string.

    Strings of Z alone stay in the all-Z setting: there the Hartree-Fock reference cancels their error, and
    post-selection acts.

    Args:
        curve: Hamiltonians.
        plan: its settings.
        probabilities: outcomes expected at each geometry, shape [geometries, settings, 2^num_qubits].
    """
    measured = curve.hamiltonians[0].letters.any(1)
    visible = visible_strings(plan.letters, plan.bases)
    diagonal = ((plan.letters == 0) | (plan.letters == 3)).all(1)
    visible[:, diagonal] = np.arange(len(plan.bases))[:, None] == plan.number_setting
    weights = [
        split_coefficients(plan.letters, visible, hamiltonian.coefficients[measured], expected)
        for hamiltonian, expected in zip(curve.hamiltonians, probabilities, strict=True)
    ]
    return replace(plan.functional, weights=np.array(weights))


def spread_shots(weights: FloatArray, total: int, least: int = 4) -> NDArray[np.int64]:
    """Return whole shots in proportion to weights, at least `least` each where the weight is not zero."""
    shots = np.floor(weights / weights.sum() * total).astype(np.int64)
    return np.where(weights > 0, np.maximum(shots, least), 0)
