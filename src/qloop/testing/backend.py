"""The contract of `Backend`, run against an implementation."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from qloop.circuits import Angle, Operation, Program
from qloop.circuits.gates import gate_matrix
from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng
from qloop.devices import Backend, Device, GateCalibration, IdealSimulator, Request, Shots
from qloop.devices.bases import basis_change
from qloop.devices.channels import unitary_channel
from qloop.testing.require import require

_WIDTH = 9
"""One more than a byte holds."""
_SHOTS = 400


def check_backend(backend: Backend, reproducible: bool = True, tolerance: float = 0.2) -> None:
    """Run the contract of `Backend`: at most 3 runs of 7 circuits of one-qubit gates, with about 400 shots each.

    Checked are the order of the answers, the number of shots of every setting, types, packing and bit order on states
    that are not symmetric, measurement bases, parameter values, seeds, and the errors for what cannot be run.

    Args:
        backend: an implementation.
        reproducible: whether equal seeds must give equal shots; hardware cannot.
        tolerance: how far noise may move the mean of a bit from its ideal value.

    Raises:
        AssertionError: one sentence for the first rule that is broken.
    """
    require(isinstance(backend, Backend), f"a backend has `name`, `device` and `run`, got {type(backend).__name__}.")
    require(isinstance(backend.name, str), "`name` must be a string.")
    device = _ideal_device() if backend.device is None else backend.device
    requests = _requests(device)
    taken = backend.run(requests, make_rng(1))
    require(isinstance(taken, list), f"`run` must return a list, got {type(taken).__name__}.")
    require(len(taken) == len(requests), f"{len(requests)} requests got {len(taken)} answers.")
    for number, (request, shots) in enumerate(zip(requests, taken, strict=True)):
        _check_form(f"answer {number}", request, shots)
    for request, shots in zip(requests, taken, strict=True):
        _check_bits(request, shots, tolerance)
    _check_seeds(backend, requests, taken, reproducible)
    _check_errors(backend, device, requests[0])


def _check_form(answer: str, request: Request, shots: Shots) -> None:
    width = request.bases.shape[1]
    require(isinstance(shots, Shots), f"{answer} must be `Shots`, got {type(shots).__name__}.")
    require(shots.num_qubits == width, f"{answer} must have {width} qubits, got {shots.num_qubits}.")
    require(
        np.array_equal(shots.bases, request.bases) and shots.bases.dtype == np.uint8,
        f"{answer} must carry the request's `bases` as uint8.",
    )
    require(shots.setting.dtype == np.int32, f"{answer}: `setting` must be int32, got {shots.setting.dtype}.")
    counts = np.bincount(shots.setting, minlength=len(request.shots)).tolist()
    require(counts == request.shots.tolist(), f"{answer} must have {request.shots} shots a setting, got {counts}.")
    shape = (int(request.shots.sum()), -(-width // 8))
    require(shots.bits.dtype == np.uint8, f"{answer}: `bits` must be uint8, got {shots.bits.dtype}.")
    require(shots.bits.shape == shape, f"{answer}: `bits` must have shape {shape}, got {shots.bits.shape}.")
    spare = np.unpackbits(shots.bits, axis=1, bitorder="little")[:, width:]
    require(not spare.any(), f"{answer}: bits beyond the last qubit must be 0.")


def _check_bits(request: Request, shots: Shots, tolerance: float) -> None:
    ideal = IdealSimulator().probabilities(request)
    states = np.arange(ideal.shape[1])
    bits = shots.unpacked()
    for setting in np.flatnonzero(request.shots).tolist():
        for qubit in range(shots.num_qubits):
            expected = ideal[setting, (states >> qubit & 1) == 1].sum()
            mean = bits[shots.setting == setting, qubit].mean()
            what = f"{request.label}: bit {qubit} read along {'IXYZ'[request.bases[setting, qubit]]}"
            require(
                abs(mean - expected) < tolerance,
                f"{what} must be 1 in {expected:.0%} of the shots, got {mean:.0%}.",
            )


def _check_seeds(backend: Backend, requests: Sequence[Request], taken: Sequence[Shots], reproducible: bool) -> None:
    def differs(seed: int) -> bool:
        again = backend.run(requests, make_rng(seed))
        return any(not np.array_equal(a.bits, b.bits) for a, b in zip(again, taken, strict=True))

    require(not (reproducible and differs(1)), "equal seeds must give equal shots.")
    require(differs(2), "another seed must give other shots.")


def _check_errors(backend: Backend, device: Device, request: Request) -> None:
    program, qubit = request.program, int(request.program.outputs[0])
    empty = Request(program=program, values=request.values, bases=request.bases[:1], shots=np.zeros(1, np.int64))
    _require_error(lambda: backend.run([empty], make_rng(3)), "a request without shots")
    if backend.device is None:
        return
    num_qubits = device.num_qubits
    wide = program.relabel({q: q for q in range(num_qubits)}, num_qubits + 1)
    foreign = Program.from_operations(num_qubits, [Operation("unitary", (qubit,), matrix=np.eye(2))], outputs=[qubit])
    for name, wrong in (("a program on more qubits than the device", wide), ("a gate the device lacks", foreign)):
        bases = np.full((1, len(wrong.outputs)), 3, np.uint8)
        values = np.zeros(wrong.num_parameters)
        bad = Request(program=wrong, values=values, bases=bases, shots=np.ones(1, np.int64))
        _require_error(lambda bad=bad: backend.run([bad], make_rng(3)), name)  # type: ignore[misc]


def _requests(device: Device) -> list[Request]:
    """Return requests whose bits, bases and values all matter, on the device's best qubits."""
    qubits = _best_qubits(device)
    letters = np.arange(len(qubits)) % 3 + 1
    z = np.full(len(qubits), 3)
    first = _prepared(device, qubits, z, np.arange(len(qubits)) % 8 == 0)
    second = _prepared(device, qubits, z, np.arange(len(qubits)) % 8 == 1)
    third = _prepared(device, qubits, letters, np.arange(len(qubits)) // 3 % 2 == 1)
    bases = np.array([letters, np.roll(letters, 1), z, np.roll(letters, 2)])
    requests = [
        _request("ones on qubits 0 and 8", first, z[np.newaxis], [_SHOTS]),
        _request("a one on qubit 1", second, z[np.newaxis], [_SHOTS + 7]),
        _request("states along X, Y and Z", third, bases, [_SHOTS, _SHOTS + 1, 0, _SHOTS - 2]),
    ]
    return [*requests, *_rotated(device, qubits[0])]


def _request(label: str, program: Program, bases: NDArray[np.integer], shots: list[int]) -> Request:
    return Request(
        program=program, values=np.zeros(0), bases=bases.astype(np.uint8), shots=np.array(shots), label=label
    )


def _rotated(device: Device, qubit: int) -> list[Request]:
    """Return a request with two parameters, named against the alphabet, where the device can turn about Z."""
    turn = next((name for name in ("rz", "u1", "p") if name in device.gates), None)
    if turn is None:
        return []
    along_x = _preparation(device, qubit, 1, False)
    turns = [Operation(turn, (qubit,), (Angle(0.0, {k: scale}),)) for k, scale in ((0, 1.0), (1, 2.0))]
    program = Program.from_operations(device.num_qubits, [*along_x, *turns], ["late", "early"], outputs=[qubit])
    # pi - 2 pi / 4 is a quarter turn, to Y; exchanged, the values would turn the other way.
    values = np.array([np.pi, -np.pi / 4])
    bases = np.array([[2], [1]], np.uint8)
    return [Request(program=program, values=values, bases=bases, shots=np.full(2, _SHOTS), label="two parameters")]


def _best_qubits(device: Device) -> list[int]:
    """Return up to nine qubits in an order that is not ascending."""
    ranked = np.argsort(device.readout_error.mean(1), kind="stable").tolist()
    best = sorted([qubit for qubit in ranked if _can_turn(device, qubit)][:_WIDTH])
    return best[1:] + best[:1]


def _can_turn(device: Device, qubit: int) -> bool:
    try:
        basis_change(device, qubit, 1)
    except InvalidValueError:
        return False
    return True


def _prepared(device: Device, qubits: Sequence[int], letters: NDArray[np.integer], ones: NDArray[np.bool_]) -> Program:
    operations = [
        operation
        for qubit, letter, one in zip(qubits, letters.tolist(), ones.tolist(), strict=True)
        for operation in _preparation(device, qubit, letter, one)
    ]
    return Program.from_operations(device.num_qubits, operations, outputs=qubits)


def _preparation(device: Device, qubit: int, letter: int, one: bool) -> list[Operation]:
    """Return native gates after which reading along a letter gives the bit: a few changes of basis in a row."""
    changes = {step: basis_change(device, qubit, step) for step in (1, 2)}
    channels = {step: _channel(operations) for step, operations in changes.items()}
    for steps in (steps for length in range(7) for steps in product((1, 2), repeat=length)):
        vector = np.array([1.0, 0, 0, 1])
        for step in steps:
            vector = channels[step] @ vector
        if np.isclose(vector[letter], -1 if one else 1):
            return [operation for step in steps for operation in changes[step]]
    raise AssertionError(f"no native gates of `{device.name}` prepare the states that the check needs.")


def _channel(operations: Sequence[Operation]) -> NDArray[np.float64]:
    channel = np.eye(4)
    for operation in operations:
        angles = np.array([angle.offset for angle in operation.angles])
        channel = unitary_channel(gate_matrix(operation.name, angles)) @ channel
    return channel


def _ideal_device() -> Device:
    qubits, zeros = np.arange(_WIDTH, dtype=np.int32), np.zeros(_WIDTH)
    gate = GateCalibration(sites=qubits[:, np.newaxis], error=zeros, duration_ns=zeros)
    return Device(
        name="ideal device",
        num_qubits=_WIDTH,
        gates={"rz": gate, "sx": gate},
        t1_ns=np.full(_WIDTH, np.inf),
        t2_ns=np.full(_WIDTH, np.inf),
        readout_error=np.zeros((_WIDTH, 2)),
    )


def _require_error(run: Callable[[], object], what: str) -> None:
    try:
        run()
    except InvalidValueError:
        return
    raise AssertionError(f"{what} must raise `InvalidValueError`.")
