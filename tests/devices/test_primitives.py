"""Circuits through real samplers: Aer's, Qiskit's, and both of IBM's with a fake backend in local mode."""

from dataclasses import replace

import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2, BaseSamplerV2
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer.primitives import SamplerV2 as AerSampler
from qiskit_ibm_runtime import SamplerV2 as RuntimeSampler
from qiskit_ibm_runtime.executor_sampler import Sampler as ExecutorSampler
from scipy.stats import chi2

from qloop.circuits import Angle, Operation, Program
from qloop.core.errors import InvalidValueError
from qloop.core.jobs import Job
from qloop.devices import Backend, NoisySimulator, PrimitiveBackend, Request, load_device
from qloop.devices.qiskit import snapshot_backend
from tests.devices.samples import line_device, random_native_program

LAGOS = "FakeLagos"


class Book:
    """A job book in memory."""

    def __init__(self):
        self.jobs = {}

    def record_job(self, key, job_id, backend):
        self.jobs[key] = Job(job_id=job_id, backend=backend)

    def find_job(self, key):
        return self.jobs.get(key)


class Provider(BaseSamplerV2):
    """A provider that keeps its jobs, and whose credentials nobody may look at."""

    def __init__(self, sampler=None):
        self.sampler = sampler or AerSampler(seed=1)
        self.jobs = {}

    @property
    def token(self):
        raise AssertionError("somebody read the credentials")

    def __repr__(self):
        return self.token

    def run(self, pubs, *, shots=None):
        job = self.sampler.run(pubs, shots=shots)
        self.jobs[job.job_id()] = (job, sum(SamplerPub.coerce(pub).size for pub in pubs), len(pubs))
        return job

    def retrieve(self, job_id):
        return self.jobs[job_id][0]


class CrashError(Exception):
    pass


def make_requests(shots=((30, 0, 20), (30, 10, 5))):
    operations = [Operation("sx", (0,)), Operation("cz", (1, 0)), Operation("rz", (2,), (Angle(0.0, {0: 1.0}),))]
    program = Program.from_operations(3, operations, ["angle"])
    bases = np.array([[3, 3, 3], [1, 2, 3], [2, 2, 1]])
    return [Request(program=program, values=[0.3], bases=bases, shots=row) for row in shots]


@pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Specifying different 'shots' across pubs:DeprecationWarning")
@pytest.mark.parametrize(
    ("make_sampler", "asymmetric", "limits"),
    [
        (lambda backend: AerSampler.from_backend(backend, seed=3), False, {}),
        (lambda backend: BackendSamplerV2(backend=backend, options={"seed_simulator": 3}), True, {}),
        (lambda backend: RuntimeSampler(mode=backend, options={"simulator": {"seed_simulator": 3}}), True, {}),
        (lambda backend: ExecutorSampler(mode=backend), False, {"equal_shots": True}),
    ],
    ids=["aer", "qiskit", "runtime", "executor"],
)
def test_counts_agree_with_the_noisy_simulator(make_sampler, asymmetric, limits):
    """A false alarm in 1 of 100,000 runs of each sampler: chi-square over three settings (one takes no seed)."""
    rng = np.random.default_rng(7)
    device = load_device(LAGOS)
    if not asymmetric:
        # Noise models that Aer makes of a target read one error a qubit.
        mean = np.repeat(device.readout_error.mean(1, keepdims=True), 2, axis=1)
        device = replace(device, readout_error=mean)
    program = random_native_program(rng, device, (0, 1, 3, 5), 20, outputs=(5, 0, 3), parametric=True)
    values = rng.uniform(-3, 3, program.num_parameters)
    bases = np.array([[3, 3, 3], [1, 2, 3], [2, 2, 2], [2, 1, 1]])
    request = Request(program=program, values=values, bases=bases, shots=[3000, 4000, 0, 4000])
    backend = PrimitiveBackend(make_sampler(snapshot_backend(LAGOS)), device, **limits)
    (shots,) = backend.run([request], rng)
    expected = NoisySimulator(device, idle=False).probabilities(request) * request.shots[:, None]
    np.testing.assert_array_equal(shots.histogram.sum(1), request.shots)
    kept = expected > 5
    statistic = ((shots.histogram - expected)[kept] ** 2 / expected[kept]).sum()
    assert statistic < chi2.ppf(1 - 1e-5, kept.sum() - 3)
    assert isinstance(backend, Backend)


@pytest.mark.parametrize(
    ("limits", "circuits"),
    [({}, [5]), ({"max_circuits": 2}, [2, 2, 1]), ({"equal_shots": True}, [2, 1, 1, 1]), ({"max_circuits": 5}, [5])],
)
def test_one_job_for_everything_where_the_limits_allow(limits, circuits):
    provider = Provider()
    shots = PrimitiveBackend(provider, line_device(), **limits).run(make_requests(), np.random.default_rng(0))
    assert [count for _, count, _ in provider.jobs.values()] == circuits
    assert [one.histogram.sum(1).tolist() for one in shots] == [[30, 0, 20], [30, 10, 5]]
    assert {job for one in shots for job in one.job.split(", ")} == set(provider.jobs)


