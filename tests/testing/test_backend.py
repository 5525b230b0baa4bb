"""The check passes our backends, and says what is wrong with deliberately broken ones."""

from dataclasses import replace

import numpy as np
import pytest
from qiskit_aer.primitives import SamplerV2 as AerSampler

from qloop.core.errors import InvalidValueError
from qloop.devices import IdealSimulator, NoisySimulator, PrimitiveBackend, Recorder, Request, UniformBits, load_device
from qloop.testing import check_backend
from tests.devices.samples import line_device


@pytest.mark.parametrize(
    "make",
    [
        IdealSimulator,
        lambda: NoisySimulator(line_device(9)),
        lambda: NoisySimulator(line_device(1)),
        lambda: NoisySimulator(load_device("FakeSherbrooke"), worlds=[load_device("FakeSherbrooke").perturbed(1)]),
        lambda: NoisySimulator(load_device("FakeCambridge")),
    ],
)
def test_simulators_keep_the_contract(make):
    check_backend(make())


def test_primitives_and_recorder_keep_the_contract(tmp_path):
    check_backend(Recorder(NoisySimulator(line_device(4)), tmp_path))
    sampler = AerSampler()
    check_backend(PrimitiveBackend(sampler, line_device(9)), reproducible=False)


class Broken:
    """A simulator whose answers, or whose requests, are changed on the way."""

    name = "broken"
    device = None

    def __init__(self, answer=lambda shots: shots, ask=lambda request: request):
        self.inner = IdealSimulator()
        self.answer, self.ask = answer, ask

    def run(self, requests, rng):
        return [self.answer(shots) for shots in self.inner.run([self.ask(request) for request in requests], rng)]


class Reversed(Broken):
    def run(self, requests, rng):
        return super().run(requests, rng)[::-1]


class Short(Broken):
    def run(self, requests, rng):
        return super().run(requests[1:], rng)


class Tuple(Broken):
    def run(self, requests, rng):
        return tuple(super().run(requests, rng))


class SameSeed(Broken):
    def run(self, requests, rng):
        return super().run(requests, np.random.default_rng(0))


class NoSeed(Broken):
    def run(self, requests, rng):
        return super().run(requests, np.random.default_rng())


class NoError(Broken):
    def run(self, requests, rng):
        return super().run([r if r.shots.any() else replace(r, shots=r.shots + 1) for r in requests], rng)


class Careless(Broken):
    """Runs whatever it is given, with its device's name on it."""

    device = line_device(9)

    def __init__(self, message):
        super().__init__()
        self.message = message

    def run(self, requests, rng):
        for request in requests:
            if self.message in ("width", "both") and request.program.num_qubits != 9:
                raise InvalidValueError("too wide.")
        return super().run(requests, rng)


def all_z(request):
    return replace(request, bases=np.full_like(request.bases, 3))


def other_order(request):
    return replace(request, program=replace(request.program, outputs=np.sort(request.program.outputs)))


def exchanged(request):
    return replace(request, values=request.values[::-1])


class Deaf(Broken):
    """Measures everything along Z and says that it did as asked."""

    def run(self, requests, rng):
        taken = super().run([all_z(request) for request in requests], rng)
        return [replace(shots, bases=request.bases) for shots, request in zip(taken, requests, strict=True)]


def big_endian(shots):
    return replace(shots, bits=np.packbits(shots.unpacked(), axis=1))


def swapped_bytes(shots):
    return replace(shots, bits=np.packbits(shots.unpacked()[:, ::-1], axis=1, bitorder="little"))


def with_noise_beyond(shots):
    bits = shots.bits.copy()
    bits[:, -1] |= 128
    return replace(shots, bits=bits)


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        (object(), "a backend has `name`, `device` and `run`, got object"),
        (Reversed(), r"answer 0 must have 9 qubits, got 1"),
        (Short(), "4 requests got 3 answers"),
        (Tuple(), "`run` must return a list, got tuple"),
        (SameSeed(), "another seed must give other shots"),
        (NoSeed(), "equal seeds must give equal shots"),
        (NoError(), "a request without shots must raise `InvalidValueError`"),
        (Careless("none"), "a program on more qubits than the device must raise"),
        (Careless("width"), "a gate the device lacks must raise"),
        (UniformBits(), "ones on qubits 0 and 8: bit 0 read along Z must be 1 in 100% of the shots, got"),
        (Deaf(), "states along X, Y and Z: bit 0 read along X must be 1 in 0% of the shots, got"),
        (Broken(ask=all_z), "answer 2 must carry the request's `bases` as uint8"),
        (Broken(ask=other_order), "ones on qubits 0 and 8: bit 1 read along Z must be 1 in 0% of the shots, got 100%"),
        (Broken(ask=exchanged), "two parameters: bit 0 read along Y must be 1 in 0% of the shots"),
        (
            Broken(ask=lambda r: replace(r, shots=r.shots[::-1])),
            r"answer 2 must have \[400 401   0 398\] shots a setting",
        ),
        (Broken(big_endian), "answer 0: bits beyond the last qubit must be 0"),
        (Broken(swapped_bytes), "a one on qubit 1: bit 1 read along Z must be 1 in 100% of the shots, got 0%"),
        (Broken(with_noise_beyond), "bits beyond the last qubit must be 0"),
        (Broken(lambda s: replace(s, bits=s.bits.astype(np.int64))), "`bits` must be uint8, got int64"),
        (Broken(lambda s: replace(s, bits=s.unpacked())), r"`bits` must have shape \(400, 2\), got \(400, 9\)"),
        (Broken(lambda s: replace(s, setting=s.setting.astype(np.int64))), "`setting` must be int32, got int64"),
        (Broken(lambda s: replace(s, bases=s.bases.astype(np.int64))), "must carry the request's `bases` as uint8"),
        (Broken(lambda s: s.histogram), "answer 0 must be `Shots`, got ndarray"),
        (Broken(lambda s: replace(s, num_qubits=16)), "answer 0 must have 9 qubits, got 16"),
    ],
)
def test_broken_backends_are_found(backend, message):
    with pytest.raises(AssertionError, match=message):
        check_backend(backend)


def test_the_check_asks_for_what_it_says():
    asked = []

    class Counting(Broken):
        def run(self, requests, rng):
            asked.append(requests)
            return super().run(requests, rng)

    check_backend(Counting())
    full = [requests for requests in asked if len(requests) > 1]
    assert len(full) == 3
    assert sum(int((request.shots > 0).sum()) for request in full[0]) == 7
    assert all(isinstance(request, Request) for request in full[0])
