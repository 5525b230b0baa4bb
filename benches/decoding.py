"""Decoding Sycamore's surface codes beside the tensor network on the same shots.

    QLOOP_DATA=FOLDER python benches/decoding.py [exact beam learned-3 learned-5 matching-fit
        from-circuit review] [--quick]

The published shots are X-basis memories of distance 3 (four patches) and 5, 3 to 25 rounds. Models fitted by the
publisher to even shots decode odd ones and the other way round; priors are learned from even shots and tested on odd
ones. Ratios are to the published tensor-network predictions on the same shots, with paired bootstrap intervals over
shots. Finished cells are remembered, so that an interrupted run goes on; ``--quick`` takes a tenth of the shots and
keeps nothing.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import stim

from machine import describe
from qloop.core.bootstrap import bootstrap_interval
from qloop.core.memo import DictMemo, Memo, content_key, remembered
from qloop.core.progress import Event
from qloop.datasets import data_path
from qloop.datasets.memory import Memory
from qloop.datasets.sycamore import find_memories
from qloop.decoding import DECODERS, Decoded, FrontierDecoder, calibrate, fit_priors
from qloop.decoding.confidence import calibration_error
from qloop.decoding.cycle import error_per_cycle
from qloop.runs.store import Store
from versioned import Versioned

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "decoding.json"
GIVEN = "tensor_network_contraction"
TRAINED = range(3, 22, 2)
BEAM_ROUNDS = {5: 128, 7: 256, 9: 256, 13: 256, 25: 256}
FROM_CIRCUIT = (5, 9, 13, 17, 21)
REVIEWED = (0.05, 0.1, 0.2)
Shots = tuple[stim.DetectorErrorModel, np.ndarray, np.ndarray, np.ndarray]


def main() -> None:
    """Run the named sections, or all, and write the results beside the machine they were measured on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="what to measure, by default all")
    parser.add_argument("--quick", action="store_true", help="a tenth of the shots; nothing is kept")
    arguments = parser.parse_args()
    store: Memo = DictMemo() if arguments.quick else Versioned(Store(HERE / "store"))
    result = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in arguments.sections or SECTIONS:
        started = time.perf_counter()
        print(f"\n{name}", flush=True)
        result[name] = SECTIONS[name](store, 10 if arguments.quick else 1)
        print(f"({time.perf_counter() - started:.0f} s)", flush=True)
        if not arguments.quick:
            result |= {
                "command": "python benches/decoding.py",
                "machine": describe("numpy", "numba", "stim", "pymatching"),
            }
            RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


# The published shots


def memories(distance: int) -> dict[str, dict[int, Memory]]:
    """Return the experiments of a distance by patch and rounds."""
    found: dict[str, dict[int, Memory]] = {}
    for memory in find_memories(data_path("sycamore_surface_code")):
        if memory.distance == distance and memory.basis == "X":
            found.setdefault("_".join(map(str, memory.centre or ())), {})[memory.rounds] = memory
    return found


def read(memory: Memory, half: int, thin: int = 1) -> Shots:
    """Return model, events, flips and the tensor network's flips of every second shot.

    Args:
        memory: the experiment.
        half: 0 for even shots, with the model fitted to odd ones, 1 for odd shots.
        thin: one shot in so many.
    """
    name = "pij_from_even_for_odd" if half else "pij_from_odd_for_even"
    dem = stim.DetectorErrorModel()
    for instruction in stim.DetectorErrorModel(memory.dem(name)).flattened():
        if instruction.type == "error":
            dem.append(instruction)
    for detector, place in stim.Circuit(memory.circuit("ideal")).get_detector_coordinates().items():
        dem.append("detector", place, [stim.target_relative_detector_id(detector)])
    own = slice(half, None, 2 * thin)
    return dem, memory.events[own], memory.flips[own][:, 0], memory.predictions(GIVEN)[own][:, 0]


