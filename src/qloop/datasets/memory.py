"""`Memory`: one memory experiment as published: its shots, circuits, models and what others predicted."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError, nearest

Place = Path | zipfile.Path
Bits = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Memory:
    """One memory experiment, of which nothing is read before it is asked for.

    Args:
        name: the publisher's: names of the folders that tell experiments apart, joined by slashes.
        distance: code distance.
        rounds: rounds of stabilizer measurements.
        basis: logical basis, ``"X"`` or ``"Z"``.
        centre: coordinates of the data qubit in the middle of the patch; `None` for a chain.
        published_shots: as the publisher states; a copy may hold fewer.
        detection_file: packed detection events, one row of whole bytes per shot, the first detector in the lowest bit.
        flip_file: flips of the observables: ``.b8`` as above, ``.01`` lines, or ``.npy`` from `numpy.packbits`.
        prediction_files: flips as predicted, by decoder.
        circuit_files: Stim circuits by name; ``"ideal"`` is always there.
        dem_files: Stim detector error models by name.
    """

    name: str
    distance: int
    rounds: int
    basis: str
    centre: tuple[int, int] | None
    published_shots: int
    detection_file: Place
    flip_file: Place
    prediction_files: Mapping[str, Place]
    circuit_files: Mapping[str, Place]
    dem_files: Mapping[str, Place]

    def circuit(self, name: str = "ideal") -> str:
        """Return the text of a circuit."""
        return _known(name, "circuit", self.circuit_files).read_text(encoding="utf-8")

    def dem(self, name: str) -> str:
        """Return the text of a detector error model."""
        return _known(name, "detector error model", self.dem_files).read_text(encoding="utf-8")

    @cached_property
    def num_detectors(self) -> int:
        """Detectors of the circuit."""
        return sum(times for word, times in _instructions(self.circuit()) if word.startswith("DETECTOR"))

    @cached_property
    def num_observables(self) -> int:
        """Observables of the circuit."""
        return 1 + max((int(k) for k in re.findall(r"OBSERVABLE_INCLUDE.*\((\d+)\)", self.circuit())), default=-1)

    @cached_property
    def flips(self) -> Bits:
        """Flips of the observables; shape [shots, num_observables]."""
        return read_rows(self.flip_file, self.num_observables)[: self.published_shots]

    @property
    def shots(self) -> int:
        """Shots in this copy."""
        return len(self.flips)

    def predictions(self, decoder: str) -> Bits:
        """Return the flips that a decoder predicted; shape [shots, num_observables]."""
        predicted = read_rows(_known(decoder, "decoder", self.prediction_files), self.num_observables)
        if len(predicted) < self.shots:
            raise InvalidValueError(f"`{self.name}` has {self.shots} shots, but {decoder} predicted {len(predicted)}.")
        return predicted[: self.shots]

    def blocks(self, shots: int) -> Iterator[Bits]:
        """Yield the detection events of so many shots at a time; shape [at most `shots`, num_detectors].

        Raises:
            InvalidValueError: the file is shorter or longer than the experiment.
        """
        width = -(-self.num_detectors // 8)
        with self.detection_file.open("rb") as file:
            for start in range(0, self.shots, shots):
                rows = min(shots, self.shots - start)
                data = file.read(rows * width)
                if len(data) != rows * width:
                    raise InvalidValueError(
                        f"`{self.detection_file}` must hold {self.shots} shots of {width} bytes, it ends too early."
                    )
                yield _unpack(data, self.num_detectors)
            if file.read(1):
                raise InvalidValueError(
                    f"`{self.detection_file}` must hold {self.shots} shots of {width} bytes, it is longer."
                )

    @cached_property
    def events(self) -> Bits:
        """All detection events; shape [shots, num_detectors]."""
        return next(self.blocks(self.shots), np.zeros((0, self.num_detectors), np.uint8))


def folders_with(path: Path, name: str) -> list[Place]:
    """Return the folders that hold a file of a name, in a folder or a zip archive.

    A folder without such a file is searched for archives: a download lies in the cache as it was published.

    Raises:
        InvalidValueError: there is none, or the path is neither a folder nor a zip archive.
    """
    archives = [path] if path.is_file() else sorted(path.glob("*.zip"))
    if path.is_file() and not zipfile.is_zipfile(path):
        raise InvalidValueError(f"`{path}` must be a folder or a zip archive.")
    found: list[Place] = [file.parent for file in sorted(path.rglob(name))]
    for archive in [] if found else archives:
        file = zipfile.ZipFile(archive)
        members = sorted(member for member in file.namelist() if PurePosixPath(member).name == name)
        found += [zipfile.Path(file, member.removesuffix(name)) for member in members]
    if not found:
        raise InvalidValueError(f"`{path}` must hold experiments with a file `{name}`, there is none.")
    return found


def entries(folder: Place) -> list[Place]:
    """Return what a folder holds, in order of the names."""
    return sorted(folder.iterdir(), key=str)


def named_files(folder: Place, prefix: str, suffix: str = "") -> dict[str, Place]:
    """Return the files of a folder whose names begin and end so, by what is between, without another ending."""
    return {
        file.name.removeprefix(prefix).partition(".")[0]: file
        for file in entries(folder)
        if file.name.startswith(prefix) and file.name.endswith(suffix)
    }


def find_rows(folder: Place, stem: str) -> Place:
    """Return the file of a stem in whichever format it is there.

    Raises:
        InvalidValueError: there is none.
    """
    for suffix in (".b8", ".01", ".npy"):
        if (file := folder / f"{stem}{suffix}").exists():
            return file
    raise InvalidValueError(f"`{folder}` must hold `{stem}` as .b8, .01 or .npy.")


def read_rows(file: Place, width: int) -> Bits:
    """Read rows of bits; the format is told by the name's ending.

    Args:
        file: ``.b8``: rows of whole bytes, lowest bit first; ``.01``: lines of digits; ``.npy``: what
            `numpy.packbits` makes of all rows together, highest bit first.
        width: bits in a row.

    Returns:
        Zeros and ones, shape [rows, width].

    Raises:
        InvalidValueError: the size does not fit.
    """
    with file.open("rb") as stream:
        data = stream.read()
    try:
        if file.suffix == ".b8":
            return _unpack(data, width)
        if file.suffix == ".npy":
            return np.unpackbits(np.load(io.BytesIO(data), allow_pickle=False)).reshape(-1, width)
        lines = np.frombuffer(data.replace(b"\r", b""), np.uint8).reshape(-1, width + 1)
        return lines[:, :width] - np.uint8(ord("0"))
    except ValueError:
        raise InvalidValueError(f"`{file}` must hold rows of {width} bits, its {len(data)} bytes do not.") from None


def _unpack(data: bytes, width: int) -> Bits:
    rows = np.frombuffer(data, np.uint8).reshape(-1, -(-width // 8))
    return np.unpackbits(rows, axis=1, count=width, bitorder="little")


def _known(name: str, kind: str, files: Mapping[str, Place]) -> Place:
    if name not in files:
        raise InvalidValueError(f"the experiment has no {kind} `{name}`: {nearest(name, files)}")
    return files[name]


def _instructions(circuit: str) -> Iterator[tuple[str, int]]:
    """Yield each line of a Stim circuit with the number of times that it is run."""
    times = [1]
    for line in map(str.strip, circuit.splitlines()):
        if line.startswith("REPEAT"):
            times.append(times[-1] * int(line.rstrip("{ ").split()[-1]))
        elif line.startswith("}"):
            times.pop()
        else:
            yield line, times[-1]
