"""`Memory`: one memory experiment as published: its shots, circuits, models and what others predicted."""

import io
import re
import sys
import zipfile
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError, nearest

Place = Path | zipfile.Path
Files = Mapping[str, Place]
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
    prediction_files: Files
    circuit_files: Files
    dem_files: Files

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
        blocks = list(self.blocks(max(self.shots, 1)))
        return blocks[0] if blocks else np.zeros((0, self.num_detectors), np.uint8)


def experiment_files(path: Path, marker: str) -> dict[str, Files]:
    """Return the files of every experiment in a folder or a zip archive, by their paths below the experiment's folder.

    A folder without experiments is searched for archives: a download lies in the cache as it was published.

    Args:
        path: folder or archive.
        marker: name of a file that every experiment has.

    Returns:
        Files by folder; folders end with a slash.

    Raises:
        InvalidValueError: there is none, or the path is neither a folder nor a zip archive.
    """
    if path.is_file():
        found = _in_archive(path, marker)
    else:
        found = _in_folder(path, marker)
        for archive in [] if found else sorted(path.glob("*.zip")):
            found |= _in_archive(archive, marker)
    if not found:
        raise InvalidValueError(f"`{path}` must hold experiments with a file `{marker}`, there is none.")
    return found


def _in_folder(path: Path, marker: str) -> dict[str, Files]:
    return {
        f"{folder.as_posix()}/": {
            file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()
        }
        for folder in sorted(file.parent for file in path.rglob(marker))
    }


def _in_archive(path: Path, marker: str) -> dict[str, Files]:
    if not zipfile.is_zipfile(path):
        raise InvalidValueError(f"`{path}` must be a folder or a zip archive.")
    archive = zipfile.ZipFile(path)
    names = sorted(name for name in archive.namelist() if not name.endswith("/"))
    found: dict[str, Files] = {}
    for folder in [name.removesuffix(marker) for name in names if PurePosixPath(name).name == marker]:
        inside = names[bisect_left(names, folder) : bisect_left(names, folder + chr(sys.maxunicode))]
        found[f"{path.as_posix()}/{folder}"] = {
            name.removeprefix(folder): zipfile.Path(archive, name) for name in inside
        }
    return found


def named_files(files: Files, prefix: str, suffix: str = "") -> Files:
    """Return the files whose paths begin and end so, by what is between, without another ending."""
    return {
        name[len(prefix) : len(name) - len(suffix)].partition(".")[0]: file
        for name, file in files.items()
        if name.startswith(prefix) and name.endswith(suffix)
    }


def first_file(folder: str, files: Files, *names: str) -> Place:
    """Return the first of some files that is there.

    Raises:
        InvalidValueError: none is.
    """
    for name in names:
        if name in files:
            return files[name]
    raise InvalidValueError(f"`{folder}` must hold {' or '.join(f'`{name}`' for name in names)}.")


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


def _known(name: str, kind: str, files: Files) -> Place:
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
