"""Differentiable circuits, ours and every peer: the same work, equal values, one core against one core.

    python benches/hybrid.py [layer energy circuits gram clifford threads bandwidth start] --environments FOLDER

Peers live in environments of their own, because they clash. With uv, for each list in `benches/peers/`:

    for list in benches/peers/*.txt; do
        environment=FOLDER/$(basename "$list" .txt)
        uv venv --python 3.11 "$environment"; uv pip install -p "$environment/bin/python" -r "$list"
    done

A missing environment is skipped with a reason. Each cell is one fresh process, pinned to one processor (two in
`threads`) with its thread variables set; times are the least over repeats after a warm-up, CPU and wall. One whose
first call is longer than the time for repeats is measured once and marked ``*``; compilation for a shape is left out
and reported beside. Outputs and every gradient are compared between packages, not checksums. Measured cells are
remembered by package version, so that an interrupted run goes on where it stopped; ``--again`` measures them anew.
"""

import argparse
import ast
import contextlib
import hashlib
import inspect
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import hybrid_peers
from hybrid_peers import PACKAGES
from machine import describe
from qloop.core.memo import content_key
from qloop.runs.store import Store

HERE = Path(__file__).parent
SOURCES = HERE.parent / "src" / "qloop"
STORE = HERE / "store"
LAYERS = 4
CELLS = [(n, batch) for n in (4, 8, 12, 16) for batch in (1, 64, 256)]
THREADED = [(4, 64), (8, 64), (8, 256), (12, 64), (12, 256), (16, 64)]
REPEAT_SECONDS = 1.0
LIMIT_SECONDS, COMPILE_LIMIT_SECONDS = 60, 300
MEMORY_GIB = 12
TOLERANCE = {"float64": 1e-6, "float32": 1e-3}
REFERENCES = ("qulacs", "PennyLane lightning", "Qiskit Machine Learning", "Stim")
OURS = [name for name, package in PACKAGES.items() if name.startswith("qloop")]
L2_SIZE = "384 KiB"
Row = dict[str, Any]


def main() -> None:
    """Measure the named sections, or all, and write the results beside the machine they were measured on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="what to measure, by default all")
    parser.add_argument("--environments", type=Path, default=HERE / "store" / "environments", help="the peers' folder")
    parser.add_argument("--packages", nargs="+", default=list(PACKAGES), choices=list(PACKAGES), help="by default all")
    parser.add_argument("--again", action="store_true", help="measure remembered cells anew")
    arguments = parser.parse_args()
    bench = Bench(arguments.environments, arguments.packages, arguments.again)
    path = HERE / "results" / "hybrid.json"
    result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in arguments.sections or SECTIONS:
        started = time.perf_counter()
        print(f"\n{name}")
        result[name] = SECTIONS[name](bench)
        print(f"({time.perf_counter() - started:.0f} s)")
        result |= {"command": "python benches/hybrid.py", "machine": describe("numpy", "numba", "torch", "stim")}
        result["peers"] = {environment: versions(bench.python(environment)) for environment in bench.environments()}
        path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print_losses(result)


# The work


class Work:
    """One piece of work that every package can do, as plain arrays.

    Args:
        kind: ``"layer"`` (outputs <Z>, gradients to inputs and weights), ``"energy"``, ``"gram"`` or ``"clifford"``.
        name: what it is called in the tables.
        num_qubits: width.
        batch: samples.
        gates: rows of name, qubits and slots.
        matrices: of the ``unitary`` gates.
        terms: (coefficient, letters by qubit) of the observable.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        num_qubits: int,
        batch: int,
        gates: list[Any],
        matrices: Sequence[np.ndarray] = (),
        terms: Sequence[tuple[float, dict[int, str]]] = (),
    ) -> None:
        rng = np.random.default_rng(0)
        slots = [s for name, _, own in gates if name != "unitary" for s in own]
        num_inputs = num_qubits if kind in ("layer", "gram") else 0
        self.kind, self.name, self.num_qubits, self.batch, self.gates = kind, name, num_qubits, batch, gates
        letters = [["IXYZ".index(row.get(q, "I")) for q in range(num_qubits)] for _, row in terms]
        self.arrays = {
            "matrices": np.array(matrices, complex),
            "inputs": rng.normal(size=(batch, num_inputs)),
            "weights": rng.normal(size=max(slots, default=num_inputs - 1) + 1 - num_inputs),
            "gradient": rng.normal(size=(batch, num_qubits)),
            "letters": np.array(letters, np.uint8).reshape(-1, num_qubits),
            "coefficients": np.array([coefficient for coefficient, _ in terms]),
        }

    @property
    def cell(self) -> str:
        """Name, width and batch."""
        return f"{self.name} {self.num_qubits}x{self.batch}"

    def key(self) -> list[Any]:
        """Return what identifies the work."""
        return [self.kind, self.gates, *self.arrays.values()]

    def save(self, path: Path, threads: int) -> None:
        """Write the work for another process."""
        np.savez(path, kind=self.kind, gates=json.dumps(self.gates), threads=threads, **self.arrays)


