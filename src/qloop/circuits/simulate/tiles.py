"""Kernels on a tile: the states of as many samples as a register has lanes, place by place.

Vector r of a tile is place r of every sample (see `blocks`). Shared rotations are done as ``1 + tan J``; the product of
their cosines is one factor at the block's end, in the table where there is one. Their angles are at most a quarter turn
(`turns.reduce_turns`), so that no tangent is above one.
"""

from qloop.circuits.simulate.bits import count_bits, insert_zero
from qloop.circuits.simulate.blocks import PAIR, PER_SAMPLE
from qloop.circuits.simulate.compiled import inlined
from qloop.circuits.simulate.simd import (
    full,
    full_register,
    load,
    load_register,
    registers_per_row,
    splat,
    splat_register,
    store,
    total,
)


@inlined
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


@inlined
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


@inlined
def sign_at(array, base, mask):  # type: ignore[no-untyped-def]
    """Return the sign that a coset's base gives to a rotation, in every lane of a register."""
    return full_register(array, 1.0 - 2.0 * (count_bits(base & mask) & 1))


@inlined
def pair_forward(local, size, low, high, a, b):  # type: ignore[no-untyped-def]
    """Turn groups of four places by ``1 + a J`` along the bit `low` and ``1 + b J`` along the bit `high`.

    Places, `low` and `high` are counted in registers: where a row fills two, that is one more bit below the others.
    """
    for outer in range(0, size, 2 * high):
        for inner in range(outer, outer + high, 2 * low):
            for j in range(inner, inner + low):
                k = j + high
                v0, v1 = load_register(local, j), load_register(local, j + low)
                v2, v3 = load_register(local, k), load_register(local, k + low)
                u0, u1, u2, u3 = v0 - a * v1, v1 + a * v0, v2 - a * v3, v3 + a * v2
                store(local, j, u0 - b * u2)
                store(local, j + low, u1 - b * u3)
                store(local, k, u2 + b * u0)
                store(local, k + low, u3 + b * u1)


@inlined
def pair_backward(psi, lam, size, low, high, a, b):  # type: ignore[no-untyped-def]
    """Undo `pair_forward` on both states and return the gradients of the two rotations."""
    by_a, by_b = full_register(psi, 0.0), full_register(psi, 0.0)
    for outer in range(0, size, 2 * high):
        for inner in range(outer, outer + high, 2 * low):
            for j in range(inner, inner + low):
                k = j + high
                v0, v1 = load_register(psi, j), load_register(psi, j + low)
                v2, v3 = load_register(psi, k), load_register(psi, k + low)
                l0, l1 = load_register(lam, j), load_register(lam, j + low)
                l2, l3 = load_register(lam, k), load_register(lam, k + low)
                # Sums apart from the running one keep its chain of dependent additions short.
                by_a = by_a + ((l1 * v0 - l0 * v1) + (l3 * v2 - l2 * v3))
                by_b = by_b + ((l2 * v0 - l0 * v2) + (l3 * v1 - l1 * v3))
                u0, u1, u2, u3 = v0 + a * v1, v1 - a * v0, v2 + a * v3, v3 - a * v2
                store(psi, j, u0 + b * u2)
                store(psi, j + low, u1 + b * u3)
                store(psi, k, u2 - b * u0)
                store(psi, k + low, u3 - b * u1)
                m0, m1, m2, m3 = l0 + a * l1, l1 - a * l0, l2 + a * l3, l3 - a * l2
                store(lam, j, m0 + b * m2)
                store(lam, j + low, m1 + b * m3)
                store(lam, k, m2 - b * m0)
                store(lam, k + low, m3 - b * m1)
    return by_a, by_b


@inlined
def first_of_pair(number, x, z, odd):  # type: ignore[no-untyped-def]
    """Return the place of even parity of a pair that a rotation turns; `odd` inverts the parity."""
    place = insert_zero(number, count_bits((x & -x) - 1))
    return place ^ (x * ((count_bits(place & z) ^ odd) & 1))


@inlined
def single_forward(local, size, x, z, odd, c, s):  # type: ignore[no-untyped-def]
    """Turn pairs of places by ``c + s J``."""
    for number in range(size >> 1):
        j0 = first_of_pair(number, x, z, odd)
        j1 = j0 ^ x
        v0, v1 = load(local, j0), load(local, j1)
        store(local, j0, c * v0 - s * v1)
        store(local, j1, c * v1 + s * v0)


@inlined
def single_backward(psi, lam, size, x, z, odd, c, s):  # type: ignore[no-untyped-def]
    """Undo `single_forward` on both states and return the gradient of the rotation."""
    by = full(psi, 0.0)
    for number in range(size >> 1):
        j0 = first_of_pair(number, x, z, odd)
        j1 = j0 ^ x
        v0, v1, l0, l1 = load(psi, j0), load(psi, j1), load(lam, j0), load(lam, j1)
        by = by + l1 * v0 - l0 * v1
        store(psi, j0, c * v0 + s * v1)
        store(psi, j1, c * v1 - s * v0)
        store(lam, j0, c * l0 + s * l1)
        store(lam, j1, c * l1 - s * l0)
    return by


