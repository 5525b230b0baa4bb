"""A density matrix with a device's noise, written out with Kraus operators and full matrices."""

import numpy as np

from qloop.circuits.gates import PAULIS, gate_matrix

Z = PAULIS[3]


def noisy_probabilities(device, program, values, bases, idle):
    """Return outcome probabilities, shape [settings, 2^outputs], little-endian."""
    used = program.used_qubits()
    rho = _evolve(device, program, values, used, idle)
    return np.array([_measure(device, rho, program.outputs.tolist(), used, basis) for basis in bases])


def _evolve(device, program, values, used, idle):
    rho = np.zeros((2 ** len(used),) * 2, complex)
    rho[0, 0] = 1
    clock = dict.fromkeys(used, 0.0)
    for operation in program.operations():
        qubits = operation.qubits
        start = max(clock[q] for q in qubits)
        for q in qubits:
            if idle and len(qubits) == 2:
                rho = _relax(device, rho, used, q, start - clock[q])
            clock[q] = start + device.gate_ns(operation.name, qubits)
        angles = [a.offset + sum(scale * values[k] for k, scale in a.terms.items()) for a in operation.angles]
        rho = _noisy_gate(device, rho, used, operation.name, qubits, angles)
        if len(qubits) == 2:
            rho = _zz(device, rho, used, qubits, device.gate_ns(operation.name, qubits))
    if idle:
        for q in program.outputs.tolist():
            rho = _relax(device, rho, used, q, max(clock.values()) - clock[q])
    return rho


def _measure(device, rho, outputs, used, basis):
    for q, letter in zip(outputs, basis, strict=True):
        if letter == 1:
            rho = _noisy_gate(device, rho, used, "rz", (q,), [np.pi / 2])
        if letter != 3:
            rho = _noisy_gate(device, rho, used, "sx", (q,), [])
    ideal = np.real(np.diag(rho))
    read = np.zeros(2 ** len(outputs))
    for state, probability in enumerate(ideal):
        for outcome in range(len(read)):
            weight = probability
            for k, q in enumerate(outputs):
                prepared, bit = state >> used.index(q) & 1, outcome >> k & 1
                wrong = device.readout_error[q, prepared]
                weight *= wrong if bit != prepared else 1 - wrong
            read[outcome] += weight
    return read


def _noisy_gate(device, rho, used, name, qubits, angles):
    rho = _apply(rho, [gate_matrix(name, angles)], used, qubits)
    time, error, dim = device.gate_ns(name, qubits), device.gate_error(name, qubits), 2 ** len(qubits)
    kraus = [np.eye(1)]
    for q in qubits:
        kraus = [np.kron(k, before) for k in _relaxation(device, q, time) for before in kraus]
    fidelity = (sum(abs(np.trace(k)) ** 2 for k in kraus) + dim) / (dim * (dim + 1))
    # Depolarising with probability p leaves (1 - p) fidelity + p / dim: solve for the reported error.
    p = max(0.0, (fidelity - (1 - error)) / (fidelity - 1 / dim))
    strings = [np.kron(b, a) for b in PAULIS for a in PAULIS] if dim == 4 else list(PAULIS)
    mixed = [np.sqrt(p) / dim * string for string in strings]
    rho = _apply(rho, [np.sqrt(1 - p) * np.eye(dim), *mixed], used, qubits)
    return _apply(rho, kraus, used, qubits)


def _zz(device, rho, used, qubits, time):
    low, high = sorted(qubits)
    rho = _apply(rho, [_zz_matrix(device.coherent_zz.get((low, high), 0.0))], used, qubits)
    for (a, b), rate in device.crosstalk_zz.items():
        if len({a, b} & set(qubits)) == 1 and {a, b} <= set(used):
            rho = _apply(rho, [_zz_matrix(rate * time / 1000)], used, (a, b))
    return rho


def _zz_matrix(angle):
    return np.cos(angle / 2) * np.eye(4) - 1j * np.sin(angle / 2) * np.kron(Z, Z)


def _relax(device, rho, used, qubit, time):
    return _apply(rho, _relaxation(device, qubit, time), used, (qubit,))


def _relaxation(device, qubit, time):
    decay = 1 - np.exp(-time / device.t1_ns[qubit])
    coherence = np.exp(-time / device.t2_ns[qubit] + time / (2 * device.t1_ns[qubit]))
    damping = [np.diag([1, np.sqrt(1 - decay)]), np.array([[0, np.sqrt(decay)], [0, 0]])]
    flip = [np.sqrt((1 + coherence) / 2) * np.eye(2), np.sqrt((1 - coherence) / 2) * Z]
    return [a @ b for a in flip for b in damping]


def _apply(rho, kraus, used, qubits):
    full = [_embed(matrix, [used.index(q) for q in qubits], len(used)) for matrix in kraus]
    return sum(matrix @ rho @ matrix.conj().T for matrix in full)


def _embed(matrix, wires, num_qubits):
    full = np.zeros((2**num_qubits,) * 2, complex)
    for column in range(2**num_qubits):
        small = sum((column >> wire & 1) << k for k, wire in enumerate(wires))
        rest = column & ~sum(1 << wire for wire in wires)
        for row in range(len(matrix)):
            full[rest | sum((row >> k & 1) << wire for k, wire in enumerate(wires)), column] = matrix[row, small]
    return full
