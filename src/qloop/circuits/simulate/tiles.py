"""Kernels on a tile: the states of as many samples as a register has lanes, place by place.

Vector r of a tile is place r of every sample (see `blocks`). Shared rotations are done as ``1 + tan J``; the product of
their cosines is one factor at the block's end, in the table where there is one. Their angles are at most a quarter turn
(`turns.reduce_turns`), so that no tangent is above one.
"""

from qloop.circuits.simulate.blocks import PAIR, PER_SAMPLE
from qloop.circuits.simulate.compiled import compiled
from qloop.circuits.simulate.kernels import count_bits, insert_zero
from qloop.circuits.simulate.simd import full, load, splat, store, total


@compiled
def start_forward(state, num_vectors, start_places, gates, cosines, sines):  # type: ignore[no-untyped-def]
    """Write the state after the gates of the start, which double the places in use one by one."""
    zero = full(state, 0.0)
    for place in range(num_vectors):
        store(state, place, zero)
    store(state, 0, full(state, 1.0))
    count, g = 1, 0
    while count < len(start_places):
        c, s = load(cosines, gates.slot[g]), load(sines, gates.slot[g])
        minus = zero - s
        for j in range(count):
            old = start_places[j]
            v = load(state, old)
            store(state, start_places[j + count], v * (minus if count_bits(old & gates.place_z[g]) & 1 else s))
            store(state, old, v * c)
        count, g = 2 * count, g + 1


@compiled
def start_backward(psi, lam, start_places, gates, cosines, sines, gradient):  # type: ignore[no-untyped-def]
    """Undo the start and write the gradient of its gates."""
    count, g = len(start_places) // 2, 0
    while 1 << g < count + count:
        g += 1
    while count > 0:
        g -= 1
        c, s = load(cosines, gates.slot[g]), load(sines, gates.slot[g])
        minus, even, odd = full(psi, 0.0) - s, full(psi, 0.0), full(psi, 0.0)
        for j in range(count):
            old, new = start_places[j], start_places[j + count]
            v0, v1, l0, l1 = load(psi, old), load(psi, new), load(lam, old), load(lam, new)
            flow = l1 * v0 - l0 * v1
            signed = s
            if count_bits(old & gates.place_z[g]) & 1:
                odd = odd + flow
                signed = minus
            else:
                even = even + flow
            store(psi, old, c * v0 + signed * v1)
            store(lam, old, c * l0 + signed * l1)
        store(gradient, g, even - odd)
        count //= 2


@compiled
def group_of(number, row, base):  # type: ignore[no-untyped-def]
    """Return the place at which a pass finds its group: of even parity for the first rotation, where it can be for both."""
    place = insert_zero(number, row[10])
    if row[11] >= 0:
        place = insert_zero(place, row[11])
    first = (count_bits(place & row[3]) ^ count_bits(base & row[4])) & 1
    second = (count_bits(place & row[7]) ^ count_bits(base & row[8])) & 1 & ~row[9]
    return place ^ (row[2] * first) ^ (row[6] * second)


@compiled
def pair_forward(local, size, row, base, tangents):  # type: ignore[no-untyped-def]
    """Turn groups of four places by two shared rotations."""
    a, b = splat(tangents, row[1]), splat(tangents, row[5])
    sign = full(local, 1.0 - 2.0 * row[9])
    a_again, b_again = a * sign, b * sign
    for number in range(size >> 2):
        j0 = group_of(number, row, base)
        j1, j2 = j0 ^ row[2], j0 ^ row[6]
        j3 = j1 ^ row[6]
        v0, v1, v2, v3 = load(local, j0), load(local, j1), load(local, j2), load(local, j3)
        u0, u1 = v0 - a * v1, v1 + a * v0
        u2, u3 = v2 - a_again * v3, v3 + a_again * v2
        store(local, j0, u0 - b * u2)
        store(local, j2, u2 + b * u0)
        store(local, j1, u1 - b_again * u3)
        store(local, j3, u3 + b_again * u1)


