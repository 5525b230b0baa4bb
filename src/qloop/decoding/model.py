"""`ErrorModel`: a detector error model as flat arrays, one row per distinct symptom."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.core.errors import InvalidValueError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ErrorModel:
    """Independent errors, each with the detectors and observables that it flips.

    Errors with equal symptoms are one row; the pieces of a suggested decomposition (``^``) are added up.

    Args:
        dem: what it was made of.
        num_detectors: detectors.
        num_observables: logical observables.
        starts: first entry of each error in `detectors`, and the end; shape [num_errors + 1].
        detectors: detectors flipped by each error, ascending within it.
        observables: bit k of row e: error e flips observable k; shape [num_errors], uint64.
        priors: probability of each error, in (0, 1); shape [num_errors].
    """

    dem: stim.DetectorErrorModel
    num_detectors: int
    num_observables: int
    starts: IntArray
    detectors: IntArray
    observables: NDArray[np.uint64]
    priors: FloatArray

    @classmethod
    def from_dem(cls, dem: stim.DetectorErrorModel) -> "ErrorModel":
        """Return the model of a Stim detector error model.

        Raises:
            InvalidValueError: more than 64 observables, an error of probability one, or an error without detectors
                that flips an observable: no decoder can notice it.
        """
        if dem.num_observables > 64:
            raise InvalidValueError(f"a model may have at most 64 observables, got {dem.num_observables}.")
        keep: dict[tuple[tuple[int, ...], int], float] = {}
        for instruction, detectors, observables in iterate_errors(dem):
            prior = instruction.args_copy()[0]
            if not 0 <= prior < 1:
                raise InvalidValueError(f"an error's probability must be in [0, 1), got {prior} in `{instruction}`.")
            if prior and detectors:
                known = keep.get((detectors, observables), 0.0)
                keep[detectors, observables] = known * (1 - prior) + prior * (1 - known)
            elif prior and observables:
                raise InvalidValueError(f"an error must flip a detector to be decoded, got `{instruction}`.")
        rows = list(keep)
        lengths = [len(detectors) for detectors, _ in rows]
        return cls(
            dem=dem,
            num_detectors=dem.num_detectors,
            num_observables=dem.num_observables,
            starts=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
            detectors=np.array([d for detectors, _ in rows for d in detectors], np.int64),
            observables=np.array([observables for _, observables in rows], np.uint64),
            priors=np.array(list(keep.values()), np.float64),
        )

    @property
    def num_errors(self) -> int:
        """Distinct symptoms."""
        return len(self.priors)

    @cached_property
    def symptoms(self) -> tuple[tuple[tuple[int, ...], int], ...]:
        """Detectors and observable bits of every error."""
        pieces = np.split(self.detectors, self.starts[1:-1]) if self.num_errors else []
        return tuple((tuple(d.tolist()), int(o)) for d, o in zip(pieces, self.observables, strict=True))

    @cached_property
    def coordinates(self) -> FloatArray:
        """Coordinates of the detectors as the model states them, missing ones NaN; shape [num_detectors, axes]."""
        known = self.dem.get_detector_coordinates()
        axes = max((len(place) for place in known.values()), default=0)
        table = np.full((self.num_detectors, axes), np.nan)
        for detector, place in known.items():
            table[detector, : len(place)] = place
        return table

    @cached_property
    def rounds(self) -> tuple[IntArray, ...]:
        """Detectors of every round, earliest first, by their last coordinate; none where a detector has no place."""
        places = self.coordinates
        if not places.shape[1] or np.isnan(places).any():
            return ()
        order = np.argsort(places[:, -1], kind="stable")
        return tuple(np.split(order, np.flatnonzero(np.diff(places[order, -1])) + 1))

    def check_events(self, events: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Return detection events as zeros and ones, one byte each; shape [shots, num_detectors].

        Raises:
            InvalidValueError: another shape, or values other than 0 and 1.
        """
        array = np.asarray(events)
        if array.ndim != 2 or array.shape[1] != self.num_detectors:
            raise InvalidValueError(
                f"`events` must have shape [shots, {self.num_detectors}], one column per detector, got {array.shape}."
            )
        if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
            raise InvalidValueError("`events` must hold zeros and ones only.")
        return np.ascontiguousarray(array, np.uint8)

    def check_flips(self, flips: NDArray[np.generic], shots: int) -> NDArray[np.uint8]:
        """Return the flips of the observables as zeros and ones; shape [shots, num_observables].

        Args:
            flips: shape [shots, num_observables], or [shots] for a single observable.
            shots: how many there must be.

        Raises:
            InvalidValueError: another shape, or values other than 0 and 1.
        """
        array = np.asarray(flips)
        array = array[:, None] if array.ndim == 1 else array
        if array.shape != (shots, self.num_observables):
            raise InvalidValueError(
                f"`flips` must have shape [{shots}, {self.num_observables}], a column per observable, "
                f"got {np.shape(flips)}."
            )
        if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
            raise InvalidValueError("`flips` must hold zeros and ones only.")
        return np.ascontiguousarray(array, np.uint8)

    def with_priors(self, priors: FloatArray, tag: str | None = None) -> stim.DetectorErrorModel:
        """Return the same Stim model with other probabilities; decompositions and coordinates stay.

        Where several instructions share a symptom, each keeps its share: of ``log(1 - 2p)``, which adds up.

        Args:
            priors: one per error, in (0, 1/2); shape [num_errors].
            tag: of every error, by default its own.
        """
        values = np.asarray(priors, np.float64)
        if values.shape != self.priors.shape:
            raise InvalidValueError(f"`priors` must have shape {self.priors.shape}, got {values.shape}.")
        outside = values[~((values > 0) & (values < 0.5))]
        if outside.size:
            raise InvalidValueError(f"`priors` must be in (0, 1/2), got {outside[0]}.")
        index = {symptom: number for number, symptom in enumerate(self.symptoms)}
        old = np.log1p(-2 * np.minimum(self.priors, 0.5 - 1e-12))
        share = np.log1p(-2 * values) / old
        made = stim.DetectorErrorModel()
        for instruction in self.dem.flattened():
            if instruction.type != "error":
                made.append(instruction)
                continue
            (prior,), symptom = instruction.args_copy(), _symptom(instruction)
            if symptom in index:
                prior = -np.expm1(np.log1p(-2 * min(prior, 0.5 - 1e-12)) * share[index[symptom]]) / 2
            own = instruction.tag if tag is None else tag
            made.append("error", [float(prior)], instruction.targets_copy(), tag=own)
        return made


def iterate_errors(
    dem: stim.DetectorErrorModel,
) -> Iterator[tuple[stim.DemInstruction, tuple[int, ...], int]]:
    """Yield every error instruction with its detectors and its observables as bits, repetitions unrolled."""
    for instruction in dem.flattened():
        if instruction.type == "error":
            yield instruction, *_symptom(instruction)


def _symptom(instruction: stim.DemInstruction) -> tuple[tuple[int, ...], int]:
    detectors: set[int] = set()
    observables = 0
    for target in instruction.targets_copy():
        if target.is_relative_detector_id():
            detectors ^= {target.val}
        elif target.is_logical_observable_id():
            observables ^= 1 << target.val
    return tuple(sorted(detectors)), observables
