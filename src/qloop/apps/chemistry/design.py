"""The circuit of a curve: encoding, ansatz and compilation for a device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.ansatz import Grown, build_ansatz, count_rotations, grow, prune
from qloop.apps.chemistry.mapping import QubitCurve
from qloop.apps.chemistry.plan import Plan, plan_measurement
from qloop.circuits.program import Program
from qloop.core.rng import make_rng
from qloop.devices.device import Device
from qloop.devices.shots import Request
from qloop.devices.simulator import NoisySimulator
from qloop.mitigation.channel import ChannelPrior, ReferenceTable, learn_prior, reference_table, reference_values
from qloop.synthesis.compile import Compiled, compile_default, compile_search
from qloop.synthesis.encoding import search_encoding

FloatArray = NDArray[np.float64]
Bits = NDArray[np.uint8]
ROUNDS = 3
TRIALS = 6
"""Encodings tried a round."""
FINALISTS = 3
"""Encodings compiled for the device a round."""
REFERENCES = 8
"""Clifford references, besides Hartree-Fock."""
COUNT_SEEDS = range(3)
DRIFT = 0.3
"""Spread of the twins' errors and times about the published calibration."""
COHERENT = (0.0, 0.02, 0.04)
"""ZZ angles in radians of the twins, in turn: a calibration does not publish coherent errors."""
PRIOR_TWINS = 24
Compiler = Literal["default", "seeds", "search"]
_COMPILERS: dict[Compiler, Callable[[Program, Device], Compiled]] = {
    "default": compile_default,
    "seeds": lambda program, device: max(
        (compile_default(program, device, 3, seed) for seed in range(20)), key=lambda found: found.log_success
    ),
    "search": compile_search,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Design:
    """Everything about the circuit that does not depend on the machine's hidden state.

    Args:
        curve: Hamiltonians in the chosen encoding.
        anchors: geometries that the ansatz was grown on.
        grown: ansatz with optima at the anchors.
        plan: what is measured.
        compiled: circuit on the device.
        references: parameter values of the Clifford references, Hartree-Fock first.
        table: exact Pauli values at the references.
        prior: what the published calibration says of the channel.
        encodings: encodings tried.
    """

    curve: QubitCurve
    anchors: tuple[int, ...]
    grown: Grown
    plan: Plan
    compiled: Compiled
    references: FloatArray
    table: ReferenceTable
    prior: ChannelPrior
    encodings: int

    @property
    def program(self) -> Program:
        """The compiled program."""
        return self.compiled.program


@dataclass(frozen=True, eq=False, kw_only=True)
class Circuit:
    """An encoding with its ansatz.

    Args:
        matrix: change from the plain encoding, shape [num_qubits, num_qubits] over GF(2).
        grown: ansatz in the new encoding.
        gates: two-qubit gates on the device, fewest of a few compilations.
        tried: encodings tried.
    """

    matrix: Bits
    grown: Grown
    gates: int
    tried: int


def plain_circuit(curve: QubitCurve, anchors: Sequence[int], target_ha: FloatArray | None, device: Device) -> Circuit:
    """Grow the ansatz in the encoding at hand, by either price of gates, and keep the one with fewer gates."""
    grown = [grow(curve, anchors, target_ha=target_ha, power=power) for power in (1.0, 2.0)]
    counted = [(not one.reached, count_gates(one.program, device), k) for k, one in enumerate(grown)]
    _, gates, k = min(counted)
    return Circuit(matrix=np.eye(curve.num_qubits, dtype=np.uint8), grown=grown[k], gates=gates, tried=1)


def search_circuit(
    curve: QubitCurve, anchors: Sequence[int], target_ha: FloatArray, device: Device, rng: np.random.Generator
) -> Circuit:
    """Search an encoding whose ansatz reaches the target with fewer two-qubit gates on the device.

    Each round anneals encodings for the excitations that the best ansatz so far uses, grows the ansatz again in each,
    prunes the shortest and compiles them. The plain circuit is a candidate.

    Args:
        curve: Hamiltonians in the plain encoding.
        anchors: geometries the ansatz is grown on.
        target_ha: energy to reach at each anchor.
        device: where gates are counted.
        rng: source of moves.
    """
    best = plain_circuit(curve, anchors, target_ha, device)
    # Both ends of the curve are the hardest geometries: they screen, the finalists are grown on all anchors.
    ends, end_targets = [anchors[0], anchors[-1]], target_ha[[0, -1]]
    for _ in range(ROUNDS):
        patterns = ((best.grown.operators == 1) | (best.grown.operators == 2)).astype(np.uint8)
        use = np.abs([optimum.values for optimum in best.grown.optima]).mean(0)
        screened: list[tuple[int, int, Bits, float]] = []
        for trial in range(TRIALS):
            # Every other trial weighs excitations by how much they are used.
            weights = np.ones(len(patterns)) if trial % 2 == 0 else use / use.mean()
            matrix = search_encoding(patterns, weights, rng) @ best.matrix % 2
            encoded = curve.encoded(matrix)
            for power in (1.0, 2.0):
                limit = sorted(screened)[FINALISTS - 1][0] if len(screened) >= FINALISTS else None
                grown = grow(encoded, ends, power=power, target_ha=end_targets, limit=limit)
                if grown.reached:
                    screened.append((count_rotations(grown.program), len(screened), matrix, power))
        for _, _, matrix, power in sorted(screened)[:FINALISTS]:
            encoded = curve.encoded(matrix)
            grown = grow(encoded, anchors, power=power, target_ha=target_ha)
            if not grown.reached:
                continue
            grown = prune(encoded, grown, anchors, target_ha)
            gates = count_gates(grown.program, device)
            if gates < best.gates:
                best = Circuit(matrix=matrix, grown=grown, gates=gates, tried=0)
    return Circuit(matrix=best.matrix, grown=best.grown, gates=best.gates, tried=ROUNDS * TRIALS)


def count_gates(program: Program, device: Device) -> int:
    """Return the fewest two-qubit gates over a few level-3 compilations."""
    return min(compile_default(program, device, 3, seed).program.count_two_qubit() for seed in COUNT_SEEDS)


def finish_design(curve: QubitCurve, circuit: Circuit, anchors: Sequence[int], device: Device, how: Compiler) -> Design:
    """Compile the ansatz and prepare its measurement and references.

    Args:
        curve: Hamiltonians in the plain encoding.
        circuit: encoding and ansatz.
        anchors: geometries the ansatz was grown on.
        device: published calibration.
        how: Qiskit's level 2, the best of 20 level-3 seeds by predicted success, or the search.
    """
    encoded, grown = drop_idle_qubits(curve.encoded(circuit.matrix), circuit.grown)
    plan = plan_measurement(encoded)
    program = grown.program
    compiled = _COMPILERS[how](program, device)
    references = choose_references(encoded, grown)
    table = reference_table(program, references, plan.letters, plan.setting)
    return Design(
        curve=encoded,
        anchors=tuple(anchors),
        grown=grown,
        plan=plan,
        compiled=compiled,
        references=references,
        table=table,
        prior=learn_prior(table, twin_probabilities(compiled.program, references, plan, device)),
        encodings=circuit.tried,
    )


def drop_idle_qubits(curve: QubitCurve, grown: Grown) -> tuple[QubitCurve, Grown]:
    """Return curve and ansatz without the qubits that no operator touches: they stay classical, and free of noise."""
    active = np.flatnonzero(grown.operators.any(0)).tolist()
    smaller = curve.restricted(active)
    operators = grown.operators[:, active]
    return smaller, replace(grown, operators=operators, program=build_ansatz(smaller.reference, operators))


def twin_machines(device: Device, twins: int, *path: str | int) -> list[Device]:
    """Return machines as the published calibration leaves them possible: drifted, some with coherent errors.

    Args:
        device: published calibration.
        twins: number of machines.
        path: names the stream, so that different uses see different machines.
    """
    seeds = [int(make_rng(0, "twin", *path, k).integers(2**31)) for k in range(twins)]
    return [device.perturbed(seed, DRIFT, COHERENT[k % len(COHERENT)]) for k, seed in enumerate(seeds)]


def twin_probabilities(program: Program, references: FloatArray, plan: Plan, device: Device) -> FloatArray:
    """Return outcome probabilities at the references on twins, shape [twins, references, settings, 2^num_qubits]."""
    none = np.zeros(len(plan.bases), np.int64)
    requests = [Request(program=program, values=values, bases=plan.bases, shots=none) for values in references]
    machines = [NoisySimulator(device, (machine,)) for machine in twin_machines(device, PRIOR_TWINS, "prior")]
    return np.array([[machine.probabilities(request) for request in requests] for machine in machines])


def choose_references(curve: QubitCurve, grown: Grown) -> FloatArray:
    """Return Hartree-Fock and the Clifford references whose second determinant keeps the number of electrons.

    Outside that sector post-selection would be judged on states that it is meant to remove.
    """
    flips = ((grown.operators == 1) | (grown.operators == 2)).astype(np.uint8)
    inside = [(curve.reference ^ row == curve.valid).all(1).any() for row in flips]
    values = np.array([optimum.values for optimum in grown.optima])
    references = reference_values(values, values.shape[1])
    usable = [row for row in references if inside[int(np.flatnonzero(row)[0])]]
    return np.vstack([np.zeros(values.shape[1]), *usable[:REFERENCES]])
