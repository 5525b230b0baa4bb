"""Hardware, and anything else that speaks Qiskit's SamplerV2."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.primitives import BaseSamplerV2, SamplerPubLike
from qiskit.primitives.containers import BindingsArray

from qloop.circuits.program import Program
from qloop.circuits.qiskit import to_qiskit
from qloop.core.errors import InvalidValueError
from qloop.core.jobs import JobBook
from qloop.core.memo import content_key
from qloop.core.progress import Event, Progress, silent
from qloop.devices.bases import basis_change
from qloop.devices.device import Device
from qloop.devices.shots import Request, Shots

Place = tuple[int, int]
"""A request and one of its settings: what becomes one circuit."""


class PrimitiveBackend:
    """Runs requests on a SamplerV2: one job for a `run`, or as few as the limits allow, all sent before any is awaited.

    Requests for one program that differ in their values only are sent as one circuit with an array of values.

    With a job book no paid job is lost: its id is written down as soon as the sampler has named it, and the same `run`
    after a crash fetches the job. The same run means the same requests and a generator in the same state: one number is
    drawn from it to name the jobs, so that a repeated measurement is a new job.

    Args:
        sampler: where circuits go; credentials stay inside it.
        device: what the programs are compiled for.
        jobs: remembers job ids; without it nothing is remembered.
        retrieve: returns a job by its id, for example ``service.job``.
        max_circuits: most circuits in one job, no limit by default.
        equal_shots: whether a job's circuits need equal shots, as in `Sampler` of qiskit-ibm-runtime 0.50 and later;
            settings are then sent in one job per number of shots.
        progress: told of every job as soon as it is written down.

    Raises:
        InvalidValueError: `max_circuits` is below 1.
    """

    def __init__(
        self,
        sampler: BaseSamplerV2,
        device: Device,
        jobs: JobBook | None = None,
        retrieve: Callable[[str], Any] | None = None,
        max_circuits: int | None = None,
        equal_shots: bool = False,
        progress: Progress = silent,
    ) -> None:
        if max_circuits is not None and max_circuits < 1:
            raise InvalidValueError(f"`max_circuits` must be at least 1, got {max_circuits}.")
        self.device = device
        self._sampler = sampler
        self._jobs = jobs
        self._retrieve = retrieve
        self._max_circuits = max_circuits
        self._equal_shots = equal_shots
        self._progress = progress

    @property
    def name(self) -> str:
        """Name for reports."""
        return f"{self.device.name} by {type(self._sampler).__name__}"

    def run(self, requests: Sequence[Request], rng: np.random.Generator) -> list[Shots]:
        """Send the requests and wait.

        Raises:
            InvalidValueError: a program does not fit the device, a request asks for no shots, or a job was sent before
                and there is no `retrieve` to fetch it.
        """
        for request in requests:
            self.device.check(request.program)
            request.setting_of_shots()
        token = int(rng.integers(2**63))
        parts = self._split(requests)
        jobs = [self._find_or_send(part, requests, token) for part in parts]
        taken: dict[Place, tuple[NDArray[np.uint8], str, float]] = {}
        for part, job in zip(parts, jobs, strict=True):
            result = job.result()
            for bundle, pub in zip(_bundle(part, requests), result, strict=True):
                # A `BitArray` is big-endian by bytes.
                for place, bits in zip(bundle, pub.data.meas.array[..., ::-1], strict=True):
                    taken[place] = (bits, job.job_id(), _started_s(result))
        return [self._collect(request, k, taken) for k, request in enumerate(requests)]

    def _split(self, requests: Sequence[Request]) -> list[list[Place]]:
        groups: dict[int, list[Place]] = {}
        for k, request in enumerate(requests):
            for setting in np.flatnonzero(request.shots).tolist():
                group = int(request.shots[setting]) if self._equal_shots else 0
                groups.setdefault(group, []).append((k, setting))
        limit = self._max_circuits or sum(map(len, groups.values()))
        return [places[at : at + limit] for places in groups.values() for at in range(0, len(places), limit)]

    def _find_or_send(self, part: list[Place], requests: Sequence[Request], token: int) -> Any:
        known = None
        if self._jobs:
            key = content_key("sampler", self.device.name, token, [(requests[k].key, setting) for k, setting in part])
            known = self._jobs.find_job(key)
        if known is not None:
            if self._retrieve is None:
                raise InvalidValueError(
                    f"job {known.job_id} was sent to `{known.backend}` for these requests: give `retrieve` to fetch it."
                )
            job = self._retrieve(known.job_id)
            if not _has_failed(job):
                self._progress(Event(stage="job", text=f"{known.job_id} fetched from {known.backend}"))
                return job
        job = self._sampler.run([self._pub(bundle, requests) for bundle in _bundle(part, requests)])
        if self._jobs:
            self._jobs.record_job(key, job.job_id(), self.device.name)
        self._progress(Event(stage="job", text=f"{job.job_id()} sent to {self.device.name}: {len(part)} circuits"))
        return job

    def _pub(self, bundle: list[Place], requests: Sequence[Request]) -> SamplerPubLike:
        first, setting = requests[bundle[0][0]], bundle[0][1]
        circuit = _measured(first.program, self.device, first.bases[setting])
        used = {parameter.name for parameter in circuit.parameters}
        free = [k for k, name in enumerate(first.program.parameters) if name in used]
        values = np.array([requests[k].values[free] for k, _ in bundle])
        names = tuple(first.program.parameters[k] for k in free)
        bindings = BindingsArray({names: values} if names else None, shape=(len(bundle),))
        return circuit, bindings, int(first.shots[setting])

    def _collect(self, request: Request, k: int, taken: dict[Place, Any]) -> Shots:
        settings = np.flatnonzero(request.shots).tolist()
        bits, jobs, started = zip(*(taken[k, setting] for setting in settings), strict=True)
        return Shots(
            num_qubits=request.bases.shape[1],
            bits=np.concatenate(bits),
            setting=np.repeat(np.array(settings, np.int32), [len(b) for b in bits]),
            bases=request.bases,
            started_s=min(started),
            job=", ".join(dict.fromkeys(jobs)),
        )


def _bundle(part: Sequence[Place], requests: Sequence[Request]) -> list[list[Place]]:
    """Return the places that one circuit serves: equal programs, settings and shots, whatever the values."""
    bundles: dict[tuple[int, int, bytes, int], list[Place]] = {}
    for k, setting in part:
        request = requests[k]
        # Aer's sampler fills the first row only of an array without parameters.
        row = k if not len(request.program.term_parameter) else 0
        key = (id(request.program), row, request.bases[setting].tobytes(), int(request.shots[setting]))
        bundles.setdefault(key, []).append((k, setting))
    return list(bundles.values())


def _measured(program: Program, device: Device, basis: NDArray[np.uint8]) -> QuantumCircuit:
    pairs = zip(program.outputs.tolist(), basis.tolist(), strict=True)
    changes = [operation for qubit, letter in pairs for operation in basis_change(device, qubit, letter)]
    turned = Program.from_operations(program.num_qubits, changes, outputs=program.outputs)
    circuit = to_qiskit(program)
    circuit.add_register(ClassicalRegister(len(basis), "meas"))
    circuit.compose(to_qiskit(turned, measure=True), inplace=True)
    return circuit


def _has_failed(job: Any) -> bool:
    # A `RuntimeJobV2` has a string where other providers have Qiskit's `JobStatus`.
    status = job.status()
    return getattr(status, "name", status) in ("ERROR", "CANCELLED")


def _started_s(result: Any) -> float:
    spans = result.metadata.get("execution", {}).get("execution_spans")
    return spans.start.timestamp() if spans else 0.0
