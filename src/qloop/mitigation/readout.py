"""Tensored readout calibration: every qubit's confusion from two circuits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.program import Operation, Program
from qloop.devices.shots import Request
from qloop.mitigation.response import LEAST_SIGNAL, Response

REFERENCE = "Tensored readout calibration: Bravyi et al., arXiv:2006.14044"


def construct(program: Program, flip: str, shots: int) -> list[Request]:
    """Return the two calibration requests: all outputs left in 0, and all flipped to 1.

    Args:
        program: compiled program whose outputs are calibrated.
        flip: native gate that turns 0 into 1, ``"x"`` on most devices.
        shots: in all, half for each.
    """
    z = np.full((1, len(program.outputs)), 3, np.uint8)
    flips = [Operation(flip, (q,)) for q in program.outputs.tolist()]
    return [
        Request(
            program=Program.from_operations(program.num_qubits, gates, outputs=program.outputs),
            values=np.zeros(0),
            bases=z,
            shots=np.array([shots // 2]),
            label="readout calibration",
        )
        for gates in ([], flips)
    ]


def combine(results: Sequence[NDArray[np.float64]], settings: int) -> Response:
    """Return the same response for every setting.

    Args:
        results: histograms of the two calibrations, any shape that flattens to [2^num_qubits].
        settings: number of settings.
    """
    zero, one = (_mean_bits(histogram.reshape(-1)) for histogram in results)
    # What is missing to the least signal is added to both readings alike.
    missing = np.maximum(LEAST_SIGNAL - (one - zero), 0) / 2
    zero, one = zero - missing, one + missing
    matrices = np.stack([np.stack([1 - zero, 1 - one], -1), np.stack([zero, one], -1)], -2)
    return Response(np.broadcast_to(matrices, (settings, *matrices.shape)))


def _mean_bits(histogram: NDArray[np.float64]) -> NDArray[np.float64]:
    num_qubits = len(histogram).bit_length() - 1
    bits = (np.arange(len(histogram))[:, None] >> np.arange(num_qubits)) & 1
    # Half a count keeps the matrix of a perfect qubit invertible and its error finite.
    return np.asarray((histogram @ bits + 0.5) / (histogram.sum() + 1))