def ring(num_qubits: int, layers: int = LAYERS, inputs: bool = True) -> list[Any]:
    """Return RY(x) on every qubit, then layers of RY, RZ and a ring of CNOTs."""
    gates: list[Any] = [["ry", [q], [q]] for q in range(num_qubits)] if inputs else []
    slot = len(gates)
    for _ in range(layers):
        for q in range(num_qubits):
            gates += [["ry", [q], [slot]], ["rz", [q], [slot + 1]]]
            slot += 2
        gates += [["cx", [q, (q + 1) % num_qubits], []] for q in range(num_qubits)]
    return gates


def brickwork(num_qubits: int, layers: int = LAYERS) -> list[Any]:
    """Return RY(x), then layers of U(theta, phi, lambda) on every qubit and CZ on every second pair."""
    gates: list[Any] = [["ry", [q], [q]] for q in range(num_qubits)]
    slot = num_qubits
    for layer in range(layers):
        for q in range(num_qubits):
            gates.append(["u", [q], [slot, slot + 1, slot + 2]])
            slot += 3
        gates += [["cz", [q, q + 1], []] for q in range(layer % 2, num_qubits - 1, 2)]
    return gates


def random_pairs(num_qubits: int, layers: int = LAYERS) -> tuple[list[Any], list[np.ndarray]]:
    """Return RY(x), then layers of fixed random unitaries on all neighbours and RX on every qubit, and the matrices."""
    rng = np.random.default_rng(1)
    gates: list[Any] = [["ry", [q], [q]] for q in range(num_qubits)]
    matrices: list[np.ndarray] = []
    slot = num_qubits
    for _ in range(layers):
        for q in [*range(0, num_qubits - 1, 2), *range(1, num_qubits - 1, 2)]:
            unitary, _ = np.linalg.qr(rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))
            gates.append(["unitary", [q, q + 1], [len(matrices)]])
            matrices.append(unitary)
        gates += [["rx", [q], [slot + q]] for q in range(num_qubits)]
        slot += num_qubits
    return gates, matrices


def feature_map(num_qubits: int) -> list[Any]:
    """Return two layers of RY(x), RZ(x) and a ring of CNOTs."""
    gates: list[Any] = []
    for _ in range(2):
        gates += [[name, [q], [q]] for q in range(num_qubits) for name in ("ry", "rz")]
        gates += [["cx", [q, (q + 1) % num_qubits], []] for q in range(num_qubits)]
    return gates


def clifford(num_qubits: int, layers: int = 20) -> list[Any]:
    """Return layers of random H and S on every qubit and CNOTs on every second pair."""
    rng = np.random.default_rng(2)
    gates: list[Any] = []
    for layer in range(layers):
        gates += [[str(rng.choice(["h", "s"])), [q], []] for q in range(num_qubits)]
        gates += [["cx", [q, q + 1], []] for q in range(layer % 2, num_qubits - 1, 2)]
    return gates


def hamiltonian(num_qubits: int) -> tuple[str, list[tuple[float, dict[int, str]]]]:
    """Return the name and the terms of the observable for this width."""
    rng, n = np.random.default_rng(5), num_qubits
    if n == 12:
        return "LiH in STO-3G", lithium_hydride()
    if n == 16:
        pairs = [(i, j) for i in range(n) for j in range(i)]
        fields = [{q: "Z"} for q in range(n)]
        name = "all-to-all XYZ"
    else:
        pairs = [(i, (i + d) % n) for i in range(n) for d in (1, 2)]
        fields = [{q: p} for q in range(n) for p in "XZ"]
        name = "J1-J2 ring"
    rows = [{i: p, j: p} for i, j in pairs for p in "XYZ"] + fields
    return name, [(rng.normal(), row) for row in rows]


