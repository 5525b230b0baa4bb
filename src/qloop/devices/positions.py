"""Where to draw each qubit of a device."""

from collections.abc import Iterator, Sequence

import rustworkx as rx

Pair = tuple[int, int]
Point = tuple[float, float]


def draw_positions(num_qubits: int, pairs: Sequence[Pair]) -> tuple[Point, ...]:
    """Return (x, y) per qubit: rows for lattices numbered row by row (IBM's), a spring layout otherwise."""
    rows = _row_positions(num_qubits, pairs)
    if rows and all(abs(rows[a][0] - rows[b][0]) + abs(rows[a][1] - rows[b][1]) <= 2 for a, b in pairs):
        return rows
    graph = rx.PyGraph()
    graph.add_nodes_from(range(num_qubits))
    graph.add_edges_from([(a, b, None) for a, b in pairs])
    layout = rx.spring_layout(graph, seed=0, num_iter=300)
    return tuple((float(x), float(y)) for x, y in (layout[q] for q in range(num_qubits)))


def _row_positions(num_qubits: int, pairs: Sequence[Pair]) -> tuple[Point, ...]:
    """Lay runs of consecutively numbered, coupled qubits as rows, shifted so that couplings upwards are vertical.

    Returns nothing where that does not fit. Runs of one qubit, the connectors of a heavy-hex lattice, share a row.
    """
    above: dict[int, list[int]] = {}
    for low, high in pairs:
        above.setdefault(high, []).append(low)
    points: list[Point] = []
    height, after_connector = 0, False
    for run in _runs(num_qubits, set(pairs)):
        links = [(q, other) for q in run for other in above.get(q, ()) if other < run.start]
        if points and not links:
            return ()
        connector = len(run) == 1
        height -= 1 if points and not (connector and after_connector) else 0
        after_connector = connector
        shift = points[links[0][1]][0] - links[0][0] if links else 0.0
        points += [(q + shift, float(height)) for q in run]
        if any(points[q][0] != points[other][0] for q, other in links):
            return ()
    return tuple(points)


def _runs(num_qubits: int, coupled: set[Pair]) -> Iterator[range]:
    start = 0
    for stop in range(1, num_qubits + 1):
        if (stop - 1, stop) not in coupled or stop == num_qubits:
            yield range(start, stop)
            start = stop
