"""One decoder on the shots of one cell of `decoding_compare.py`, timed in this process alone.

    python benches/decoding_peers.py DECODER FOLDER RESULT SECONDS ERRORS

It runs in the decoder's own environment, pinned by its parent: nothing but NumPy, Stim and the package is imported.
The folder holds ``model.dem``, ``events.b8`` and ``flips.b8``. Shots are decoded in order, in blocks: for a minute at
least, then until so many errors are made, so many CPU seconds are spent, or no shot is left. Settings are each
package's defaults, or else those that its documentation advises; it is given the model that it can use: matching needs
the decomposition.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import stim

Decode = Callable[[np.ndarray], np.ndarray]
FIRST_BLOCK, LARGEST_BLOCK = 16, 4096
BLOCK_SECONDS = 5.0
LEAST_SECONDS = 60.0


class Peer(NamedTuple):
    """A decoder.

    Args:
        environment: whose interpreter runs it: the name of a list in `benches/peers/`, or empty for this one.
        make: from a model, a function of events that returns flips, a row a shot each.
    """

    environment: str
    make: Callable[[stim.DetectorErrorModel], Decode]


def main() -> None:
    """Decode, and write what came out wrong and what it took."""
    name, folder, result, seconds, errors = sys.argv[1:]
    dem = stim.DetectorErrorModel.from_file(Path(folder) / "model.dem")
    events = read(Path(folder) / "events.b8", dem.num_detectors)
    flips = read(Path(folder) / "flips.b8", dem.num_observables)
    decode = PEERS[name].make(dem)
    decode(unpack(events[:FIRST_BLOCK], dem.num_detectors))
    wrong, spent = run(
        lambda shots: (
            decode(unpack(events[shots], dem.num_detectors)) != unpack(flips[shots], dem.num_observables)
        ).any(axis=1),
        len(events),
        float(seconds),
        int(errors),
    )
    np.savez(result, wrong=wrong, seconds=spent)


def run(judge: Callable[[slice], np.ndarray], shots: int, seconds: float, errors: int) -> tuple[np.ndarray, float]:
    """Return which of the first shots came out wrong, and the CPU seconds that they took."""
    parts: list[np.ndarray] = []
    done, spent, made, size = 0, 0.0, 0, FIRST_BLOCK
    while done < shots and spent < seconds and (made < errors or spent < LEAST_SECONDS):
        started = time.process_time()
        parts.append(judge(slice(done, done + size)))
        last = time.process_time() - started
        done, spent, made = done + len(parts[-1]), spent + last, made + int(parts[-1].sum())
        size = min(2 * size, LARGEST_BLOCK) if last < BLOCK_SECONDS else size
    return np.concatenate(parts), spent


def read(path: Path, width: int) -> np.ndarray:
    """Return a file of shots as packed rows."""
    return np.memmap(path, np.uint8, "r").reshape(-1, -(-width // 8))


def unpack(rows: np.ndarray, width: int) -> np.ndarray:
    """Return packed shots as booleans."""
    return np.unpackbits(rows, axis=1, bitorder="little", count=width).astype(bool)


# Ours


def qloop(name: str, **settings: Any) -> Callable[[stim.DetectorErrorModel], Decode]:
    """Return what makes one of our decoders."""

    def make(dem: stim.DetectorErrorModel) -> Decode:
        from qloop.decoding import DECODERS

        decoder = DECODERS.load(name)(**settings).compile(dem)
        return lambda events: decoder.decode(events).predictions

    return make


# Peers


def pymatching(*, correlated: bool) -> Callable[[stim.DetectorErrorModel], Decode]:
    """Return what makes PyMatching, in one pass or in two."""

    def make(dem: stim.DetectorErrorModel) -> Decode:
        from pymatching import Matching

        matching = Matching.from_detector_error_model(dem, enable_correlations=correlated)
        return lambda events: matching.decode_batch(events, enable_correlations=correlated).astype(bool)

    return make


def tesseract(dem: stim.DetectorErrorModel) -> Decode:
    """Tesseract at its fastest: one order of the detectors, beam 5."""
    from tesseract_decoder import utils
    from tesseract_decoder.tesseract import TesseractConfig

    whole = flatten(dem)
    orders = utils.build_det_orders(dem=whole, num_det_orders=1, method=utils.DetOrder.DetIndex)
    return TesseractConfig(dem=whole, det_beam=5, det_orders=orders).compile_decoder().decode_batch


def tesseract_short_beam(dem: stim.DetectorErrorModel) -> Decode:
    """Tesseract's "short beam": 16 orders, beam 15."""
    from tesseract_decoder import make_tesseract_sinter_decoders_dict

    settings = make_tesseract_sinter_decoders_dict()["tesseract-short-beam"]
    decoder = settings.compile_decoder_for_dem(dem=flatten(dem))

    def decode(events: np.ndarray) -> np.ndarray:
        packed = np.packbits(events, axis=1, bitorder="little")
        return unpack(decoder.decode_shots_bit_packed(bit_packed_detection_event_data=packed), dem.num_observables)

    return decode


