"""Noise of one parameter for circuits whose moments are separated by ``TICK``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import stim

from qloop.core.errors import InvalidValueError


class CircuitNoise(Protocol):
    """What makes a noiseless circuit noisy."""

    def apply(self, circuit: stim.Circuit) -> stim.Circuit:
        """Return the noisy circuit, its repetitions unrolled.

        Raises:
            InvalidValueError: the circuit has noise already, or measures products of Paulis.
        """
        ...


@dataclass(frozen=True)
class UniformNoise:
    """The same probability at every place where Stim's own generators can put noise.

    Gates depolarise; measurements and resets flip; data qubits, those that are reset at most at the start, depolarise
    where a round begins: at the ``TICK`` after a reset.

    Args:
        p: probability of each, in [0, 3/4].

    Source: the four parameters of `stim.Circuit.generated`, all set to `p`; equality is tested.
    """

    p: float

    def __post_init__(self) -> None:
        _check(self.p, 0.75)

    def apply(self, circuit: stim.Circuit) -> stim.Circuit:
        """Return the noisy circuit, its repetitions unrolled."""
        moments = list(_moments(circuit))
        data = set().union(*map(_used, moments)) - set().union(*(_collapsed(later, "reset") for later in moments[1:]))
        made = stim.Circuit()
        for index, moment in enumerate(moments):
            if index:
                made.append("TICK", [])
                if _collapsed(moments[index - 1], "reset"):
                    _idle(made, data, self.p)
            for instruction in moment:
                _append(made, instruction, one_qubit=self.p, two_qubit=self.p, measure=self.p, reset=self.p)
        return made


@dataclass(frozen=True)
class SI1000:
    """Noise inspired by superconducting qubits with a round of 1,000 ns.

    Two-qubit gates depolarise with p, one-qubit gates and idle qubits with p/10, qubits that wait while others are
    measured or reset with 2p besides; resets flip with 2p and measurements with 5p. A moment of ``MR`` counts once.

    Args:
        p: probability of an error in a two-qubit gate, in [0, 1/5].

    Source: arXiv:2108.10457, table of error models.
    """

    p: float

    def __post_init__(self) -> None:
        _check(self.p, 0.2)

    def apply(self, circuit: stim.Circuit) -> stim.Circuit:
        """Return the noisy circuit, its repetitions unrolled."""
        moments, p = list(_moments(circuit)), self.p
        qubits = set().union(*map(_used, moments))
        made = stim.Circuit()
        for index, moment in enumerate(moments):
            if index:
                made.append("TICK", [])
            for instruction in moment:
                _append(made, instruction, one_qubit=p / 10, two_qubit=p, measure=5 * p, reset=2 * p)
            _idle(made, qubits - _used(moment), p / 10)
            if collapsed := _collapsed(moment, "measure") | _collapsed(moment, "reset"):
                _idle(made, qubits - collapsed, 2 * p)
        return made


def _check(p: float, limit: float) -> None:
    if not 0 <= p <= limit:
        raise InvalidValueError(f"`p` must be in [0, {limit}], got {p}.")


def _moments(circuit: stim.Circuit) -> Iterator[list[stim.CircuitInstruction]]:
    if circuit.without_noise() != circuit:
        raise InvalidValueError("the circuit must be without noise, it has some already.")
    moment: list[stim.CircuitInstruction] = []
    for instruction in circuit.flattened():
        if instruction.name == "TICK":
            yield moment
            moment = []
        else:
            moment.append(instruction)
    yield moment


def _used(instructions: list[stim.CircuitInstruction]) -> set[int]:
    """Qubits on which something is done."""
    return {
        target.value
        for instruction in instructions
        if instruction.name != "QUBIT_COORDS"
        for target in instruction.targets_copy()
        if target.is_qubit_target
    }


def _collapsed(instructions: list[stim.CircuitInstruction], how: str) -> set[int]:
    """Qubits that are measured or reset."""
    kind = {"measure": "produces_measurements", "reset": "is_reset"}[how]
    return _used([one for one in instructions if getattr(stim.gate_data(one.name), kind)])


def _idle(made: stim.Circuit, qubits: set[int], probability: float) -> None:
    # Stim keeps an instruction without targets, which does nothing.
    if qubits:
        made.append("DEPOLARIZE1", sorted(qubits), probability)


def _append(
    made: stim.Circuit,
    instruction: stim.CircuitInstruction,
    *,
    one_qubit: float,
    two_qubit: float,
    measure: float,
    reset: float,
) -> None:
    """Append an instruction between the flips before a measurement and the errors after a gate or reset."""
    gate, targets = stim.gate_data(instruction.name), instruction.targets_copy()
    flip = "Z_ERROR" if gate.name.endswith("X") else "X_ERROR"
    if gate.produces_measurements:
        if not gate.is_single_qubit_gate:
            raise InvalidValueError(f"measurements must be of single qubits, got `{instruction}`.")
        made.append(flip, targets, measure)
    made.append(instruction)
    if gate.is_reset:
        made.append(flip, targets, reset)
    # Gates that a classical bit controls are made in software.
    elif gate.is_unitary and all(target.is_qubit_target for target in targets):
        two = gate.is_two_qubit_gate
        made.append("DEPOLARIZE2" if two else "DEPOLARIZE1", targets, two_qubit if two else one_qubit)
