"""`Blocks`: layers cut into stretches of work that stay in the fastest caches.

The amplitudes of a sample are real numbers: place r is the real part of row r, place 2^n + r its imaginary part. There
every rotation ``exp(-i angle / 2 P)`` is ``cos + sin J`` with J = -i P a signed permutation of places: diagonal or not,
it turns pairs of places. A block takes rotations whose row masks span few dimensions and does them all on one coset of
that span before it goes to the next.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.layers import Dense, Diagonal, IntArray, Layers, Rotations

LOCAL_BITS = 8
"""A block's rows, at 64 bytes and for two complex states, are 64 KiB: measured faster than 6 bits, whose 16 KiB stay in
the first-level cache but are copied more often."""

SINGLE, PAIR, PER_SAMPLE = 0, 1, 2


class Gates(NamedTuple):
    """Rotations in time order, those of the start first.

    Args:
        x: row mask of the Pauli, shape [gates].
        z: row mask of the Pauli.
        sign: of ``J = sign (-1)^|place_z & place| shift(place_x)``.
        place_x: the permutation of places.
        place_z: its signs.
        angle: index into the angles of the `Layers`.
        slot: row among the angles that differ between samples, -1 for one shared by all.
    """

    x: IntArray
    z: IntArray
    sign: IntArray
    place_x: IntArray
    place_z: IntArray
    angle: IntArray
    slot: IntArray


class Tables(NamedTuple):
    """Shared diagonals: table t has the terms start[t] to start[t + 1], as in `layers.Diagonal`."""

    start: IntArray
    z: IntArray
    angle: IntArray


class Matrices(NamedTuple):
    """Constant unitaries, each on the rows ``base ^ offsets`` of its own block; complex numbers as pairs."""

    start: IntArray
    entries: NDArray[np.complex128]


class Blocks(NamedTuple):
    """What a tile does after the start.

    Args:
        bits: dimension of the block's span of rows, shape [blocks].
        offset_start: first entry of the block in `offsets`.
        offsets: the span, 2^bits rows a block, the first of each zero.
        base_start: first entry of the block in `bases`.
        bases: one row of each coset.
        pass_start: first of the block's passes, shape [blocks + 1].
        passes: kind, then gate, masks x and z over the places of a coset and row mask z of one rotation, and of a
            second.
        gate_start: first of the block's gates, shape [blocks + 1].
        table: diagonal at the block's end, -1 for none.
        matrix: constant unitary instead of rotations, its qubits zero in `bases`; -1 for none.
    """

    bits: IntArray
    offset_start: IntArray
    offsets: IntArray
    base_start: IntArray
    bases: IntArray
    pass_start: IntArray
    passes: IntArray
    gate_start: IntArray
    table: IntArray
    matrix: IntArray


class Events(NamedTuple):
    """The time order of gates, tables and matrices: kind 0, 1 or 2 and its number."""

    kind: IntArray
    number: IntArray


class Plan(NamedTuple):
    """All that is known of a program before its angles are.

    Args:
        num_rows: 2^num_qubits.
        from_zero: whether the state before the first layer is all zeros.
        gates: all rotations; the first ones make the start from zeros by doubling the places that are in use.
        start_places: places in use, in the order in which those gates reach them, a power of two.
        tables: shared diagonals.
        matrices: constant unitaries.
        blocks: all work after the start.
        events: its time order.
        phases: angles of diagonal terms that act on the zero state and are a global phase.
        slots: angle of each slot.
    """

    num_rows: int
    from_zero: bool
    gates: Gates
    start_places: IntArray
    tables: Tables
    matrices: Matrices
    blocks: Blocks
    events: Events
    phases: IntArray
    slots: IntArray


def plan(layers: Layers, differs: NDArray[np.bool_], from_zero: bool) -> Plan:
    """Cut layers into blocks.

    Args:
        layers: a lowered program.
        differs: whether an angle differs from sample to sample, shape [num_angles].
        from_zero: whether the state before the first layer is known to be all zeros.
    """
    return _Planner(layers, differs, from_zero).plan()


class _Planner:
    def __init__(self, layers: Layers, differs: NDArray[np.bool_], from_zero: bool) -> None:
        self.num_qubits = layers.program.num_qubits
        self.layers, self.differs, self.from_zero = layers.layers, differs, from_zero
        self.gates: list[tuple[int, ...]] = []
        self.slots: list[int] = []
        self.tables: list[tuple[list[int], list[int]]] = []
        self.matrices: list[NDArray[np.complex128]] = []
        self.events: list[tuple[int, int]] = []
        self.phases: list[int] = []
        self.start = _Span()
        self.drafts: list[_Draft] = []

    def plan(self) -> Plan:
        for layer in self.layers:
            if isinstance(layer, Rotations):
                for x, z, angle in zip(*(column.tolist() for column in layer), strict=True):
                    self._rotate(x, z, angle)
            elif isinstance(layer, Diagonal):
                self._diagonal(layer)
            else:
                self._dense(layer)
        start = np.array(_span_of(self.start.vectors), np.int64)
        starts = [0, *np.cumsum([len(z) for z, _ in self.tables])]
        return Plan(
            num_rows=2**self.num_qubits,
            from_zero=self.from_zero,
            gates=Gates(*_columns(self.gates, 7)),
            start_places=start,
            tables=Tables(_ints(starts), *(_joined([table[k] for table in self.tables]) for k in (0, 1))),
            matrices=Matrices(
                _ints([0, *np.cumsum([m.size for m in self.matrices])]),
                np.concatenate([m.ravel() for m in self.matrices]) if self.matrices else np.zeros(0, np.complex128),
            ),
            blocks=_assemble(self.drafts, self.gates, self.num_qubits, len(self.start.vectors)),
            events=Events(*_columns(self.events, 2)),
            phases=_ints(self.phases),
            slots=_ints(self.slots),
        )

    @property
    def _starting(self) -> bool:
        return self.from_zero and not self.drafts

    def _rotate(self, x: int, z: int, angle: int) -> None:
        place_x, place_z, sign = _places(x, z, self.num_qubits)
        number, at_start = len(self.gates), self._starting and self.start.add(place_x)
        slot = -1
        if at_start or self.differs[angle]:
            slot = len(self.slots)
            self.slots.append(angle)
        self.gates.append((x, z, sign, place_x, place_z, angle, slot))
        self.events.append((0, number))
        if not at_start:
            self._block_for(x).gates.append(number)

    def _block_for(self, x: int) -> "_Draft":
        if self.drafts and self.drafts[-1].takes(x):
            return self.drafts[-1]
        draft = _Draft()
        draft.takes(x)
        self.drafts.append(draft)
        return draft

    def _diagonal(self, layer: Diagonal) -> None:
        if self._starting and not self.gates:
            self.phases += layer.angles.tolist()
            return
        shared = ~self.differs[layer.angles]
        for z, angle in zip(layer.z[~shared].tolist(), layer.angles[~shared].tolist(), strict=True):
            self._rotate(0, z, angle)
        if shared.any():
            if not self.drafts or self.drafts[-1].closed:
                self.drafts.append(_Draft())
            self.drafts[-1].table = len(self.tables)
            self.events.append((1, len(self.tables)))
            self.tables.append((layer.z[shared].tolist(), layer.angles[shared].tolist()))

    def _dense(self, layer: Dense) -> None:
        draft = _Draft()
        draft.matrix, draft.dense = len(self.matrices), layer
        self.drafts.append(draft)
        self.events.append((2, len(self.matrices)))
        self.matrices.append(layer.matrix)


class _Draft:
    """A block in the making."""

    def __init__(self) -> None:
        self.span = _Span()
        self.gates: list[int] = []
        self.table = self.matrix = -1
        self.dense: Dense | None = None

    @property
    def closed(self) -> bool:
        return self.table >= 0 or self.matrix >= 0

    def takes(self, x: int) -> bool:
        """Return whether a rotation by row mask x still fits, and make room for it."""
        if self.closed:
            return False
        if len(self.span.vectors) == LOCAL_BITS and not self.span.contains(x):
            return False
        self.span.add(x)
        return True

    def fill(self, gates: list[tuple[int, ...]], num_qubits: int) -> None:
        """Widen the span to a whole block by vectors that the signs of its gates do not see, where there are such."""
        for qubit in range(num_qubits):
            if len(self.span.vectors) == LOCAL_BITS:
                return
            vector = 1 << qubit
            for x, z, *_ in (gates[number] for number in self.gates):
                if (vector & z).bit_count() & 1:
                    vector ^= x
            self.span.add(vector)


class _Span:
    """A space of bit masks: its basis as given, and reduced with the combination that made each reduced vector."""

    def __init__(self) -> None:
        self.vectors: list[int] = []
        self.reduced: list[tuple[int, int]] = []

    def coordinates(self, mask: int) -> tuple[int, int]:
        """Return what is left of a mask outside the space, and which basis vectors make up the rest."""
        combination = 0
        for vector, made_of in self.reduced:
            if mask & (vector & -vector):
                mask, combination = mask ^ vector, combination ^ made_of
        return mask, combination

    def contains(self, mask: int) -> bool:
        return self.coordinates(mask)[0] == 0

    def add(self, mask: int) -> bool:
        """Add a vector; return whether it was new."""
        left, combination = self.coordinates(mask)
        if not left:
            return False
        made_of = combination ^ (1 << len(self.vectors))
        pivot = left & -left
        self.reduced = [
            (vector ^ left, combo ^ made_of) if vector & pivot else (vector, combo) for vector, combo in self.reduced
        ]
        self.reduced.append((left, made_of))
        self.vectors.append(mask)
        return True

    @property
    def pivots(self) -> list[int]:
        return sorted((vector & -vector).bit_length() - 1 for vector, _ in self.reduced)


def _places(x: int, z: int, num_qubits: int) -> tuple[int, int, int]:
    """Return the masks over places and the sign of J = -i P, P = i^|x & z| X^x Z^z."""
    turns = ((x & z).bit_count() + 3) % 4
    if turns % 2 == 0:
        return x, z, 1 - turns
    # A factor i moves the real part to the imaginary place, and the imaginary part, negated, to the real one.
    imaginary = 1 << num_qubits
    return x | imaginary, z | imaginary, 2 - turns


def _span_of(vectors: Sequence[int]) -> list[int]:
    span = [0]
    for vector in vectors:
        span += [vector ^ other for other in span]
    return span


def _assemble(drafts: list[_Draft], gates: list[tuple[int, ...]], num_qubits: int, first_gate: int) -> Blocks:
    bits, offsets, bases, passes, table, matrix = [], [], [], [], [], []
    gate_start = [first_gate]
    for draft in drafts:
        if draft.dense is not None:
            span = draft.dense.x.tolist()
            own = _bases_of_matrix(draft.dense, num_qubits)
        else:
            draft.fill(gates, num_qubits)
            span = draft.span.vectors
            own = _bases(draft.span.pivots, num_qubits)
        bits.append(len(span))
        offsets.append(_span_of(span))
        bases.append(own)
        passes.append(_passes(draft, gates, num_qubits))
        table.append(draft.table)
        matrix.append(draft.matrix)
        gate_start.append(gate_start[-1] + len(draft.gates))
    return Blocks(
        bits=_ints(bits),
        offset_start=_starts(offsets),
        offsets=_joined(offsets),
        base_start=_starts(bases),
        bases=_joined(bases),
        pass_start=_starts(passes),
        passes=_joined(passes).reshape(-1, 9),
        gate_start=_ints(gate_start),
        table=_ints(table),
        matrix=_ints(matrix),
    )


def _bases(pivots: list[int], num_qubits: int) -> IntArray:
    """Return every row with zeros at the pivots, ascending."""
    rows = np.arange(2 ** (num_qubits - len(pivots)), dtype=np.int64)
    for pivot in pivots:
        low = (1 << pivot) - 1
        rows = ((rows & ~low) << 1) | (rows & low)
    return rows


def _bases_of_matrix(dense: Dense, num_qubits: int) -> IntArray:
    """Return every row on which all qubits of the matrix are zero."""
    span = _Span()
    for x in dense.x.tolist():
        span.add(x)
    rows = _bases(span.pivots, num_qubits)
    for x, z, flip in zip(dense.x, dense.z, dense.flips, strict=True):
        rows = rows ^ np.where((np.bitwise_count(rows & z) & 1) ^ flip, x, 0)
    return rows


def _passes(draft: _Draft, gates: list[tuple[int, ...]], num_qubits: int) -> list[list[int]]:
    """Return the block's passes: two straight shared rotations at a time, and all others one by one."""
    local = [_localise(number, gates[number], draft.span, num_qubits) for number in draft.gates]
    shared = [gates[number][-1] < 0 for number in draft.gates]
    passes, k = [], 0
    while k < len(local):
        two = local[k : k + 2]
        if len(two) == 2 and all(shared[k : k + 2]) and all(map(_straight, two)) and two[0][1] != two[1][1]:
            low, high = sorted(two, key=lambda rotation: rotation[1])
            passes.append([PAIR, *low, *high])
        else:
            passes.append([SINGLE if shared[k] else PER_SAMPLE, *local[k], *local[k]])
            two = two[:1]
        k += len(two)
    return passes


