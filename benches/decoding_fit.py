"""Learned priors from early shots for later ones: what do syndromes alone teach, and what do the flips add?

    QLOOP_DATA=FOLDER python benches/decoding_fit.py [--distances 3 5] [--quick]

Sycamore's X-basis memories, arXiv:2207.06431. Everything is learned from the first 30,000 shots, of all lengths
together, and judged on the others: first from the syndromes, starting with the noise of the published circuit, then
from the flips, starting with what the syndromes taught. Ratios are to the published tensor-network predictions on the
same shots; those were made with models that saw half of the shots that are judged. Finished cells are remembered, so
that an interrupted run goes on; ``--quick`` takes a tenth of the shots and keeps nothing.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import stim

from decoding import GIVEN, memories, per_cycle, remembered, show
from machine import describe
from qloop.core.memo import DictMemo, Memo, content_key
from qloop.datasets.memory import Memory
from qloop.decoding import DECODERS, FittedPriors, Frontier, fit_priors
from qloop.decoding.decoder import Decoder
from qloop.runs.store import Store

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "decoding_fit.json"
EARLY = 30_000
ROUNDS = {3: (5, 9, 13), 5: (5, 7, 9)}
BEAMS = {3: None, 5: 128}
"""States kept to judge; half as many to learn."""
Models = tuple[stim.DetectorErrorModel, ...]


def main() -> None:
    """Measure every patch, print its table, and write all beside the machine they were measured on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distances", type=int, nargs="+", choices=ROUNDS, default=[3], help="by default 3")
    parser.add_argument("--quick", action="store_true", help="a tenth of the shots; nothing is kept")
    arguments = parser.parse_args()
    store: Memo = DictMemo() if arguments.quick else Store(HERE / "store")
    thin = 10 if arguments.quick else 1
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["patches"] if RESULTS.exists() else {}
    for distance in arguments.distances:
        for patch, experiments in memories(distance).items():
            chosen = [experiments[rounds] for rounds in ROUNDS[distance]]
            key = content_key("decoding_fit", distance, patch, list(ROUNDS[distance]), thin)
            kept[f"{distance}: {patch}"] = row = remembered(store, key, lambda c=chosen: judge(c, thin, store))
            for name, cell in row["models"].items():
                print(f"  {patch} {name:32} {cell['cycle']:.5f}  {cell['ratio']:.4f} "
                      f"[{cell['ratio_low']:.4f}, {cell['ratio_high']:.4f}]", flush=True)  # fmt: skip
    if not arguments.quick:
        result = {
            "command": "python benches/decoding_fit.py",
            "machine": describe("numpy", "numba", "stim", "pymatching"),
            "patches": kept,
        }
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def judge(experiments: list[Memory], thin: int, store: Memo) -> dict[str, Any]:
    """Return the errors per cycle on the later shots, of every model and decoder, with ratios to the tensor network."""
    distance = experiments[0].distance
    beam = BEAMS[distance]
    early, later = slice(0, EARLY, thin), slice(EARLY, None, thin)
    started = time.process_time()
    circuit = tuple(
        stim.Circuit(memory.circuit("noisy")).detector_error_model(decompose_errors=True) for memory in experiments
    )

    def fit(start: Models, known: bool) -> FittedPriors:
        return fit_priors(
            start, [memory.events[early] for memory in experiments],
            [memory.flips[early] for memory in experiments] if known else None,
            beam=beam and beam // 2, epochs=5, batch=800, memo=store, progress=show,
        )  # fmt: skip

    from_syndromes = fit(circuit, known=False)
    from_flips = fit(from_syndromes.dems, known=True)
    seconds = time.process_time() - started
    given = [(memory.predictions(GIVEN)[later] != memory.flips[later])[:, 0] for memory in experiments]
    frontier, matching = Frontier(beam=beam), DECODERS.load("pymatching-correlated")(confidence=False)
    errors = {
        "circuit, correlated matching": wrong(matching, circuit, experiments, later),
        "syndromes, correlated matching": wrong(matching, from_syndromes.dems, experiments, later),
        "circuit": wrong(frontier, circuit, experiments, later),
        "syndromes": wrong(frontier, from_syndromes.dems, experiments, later),
        "flips": wrong(frontier, from_flips.dems, experiments, later),
    }
    lengths = [memory.rounds for memory in experiments]
    return {
        "distance": distance, "rounds": lengths, "shots": len(given[0]), "cpu_s": seconds,
        "parameters": from_flips.num_parameters,
        "history": [list(from_syndromes.history), list(from_flips.history)],
        "models": {name: per_cycle(lengths, ours, given) for name, ours in errors.items()},
        "syndromes_to_circuit": per_cycle(lengths, errors["syndromes"], errors["circuit"]),
        "flips_to_syndromes": per_cycle(lengths, errors["flips"], errors["syndromes"]),
    }  # fmt: skip


def wrong(decoder: Decoder, dems: Models, experiments: list[Memory], shots: slice) -> list[np.ndarray]:
    """Return which shots are decoded wrongly, for every experiment."""
    return [
        decoder.compile(dem).decode(memory.events[shots]).predictions[:, 0] != memory.flips[shots][:, 0]
        for dem, memory in zip(dems, experiments, strict=True)
    ]


if __name__ == "__main__":
    main()
