"""Electronic Hamiltonians in Fock space, written out with ladder operators as sparse matrices."""

from itertools import product

import numpy as np
from scipy.sparse import csr_array, eye_array, kron

Z = csr_array(np.diag([1.0, -1.0]))
LOWER = csr_array(np.array([[0.0, 1.0], [0.0, 0.0]]))


def annihilators(size):
    """Return a_p for every spin orbital; orbital 0 is the least significant bit."""
    return [string([Z] * p + [LOWER], size) for p in range(size)]


def string(factors, size):
    """Return a product of one-orbital operators, the first on orbital 0."""
    result = eye_array(2 ** (size - len(factors)), format="csr")
    for factor in reversed(factors):
        result = kron(result, factor, format="csr")
    return csr_array(result)


def hamiltonian(space):
    """Return the active space's Hamiltonian, spin orbital ``2 * orbital + spin``, dense."""
    n = space.num_orbitals
    lower = annihilators(2 * n)
    upper = [a.T for a in lower]
    total = space.constant * eye_array(4**n, format="csr")
    for p, q in product(range(n), repeat=2):
        for spin in (0, 1):
            total = total + space.one_body[p, q] * (upper[2 * p + spin] @ lower[2 * q + spin])
    pairs = {(i, j): lower[i] @ lower[j] for i, j in product(range(2 * n), repeat=2)}
    for p, q, r, s in product(range(n), repeat=4):
        if abs(space.two_body[p, q, r, s]) < 1e-12:
            continue
        for a, b in product((0, 1), repeat=2):
            # (pq|rs) / 2 times a+_p a+_r a_s a_q.
            creates = pairs[2 * r + b, 2 * p + a].T
            total = total + 0.5 * space.two_body[p, q, r, s] * (creates @ pairs[2 * s + b, 2 * q + a])
    return total.toarray()


def numbers(size):
    """Return alpha and beta electrons of every basis state, shape [2^size, 2]."""
    bits = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    return np.stack([bits[:, 0::2].sum(1), bits[:, 1::2].sum(1)], -1)
