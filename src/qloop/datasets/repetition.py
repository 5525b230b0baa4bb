"""Repetition codes that ran on IBM's devices: bits of every shot, circuit and the calibration stored with the job.

Two layouts: archives of one job each as JSON, and the deposit of 2026 with a folder per job.
Source: arXiv:2207.00553; arXiv:2601.16123 with doi:10.5281/zenodo.20768087.
"""

import gzip
import json
import math
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError

FloatArray = NDArray[np.float64]
Gates = Mapping[str, Mapping[tuple[int, ...], tuple[float, float]]]
_DT_NS = 2 / 9
"""Unit of a delay on ibm_hanoi and ibm_cairo, as their backends state it."""
_NS = {"s": 1e9, "ms": 1e6, "us": 1e3, "µs": 1e3, "ns": 1.0}


class Step(NamedTuple):
    """One operation of a recorded circuit.

    Args:
        name: the device's name of a gate, ``measure``, ``reset`` or ``delay``.
        qubits: physical qubits.
        value: angle of an ``rz`` in radians or length of a delay in ns.
        bit: column of the record that a measurement writes.
    """

    name: str
    qubits: tuple[int, ...]
    value: float = 0.0
    bit: int = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """What was known of a device when a job ran, NaN where it was not reported.

    Args:
        t1_ns: relaxation times, shape [num_qubits].
        t2_ns: coherence times, shape [num_qubits].
        readout_error: P(read 1 | prepared 0) and P(read 0 | prepared 1), shape [num_qubits, 2].
        readout_ns: durations of measurements, shape [num_qubits].
        gates: average infidelity and duration in ns, by name and qubits.
    """

    t1_ns: FloatArray
    t2_ns: FloatArray
    readout_error: FloatArray
    readout_ns: FloatArray
    gates: Gates


@dataclass(frozen=True, kw_only=True, eq=False)
class RepetitionRecord:
    """One circuit of a repetition code, run on hardware.

    Args:
        job: the publisher's name of the job.
        backend: device.
        submitted_s: seconds since 1970; `None` where the publisher does not say.
        basis: ``"Z"`` protects a bit, ``"X"`` a phase.
        logical: prepared value, 0 or 1.
        chain: physical qubits: code, link, code, ..., code.
        steps: the circuit on the chain, in order of time on each qubit.
        bits: zeros and ones, shape [shots, bits]; archives store counts, so that theirs are in ascending order, not in
            order of time.
        calibration: stored with the job.
    """

    job: str
    backend: str
    submitted_s: float | None
    basis: str
    logical: int
    chain: tuple[int, ...]
    steps: tuple[Step, ...]
    bits: NDArray[np.uint8]
    calibration: Calibration


def read_archive(path: Path) -> tuple[RepetitionRecord, ...]:
    """Return the circuits of one job from a ``.json.gz`` archive of arXiv:2207.00553.

    Raises:
        InvalidValueError: not such an archive, or one without circuits.
    """
    try:
        job = json.loads(gzip.decompress(path.read_bytes()))
        calibration = _calibration_of_archive(job["calibration"])
        return tuple(_record_of_archive(job, experiment, calibration) for experiment in job["experiments"])
    except KeyError as error:
        raise InvalidValueError(f"`{path}` must hold circuits and their calibration, it has no {error}.") from None
    except (OSError, ValueError, TypeError):
        raise InvalidValueError(f"`{path}` must be a compressed JSON archive of a job.") from None


