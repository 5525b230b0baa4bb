"""Files of shots in Stim's formats, read and written a block at a time."""

import io
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError, nearest

Bits = NDArray[np.uint8]
Format = Literal["b8", "01", "dets", "npy"]
FORMATS: tuple[str, ...] = get_args(Format)
_INDEX_STEP = 1024
"""Lines between two remembered places of a `dets` file."""


class ShotFile:
    """The shots of a file, read when they are sliced: an array of zeros and ones that is not in memory.

    Formats are Stim's: ``b8``, rows of whole bytes, the first bit lowest; ``01``, lines of digits; ``dets``, lines such
    as ``shot D3 L0``, of which either letter is read; and ``npy``, an array of [shots, width] values 0 and 1, or packed
    like ``b8``.

    Args:
        path: the file.
        width: bits of a shot, at least 1.
        format: its format, by default the ending of its name.
        letter: what is counted in a ``dets`` file: ``"D"`` detectors or ``"L"`` observables.
        select: which of the file's shots, with a positive step; ``slice(1, None, 2)`` takes the odd ones.

    Raises:
        InvalidValueError: the format is unknown, or the file's size does not fit it.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        *,
        format: str | None = None,
        letter: Literal["D", "L"] = "D",
        select: slice = slice(None),
    ) -> None:
        if width < 1:
            raise InvalidValueError(f"shots must have at least one bit, got {width}.")
        if select.step is not None and select.step < 1:
            raise InvalidValueError(f"shots are chosen with a positive step, got {select.step}.")
        self.path = path.absolute()
        self.width = width
        self.format = find_format(path, format)
        self._letter = letter
        self._size = path.stat().st_size
        self._index = _index_lines(path) if self.format == "dets" else []
        self._chosen = range(self._count())[select]

    @property
    def identity(self) -> tuple[str | int, ...]:
        """What tells these shots from others without reading them: JSON values for a content key."""
        chosen = self._chosen
        place = str(self.path), self._size, self.path.stat().st_mtime_ns
        return *place, self.format, self.width, self._letter, chosen.start, chosen.stop, chosen.step

    def narrow(self, start: int, stop: int) -> "ShotFile":
        """Return some of these shots, still unread: cheap to send to another process."""
        made = copy(self)
        made._chosen = self._chosen[start:stop]
        return made

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, block: slice) -> Bits:
        chosen = self._chosen[block]
        if not chosen:
            return np.zeros((0, self.width), np.uint8)
        rows = slice(chosen[0], chosen[-1] + 1, chosen.step)
        return {"b8": self._read_b8, "01": self._read_01, "dets": self._read_dets, "npy": self._read_npy}[self.format](
            rows
        )

    def _count(self) -> int:
        """Return the shots of the whole file."""
        if self.format == "dets":
            return self._index.pop()
        if self.format == "npy":
            return len(self._load_npy())
        stride = self._stride()
        if self._size % stride:
            raise InvalidValueError(
                f"`{self.path}` must hold shots of {self.width} bits in {stride} bytes each, its {self._size} bytes "
                "are no whole number of them."
            )
        return self._size // stride

    def _stride(self) -> int:
        if self.format == "b8":
            return -(-self.width // 8)
        with self.path.open("rb") as file:
            line = file.readline(self.width + 3)
        length = len(line.rstrip(b"\r\n"))
        if line and length != self.width:
            longer = f"more than {self.width}" if length > self.width else str(length)
            raise InvalidValueError(f"`{self.path}` must have lines of {self.width} digits, its first has {longer}.")
        return len(line) or self.width + 1

    def _map(self) -> NDArray[np.uint8]:
        # Mapped anew for every block: pages that stay mapped would count as this process's memory.
        return np.memmap(self.path, np.uint8, "r").reshape(-1, self._stride())

    def _read_b8(self, rows: slice) -> Bits:
        packed = self._map()[rows]
        return self._unpack(packed)

    def _unpack(self, packed: NDArray[np.uint8]) -> Bits:
        if self.width % 8 and (packed[:, -1] >> (self.width % 8)).any():
            raise InvalidValueError(
                f"`{self.path}` must hold shots of {self.width} bits, it has a bit beyond them: another model's file?"
            )
        return np.unpackbits(packed, axis=1, count=self.width, bitorder="little")

    def _read_01(self, rows: slice) -> Bits:
        lines = self._map()[rows]
        bits = lines[:, : self.width] - np.uint8(ord("0"))
        if (bits > 1).any() or (lines[:, -1] != ord("\n")).any():
            raise InvalidValueError(f"`{self.path}` must hold lines of {self.width} digits 0 and 1, it holds others.")
        return bits

    def _load_npy(self) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise InvalidValueError(f"`{self.path}` must be a numpy array of numbers: {error}") from None
        array = array[:, None] if array.ndim == 1 else array
        packed = -(-self.width // 8)
        fits = array.ndim == 2 and (
            array.shape[1] == self.width or (array.shape[1] == packed and array.dtype == np.uint8)
        )
        if not fits or array.dtype.kind not in "bui":
            raise InvalidValueError(
                f"`{self.path}` must hold whole numbers of shape [shots, {self.width}], or [shots, {packed}] packed "
                f"bytes, got {array.dtype} of shape {list(array.shape)}."
            )
        return array

    def _read_npy(self, rows: slice) -> Bits:
        array = self._load_npy()[rows]
        if array.shape[1] != self.width:
            return self._unpack(array)
        if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
            raise InvalidValueError(f"`{self.path}` must hold zeros and ones only.")
        return np.array(array, np.uint8)

    def _read_dets(self, rows: slice) -> Bits:
        bits = np.zeros((len(range(rows.stop)[rows]), self.width), np.uint8)
        for row, line in enumerate(self._lines(rows)):
            head, *flips = line.split()
            if head != b"shot":
                raise InvalidValueError(f"`{self.path}` must have lines that start with `shot`, got {line[:40]!r}.")
            for flip in flips:
                letter, number = chr(flip[0]), flip[1:]
                if letter not in "DL" or not number.isdigit():
                    raise InvalidValueError(
                        f"`{self.path}` must name detectors `D3` and observables `L0` only, got `{flip[:40].decode()}`."
                    )
                if letter == self._letter:
                    if int(number) >= self.width:
                        raise InvalidValueError(
                            f"`{self.path}` must name {self._letter}0 to {self._letter}{self.width - 1}, "
                            f"got `{flip.decode()}`."
                        )
                    bits[row, int(number)] ^= 1
        return bits

    def _lines(self, rows: slice) -> Iterator[bytes]:
        before = rows.start // _INDEX_STEP
        with self.path.open("rb") as file:
            file.seek(self._index[before])
            for number in range(before * _INDEX_STEP, rows.stop):
                line = file.readline()
                if number >= rows.start and not (number - rows.start) % rows.step:
                    yield line


def find_format(path: Path, format: str | None = None) -> str:
    """Return the format of a file of shots.

    Args:
        path: the file, whose name's ending counts when `format` is `None`.
        format: one of `FORMATS`.

    Raises:
        InvalidValueError: it is none of them.
    """
    name = path.suffix.removeprefix(".") if format is None else format
    if name not in FORMATS:
        raise InvalidValueError(f"`{name}` is not a format of shots (`{path.name}`): {nearest(name, FORMATS)}")
    return name


def encode_shots(bits: NDArray[np.generic], format: str, letter: Literal["D", "L"] = "L") -> bytes:
    """Return shots as the bytes of a file's block.

    Args:
        bits: zeros and ones, shape [shots, width].
        format: one of `FORMATS`; an ``npy`` file begins with `npy_header`.
        letter: what a ``dets`` file calls them.
    """
    rows = np.asarray(bits, np.uint8)
    if format == "b8":
        return np.packbits(rows, axis=1, bitorder="little").tobytes()
    if format == "01":
        return np.pad(rows + np.uint8(ord("0")), ((0, 0), (0, 1)), constant_values=ord("\n")).tobytes()
    if format == "dets":
        lines = (" ".join(["shot", *(f"{letter}{k}" for k in np.flatnonzero(row))]) for row in rows)
        return "".join(f"{line}\n" for line in lines).encode()
    return rows.astype(bool).tobytes()


def npy_header(shape: tuple[int, ...], dtype: str) -> bytes:
    """Return what stands before the values of an ``npy`` file, whose shape must be known from the start."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


def _index_lines(path: Path) -> list[int]:
    """Return the places of every `_INDEX_STEP`-th line, and the number of lines at the end."""
    index, place, number = [], 0, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if (number - 1) % _INDEX_STEP == 0:
                index.append(place)
            place += len(line)
    return [*index, number]
