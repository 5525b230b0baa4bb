"""Compilation for a device: Qiskit's own, and a search over seeds and placements by predicted success."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import rustworkx as rx

from qloop.circuits.program import Program
from qloop.devices.device import UNUSABLE, Device
from qloop.devices.transpile import transpile
from qloop.synthesis.success import log_success

PLACEMENTS = 30_000
"""Subgraph placements tried per circuit before the search is cut."""
PATTERNS = 6
"""Circuits with different coupling patterns whose placements are searched."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Compiled:
    """A program on a device's qubits and how it was found.

    Args:
        program: native gates; `outputs` are the physical qubits of the logical ones.
        log_success: predicted, by the published calibration.
        tried: circuits and placements compared.
    """

    program: Program
    log_success: float
    tried: int


def compile_default(program: Program, device: Device, level: int = 2, seed: int = 0) -> Compiled:
    """Compile with Qiskit's preset pass manager; see `devices.transpile`.

    Raises:
        InvalidValueError: the device has too few qubits.
    """
    compiled = transpile(program, device, level, seed)
    return Compiled(program=compiled, log_success=log_success(compiled, device), tried=1)


def compile_search(program: Program, device: Device, seeds: Sequence[int] = range(12), level: int = 3) -> Compiled:
    """Return the compilation with the highest predicted success over seeds and placements.

    Each distinct coupling pattern is placed on every isomorphic subgraph of the device's usable couplings; qubits
    without a coupling go to the best free places. The transpiler's own placement is always a candidate.

    Args:
        program: logical program.
        device: published calibration to score by.
        seeds: transpiler seeds, one circuit each.
        level: transpiler level.

    Source: mapomatic, Nation and Treinish, arXiv:2209.15512.
    """
    candidates = sorted(
        (compile_default(program, device, level, seed) for seed in seeds), key=lambda found: -found.log_success
    )
    best, tried = candidates[0], len(candidates)
    seen: set[tuple[object, ...]] = set()
    for candidate in sorted(candidates, key=lambda found: found.program.count_two_qubit()):
        pattern = _Pattern(candidate.program)
        if pattern.key in seen or len(seen) == PATTERNS:
            continue
        seen.add(pattern.key)
        for mapping, score in pattern.placements(device):
            tried += 1
            if score > best.log_success + 1e-12:
                placed = candidate.program.relabel(mapping, device.num_qubits)
                best = Compiled(program=placed, log_success=score, tried=tried)
    return Compiled(program=best.program, log_success=best.log_success, tried=tried)


class _Pattern:
    """What a compiled program asks of a placement: directed couplings, one-qubit gates and readouts per qubit."""

    def __init__(self, program: Program) -> None:
        gates = Counter((operation.name, operation.qubits) for operation in program.operations())
        self.two = {site: count for site, count in gates.items() if len(site[1]) == 2}
        self.one = {site: count for site, count in gates.items() if len(site[1]) == 1}
        self.outputs = program.outputs.tolist()
        self.coupled = sorted({q for _, qubits in self.two for q in qubits})
        self.alone = [q for q in program.used_qubits() if q not in self.coupled]
        node = {q: k for k, q in enumerate(self.coupled)}
        self.edges = sorted({(node[a], node[b]) for _, (a, b) in self.two})
        self.key = (
            tuple(sorted((name, node[a], node[b], k) for (name, (a, b)), k in self.two.items())),
            len(self.alone),
        )

    def placements(self, device: Device) -> Iterator[tuple[dict[int, int], float]]:
        costs = _Costs(device)
        pattern = _graph(len(self.coupled), self.edges)
        found = rx.vf2_mapping(costs.graph, pattern, subgraph=True, induced=False)
        for match in islice(found, PLACEMENTS) if self.coupled else ({},):
            mapping = {self.coupled[k]: place for place, k in match.items()}
            free = (place for place in costs.quiet if place not in set(match))
            mapping |= dict(zip(self.alone, free, strict=False))
            yield mapping, self.score(mapping, costs)

    def score(self, mapping: dict[int, int], costs: "_Costs") -> float:
        total = sum(k * costs.gate[name][mapping[a], mapping[b]] for (name, (a, b)), k in self.two.items())
        total += sum(k * costs.gate[name][mapping[q[0]],] for (name, q), k in self.one.items())
        return float(total + sum(costs.readout[mapping[q]] for q in self.outputs))


class _Costs:
    """Log fidelities of a device as look-up tables, and its usable coupling graph."""

    def __init__(self, device: Device) -> None:
        logs = {name: np.log1p(-np.minimum(gate.error, 0.999)).tolist() for name, gate in device.gates.items()}
        self.gate = {
            name: dict(zip(map(tuple, gate.sites.tolist()), logs[name], strict=True))
            for name, gate in device.gates.items()
        }
        self.readout = np.log1p(-np.minimum(device.readout_error.mean(1), 0.999)).tolist()
        usable = [
            (a, b)
            for name in device.two_qubit_gates
            for (a, b), error in zip(device.gates[name].sites.tolist(), device.gates[name].error.tolist(), strict=True)
            if error < UNUSABLE and {a, b} <= device.usable_qubits
        ]
        self.graph = _graph(device.num_qubits, usable)
        self.quiet = sorted(device.usable_qubits, key=lambda q: -self.readout[q])


def _graph(num_nodes: int, edges: Sequence[tuple[int, int]]) -> rx.PyDiGraph:
    graph = rx.PyDiGraph()
    graph.add_nodes_from(range(num_nodes))
    graph.add_edges_from([(a, b, None) for a, b in sorted(set(edges))])
    return graph
