"""The contract of `Decoder`, run against an implementation."""

import pickle

import numpy as np
import stim

from qloop.decoding.decoder import CompiledDecoder, Decoder
from qloop.decoding.posterior import Decoded
from qloop.testing.require import require

_SHOTS = 200


def check_decoder(decoder: Decoder, failures: float = 0.02, single_errors: float = 0.0) -> None:
    """Run the contract of `Decoder` on a surface code of distance three with 0.3 % noise.

    Checked are pickling, shapes and types, determinism, independence of how shots are batched, no shots at all, that
    every single error is corrected, that confidence is a probability, and the logical error rate.

    Args:
        decoder: settings.
        single_errors: share of the single errors that may be decoded wrongly: correlated matching, which weighs again
            what it found first, misses a few.
        failures: largest share of wrong answers in 200 sampled shots; those of a good decoder are below 1 %.

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
    compiled = pickle.loads(pickle.dumps(decoder)).compile(dem)
    require(isinstance(compiled, CompiledDecoder), f"`compile` must return a decoder, got {type(compiled).__name__}.")
    sampled, flips = circuit.compile_detector_sampler(seed=1).sample(_SHOTS, separate_observables=True)
    events = sampled.astype(np.uint8)
    answer = _decode(compiled, events, dem.num_observables)
    wrong = (answer.predictions != flips).any(axis=1).mean()
    require(wrong <= failures, f"{wrong:.1%} of 200 shots are decoded wrongly, {failures:.1%} are allowed.")
    again = _decode(compiled, events, dem.num_observables)
    require(_equal(answer, again), "the same shots must be decoded to the same answer.")
    halves = [_decode(compiled, half, dem.num_observables) for half in (events[:7], events[7:])]
    together = np.concatenate([half.predictions for half in halves])
    require(np.array_equal(together, answer.predictions), "answers must not depend on how shots are batched.")
    _decode(compiled, events[:0], dem.num_observables)
    single, truth = _single_errors(dem)
    found = _decode(compiled, single, dem.num_observables).predictions
    missed = int((found != truth).any(axis=1).sum())
    allowed = missed <= single_errors * len(single)
    require(allowed, f"{missed} of {len(single)} single errors are decoded wrongly.")


def _decode(compiled: CompiledDecoder, events: np.ndarray, observables: int) -> Decoded:
    kept = events.copy()
    answer = compiled.decode(events)
    require(np.array_equal(events, kept), "`decode` must not change the events it is given.")
    shape = (len(events), observables)
    require(answer.predictions.dtype == np.bool_, f"`predictions` must be bool, got {answer.predictions.dtype}.")
    require(
        answer.predictions.shape == shape, f"`predictions` must have shape {shape}, got {answer.predictions.shape}."
    )
    if answer.confidence is not None:
        require(answer.confidence.shape == shape[:1], f"`confidence` must have shape {shape[:1]}.")
        inside = (answer.confidence >= 0) & (answer.confidence <= 1 + 1e-9)
        require(bool(inside.all()), "`confidence` must be a probability.")
    return answer


def _equal(first: Decoded, second: Decoded) -> bool:
    same = np.array_equal(first.predictions, second.predictions)
    if first.confidence is None or second.confidence is None:
        return same and first.confidence is second.confidence
    return same and np.array_equal(first.confidence, second.confidence)


def _single_errors(dem: stim.DetectorErrorModel) -> tuple[np.ndarray, np.ndarray]:
    rows = [i for i in dem.flattened() if i.type == "error"]
    events = np.zeros((len(rows), dem.num_detectors), np.uint8)
    flips = np.zeros((len(rows), dem.num_observables), bool)
    for row, instruction in enumerate(rows):
        for target in instruction.targets_copy():
            if target.is_relative_detector_id():
                events[row, target.val] ^= 1
            elif target.is_logical_observable_id():
                flips[row, target.val] ^= True
    return events, flips
