"""Data encodings without weights: circuits that take a case as angles, and features as the amplitudes of a state.

Encodings with weights between them, re-uploading among them, are in `qloop.hybrid.ansatze`.
"""

from itertools import combinations

import torch
from torch import Tensor

from qloop.circuits.program import Angle, Operation, Program
from qloop.core.errors import InvalidValueError


def angle_encoding(num_qubits: int) -> Program:
    """Return RY of input k on qubit k: a product state, which a computer without qubits handles as easily.

    Args:
        num_qubits: one input each, at least 1.
    """
    _check_qubits(num_qubits)
    operations = [Operation("ry", (k,), (Angle(terms={k: 1.0}),)) for k in range(num_qubits)]
    return Program.from_operations(num_qubits, operations, [f"x[{k}]" for k in range(num_qubits)])


def iqp_encoding(num_qubits: int, repeats: int = 2) -> Program:
    """Return repeats of Hadamards, RZ of each feature, and RZZ of each product of two features.

    The inputs are the features and then their products, in the order of scikit-learn's
    ``PolynomialFeatures(2, interaction_only=True, include_bias=False)``.

    Args:
        num_qubits: features, at least 1.
        repeats: at least 1; one of them makes states of which sampling is thought to be hard.

    Raises:
        InvalidValueError: no qubit or no repeat.

    Source: Havlicek et al., arXiv:1804.11326, with angles halved as in Bowles et al., arXiv:2403.07059.
    """
    _check_qubits(num_qubits)
    if repeats < 1:
        raise InvalidValueError(f"`repeats` must be at least 1, got {repeats}.")
    pairs = list(combinations(range(num_qubits), 2))
    single = [Operation("rz", (k,), (Angle(terms={k: 1.0}),)) for k in range(num_qubits)]
    double = [Operation("rzz", pair, (Angle(terms={num_qubits + k: 1.0}),)) for k, pair in enumerate(pairs)]
    block = [*(Operation("h", (k,)) for k in range(num_qubits)), *single, *double]
    return Program.from_operations(num_qubits, block * repeats, [f"x[{k}]" for k in range(num_qubits + len(pairs))])


def amplitude_encoding(features: Tensor, num_qubits: int) -> Tensor:
    """Return states whose amplitudes are the features: what `QuantumLayer` takes as `initial`.

    Preparing such a state on a device takes of the order of 2^num_qubits gates; a simulation starts from it.

    Args:
        features: shape [..., columns], at most 2^num_qubits columns; the rest is filled with zeros.
        num_qubits: at least 1.

    Returns:
        Real states of norm 1, shape [..., 2^num_qubits], differentiable in the features.

    Raises:
        InvalidValueError: too many columns, or a case of zeros only, which has no direction.
    """
    _check_qubits(num_qubits)
    columns = features.shape[-1]
    if columns > 2**num_qubits:
        raise InvalidValueError(f"{num_qubits} qubits have {2**num_qubits} amplitudes, got {columns} columns.")
    norm = torch.linalg.vector_norm(features, dim=-1, keepdim=True)
    if not bool((norm > 0).all()):
        raise InvalidValueError("features become amplitudes by their norm, got a case whose norm is 0 or NaN.")
    return torch.nn.functional.pad(features / norm, (0, 2**num_qubits - columns))


def _check_qubits(num_qubits: int) -> None:
    if num_qubits < 1:
        raise InvalidValueError(f"`num_qubits` must be at least 1, got {num_qubits}.")
