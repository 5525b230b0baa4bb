"""A small Clifford-able ansatz, what is measured of it, and histograms under a known product channel."""

from itertools import product

import numpy as np

from qloop.circuits import Angle, Operation, Program
from qloop.devices import IdealSimulator, Request
from qloop.mitigation.channel import ChannelPrior, channel_response, reference_table, reference_values

BASES = np.array([*product((1, 2, 3), repeat=2)], np.uint8)
BASES = np.column_stack([BASES, BASES[:, 0]]).astype(np.uint8)
NUMBERS = np.array([[0.93, 0.91, 0.02], [0.88, 0.97, -0.03], [0.95, 0.85, 0.05]])


def ansatz():
    """Return three rotations on three qubits from the state 101."""
    rotations = [((0, 1), (2, 1)), ((1, 2), (1, 2)), ((0, 1, 2), (1, 1, 2))]
    operations = [Operation("x", (0,)), Operation("x", (2,))]
    operations += [
        Operation("pauli_rotation", qubits, (Angle(0.0, {k: 1.0}),), letters)
        for k, (qubits, letters) in enumerate(rotations)
    ]
    return Program.from_operations(3, operations, ["a", "b", "c"])


def measured():
    """Return every Pauli that a setting sees, and a setting that does."""
    seen = {}
    for setting, basis in enumerate(BASES):
        for kept in product((0, 1), repeat=3):
            if any(kept):
                seen.setdefault(tuple((basis * kept).tolist()), setting)
    return np.array(list(seen), np.uint8), np.array(list(seen.values()))


def references():
    return np.vstack([np.zeros(3), reference_values(np.array([[0.3, -0.2, 0.1]]))])


def table():
    letters, setting = measured()
    return reference_table(ansatz(), references(), letters, setting)


def noisy_probabilities(values, numbers=NUMBERS, bases=BASES):
    """Return outcome probabilities under the product channel, shape [settings, 8]."""
    request = Request(program=ansatz(), values=values, bases=bases, shots=np.zeros(len(bases), np.int64))
    matrices = channel_response(numbers, bases).matrices
    ideal = IdealSimulator().probabilities(request).reshape(-1, 2, 2, 2)
    return np.einsum("sCc,sBb,sAa,scba->sCBA", matrices[:, 2], matrices[:, 1], matrices[:, 0], ideal).reshape(-1, 8)


def noisy_counts(rng, shots, numbers=NUMBERS):
    probabilities = np.array([noisy_probabilities(values, numbers) for values in references()])
    return rng.multinomial(shots, probabilities).astype(float)


def weak_prior(table, deviation=10.0, model_variance=1e-14):
    return ChannelPrior(
        mean=np.tile([0.8, 0.8, 0.0], (3, 1)),
        covariance=deviation**2 * np.eye(9),
        model_variance=np.full(table.exact.shape, model_variance),
    )