def read_deposit(path: Path) -> Iterator[tuple[RepetitionRecord, ...]]:
    """Yield the circuits of one job after another of doi:10.5281/zenodo.20768087, a record per chain and circuit.

    Args:
        path: a device's folder or its ``.tar.gz``, which is read once from front to back.

    Raises:
        InvalidValueError: neither, or a job that is not as published.
    """
    jobs = 0
    for name, files in _job_folders(path):
        try:
            info, results = (json.loads(files[file]()) for file in ("info.json", "bitstrings.json"))
            calibration = _calibration_of_properties(json.loads(files["calibration.json"]()))
            yield tuple(
                record
                for result in results
                for qasm in [files[f"circuit_state{result['metadata']['logical_state']}.qasm"]().decode()]
                for record in _records_of_deposit(name, info, result, qasm, calibration)
            )
        except KeyError as error:
            raise InvalidValueError(f"`{path}/{name}` is not as published, it has no {error}.") from None
        jobs += 1
    if not jobs:
        raise InvalidValueError(f"`{path}` must hold jobs with a file `info.json`, there is none.")


def _record_of_archive(job: dict[str, Any], experiment: dict[str, Any], calibration: Calibration) -> RepetitionRecord:
    roles = [name for name, size in experiment["creg_sizes"] for _ in range(size)]
    measured = {step[2][-1]: step[1][0] for step in experiment["ops"] if step[0] == "measure"}
    code = {measured[bit] for bit, role in enumerate(roles) if role == "code_bit"}
    steps = tuple(_step_of_archive(*step) for step in experiment["ops"] if {*step[1]} <= {*measured.values()})
    outcomes = sorted((int(outcome, 16), count) for outcome, count in experiment["counts"].items())
    rows = np.array([[outcome >> bit & 1 for bit in range(len(roles))] for outcome, _ in outcomes], np.uint8)
    return RepetitionRecord(
        job=job["job_id"],
        backend=job["backend"],
        submitted_s=job["submitted_unix_s"],
        basis="X" if any(step.name == "sx" and step.qubits[0] in code for step in steps) else "Z",
        logical=int(experiment["name"]),
        chain=_chain(steps),
        steps=steps,
        bits=np.repeat(rows, [count for _, count in outcomes], axis=0),
        calibration=calibration,
    )


def _step_of_archive(name: str, qubits: list[int], values: list[float]) -> Step:
    if name == "measure":
        return Step(name, tuple(qubits), bit=int(values[-1]))
    value = float(values[0]) if values else 0.0
    return Step(name, tuple(qubits), value * _DT_NS if name == "delay" else value)


def _records_of_deposit(
    job: str, info: dict[str, Any], result: dict[str, Any], qasm: str, calibration: Calibration
) -> Iterator[RepetitionRecord]:
    registers = result["per_shot_cregs"]
    for name in (name for name in registers if name.startswith("c_data_")):
        places = name.removeprefix("c_data_")
        links, codes = (np.array(registers[key], np.uint8) for key in (f"c_syndrome_{places}", name))
        first_bit = {f"c_syndrome_{places}": 0, name: links.shape[1]}
        qubits = {int(qubit) for qubit in places.split("_")}
        steps = tuple(step for step in _steps_of_qasm(qasm, first_bit) if {*step.qubits} <= qubits)
        yield RepetitionRecord(
            job=job,
            backend=info["backend"],
            submitted_s=None,
            basis=info["basis"],
            logical=int(result["metadata"]["logical_state"]),
            chain=_chain(steps),
            steps=steps,
            bits=np.concatenate([links, codes], axis=1),
            calibration=calibration,
        )


def _chain(steps: Iterable[Step]) -> tuple[int, ...]:
    """Return the qubits from end to end, as the two-qubit gates join them."""
    joined: dict[int, set[int]] = {}
    for a, b in (step.qubits for step in steps if len(step.qubits) == 2):
        joined.setdefault(a, set()).add(b)
        joined.setdefault(b, set()).add(a)
    chain = [min((qubit for qubit, others in joined.items() if len(others) == 1), default=min(joined))]
    while onward := joined[chain[-1]] - set(chain):
        chain.append(min(onward))
    if len(chain) != len(joined) or len(chain) % 2 == 0:
        raise InvalidValueError(f"two-qubit gates must join the qubits to a chain of odd length, got {joined}.")
    return tuple(chain)


