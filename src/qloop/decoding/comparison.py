"""Decoders compared on the same shots, in memory that does not grow with them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from qloop.core.errors import InvalidValueError
from qloop.core.estimate import Estimate
from qloop.core.memo import Memo, NoMemo, Value, content_key, remembered
from qloop.core.progress import Event, Progress, silent
from qloop.decoding.blocks import Block, Rows, decode_blocks
from qloop.decoding.cycle import error_per_cycle
from qloop.decoding.decoder import DECODERS, Decoder
from qloop.decoding.experiment import Experiment
from qloop.decoding.posterior import Decoded
from qloop.decoding.shots import ShotFile
from qloop.decoding.tally import Counts, add, count

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
COVERAGE = 0.9
_LEAST_PIECE = 8192
_PIECES = 256
"""Pieces that a memo remembers, at most so many to an experiment."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One experiment and what was counted on it.

    Args:
        name: the experiment's.
        distance: code distance, where known.
        rounds: rounds, where known.
        places: coordinates of the detectors.
        counts: as `tally` describes them.
    """

    name: str
    distance: int | None
    rounds: int | None
    places: tuple[tuple[float, ...], ...]
    counts: Counts

    @property
    def shots(self) -> int:
        """Shots that every decoder saw."""
        return int(self.counts["shots"])


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Two decoders on the same shots.

    Args:
        only_first: shots that only the first has wrong.
        only_second: shots that only the second has wrong.
        p_value: probability of a difference at least as large if both were equally good: exact, two-sided.

    Source: McNemar, Psychometrika 12, 153 (1947), with the binomial distribution.
    """

    only_first: int
    only_second: int
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What every decoder did on every experiment.

    Args:
        decoders: names, the first is what others are measured against.
        trials: one per experiment.
    """

    decoders: tuple[str, ...]
    trials: tuple[Trial, ...]

    def error(self, trial: Trial, decoder: str) -> Estimate:
        """Return the share of shots with a wrong prediction, any observable counting."""
        return _share(int(trial.counts["wrong"][self._index(decoder)]), trial.shots)

    def pooled_error(self, decoder: str) -> Estimate:
        """Return the share of wrong shots over all experiments."""
        return _share(int(self._sum("wrong")[self._index(decoder)]), int(self._sum("shots")))

    def error_ratio(self, decoder: str, reference: str) -> Estimate | None:
        """Return wrong shots of a decoder over those of another, all experiments together; `None` without any.

        Source: the variance of the logarithm for paired shares, Nam and Blackwelder, Stat. Med. 21, 689 (2002).
        """
        wrong = self._sum("wrong")
        above, below = (float(wrong[self._index(name)]) for name in (decoder, reference))
        if not above or not below:
            return None
        test = self.mcnemar(decoder, reference)
        spread = np.sqrt((test.only_first + test.only_second) / (above * below))
        factor = float(np.exp(ndtri((1 + COVERAGE) / 2) * spread))
        ratio = above / below
        return Estimate(value=ratio, low=ratio / factor, high=ratio * factor, coverage=COVERAGE)

    def per_cycle(self, decoder: str, distance: int | None) -> Estimate | None:
        """Return the error per cycle over the experiments of a distance; `None` without rounds or where all is lost."""
        trials = [trial for trial in self.trials if trial.distance == distance and trial.rounds]
        index = self._index(decoder)
        try:
            return error_per_cycle(
                [trial.rounds or 0 for trial in trials],
                [int(trial.counts["wrong"][index]) for trial in trials],
                [trial.shots for trial in trials],
                coverage=COVERAGE,
            )
        except InvalidValueError:
            return None

    def mcnemar(self, first: str, second: str) -> McNemar:
        """Return the exact test of two decoders, all experiments together."""
        from scipy.stats import binomtest

        only = self._sum("only")
        i, j = self._index(first), self._index(second)
        b, c = int(only[i, j]), int(only[j, i])
        return McNemar(only_first=b, only_second=c, p_value=float(binomtest(b, b + c).pvalue) if b + c else 1.0)

    def microseconds(self, decoder: str) -> float | None:
        """Return CPU time per shot, or `None` for published predictions."""
        seconds = float(self._sum("seconds")[self._index(decoder)])
        return None if np.isnan(seconds) else 1e6 * seconds / float(self._sum("shots"))

    def risk_coverage(self, decoder: str) -> tuple[FloatArray, FloatArray] | None:
        """Return shares of shots kept, the most confident first, and the share of wrong ones among them.

        `None` for decoders without confidence.
        """
        wrong, right = self._sum("doubt")[self._index(decoder)].cumsum(axis=0).T
        kept = wrong + right
        if not kept[-1]:
            return None
        some = np.flatnonzero(np.diff(kept, prepend=0))
        return kept[some] / kept[-1], wrong[some] / kept[some]

    def reliability(self, decoder: str) -> tuple[FloatArray, FloatArray, IntArray] | None:
        """Return mean confidence, share of right shots and shots of every bin that holds any.

        `None` for decoders without confidence.
        """
        index = self._index(decoder)
        stated, right, sure = (self._sum(name)[index] for name in ("stated", "right", "sure"))
        some = sure > 0
        if not some.any():
            return None
        return stated[some] / sure[some], right[some] / sure[some], sure[some].astype(np.int64)

    def calibration_error(self, decoder: str) -> float | None:
        """Return the expected calibration error in 15 equal bins of confidence in [0.5, 1]."""
        table = self.reliability(decoder)
        return None if table is None else float(np.average(abs(table[0] - table[1]), weights=table[2]))

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "decoders": {
                name: {
                    "error": self.pooled_error(name).to_json(),
                    "per_cycle": {
                        "any" if distance is None else str(distance): cycle.to_json()
                        for distance in {trial.distance for trial in self.trials}
                        if (cycle := self.per_cycle(name, distance)) is not None
                    },
                    "cpu_microseconds": self.microseconds(name),
                    "calibration_error": self.calibration_error(name),
                }
                for name in self.decoders
            },
            "experiments": [
                {
                    "name": trial.name,
                    "distance": trial.distance,
                    "rounds": trial.rounds,
                    "shots": trial.shots,
                    "error": {name: self.error(trial, name).to_json() for name in self.decoders},
                }
                for trial in self.trials
            ],
            "mcnemar": [
                {"first": first, "second": second, **asdict(self.mcnemar(first, second))}
                for first, second in combinations(self.decoders, 2)
            ],
        }

    def _sum(self, name: str) -> FloatArray:
        return np.asarray(sum(trial.counts[name] for trial in self.trials))

    def _index(self, decoder: str) -> int:
        return self.decoders.index(decoder)


def compare(
    experiments: Experiment | Sequence[Experiment],
    decoders: Sequence[str] | Mapping[str, Decoder],
    *,
    executor: Executor | None = None,
    workers: int = 1,
    memo: Memo | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Decode the same shots with every decoder.

    Args:
        experiments: models with their shots.
        decoders: names of decoders, or settings by name; published predictions join by their own names.
        executor: where to decode; `None` for a thread of this process.
        workers: how many blocks it decodes at a time.
        memo: remembers finished pieces.
        progress: told how many shots are done.

    Raises:
        InvalidValueError: nothing to compare, an unknown decoder, experiments without shots or with predictions of
            different names.
    """
    experiments = [experiments] if isinstance(experiments, Experiment) else list(experiments)
    chosen = dict(decoders) if isinstance(decoders, Mapping) else {name: DECODERS.load(name)() for name in decoders}
    published = {tuple(experiment.predictions) for experiment in experiments}
    if len(published) > 1:
        raise InvalidValueError("every experiment must have predictions of the same decoders.")
    names = (*chosen, *next(iter(published), ()))
    if not experiments or not names or len(set(names)) < len(names):
        raise InvalidValueError("a comparison needs experiments and decoders of different names.")
    for experiment in experiments:
        if not len(experiment.events):
            raise InvalidValueError(f"a comparison needs shots, `{experiment.name}` has none.")
    with ThreadPoolExecutor(1) as thread:
        trials = tuple(
            _try(experiment, chosen, executor or thread, workers, memo or NoMemo(), progress)
            for experiment in experiments
        )
    return Comparison(decoders=names, trials=trials)


