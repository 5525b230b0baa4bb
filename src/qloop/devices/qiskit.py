"""Qiskit's door of `devices`: devices from backends and snapshots, and back to a target."""

import re
import warnings
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import permutations
from typing import Any

import numpy as np
from qiskit.circuit import Delay, Gate, Measure, Parameter
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.providers import BackendV2
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from qloop.core.errors import InvalidValueError, import_extra, nearest
from qloop.devices.device import UNUSABLE, Device, GateCalibration

_NS = 1e9


def device_from_backend(backend: BackendV2) -> Device:
    """Read a device from any BackendV2: gates, directed errors, times, T1/T2 and readout.

    A gate whose target reports no error or duration gets 0; a qubit without T1 or T2 does not relax. Where the backend
    publishes both readout errors they are kept apart, otherwise both are its assignment error. A gate that a simulator
    has everywhere stands on every qubit or pair.

    Raises:
        InvalidValueError: the backend describes no qubits.
    """
    target = backend.target
    if not target.num_qubits:
        raise InvalidValueError(f"`{backend.name}` describes no qubits.")
    gates = {name: _calibration(sites) for name in target.operation_names if (sites := _sites(target, name))}
    properties = backend.properties() if hasattr(backend, "properties") else None
    t1, t2 = _coherence(target)
    measure = {} if "measure" not in target.operation_names else target["measure"] or {}
    durations = [item.duration for item in measure.values() if item is not None and item.duration]
    return Device(
        name=backend.name or type(backend).__name__,
        num_qubits=target.num_qubits,
        gates=gates,
        t1_ns=t1,
        t2_ns=np.minimum(t2, 2 * t1),
        readout_error=np.array([_readout(q, measure, properties) for q in range(target.num_qubits)]),
        readout_ns=max(durations, default=0.0) * _NS,
        calibrated=_date(properties),
    )


def snapshot_names() -> tuple[str, ...]:
    """Return the names of the calibration snapshots in ``qiskit_ibm_runtime.fake_provider``."""
    return tuple(sorted(_snapshots()))


def snapshots() -> Mapping[str, Callable[[], Device]]:
    """Return how to make each of the snapshots."""
    return {name: partial(device_from_snapshot, name) for name in snapshot_names()}


def device_from_snapshot(name: str) -> Device:
    """Read one of the calibration snapshots, for example ``"FakeTorino"``.

    Raises:
        InvalidValueError: there is no such snapshot; the nearest is suggested.
        MissingExtraError: the extra ``hardware`` is not installed.
    """
    return device_from_backend(snapshot_backend(name))


@cache
def snapshot_backend(name: str) -> BackendV2:
    """Return the fake backend of a snapshot, made once a process."""
    table = _snapshots()
    if name not in table:
        raise InvalidValueError(f"`{name}` is not a known snapshot: {nearest(name, table)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        backend: BackendV2 = table[name]()
        _ = backend.target
    return backend


def to_target(device: Device) -> Target:
    """Return a transpiler target with the device's gates, errors and times; unusable gates are left out.

    Every readout is in it, a useless one too: Qiskit's layout passes shun it by its error, and take its absence for 0.
    """
    target = Target(
        num_qubits=device.num_qubits,
        qubit_properties=[
            QubitProperties(t1=t1 / _NS, t2=t2 / _NS) for t1, t2 in zip(device.t1_ns, device.t2_ns, strict=True)
        ],
    )
    standard = get_standard_gate_name_mapping()
    for name, gate in device.gates.items():
        if name not in standard:
            continue
        instruction = standard[name]
        properties = {
            tuple(site): InstructionProperties(duration=duration / _NS, error=error)
            for site, error, duration in zip(gate.sites.tolist(), gate.error, gate.duration_ns, strict=True)
            if error < UNUSABLE
        }
        if properties:
            target.add_instruction(instruction, properties)
    readout = {
        (q,): InstructionProperties(duration=device.readout_ns / _NS, error=float(device.readout_error[q].mean()))
        for q in range(device.num_qubits)
    }
    target.add_instruction(Measure(), readout)
    target.add_instruction(Delay(Parameter("t")), {(q,): None for q in range(device.num_qubits)})
    return target


def _snapshots() -> dict[str, Any]:
    module = import_extra(
        "qiskit_ibm_runtime.fake_provider", "hardware", "A calibration snapshot needs qiskit-ibm-runtime"
    )
    return {
        name.removesuffix("V2"): getattr(module, name)
        for name in dir(module)
        if re.fullmatch(r"Fake[A-Z]\w*", name) and name != "FakeProviderForBackendV2"
    }


def _sites(target: Target, name: str) -> dict[tuple[int, ...], Any]:
    """Return where a one- or two-qubit gate stands, with its properties; nothing for anything else."""
    operation = target.operation_from_name(name)
    if not isinstance(operation, Gate) or operation.num_qubits > 2 or not target[name]:
        return {}
    if None not in target[name]:
        sites: dict[tuple[int, ...], Any] = dict(target[name])
        return sites
    if name not in get_standard_gate_name_mapping():
        return {}
    return dict.fromkeys(permutations(range(target.num_qubits), operation.num_qubits))


def _calibration(sites: dict[tuple[int, ...], Any]) -> GateCalibration:
    entries = [(item.error or 0.0, item.duration or 0.0) if item else (0.0, 0.0) for item in sites.values()]
    error, duration = np.array(entries, np.float64).T
    return GateCalibration(sites=np.array(list(sites), np.int32), error=error, duration_ns=duration * _NS)


def _coherence(target: Target) -> tuple[Any, Any]:
    properties = target.qubit_properties or [None] * target.num_qubits
    times = [((p.t1 if p else None) or np.inf, (p.t2 if p else None) or np.inf) for p in properties]
    t1, t2 = np.array(times, np.float64).T * _NS
    return t1, t2


def _readout(qubit: int, measure: dict[tuple[int, ...], Any], properties: Any) -> tuple[float, float]:
    published = properties.qubit_property(qubit) if properties is not None else {}
    if "prob_meas1_prep0" in published and "prob_meas0_prep1" in published:
        return published["prob_meas1_prep0"][0], published["prob_meas0_prep1"][0]
    item = measure.get((qubit,))
    error = (item.error or 0.0) if item is not None else 0.0
    return error, error


def _date(properties: Any) -> str:
    return properties.last_update_date.date().isoformat() if properties is not None else ""
