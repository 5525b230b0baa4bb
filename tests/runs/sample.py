"""A made-up answer with every kind of figure, as rich as a real one: LiH on a 133-qubit heavy-hex device."""

import math
from dataclasses import replace

import numpy as np

from qloop.core.answer import Answer
from qloop.core.estimate import Estimate
from qloop.core.ledger import Ledger, LedgerLine, Level, Metric, Nature, Part, Stage
from qloop.core.page import (
    Bars,
    Circuit,
    Forest,
    Gate,
    GraphMap,
    HeatMap,
    Interval,
    Line,
    Page,
    Reliability,
    Section,
    Series,
    Table,
    Text,
)
from qloop.runs.run import Entry, Run, run_id

SETTINGS = {
    "molecule": {
        "name": "LiH",
        "basis": "sto-3g",
        "charge": 0,
        "spin": 0,
        "frozen_core": True,
        "geometry": ["Li 0 0 0"],
    },
    "scan": {"start": 1.0, "stop": 3.4, "points": 9},
    "device": {"name": "fake_torino", "drift": 0.1, "coherent": 0.02, "idle": True},
    "shots": {"total": 100_000, "calibration": 20_000},
    "parts": {"encoding_search": True, "learned_channel": True, "post_selection": False},
}


def heavy_hex() -> tuple[tuple[tuple[float, float], ...], tuple[tuple[int, int], ...]]:
    """Return positions and couplings of 133 qubits in seven rows of fifteen with four connectors below each."""
    positions, edges = [], []
    rows = []
    for row in range(7):
        start = len(positions)
        rows.append(start)
        positions += [(float(x), -2.0 * row) for x in range(15)]
        edges += [(start + x, start + x + 1) for x in range(14)]
        for x in (0, 4, 8, 12) if row % 2 == 0 else (2, 6, 10, 14):
            positions.append((float(x), -2.0 * row - 1))
            edges.append((start + x, len(positions) - 1))
    for row in range(6):
        for index, x in enumerate((0, 4, 8, 12) if row % 2 == 0 else (2, 6, 10, 14)):
            edges.append((rows[row] + 15 + index, rows[row + 1] + x))
    return tuple(positions), tuple(edges)


def device_map(name: str = "FakeTorino") -> GraphMap:
    positions, edges = heavy_hex()
    rng = np.random.default_rng(3)
    layout = [54, 42, 43, 44, 45, 46]
    edge_values = np.exp(rng.normal(math.log(4e-3), 0.5, len(edges)))
    edge_values[[20, 77]] = 0.12, math.nan
    used = [edge for edge in edges if edge[0] in layout and edge[1] in layout]
    return GraphMap(
        title=f"{name}: the chosen qubits",
        positions=positions,
        edges=edges,
        node_values=tuple(np.exp(rng.normal(math.log(0.02), 0.5, len(positions))).tolist()),
        edge_values=tuple(edge_values.tolist()),
        node_label="readout error",
        edge_label="error of a CZ gate",
        highlight_nodes={qubit: f"q{index}" for index, qubit in enumerate(layout)},
        highlight_edges=tuple(used),
        caption="Six neighbours with a predicted success of 0.83, the best of 240 placements. Grey: not calibrated.",
    )


def energy_curve() -> Line:
    x = np.linspace(1.0, 3.4, 9)
    exact = -7.88 + 0.11 * (1 - np.exp(-1.1 * (x - 1.55))) ** 2
    rng = np.random.default_rng(1)
    measured = exact + rng.normal(0, 0.003, 9)
    fine = np.linspace(1.0, 3.4, 60)
    curve = -7.8795 + 0.1095 * (1 - np.exp(-1.1 * (fine - 1.55))) ** 2

    def series(name, x, y, style, half=None):
        bounds = {} if half is None else {"low": tuple((y - half).tolist()), "high": tuple((y + half).tolist())}
        return Series(name=name, x=tuple(x.tolist()), y=tuple(y.tolist()), style=style, **bounds)

    return Line(
        title="Energy along the bond",
        x_label="Li-H distance (Å)",
        y_label="energy (Hartree)",
        series=(
            series("qloop, 90 % interval", fine, curve, "line", 0.006 + 0.002 * (fine - 2.2) ** 2),
            series("measured and corrected", x, measured, "points", 0.007),
            series("full configuration interaction (exact)", x, exact, "dashed"),
            series("Hartree-Fock", x, exact + 0.02 + 0.018 * (x - 1) ** 1.3, "dotted"),
            series("all parts off", x, exact + 0.09 + 0.01 * np.sin(3 * x), "dotted"),
        ),
        caption="Nine geometries, 100,000 shots in all. The exact answer takes a millisecond at this size: what is "
        "shown here is what the loop does to the error.",
    )


