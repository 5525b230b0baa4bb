"""Every gate as Pauli rotations, relabellings of the basis and, for a few constant gates, a dense matrix."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.gates import ROTATIONS, gate_matrix
from qloop.circuits.program import Angle, Operation


@dataclass(frozen=True)
class Rotation:
    """``exp(-i angle / 2 P)`` for P = i^|x & z| X^x Z^z, masks over the program's qubits."""

    x: int
    z: int
    angle: Angle


@dataclass(frozen=True)
class Flip:
    """X on one qubit."""

    qubit: int


@dataclass(frozen=True)
class Cnot:
    """X on the target where the control is 1."""

    control: int
    target: int


@dataclass(frozen=True)
class Phase:
    """A global phase ``exp(i angle)``."""

    angle: Angle


@dataclass(frozen=True)
class Matrix:
    """A constant unitary, the first qubit its least significant bit."""

    qubits: tuple[int, ...]
    entries: NDArray[np.complex128]


Step = Rotation | Flip | Cnot | Phase | Matrix
Qubits = Sequence[int]
_ZERO = Angle()


def add_angles(*weighted: tuple[float, Angle]) -> Angle:
    """Return the weighted sum of angles."""
    terms: dict[int, float] = {}
    for weight, angle in weighted:
        for parameter, scale in angle.terms.items():
            terms[parameter] = terms.get(parameter, 0.0) + weight * scale
    return Angle(sum(weight * angle.offset for weight, angle in weighted), terms)


def decompose(operation: Operation) -> list[Step]:
    """Return steps whose product, first step first, is the gate with its global phase.

    Args:
        operation: any gate of a program.
    """
    name, qubits = operation.name, operation.qubits
    if name in _RECIPES:
        return _RECIPES[name](qubits, *operation.angles)
    if name == "pauli_rotation":
        return [_rotation(["IXYZ"[letter] for letter in operation.letters], qubits, operation.angles[0])]
    if name in ROTATIONS:
        return [_rotation(["IXYZ"[letter] for letter in ROTATIONS[name]], qubits, operation.angles[0])]
    return [Matrix(qubits, gate_matrix(name) if operation.matrix is None else operation.matrix)]


def _rotation(letters: Sequence[str], qubits: Qubits, angle: Angle | float) -> Rotation:
    pairs = list(zip(letters, qubits, strict=True))
    x, z = (sum(1 << qubit for letter, qubit in pairs if letter in kind) for kind in ("XY", "YZ"))
    return Rotation(x, z, angle if isinstance(angle, Angle) else Angle(angle))


def _phase_of_ones(qubits: Qubits, angle: Angle | float) -> list[Step]:
    """Return the steps of ``exp(i angle)`` where all qubits are 1: the product of (1 - Z) / 2 over them, expanded."""
    whole = angle if isinstance(angle, Angle) else Angle(angle)
    share = 0.5 ** len(qubits)
    steps: list[Step] = [Phase(add_angles((share, whole)))]
    for size in range(1, len(qubits) + 1):
        weight = -2 * share * (-1) ** size
        steps += [_rotation("Z" * size, some, add_angles((weight, whole))) for some in combinations(qubits, size)]
    return steps


def _controlled_rotation(letter: str, qubits: Qubits, angle: Angle | float) -> list[Step]:
    whole = angle if isinstance(angle, Angle) else Angle(angle)
    alone = _rotation(letter, qubits[1:], add_angles((0.5, whole)))
    return [alone, _rotation("Z" + letter, qubits, add_angles((-0.5, whole)))]


def _conjugated(qubit: int, turn: float, inner: list[Step]) -> list[Step]:
    """Return the steps with the Z axis of a qubit turned towards X by an angle."""
    return [_rotation("Y", [qubit], -turn), *inner, _rotation("Y", [qubit], turn)]


def _swap(qubits: Qubits) -> list[Step]:
    first, second = qubits
    return [Cnot(first, second), Cnot(second, first), Cnot(first, second)]


def _u(qubits: Qubits, theta: Angle | float, phi: Angle, lam: Angle) -> list[Step]:
    return [
        Phase(add_angles((0.5, phi), (0.5, lam))),
        _rotation("Z", qubits, lam),
        _rotation("Y", qubits, theta),
        _rotation("Z", qubits, phi),
    ]