@compiled
def pair_backward(psi, lam, size, row, base, tangents, gradient):  # type: ignore[no-untyped-def]
    """Undo `pair_forward` on both states and add to the gradient of the two rotations."""
    a, b = splat(tangents, row[1]), splat(tangents, row[5])
    sign = full(psi, 1.0 - 2.0 * row[9])
    a_again, b_again = a * sign, b * sign
    by_a, by_a_again, by_b, by_b_again = full(psi, 0.0), full(psi, 0.0), full(psi, 0.0), full(psi, 0.0)
    for number in range(size >> 2):
        j0 = group_of(number, row, base)
        j1, j2 = j0 ^ row[2], j0 ^ row[6]
        j3 = j1 ^ row[6]
        v0, v1, v2, v3 = load(psi, j0), load(psi, j1), load(psi, j2), load(psi, j3)
        l0, l1, l2, l3 = load(lam, j0), load(lam, j1), load(lam, j2), load(lam, j3)
        by_a = by_a + l1 * v0 - l0 * v1
        by_a_again = by_a_again + l3 * v2 - l2 * v3
        by_b = by_b + l2 * v0 - l0 * v2
        by_b_again = by_b_again + l3 * v1 - l1 * v3
        u0, u1 = v0 + a * v1, v1 - a * v0
        u2, u3 = v2 + a_again * v3, v3 - a_again * v2
        store(psi, j0, u0 + b * u2)
        store(psi, j2, u2 - b * u0)
        store(psi, j1, u1 + b_again * u3)
        store(psi, j3, u3 - b_again * u1)
        m0, m1 = l0 + a * l1, l1 - a * l0
        m2, m3 = l2 + a_again * l3, l3 - a_again * l2
        store(lam, j0, m0 + b * m2)
        store(lam, j2, m2 - b * m0)
        store(lam, j1, m1 + b_again * m3)
        store(lam, j3, m3 - b_again * m1)
    store(gradient, row[1], load(gradient, row[1]) + (by_a + sign * by_a_again))
    store(gradient, row[5], load(gradient, row[5]) + (by_b + sign * by_b_again))


@compiled
def single_forward(local, size, row, base, c, s):  # type: ignore[no-untyped-def]
    """Turn pairs of places by one rotation ``c + s J``."""
    for number in range(size >> 1):
        j0 = group_of(number, row, base)
        j1 = j0 ^ row[2]
        v0, v1 = load(local, j0), load(local, j1)
        store(local, j0, c * v0 - s * v1)
        store(local, j1, c * v1 + s * v0)


@compiled
def single_backward(psi, lam, size, row, base, c, s, gradient):  # type: ignore[no-untyped-def]
    """Undo `single_forward` on both states and add to the gradient of the rotation."""
    by = full(psi, 0.0)
    for number in range(size >> 1):
        j0 = group_of(number, row, base)
        j1 = j0 ^ row[2]
        v0, v1, l0, l1 = load(psi, j0), load(psi, j1), load(lam, j0), load(lam, j1)
        by = by + l1 * v0 - l0 * v1
        store(psi, j0, c * v0 + s * v1)
        store(psi, j1, c * v1 - s * v0)
        store(lam, j0, c * l0 + s * l1)
        store(lam, j1, c * l1 - s * l0)
    store(gradient, row[1], load(gradient, row[1]) + by)


@compiled
def rotate_forward(local, size, row, base, gates, shared, cosines, sines):  # type: ignore[no-untyped-def]
    """Do one pass on a block's coset."""
    if row[0] == PAIR:
        pair_forward(local, size, row, base, shared.tangents)
    elif row[0] == PER_SAMPLE:
        slot = gates.slot[row[1]]
        single_forward(local, size, row, base, load(cosines, slot), load(sines, slot))
    else:
        single_forward(local, size, row, base, full(local, 1.0), splat(shared.tangents, row[1]))


@compiled
def rotate_backward(psi, lam, size, row, base, gates, shared, cosines, sines, gradient):  # type: ignore[no-untyped-def]
    """Undo one pass on a block's coset."""
    if row[0] == PAIR:
        pair_backward(psi, lam, size, row, base, shared.tangents, gradient)
    elif row[0] == PER_SAMPLE:
        slot = gates.slot[row[1]]
        single_backward(psi, lam, size, row, base, load(cosines, slot), load(sines, slot), gradient)
    else:
        single_backward(psi, lam, size, row, base, full(psi, 1.0), splat(shared.tangents, row[1]), gradient)


