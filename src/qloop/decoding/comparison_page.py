"""The page of a comparison of decoders."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qloop.core.estimate import Estimate
from qloop.core.page import Figure, HeatMap, Line, Page, Reliability, Section, Series, Table, Text
from qloop.decoding.comparison import Comparison, Trial

FloatArray = NDArray[np.float64]
_MOST_ROWS = 60
_MOST_POINTS = 200


def comparison_page(comparison: Comparison, headline: str) -> Page:
    """Return the report: errors, their tests, confidence, and where the detectors fired."""
    tests = (_pairs(comparison),) if len(comparison.decoders) > 1 else ()
    sections = [
        Section(
            title="How often each decoder is wrong",
            figures=(
                _summary(comparison),
                _table(comparison),
                *_against_rounds(comparison),
                *_against_distance(comparison),
                *tests,
            ),
        ),
        Section(title="How well it knows", figures=tuple(_confidence(comparison))),
        Section(title="Where the detectors fired", figures=tuple(_heat_maps(comparison))),
    ]
    return Page(
        title=f"Decoders: {', '.join(comparison.decoders)}",
        headline=headline,
        sections=tuple(section for section in sections if section.figures),
    )


def _table(comparison: Comparison) -> Table:
    rows = [
        (
            trial.name,
            "" if trial.distance is None else f"{trial.distance}",
            "" if trial.rounds is None else f"{trial.rounds}",
            f"{trial.shots:,}",
            *(_share(comparison.error(trial, decoder)) for decoder in comparison.decoders),
        )
        for trial in comparison.trials
    ]
    left = f" {len(rows) - _MOST_ROWS} more are left out here." if len(rows) > _MOST_ROWS else ""
    return Table(
        title="Logical error of every experiment",
        columns=("experiment", "distance", "rounds", "shots", *comparison.decoders),
        rows=tuple(rows[:_MOST_ROWS]),
        caption="A shot is wrong when any observable is; 90 % intervals (Wilson)." + left,
    )


def _summary(comparison: Comparison) -> Table:
    first = comparison.decoders[0]
    rows = []
    for distance in _distances(comparison):
        for decoder in comparison.decoders:
            cycle, ratio = comparison.per_cycle(decoder, distance), comparison.error_ratio(decoder, first)
            time, ece = comparison.microseconds(decoder), comparison.calibration_error(decoder)
            rows.append(
                (
                    decoder,
                    "" if distance is None else f"{distance}",
                    "" if cycle is None else _share(cycle),
                    "" if ratio is None or decoder == first else _ratio(ratio),
                    "" if time is None else f"{time:,.1f}",
                    "" if ece is None else f"{ece:.4f}",
                )
            )
    return Table(
        title="Every decoder",
        columns=("decoder", "distance", "error per cycle", f"wrong / {first}'s", "CPU µs a shot", "calibration error"),
        rows=tuple(rows),
        caption="Ratio, time and calibration error over all experiments; 90 % intervals, the ratio's paired.",
    )


def _pairs(comparison: Comparison) -> Table:
    names = comparison.decoders
    tests = [(a, b, comparison.mcnemar(a, b)) for i, a in enumerate(names) for b in names[i + 1 :]]
    return Table(
        title="Pairs on the same shots",
        columns=("first", "second", "only the first is wrong", "only the second is wrong", "p"),
        rows=tuple((a, b, f"{t.only_first:,}", f"{t.only_second:,}", f"{t.p_value:.2g}") for a, b, t in tests),
        caption="Exact McNemar test, two-sided, all experiments together.",
    )


def _against_rounds(comparison: Comparison) -> Iterator[Line]:
    for distance in _distances(comparison):
        trials = sorted((t for t in comparison.trials if t.distance == distance and t.rounds), key=_rounds)
        if len({trial.rounds for trial in trials}) > 1:
            yield Line(
                title="Error against rounds" + ("" if distance is None else f", distance {distance}"),
                x_label="rounds",
                y_label="logical error",
                series=tuple(
                    _series(name, [(_rounds(trial), comparison.error(trial, name)) for trial in trials])
                    for name in comparison.decoders
                ),
            )


def _against_distance(comparison: Comparison) -> Iterator[Line]:
    known = [distance for distance in _distances(comparison) if distance is not None]
    cycles = {
        name: [(d, cycle) for d in known if (cycle := comparison.per_cycle(name, d)) is not None]
        for name in comparison.decoders
    }
    if len(known) > 1 and any(cycles.values()):
        yield Line(
            title="Error per cycle against distance",
            x_label="distance",
            y_label="logical error per cycle",
            series=tuple(_series(name, points) for name, points in cycles.items()),
            log_y=True,
        )


def _confidence(comparison: Comparison) -> Iterator[Figure]:
    curves = {name: curve for name in comparison.decoders if (curve := comparison.risk_coverage(name)) is not None}
    if curves:
        yield Line(
            title="Error against coverage",
            x_label="share of shots kept, the most confident",
            y_label="logical error among them",
            series=tuple(_thin(name, *curve) for name, curve in curves.items()),
            caption="At 1 every shot counts; to the left the least confident ones went to review.",
        )
    for name in curves:
        if (table := comparison.reliability(name)) is not None:
            stated, measured, cases = (tuple(column.tolist()) for column in table)
            yield Reliability(
                title=f"Confidence of {name}",
                stated=stated,
                measured=measured,
                cases=cases,
                caption=f"Expected calibration error {comparison.calibration_error(name):.4f}.",
            )
    silent = [name for name in comparison.decoders if name not in curves]
    if curves and silent:
        yield Text(paragraphs=(f"Without a confidence: {', '.join(silent)}.",))


def _heat_maps(comparison: Comparison) -> Iterator[HeatMap]:
    """Yield a map for the largest experiment of each distance."""
    for distance in _distances(comparison):
        trial = max((t for t in comparison.trials if t.distance == distance), key=lambda t: len(t.places))
        if all(trial.places):
            yield _heat_map(trial)


def _heat_map(trial: Trial) -> HeatMap:
    spots = sorted({place[:-1] for place in trial.places})
    times = sorted({place[-1] for place in trial.places})
    sums, found = np.zeros((len(spots), len(times))), np.zeros((len(spots), len(times)))
    at = [spots.index(place[:-1]) for place in trial.places], [times.index(place[-1]) for place in trial.places]
    np.add.at(sums, at, trial.counts["events"] / trial.shots)
    np.add.at(found, at, 1)
    with np.errstate(invalid="ignore"):
        values = sums / found
    return HeatMap(
        title=f"Detection events: {trial.name}",
        x_label="time, the last coordinate",
        y_label="place",
        x_ticks=tuple(f"{time:g}" for time in times),
        y_ticks=tuple(", ".join(f"{x:g}" for x in spot) for spot in spots),
        values=tuple(map(tuple, values.tolist())),
        value_label="share of shots",
    )


def _series(name: str, points: list[tuple[int, Estimate]]) -> Series:
    return Series(
        name=name,
        x=tuple(float(x) for x, _ in points),
        y=tuple(one.value for _, one in points),
        low=tuple(one.low for _, one in points),
        high=tuple(one.high for _, one in points),
    )


def _thin(name: str, kept: FloatArray, error: FloatArray) -> Series:
    some = np.unique(np.searchsorted(kept, np.linspace(0, 1, _MOST_POINTS)).clip(max=len(kept) - 1))
    return Series(name=name, x=tuple(kept[some].tolist()), y=tuple(error[some].tolist()))


def _distances(comparison: Comparison) -> list[int | None]:
    return sorted({trial.distance for trial in comparison.trials}, key=lambda d: d or 0)


def _rounds(trial: Trial) -> int:
    return trial.rounds or 0


def _share(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.3g} % [{100 * estimate.low:.3g}, {100 * estimate.high:.3g}]"


def _ratio(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