def _localise(number: int, gate: tuple[int, ...], span: _Span, num_qubits: int) -> tuple[int, int, int, int]:
    """Return a gate's number, its masks over the places of a coset, and its row mask z."""
    x, z, _, place_x, place_z, *_ = gate
    bits = len(span.vectors)
    local_x = span.coordinates(x)[1] | (place_x >> num_qubits) << bits
    local_z = sum(((vector & z).bit_count() & 1) << k for k, vector in enumerate(span.vectors))
    return number, local_x, local_z | (place_z >> num_qubits) << bits, z


def _straight(rotation: tuple[int, int, int, int]) -> bool:
    """Return whether a rotation turns places that differ in one bit, which alone gives the sign within a coset."""
    _, x, z, _ = rotation
    return x == z and x.bit_count() == 1


def _ints(values: Sequence[Any]) -> IntArray:
    return np.array(values, np.int64)


def _joined(lists: Sequence[Sequence[Any] | IntArray]) -> IntArray:
    return _ints([entry for values in lists for entry in values])


def _starts(lists: Sequence[Sequence[Any] | IntArray]) -> IntArray:
    return _ints([0, *np.cumsum([len(values) for values in lists])])


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> IntArray:
    return np.ascontiguousarray(_ints(rows).reshape(-1, width).T)