@inlined
def block_forward(state, bases, offsets, passes, slots, tangents, cosines, sines, re, im, scale, local, num_rows):  # type: ignore[no-untyped-def]
    """Do a block's passes, then multiply by its table (re, im), or by `scale` where that is empty."""
    rows, width, one = len(offsets), registers_per_row(), full(state, 1.0)
    for i in range(len(bases)):
        base = bases[i]
        for j in range(rows):
            row = base ^ offsets[j]
            store(local, j, load(state, row))
            store(local, rows + j, load(state, num_rows + row))
        for p in range(len(passes)):
            kind, gate, x, z = passes[p, 0], passes[p, 1], passes[p, 2], passes[p, 3]
            if kind == PAIR:
                a = splat_register(tangents, gate) * sign_at(state, base, passes[p, 4])
                b = splat_register(tangents, passes[p, 5]) * sign_at(state, base, passes[p, 8])
                pair_forward(local, 2 * rows * width, x * width, passes[p, 6] * width, a, b)
            else:
                c, s = one, full(state, 0.0)
                if kind == PER_SAMPLE:
                    c, s = load(cosines, slots[gate]), load(sines, slots[gate])
                else:
                    s = splat(tangents, gate)
                single_forward(local, 2 * rows, x, z, count_bits(base & passes[p, 4]), c, s)
        for j in range(rows):
            row = base ^ offsets[j]
            u, v = load(local, j), load(local, rows + j)
            if len(re):
                c, s = splat(re, row), splat(im, row)
                store(state, row, c * u - s * v)
                store(state, num_rows + row, c * v + s * u)
            else:
                store(state, row, u * splat(scale, 0))
                store(state, num_rows + row, v * splat(scale, 0))


@inlined
def block_backward(  # type: ignore[no-untyped-def]
    psi, lam, bases, offsets, passes, slots, tangents, cosines, sines, re, im, scale, local, num_rows, gradient, flow
):
    """Undo `block_forward` on both states, add to the gates' gradient and write the flow through the table, by row."""
    rows, width, one, half = len(offsets), registers_per_row(), full(psi, 1.0), len(local) // 2
    local_psi, local_lam = local[:half], local[half:]
    for i in range(len(bases)):
        base = bases[i]
        for j in range(rows):
            row = base ^ offsets[j]
            u, v, m, n = load(psi, row), load(psi, num_rows + row), load(lam, row), load(lam, num_rows + row)
            if len(re):
                flow[row] = total(m * v - n * u)
                c, s = splat(re, row), splat(im, row)
                u, v, m, n = c * u + s * v, c * v - s * u, c * m + s * n, c * n - s * m
            else:
                c = splat(scale, 0)
                u, v, m, n = c * u, c * v, c * m, c * n
            store(local_psi, j, u)
            store(local_psi, rows + j, v)
            store(local_lam, j, m)
            store(local_lam, rows + j, n)
        for p in range(len(passes) - 1, -1, -1):
            kind, gate, x, z = passes[p, 0], passes[p, 1], passes[p, 2], passes[p, 3]
            if kind == PAIR:
                other = passes[p, 5]
                sign_a, sign_b = sign_at(psi, base, passes[p, 4]), sign_at(psi, base, passes[p, 8])
                a, b = splat_register(tangents, gate) * sign_a, splat_register(tangents, other) * sign_b
                by_a, by_b = pair_backward(
                    local_psi, local_lam, 2 * rows * width, x * width, passes[p, 6] * width, a, b
                )
                store(gradient, gate * width, load_register(gradient, gate * width) + sign_a * by_a)
                store(gradient, other * width, load_register(gradient, other * width) + sign_b * by_b)
            else:
                c, s = one, full(psi, 0.0)
                if kind == PER_SAMPLE:
                    c, s = load(cosines, slots[gate]), load(sines, slots[gate])
                else:
                    s = splat(tangents, gate)
                odd = count_bits(base & passes[p, 4])
                by = single_backward(local_psi, local_lam, 2 * rows, x, z, odd, c, s)
                store(gradient, gate, load(gradient, gate) + by)
        for j in range(rows):
            row = base ^ offsets[j]
            store(psi, row, load(local_psi, j))
            store(psi, num_rows + row, load(local_psi, rows + j))
            store(lam, row, load(local_lam, j))
            store(lam, num_rows + row, load(local_lam, rows + j))


@inlined
def apply_dense(state, bases, offsets, matrix, local, num_rows):  # type: ignore[no-untyped-def]
    """Apply a constant unitary, given as real and imaginary parts row by row."""
    rows = len(offsets)
    for i in range(len(bases)):
        base = bases[i]
        for j in range(rows):
            store(local, j, load(state, base ^ offsets[j]))
            store(local, rows + j, load(state, num_rows + (base ^ offsets[j])))
        for k in range(rows):
            re, im = full(state, 0.0), full(state, 0.0)
            for j in range(rows):
                a, b = splat(matrix, 2 * (k * rows + j)), splat(matrix, 2 * (k * rows + j) + 1)
                x, y = load(local, j), load(local, rows + j)
                re = re + a * x - b * y
                im = im + a * y + b * x
            store(state, base ^ offsets[k], re)
            store(state, num_rows + (base ^ offsets[k]), im)