def ldpc(dem: stim.DetectorErrorModel) -> Decode:
    """Minimum-sum belief propagation and ordered statistics of order 0, as in the package's sinter decoder."""
    from ldpc.bposd_decoder import BpOsdDecoder
    from ldpc.ckt_noise.dem_matrices import detector_error_model_to_check_matrices

    matrices = detector_error_model_to_check_matrices(dem, allow_undecomposed_hyperedges=True)
    decoder = BpOsdDecoder(
        matrices.check_matrix,
        error_channel=list(matrices.priors),
        max_iter=30,
        bp_method="minimum_sum",
        ms_scaling_factor=0.625,
        osd_method="osd_0",
    )
    observables = matrices.observables_matrix
    return lambda events: np.array([observables @ decoder.decode(row) % 2 for row in events.astype(np.uint8)], bool)


def stimbposd(dem: stim.DetectorErrorModel) -> Decode:
    """Product-sum belief propagation and ordered statistics with a sweep of order 60: the package's defaults."""
    from stimbposd import BPOSD

    return BPOSD(dem).decode_batch


def beliefmatching(dem: stim.DetectorErrorModel) -> Decode:
    """Belief propagation, then matching, with the package's defaults."""
    from beliefmatching import BeliefMatching

    return BeliefMatching(dem).decode_batch


def relay_bp(dem: stim.DetectorErrorModel) -> Decode:
    """Relayed belief propagation with the package's defaults, on whole errors instead of their pieces."""
    from relay_bp.stim.sinter import SinterDecoder_RelayBP

    decoder = SinterDecoder_RelayBP(decomposed_hyperedges=False).compile_decoder_for_dem(dem=dem).observable_decoder

    def decode(events: np.ndarray) -> np.ndarray:
        found = decoder.decode_observables_batch(
            events.astype(np.uint8), parallel=False, progress_bar=False, leave_progress_bar_on_finish=False
        )
        return np.asarray(found, bool)

    return decode


def flatten(dem: stim.DetectorErrorModel) -> stim.DetectorErrorModel:
    """Return a model with whole errors instead of their pieces: targets that appear twice cancel."""
    whole = stim.DetectorErrorModel()
    for instruction in dem.flattened():
        if instruction.type == "error":
            targets: dict[str, stim.DemTarget] = {}
            for target in instruction.targets_copy():
                if not target.is_separator() and targets.pop(str(target), None) is None:
                    targets[str(target)] = target
            whole.append("error", instruction.args_copy(), list(targets.values()))
        else:
            whole.append(instruction)
    return whole


PEERS = {
    "qloop frontier": Peer("", qloop("frontier")),
    "qloop cascade": Peer("", qloop("cascade")),
    "PyMatching": Peer("", pymatching(correlated=False)),
    "PyMatching, correlated": Peer("", pymatching(correlated=True)),
    "Tesseract, beam 5": Peer("decoding", tesseract),
    "Tesseract, short beam": Peer("decoding", tesseract_short_beam),
    "ldpc BP+OSD": Peer("decoding", ldpc),
    "stimbposd": Peer("decoding", stimbposd),
    "beliefmatching": Peer("decoding_belief", beliefmatching),
    "Relay-BP": Peer("decoding_belief", relay_bp),
}

if __name__ == "__main__":
    main()
