"""Decoding block by block on the cores of a machine, in bounded memory."""

import time
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.decoding.decoder import CompiledDecoder, Decoder
from qloop.decoding.posterior import Decoded
from qloop.decoding.shots import ShotFile

Bits = NDArray[np.uint8]
BLOCK_BYTES = 2**24
"""Most detection events of one block: a worker holds a few copies."""
_Answer = tuple[tuple[Decoded, ...], tuple[float, ...]]
_FIRST_BLOCK = 64
_BLOCK_SECONDS = 1.0
"""Short enough to lose little when interrupted, long enough that starting a block costs nothing."""


class Rows(Protocol):
    """Shots that can be sliced: an array, or a `ShotFile`."""

    def __len__(self) -> int: ...
    def __getitem__(self, block: slice, /) -> Bits: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Some shots, decoded.

    Args:
        start: first shot.
        stop: the shot after the last.
        decoded: what each decoder says.
        seconds: CPU time of each decoder.
    """

    start: int
    stop: int
    decoded: tuple[Decoded, ...]
    seconds: tuple[float, ...]


def decode_blocks(
    decoders: Sequence[Decoder],
    dem: stim.DetectorErrorModel,
    events: Rows,
    *,
    start: int = 0,
    stop: int | None = None,
    executor: Executor,
    workers: int,
) -> Iterator[Block]:
    """Yield the shots decoded by every decoder, in order, in blocks of about a second.

    Args:
        decoders: settings of decoders.
        dem: the model.
        events: the shots.
        start: first shot.
        stop: the shot after the last, by default the end.
        executor: where blocks are decoded; processes need decoders that pickle.
        workers: how many blocks it decodes at a time.
    """
    stop = len(events) if stop is None else stop
    text, most = str(dem), max(1, BLOCK_BYTES // max(1, dem.num_detectors))
    rows = min(_FIRST_BLOCK, most)
    ahead: deque[tuple[int, int, Future[_Answer]]] = deque()
    try:
        while start < stop or ahead:
            while start < stop and len(ahead) <= workers:
                end = min(start + rows, stop)
                block = events.narrow(start, end) if isinstance(events, ShotFile) else events[start:end]
                ahead.append((start, end, executor.submit(_decode, tuple(decoders), text, block)))
                start = end
            first, last, future = ahead.popleft()
            decoded, seconds = future.result()
            yield Block(start=first, stop=last, decoded=decoded, seconds=seconds)
            share = _BLOCK_SECONDS * (last - first) / max(sum(seconds), 1e-9)
            rows = int(min(max(1, share), 2 * rows, most))
    finally:
        for _, _, future in ahead:
            future.cancel()


def _decode(decoders: Sequence[Decoder], text: str, rows: Rows) -> _Answer:
    events, decoded, seconds = rows[:], [], []
    for decoder in decoders:
        assert isinstance(decoder, Hashable)
        compiled = _compile(decoder, text)
        begin = time.process_time()
        decoded.append(compiled.decode(events))
        seconds.append(time.process_time() - begin)
    return tuple(decoded), tuple(seconds)


@lru_cache(maxsize=16)
def _compile(decoder: Decoder, text: str) -> CompiledDecoder:
    dem = stim.DetectorErrorModel(text)
    compiled = decoder.compile(dem)
    # Kernels that are compiled at their first use are compiled before a clock runs.
    compiled.decode(np.zeros((1, dem.num_detectors), np.uint8))
    return compiled
