"""The circuit of a curve: encoding, ansatz and compilation for a device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qloop.apps.chemistry.ansatz import Grown, build_ansatz, count_rotations, grow, prune
from qloop.apps.chemistry.mapping import QubitCurve
from qloop.apps.chemistry.plan import Plan, one_shot_spreads, plan_measurement, split
from qloop.circuits.program import Program
from qloop.core.rng import make_rng
from qloop.devices.device import Device
from qloop.devices.simulator import IdealSimulator, NoisySimulator
from qloop.mitigation.channel import ChannelPrior, ReferenceTable, learn_prior, reference_table, reference_values
from qloop.mitigation.expectation import Functional
from qloop.synthesis.compile import Compiled, compile_default, compile_search
from qloop.synthesis.encoding import search_encoding

FloatArray = NDArray[np.float64]
Bits = NDArray[np.uint8]
ROUNDS = 5
TRIALS = 11
"""Encodings tried a round."""
FINALISTS = 3
"""Encodings compiled for the device a round."""
REFERENCES = 8
"""Clifford references, besides Hartree-Fock."""
POWER = 1.5
"""How much gates weigh while a searched ansatz grows."""
SPARE = 0.15
"""Share of two-qubit gates that a circuit may have above the fewest, when its expected error is smaller."""
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
class Split:
    """Energies with every coefficient split over the settings that see its string.

    Args:
        functional: every geometry's energy in hartree.
        spreads: standard deviation of one shot, shape [geometries, settings].
    """

    functional: Functional
    spreads: FloatArray


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
        device: published calibration.
        encodings: encodings tried.
    """

    curve: QubitCurve
    anchors: tuple[int, ...]
    grown: Grown
    plan: Plan
    compiled: Compiled
    references: FloatArray
    table: ReferenceTable
    device: Device
    encodings: int

    @property
    def program(self) -> Program:
        """The compiled program."""
        return self.compiled.program

    @cached_property
    def split(self) -> Split:
        """How to measure with the fewest shots, as the published calibration and the nearest anchor foresee."""
        machine = NoisySimulator(self.device, (self.device,))
        requests = [self.plan.request(self.program, optimum.values) for optimum in self.grown.optima]
        foreseen = np.array([machine.probabilities(request) for request in requests])
        distance = np.abs(np.arange(len(self.curve.hamiltonians))[:, None] - np.array(self.anchors))
        expected = foreseen[distance.argmin(1)]
        functional = split(self.curve, self.plan, expected)
        return Split(functional=functional, spreads=one_shot_spreads(functional.weights, expected))

    @cached_property
    def prior(self) -> ChannelPrior:
        """What the published calibration says of the channel, learned on twins when first asked for."""
        probabilities = twin_probabilities(self.program, self.references, self.plan, self.device)
        return learn_prior(self.table, probabilities)


@dataclass(frozen=True, eq=False, kw_only=True)
class Circuit:
    """An encoding with its ansatz.

    Args:
        matrix: change from the plain encoding, shape [num_qubits, num_qubits] over GF(2).
        grown: ansatz in the new encoding.
        gates: two-qubit gates on the device, fewest of a few compilations.
        predicted_ha: root mean square error to expect at the anchors.
        tried: encodings tried.
    """

    matrix: Bits
    grown: Grown
    gates: int
    predicted_ha: float
    tried: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Brief:
    """What a circuit is designed for.

    Args:
        curve: Hamiltonians in the plain encoding.
        anchors: geometries the ansatz is grown on.
        exact_ha: exact energy at each anchor.
        tolerance_ha: how far above it the ansatz may stay.
        device: published calibration.
        shots: shots a geometry.
    """

    curve: QubitCurve
    anchors: tuple[int, ...]
    exact_ha: FloatArray
    tolerance_ha: float
    device: Device
    shots: int

    def judge(self, matrix: Bits, grown: Grown, tried: int) -> Circuit:
        """Return a circuit with its gates and the error to expect.

        The expected square is the ansatz's own plus the shot noise of the best allocation, amplified by the noise that
        corrections must undo and halved by smoothing along the curve.
        """
        compiled = min(
            (compile_default(grown.program, self.device, 3, seed) for seed in COUNT_SEEDS),
            key=lambda found: found.program.count_two_qubit(),
        )
        curve, active = drop_idle_qubits(self.curve.encoded(matrix), grown)
        plan = plan_measurement(curve)
        squares = []
        for anchor, optimum, exact in zip(self.anchors, active.optima, self.exact_ha, strict=True):
            probabilities = IdealSimulator().probabilities(plan.request(active.program, optimum.values))
            shot_noise = one_shot_spreads(plan.functional.weights[anchor], probabilities).sum() ** 2 / self.shots
            squares.append((optimum.energy_ha - exact) ** 2 + 0.5 * shot_noise * np.exp(-2 * compiled.log_success))
        return Circuit(
            matrix=matrix,
            grown=grown,
            gates=compiled.program.count_two_qubit(),
            predicted_ha=float(np.sqrt(np.mean(squares))),
            tried=tried,
        )