@compiled
def block_forward(state, b, blocks, gates, shared, cosines, sines, local, num_rows):  # type: ignore[no-untyped-def]
    """Do a block of rotations and the diagonal at its end."""
    offsets = blocks.offsets[blocks.offset_start[b] : blocks.offset_start[b + 1]]
    rows, table = len(offsets), blocks.table[b]
    scale = splat(shared.scales, b)
    for i in range(blocks.base_start[b], blocks.base_start[b + 1]):
        base = blocks.bases[i]
        for j in range(rows):
            row = base ^ offsets[j]
            store(local, j, load(state, row))
            store(local, rows + j, load(state, num_rows + row))
        for p in range(blocks.pass_start[b], blocks.pass_start[b + 1]):
            rotate_forward(local, 2 * rows, blocks.passes[p], base, gates, shared, cosines, sines)
        for j in range(rows):
            row = base ^ offsets[j]
            re, im = load(local, j), load(local, rows + j)
            if table >= 0:
                c, s = splat(shared.table_re, table * num_rows + row), splat(shared.table_im, table * num_rows + row)
                store(state, row, c * re - s * im)
                store(state, num_rows + row, c * im + s * re)
            else:
                store(state, row, scale * re)
                store(state, num_rows + row, scale * im)


@compiled
def block_backward(psi, lam, b, blocks, gates, shared, cosines, sines, local_psi, local_lam, num_rows, gradient, flow):  # type: ignore[no-untyped-def]
    """Undo a block on both states, add to its gates' gradient and write the flow of its diagonal, row by row."""
    offsets = blocks.offsets[blocks.offset_start[b] : blocks.offset_start[b + 1]]
    rows, table = len(offsets), blocks.table[b]
    scale = splat(shared.scales, b)
    for i in range(blocks.base_start[b], blocks.base_start[b + 1]):
        base = blocks.bases[i]
        for j in range(rows):
            row = base ^ offsets[j]
            re, im, lr, li = load(psi, row), load(psi, num_rows + row), load(lam, row), load(lam, num_rows + row)
            if table >= 0:
                flow[row] = total(lr * im - li * re)
                c, s = splat(shared.table_re, table * num_rows + row), splat(shared.table_im, table * num_rows + row)
                store(local_psi, j, c * re + s * im)
                store(local_psi, rows + j, c * im - s * re)
                store(local_lam, j, c * lr + s * li)
                store(local_lam, rows + j, c * li - s * lr)
            else:
                store(local_psi, j, scale * re)
                store(local_psi, rows + j, scale * im)
                store(local_lam, j, scale * lr)
                store(local_lam, rows + j, scale * li)
        for p in range(blocks.pass_start[b + 1] - 1, blocks.pass_start[b] - 1, -1):
            row_of = blocks.passes[p]
            rotate_backward(local_psi, local_lam, 2 * rows, row_of, base, gates, shared, cosines, sines, gradient)
        for j in range(rows):
            row = base ^ offsets[j]
            store(psi, row, load(local_psi, j))
            store(psi, num_rows + row, load(local_psi, rows + j))
            store(lam, row, load(local_lam, j))
            store(lam, num_rows + row, load(local_lam, rows + j))


@compiled
def apply_dense(state, b, blocks, matrix, local, num_rows):  # type: ignore[no-untyped-def]
    """Apply a constant unitary, given as real and imaginary parts row by row."""
    offsets = blocks.offsets[blocks.offset_start[b] : blocks.offset_start[b + 1]]
    rows = len(offsets)
    for i in range(blocks.base_start[b], blocks.base_start[b + 1]):
        base = blocks.bases[i]
        for j in range(rows):
            store(local, j, load(state, base ^ offsets[j]))
            store(local, rows + j, load(state, num_rows + (base ^ offsets[j])))
        for k in range(rows):
            re, im = full(state, 0.0), full(state, 0.0)
            for j in range(rows):
                a, b_ = splat(matrix, 2 * (k * rows + j)), splat(matrix, 2 * (k * rows + j) + 1)
                x, y = load(local, j), load(local, rows + j)
                re = re + a * x - b_ * y
                im = im + a * y + b_ * x
            store(state, base ^ offsets[k], re)
            store(state, num_rows + (base ^ offsets[k]), im)
