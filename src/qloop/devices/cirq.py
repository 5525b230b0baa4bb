"""Google's processors, from the median calibrations that cirq-google ships."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError, MissingExtraError, nearest
from qloop.devices.device import Device, GateCalibration

Site = tuple[tuple[int, int], ...]
"""Grid positions (row, column) that a metric belongs to."""


@dataclass(frozen=True, kw_only=True)
class _Processor:
    file: str
    entangler: str
    cycles: int
    cz_ns: float
    turn_ns: float
    readout_ns: float


# A CZ takes two square roots of iSWAP and a layer of single-qubit gates between them (Huang et al., arXiv:2105.06074);
# times from `DEFAULT_GATE_NS` in cirq-google 1.7.
_SYCAMORE = partial(
    _Processor,
    entangler="two_qubit_parallel_sqrt_iswap_gate",
    cycles=2,
    cz_ns=32 + 25 + 32,
    turn_ns=25,
    readout_ns=4000,
)
_PROCESSORS = {
    # Times from the device specification willow_pink_d7v1-2024_08_16 in cirq-google 1.7.
    "Willow": _Processor(
        file="willow_pink", entangler="two_qubit_parallel_cz_gate", cycles=1, cz_ns=42, turn_ns=25, readout_ns=600
    ),
    "Weber": _SYCAMORE(file="weber"),
    "Rainbow": _SYCAMORE(file="rainbow"),
}


def processors() -> Mapping[str, Callable[[], Device]]:
    """Return how to make each of Google's processors."""
    return {name: partial(device_from_cirq, name) for name in _PROCESSORS}


def device_from_cirq(name: str) -> Device:
    """Read one of Google's processors: ``"Willow"``, ``"Weber"`` or ``"Rainbow"``.

    Qubits are numbered row by row. Measured: T1, both readout errors (all qubits read at once where that is published),
    the Pauli error of single-qubit gates, and the Pauli error of one cross-entropy cycle of the entangling gate run in
    parallel. Assumed:

    - T2 is not published: pure dephasing is what is left of the incoherent single-qubit error after T1.
    - A cycle holds single-qubit gates too, so the error of `cz` is an upper bound.
    - Weber and Rainbow have no native CZ; theirs is two cycles of the square root of iSWAP.
    - Rotations about Z are free.

    Args:
        name: a processor.

    Raises:
        InvalidValueError: there is no such processor; the nearest is suggested.
        MissingExtraError: the extra ``hardware`` is not installed.

    Source: the median calibrations in cirq-google; dephasing as in its `noise_properties_from_calibration`.
    """
    if name not in _PROCESSORS:
        raise InvalidValueError(f"`{name}` is not a known processor: {nearest(name, _PROCESSORS)}")
    processor = _PROCESSORS[name]
    path = _calibration_path(processor.file)
    metrics = _metrics(path)
    sites = sorted(metrics["single_qubit_idle_t1_micros"])
    number = {qubit: k for k, (qubit,) in enumerate(sites)}

    def column(metric: str) -> NDArray[np.float64]:
        return np.array([metrics[metric][site] for site in sites])

    t1 = 1000 * column("single_qubit_idle_t1_micros")
    dephasing = np.maximum(0, 3 * column("single_qubit_rb_incoherent_error_per_gate") / processor.turn_ns - 1 / t1)
    readout = "parallel" if "parallel_p00_error" in metrics else "single_qubit"
    cycle = metrics[f"{processor.entangler}_xeb_pauli_error_per_cycle"]
    pairs = [[number[a], number[b]] for a, b in cycle]
    # Average infidelity is Pauli error times d / (d + 1).
    turn_error = 2 / 3 * column("single_qubit_rb_pauli_error_per_gate")
    cz_error = 1 - (1 - 4 / 5 * np.array(list(cycle.values()))) ** processor.cycles
    every_qubit = [[k] for k in range(len(sites))]
    turn = _calibration(every_qubit, turn_error, processor.turn_ns)
    return Device(
        name=name,
        num_qubits=len(sites),
        gates={
            "rz": _calibration(every_qubit, np.zeros(len(sites)), 0),
            "sx": turn,
            "x": turn,
            "cz": _calibration(pairs + [pair[::-1] for pair in pairs], np.tile(cz_error, 2), processor.cz_ns),
        },
        t1_ns=t1,
        t2_ns=1 / (1 / (2 * t1) + dephasing),
        readout_error=np.column_stack([column(f"{readout}_p00_error"), column(f"{readout}_p11_error")]),
        readout_ns=processor.readout_ns,
        calibrated="-".join(re.findall(r"(\d{4})_(\d\d)_(\d\d)", path.name)[0]),
    )


def _calibration(sites: list[list[int]], error: NDArray[np.float64], duration_ns: float) -> GateCalibration:
    return GateCalibration(
        sites=np.array(sites, np.int32), error=error, duration_ns=np.full(len(sites), duration_ns, np.float64)
    )


def _calibration_path(file: str) -> Path:
    # Importing cirq-google takes seconds and brings pandas, sympy and matplotlib; its data files need none of them.
    package = find_spec("cirq_google")
    folders = [] if package is None else package.submodule_search_locations or []
    paths = [path for folder in folders for path in Path(folder).glob(f"devices/calibrations/{file}*_calibration.json")]
    if not paths:
        raise MissingExtraError(
            'A Google processor needs the calibrations of cirq-google: pip install "qloop[hardware]"'
        )
    return max(paths)


def _metrics(path: Path) -> dict[str, dict[Site, float]]:
    metrics: dict[str, dict[Site, float]] = {}
    for entry in json.loads(path.read_text(encoding="utf-8"))["metrics"]["metrics"]:
        site = tuple((int(row), int(column)) for row, column in (target.split("_") for target in entry["targets"]))
        metrics.setdefault(entry["name"], {})[site] = entry["values"][0]["doubleVal"]
    return metrics
