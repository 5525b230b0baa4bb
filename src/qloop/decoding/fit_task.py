"""The task behind `qloop decode fit`: files of shots to models with learned priors."""

from pathlib import Path

import numpy as np

from qloop.core.answer import Answer
from qloop.core.errors import InvalidValueError
from qloop.core.ledger import Ledger
from qloop.core.memo import Memo
from qloop.core.page import Line, Page, Section, Series
from qloop.core.progress import Progress
from qloop.core.settings import REQUIRED, setting, settings
from qloop.decoding.experiment import check_half, parse_slice, read_dem, spread
from qloop.decoding.priors import FittedPriors, fit_priors
from qloop.decoding.shots import ShotFile

MOST_BYTES = 2**29
"""Learning goes through all shots many times, so they are in memory, a byte an event."""


@settings
class FitSettings:
    """Files of experiments, in the same order in every list (one is for all), and how to learn from them."""

    dem: tuple[Path, ...] = setting(REQUIRED, "detector error models to start from", min_length=1)
    events: tuple[Path, ...] = setting(REQUIRED, "detection events", min_length=1)
    flips: tuple[Path, ...] = setting((), "flips of the observables; none: learn from the events alone")
    format: str | None = setting(None, "format of the events, by default the endings of the names")
    shots: tuple[str, ...] = setting((":",), "which shots, START:STOP:STEP, one for all or one for each", min_length=1)
    decoder: str = setting("frontier", "what the models are for")
    beam: int | None = setting(None, "states that a beam keeps", ge=1)
    validation: float = setting(0.1, "share of the shots to stop by", gt=0, lt=1)
    epochs: int = setting(8, "passes over the shots, at most", ge=1)


def run_fit(settings: FitSettings, seed: int, *, memo: Memo, progress: Progress) -> Answer:
    """Learn the priors of models from files of shots.

    The models stand among the answer's arrays as bytes of text: ``dem_0`` and so on.

    Raises:
        InvalidValueError: files that do not fit each other, or more shots than memory should hold.
    """
    fitted, shots = _fit(settings, seed, memo, progress)
    before, after = fitted.history[0], fitted.history[fitted.best]
    headline = (
        f"{fitted.num_parameters:,} parameters for {fitted.decoder} learned from {shots:,} shots: validation loss "
        f"{before:.4f} before, {after:.4f} after."
    )
    epochs = tuple(map(float, range(len(fitted.history))))
    curve = Line(
        title="Validation loss",
        x_label="epoch",
        y_label="nats a shot" if fitted.decoder == "frontier" else "loss",
        series=(Series(name="shots held out", x=epochs, y=fitted.history),),
        caption=f"Of the {'flips given the syndrome' if settings.flips else 'syndrome'}; 0 is the start, and the "
        f"parameters of epoch {fitted.best} were taken.",
    )
    return Answer(
        headline=headline,
        values={
            "decoder": fitted.decoder,
            "num_parameters": fitted.num_parameters,
            "shots": shots,
            "history": list(fitted.history),
            "best": fitted.best,
        },
        ledger=Ledger(lines=()),
        page=Page(title="Learned priors", headline=headline, sections=(Section(title="Learning", figures=(curve,)),)),
        arrays={f"dem_{k}": np.frombuffer(str(dem).encode(), np.uint8) for k, dem in enumerate(fitted.dems)},
    )


def _fit(settings: FitSettings, seed: int, memo: Memo, progress: Progress) -> tuple[FittedPriors, int]:
    columns = spread(dem=settings.dem, events=settings.events, flips=settings.flips or (None,), shots=settings.shots)
    dems, events, flips = [], [], []
    for dem, seen, known, chosen in columns:
        select = parse_slice(chosen)
        check_half(dem, select, learning=True)
        dems.append(read_dem(dem))
        events.append(ShotFile(seen, dems[-1].num_detectors, format=settings.format, select=select))
        if known is not None:
            flips.append(ShotFile(known, dems[-1].num_observables, letter="L", select=select))
            if len(flips[-1]) != len(events[-1]):
                raise InvalidValueError(
                    f"`{known}` must hold as many shots as `{seen}`, got {len(flips[-1])} and {len(events[-1])}."
                )
    size = sum(len(file) * file.width for file in events)
    if size > MOST_BYTES:
        raise InvalidValueError(
            f"learning holds all events in memory, {size / 2**30:.1f} GiB are more than {MOST_BYTES / 2**30:.1f}: "
            "choose some with `--shots`."
        )
    fitted = fit_priors(
        dems, [file[:] for file in events], [file[:] for file in flips] or None, decoder=settings.decoder,
        beam=settings.beam, validation=settings.validation, epochs=settings.epochs, seed=seed, memo=memo,
        progress=progress,
    )  # fmt: skip
    return fitted, sum(map(len, events))