def _steps_of_qasm(qasm: str, first_bit: Mapping[str, int]) -> Iterator[Step]:
    """Yield the operations on physical qubits, measurements only where their register is known."""
    for line in qasm.splitlines():
        qubits = tuple(int(qubit) for qubit in re.findall(r"\$(\d+)", line))
        if measure := re.match(r"\s*(\w+)\[(\d+)\] = measure", line):
            if measure[1] in first_bit:
                yield Step("measure", qubits, bit=first_bit[measure[1]] + int(measure[2]))
        elif qubits and (gate := re.match(r"\s*(\w+)(?:[(\[](.+?)[)\]])?\s", line)):
            value = 0.0 if gate[2] is None else _length(gate[2]) if gate[1] == "delay" else _angle(gate[2])
            yield Step(gate[1], qubits, value)


def _angle(text: str) -> float:
    if found := re.fullmatch(r"(-?)(?:(\d+)\*)?pi(?:/(\d+))?", text.replace(" ", "")):
        return float(f"{found[1]}1") * int(found[2] or 1) * math.pi / int(found[3] or 1)
    return float(text)


def _length(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.eE+-]+)\s*(\D+)", text).groups()  # type: ignore[union-attr]
    return float(number) * (_DT_NS if unit == "dt" else _NS[unit])


def _job_folders(path: Path) -> Iterator[tuple[str, dict[str, Callable[[], bytes]]]]:
    """Yield each job's name with what reads its files."""
    if path.is_dir():
        for folder in sorted(file.parent for file in path.rglob("info.json")):
            yield folder.relative_to(path).as_posix(), {file.name: file.read_bytes for file in folder.iterdir()}
    elif path.is_file() and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            folders: dict[str, dict[str, Callable[[], bytes]]] = {}
            for member in archive:
                place = PurePosixPath(member.name)
                folders.setdefault(str(place.parent), {})[place.name] = partial(_extract, archive, member)
            yield from ((name, files) for name, files in folders.items() if "info.json" in files)
    else:
        raise InvalidValueError(f"`{path}` must be a folder or a tar archive.")


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def _calibration_of_archive(stated: dict[str, Any]) -> Calibration:
    gates: dict[str, dict[tuple[int, ...], tuple[float, float]]] = {}
    for key, (error, seconds) in stated["gates"].items():
        name, *qubits = key.split("_")
        gates.setdefault(name, {})[tuple(map(int, qubits))] = (float(error), float(seconds) * 1e9)
    qubits = [
        {name: value * 1e9 if name in ("T1", "T2", "readout_length") else value for name, value in qubit.items()}
        for qubit in stated["qubits"]
    ]
    return _calibration(qubits, gates)


def _calibration_of_properties(stated: dict[str, Any]) -> Calibration:
    """Read IBM's own form: a list of named values with their units for every qubit and gate."""
    gates: dict[str, dict[tuple[int, ...], tuple[float, float]]] = {}
    for gate in stated["gates"]:
        values = _with_units(gate["parameters"])
        entry = (values.get("gate_error", math.nan), values.get("gate_length", 0.0))
        gates.setdefault(gate["gate"], {})[tuple(gate["qubits"])] = entry
    return _calibration([_with_units(qubit) for qubit in stated["qubits"]], gates)


def _with_units(values: list[dict[str, Any]]) -> dict[str, float]:
    return {value["name"]: float(value["value"]) * _NS.get(value.get("unit", ""), 1.0) for value in values}


def _calibration(qubits: list[dict[str, float]], gates: Gates) -> Calibration:
    def column(*names: str) -> FloatArray:
        return np.array([next((q[name] for name in names if name in q), math.nan) for q in qubits])

    up, down = column("prob_meas1_prep0", "readout_error"), column("prob_meas0_prep1", "readout_error")
    return Calibration(
        t1_ns=column("T1"),
        t2_ns=column("T2"),
        readout_error=np.stack([up, down], axis=1),
        readout_ns=column("readout_length"),
        gates=gates,
    )
