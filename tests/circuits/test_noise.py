"""Noise as values."""

import numpy as np
import pytest

from qloop.circuits import Damping, Noise, Operation, PauliChannel, Program, uniform_noise
from qloop.circuits.noise import depolarizing, readout_from_confusion
from qloop.core.errors import InvalidValueError


def test_uniform_noise_by_hand():
    program = Program.from_operations(3, [Operation("h", (0,)), Operation("cx", (0, 1)), Operation("ccx", (2, 0, 1))])
    noise = uniform_noise(program, one_qubit=0.3, two_qubit=0.15, damping=0.1, readout=0.02)
    one, two, three = noise.after
    np.testing.assert_allclose(one[0].probabilities, [0.7, 0.1, 0.1, 0.1])
    np.testing.assert_allclose(two[0].probabilities, [0.85, *[0.01] * 15])
    assert [error.qubits for error in three[:2]] == [(2, 0), (0, 1)]
    assert three[2:] == (Damping(2, 0.1), Damping(0, 0.1), Damping(1, 0.1))
    np.testing.assert_allclose(noise.readout[:, 0], [[0, 0.96, 0, 0]] * 3)


def test_readout_and_confusion_are_inverse():
    confusion = np.array([[[0.97, 0.08], [0.03, 0.92]], [[0.9, 0.2], [0.1, 0.8]]])
    readout = readout_from_confusion(confusion)
    # Z is read as (0.97 + 0.92 - 1) Z + (0.97 - 0.92).
    np.testing.assert_allclose(readout[0, 2], [0.05, 0, 0, 0.89])
    np.testing.assert_allclose(Noise(after=(), readout=readout).confusion(), confusion, atol=1e-15)


def test_values_out_of_range():
    with pytest.raises(InvalidValueError, match=r"in \[0, 1\), got 1.0"):
        Damping(0, 1.0)
    with pytest.raises(InvalidValueError, match="on 1 qubits needs 4 probabilities of sum 1"):
        PauliChannel((0,), [0.5, 0.4, 0, 0])
    with pytest.raises(InvalidValueError, match="needs 4 probabilities"):
        depolarizing((0,), 1.1)
    with pytest.raises(InvalidValueError, match="`two_qubit` must be a probability, got -0.1"):
        uniform_noise(Program.from_operations(1, []), two_qubit=-0.1)
    with pytest.raises(InvalidValueError, match="read Z as I and Z"):
        Noise(after=(), readout=np.ones((2, 3, 4)))
