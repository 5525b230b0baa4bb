"""Memory bandwidth of this machine by cache level, STREAM's triad in Numba: the yardstick of memory-bound kernels.

    python benches/triad.py

Prints GB/s by CPU and by wall time for one thread and for as many as this process may use, by the total size of the
three arrays; each thread has arrays of its own. Bytes are counted as STREAM does: two reads and one write.
"""

import json
import os
import threading
import time

import numba
import numpy as np

SIZES_KIB = (24, 96, 384, 1536, 6144, 98304)
BYTES = 2**30
REPEATS = 7


@numba.njit(nogil=True, fastmath=True)
def triad(a: np.ndarray, b: np.ndarray, c: np.ndarray, rounds: int) -> None:
    """Write b + 3 c to a, again and again."""
    for k in range(rounds):
        scale = np.float32(3.0 + k)  # changes by the round, so that no compiler drops one
        for i in range(len(a)):
            a[i] = b[i] + scale * c[i]


def measure(size_kib: int, threads: int) -> dict[str, float]:
    """Return GB/s of all threads together, the best of some repeats.

    Args:
        size_kib: the three arrays of one thread together.
        threads: how many run at once.
    """
    length = size_kib * 1024 // 12
    rounds = max(3, BYTES // (1024 * size_kib))
    arrays = [[np.full(length, value, np.float32) for value in (0, 1, 2)] for _ in range(threads)]
    cpu, wall = [], []
    for _ in range(REPEATS):
        workers = [threading.Thread(target=triad, args=(*own, rounds)) for own in arrays]
        started, used = time.perf_counter(), time.process_time()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        wall.append(time.perf_counter() - started)
        cpu.append((time.process_time() - used) / threads)
    moved = threads * rounds * 12 * length / 1e9
    return {"cpu": round(moved / min(cpu), 1), "wall": round(moved / min(wall), 1)}


def main() -> None:
    """Print a JSON object: threads to sizes to GB/s."""
    triad(*np.zeros((3, 16), np.float32), 1)
    both = sorted({1, len(os.sched_getaffinity(0))})
    print(json.dumps({str(t): {f"{size} KiB": measure(size, t) for size in SIZES_KIB} for t in both}))


if __name__ == "__main__":
    main()
