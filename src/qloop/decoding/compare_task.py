"""The task behind `qloop decode compare`: files and names of decoders to an answer with a page."""

from concurrent.futures import Executor
from dataclasses import fields
from pathlib import Path

from qloop.core.answer import Answer
from qloop.core.errors import InvalidValueError
from qloop.core.ledger import Ledger, Level
from qloop.core.memo import Memo
from qloop.core.progress import Progress
from qloop.core.settings import REQUIRED, setting, settings
from qloop.decoding.comparison import Comparison, compare
from qloop.decoding.comparison_page import comparison_page
from qloop.decoding.decoder import DECODERS, Decoder
from qloop.decoding.experiment import Experiment, parse_slice, read_experiment, spread

REFERENCES = (
    "Stim: Gidney, Quantum 5, 497 (2021), arXiv:2103.02202",
    "PyMatching: Higgott and Gidney, Quantum 9, 1600 (2025), arXiv:2303.15933",
)


@settings
class CompareSettings:
    """Files of experiments, in the same order in every list (one is for all), and the decoders to try on them."""

    dem: tuple[Path, ...] = setting(REQUIRED, "detector error models", min_length=1)
    events: tuple[Path, ...] = setting(REQUIRED, "detection events", min_length=1)
    flips: tuple[Path, ...] = setting(REQUIRED, "flips of the observables", min_length=1)
    format: str | None = setting(None, "format of the events, by default the endings of the names")
    shots: tuple[str, ...] = setting((":",), "which shots, START:STOP:STEP, one for all or one for each", min_length=1)
    distance: tuple[int, ...] = setting((), "code distance of each")
    rounds: tuple[int, ...] = setting((), "rounds of each, by default what the detectors' coordinates say")
    decoders: tuple[str, ...] = setting(REQUIRED, "names of decoders, the first is the reference", min_length=1)
    beam: int | None = setting(None, "states that decoders with a beam keep", ge=1)


def run_compare(
    settings: CompareSettings,
    seed: int,  # noqa: ARG001
    *,
    memo: Memo,
    progress: Progress,
    executor: Executor | None = None,
    workers: int = 1,
) -> Answer:
    """Compare decoders on files of shots.

    Raises:
        InvalidValueError: files that do not fit each other, or an unknown decoder.
    """
    decoders = {name: make_decoder(name, settings.beam if has_beam(name) else None) for name in settings.decoders}
    comparison = compare(
        read_experiments(settings), decoders, executor=executor, workers=workers, memo=memo, progress=progress
    )
    headline = _headline(comparison)
    page = comparison_page(comparison, headline)
    return Answer(
        headline=headline, values=comparison.to_json(), ledger=_ledger(comparison), page=page, references=REFERENCES
    )


def make_decoder(name: str, beam: int | None = None) -> Decoder:
    """Return a decoder's default settings, with a beam if given.

    Raises:
        InvalidValueError: an unknown decoder, or a beam for one that has none.
    """
    if beam is not None and not has_beam(name):
        raise InvalidValueError(f"decoder `{name}` has no beam, got {beam}.")
    decoder: Decoder = DECODERS.load(name)(**({} if beam is None else {"beam": beam}))
    return decoder


def has_beam(name: str) -> bool:
    """Return whether a decoder's settings have a beam."""
    return "beam" in {field.name for field in fields(DECODERS.load(name))}


def read_experiments(settings: CompareSettings) -> list[Experiment]:
    """Return the experiments that the lists name.

    Raises:
        InvalidValueError: lists of different lengths, or files that do not fit each other.
    """
    columns = spread(
        dem=settings.dem,
        events=settings.events,
        flips=settings.flips,
        shots=settings.shots,
        distance=settings.distance or (None,),
        rounds=settings.rounds or (None,),
    )
    # Several models of the same shots are told apart by the models.
    same = len(set(settings.events)) == 1 < len(settings.dem)
    return [
        read_experiment(
            dem, events, flips, format=settings.format, select=parse_slice(shots), name=dem.stem if same else None,
            distance=distance, rounds=rounds,
        )
        for dem, events, flips, shots, distance, rounds in columns
    ]  # fmt: skip


def _headline(comparison: Comparison) -> str:
    shots = sum(trial.shots for trial in comparison.trials)
    errors = {name: comparison.pooled_error(name) for name in comparison.decoders}
    best = min(errors, key=lambda name: errors[name].value)
    where = f"{shots:,} shots" + (f" of {n} experiments" if (n := len(comparison.trials)) > 1 else "")
    said = f"{best} is wrong on {100 * errors[best].value:.3g} % of {where}"
    others = [name for name in errors if name != best]
    if not others:
        return f"{said}."
    second = min(others, key=lambda name: errors[name].value)
    test = comparison.mcnemar(second, best)
    sure = "" if test.p_value < 0.05 else ", which so many shots cannot tell apart"
    return f"{said}, {second} on {100 * errors[second].value:.3g} %{sure} (p = {test.p_value:.2g})."


def _ledger(comparison: Comparison) -> Ledger:
    first, *_ = comparison.decoders
    levels = tuple(
        Level(
            name=name,
            meaning="the decoder the others are measured against" if name == first else "another decoder",
            error=comparison.pooled_error(name),
            ratio=None if name == first else comparison.error_ratio(name, first),
        )
        for name in comparison.decoders
    )
    return Ledger(lines=(), levels=levels, error_name="logical error")