def compare(distance: int, rounds: int, wrong: np.ndarray, given: np.ndarray, seconds: float) -> dict[str, Any]:
    """Return one row: errors of both decoders on the same shots."""
    ratio = wrong.mean() / given.mean()
    low, high = bootstrap_interval(
        lambda cases: wrong[cases].mean(axis=-1) / given[cases].mean(axis=-1), len(wrong), resamples=400
    )
    row = {
        "distance": distance, "rounds": rounds, "shots": len(wrong), "wrong": int(wrong.sum()),
        "given_wrong": int(given.sum()), "only_wrong": int((wrong & ~given).sum()),
        "only_given_wrong": int((given & ~wrong).sum()), "ratio": float(ratio), "ratio_low": float(low),
        "ratio_high": float(high), "us_per_round": seconds / len(wrong) / rounds * 1e6,
    }  # fmt: skip
    print("  " + ", ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)
    return row


def judge_published(memory: Memory, states: int | None, thin: int) -> dict[str, Any]:
    """Return the errors of the frontier on the published models, all shots; `equal` is the share of equal bits."""
    wrong, given, equal, seconds = [], [], [], 0.0
    for half in (0, 1):
        dem, events, flips, theirs = read(memory, half, thin)
        decoder = FrontierDecoder(dem, states)
        decoder.decode(events[:1])
        started = time.process_time()
        ours = decoder.decode(events).predictions[:, 0]
        seconds += time.process_time() - started
        wrong.append(ours != flips)
        given.append(theirs != flips)
        equal.append(ours == theirs)
    row = compare(memory.distance, memory.rounds, np.concatenate(wrong), np.concatenate(given), seconds)
    return row | {"equal": float(np.concatenate(equal).mean())}


def exact(store: Memo, thin: int) -> list[dict[str, Any]]:
    """Distance 3 on the published models: is it the tensor network's bit?"""
    rows = []
    for patch, experiments in memories(3).items():
        for rounds, memory in experiments.items():
            key = content_key("decoding", "exact", patch, rounds, thin)
            rows.append({"patch": patch} | remembered(store, key, partial(judge_published, memory, None, thin)))
    print(f"  smallest share of equal bits {min(row['equal'] for row in rows):.5f}")
    return rows


def beam(store: Memo, thin: int) -> list[dict[str, Any]]:
    """Distance 5 on the published models, all shots."""
    experiments = memories(5)["5_5"]
    rows = []
    for rounds, states in BEAM_ROUNDS.items():
        key = content_key("decoding", "beam", rounds, states, thin)
        row = remembered(store, key, partial(judge_published, experiments[rounds], states, thin))
        rows.append(row | {"beam": states})
    return rows


def learned(
    store: Memo, thin: int, distance: int, beam: int | None, tested: int | None, trained: Sequence[int], **options: Any
) -> list[dict[str, Any]]:
    """Learn priors from even shots of several lengths together, test on odd ones."""
    rows = []
    for patch, experiments in memories(distance).items():
        data = {rounds: read(experiments[rounds], 1, thin) for rounds in experiments if rounds in trained}

        def measure(
            patch: str = patch, experiments: dict[int, Memory] = experiments, data: dict[int, Shots] = data
        ) -> dict[str, Any]:
            # The model for odd shots was fitted to even ones: the start may learn from even shots only.
            events = [experiments[rounds].events[:: 2 * thin] for rounds in data]
            flips = [experiments[rounds].flips[:: 2 * thin] for rounds in data]
            started = time.process_time()
            fitted = fit_priors(
                [dem for dem, *_ in data.values()], events, flips, beam=beam, memo=store, progress=show, **options
            )
            seconds = time.process_time() - started
            ours, theirs, confidence = [], [], []
            for (rounds, (_, seen, truth, given)), dem in zip(data.items(), fitted.dems, strict=True):
                answer = FrontierDecoder(dem, tested).decode(seen)
                ours.append(answer.predictions[:, 0] != truth)
                theirs.append(given != truth)
                confidence.append(judge(rounds, ours[-1], answer.confidence))
                compare(distance, rounds, ours[-1], theirs[-1], 0.0)
            return per_cycle(list(data), ours, theirs) | {
                "patch": patch, "distance": distance, "seconds": seconds, "parameters": fitted.num_parameters,
                "history": list(fitted.history), "rounds": list(data), "shots": len(ours[0]),
                "wrong": [int(w.sum()) for w in ours], "given_wrong": [int(w.sum()) for w in theirs],
                "confidence": confidence,
            }  # fmt: skip

        key = content_key("decoding", "learned", distance, patch, beam, tested, list(trained), options, thin)
        rows.append(remembered(store, key, measure))
        print_ratio(rows[-1])
    return rows


def per_cycle(rounds: Sequence[int], ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return the errors per cycle of both and their ratio, with a paired bootstrap over the shots of every length."""
    sizes = [len(wrong) for wrong in ours]

    def rate(wrongs: Sequence[np.ndarray]) -> float:
        return error_per_cycle(rounds, [int(w.sum()) for w in wrongs], sizes).value

    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(400):
        cases = [rng.integers(size, size=size) for size in sizes]
        above = rate([w[c] for w, c in zip(ours, cases, strict=True)])
        ratios.append(above / rate([w[c] for w, c in zip(theirs, cases, strict=True)]))
    low, high = np.quantile(ratios, (0.05, 0.95))
    mine, given = rate(ours), rate(theirs)
    return {"cycle": mine, "given_cycle": given, "ratio": mine / given, "ratio_low": low, "ratio_high": high}


def print_ratio(row: dict[str, Any]) -> None:
    print(f"  {row['patch']}: {row['ratio']:.4f} [{row['ratio_low']:.4f}, {row['ratio_high']:.4f}]", flush=True)


def judge(rounds: int, wrong: np.ndarray, confidence: np.ndarray) -> dict[str, Any]:
    """Return how far the confidence holds, before and after calibration on the first half, and what review buys."""
    half = len(wrong) // 2
    answer = [
        Decoded(predictions=np.zeros((len(c), 1), bool), confidence=c) for c in (confidence[:half], confidence[half:])
    ]
    after = calibrate(answer[0], wrong[:half]).apply(answer[1]).confidence
    kept = np.argsort(confidence)
    return {
        "rounds": rounds,
        "stated_error": calibration_error(confidence, ~wrong),
        "calibrated_error": calibration_error(after, ~wrong[half:]),
        "review": {f"{f:g}": float(wrong[kept[round(f * len(kept)) :]].mean() / wrong.mean()) for f in REVIEWED},
    }


def show(event: Event) -> None:
    print(f"    {event.stage} {event.done}/{event.total}: {event.text}", flush=True)


def learned_3(store: Memo, thin: int) -> list[dict[str, Any]]:
    """Distance 3: priors learned from even shots, tested on odd ones."""
    return learned(store, thin, 3, None, None, TRAINED, epochs=5, batch=800)


def learned_5(store: Memo, thin: int) -> list[dict[str, Any]]:
    """Distance 5, through the beam."""
    return learned(store, thin, 5, 64, 128, (5, 7, 9), epochs=3, batch=400)


def matching_fit(store: Memo, thin: int) -> list[dict[str, Any]]:
    """Priors for correlated matching, searched on even shots, tested on odd ones; beside the published model."""
    rows = []
    for patch, experiments in memories(3).items():

        def measure(patch: str = patch, experiments: dict[int, Memory] = experiments) -> dict[str, Any]:
            data = {rounds: read(experiments[rounds], 1, thin) for rounds in experiments if rounds in (5, 9, 13, 17)}
            events = [experiments[r].events[:: 2 * thin] for r in data]
            flips = [experiments[r].flips[:: 2 * thin] for r in data]
            dems = [dem for dem, *_ in data.values()]
            fitted = fit_priors(dems, events, flips, decoder="pymatching-correlated", memo=store)
            decoder = DECODERS.load("pymatching-correlated")()
            wrongs = [
                [
                    decoder.compile(dem).predict(seen)[:, 0] != truth
                    for dem, (_, seen, truth, _) in zip(models, data.values(), strict=True)
                ]
                for models in (fitted.dems, dems)
            ]
            return per_cycle(list(data), *wrongs) | {"patch": patch, "parameters": fitted.num_parameters}

        rows.append(remembered(store, content_key("decoding", "matching", patch, thin), measure))
        print_ratio(rows[-1])
    return rows


def from_circuit(store: Memo, thin: int) -> list[dict[str, Any]]:
    """From the circuit's own noise model: priors by the syndromes alone, then with flips; two ways to split the shots.

    Neither the fit nor its start sees a shot that is tested on. In time, the first 30,000 shots teach.
    """
    splits = {
        "even and odd": (slice(0, None, 2 * thin), slice(1, None, 2 * thin)),
        "in time": (slice(0, 30_000, thin), slice(30_000, None, thin)),
    }
    rows = []
    for patch, experiments in memories(3).items():
        for split, (teach, test) in splits.items():

            def measure(
                experiments: dict[int, Memory] = experiments, teach: slice = teach, test: slice = test
            ) -> dict[str, Any]:
                data = [experiments[rounds] for rounds in FROM_CIRCUIT]
                start = [stim.Circuit(memory.circuit("noisy")).detector_error_model() for memory in data]
                events, flips = [memory.events[teach] for memory in data], [memory.flips[teach] for memory in data]
                blind = fit_priors(start, events, memo=store, progress=show)
                seeing = fit_priors(blind.dems, events, flips, memo=store, progress=show)
                models = {"start": start, "syndromes": blind.dems, "flips": seeing.dems}
                wrong = {
                    name: [
                        FrontierDecoder(dem).decode(memory.events[test]).predictions[:, 0] != memory.flips[test][:, 0]
                        for dem, memory in zip(dems, data, strict=True)
                    ]
                    for name, dems in models.items()
                }
                given = [memory.predictions(GIVEN)[test][:, 0] != memory.flips[test][:, 0] for memory in data]
                row: dict[str, Any] = {"parameters": blind.num_parameters, "rounds": list(FROM_CIRCUIT)}
                for ours, other in (("syndromes", "start"), ("flips", "syndromes")):
                    row[f"{ours} / {other}"] = per_cycle(FROM_CIRCUIT, wrong[ours], wrong[other])
                for ours in wrong:
                    row[f"{ours} / tensor network"] = per_cycle(FROM_CIRCUIT, wrong[ours], given)
                return row

            key = content_key("decoding", "from-circuit", patch, split, list(FROM_CIRCUIT), thin)
            rows.append({"patch": patch, "split": split} | remembered(store, key, measure))
            ratios = [f"{name} {row['ratio']:.3f}" for name, row in rows[-1].items() if " / " in name]
            print(f"  {patch}, {split}: {', '.join(ratios)}", flush=True)
    return rows


def review(store: Memo, thin: int) -> list[dict[str, Any]]:
    """How far confidence holds and what a review buys, on odd shots by the published models."""
    rows = []
    for distance, rounds in ((3, 5), (5, 9)):
        for patch, experiments in memories(distance).items():
            for name in ("frontier", "pymatching-correlated"):

                def measure(memory: Memory = experiments[rounds], name: str = name) -> dict[str, Any]:
                    dem, events, flips, _ = read(memory, 1, thin)
                    answer = DECODERS.load(name)().compile(dem).decode(events)
                    wrong = answer.predictions[:, 0] != flips
                    return judge(memory.rounds, wrong, answer.confidence) | {"wrong": int(wrong.sum())}

                key = content_key("decoding", "review", distance, rounds, patch, name, thin)
                rows.append({"patch": patch, "distance": distance, "decoder": name} | remembered(store, key, measure))
                print(f"  {rows[-1]}", flush=True)
    return rows


SECTIONS: dict[str, Callable[[Memo, int], list[dict[str, Any]]]] = {
    "exact": exact,
    "beam": beam,
    "learned-3": learned_3,
    "learned-5": learned_5,
    "matching-fit": matching_fit,
    "from-circuit": from_circuit,
    "review": review,
}

if __name__ == "__main__":
    main()
