"""Qiskit's door of `hybrid`: from what a user calls a backend to what runs a layer's circuits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BaseEstimatorV2

from qloop.circuits.program import Program
from qloop.circuits.qiskit import to_qiskit, to_sparse_pauli_op
from qloop.core.errors import InvalidValueError
from qloop.devices.connect import backend_of, connect
from qloop.devices.qiskit import device_from_backend
from qloop.devices.transpile import transpile
from qloop.hybrid.readout import Readout
from qloop.hybrid.remote import DeviceShots

FloatArray = NDArray[np.float64]


def open_sampler(backend: Any, program: Program, readout: Readout, shots: int) -> "DeviceShots | DeviceEstimates":
    """Return what runs a free-angle circuit on a backend.

    Args:
        backend: a `Backend`, a `BackendV2`, a `SamplerV2` or an `EstimatorV2`.
        program: free-angle circuit.
        readout: what is measured.
        shots: per circuit and setting.

    Raises:
        InvalidValueError: something else, or a backend with too few qubits.
    """
    if isinstance(backend, BaseEstimatorV2):
        return DeviceEstimates(backend, program, readout, shots)
    return DeviceShots(connect(backend), program, readout, shots)


class DeviceEstimates:
    """Expectation values by an `EstimatorV2`, with whatever error mitigation it is set to, as one circuit in one job.

    Args:
        estimator: of a backend.
        program: free-angle circuit.
        readout: expectation values.
        shots: of which the precision asked for is one over the square root.

    Raises:
        InvalidValueError: outputs that are not expectation values, or a backend with too few qubits.
    """

    def __init__(self, estimator: BaseEstimatorV2, program: Program, readout: Readout, shots: int) -> None:
        if readout.observables is None:
            raise InvalidValueError(f"an `EstimatorV2` gives expectation values, got `{readout.kind}`: give a sampler.")
        self.estimator, self.readout, self.shots = estimator, readout, shots
        self.device = device_from_backend(backend_of(estimator))
        self.program = transpile(program, self.device)

    @property
    def name(self) -> str:
        """Name for reports."""
        return f"{self.device.name} by {type(self.estimator).__name__}"

    def values(self, angles: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the estimated outputs, shape [rows, num_outputs], at angles of shape [rows, num_angles]."""
        circuit = to_qiskit(self.program)
        place = {name: k for k, name in enumerate(self.program.parameters)}
        columns = angles[:, [place[parameter.name] for parameter in circuit.parameters]]
        observables = [
            [to_sparse_pauli_op(one.placed(self.program.outputs, self.program.num_qubits))]
            for one in self.readout.observables or ()
        ]
        job = self.estimator.run([(circuit, observables, columns)], precision=self.shots**-0.5)
        return np.asarray(job.result()[0].data.evs, np.float64).T
