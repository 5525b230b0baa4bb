"""The detector error model of a recorded repetition code, built from a device's calibration."""

from itertools import pairwise

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.datasets.repetition import RepetitionRecord, Step
from qloop.devices.channels import thermal_relaxation
from qloop.devices.device import Device, GateCalibration

_GATES = {"x": "X", "sx": "SQRT_X", "h": "H", "id": "I", "cx": "CX", "cz": "CZ", "reset": "R"}
_QUARTERS = ("I", "S", "Z", "S_DAG")
_ROUNDING = 1e-4
"""Recorded angles have six digits."""


def device_of_record(record: RepetitionRecord) -> Device:
    """Return the device as it was when a job ran; relaxation that was not reported is none."""
    calibration = record.calibration
    t1, t2 = (np.where(np.isnan(time), np.inf, time) for time in (calibration.t1_ns, calibration.t2_ns))
    gates = {}
    for name, sites in calibration.gates.items():
        # A CZ has no direction, and is reported in one or both.
        reverse = {qubits[::-1]: values for qubits, values in sites.items()} if name == "cz" else {}
        known = reverse | dict(sites)
        error, duration = np.array(list(known.values()), np.float64).T
        gates[name] = GateCalibration(sites=np.array(list(known), np.int32), error=error, duration_ns=duration)
    return Device(
        name=record.backend,
        num_qubits=len(t1),
        gates=gates,
        t1_ns=t1,
        t2_ns=np.minimum(t2, 2 * t1),
        readout_error=calibration.readout_error,
        readout_ns=float(np.nanmedian(calibration.readout_ns)),
    )


def record_circuit(record: RepetitionRecord, device: Device | None = None) -> stim.Circuit:
    """Return the recorded circuit with detectors and the observable, and the noise that a calibration implies.

    Gates depolarise by their reported infidelity, waiting qubits relax (twirled to Paulis), readings flip; a qubit
    rests in its initial state until its first gate. A link that is not reset accumulates parities: what a round
    measured is the difference of two readings.

    Args:
        record: circuit on hardware.
        device: whose errors and times; `None` for the calibration stored with the job.

    Raises:
        InvalidValueError: a gate that is not Clifford or that the device lacks, or a reading that it does not report.

    Source: twirled relaxation, arXiv:1404.3747.
    """
    device = device_of_record(record) if device is None else device
    made, free = stim.Circuit(), dict[int, float]()
    for step in record.steps:
        start = max((free[qubit] for qubit in step.qubits if qubit in free), default=0.0)
        for qubit in step.qubits:
            _relax(made, device, qubit, start - free.get(qubit, start))
        if step.name == "delay":
            if step.qubits[0] in free:
                _relax(made, device, step.qubits[0], step.value)
                free[step.qubits[0]] += step.value
        elif step.name != "barrier":
            duration = _append(made, device, step)
            free.update(dict.fromkeys(step.qubits, start + duration))
    _append_detectors(made, record)
    return made


def calibrated_model(record: RepetitionRecord, device: Device | None = None) -> stim.DetectorErrorModel:
    """Return the detector error model that a calibration implies for a recorded circuit.

    Args:
        record: circuit on hardware.
        device: whose errors and times; `None` for the calibration stored with the job.

    Raises:
        InvalidValueError: as for `record_circuit`.
    """
    return record_circuit(record, device).detector_error_model(decompose_errors=True, approximate_disjoint_errors=True)


def detection_events(record: RepetitionRecord) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return what the recorded bits say: events [shots, num_detectors] and flips of the observable [shots, 1]."""
    columns = [step.bit for step in record.steps if step.name == "measure"]
    converter = record_circuit(record).compile_m2d_converter()
    events, flips = converter.convert(measurements=record.bits[:, columns].astype(np.bool_), separate_observables=True)
    return events.astype(np.uint8), flips.astype(np.uint8)


def _append(made: stim.Circuit, device: Device, step: Step) -> float:
    """Append a step with its error and return its duration."""
    if step.name == "measure":
        (qubit,) = step.qubits
        error = float(device.readout_error[qubit].mean())
        if np.isnan(error):
            raise InvalidValueError(f"`{device.name}` must report the readout error of qubit {qubit}.")
        made.append("M", qubit, min(error, 0.5))
        _relax(made, device, qubit, device.readout_ns)
        return device.readout_ns
    made.append(_gate(step), step.qubits)
    error, size = device.gate_error(step.name, step.qubits), 2 ** len(step.qubits)
    if error > 0:
        channel = "X_ERROR" if step.name == "reset" else f"DEPOLARIZE{len(step.qubits)}"
        # An average infidelity to the probability of any Pauli but the identity.
        made.append(channel, step.qubits, min(error * (size + 1) / size, 1 - 1 / size**2))
    return device.gate_ns(step.name, step.qubits)


def _gate(step: Step) -> str:
    if step.name == "rz":
        quarters = step.value / (np.pi / 2)
        if abs(quarters - round(quarters)) < _ROUNDING:
            return _QUARTERS[round(quarters) % 4]
    elif step.name in _GATES:
        return _GATES[step.name]
    raise InvalidValueError(f"recorded gates must be Clifford gates, got `{step.name}` with {step.value}.")


def _relax(made: stim.Circuit, device: Device, qubit: int, time_ns: float) -> None:
    if time_ns > 0:
        _, coherence, _, keep = np.diag(thermal_relaxation(time_ns, device.t1_ns[qubit], device.t2_ns[qubit]))
        flip, phase = (1 - keep) / 4, max(0.0, (1 + keep - 2 * coherence) / 4)
        made.append("PAULI_CHANNEL_1", qubit, [flip, flip, phase])


def _append_detectors(made: stim.Circuit, record: RepetitionRecord) -> None:
    parities: dict[int, list[set[int]]] = {qubit: [] for qubit in record.chain}
    last: dict[int, int] = {}
    measured = 0
    for step in record.steps:
        if step.name == "reset":
            last.pop(step.qubits[0], None)
        elif step.name == "measure":
            (qubit,) = step.qubits
            parities[qubit].append({measured} | ({last[qubit]} if qubit in last else set()))
            last[qubit] = measured
            measured += 1
    code, links = record.chain[::2], record.chain[1::2]
    for (left, right), link in zip(pairwise(code), links, strict=True):
        parities[link].append(parities[left][-1] | parities[right][-1])
    for time in range(len(parities[links[0]])):
        for place, link in enumerate(links):
            compared = parities[link][time] ^ (parities[link][time - 1] if time else set())
            made.append("DETECTOR", [stim.target_rec(index - measured) for index in sorted(compared)], (place, time))
    made.append("OBSERVABLE_INCLUDE", [stim.target_rec(index - measured) for index in parities[code[0]][-1]], 0)