def plain_circuit(brief: Brief) -> Circuit:
    """Grow the ansatz in the encoding at hand, by either price of gates, and keep the one with the smaller error."""
    target = brief.exact_ha + brief.tolerance_ha
    grown = [grow(brief.curve, brief.anchors, target_ha=target, power=power) for power in (1.0, 2.0)]
    identity = np.eye(brief.curve.num_qubits, dtype=np.uint8)
    return min((brief.judge(identity, one, 1) for one in grown), key=lambda circuit: circuit.predicted_ha)


def search_circuit(brief: Brief, rng: np.random.Generator) -> Circuit:
    """Search an encoding whose ansatz reaches the tolerance with fewer two-qubit gates on the device.

    Each round anneals encodings for the excitations that the shortest circuit so far uses, grows the ansatz again in
    each, prunes the shortest and compiles them. Of all circuits within `SPARE` of the fewest gates, the one with the
    smallest expected error is taken: encodings differ in their shot noise too. The plain circuit is a candidate. The
    second round starts from excitations that are short in the parity encoding, which the first would not meet.

    Args:
        brief: what is wanted.
        rng: source of moves.
    """
    judged = [plain_circuit(brief)]
    # Both ends of the curve are the hardest geometries: they screen, the finalists are grown on all anchors.
    ends = [brief.anchors[0], brief.anchors[-1]]
    target = brief.exact_ha + brief.tolerance_ha
    for turn in range(ROUNDS):
        best = min(judged, key=lambda circuit: (circuit.gates, circuit.predicted_ha))
        base, start = best.matrix, best.grown
        if turn == 1:
            base = np.tril(np.ones_like(base))
            start = grow(brief.curve.encoded(base), brief.anchors, target_ha=target)
        patterns = ((start.operators == 1) | (start.operators == 2)).astype(np.uint8)
        use = np.abs([optimum.values for optimum in start.optima]).mean(0)
        screened: list[tuple[int, int, Bits]] = []
        for trial in range(TRIALS):
            # Every other trial weighs excitations by how much they are used.
            weights = np.ones(len(patterns)) if trial % 2 == 0 else use / use.mean()
            matrix = search_encoding(patterns, weights, rng) @ base % 2
            limit = sorted(screened)[FINALISTS - 1][0] if len(screened) >= FINALISTS else None
            grown = grow(brief.curve.encoded(matrix), ends, power=POWER, target_ha=target[[0, -1]], limit=limit)
            if grown.reached:
                screened.append((count_rotations(grown.program), trial, matrix))
        for _, _, matrix in sorted(screened)[:FINALISTS]:
            encoded = brief.curve.encoded(matrix)
            grown = grow(encoded, brief.anchors, power=POWER, target_ha=target)
            if grown.reached:
                judged.append(brief.judge(matrix, prune(encoded, grown, brief.anchors, target), 0))
    fewest = min(circuit.gates for circuit in judged)
    short = [circuit for circuit in judged if circuit.gates <= fewest + SPARE * fewest]
    return replace(min(short, key=lambda circuit: circuit.predicted_ha), tried=ROUNDS * TRIALS)


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
        device=device,
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
    requests = [plan.request(program, values) for values in references]
    machines = [NoisySimulator(device, (machine,)) for machine in twin_machines(device, PRIOR_TWINS, "prior")]
    return np.array([[machine.probabilities(request) for request in requests] for machine in machines])


def choose_references(curve: QubitCurve, grown: Grown) -> FloatArray:
    """Return Hartree-Fock and the Clifford references whose second determinant keeps the number of electrons.

    Outside that sector post-selection would be judged on states that it is meant to remove.
    """
    flips = ((grown.operators == 1) | (grown.operators == 2)).astype(np.uint8)
    inside = [(curve.reference ^ row == curve.valid).all(1).any() for row in flips]
    values = np.array([optimum.values for optimum in grown.optima])
    usable = [row for row in reference_values(values) if inside[int(np.flatnonzero(row)[0])]]
    return np.vstack([np.zeros(values.shape[1]), *usable[:REFERENCES]])
