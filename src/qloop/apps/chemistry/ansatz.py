"""One ansatz for a whole curve: single Pauli rotations, each used once, grown where all geometries gain most per gate.

Every operator is used once and a small penalty keeps the parameters on one smooth branch: that is what lets neighbours'
optima start a new geometry.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from qloop.apps.chemistry.mapping import QubitCurve
from qloop.circuits.pauli import PauliSum
from qloop.circuits.program import Angle, Operation, Program
from qloop.circuits.simulate.statevector import CompiledEnergy, CompiledObservable, simulate

FloatArray = NDArray[np.float64]
Letters = NDArray[np.uint8]
PENALTY_HA = 1e-4
"""Weight of the squared parameters: without it they jump between branches on stretched H4 and N2 (our measurement)."""
GAIN_HA = 1e-4
"""Gain of an operator, at the anchor where it is largest, below which growth without a target stops."""
GRADIENT_HA = 3e-3
"""Largest gradient entry, hartree per radian, at which an optimum is certified."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Optimum:
    """A certified minimum of one geometry.

    Args:
        values: parameters in radians.
        energy_ha: energy without the penalty.
        evaluations: energy-and-gradient evaluations it took, certification included.
        curvature: inverse Hessian estimate, shape [parameters, parameters].
    """

    values: FloatArray
    energy_ha: float
    evaluations: int
    curvature: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Grown:
    """An ansatz with its optima at the anchor geometries.

    Args:
        program: Hartree-Fock bits, then the rotations, one parameter each.
        operators: rotated Pauli strings, shape [parameters, num_qubits].
        optima: one an anchor.
        reached: whether every anchor is at its target.
    """

    program: Program
    operators: Letters
    optima: tuple[Optimum, ...]
    reached: bool

    @property
    def energies_ha(self) -> FloatArray:
        """Energy at each anchor."""
        return np.array([optimum.energy_ha for optimum in self.optima])


def build_ansatz(reference: Letters, operators: Letters) -> Program:
    """Return the program that prepares the reference and rotates about each operator by its own parameter."""
    width = len(reference)
    names = [f"t{k:03d}" for k in range(len(operators))]
    flips = [Operation("x", (q,)) for q in np.flatnonzero(reference).tolist()]
    rotations = []
    for k, row in enumerate(operators):
        support = tuple(np.flatnonzero(row).tolist())
        letters = tuple(row[list(support)].tolist())
        rotations.append(Operation("pauli_rotation", support, (Angle(0.0, {k: 1.0}),), letters))
    return Program.from_operations(width, [*flips, *rotations], names)


def operator_pool(curve: QubitCurve) -> Letters:
    """Return real rotations for every excitation of the Hamiltonian: Y on one of its qubits, X on the others.

    Source: qubit-ADAPT, Tang et al., arXiv:1911.10205, with the Z strings dropped.
    """
    letters = curve.hamiltonians[0].letters
    patterns = np.unique((letters == 1) | (letters == 2), axis=0)
    rows = [(pattern, q) for pattern in patterns for q in np.flatnonzero(pattern)]
    pool = np.array([pattern for pattern, _ in rows], np.uint8)
    pool[np.arange(len(rows)), [q for _, q in rows]] = 2
    return pool