def test_values_of_one_program_travel_as_one_circuit():
    turn = Operation("rz", (0,), (Angle(0.0, {1: 1.0}),))
    program = Program.from_operations(3, [Operation("sx", (0,)), turn, Operation("sx", (0,))], ["idle", "angle"])
    constant = Program.from_operations(3, [Operation("sx", (1,)), Operation("sx", (1,))])
    z = np.full((1, 3), 3)
    # SX RZ(angle) SX reads 1 with probability cos^2(angle / 2).
    turned = [Request(program=program, values=[9.0, angle], bases=z, shots=[7]) for angle in (0.0, np.pi, 0.0)]
    fixed = [Request(program=constant, values=[], bases=z, shots=[7]) for _ in range(2)]
    provider = Provider()
    shots = PrimitiveBackend(provider, line_device()).run([*turned, *fixed], np.random.default_rng(0))
    assert [tuple(job[1:]) for job in provider.jobs.values()] == [(5, 3)]
    assert [one.bits.ravel().tolist() for one in shots] == [[1] * 7, [0] * 7, [1] * 7, [2] * 7, [2] * 7]


def test_bits_beyond_the_first_byte_by_hand():
    # Logical 1 and 9 of ten read 1; outputs are reversed, so these are the physical qubits 8 and 0.
    program = Program.from_operations(10, [Operation("x", (0,)), Operation("x", (8,))], outputs=range(9, -1, -1))
    request = Request(program=program, values=[], bases=np.full((1, 10), 3), shots=[5])
    (shots,) = PrimitiveBackend(Provider(), line_device(10)).run([request], np.random.default_rng(0))
    np.testing.assert_array_equal(shots.bits, [[2, 2]] * 5)


@pytest.mark.parametrize("crash_at", [1, 2, 3])
def test_a_crash_after_sending_loses_no_paid_job(crash_at):
    provider, book, events = Provider(), Book(), []

    def crash(event):
        events.append(event)
        if len(events) == crash_at:
            raise CrashError

    def backend(progress):
        return PrimitiveBackend(
            provider, line_device(), jobs=book, retrieve=provider.retrieve, max_circuits=2, progress=progress
        )

    with pytest.raises(CrashError):
        backend(crash).run(make_requests(), np.random.default_rng(4))
    assert len(provider.jobs) == len(book.jobs) == crash_at
    paid = set(provider.jobs)
    shots = backend(events.append).run(make_requests(), np.random.default_rng(4))
    assert len(provider.jobs) == 3
    assert paid <= {job for one in shots for job in one.job.split(", ")}
    fetched = [event for event in events[crash_at:] if "fetched" in event.text]
    assert len(fetched) == crash_at
    again = backend(crash).run(make_requests(), np.random.default_rng(4))
    assert len(provider.jobs) == 3
    assert [one.bits.tolist() for one in again] == [one.bits.tolist() for one in shots]


def test_a_repeated_measurement_is_a_new_job():
    provider, book = Provider(), Book()
    backend = PrimitiveBackend(provider, line_device(), jobs=book, retrieve=provider.retrieve)
    rng = np.random.default_rng(4)
    for _ in range(2):
        backend.run(make_requests(), rng)
    backend.run(make_requests(), np.random.default_rng(5))
    backend.run(make_requests(shots=((30, 0, 20), (30, 10, 6))), np.random.default_rng(4))
    assert len(provider.jobs) == len(book.jobs) == 4
    assert {job.backend for job in book.jobs.values()} == {"line"}


def test_a_failed_job_is_sent_again():
    class Failed:
        def status(self):
            return "CANCELLED"

    provider, book = Provider(), Book()
    PrimitiveBackend(provider, line_device(), jobs=book).run(make_requests(), np.random.default_rng(4))
    backend = PrimitiveBackend(provider, line_device(), jobs=book, retrieve=lambda _: Failed())
    (shots, _) = backend.run(make_requests(), np.random.default_rng(4))
    assert len(provider.jobs) == 2
    assert next(iter(book.jobs.values())).job_id == shots.job == list(provider.jobs)[1]


def test_nothing_is_sent_for_what_cannot_run():
    provider, book = Provider(), Book()
    backend = PrimitiveBackend(provider, line_device(), jobs=book)
    rng = np.random.default_rng(4)
    good, _ = make_requests()
    foreign = Program.from_operations(3, [Operation("cx", (0, 1))], ["angle"])
    with pytest.raises(InvalidValueError, match="`line` has no gate `cx`"):
        backend.run([good, replace(good, program=foreign)], rng)
    with pytest.raises(InvalidValueError, match="`line` has 3 qubits, the program 4: compile it first"):
        backend.run([good, replace(good, program=good.program.relabel({0: 0, 1: 1, 2: 2}, 4))], rng)
    with pytest.raises(InvalidValueError, match="at least one shot"):
        backend.run([good, replace(good, shots=np.zeros(3, int))], rng)
    assert not provider.jobs
    backend.run([good], np.random.default_rng(4))
    with pytest.raises(InvalidValueError, match="was sent to `line` for these requests: give `retrieve` to fetch it"):
        backend.run([good], np.random.default_rng(4))
    assert len(provider.jobs) == 1
    with pytest.raises(InvalidValueError, match="`max_circuits` must be at least 1, got 0"):
        PrimitiveBackend(provider, line_device(), max_circuits=0)
    assert backend.name == "line by Provider"
