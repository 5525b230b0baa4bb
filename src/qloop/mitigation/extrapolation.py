"""Zero-noise extrapolation by folding two-qubit gates on the compiled program."""

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.program import Program
from qloop.core.errors import InvalidValueError

SELF_INVERSE = frozenset({"cx", "cz", "ecr", "cy", "swap"})
REFERENCE = "Zero-noise extrapolation: Temme et al., arXiv:1612.02058; folding: Giurgica-Tiron et al., arXiv:2005.10921"


def fold(program: Program, factor: int) -> Program:
    """Return the program with every two-qubit gate repeated `factor` times: the same unitary, that much noisier.

    Raises:
        InvalidValueError: an even factor, or a two-qubit gate that is not its own inverse.
    """
    if factor < 1 or factor % 2 == 0:
        raise InvalidValueError(f"`factor` must be odd and positive, got {factor}.")
    operations = []
    for operation in program.operations():
        two = len(operation.qubits) == 2
        if two and operation.name not in SELF_INVERSE:
            raise InvalidValueError(f"folding needs gates that undo themselves, `{operation.name}` does not.")
        operations += [operation] * (factor if two else 1)
    return Program.from_operations(program.num_qubits, operations, program.parameters, program.outputs, program.inputs)


def linear_weights(factors: list[int]) -> NDArray[np.float64]:
    """Return the weights of a least-squares line's value at zero noise.

    The extrapolated value is ``weights @ values`` and its variance ``weights**2 @ variances``.
    """
    design = np.stack([np.ones(len(factors)), np.array(factors, float)], 1)
    return np.asarray(np.linalg.pinv(design)[0])
