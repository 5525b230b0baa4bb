"""`Request` and `Shots`: what is asked of a backend and what comes back."""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qloop.circuits.gates import GATES
from qloop.circuits.program import Program
from qloop.circuits.simulate.memory import check_memory
from qloop.core.errors import InvalidValueError
from qloop.core.memo import content_key

HISTOGRAM_QUBITS = 24
"""Widest register whose histogram (2^n entries a setting) is built."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Request:
    """One program at one parameter vector, measured in several settings.

    Args:
        program: unitary part on the backend's qubits; its `outputs` are measured.
        values: parameter values in radians, shape [num_parameters].
        bases: Pauli letter (1..3 = X, Y, Z) per setting and logical qubit, shape [settings, num_outputs].
        shots: shots per setting, shape [settings].
        label: what the request is for, in words.

    Raises:
        InvalidValueError: a value that is not finite, a letter outside 1..3, negative shots, or a wrong shape.
    """

    program: Program
    values: NDArray[np.float64]
    bases: NDArray[np.uint8]
    shots: NDArray[np.int64]
    label: str = ""

    def __post_init__(self) -> None:
        values, bases, shots = np.asarray(self.values, np.float64), np.asarray(self.bases), np.asarray(self.shots)
        if values.shape != (self.program.num_parameters,) or not np.isfinite(values).all():
            raise InvalidValueError(
                f"`values` must be {self.program.num_parameters} finite numbers, got {self.values}."
            )
        if bases.ndim != 2 or bases.shape[1] != len(self.program.outputs):
            raise InvalidValueError(
                f"`bases` must have shape [settings, {len(self.program.outputs)}], got {bases.shape}."
            )
        if not np.isin(bases, (1, 2, 3)).all():
            raise InvalidValueError("`bases` holds letters 1, 2, 3 for X, Y, Z only.")
        if shots.shape != bases.shape[:1] or shots.dtype.kind not in "iu" or (shots < 0).any():
            raise InvalidValueError(f"`shots` must be {len(bases)} whole numbers of at least 0, got {self.shots}.")
        # Copies of one type and layout: nobody changes a request later, and kernels meet the types they know.
        for name, array, dtype in (
            ("values", values, np.float64),
            ("bases", bases, np.uint8),
            ("shots", shots, np.int64),
        ):
            object.__setattr__(self, name, np.array(array, dtype, order="C"))

    @cached_property
    def key(self) -> str:
        """Content key: equal for requests that ask for the same; the label does not count."""
        program = {field.name: getattr(self.program, field.name) for field in fields(self.program)}
        program["gates"] = [GATES[code].name for code in self.program.gates]
        return content_key(program, self.values, self.bases, self.shots)

    def setting_of_shots(self) -> NDArray[np.int32]:
        """Return the setting of every shot, in the order in which shots are taken, shape [total shots].

        Raises:
            InvalidValueError: no setting has any shots.
        """
        if not self.shots.any():
            raise InvalidValueError(f"a request must ask for at least one shot, got {self.shots.tolist()}.")
        return np.repeat(np.arange(len(self.bases), dtype=np.int32), self.shots)


@dataclass(frozen=True, eq=False, kw_only=True)
class Shots:
    """Raw measured bits in the order they were taken.

    Bit q of a shot is logical qubit q, packed into bytes with qubit 0 the least significant bit of byte 0
    (little-endian, the order of Stim's ``b8``).

    Args:
        num_qubits: measured qubits.
        bits: shape [shots, ceil(num_qubits / 8)].
        setting: index into `bases` of each shot, shape [shots].
        bases: Pauli letters per setting and qubit, shape [settings, num_qubits].
        started_s: when the job started, seconds since the epoch; simulators count from 0.
        job: id of the job that took them.
    """

    num_qubits: int
    bits: NDArray[np.uint8]
    setting: NDArray[np.int32]
    bases: NDArray[np.uint8]
    started_s: float = 0.0
    job: str = ""

    @classmethod
    def from_outcomes(
        cls,
        outcomes: NDArray[np.integer],
        setting: NDArray[np.int32],
        bases: NDArray[np.uint8],
        started_s: float = 0.0,
        job: str = "",
    ) -> "Shots":
        """Pack outcomes given as one little-endian integer a shot.

        Raises:
            InvalidValueError: more than 64 qubits.
        """
        if bases.shape[1] > 64:
            raise InvalidValueError(f"an outcome as one integer has at most 64 qubits, got {bases.shape[1]}.")
        num_bytes = (bases.shape[1] + 7) // 8
        raw = outcomes.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :num_bytes]
        return cls(
            num_qubits=bases.shape[1],
            bits=np.ascontiguousarray(raw),
            setting=setting,
            bases=bases,
            started_s=started_s,
            job=job,
        )

    def __len__(self) -> int:
        return len(self.bits)

    def unpacked(self) -> NDArray[np.uint8]:
        """Return one bit an entry, shape [shots, num_qubits]."""
        return np.unpackbits(self.bits, axis=1, count=self.num_qubits, bitorder="little")

    @cached_property
    def histogram(self) -> NDArray[np.int64]:
        """Counts per setting and outcome, shape [settings, 2^num_qubits].

        Raises:
            InvalidValueError: the register is wider than `HISTOGRAM_QUBITS`, or there is not enough memory.
        """
        if self.num_qubits > HISTOGRAM_QUBITS:
            raise InvalidValueError(
                f"a histogram needs at most {HISTOGRAM_QUBITS} qubits, got {self.num_qubits}; use `unpacked()`."
            )
        size = 1 << self.num_qubits
        check_memory(8 * size * len(self.bases), f"a histogram of {len(self.bases)} settings")
        place = 1 << (8 * np.arange(self.bits.shape[1]))
        outcome = self.bits @ place + size * self.setting.astype(np.int64)
        return np.bincount(outcome, minlength=size * len(self.bases)).reshape(len(self.bases), size)