def circuit(layers: int = 3) -> Circuit:
    gates = [Gate(name="X", wires=(0,)), Gate(name="X", wires=(1,))]
    for layer in range(layers):
        gates += [Gate(name=f"RY({0.137 * (layer + 1) * (wire + 1):.3f})", wires=(wire,)) for wire in range(6)]
        gates += [Gate(name="CZ", wires=(wire, wire + 1), controls=1) for wire in range(0, 5, 2)]
        gates += [Gate(name="√X", wires=(wire,)) for wire in range(1, 5)]
        gates += [Gate(name="CX", wires=(wire, wire + 1), controls=1) for wire in range(1, 4, 2)]
        gates.append(Gate(name="CX", wires=(0, 2, 5), controls=2))
    gates += [
        Gate(name="SWAP", wires=(1, 4)),
        Gate(name="RZZ(0.412)", wires=(2, 3)),
        Gate(name="RXX(π/4)", wires=(0, 5)),
    ]
    gates.append(Gate(name="barrier", wires=tuple(range(6))))
    gates += [Gate(name="measure", wires=(wire,)) for wire in range(6)]
    return Circuit(
        title="The circuit that ran",
        wires=tuple(f"q{index}" for index in range(6)),
        gates=tuple(gates),
        caption="16 two-qubit gates after the encoding search; the parity mapping needs 38.",
    )


def ledger() -> Ledger:
    rows: list[tuple[str, Stage, Nature, bool, str, str, tuple[float, float, float] | None, float, float, int, int]] = [
        (
            "warm start",
            "prepare",
            "learns",
            True,
            "extrapolates parameters along aligned orbitals",
            "starts from zero",
            (1.02, 0.97, 1.06),
            1.1,
            0.42,
            0,
            0,
        ),
        (
            "shot allocation",
            "prepare",
            "learns",
            True,
            "spends shots by variances of the nearest geometry",
            "spends them by coefficient",
            (1.38, 1.22, 1.55),
            1.3,
            0.08,
            0,
            0,
        ),
        (
            "encoding search",
            "design",
            "searches",
            True,
            "finds a qubit encoding with fewer two-qubit gates",
            "parity mapping with tapering",
            (2.31, 1.9, 2.8),
            2.9,
            6.4,
            0,
            22,
        ),
        (
            "placement",
            "design",
            "searches",
            True,
            "compiles by predicted success over 240 placements",
            "default level 2",
            (1.44, 1.2, 1.72),
            1.6,
            11.2,
            0,
            4,
        ),
        (
            "readout calibration",
            "correct",
            "textbook",
            True,
            "inverts measured bit flips",
            "raw counts",
            (1.9, 1.6, 2.3),
            2.4,
            0.3,
            12_000,
            0,
        ),
        (
            "learned channel",
            "correct",
            "learns",
            True,
            "learns the noise at Clifford references that all geometries share",
            "no channel",
            (6.8, 5.1, 9.2),
            8.1,
            1.9,
            20_000,
            0,
        ),
        (
            "reference subtraction",
            "correct",
            "textbook",
            True,
            "subtracts the error seen on the Hartree-Fock state",
            "nothing subtracted",
            (0.96, 0.88, 1.05),
            3.2,
            0.1,
            8_000,
            0,
        ),
        (
            "post-selection",
            "correct",
            "textbook",
            False,
            "keeps outcomes with the right electron number",
            "keeps all outcomes",
            None,
            1.5,
            0.0,
            0,
            0,
        ),
        (
            "zero-noise extrapolation",
            "correct",
            "textbook",
            False,
            "extrapolates from folded circuits",
            "one noise level",
            None,
            0.8,
            0.0,
            0,
            0,
        ),
        (
            "Gaussian process",
            "interpret",
            "learns",
            True,
            "one smooth curve through all geometries, with a learned model error",
            "a cubic spline",
            (1.7, 1.35, 2.2),
            1.8,
            0.6,
            0,
            0,
        ),
    ]
    lines = []
    for name, stage, nature, on, does, off, gain, added, seconds, shots, gates in rows:
        part = Part(
            name=name,
            stage=stage,
            nature=nature,
            does=does,
            off=off,
            references=(f"A paper on {name}, arXiv:2401.00001",),
        )
        metrics = [Metric(name="two-qubit gates, off / on", estimate=ratio(2.4))] if gates else []
        metrics += [Metric(name="bias at references (mHa)", estimate=estimate(0.8, 0.5, 1.2))] if shots else []
        lines.append(
            LedgerLine(
                part=part,
                on=on,
                gain=None if gain is None else estimate(*gain),
                added=ratio(added),
                metrics=tuple(metrics),
                seconds=seconds,
                shots=shots,
                gates=gates,
            )
        )
    levels = (
        Level(name="qloop", meaning="this answer", error=estimate(3.7, 2.9, 4.6, "mHa")),
        Level(
            name="all off",
            meaning="every switch off",
            error=estimate(94, 81, 108, "mHa"),
            ratio=estimate(25.4, 20.3, 31.2),
        ),
        Level(
            name="readout + ZNE",
            meaning="what most people do first",
            error=estimate(31, 26, 37, "mHa"),
            ratio=estimate(8.4, 6.6, 10.9),
        ),
        Level(
            name="Hartree-Fock",
            meaning="classical twin in the same basis",
            error=estimate(21, 21, 21, "mHa"),
            ratio=estimate(5.7, 4.5, 7.2),
        ),
        Level(
            name="uniform bits",
            meaning="control: the quantum data replaced by coin flips",
            error=estimate(410, 395, 428, "mHa"),
            ratio=estimate(111, 90, 140),
        ),
    )
    return Ledger(lines=tuple(lines), levels=levels, error_name="RMSE against FCI", repeats=16)


