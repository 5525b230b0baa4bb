"""Our decoders and every peer on the same shots of surface codes: simulated, d rounds, and Sycamore's, 9 rounds.

    python benches/decoding_compare.py --environments FOLDER [simulated sycamore] [--quick]

Peers live in environments of their own. With uv, for ``decoding`` and ``decoding_belief`` in `benches/peers/`:

    uv venv --python 3.11 FOLDER/decoding; uv pip install -p FOLDER/decoding/bin/python -r benches/peers/decoding.txt

A missing environment is skipped with a reason. Every decoder gets the same shots in the same order, in a fresh process
of its own, pinned to one processor; times are CPU times without the start. A decoder runs for a minute at least, then
until it has made 100 errors, no shot is left, or its minutes are spent; where it has made fewer the cell is shown but
not judged. Two decoders are compared on the shots that both have seen. Finished cells are remembered by package
version; ``--quick`` takes few of them, for seconds, and keeps nothing.
"""

import argparse
import hashlib
import json
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import stim

import decoding_peers
from decoding import memories, read
from decoding_peers import PEERS
from hybrid import SOURCES, run_pinned, versions
from machine import describe
from qloop.core.bootstrap import bootstrap_interval
from qloop.core.memo import DictMemo, Memo, content_key
from qloop.decoding.codes import surface_code
from qloop.decoding.noise import SI1000, UniformNoise
from qloop.runs.store import Store

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "decoding_compare.json"
DISTANCES = (3, 5, 7, 9, 11)
STRENGTHS = (0.001, 0.003, 0.005, 0.007)
NOISES = {"uniform": UniformNoise, "SI1000": SI1000}
SHOTS = 200_000
ERRORS = 100
LARGE = 7
FAST = ("qloop cascade", "PyMatching", "PyMatching, correlated")
"""Decoders for distances above `LARGE`."""
JUDGED = ("PyMatching, correlated", "Tesseract, beam 5", "Tesseract, short beam")
START_SECONDS = 600
Row = dict[str, Any]
Cell = tuple[tuple[Any, ...], stim.DetectorErrorModel, np.ndarray, np.ndarray]
"""Its name, the model, events and flips."""


def main() -> None:
    """Measure all cells, print them, and write the results beside the machine they were measured on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=["simulated", "sycamore", []], help="by default both")
    parser.add_argument("--environments", type=Path, default=HERE / "store" / "environments", help="the peers' folder")
    parser.add_argument("--distances", type=int, nargs="+", default=DISTANCES, help="by default all")
    parser.add_argument("--strengths", type=float, nargs="+", default=STRENGTHS, help="of the noise, by default all")
    parser.add_argument("--minutes", type=float, default=30, help="of CPU time for a decoder and cell")
    parser.add_argument("--quick", action="store_true", help="two cells, a second a decoder; nothing is kept")
    arguments = parser.parse_args()
    store: Memo = DictMemo() if arguments.quick else Store(HERE / "store")
    bench = Bench(store, arguments.environments.absolute(), 1 if arguments.quick else 60 * arguments.minutes)
    result = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for section in arguments.sections or ("simulated", "sycamore"):
        rows = {tuple(row["cell"]): row for row in result.get(section, [])}
        for cell, *shots in simulate(arguments) if section == "simulated" else published(arguments.quick):
            print(f"\n{', '.join(map(str, cell))}", flush=True)
            names = PEERS if cell[0] <= LARGE else FAST
            rows[cell] = {"cell": list(cell)} | bench.measure(names, *shots)
            result[section] = [rows[key] for key in sorted(rows)]
            if not arguments.quick:
                result |= {
                    "command": "python benches/decoding_compare.py",
                    "machine": describe("numpy", "numba", "stim", "pymatching"),
                    "peers": bench.versions(),
                }
                RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def simulate(arguments: argparse.Namespace) -> Iterator[Cell]:
    """Yield the simulated cells: distance, noise and its strength."""
    chosen = [(d, noise, p) for d in arguments.distances for noise in NOISES for p in arguments.strengths]
    quick = [(3, "uniform", 0.005), (5, "SI1000", 0.005)]
    for distance, noise, p in quick if arguments.quick else chosen:
        circuit = surface_code(distance, distance, NOISES[noise](p))
        sampler = circuit.compile_detector_sampler(seed=distance)
        events, flips = sampler.sample(SHOTS, separate_observables=True)
        yield (distance, noise, p), circuit.detector_error_model(decompose_errors=True), events, flips


def published(quick: bool) -> Iterator[Cell]:
    """Yield Sycamore's odd shots after nine rounds, by the model that was fitted to even ones: distance and patch."""
    for distance in (3, 5):
        for patch, experiments in memories(distance).items():
            dem, events, flips, _ = read(experiments[9], 1, 10 if quick else 1)
            yield (distance, patch), dem, events, flips[:, None]