def _cu(qubits: Qubits, theta: Angle, phi: Angle, lam: Angle, gamma: Angle = _ZERO) -> list[Step]:
    return [
        *_phase_of_ones(qubits[:1], add_angles((1, gamma), (0.5, phi), (0.5, lam))),
        *_controlled_rotation("Z", qubits, lam),
        *_controlled_rotation("Y", qubits, theta),
        *_controlled_rotation("Z", qubits, phi),
    ]


def _r(qubits: Qubits, theta: Angle, phi: Angle) -> list[Step]:
    quarter = Angle(np.pi / 2)
    return _u(qubits, theta, add_angles((1, phi), (-1, quarter)), add_angles((1, quarter), (-1, phi)))


def _exchange(sign: float) -> Callable[..., list[Step]]:
    """Return exp(-i theta / 4 (XX + sign YY)) between turns of the second qubit about Z by beta."""

    def steps(qubits: Qubits, theta: Angle, beta: Angle) -> list[Step]:
        return [
            _rotation("Z", qubits[1:], add_angles((-1, beta))),
            _rotation("XX", qubits, add_angles((0.5, theta))),
            _rotation("YY", qubits, add_angles((0.5 * sign, theta))),
            _rotation("Z", qubits[1:], beta),
        ]

    return steps


def _fixed_phase(angle: float) -> Callable[..., list[Step]]:
    return lambda q: _phase_of_ones(q, angle)


def _ccx(qubits: Qubits) -> list[Step]:
    return _conjugated(qubits[-1], np.pi / 2, _phase_of_ones(qubits, np.pi))


_PI = np.pi
_RECIPES: dict[str, Callable[..., list[Step]]] = {
    "id": lambda _: [],
    "x": lambda q: [Flip(q[0])],
    "y": lambda q: [*_phase_of_ones(q, _PI), Flip(q[0]), Phase(Angle(_PI / 2))],
    "z": _fixed_phase(_PI),
    "h": lambda q: [*_phase_of_ones(q, _PI), _rotation("Y", q, _PI / 2)],
    "s": _fixed_phase(_PI / 2),
    "sdg": _fixed_phase(-_PI / 2),
    "t": _fixed_phase(_PI / 4),
    "tdg": _fixed_phase(-_PI / 4),
    "sx": lambda q: [Phase(Angle(_PI / 4)), _rotation("X", q, _PI / 2)],
    "sxdg": lambda q: [Phase(Angle(-_PI / 4)), _rotation("X", q, -_PI / 2)],
    "p": _phase_of_ones,
    "r": _r,
    "u": _u,
    "u1": _phase_of_ones,
    "u2": lambda q, phi, lam: _u(q, _PI / 2, phi, lam),
    "u3": _u,
    "cx": lambda q: [Cnot(*q)],
    "cy": lambda q: [*_phase_of_ones(q[1:], -_PI / 2), Cnot(*q), *_phase_of_ones(q[1:], _PI / 2)],
    "cz": _fixed_phase(_PI),
    "ch": lambda q: _conjugated(q[1], _PI / 4, _phase_of_ones(q, _PI)),
    "cs": _fixed_phase(_PI / 2),
    "csdg": _fixed_phase(-_PI / 2),
    "csx": lambda q: [*_phase_of_ones(q[:1], _PI / 4), *_controlled_rotation("X", q, _PI / 2)],
    "swap": _swap,
    "iswap": lambda q: [_rotation("XX", q, -_PI / 2), _rotation("YY", q, -_PI / 2)],
    "ecr": lambda q: [_rotation("ZX", q, _PI / 2), Flip(q[0])],
    "dcx": lambda q: [Cnot(q[0], q[1]), Cnot(q[1], q[0])],
    "crx": lambda q, angle: _controlled_rotation("X", q, angle),
    "cry": lambda q, angle: _controlled_rotation("Y", q, angle),
    "crz": lambda q, angle: _controlled_rotation("Z", q, angle),
    "cp": _phase_of_ones,
    "cu": _cu,
    "cu1": _phase_of_ones,
    "cu3": _cu,
    "xx_minus_yy": _exchange(-1),
    "xx_plus_yy": _exchange(1),
    "ccx": _ccx,
    "ccz": _fixed_phase(_PI),
    "cswap": lambda q: [Cnot(q[2], q[1]), *_ccx(q), Cnot(q[2], q[1])],
    "c3sx": lambda q: _conjugated(q[3], _PI / 2, _phase_of_ones(q, _PI / 2)),
}
