"""`sweep_forward` and `sweep_backward`: all tiles of one worker, each from start to end while it is in cache."""

from typing import NamedTuple

import numpy as np

from qloop.circuits.simulate.compiled import compiled, inlined
from qloop.circuits.simulate.readout import (
    read_probabilities,
    read_strings,
    walsh,
    walsh_entry,
    weigh_probabilities,
    weigh_strings,
)
from qloop.circuits.simulate.simd import load, store
from qloop.circuits.simulate.tiles import apply_dense, block_backward, block_forward, start_backward, start_forward


class Shared(NamedTuple):
    """What one call has in common for all samples, in the kernels' precision.

    Args:
        tangents: of half of each shared gate's angle, shape [gates].
        scales: product of the cosines of each block's shared gates, shape [blocks].
        table_re: real part of each diagonal, times the scale of its block, flattened from [tables, rows].
        table_im: imaginary part.
        matrices: entries of the constant unitaries as pairs, flattened.
        adjoints: those of their adjoints.
        coefficients: of the terms of the observables.
        outcomes: outcome of each row, empty unless probabilities are read.
    """

    tangents: np.ndarray
    scales: np.ndarray
    table_re: np.ndarray
    table_im: np.ndarray
    matrices: np.ndarray
    adjoints: np.ndarray
    coefficients: np.ndarray
    outcomes: np.ndarray


@inlined
def rows_of(b, blocks):  # type: ignore[no-untyped-def]
    """Return a block's bases, offsets and passes."""
    bases = blocks.bases[blocks.base_start[b] : blocks.base_start[b + 1]]
    offsets = blocks.offsets[blocks.offset_start[b] : blocks.offset_start[b + 1]]
    return bases, offsets, blocks.passes[blocks.pass_start[b] : blocks.pass_start[b + 1]]


@inlined
def diagonal_of(b, plan, shared):  # type: ignore[no-untyped-def]
    """Return a block's table, empty where it has none, and its scale."""
    table, size = plan.blocks.table[b], plan.num_rows
    first, stop = (table * size, (table + 1) * size) if table >= 0 else (0, 0)
    return shared.table_re[first:stop], shared.table_im[first:stop], shared.scales[b : b + 1]


@inlined
def run_forward(state, plan, shared, cosines, sines, local):  # type: ignore[no-untyped-def]
    """Do all blocks."""
    for b in range(len(plan.blocks.bits)):
        m = plan.blocks.matrix[b]
        bases, offsets, passes = rows_of(b, plan.blocks)
        if m >= 0:
            entries = shared.matrices[2 * plan.matrices.start[m] : 2 * plan.matrices.start[m + 1]]
            apply_dense(state, bases, offsets, entries, local, plan.num_rows)
        else:
            re, im, scale = diagonal_of(b, plan, shared)
            block_forward(
                state, bases, offsets, passes, plan.gates.slot, shared.tangents, cosines, sines, re, im, scale, local,
                plan.num_rows,
            )  # fmt: skip


@inlined
def run_backward(psi, lam, plan, shared, cosines, sines, local, by_gate, flow, by_term):  # type: ignore[no-untyped-def]
    """Undo all blocks and collect the gradient of gates, as vectors, and of diagonal terms."""
    tables = plan.tables
    flow[:] = 0
    for b in range(len(plan.blocks.bits) - 1, -1, -1):
        m, t = plan.blocks.matrix[b], plan.blocks.table[b]
        bases, offsets, passes = rows_of(b, plan.blocks)
        if m >= 0:
            entries = shared.adjoints[2 * plan.matrices.start[m] : 2 * plan.matrices.start[m + 1]]
            for state in (psi, lam):
                apply_dense(state, bases, offsets, entries, local, plan.num_rows)
            continue
        re, im, scale = diagonal_of(b, plan, shared)
        block_backward(
            psi, lam, bases, offsets, passes, plan.gates.slot, shared.tangents, cosines, sines, re, im, scale, local,
            plan.num_rows, by_gate, flow,
        )  # fmt: skip
        if t >= 0:
            lanes = len(psi) // (2 * plan.num_rows)
            walsh(flow, len(flow) // lanes)
            for k in range(tables.start[t], tables.start[t + 1]):
                by_term[k] = walsh_entry(flow, lanes, tables.z[k])


@compiled
def sweep_forward(worker, workers, plan, strings, shared, trig, local, buffer, states, values):  # type: ignore[no-untyped-def]
    """Run the worker's tiles: tile t is its own where t is `worker` modulo `workers`.

    `trig` is [tiles, 2, slots x lanes] and `values` [tiles, outputs x lanes], or empty
    where the states are all that is wanted. `states` is [tiles, 2 x rows x lanes], or
    [workers, ...] where they are not kept. A plan that does not start from zeros finds the states filled.
    """
    for t in range(worker, len(trig), workers):
        state, cosines, sines = states[t % len(states)], trig[t, 0], trig[t, 1]
        num_rows = plan.num_rows
        if plan.from_zero:
            start_forward(state, 2 * num_rows, plan.start_places, plan.gates, cosines, sines)
        run_forward(state, plan, shared, cosines, sines, local)
        if len(values) == 0:
            continue
        if len(shared.outcomes):
            read_probabilities(state, num_rows, shared.outcomes, values[t])
        else:
            read_strings(state, num_rows, strings, shared.coefficients, buffer, values[t])


@compiled
def sweep_backward(  # type: ignore[no-untyped-def]
    worker, workers, plan, strings, shared, trig, local, buffer, states, gradient, psi, lambdas, by_gate, flow, by_term
):
    """Run the worker's tiles back from their final states.

    `lambdas` has one row per tile where the gradient of the first state is wanted, otherwise one. `by_gate` is
    [tiles, gates x lanes], `by_term` [tiles, terms].
    """
    for t in range(worker, len(states), workers):
        cosines, sines = trig[t, 0], trig[t, 1]
        num_rows = plan.num_rows
        lam = lambdas[t % len(lambdas)]
        for place in range(2 * num_rows):
            store(psi, place, load(states[t], place))
        if len(shared.outcomes):
            weigh_probabilities(psi, lam, num_rows, shared.outcomes, gradient[t])
        else:
            weigh_strings(psi, lam, num_rows, strings, shared.coefficients, buffer, gradient[t])
        run_backward(psi, lam, plan, shared, cosines, sines, local, by_gate[t], flow, by_term[t])
        if plan.from_zero:
            start_backward(psi, lam, plan.start_places, plan.gates, cosines, sines, by_gate[t])
