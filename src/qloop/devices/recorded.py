"""Shots written to a folder, and replayed from it: hardware results in tests, and results to hand on."""

import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qloop.core.errors import InvalidValueError
from qloop.devices.backend import Backend
from qloop.devices.device import Device
from qloop.devices.shots import Request, Shots


class Recorder:
    """Passes requests on to a backend and writes down what comes back.

    Args:
        backend: who runs the requests.
        path: folder of the recording, made if it is not there; recordings that are in it stay.
    """

    def __init__(self, backend: Backend, path: Path) -> None:
        self.name = backend.name
        self.device = backend.device
        self._backend = backend
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    def run(self, requests: Sequence[Request], rng: np.random.Generator) -> list[Shots]:
        """Run the requests and record them."""
        taken = self._backend.run(requests, rng)
        for request, shots in zip(requests, taken, strict=True):
            _write(self._path / f"{request.key}-{_count(self._path, request)}.npz", shots)
        return taken


class RecordedBackend:
    """Replays a recording bit by bit: the n-th time a request is made gives its n-th recorded shots.

    Args:
        path: folder of the recording.
        device: what the recorded programs were compiled for.

    Raises:
        InvalidValueError: there is no such folder.
    """

    def __init__(self, path: Path, device: Device | None = None) -> None:
        if not path.is_dir():
            raise InvalidValueError(f"there is no folder `{path}` with a recording.")
        self.device = device
        self._path = path
        self._replayed: Counter[str] = Counter()

    @property
    def name(self) -> str:
        """Name for reports."""
        return f"recording {self._path.name}"

    def run(self, requests: Sequence[Request], rng: np.random.Generator) -> list[Shots]:
        """Replay the requests.

        Raises:
            InvalidValueError: a request was not recorded as many times as it is asked for, or its file is damaged.
        """
        return [self._replay(request) for request in requests]

    def _replay(self, request: Request) -> Shots:
        request.setting_of_shots()
        index = self._replayed[request.key]
        file = self._path / f"{request.key}-{index}.npz"
        if not file.exists():
            raise InvalidValueError(
                f"`{self._path}` holds {index} recordings of the request `{request.label}`, one more was asked for."
            )
        self._replayed[request.key] += 1
        return _read(file)


def _count(path: Path, request: Request) -> int:
    return sum(1 for _ in path.glob(f"{request.key}-*.npz"))


def _write(file: Path, shots: Shots) -> None:
    # Whole or not at all: a recording that a crash cut short is never replayed.
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez_compressed(
            stream,
            num_qubits=shots.num_qubits,
            bits=shots.bits,
            setting=shots.setting,
            bases=shots.bases,
            started_s=shots.started_s,
            job=shots.job,
        )
    part.replace(file)


def _read(file: Path) -> Shots:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return Shots(
                num_qubits=int(stored["num_qubits"]),
                bits=stored["bits"],
                setting=stored["setting"],
                bases=stored["bases"],
                started_s=float(stored["started_s"]),
                job=str(stored["job"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        raise InvalidValueError(f"`{file}` is not a recording of shots.") from None