@cache
def lithium_hydride() -> list[tuple[float, dict[int, str]]]:
    """Return LiH at 3 bohr in STO-3G after Jordan and Wigner, 12 qubits, by PySCF."""
    from qloop.apps.chemistry.integrals import compute_curve
    from qloop.apps.chemistry.mapping import map_curve
    from qloop.apps.chemistry.molecule import parse_atoms

    spaces = compute_curve([parse_atoms("Li 0 0 0; H 0 0 3", unit="bohr")], "sto-3g", 0, None)
    pauli = map_curve(spaces, taper=False).hamiltonians[0]
    rows = [{q: "IXYZ"[p] for q, p in enumerate(row) if p} for row in pauli.letters.tolist()]
    return list(zip(pauli.coefficients.tolist(), rows, strict=True))


# One cell


class Bench:
    """Measures cells and remembers them.

    Args:
        folder: where the peers' environments are.
        packages: which ones to measure.
        again: whether to measure what is remembered anew.
    """

    def __init__(self, folder: Path, packages: Sequence[str], again: bool) -> None:
        self.folder, self.packages, self.again = folder.absolute(), list(packages), again
        self.store = Store(STORE)

    def python(self, environment: str) -> Path:
        """Return the interpreter of an environment; the empty name is this one."""
        return self.folder / environment / "bin" / "python" if environment else Path(sys.executable)

    def environments(self) -> list[str]:
        """Return the environments of the packages that are there."""
        names = dict.fromkeys(PACKAGES[package].environment for package in self.packages)
        return [name for name in names if name and self.python(name).exists()]

    def measure_all(self, works: Iterable[Work], threads: int = 1) -> list[Row]:
        """Return a row per work and package that can do it, values compared."""
        works, rows = list(works), []
        for name in self.packages:
            done: list[tuple[Work, Row]] = []
            for work in works:
                if work.kind in PACKAGES[name].make:
                    done.append((work, self.measure(name, work, threads, done)))
                    print(f"  {name}, {work.cell}: {show(done[-1][1])}", flush=True)
            rows += [{"package": name, "work": work, "threads": threads} | row for work, row in done]
        return compared(rows)

    def measure(self, name: str, work: Work, threads: int, done: Sequence[tuple[Work, Row]]) -> Row:
        """Return one cell: its times and values, or why there are none."""
        package = PACKAGES[name]
        if not self.python(package.environment).exists():
            return {"skipped": f"no environment `{package.environment}`"}
        reason = too_large(name, work, done)
        if reason:
            return {"skipped": reason}
        maker = package.make[work.kind]
        source = ast.dump(ast.parse(inspect.getsource(getattr(maker, "func", maker))))
        version = sources() if not package.environment else versions(self.python(package.environment))
        key = content_key("hybrid", name, source, version, threads, *work.key())
        row = None if self.again else self.store.get(key)
        if row is None:
            limit = COMPILE_LIMIT_SECONDS if package.compiles else LIMIT_SECONDS
            row = run_cell(self.python(package.environment), name, work, threads, limit)
            if not row.get("skipped", "").startswith("ended by"):
                self.store.put(key, row)
        return dict(row)


def too_large(name: str, work: Work, done: Sequence[tuple[Work, Row]]) -> str | None:
    """Return why a cell is not tried: memory, or what smaller ones of the same circuit took."""
    package, n = PACKAGES[name], work.num_qubits
    gib = len(work.gates) * work.batch * 2**n * (16 if package.precision == "float64" else 8) / 2**30
    if package.keeps_states and work.kind == "layer" and gib > MEMORY_GIB:
        return f"a state after every gate is {gib:.0f} GiB"
    for before, row in done:
        if before.name == work.name and before.num_qubits <= n and before.batch <= work.batch:
            if "skipped" in row:
                return f"not tried: {before.num_qubits}x{before.batch} {row['skipped'].removeprefix('not tried: ')}"
            expected = row["cpu_s"] * work.batch / before.batch
            if before.num_qubits == n and row["cpu_s"] > 0.5 and expected > LIMIT_SECONDS:
                return f"expected {expected:.0f} s"
    return None


