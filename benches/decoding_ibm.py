"""Do learned priors help on later jobs? Repetition codes on ibm_hanoi, fitted on one day and judged ten days later.

    python benches/decoding_ibm.py [--quick]

Every path of five qubits runs the code of distance 3 with two rounds. Priors are fitted to a job of 12 April 2022 and
judged on a job of 22 April, path by path, against priors built from the calibration stored with the later job. All
decoders get the same half of the later job's shots; the other half serves only the bound: priors fitted to the job
itself. Archives hold counts, so that shots are put in random order first. An interval is the paired bootstrap over
paths. Needs `wootton_qec_archives` in QLOOP_DATA. ``--quick`` takes two paths and few shots, and keeps nothing.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import stim

from machine import describe
from qloop.core.paired import paired_ratio
from qloop.core.rng import make_rng
from qloop.datasets.cache import data_path
from qloop.datasets.repetition import RepetitionRecord, read_archive
from qloop.decoding.calibrated import calibrated_model, detection_events
from qloop.decoding.decoder import Decoder
from qloop.decoding.frontier import Frontier
from qloop.decoding.matching import CorrelatedMatching, Matching
from qloop.decoding.model import ErrorModel
from qloop.decoding.priors import fit_priors

RESULTS = Path(__file__).parent / "results" / "decoding_ibm.json"
SHOTS = 40_000
PAIRS = (
    ("short wait, decoupled, before and after", "625558bd3bfc767795eac3ce", "6262980962832d01d73e5aa4"),
    ("short wait, decoupled only after", "625558c3d8e31a673d8b4cc8", "6262980962832d01d73e5aa4"),
    ("long wait, decoupled otherwise", "625558c98233e8830dad1aa3", "626298107ddb9724b87015d8"),
    ("long wait, decoupled only after", "625558cf42d2a474597d4130", "626298107ddb9724b87015d8"),
)
REFERENCE = "calibration, frontier"
Half = tuple[np.ndarray, np.ndarray]
Prepared = tuple[stim.DetectorErrorModel, Half, Half]
"""The calibration's model, the half to fit on and the half to judge on."""


def main() -> None:
    """Judge every pair of jobs, print the table, and write it beside the machine it was measured on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    start = time.process_time()
    rows = [row for pair in PAIRS for row in judge(*pair, shots=2_000 if quick else SHOTS, paths=2 if quick else None)]
    for row in rows:
        print(
            f"{row['jobs']:40} {row['basis']} {row['decoder']:46} {row['error']:.5f}"
            f"  {row['ratio']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        )
    if quick:
        return
    result = {
        "command": "python benches/decoding_ibm.py",
        "data": "syndrome_derived_errors of arXiv:2207.00553, github quantumjim/data4papers",
        "shots_fitted_per_path": SHOTS,
        "unit": f"logical errors per shot, mean over paths; ratio to `{REFERENCE}` with its 90 % interval over paths",
        "cpu_s": time.process_time() - start,
        "machine": describe("numpy", "numba", "stim", "pymatching"),
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def judge(label: str, earlier: str, later: str, *, shots: int, paths: int | None) -> list[dict[str, Any]]:
    """Return the rows of one pair of jobs: both bases, every decoder."""
    before, after = prepare(earlier, shots), prepare(later, shots)
    rows = []
    for basis in "ZX":
        keys = [key for key in before if key[1] == basis and key in after][:paths]
        errors: dict[str, list[float]] = {}
        for key in keys:
            for decoder, rate in judge_path(before[key], after[key]).items():
                errors.setdefault(decoder, []).append(rate)
        for decoder, rates in errors.items():
            ratio = paired_ratio(rates, errors[REFERENCE], statistic="mean")
            rows.append(
                {
                    "jobs": label,
                    "basis": basis,
                    "paths": len(keys),
                    "decoder": decoder,
                    "error": float(np.mean(rates)),
                    "ratio": ratio.value,
                    "low": ratio.low,
                    "high": ratio.high,
                }
            )
    return rows


def judge_path(before: Prepared, after: Prepared) -> dict[str, float]:
    """Return the errors per shot on the later job's second half."""
    old, (events, flips), _ = before
    new, own, judged = after
    learned = fit_priors(old, events, flips).dem
    from_syndromes = fit_priors(old, events).dem
    for_matching = fit_priors(old, events, flips, decoder="pymatching-correlated").dem
    errors = partial(count_errors, judged)
    return {
        "calibration, matching": errors(Matching(), new),
        "calibration, correlated matching": errors(CorrelatedMatching(), new),
        REFERENCE: errors(Frontier(), new),
        "fitted before, correlated matching": errors(CorrelatedMatching(), for_matching),
        "fitted before to syndromes alone, frontier": errors(Frontier(), from_syndromes),
        "fitted before, frontier": errors(Frontier(), learned),
        "fitted before, moved by calibrations, frontier": errors(Frontier(), moved(new, old, learned)),
        "bound: fitted to the job itself, frontier": errors(Frontier(), fit_priors(new, *own).dem),
    }


def prepare(job: str, shots: int) -> dict[tuple[tuple[int, ...], str], Prepared]:
    """Return every path and basis of a job; the two logical values are decoded with one model."""
    (path,) = data_path("wootton_qec_archives").glob(f"syndrome_derived_errors__ibm_hanoi__{job}.json.gz")
    groups: dict[tuple[tuple[int, ...], str], list[RepetitionRecord]] = {}
    for record in read_archive(path):
        groups.setdefault((record.chain, record.basis), []).append(record)
    rng = make_rng(0, "order", job)
    prepared = {}
    for key, records in groups.items():
        pairs = [detection_events(record) for record in records]
        events, flips = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        order = rng.permutation(len(events))
        fitted, judged = order[: min(shots, len(order) // 2)], order[len(order) // 2 :]
        prepared[key] = calibrated_model(records[0]), (events[fitted], flips[fitted]), (events[judged], flips[judged])
    return prepared


def count_errors(shots: Half, decoder: Decoder, dem: stim.DetectorErrorModel) -> float:
    """Return the errors per shot; each of the 64 syndromes is decoded once."""
    events, flips = shots
    syndromes = (np.arange(64)[:, None] >> np.arange(6) & 1).astype(np.uint8)
    predictions = decoder.compile(dem).decode(syndromes).predictions
    return float((predictions[events @ (1 << np.arange(6))] != flips).mean())


def moved(
    new: stim.DetectorErrorModel, old: stim.DetectorErrorModel, learned: stim.DetectorErrorModel
) -> stim.DetectorErrorModel:
    """Return the new calibration's model with the corrections to the old one, which are added to its log-odds."""
    models = [ErrorModel.from_dem(dem) for dem in (new, old, learned)]
    start, before, after = (dict(zip(model.symptoms, log_odds(model.priors), strict=True)) for model in models)
    odds = np.array([value + after.get(key, 0.0) - before.get(key, 0.0) for key, value in start.items()])
    return models[0].with_priors(np.minimum(1 / (1 + np.exp(-odds)), 0.499))


def log_odds(priors: np.ndarray) -> np.ndarray:
    """Return the logarithms of the odds."""
    return np.log(priors / (1 - priors))


if __name__ == "__main__":
    main()
