"""Decode a file of any size into files that appear whole or not at all, and go on where an earlier try stopped."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError
from qloop.core.memo import content_key
from qloop.core.progress import Event, Progress, silent
from qloop.decoding.blocks import Block, decode_blocks
from qloop.decoding.decoder import Decoder
from qloop.decoding.shots import ShotFile, encode_shots, find_format, npy_header

_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class FileTarget:
    """Where the answers go.

    Args:
        predictions: predicted flips, in the format of its ending.
        confidence: probability that a shot's prediction is right, a numpy array of float64; `None` for none.
        review: share of the shots to flag, the least confident ones, in [0, 1); their numbers, ascending, go beside
            the predictions into ``*.review.npy``; 0 for none.

    Raises:
        InvalidValueError: an unknown format, a share out of range, or one file for two things.
    """

    predictions: Path
    confidence: Path | None = None
    review: float = 0.0

    def __post_init__(self) -> None:
        find_format(self.predictions)
        if not 0 <= self.review < 1:
            raise InvalidValueError(f"`review` must be in [0, 1), got {self.review}.")
        if self.confidence is not None and self.confidence.absolute() == self.predictions.absolute():
            raise InvalidValueError(f"predictions and confidence must be two files, got `{self.confidence}` twice.")

    @property
    def state(self) -> Path:
        """How far an unfinished try came."""
        return _beside(self.predictions, ".state")

    @property
    def flagged(self) -> Path | None:
        """Numbers of the shots to review."""
        return self.predictions.with_suffix(".review.npy") if self.review else None

    def finals(self) -> list[Path]:
        """Return every file that there will be, the predictions last."""
        return [path for path in (self.confidence, self.flagged, self.predictions) if path is not None]


def decode_file(
    decoder: Decoder,
    dem: stim.DetectorErrorModel,
    events: ShotFile,
    target: FileTarget,
    *,
    executor: Executor,
    workers: int,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Decode every shot of a file.

    Until all is done the answers stand in files named ``*.part`` with ``*.state`` beside them; the same call goes on
    from there.

    Args:
        decoder: settings of the decoder.
        dem: the model.
        events: the shots.
        target: where to write.
        executor: where blocks are decoded.
        workers: how many at a time.
        progress: told how many shots are done.

    Returns:
        JSON values: shots, how often each observable is predicted to flip, mean confidence, shots flagged, CPU seconds.

    Raises:
        InvalidValueError: a file is there already, or an unfinished one belongs to another question, or a confidence
            is asked of a decoder that has none.
    """
    key = content_key(str(dem), repr(decoder), events.identity, [str(path.absolute()) for path in target.finals()])
    state = _read_state(target, key) or {
        "key": key, "shots": 0, "sizes": [], "flips": [0] * dem.num_observables, "confidence": 0.0, "seconds": 0.0,
    }  # fmt: skip
    parts = _Parts(target, len(events), dem.num_observables, state)
    with parts:
        for block in decode_blocks([decoder], dem, events, start=state["shots"], executor=executor, workers=workers):
            parts.write(block)
            progress(Event(stage="decode", text=events.path.name, done=block.stop, total=len(events)))
    flagged = _finish(target, state["shots"])
    known = target.confidence is not None or target.flagged is not None
    return {
        "shots": state["shots"],
        "flips": state["flips"],
        "confidence": state["confidence"] / max(1, state["shots"]) if known else None,
        "flagged": flagged,
        "cpu_seconds": state["seconds"],
    }


