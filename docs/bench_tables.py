"""Tables from the bench of the first loop, `benches/results/chemistry.json`: no number is typed by hand.

The pages include them when they are built; `python docs/bench_tables.py` writes the README's.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benches" / "results" / "chemistry.json"
Rows = Sequence[Mapping[str, Any]]


def write_tables(folder: Path) -> None:
    """Write one file per section that pages include."""
    folder.mkdir(exist_ok=True)
    for name in TABLES:
        (folder / f"chemistry_{name}.md").write_text(table(name) + "\n", encoding="utf-8")


def table(name: str) -> str:
    """Return a table as Markdown."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    section, lay_out = TABLES[name]
    if section not in results:
        return "*Not measured yet.*"
    note = results.get("notes", {}).get(section)
    return lay_out(results[section]) + (f"\n\n*Note: {note}.*" if note else "")


def fill(text: str) -> str:
    """Return a text with the tables between `<!-- table: NAME -->` and `<!-- end -->` as they are measured now."""
    return re.sub(
        r"(<!-- table: (\w+) -->\n).*?(\n<!-- end -->)",
        lambda found: f"{found[1]}{table(found[2])}{found[3]}",
        text,
        flags=re.S,
    )


def _summary(rows: Rows) -> str:
    recipes = {
        "everything off": "all off / on",
        "readout calibration, extrapolation": "conventional, extrapolated, 20 seeds / on",
        "readout calibration, reference, post-selection": "conventional, post-selected, 20 seeds / on",
    }
    return _lay_out(
        ("job", "qloop (mHa)", *(f"{name} / qloop" for name in recipes)),
        [(_name(row), f"{row['rmse_mha'][0]:.1f}", *(_show(row[key]) for key in recipes.values())) for row in rows],
    )


def _accuracy(rows: Rows) -> str:
    recipes = {
        "off": "all off / on",
        "A": "conventional, extrapolated / on",
        "A, 20 seeds": "conventional, extrapolated, 20 seeds / on",
        "B": "conventional, post-selected / on",
        "B, 20 seeds": "conventional, post-selected, 20 seeds / on",
        "random bits": "uniform random bits / on",
    }
    return _lay_out(
        ("job", "qloop (mHa)", *recipes, "MP2 (mHa)"),
        [
            (_name(row), _show(row["rmse_mha"]), *(_show(row[key]) for key in recipes.values()), row["mp2_mha"])
            for row in rows
        ],
    )


def _left_out(rows: Rows) -> str:
    return _parts(rows, " (leave one out)")


def _alone(rows: Rows) -> str:
    return _parts(rows, " (alone)")


def _parts(rows: Rows, kind: str) -> str:
    rows = [row for row in rows if any(key.endswith(kind) for key in row)]
    names = [key.removesuffix(kind) for key in rows[0] if key.endswith(kind)]
    return _lay_out(
        ("part", *map(_name, rows)), [(f"`{name}`", *(_show(row[name + kind]) for row in rows)) for name in names]
    )


def _coverage(rows: Rows) -> str:
    checks = {
        "covers the circuit's energy": "against the circuit's exact energy",
        "without the learned model error": "the same without the learned model error",
        "covers FCI, where not flagged": "against FCI, geometries not flagged for the circuit's error",
    }
    return _lay_out(
        ("job", "machines", *checks, "half width (mHa)"),
        [
            (_name(row), row["machines"], *(_show(row[key]) for key in checks.values()), row["half_width_mha"])
            for row in rows
        ],
    )


def _circuits(rows: Rows) -> str:
    return _lay_out(
        ("molecule", "parity, tapered", "Jordan-Wigner, tapered", "searched, four seeds", "CPU seconds"),
        [
            (
                row["molecule"],
                row["parity, tapered"],
                row["Jordan-Wigner, tapered"],
                ", ".join(map(str, sorted(row["searched"]))),
                f"{min(row['CPU seconds'])} to {max(row['CPU seconds'])}",
            )
            for row in rows
        ],
    )


def _gate(rows: Rows) -> str:
    return _lay_out(
        ("machines", "default left", "RMSE with the gate (mHa)", "without / with", "readout alone / with", "coverage"),
        [
            (
                row["machines"],
                f"{row['default left']:.0%}",
                _show(row["rmse_mha with the gate"]),
                _show(row["without the gate / with"]),
                _show(row["readout calibration alone / with"]),
                _show(row["coverage"]),
            )
            for row in rows
        ],
    )


def _warm_start(rows: Rows) -> str:
    starts = ("zeros", "previous optimum", "two-point line", "spline and curvature")
    return _lay_out(
        ("molecule", "geometries", *starts),
        [(row["molecule"], row["geometries"], *(row[s] for s in starts)) for row in rows],
    )


def _allocation(rows: Rows) -> str:
    keys = ("molecule", "circuit", "outcomes", "settings", "L2 / learned", "L2 / spreads alone", "L2 / best possible")
    return _lay_out(keys, [[row[key] for key in keys] for row in rows])


def _name(row: Mapping[str, Any]) -> str:
    coherent = f", coherent {row['coherent_rad']} rad" if row["coherent_rad"] else ""
    return f"{row['molecule']}, {row['device']}, {row['shots'] // 1000}k shots{coherent}"


def _show(numbers: Sequence[float]) -> str:
    """Return a value with its interval, three digits each."""
    if not numbers:
        return ""
    value, low, high = (f"{number:.3g}" for number in numbers)
    return f"{value} [{low}, {high}]"


def _lay_out(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


TABLES: dict[str, tuple[str, Callable[[Rows], str]]] = {
    "summary": ("accuracy", _summary),
    "accuracy": ("accuracy", _accuracy),
    "parts": ("accuracy", _left_out),
    "alone": ("accuracy", _alone),
    "coverage": ("coverage", _coverage),
    "circuits": ("circuits", _circuits),
    "warm_start": ("warm_start", _warm_start),
    "allocation": ("allocation", _allocation),
    "gate": ("gate", _gate),
}
"""Table by name: the section of the results it shows, and how."""


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(fill(readme.read_text(encoding="utf-8")), encoding="utf-8")
