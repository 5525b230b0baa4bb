"""`Plan`: layers as the kernels on one state read them, cut into passes over tiles that stay in the first-level cache.

A state of N rows is 2 N real numbers: place r is the real part of row r and place N + r its imaginary part. There every
rotation ``exp(-i angle / 2 P)`` is ``cos + sin J`` with J = -i P a signed permutation of places.

A pass takes rotations whose row masks span few dimensions beyond the lanes of a register, and does them all on one
coset of that span, its tile, before it goes to the next. Row j of a tile is ``base ^ offset[j]``: there each rotation
that brought a new dimension flips a single bit.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.simulate.layers import Dense, Diagonal, Layers, Rotations
from qloop.circuits.simulate.permute import LANE_BITS, LANES

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WHOLE_BITS = 12
"""Up to 2^12 rows, 64 KiB, a state is left where it is."""
TILE_BITS = 11
"""A tile holds 2^11 rows, 32 KiB: a first-level cache."""

LINE_BITS = 3
"""A cache line holds 2^3 rows."""

KIND, FIRST, LAST, SPAN, BITS, SLOT = range(6)
WHOLE, TILED, DIAGONAL, DENSE = range(4)
X, Z, ROW_Z, SIGN, ANGLE = range(5)


class Plan(NamedTuple):
    """What to do with a state, in time order.

    Args:
        steps: columns `KIND`: rotations of the `WHOLE` state in place or `TILED`, a `DIAGONAL` or a `DENSE` matrix;
            `FIRST` and `LAST` of its gates, of a matrix its number of qubits and its first entry; `SPAN`, its first
            entry in `spans`; `BITS`, registers of a tile as a power of two; `SLOT`, number of the diagonal.
        gates: rotations, whose J takes place p to ``sign (-1)^|z & p|`` times place ``p ^ x``: columns `X` and `Z` over
            places of the tile, `ROW_Z` over rows of the state, `SIGN` and `ANGLE`. Strings of a diagonal have their
            mask in `ROW_Z`.
        spans: of a tiled step the pivots of its tiles and the offsets of their registers; of a matrix the pivots,
            X masks, Z masks and flips of its qubits (see `layers.Dense`).
        matrices: entries, one matrix after the other.
        offset: constant part of each angle.
        term_start: first parameter term of each angle.
        term_parameter: parameter of each term.
        term_scale: factor of each term.
    """

    steps: IntArray
    gates: IntArray
    spans: IntArray
    matrices: ComplexArray
    offset: FloatArray
    term_start: IntArray
    term_parameter: IntArray
    term_scale: FloatArray


def count_rows(num_qubits: int) -> int:
    """Return the length of a state: at least one register."""
    return max(1 << num_qubits, LANES)


@lru_cache(maxsize=64)
def plan(layers: Layers) -> Plan:
    """Cut layers into passes; the last few are kept."""
    planner = _Planner(layers)
    for layer in layers.layers:
        match layer:
            case Rotations():
                planner.add_rotations(layer)
            case Diagonal():
                planner.add_diagonal(layer)
            case Dense():
                planner.add_dense(layer)
    return Plan(
        steps=np.array(planner.steps, np.int64).reshape(-1, 6),
        gates=np.array(planner.gates, np.int64).reshape(-1, 5),
        spans=np.array(planner.spans, np.int64),
        matrices=np.concatenate([np.zeros(0, np.complex128), *planner.matrices]),
        offset=layers.offset,
        term_start=layers.term_start,
        term_parameter=layers.term_parameter,
        term_scale=layers.term_scale,
    )


class _Planner:
    def __init__(self, layers: Layers) -> None:
        self.num_bits = count_rows(layers.program.num_qubits).bit_length() - 1
        self.steps: list[tuple[int, ...]] = []
        self.gates: list[tuple[int, ...]] = []
        self.spans: list[int] = []
        self.matrices: list[ComplexArray] = []
        self.num_diagonals = 0

    def add_rotations(self, layer: Rotations) -> None:
        masks = list(zip(*(column.tolist() for column in layer), strict=True))
        if self.num_bits <= WHOLE_BITS:
            self._add_gates(WHOLE, [self._rotation(x, z, x, z, angle, self.num_bits) for x, z, angle in masks])
            return
        span = _span_of_lines()
        own: list[tuple[int, int, int]] = []
        for x, z, angle in masks:
            if not span.add(x, TILE_BITS - LANE_BITS):
                self._add_tiled(span, own)
                span, own = _span_of_lines(), []
                span.add(x, TILE_BITS - LANE_BITS)
            own.append((x, z, angle))
        self._add_tiled(span, own)

    def add_diagonal(self, layer: Diagonal) -> None:
        strings = zip(layer.z.tolist(), layer.angles.tolist(), strict=True)
        self._add_gates(DIAGONAL, [(0, 0, z, 1, angle) for z, angle in strings])
        self.num_diagonals += 1

    def add_dense(self, layer: Dense) -> None:
        span = _Span()
        for x in layer.x.tolist():
            span.add(x << LANE_BITS)
        entries = sum(matrix.size for matrix in self.matrices)
        self.steps.append((DENSE, len(layer.x), entries, len(self.spans), 0, 0))
        for column in (span.pivots, layer.x, layer.z, layer.flips):
            self.spans += [int(value) for value in column]
        self.matrices.append(layer.matrix.ravel())

    def _add_tiled(self, span: "_Span", own: list[tuple[int, int, int]]) -> None:
        for bit in range(LANE_BITS, self.num_bits):
            span.add(1 << bit, TILE_BITS - LANE_BITS)
        gates = [self._rotation(span.coordinates(x), span.reads(z), x, z, angle, TILE_BITS) for x, z, angle in own]
        start = len(self.spans)
        self.spans += [*span.pivots, *span.offsets]
        self._add_gates(TILED, gates, start, len(span.pivots))

    def _add_gates(self, kind: int, gates: list[tuple[int, ...]], span: int = 0, bits: int = 0) -> None:
        first = len(self.gates)
        self.gates += gates
        self.steps.append((kind, first, len(self.gates), span, bits, self.num_diagonals))

    @staticmethod
    def _rotation(own_x: int, own_z: int, x: int, z: int, angle: int, own_bits: int) -> tuple[int, ...]:
        # P has the factor i^|x & z|; what is left of -i times it, if imaginary, swaps the parts and negates one.
        turns = ((x & z).bit_count() + 3) % 4
        part = (turns & 1) << own_bits
        return own_x | part, own_z | part, z, 1 - (turns & 2), angle


class _Span:
    """A space of row masks modulo the lanes, with a basis of masks whose lanes are kept."""

    def __init__(self) -> None:
        self.basis: list[int] = []
        self.reduced: list[tuple[int, int]] = []

    def add(self, mask: int, limit: int = 64) -> bool:
        """Add a mask unless it is there; return False where it would bring a dimension beyond the limit."""
        left, made_of = self._reduce(mask)
        if not left >> LANE_BITS:
            return True
        if len(self.basis) == limit:
            return False
        made_of ^= 1 << len(self.basis)
        pivot = _pivot(left)
        self.reduced = [
            (vector ^ left, parts ^ made_of) if vector >> pivot & 1 else (vector, parts)
            for vector, parts in self.reduced
        ]
        self.reduced.append((left, made_of))
        self.basis.append(mask)
        return True

    def coordinates(self, mask: int) -> int:
        """Return a mask of the space as one over rows of the tile: basis vectors above lanes."""
        left, made_of = self._reduce(mask)
        return made_of << LANE_BITS | left

    def reads(self, z: int) -> int:
        """Return the mask whose parity with a row of the tile is that of z with the offset of the row."""
        return (
            sum(((vector & z).bit_count() & 1) << LANE_BITS + k for k, vector in enumerate(self.basis)) | z & LANES - 1
        )

    @property
    def pivots(self) -> list[int]:
        """Bits above the lanes that are zero in exactly one row of each coset, ascending."""
        return sorted(_pivot(vector) - LANE_BITS for vector, _ in self.reduced)

    @property
    def offsets(self) -> list[int]:
        """The sums of basis vectors, in the order of the registers of a tile."""
        offsets = [0]
        for vector in self.basis:
            offsets += [vector ^ other for other in offsets]
        return offsets

    def _reduce(self, mask: int) -> tuple[int, int]:
        made_of = 0
        for vector, parts in self.reduced:
            if mask >> _pivot(vector) & 1:
                mask, made_of = mask ^ vector, made_of ^ parts
        return mask, made_of


def _span_of_lines() -> _Span:
    """Return the span that a tile starts with: of a cache line, all registers."""
    span = _Span()
    for bit in range(LANE_BITS, LINE_BITS):
        span.add(1 << bit)
    return span


def _pivot(vector: int) -> int:
    """Return the lowest bit above the lanes."""
    high = vector >> LANE_BITS
    return (high & -high).bit_length() - 1 + LANE_BITS
