"""Circuits to train, as programs: parameters named x[k] are inputs, w[k] are weights."""

from collections.abc import Iterable, Sequence

from qloop.circuits.program import Angle, Operation, Program
from qloop.core.errors import InvalidValueError

Pair = tuple[int, int]


def hardware_efficient(num_qubits: int, layers: int, reupload: bool = False) -> Program:
    """Return the hardware-efficient circuit: RY encoding, then layers of RY, RZ and a ring of CNOTs.

    Args:
        num_qubits: one input each.
        layers: at least 1.
        reupload: whether the inputs are encoded again before every layer.

    Raises:
        InvalidValueError: no qubit or no layer.

    Source: Kandala et al., arXiv:1704.05018.
    """
    _check(num_qubits, layers)
    build = _Build(num_qubits)
    for layer in range(layers):
        if layer == 0 or reupload:
            build.encode("ry", num_qubits)
        build.rotate("ry", "rz")
        build.place("cx", _ring(num_qubits))
    return build.program()


def reupload(num_qubits: int, layers: int, num_inputs: int | None = None) -> Program:
    """Return the data re-uploading circuit: before every layer all inputs are encoded anew.

    Input k is encoded on qubit k modulo `num_qubits`, by RY in the first round over the qubits, RZ in the second, RY in
    the third; a layer is RZ, RY, RZ on every qubit and a ring of CZs.

    Args:
        num_qubits: width of the register.
        layers: at least 1; the outputs are Fourier series of up to this degree in each input.
        num_inputs: by default `num_qubits`.

    Raises:
        InvalidValueError: no qubit, no layer or no input.

    Source: Perez-Salinas et al., arXiv:1907.02085; the Fourier series, Schuld et al., arXiv:2008.08605.
    """
    _check(num_qubits, layers)
    width = num_qubits if num_inputs is None else num_inputs
    if width < 1:
        raise InvalidValueError(f"`num_inputs` must be at least 1, got {num_inputs}.")
    build = _Build(num_qubits)
    # CZ has no direction and is its own inverse: the two edges of a ring of two would cancel.
    ring = _ring(num_qubits)[: num_qubits if num_qubits > 2 else 1]
    for _ in range(layers):
        build.encode("ry", width, "rz")
        build.rotate("rz", "ry", "rz")
        build.place("cz", ring)
    # The last ring would be hidden from a measurement in the computational basis.
    build.rotate("ry")
    return build.program()


def iqp(num_qubits: int, layers: int) -> Program:
    """Return layers of Hadamards and diagonal gates: RZ of each input, weighted RZ, and RZZ on every pair.

    Args:
        num_qubits: one input each.
        layers: at least 1.

    Raises:
        InvalidValueError: no qubit or no layer.

    Source: Havlicek et al., arXiv:1804.11326, with weights in place of the products of inputs.
    """
    _check(num_qubits, layers)
    build, everywhere = _Build(num_qubits), [(qubit,) for qubit in range(num_qubits)]
    for _ in range(layers):
        build.place("h", everywhere)
        build.encode("rz", num_qubits)
        build.rotate("rz")
        build.couple("rzz", _all_pairs(num_qubits))
    build.place("h", everywhere)
    return build.program()


def qcnn(num_qubits: int) -> Program:
    """Return a quantum convolutional network: RY encoding, then convolution and pooling until one qubit is left.

    All pairs of a layer share its weights. Pooling drops every second qubit after a controlled RZ and RX onto its
    neighbour; the one output is the last qubit.

    Args:
        num_qubits: one input each, at least 2.

    Raises:
        InvalidValueError: fewer than 2 qubits.

    Source: Cong et al., arXiv:1810.03573; the blocks, Hur et al., arXiv:2108.00661.
    """
    if num_qubits < 2:
        raise InvalidValueError(f"`num_qubits` must be at least 2, got {num_qubits}.")
    build = _Build(num_qubits)
    build.encode("ry", num_qubits)
    active = list(range(num_qubits))
    while len(active) > 1:
        build.convolve(list(zip(active[::2], active[1::2], strict=False)))
        build.convolve(list(zip(active[1::2], active[2::2], strict=False)))
        build.pool(list(zip(active[1::2], active[::2], strict=False)))
        active = active[::2]
    return build.program(outputs=active)


