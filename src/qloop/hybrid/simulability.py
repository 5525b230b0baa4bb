"""Whether a computer without qubits computes the same outputs as easily."""

from collections.abc import Iterable

import numpy as np

from qloop.circuits.program import Program
from qloop.hybrid.layer import QuantumLayer

SIMULABLE_QUBITS = 30
"""A state of this many qubits takes 16 GiB in double precision."""


def light_cone(program: Program, qubits: Iterable[int]) -> frozenset[int]:
    """Return the qubits that can influence what is measured on some qubits when a program ends."""
    cone = set(qubits)
    for operation in reversed(list(program.operations())):
        if not cone.isdisjoint(operation.qubits):
            cone.update(operation.qubits)
    return frozenset(cone)


def describe_simulability(layer: QuantumLayer) -> str:
    """Return one sentence: which claims of speed the size of a circuit rules out."""
    program, observables = layer.program, layer.readout.observables
    if program.num_qubits <= SIMULABLE_QUBITS:
        return f"With {program.num_qubits} qubits the circuit is classically simulable: it can claim no speed."
    everything = [np.ones(len(program.outputs), np.bool_)]
    measured = everything if observables is None else [one.letters.any(axis=0) for one in observables]
    widest = max(len(light_cone(program, program.outputs[where].tolist())) for where in measured)
    if widest <= SIMULABLE_QUBITS:
        return (
            f"No output depends on more than {widest} of the {program.num_qubits} qubits, so that the circuit is "
            "classically simulable: it can claim no speed."
        )
    return (
        f"An output depends on up to {widest} qubits: simulating states does not settle whether the circuit is "
        "classically simulable."
    )
