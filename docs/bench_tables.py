"""Tables from the benches, `benches/results/*.json`: no number is typed by hand.

The pages include them when they are built; `python docs/bench_tables.py` writes the README's.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benches" / "results"
Rows = Sequence[Mapping[str, Any]]
Sets = Mapping[str, Mapping[str, Any]]
_SETS = {"digits": "digits, 3 against 5", "breast_cancer": "breast cancer"}


def write_tables(folder: Path) -> None:
    """Write one file per section that pages include."""
    folder.mkdir(exist_ok=True)
    for name, (bench, _, _) in TABLES.items():
        (folder / f"{bench}_{name}.md").write_text(table(name) + "\n", encoding="utf-8")


def table(name: str) -> str:
    """Return a table as Markdown."""
    bench, section, lay_out = TABLES[name]
    path = RESULTS / f"{bench}.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    sections = [section] if isinstance(section, str) else section
    found = {key: results[key] for key in sections if key in results}
    if not found:
        return "*Not measured yet.*"
    notes = [f"\n\n*Note: {note}.*" for key, note in results.get("notes", {}).items() if key in found]
    return lay_out(found[section] if isinstance(section, str) else found) + "".join(notes)


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


def _cpu_times(rows: Rows) -> str:
    return _times(rows, "cpu_s")


def _wall_times(rows: Rows) -> str:
    return _times(rows, "wall_s")


def _times(rows: Rows, clock: str) -> str:
    """Lay out milliseconds, packages down and work across; a star marks what was measured once."""
    cells = list(dict.fromkeys(map(_cell, rows)))
    table = {(row["package"], _cell(row)): row for row in rows if clock in row}
    lines: list[list[str]] = []
    for package in dict.fromkeys(row["package"] for row in rows if clock in row):
        own = [table.get((package, cell)) for cell in cells]
        lines.append([package, *(f"{1000 * row[clock]:.3g}{'*' * row['single']}" if row else "" for row in own)])
    lines.append(
        ["**best other / qloop**", *(_lead([r for r in table.values() if _cell(r) == cell], clock) for cell in cells)]
    )
    return _lay_out(("ms", *cells), lines)


def _lead(rows: Rows, clock: str) -> str:
    ours = [row[clock] for row in rows if row["package"].startswith("qloop")]
    others = [row[clock] for row in rows if not row["package"].startswith("qloop")]
    return f"{min(others) / min(ours):.3g}" if ours and others else ""


def _start(rows: Rows) -> str:
    return _lay_out(
        ("kernels", "compiled once (s)", "first call from then on (s)"),
        [
            (row["family"], f"{row['compile_s']:.2g}", f"{row['first_call_s']:.2g}")
            for row in rows
            if "compile_s" in row
        ],
    )


def _verdicts(sets: Sets) -> str:
    lines = []
    for name, found in sets.items():
        full, *twins = found["rows"]
        # As the verdict does: where the circuit does not pay, the best of the twins that show it.
        equals = [twin for twin in twins if twin["difference"]["interval"][1] <= found["margin"]]
        best = max(equals or twins, key=lambda twin: twin["score"]["value"])
        accuracies = (f"{100 * row['score']['value']:.1f} %" for row in (full, best))
        outcome = f"**{found['outcome']}**"
        lines.append((_SETS[name], *accuracies, best["meaning"], _points(best["difference"]), outcome))
    return _lay_out(("data", "hybrid", "best twin", "which is", "hybrid less it (points)", "the circuit"), lines)


def _twins(sets: Sets) -> str:
    columns = [{twin["name"]: twin["difference"] for twin in found["rows"][1:]} for found in sets.values()]
    return _lay_out(
        ("hybrid less", *(f"{_SETS[name]} (points)" for name in sets)),
        [(f"`{twin}`", *(_points(column[twin]) for column in columns)) for twin in columns[0]],
    )


def _trainability(found: Mapping[str, Any]) -> str:
    rows = zip(found["sizes"], found["random"], found["start"], strict=True)
    return _lay_out(
        ("qubits", "variance at random angles", "variance at the layer's start"),
        [(size, _estimate(random), _estimate(start)) for size, random, start in rows],
    )


def _encoders(rows: Rows) -> str:
    return _lay_out(
        ("data", "noise", "qubits", "encoder", "accuracy (%)", "less `pca` (points)", "less `none` (points)"),
        [
            (
                row["data"],
                row["noise"],
                row["qubits"],
                f"`{row['encoder']}`",
                f"{row['accuracy']:.1f}",
                *(_estimate(row.get(f"minus {control}")) for control in ("pca", "none")),
            )
            for row in rows
        ],
    )


def _exact(rows: Rows) -> str:
    patches = sorted({row["patch"] for row in rows})
    return _lay_out(
        (
            "patch",
            "shots",
            "same bit as the tensor network, mean over rounds",
            "worst number of rounds",
            "us a round and shot",
        ),
        [
            (
                patch.replace("_", ", "),
                sum(row["shots"] for row in own),
                f"{sum(row['equal'] for row in own) / len(own):.3%}",
                f"{min(row['equal'] for row in own):.3%}",
                f"{max(row['us_per_round'] for row in own):.1f}",
            )
            for patch in patches
            for own in [[row for row in rows if row["patch"] == patch]]
        ],
    )


def _beams(rows: Rows) -> str:
    return _lay_out(
        ("rounds", "beam", "wrong", "tensor network wrong", "ratio", "ms a round and shot"),
        [
            (
                row["rounds"],
                row["beam"],
                f"{row['wrong'] / row['shots']:.3%}",
                f"{row['given_wrong'] / row['shots']:.3%}",
                _ratio(row),
                f"{row['us_per_round'] / 1e3:.2f}",
            )
            for row in rows
        ],
    )


def _learned(rows: Rows) -> str:
    minutes = [f"{row['seconds'] / 60:.1f}" for row in rows]
    return _cycles(rows, "tensor network", "CPU minutes", minutes)


def _learned_matching(rows: Rows) -> str:
    return _cycles(rows, "published model", "parameters", [row["parameters"] for row in rows])


def _cycles(rows: Rows, given: str, more: str, values: Sequence[Any]) -> str:
    return _lay_out(
        ("patch", "error per cycle", given, "ratio", more),
        [
            (row["patch"].replace("_", ", "), f"{row['cycle']:.3%}", f"{row['given_cycle']:.3%}", _ratio(row), value)
            for row, value in zip(rows, values, strict=True)
        ],
    )


def _from_circuit(rows: Rows) -> str:
    ratios = ("start / tensor network", "syndromes / start", "syndromes / tensor network", "flips / tensor network")
    return _lay_out(
        ("patch", "split", *ratios),
        [
            (
                row["patch"].replace("_", ", "),
                row["split"],
                *(_ratio(row[name]) for name in ratios),
            )
            for row in rows
        ],
    )


def _review(rows: Rows) -> str:
    fractions = list(rows[0]["review"])
    kinds = list(dict.fromkeys((row["distance"], row["rounds"], row["decoder"]) for row in rows))
    lines = []
    for distance, rounds, decoder in kinds:
        own = [row for row in rows if (row["distance"], row["rounds"], row["decoder"]) == (distance, rounds, decoder)]
        left = [f"{sum(row['review'][share] for row in own) / len(own):.3f}" for share in fractions]
        errors = [f"{sum(row[key] for row in own) / len(own):.4f}" for key in ("stated_error", "calibrated_error")]
        lines.append((f"{distance}, {rounds}", f"`{decoder}`", *errors, *left))
    columns = ("distance, rounds", "decoder", "calibration error", "after calibration")
    return _lay_out((*columns, *(f"errors x, {float(share):.0%} discarded" for share in fractions)), lines)


def _decoder_errors(rows: Rows) -> str:
    return _decoders(rows, lambda row: f"{row['wrong'] / row['shots']:.3%}" if row["wrong"] else f"0 of {row['shots']}")


def _decoder_times(rows: Rows) -> str:
    return _decoders(rows, lambda row: f"{row['us_per_shot']:.3g}")


def _decoders(rows: Rows, write: Callable[[Mapping[str, Any]], str]) -> str:
    """Lay out cells down and decoders across; one that made too few errors to be judged is in brackets."""
    names = list(dict.fromkeys(name for row in rows for name in row["decoders"]))

    def show(row: Mapping[str, Any]) -> str:
        if "shots" not in row:
            return ""
        return write(row) if row["judged"] else f"({write(row)})"

    return _lay_out(
        ("cell", *names), [(_decoded(row), *(show(row["decoders"].get(name, {})) for name in names)) for row in rows]
    )


def _decoder_pairs(rows: Rows) -> str:
    """Lay out by how many standard errors ours makes more errors than another."""
    pairs = list(dict.fromkeys((pair["ours"], pair["other"]) for row in rows for pair in row["compared"]))
    lines = []
    for row in rows:
        found = {(pair["ours"], pair["other"]): f"{pair['standard_errors']:+.1f}" for pair in row["compared"]}
        lines.append((_decoded(row), *(found.get(pair, "") for pair in pairs)))
    return _lay_out(("cell", *(f"{ours.removeprefix('qloop ')} less {other}" for ours, other in pairs)), lines)


def _cascade(rows: Rows) -> str:
    lines = []
    for row in rows:
        for pair in row["compared"]:
            if (pair["ours"], pair["other"]) == ("qloop cascade", "qloop frontier") and "ratio" in pair:
                ours, matching = (
                    row["decoders"][n]["us_per_shot"] for n in ("qloop cascade", "PyMatching, correlated")
                )
                lines.append((_decoded(row), _ratio(pair), f"{ours / matching:.1f}"))
    return _lay_out(("cell", "errors, cascade / frontier", "time, cascade / correlated matching"), lines)


def _ratio(row: Mapping[str, Any]) -> str:
    return _show((row["ratio"], row["ratio_low"], row["ratio_high"]))


def _decoded(row: Mapping[str, Any]) -> str:
    return ", ".join(str(part).replace("_", ", ") for part in row["cell"])


def _points(estimate: Mapping[str, Any]) -> str:
    """Return a difference of accuracies in percentage points."""
    value, low, high = (f"{100 * number:+.1f}" for number in (estimate["value"], *estimate["interval"]))
    return f"{value} [{low}, {high}]"


def _estimate(estimate: Mapping[str, Any] | None) -> str:
    return _show((estimate["value"], *estimate["interval"])) if estimate else ""


def _cell(row: Mapping[str, Any]) -> str:
    return f"{row['work']} {row['num_qubits']}x{row['batch']}"


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


TABLES: dict[str, tuple[str, str | Sequence[str], Callable[[Any], str]]] = {
    "summary": ("chemistry", "accuracy", _summary),
    "accuracy": ("chemistry", "accuracy", _accuracy),
    "parts": ("chemistry", "accuracy", _left_out),
    "alone": ("chemistry", "accuracy", _alone),
    "coverage": ("chemistry", "coverage", _coverage),
    "circuits": ("chemistry", "circuits", _circuits),
    "warm_start": ("chemistry", "warm_start", _warm_start),
    "allocation": ("chemistry", "allocation", _allocation),
    "gate": ("chemistry", "gate", _gate),
    "layer": ("hybrid", "layer", _cpu_times),
    "energy": ("hybrid", "energy", _cpu_times),
    "other_circuits": ("hybrid", "circuits", _cpu_times),
    "gram": ("hybrid", "gram", _cpu_times),
    "threads": ("hybrid", "threads", _wall_times),
    "start": ("hybrid", "start", _start),
    "encoders": ("hybrid_encoders", "rows", _encoders),
    "verdicts": ("hybrid_ablate", tuple(_SETS), _verdicts),
    "twins": ("hybrid_ablate", tuple(_SETS), _twins),
    "exact": ("decoding", "exact", _exact),
    "beam": ("decoding", "beam", _beams),
    "learned_3": ("decoding", "learned-3", _learned),
    "learned_5": ("decoding", "learned-5", _learned),
    "learned_matching": ("decoding", "matching-fit", _learned_matching),
    "from_circuit": ("decoding", "from-circuit", _from_circuit),
    "review": ("decoding", "review", _review),
    "decoder_errors": ("decoding_compare", "simulated", _decoder_errors),
    "decoder_times": ("decoding_compare", "simulated", _decoder_times),
    "decoder_pairs": ("decoding_compare", "simulated", _decoder_pairs),
    "cascade": ("decoding_compare", "simulated", _cascade),
    "sycamore_errors": ("decoding_compare", "sycamore", _decoder_errors),
    "sycamore_times": ("decoding_compare", "sycamore", _decoder_times),
    "trainability": ("hybrid_ablate", "trainability", _trainability),
}
"""Table by name: the bench, the section of its results or those that it shows together, and how to show it."""


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(fill(readme.read_text(encoding="utf-8")), encoding="utf-8")