def run_cell(python: Path, name: str, work: Work, threads: int, limit: int, **variables: str) -> Row:
    """Return what a fresh pinned process measured."""
    with tempfile.TemporaryDirectory() as folder:
        job, result = Path(folder) / "work.npz", Path(folder) / "result.npz"
        work.save(job, threads)
        command = [str(python), hybrid_peers.__file__, name, str(job), str(result), str(REPEAT_SECONDS)]
        code, _, error = run_pinned(command, threads, limit, **variables)
        if code is None:
            return {"skipped": f"not finished in {limit} s"}
        if code < 0:
            return {"skipped": f"ended by {signal.Signals(-code).name}"}
        if code:
            return {"skipped": (error.strip().splitlines() or [f"ended with {code}"])[-1][:300]}
        with np.load(result) as data:
            values = {name: data[name] for name in data.files if name != "row"}
            return json.loads(str(data["row"])) | values


def run_pinned(command: Sequence[str], threads: int, limit: int, **variables: str) -> tuple[int | None, str, str]:
    """Run a command on the last `threads` processors with as many threads.

    Returns:
        Its exit code, `None` where it was ended after `limit` CPU seconds, its output and its standard error. The
        parent watches: a limit of the system would turn the process's clock into one that counts ticks.
    """
    processors = sorted(os.sched_getaffinity(0))[-threads:]
    # A kernel chosen by hand for another processor would slow every package's BLAS; without kept bytecode every import,
    # numba's late ones among them, would compile Python anew.
    unwanted = ("OPENBLAS_", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    environment |= {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    environment |= {"JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore"} | variables
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=out,
            stderr=error,
            preexec_fn=lambda: os.sched_setaffinity(0, processors),
        )
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
                break
            if cpu_seconds(process.pid) > limit:
                process.kill()
                process.wait()
                return None, "", ""
        out.seek(0)
        error.seek(0)
        return process.returncode, out.read(), error.read()


def cpu_seconds(process: int) -> float:
    """Return the CPU seconds of a running process."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@cache
def versions(python: Path) -> dict[str, str]:
    """Return the versions of the packages that a peers' list names, in its environment."""
    names = [line.split("==")[0] for line in requirements(python).read_text(encoding="utf-8").split()]
    code = "import sys, json, importlib.metadata as m; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    done = subprocess.run([python, "-c", code, "numpy", *names], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def requirements(python: Path) -> Path:
    """Return the list that an environment was made of."""
    return HERE / "peers" / f"{python.parents[1].name}.txt"


@cache
def sources() -> str:
    """Return a hash of our code that is measured here."""
    digest = hashlib.sha256()
    for room in ("circuits", "hybrid"):
        for path in sorted((SOURCES / room).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def compared(rows: list[Row]) -> list[Row]:
    """Return plain rows, each with its largest difference from a peer's double precision values.

    Outputs, gradients to inputs and to weights are compared one by one, relative to the largest entry.

    Raises:
        AssertionError: a package computed something else.
    """
    references: dict[str, list[np.ndarray]] = {}
    for package in REFERENCES:
        for row in rows:
            if row["package"] == package and "cpu_s" in row:
                references.setdefault(row["work"].cell, outputs_of(row))
    plain = []
    for row in rows:
        work = row.pop("work")
        found = outputs_of(row)
        row = {"work": work.name, "num_qubits": work.num_qubits, "batch": work.batch} | {
            key: value for key, value in row.items() if not key.startswith("value")
        }
        if found and work.cell in references:
            pairs = zip(found, references[work.cell], strict=True)
            row["difference"] = max(float(abs(a - b.reshape(a.shape)).max() / (abs(b).max() or 1)) for a, b in pairs)
            if row["difference"] > TOLERANCE[PACKAGES[row["package"]].precision]:
                raise AssertionError(f"{row['package']}, {work.cell}: values differ by {row['difference']:.1e}.")
        plain.append(row)
    return plain


def outputs_of(row: Row) -> list[np.ndarray]:
    """Return the arrays that a package computed."""
    return [row[name] for name in sorted(row) if name.startswith("value")]


# Sections


def layer(bench: Bench) -> list[Row]:
    """W1: four layers of RY, RZ and a CNOT ring, n outputs, gradients to weights and inputs."""
    rows = reported(bench.measure_all([Work("layer", "ring", n, batch, ring(n)) for n, batch in CELLS]))
    print("\n  largest resident size at the largest cell, MiB, without what importing took:")
    for row in rows:
        if (row["num_qubits"], row["batch"]) == CELLS[-1] and "peak_mib" in row:
            print(f"    {row['package']}: {row['peak_mib']:.0f}, {row['peak_mib'] - row['import_mib']:.0f}")
    return rows


def energy(bench: Bench) -> list[Row]:
    """W2: an energy and its gradient in double precision."""
    named = {n: hamiltonian(n) for n in (12, 16, 20)}
    works = [Work("energy", name, n, 1, ring(n, inputs=False), terms=terms) for n, (name, terms) in named.items()]
    return reported(bench.measure_all(works))


def circuits(bench: Bench) -> list[Row]:
    """Other circuits: no rotation alone, nothing linear over GF(2), wide, deep."""
    sizes = [(8, 64), (12, 64), (20, 1)]
    works = [Work("layer", "U, CZ", n, batch, brickwork(n)) for n, batch in sizes]
    works += [Work("layer", "SU(4)", n, batch, *random_pairs(n)) for n, batch in sizes]
    works += [Work("layer", "ring", 20, 1, ring(20)), Work("layer", "U, CZ, 40 deep", 8, 64, brickwork(8, 40))]
    return reported(bench.measure_all(works))


def gram(bench: Bench) -> list[Row]:
    """Fidelity kernel matrices of 100 and 500 samples on ten qubits."""
    return reported(bench.measure_all([Work("gram", "Gram", 10, samples, feature_map(10)) for samples in (100, 500)]))


def cliffords(bench: Bench) -> list[Row]:
    """Z of every qubit after a Clifford circuit, which needs no amplitudes."""
    return reported(bench.measure_all([Work("clifford", "Clifford", n, 1, clifford(n)) for n in (12, 20)]))


def threads(bench: Bench) -> list[Row]:
    """Two threads against two threads, and against one, by wall time."""
    works = [Work("layer", "ring", n, batch, ring(n)) for n, batch in THREADED]
    rows = reported(bench.measure_all(works, threads=2), "wall_s")
    alone = bench.measure_all(works)
    print("  one thread / two threads, wall:")
    for one in alone:
        for two in rows:
            if (one["package"], cell_of(one)) == (two["package"], cell_of(two)) and "wall_s" in one and "wall_s" in two:
                two["gain"] = one["wall_s"] / two["wall_s"]
                print(f"    {two['package']}, {cell_of(two)}: {two['gain']:.2f}")
    return rows


def bandwidth(bench: Bench) -> dict[str, Any]:
    """The triad of this machine, and how much of it the kernels use.

    Bytes are counted as if every rotation of W1 and every diagonal of a layer were a pass of its own that reads and
    writes the states, one on the way out and two on the way back. A kernel that does several rotations a pass can use
    more than there is.
    """
    code, out, error = run_pinned([sys.executable, str(HERE / "triad.py")], 2, COMPILE_LIMIT_SECONDS)
    if code:
        raise RuntimeError(error)
    triad = json.loads(out)
    for count, sizes in triad.items():
        print(f"  triad, {count} threads: " + ", ".join(f"{size} {rate['cpu']} GB/s" for size, rate in sizes.items()))
    gains = {size: triad["2"][size]["wall"] / rate["wall"] for size, rate in triad["1"].items()} if "2" in triad else {}
    print("  two threads / one, wall: " + ", ".join(f"{size} {gain:.2f}" for size, gain in gains.items()))
    works = [Work("layer", "ring", n, batch, ring(n)) for n, batch in CELLS if n in (8, 12) and batch > 1]
    rows = []
    for row in bench.measure_all(works):
        if row["package"] in OURS and "cpu_s" in row:
            n, size = row["num_qubits"], 16 if PACKAGES[row["package"]].precision == "float64" else 8
            moved = 3 * LAYERS * (n + 1) * 2 * size * 2**n * row["batch"]
            rate = moved / row["cpu_s"] / 1e9
            share = rate / triad["1"][L2_SIZE]["cpu"]
            rows.append({"package": row["package"], "work": cell_of(row), "GB/s": rate, "share": share})
            print(f"  {row['package']}, {cell_of(row)}: {rate:.0f} GB/s, {100 * share:.0f} % of the triad at {L2_SIZE}")
    return {"triad_gb_per_s": triad, "two_threads_gain": gains, "rows": rows}


def start(bench: Bench) -> list[Row]:
    """The first call of each family of kernels in a new process, machine code on disk or not."""
    ring4 = Work("layer", "ring", 4, 64, ring(4))
    terms = [(1.0, {0: "Z", 1: "X"})]
    works = {
        "qloop f32": ring4,
        "qloop f64": ring4,
        "qloop layer f32": ring4,
        "qloop energy": Work("energy", "ring", 4, 1, ring(4, inputs=False), terms=terms),
    }
    rows = []
    for family, work in works.items():
        package = family if family in PACKAGES else "qloop f64"
        with tempfile.TemporaryDirectory() as folder:
            cold, warm = (
                run_cell(bench.python(""), package, work, 1, COMPILE_LIMIT_SECONDS, NUMBA_CACHE_DIR=folder)
                for _ in range(2)
            )
        if "skipped" in cold or "skipped" in warm:
            rows.append({"family": family, "skipped": cold.get("skipped", warm.get("skipped"))})
            continue
        rows.append(
            {
                "family": family,
                "compile_s": cold["build_s"] + cold["first_cpu_s"],
                "first_call_s": warm["build_s"] + warm["first_cpu_s"],
                "import_s": warm["import_s"],
            }
        )
        print(
            f"  {family}: " + ", ".join(f"{name} {value:.2f}" for name, value in rows[-1].items() if name != "family")
        )
    return rows


SECTIONS: dict[str, Callable[[Bench], Any]] = {
    "layer": layer,
    "energy": energy,
    "circuits": circuits,
    "gram": gram,
    "clifford": cliffords,
    "threads": threads,
    "bandwidth": bandwidth,
    "start": start,
}


# Tables


def reported(rows: list[Row], time_name: str = "cpu_s") -> list[Row]:
    """Print rows as a table of milliseconds, packages down and cells across, with our ratios, and return them."""
    cells = list(dict.fromkeys(cell_of(row) for row in rows))
    for first in range(0, len(cells), 6):
        across = cells[first : first + 6]
        print("\n  " + " " * 28 + "".join(f"{cell:>20}" for cell in across))
        for package in dict.fromkeys(row["package"] for row in rows):
            own = {cell_of(row): row for row in rows if row["package"] == package}
            print(f"  {package:28}" + "".join(f"{show(own.get(cell, {}), time_name)[:18]:>20}" for cell in across))
    print()
    for ratio in ratios(rows, time_name):
        print(f"  {ratio['work']}, {ratio['precision']}: {ratio['ratio']:.3g} x the best peer ({ratio['peer']})")
    return rows


def ratios(rows: list[Row], time_name: str = "cpu_s") -> list[Row]:
    """Return, for each cell and precision, the best peer's time over ours; single precision also against any peer."""
    found = []
    measured = [row for row in rows if time_name in row]
    for cell in dict.fromkeys(cell_of(row) for row in measured):
        here = [row for row in measured if cell_of(row) == cell]
        for precision, allowed in {
            "float64": ("float64",),
            "float32": ("float32",),
            "float32 against any": ("float32", "float64"),
        }.items():
            ours = [row for row in here if row["package"] in OURS and precision.startswith(precision_of(row))]
            peers = [row for row in here if row["package"] not in OURS and precision_of(row) in allowed]
            if ours and peers:
                best, rival = (min(side, key=lambda row: row[time_name]) for side in (ours, peers))
                ratio = rival[time_name] / best[time_name]
                found.append({"work": cell, "precision": precision, "ratio": ratio, "peer": rival["package"]})
    return found


def precision_of(row: Row) -> str:
    return PACKAGES[row["package"]].precision


def cell_of(row: Row) -> str:
    return f"{row['work']} {row['num_qubits']}x{row['batch']}"


def show(row: Row, time_name: str = "cpu_s") -> str:
    """Return milliseconds, with a star when measured once, or why there are none."""
    if time_name not in row:
        return str(row.get("skipped", "-"))
    return f"{1000 * row[time_name]:.3g}{'*' if row['single'] else ''}"


def print_losses(result: Row) -> None:
    """Print every cell in which a peer was faster than the best of ours, whatever the precision of either."""
    print("\nwhere we lose")
    for section, rows in result.items():
        if section in ("layer", "energy", "circuits", "gram", "clifford", "threads"):
            time_name = "wall_s" if section == "threads" else "cpu_s"
            for ratio in ratios(rows, time_name):
                if ratio["ratio"] < 1:
                    print(
                        f"  {ratio['work']}, {ratio['precision']}: {ratio['peer']} is {1 / ratio['ratio']:.3g} x faster"
                    )
    print("  on a GPU: not measured, the kernels run on processors only")


if __name__ == "__main__":
    main()