def _share(wrong: int, shots: int) -> Estimate:
    """Return a share with its interval.

    Source: Wilson, J. Am. Stat. Assoc. 22, 209 (1927).
    """
    from scipy.stats import binomtest

    interval = binomtest(wrong, shots).proportion_ci(COVERAGE, method="wilson")
    return Estimate(value=wrong / shots, low=float(interval.low), high=float(interval.high), coverage=COVERAGE)


def _try(
    experiment: Experiment,
    decoders: Mapping[str, Decoder],
    executor: Executor,
    workers: int,
    memo: Memo,
    progress: Progress,
) -> Trial:
    dem, shots = experiment.dem, len(experiment.events)
    sources = [experiment.events, experiment.flips, *experiment.predictions.values()]
    identity = content_key("compare", str(dem), repr(decoders), [_identify(source) for source in sources])
    size = max(_LEAST_PIECE, -(-shots // _PIECES))

    def count_piece(start: int) -> Value:
        blocks = decode_blocks(
            list(decoders.values()), dem, experiment.events,
            start=start, stop=min(start + size, shots), executor=executor, workers=workers,
        )  # fmt: skip
        return {**add(_count_block(block, experiment, progress) for block in blocks)}

    pieces = [
        remembered(memo, content_key(identity, start, size), partial(count_piece, start))
        for start in range(0, shots, size)
    ]
    return Trial(
        name=experiment.name,
        distance=experiment.distance,
        rounds=experiment.rounds,
        places=tuple(map(tuple, dem.get_detector_coordinates().values())),
        counts=add(pieces),
    )


def _count_block(block: Block, experiment: Experiment, progress: Progress) -> Counts:
    shots = slice(block.start, block.stop)
    published = [Decoded(predictions=rows[shots] > 0) for rows in experiment.predictions.values()]
    progress(Event(stage="compare", text=experiment.name, done=block.stop, total=len(experiment.events)))
    return count(
        experiment.events[shots],
        experiment.flips[shots],
        [*block.decoded, *published],
        [*block.seconds, *[np.nan] * len(published)],
    )


def _identify(rows: Rows) -> object:
    """What a content key says of shots: arrays are hashed, files are not read."""
    return rows.identity if isinstance(rows, ShotFile) else np.asarray(rows)