def brickwork(num_qubits: int, layers: int) -> Program:
    """Return RY encoding, then a brick wall of RY, RZ, RXX, RYY, RZZ on alternating neighbouring pairs.

    A brick is any two-qubit unitary up to one-qubit gates, which the next layer brings.

    Args:
        num_qubits: one input each, at least 2.
        layers: at least 1.

    Raises:
        InvalidValueError: fewer than 2 qubits or no layer.

    Source: the canonical decomposition, Kraus and Cirac, arXiv:quant-ph/0011050.
    """
    if num_qubits < 2:
        raise InvalidValueError(f"`num_qubits` must be at least 2, got {num_qubits}.")
    _check(num_qubits, layers)
    build = _Build(num_qubits)
    build.encode("ry", num_qubits)
    for layer in range(layers):
        pairs = [(q, q + 1) for q in range(layer % 2, num_qubits - 1, 2)]
        build.rotate("ry", "rz", qubits=[qubit for pair in pairs for qubit in pair])
        for name in ("rxx", "ryy", "rzz"):
            build.couple(name, pairs)
    build.rotate("ry")
    return build.program()


class _Build:
    """A program under construction, which counts its inputs and weights."""

    def __init__(self, num_qubits: int) -> None:
        self.num_qubits = num_qubits
        self.operations: list[Operation] = []
        self.parameters: dict[str, int] = {}
        self.num_weights = 0

    def encode(self, name: str, num_inputs: int, *others: str) -> None:
        """Rotate by each input, round after round over the qubits, the rounds by the given gates in turn."""
        names = (name, *others)
        for k in range(num_inputs):
            turn = names[k // self.num_qubits % len(names)]
            self.operations.append(Operation(turn, (k % self.num_qubits,), (self.parameter(f"x[{k}]"),)))

    def rotate(self, *names: str, qubits: Sequence[int] | None = None) -> None:
        for name in names:
            for qubit in range(self.num_qubits) if qubits is None else qubits:
                self.operations.append(Operation(name, (qubit,), (self.weight(),)))

    def place(self, name: str, places: Iterable[tuple[int, ...]]) -> None:
        self.operations += [Operation(name, place) for place in places]

    def couple(self, name: str, pairs: Iterable[Pair]) -> None:
        self.operations += [Operation(name, pair, (self.weight(),)) for pair in pairs]

    def convolve(self, pairs: Sequence[Pair]) -> None:
        if pairs:
            for side in (0, 1):
                self.share("ry", [(pair[side],) for pair in pairs])
                self.share("rz", [(pair[side],) for pair in pairs])
            for name in ("rxx", "ryy", "rzz"):
                self.share(name, pairs)

    def pool(self, pairs: Sequence[Pair]) -> None:
        self.share("crz", pairs)
        self.place("x", [(dropped,) for dropped, _ in pairs])
        self.share("crx", pairs)

    def share(self, name: str, places: Sequence[tuple[int, ...]]) -> None:
        weight = self.weight()
        self.operations += [Operation(name, place, (weight,)) for place in places]

    def weight(self) -> Angle:
        self.num_weights += 1
        return self.parameter(f"w[{self.num_weights - 1}]")

    def parameter(self, name: str) -> Angle:
        return Angle(0.0, {self.parameters.setdefault(name, len(self.parameters)): 1.0})

    def program(self, outputs: Sequence[int] | None = None) -> Program:
        return Program.from_operations(self.num_qubits, self.operations, list(self.parameters), outputs)


def _ring(num_qubits: int) -> list[Pair]:
    return [(q, (q + 1) % num_qubits) for q in range(num_qubits)] if num_qubits > 1 else []


def _all_pairs(num_qubits: int) -> list[Pair]:
    return [(a, b) for a in range(num_qubits) for b in range(a + 1, num_qubits)]


def _check(num_qubits: int, layers: int) -> None:
    for name, value in (("num_qubits", num_qubits), ("layers", layers)):
        if value < 1:
            raise InvalidValueError(f"`{name}` must be at least 1, got {value}.")
