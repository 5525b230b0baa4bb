"""The contract of `Decoder`, run against an implementation."""

import pickle
from itertools import pairwise

import numpy as np
import stim
from numpy.typing import NDArray

from qloop.decoding.decoder import CompiledDecoder, Decoder
from qloop.decoding.model import ErrorModel
from qloop.decoding.posterior import Decoded
from qloop.testing.require import require

_SHOTS = 200
_PIECES = (0, 1, 8, 9, _SHOTS)
"""Borders of unequal batches."""


def check_decoder(decoder: Decoder, largest_share_missed: float = 0.0) -> None:
    """Run the contract of `Decoder` on some 700 shots of a surface code of distance 3 under 0.3 % of noise.

    Checked are pickling, shapes and types, that the events stay as they are, that equal shots have equal answers in any
    batch, that there may be no shots at all, that confidence is a probability, and that single errors are corrected.

    Args:
        decoder: settings of an implementation.
        largest_share_missed: share of the single errors that may be decoded wrongly. Correlated matching misses a few:
            it weighs again what its first pass got wrong.

    Raises:
        AssertionError: one sentence for the first rule that is broken.
    """
    require(isinstance(decoder, Decoder), f"a decoder has `compile`, got {type(decoder).__name__}.")
    circuit = stim.Circuit.generated(
        "surface_code:rotated_memory_z",
        distance=3,
        rounds=3,
        after_clifford_depolarization=0.003,
        before_measure_flip_probability=0.003,
    )
    dem = circuit.detector_error_model(decompose_errors=True)
    compiled = decoder.compile(dem)
    require(isinstance(compiled, CompiledDecoder), f"`compile` must return a decoder, got {type(compiled).__name__}.")
    sampled, _ = circuit.compile_detector_sampler(seed=1).sample(_SHOTS, separate_observables=True)
    events = sampled.astype(np.uint8)
    answer = _decode(compiled, events, dem.num_observables)
    _require_equal(answer, _decode(compiled, events, dem.num_observables), "when they are decoded again")
    thawed = pickle.loads(pickle.dumps(decoder)).compile(dem)
    _require_equal(answer, _decode(thawed, events, dem.num_observables), "from settings that were pickled")
    for start, stop in pairwise(_PIECES):
        part = Decoded(
            predictions=answer.predictions[start:stop],
            confidence=None if answer.confidence is None else answer.confidence[start:stop],
        )
        _require_equal(part, _decode(compiled, events[start:stop], dem.num_observables), "in another batch")
    _decode(compiled, events[:0], dem.num_observables)
    _check_single_errors(compiled, ErrorModel.from_dem(dem), largest_share_missed)


def _decode(compiled: CompiledDecoder, events: NDArray[np.uint8], observables: int) -> Decoded:
    given, shape = events.copy(), (len(events), observables)
    answer = compiled.decode(given)
    require(np.array_equal(events, given), "`decode` must not change the events that it is given.")
    require(isinstance(answer, Decoded), f"`decode` must return `Decoded`, got {type(answer).__name__}.")
    found, confidence = answer.predictions, answer.confidence
    require(found.shape == shape, f"`predictions` must have shape {shape}, got {found.shape}.")
    require(found.dtype == np.bool_, f"`predictions` must be bool, got {found.dtype}.")
    if confidence is not None:
        require(confidence.shape == shape[:1], f"`confidence` must have shape {shape[:1]}, got {np.shape(confidence)}.")
        outside = confidence[~((confidence >= 0) & (confidence <= 1))]
        require(not outside.size, f"`confidence` must be in [0, 1], got {outside[:1]}.")
    return answer


def _require_equal(first: Decoded, second: Decoded, when: str) -> None:
    same = np.array_equal(first.predictions, second.predictions)
    require(same, f"equal shots must have equal predictions, they differ {when}.")
    if first.confidence is None or second.confidence is None:
        require(first.confidence is second.confidence, f"there is confidence always or never, it differs {when}.")
    else:
        # Sums in lanes may round differently.
        near = np.allclose(first.confidence, second.confidence, rtol=0, atol=1e-6)
        require(near, f"equal shots must have equal confidence, it differs {when}.")


def _check_single_errors(compiled: CompiledDecoder, model: ErrorModel, largest_share_missed: float) -> None:
    events = np.zeros((model.num_errors, model.num_detectors), np.uint8)
    for error, (detectors, _) in enumerate(model.symptoms):
        events[error, list(detectors)] = 1
    found = _decode(compiled, events, model.num_observables).predictions
    missed = int(np.count_nonzero(found[:, 0] != model.observables))
    allowed = missed <= largest_share_missed * model.num_errors
    require(allowed, f"every single error must be corrected, {missed} of {model.num_errors} are not.")
