"""A small device with every number different, and random programs of native gates."""

import numpy as np

from qloop.circuits import Angle, Operation, Program
from qloop.devices import Device, GateCalibration

ANGLES = {"rz": 1, "u1": 1, "u2": 2, "u3": 3}


def line_device(num_qubits=3, scale=1.0, **changes):
    """Return a line of qubits with directed `ecr` and both-ways `cz`; `scale` multiplies every error."""
    qubits = np.arange(num_qubits)
    low = np.arange(num_qubits - 1)
    one = qubits[:, None]
    forward = np.column_stack([low, low + 1])
    both = np.concatenate([forward, forward[:, ::-1]])
    fields = {
        "name": "line",
        "num_qubits": num_qubits,
        "gates": {
            "rz": calibration(one, 0.0 * qubits, 0.0 * qubits),
            "sx": calibration(one, scale * (3e-3 + 1e-3 * qubits), 30.0 + qubits),
            "x": calibration(one, scale * (4e-3 + 1e-3 * qubits), 32.0 + qubits),
            "cz": calibration(both, scale * (2e-2 + 1e-3 * np.arange(len(both))), 70.0 + 3 * np.arange(len(both))),
            "ecr": calibration(forward, scale * (3e-2 + 2e-3 * low), 500.0 + 40 * low),
        },
        "t1_ns": (30_000.0 + 9_000 * qubits) / scale,
        "t2_ns": (50_000.0 - 7_000 * qubits) / scale,
        "readout_error": scale * np.column_stack([0.02 + 0.01 * qubits, 0.05 + 0.005 * qubits]),
        "readout_ns": 1_000.0,
    }
    return Device(**{**fields, **changes})


def calibration(sites, error, duration_ns):
    return GateCalibration(
        sites=np.asarray(sites, np.int32),
        error=np.asarray(error, np.float64),
        duration_ns=np.asarray(duration_ns, np.float64),
    )


def random_native_program(rng, device, qubits, num_gates, outputs, parametric=False):
    """Return random native gates among some physical qubits; parameters, if any, are one per angle."""
    sites = [
        (name, tuple(site))
        for name, gate in device.gates.items()
        for site in gate.sites.tolist()
        if set(site) <= set(qubits)
    ]
    two = [site for site in sites if len(site[1]) == 2]
    one = [site for site in sites if len(site[1]) == 1 and site[0] != "id"]
    operations, names = [], []
    for _ in range(num_gates):
        table = two if rng.random() < 0.35 else one
        name, site = table[rng.integers(len(table))]
        angles = [Angle(rng.uniform(-3, 3)) for _ in range(ANGLES.get(name, 0))]
        if parametric:
            angles = [Angle(angle.offset, {len(names) + k: 1.0}) for k, angle in enumerate(angles)]
            names += [f"angle{len(names) + k}" for k in range(len(angles))]
        operations.append(Operation(name, site, tuple(angles)))
    return Program.from_operations(device.num_qubits, operations, names, outputs=outputs)