class Bench:
    """Measures cells and remembers them.

    Args:
        store: remembers.
        folder: where the peers' environments are.
        seconds: CPU time for a decoder and cell.
    """

    def __init__(self, store: Memo, folder: Path, seconds: float) -> None:
        self.store, self.folder, self.seconds = store, folder, seconds

    def versions(self) -> dict[str, dict[str, str]]:
        """Return the versions in every environment that is there."""
        names = {peer.environment for peer in PEERS.values() if peer.environment}
        return {n: versions(self.folder / n / "bin" / "python") for n in sorted(names) if (self.folder / n).exists()}

    def measure(
        self, names: Iterable[str], dem: stim.DetectorErrorModel, events: np.ndarray, flips: np.ndarray
    ) -> dict[str, Any]:
        """Return one cell: every decoder's errors and time, and how ours compare on common shots."""
        rows: dict[str, Row] = {}
        with tempfile.TemporaryDirectory() as folder:
            dem.to_file(Path(folder) / "model.dem")
            for name, bits in (("events", events), ("flips", flips)):
                np.packbits(bits, axis=1, bitorder="little").tofile(Path(folder) / f"{name}.b8")
            work = content_key(str(dem), np.packbits(events), np.packbits(flips))
            for name in names:
                rows[name] = self.decode(name, Path(folder), work)
                print(f"  {name}: {show(rows[name])}", flush=True)
        wrong = {name: row["wrong"] for name, row in rows.items() if "wrong" in row}
        return {
            "decoders": {name: summary(row) for name, row in rows.items()},
            "compared": [
                {"ours": ours, "other": other, **compare(wrong[ours], wrong[other])}
                for ours in ("qloop frontier", "qloop cascade")
                for other in (*JUDGED, "qloop frontier")
                if ours != other and ours in wrong and other in wrong
            ],
        }

    def decode(self, name: str, folder: Path, work: str) -> Row:
        """Return which shots a decoder got wrong, and its CPU seconds; or why there are none."""
        environment = PEERS[name].environment
        if environment and not (self.folder / environment).exists():
            return {"skipped": f"no environment `{environment}`"}
        version = versions(self.folder / environment / "bin" / "python") if environment else sources()
        key = content_key("decoding compare", name, version, work, self.seconds)
        row = self.store.get(key)
        if row is None:
            row = run_peer(name, self.folder, folder, self.seconds)
            if "wrong" in row:
                self.store.put(key, row)
        return dict(row)


def run_peer(name: str, environments: Path, folder: Path, seconds: float) -> Row:
    """Return what a fresh pinned process found."""
    environment = PEERS[name].environment
    python = environments / environment / "bin" / "python" if environment else Path(sys.executable)
    result = folder / "result.npz"
    command = [str(python), decoding_peers.__file__, name, str(folder), str(result), str(seconds), str(ERRORS)]
    code, _, error = run_pinned(command, 1, int(seconds + START_SECONDS))
    if code is None:
        return {"skipped": f"not finished in {seconds + START_SECONDS:.0f} s"}
    if code < 0:
        return {"skipped": f"ended by {signal.Signals(-code).name}"}
    if code:
        return {"skipped": (error.strip().splitlines() or [f"ended with {code}"])[-1][:300]}
    with np.load(result) as data:
        return {"wrong": data["wrong"], "seconds": float(data["seconds"])}


@cache
def sources() -> str:
    """Return a hash of our code that is measured here."""
    digest = hashlib.sha256(stim.__version__.encode())
    for path in sorted((SOURCES / "decoding").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def summary(row: Row) -> Row:
    """Return a decoder's row without its shots."""
    if "skipped" in row:
        return row
    wrong = row["wrong"]
    return {
        "shots": len(wrong),
        "wrong": int(wrong.sum()),
        "us_per_shot": row["seconds"] / len(wrong) * 1e6,
        "judged": bool(wrong.sum() >= ERRORS),
    }


def compare(ours: np.ndarray, other: np.ndarray) -> Row:
    """Return how two decoders differ on the shots that both have seen.

    Returns:
        Shots, errors of each, the standard errors by which ours is worse (negative: better), and the ratio of errors
        with its 90 % interval.
    """
    shots = min(len(ours), len(other))
    ours, other = ours[:shots], other[:shots]
    row = {"shots": shots, "wrong": int(ours.sum()), "other_wrong": int(other.sum())}
    worse, better = int((ours & ~other).sum()), int((other & ~ours).sum())
    row["standard_errors"] = (worse - better) / max(np.sqrt(worse + better), 1.0)
    if row["wrong"] >= ERRORS // 2 and row["other_wrong"] >= ERRORS // 2:
        # Shots that both decode say nothing about the ratio.
        either = np.flatnonzero(ours | other)
        mine, theirs = ours[either].astype(float), other[either].astype(float)
        low, high = bootstrap_interval(
            lambda cases: mine[cases].sum(axis=-1) / theirs[cases].sum(axis=-1), len(either), resamples=400
        )
        row |= {"ratio": row["wrong"] / row["other_wrong"], "ratio_low": float(low), "ratio_high": float(high)}
    return row


def show(row: Row) -> str:
    """Return a decoder's row as text."""
    if "skipped" in row:
        return str(row["skipped"])
    wrong = row["wrong"]
    return f"{wrong.sum()} of {len(wrong)} wrong, {row['seconds'] / len(wrong) * 1e6:.3g} us a shot"


if __name__ == "__main__":
    main()
