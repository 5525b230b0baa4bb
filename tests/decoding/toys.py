"""Decoders and data that tests make themselves."""

from dataclasses import dataclass

import numpy as np
import stim

from qloop.decoding.posterior import Decoded


@dataclass(frozen=True)
class Toy:
    """Matching that is the surer the fewer detectors fire; with a beam, which it only checks."""

    beam: int = 4

    def compile(self, dem):
        import pymatching

        return CompiledToy(pymatching.Matching.from_detector_error_model(dem), dem.num_observables)


@dataclass(frozen=True)
class Never:
    """Says that nothing flips, and not how sure it is."""

    def compile(self, dem):
        return CompiledNever(dem.num_observables)


@dataclass(frozen=True)
class CompiledToy:
    matching: object
    width: int

    def decode(self, events):
        predictions = self.matching.decode_batch(events) > 0
        return Decoded(predictions=predictions.reshape(-1, self.width), confidence=1 - 0.5 * events.mean(axis=1))


@dataclass(frozen=True)
class CompiledNever:
    width: int

    def decode(self, events):
        return Decoded(predictions=np.zeros((len(events), self.width), bool))


def repetition(rounds=3, shots=500, p=0.05, distance=3, seed=1):
    """Return a model, events and flips."""
    circuit = stim.Circuit.generated(
        "repetition_code:memory", distance=distance, rounds=rounds, before_round_data_depolarization=p
    )
    events, flips = circuit.compile_detector_sampler(seed=seed).sample(shots, separate_observables=True)
    dem = circuit.detector_error_model(decompose_errors=True)
    return dem, events.astype(np.uint8), flips.astype(np.uint8)