def optimise(energy: CompiledEnergy, start: FloatArray, curvature: FloatArray | None = None) -> Optimum:
    """Minimise one geometry's energy by BFGS until the gradient certifies it.

    Args:
        energy: prepared energy of the ansatz.
        start: first parameters.
        curvature: inverse Hessian to start from, `None` for the identity.
    """

    def penalised(values: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = energy.value_and_gradient(values)
        return value + float(PENALTY_HA * values @ values), gradient + 2 * PENALTY_HA * values

    first = np.eye(len(start)) if curvature is None else curvature
    result = minimize(penalised, start, jac=True, method="BFGS", options={"gtol": GRADIENT_HA, "hess_inv0": first})
    inverse = np.asarray(result.hess_inv)
    return Optimum(
        values=result.x,
        energy_ha=float(result.fun - PENALTY_HA * result.x @ result.x),
        evaluations=int(result.nfev),
        curvature=(inverse + inverse.T) / 2,
    )


def count_rotations(program: Program) -> int:
    """Return the CNOTs of the rotations one by one, on a device where all qubits are coupled."""
    return int(sum(2 * (len(operation.qubits) - 1) for operation in program.operations()))


def grow(
    curve: QubitCurve,
    anchors: Sequence[int],
    *,
    target_ha: FloatArray | None = None,
    power: float = 1.0,
    most: int = 24,
    limit: int | None = None,
) -> Grown:
    """Grow the ansatz one operator at a time.

    The operator with the largest squared gradient over the anchors per ``(CNOTs + 1)^power`` comes next.

    Args:
        curve: encoded Hamiltonians.
        anchors: geometries that take part.
        target_ha: energy to reach at each anchor; without it growth stops when an operator gains less than `GAIN_HA`.
        power: how much gates weigh.
        most: largest number of operators.
        limit: give up beyond this many CNOTs, for a search that has seen better.

    Source: Grimsley et al., arXiv:1812.11173; one sequence for a whole curve and the price per gate are ours.
    """
    hamiltonians = [curve.hamiltonians[k] for k in anchors]
    images = [CompiledObservable(hamiltonian) for hamiltonian in hamiltonians]
    letters = operator_pool(curve)
    pool = _Pool(letters)
    price = (1.0 + 2.0 * (np.count_nonzero(letters, axis=1) - 1)) ** power
    chosen: list[int] = []
    program = build_ansatz(curve.reference, letters[chosen])
    optima = [_empty(program, hamiltonian) for hamiltonian in hamiltonians]
    while True:
        energies = np.array([optimum.energy_ha for optimum in optima])
        reached = target_ha is not None and bool((energies <= target_ha).all())
        if chosen and (reached or len(chosen) >= min(most, len(letters))):
            break
        if limit is not None and count_rotations(program) > limit:
            break
        scores = np.zeros(len(letters))
        for image, optimum in zip(images, optima, strict=True):
            state = simulate(program, optimum.values)
            scores += pool.gradients(state, image.apply(state)) ** 2
        scores[chosen] = 0.0
        chosen.append(int(np.argmax(scores / price)))
        program = build_ansatz(curve.reference, letters[chosen])
        optima = [
            optimise(CompiledEnergy(program, hamiltonian), np.append(optimum.values, 0.0), _bordered(optimum.curvature))
            for hamiltonian, optimum in zip(hamiltonians, optima, strict=True)
        ]
        gained = (energies - [optimum.energy_ha for optimum in optima]).max()
        if target_ha is None and gained < GAIN_HA:
            break
    return Grown(program=program, operators=letters[chosen], optima=tuple(optima), reached=reached)


def prune(curve: QubitCurve, grown: Grown, anchors: Sequence[int], target_ha: FloatArray) -> Grown:
    """Drop operators, the dearest and least turned first, while every anchor stays at its target.

    Growth is greedy: early operators are often made superfluous by later ones.

    Args:
        curve: encoded Hamiltonians.
        grown: ansatz that reaches the target.
        anchors: geometries it was grown on.
        target_ha: energy to reach at each.
    """
    turned = np.abs([optimum.values for optimum in grown.optima]).max(0)
    price = np.count_nonzero(grown.operators, axis=1) - 1
    keep = list(range(len(grown.operators)))
    for k in sorted(keep, key=lambda k: (turned[k] / (price[k] + 0.1), k)):
        rest = [other for other in keep if other != k]
        if not rest:
            break
        place = [keep.index(other) for other in rest]
        program = build_ansatz(curve.reference, grown.operators[rest])
        optima: list[Optimum] = []
        for anchor, optimum, target in zip(anchors, grown.optima, target_ha, strict=True):
            energy = CompiledEnergy(program, curve.hamiltonians[anchor])
            optima.append(optimise(energy, optimum.values[place], optimum.curvature[np.ix_(place, place)]))
            if optima[-1].energy_ha > target:
                break
        else:
            keep = rest
            grown = Grown(program=program, operators=grown.operators, optima=tuple(optima), reached=True)
    return Grown(program=grown.program, operators=grown.operators[keep], optima=grown.optima, reached=True)


def _empty(program: Program, hamiltonian: PauliSum) -> Optimum:
    energy = hamiltonian.expectation(simulate(program, np.zeros(0)))
    return Optimum(values=np.zeros(0), energy_ha=energy, evaluations=1, curvature=np.zeros((0, 0)))


def _bordered(curvature: FloatArray) -> FloatArray:
    size = len(curvature)
    bordered = np.eye(size + 1)
    bordered[:size, :size] = curvature
    return bordered


class _Pool:
    """The pool as index and sign tables, so that all its gradients are one pass over a state."""

    def __init__(self, letters: Letters) -> None:
        states = np.arange(1 << letters.shape[1])
        places = 1 << np.arange(letters.shape[1])
        flips = ((letters == 1) | (letters == 2)) @ places
        signs = (letters == 2) @ places
        self.image = states ^ flips[:, None]
        # One Y a string: P = i (-1)^bit on the flipped state.
        self.sign = 1.0 - 2.0 * (np.bitwise_count(states & signs[:, None]) & 1)

    def gradients(self, state: NDArray[np.complex128], image: NDArray[np.complex128]) -> FloatArray:
        """Return dE/dt at t = 0 of every rotation exp(-i t/2 P) put behind the state, whose image under H is given."""
        # Not a matrix product: at this size its threads cost more than the sum.
        return np.asarray(np.einsum("pk,pk,k->p", image.conj()[self.image], self.sign, state).real)