def estimate(value: float, low: float, high: float, unit: str = "") -> Estimate:
    return Estimate(value=value, low=low, high=high, unit=unit, checked=0.91)


def ratio(value: float) -> Estimate:
    return estimate(value, 0.85 * value, 1.2 * value)


def page(name: str = "LiH") -> Page:
    rng = np.random.default_rng(0)
    correlations = np.clip(np.eye(6) + rng.normal(0, 0.3, (6, 6)), -1, 1)
    return Page(
        title=f"Energy curve of {name}",
        headline=f"The equilibrium energy of {name} is -7.8795 Ha [-7.8843, -7.8747] at 1.55 Å, "
        "25 times closer to exact than the same shots without the loop.",
        sections=(
            Section(
                title="Answer",
                figures=(energy_curve(), measured_table(), Text(paragraphs=("The loop ran three passes.",))),
            ),
            Section(title="Machine", figures=(device_map(), circuit())),
            Section(
                title="Evidence",
                figures=(
                    Forest(
                        title="Error by geometry",
                        x_label="error over the all-off error",
                        rows=tuple(
                            Interval(
                                label=f"{x:.1f} Å",
                                value=y,
                                low=0.7 * y,
                                high=1.4 * y,
                                group="short" if x < 2 else "long",
                            )
                            for x, y in zip((1.0, 1.6, 2.2, 2.8), (0.03, 0.05, 0.9, 1.3), strict=True)
                        ),
                        log_x=True,
                    ),
                    Bars(
                        title="Where the shots went",
                        x_label="shots",
                        rows=tuple(
                            Interval(label=label, value=value, low=0.9 * value, high=1.1 * value)
                            for label, value in (("references", 20_000), ("readout", 12_000), ("geometries", 68_000))
                        ),
                        caption="Intervals over sixteen seeds.",
                    ),
                    HeatMap(
                        title="Correlations of readout errors",
                        x_label="qubit",
                        y_label="qubit",
                        x_ticks=tuple(f"q{i}" for i in range(6)),
                        y_ticks=tuple(f"q{i}" for i in range(6)),
                        values=tuple(tuple(row) for row in correlations.tolist()),
                        value_label="correlation",
                    ),
                    Reliability(
                        title="Do the intervals keep their promise?",
                        stated=(0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
                        measured=(0.47, 0.61, 0.72, 0.79, 0.89, 0.96),
                        cases=(540, 540, 540, 540, 540, 120),
                        caption="Sixty worlds, nine geometries each.",
                    ),
                ),
            ),
        ),
    )


def measured_table() -> Table:
    return Table(
        title="Nine geometries",
        columns=("distance (Å)", "energy (Ha)", "interval", "shots", "flag"),
        rows=tuple(
            (f"{1 + 0.3 * i:.1f}", f"-7.{872 - 9 * i}", "[-0.007, 0.007]", f"{11_000 + 100 * i:,}", "")
            for i in range(9)
        ),
    )


def sample_run(name: str = "LiH") -> Run:
    answer = Answer(
        headline=f"The equilibrium energy of {name} is -7.8795 Ha.",
        values={"energy": estimate(-7.8795, -7.8843, -7.8747, "Ha").to_json(), "nan": math.nan},
        ledger=ledger(),
        page=page(name),
        arrays={"energies": np.linspace(-7.88, -7.8, 9), "file": np.arange(4)},
        references=("Kandala et al., Nature 549, 242 (2017), arXiv:1704.05018",),
        timings={"design": 17.6},
    )
    settings = {**SETTINGS, "molecule": {**SETTINGS["molecule"], "name": name}}
    entry = Entry(
        id=run_id("chemistry", settings, 7, "0.1.0+1f0c8a3be542"),
        kind="chemistry",
        settings=settings,
        seed=7,
        code_version="0.1.0+1f0c8a3be542",
        versions={"python": "3.12.1", "numpy": "2.4.6", "qiskit": "2.3.0"},
        started="2026-01-01T10:00:00+00:00",
        finished="2026-01-01T10:02:00+00:00",
        state="finished",
        headline=answer.headline,
    )
    return Run(entry=entry, answer=answer)


def small_run(name: str = "LiH") -> Run:
    """Return the same run with a ledger of two parts and no sections, which is quick to draw."""
    run = sample_run(name)
    answer = replace(
        run.answer,
        page=replace(run.answer.page, sections=()),
        ledger=replace(run.answer.ledger, lines=run.answer.ledger.lines[:2], levels=()),
    )
    return replace(run, answer=answer)