class _Parts:
    """The unfinished files of one target, and the state that says how much of them counts."""

    def __init__(self, target: FileTarget, shots: int, width: int, state: dict[str, Any]) -> None:
        self._target, self._shots, self._state = target, shots, state
        self._format = find_format(target.predictions)
        self._confident = target.confidence is not None or target.flagged is not None
        headers = [npy_header((shots, width), "|b1") if self._format == "npy" else b""]
        headers += [npy_header((shots,), "<f8")] if self._confident else []
        self._paths = _part_paths(target)
        self._headers = headers
        self._files: list[BinaryIO] = []
        self._stack = ExitStack()

    def __enter__(self) -> "_Parts":
        if not self._state["sizes"]:
            for path, header in zip(self._paths, self._headers, strict=True):
                path.write_bytes(header)
            self._state["sizes"] = list(map(len, self._headers))
            self._save()
        for path, size in zip(self._paths, self._state["sizes"], strict=True):
            if path.exists() or self._state["shots"] < self._shots:
                file = self._stack.enter_context(path.open("r+b"))
                # What a killed try wrote after its last note is written again.
                file.truncate(size)
                file.seek(size)
                self._files.append(file)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        if error[0] is not None and not self._state["shots"]:
            for path in (*self._paths, self._target.state):
                path.unlink(missing_ok=True)

    def write(self, block: Block) -> None:
        """Append a block and note it."""
        decoded = block.decoded[0]
        contents = [encode_shots(decoded.predictions, self._format)]
        if self._confident:
            if decoded.confidence is None:
                raise InvalidValueError("confidence and review need a decoder that knows how sure it is.")
            contents.append(np.asarray(decoded.confidence, "<f8").tobytes())
            self._state["confidence"] += float(decoded.confidence.sum())
        for file, content in zip(self._files, contents, strict=True):
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        flips = decoded.predictions.sum(axis=0)
        self._state["flips"] = [int(old + new) for old, new in zip(self._state["flips"], flips, strict=True)]
        self._state["seconds"] += block.seconds[0]
        self._state["shots"] = block.stop
        self._state["sizes"] = [file.tell() for file in self._files]
        self._save()

    def _save(self) -> None:
        new = _beside(self._target.state, ".new")
        new.write_text(json.dumps(self._state))
        new.replace(self._target.state)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _part_paths(target: FileTarget) -> list[Path]:
    confidence = target.confidence or (target.flagged and _beside(target.predictions, ".confidence"))
    return [_beside(path, ".part") for path in (target.predictions, confidence) if path]


def _read_state(target: FileTarget, key: str) -> dict[str, Any] | None:
    """Return the state of an unfinished try at the same, or `None` where there is none and nothing is in the way."""
    if target.state.exists():
        state: dict[str, Any] = json.loads(target.state.read_text())
        if state["key"] != key:
            raise InvalidValueError(
                f"`{target.state}` belongs to other shots, another model or another decoder: remove it, or choose "
                "another name."
            )
        return state
    for path in (*target.finals(), *_part_paths(target)):
        if path.exists():
            raise InvalidValueError(f"`{path}` exists and stays as it is: choose another name.")
    return None


def _finish(target: FileTarget, shots: int) -> int:
    """Give every file its name, the predictions last; killed in between, the next call does what is left."""
    predictions, *rest = _part_paths(target)
    flagged = round(target.review * shots)
    if target.flagged is not None and rest[0].exists():
        new = _beside(target.flagged, ".part")
        _write_flagged(rest[0], flagged, new)
        new.replace(target.flagged)
    for part in rest:
        if target.confidence is None:
            part.unlink(missing_ok=True)
        elif part.exists():
            part.replace(target.confidence)
    if predictions.exists():
        predictions.replace(target.predictions)
    target.state.unlink()
    return flagged


def _write_flagged(confidence: Path, count: int, path: Path) -> None:
    """Write the numbers of the `count` least confident shots; of equally confident ones the first."""
    threshold, equal = _select(confidence, count)
    with path.open("wb") as file:
        file.write(npy_header((count,), "<i8"))
        for start, block in _read_bits(confidence) if count else ():
            ties = np.flatnonzero(block == threshold)[:equal]
            equal -= len(ties)
            chosen = np.concatenate([np.flatnonzero(block < threshold), ties])
            file.write((start + np.sort(chosen)).astype("<i8").tobytes())
        file.flush()
        os.fsync(file.fileno())


def _select(confidence: Path, count: int) -> tuple[int, int]:
    """Return the bits of the `count`-th smallest value, and how many that equal it are among the smallest.

    Non-negative numbers are ordered as their bits are, so sixteen bits at a time settle it in bounded memory.
    """
    threshold = 0
    for shift in (48, 32, 16, 0):
        histogram = np.zeros(2**16, np.int64)
        for _, block in _read_bits(confidence):
            digits = block >> np.uint64(shift)
            inside = digits >> np.uint64(16) == threshold
            histogram += np.bincount((digits[inside] & np.uint64(0xFFFF)).astype(np.int64), minlength=2**16)
        below = np.cumsum(histogram)
        digit = int(np.searchsorted(below, count))
        count -= int(below[digit - 1]) if digit else 0
        threshold = threshold << 16 | digit
    return threshold, count


def _read_bits(path: Path) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    """Yield the bits of the numbers of an ``npy`` file, chunk by chunk, with the place of each chunk."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        start = 0
        while data := file.read(8 * _CHUNK):
            yield start, np.frombuffer(data, "<u8")
            start += len(data) // 8
