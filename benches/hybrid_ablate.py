"""Does the circuit pay? Two data sets, the model and its twins, the verdict whatever it is.

    python benches/hybrid_ablate.py [digits breast_cancer trainability] [--smoke]

The data ship with scikit-learn. A third of the cases is tested on and chooses nothing; the encoder that compresses to
8 angles learns from the others, and the conventional models get what it was given. Finished trainings are remembered,
so that an interrupted run goes on where it stopped. ``--smoke`` shows in a minute that everything runs, and keeps
nothing.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import nn

from machine import describe
from qloop.core.memo import Memo, NoMemo
from qloop.core.progress import Event
from qloop.core.splits import split_by_group
from qloop.hybrid.ablation import ablate
from qloop.hybrid.encoders import PCAEncoder
from qloop.hybrid.layer import QuantumLayer
from qloop.hybrid.trainability import probe_trainability
from qloop.runs.store import Store
from qloop.train.loop import FitSettings
from versioned import Versioned

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "hybrid_ablate.json"
NUM_QUBITS, LAYERS = 8, 3
SEEDS, TRIALS = 10, 3
FIT = FitSettings(epochs=60, batch_size=32, patience=10, checkpoint_epochs=60)
SMOKE_SEEDS, SMOKE_TRIALS = 2, 1
SMOKE_FIT = FitSettings(epochs=3, batch_size=64)
Table = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Run the named sections, or all, print them, and write the results beside the machine they were measured on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="what to run, by default all")
    parser.add_argument("--smoke", action="store_true", help="few seeds and epochs, nothing kept")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    memo = NoMemo() if arguments.smoke else Versioned(Store(HERE / "store"))
    result = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in arguments.sections or SECTIONS:
        started = time.process_time()
        result[name] = SECTIONS[name](memo, arguments.smoke)
        print(f"{name}: {time.process_time() - started:.0f} s of CPU time\n")
        if not arguments.smoke:
            result |= {
                "command": "python benches/hybrid_ablate.py",
                "machine": describe("numpy", "scikit-learn", "torch", "numba", "qiskit"),
            }
            RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def digits() -> Table:
    """Return the images of 3 and 5, and which is a 5."""
    images, labels = load_digits(return_X_y=True)
    chosen = np.isin(labels, (3, 5))
    return images[chosen], (labels[chosen] == 5).astype(np.int64)


def breast_cancer() -> Table:
    """Return the measurements and which tumour is benign."""
    return load_breast_cancer(return_X_y=True)


def measure(load: Callable[[], Table], standardize: bool, memo: Memo, smoke: bool) -> dict[str, Any]:
    """Compress, build the model, and set it beside its twins."""
    table, labels = load()
    split = split_by_group(np.arange(len(table)), test_share=1 / 3, seed=0)
    encoder = PCAEncoder(NUM_QUBITS, standardize=standardize).fit(table[split.train])
    parts = [split.train, split.test]
    train, test = ((encoder.transform(table[part]), labels[part]) for part in parts)
    layer = QuantumLayer.hardware_efficient(NUM_QUBITS, LAYERS, seed=0)
    torch.manual_seed(0)
    found = ablate(
        nn.Sequential(layer, nn.Linear(layer.num_outputs, 2)),
        train,
        test,
        SMOKE_SEEDS if smoke else SEEDS,
        raw=(table[split.train], table[split.test]),
        trials=SMOKE_TRIALS if smoke else TRIALS,
        settings=SMOKE_FIT if smoke else FIT,
        memo=memo,
        progress=report,
    )
    print(f"\n{found}")
    return {"train": len(split.train), "test": len(split.test)} | found.to_json()


def trainability(_memo: Memo, smoke: bool) -> dict[str, Any]:
    """Measure how the gradients of the model's circuit vary with its size."""
    found = probe_trainability(
        lambda n: QuantumLayer.hardware_efficient(n, LAYERS), (2, 4) if smoke else (2, 4, 6, 8, 10, 12), 256
    )
    print(found)
    curves = {"random": found.random, "start": found.start}
    shown = {name: [one.to_json() for one in curve] for name, curve in curves.items()}
    return {"sizes": found.sizes, "verdict": found.verdict} | shown


def report(event: Event) -> None:
    """Print one line per training."""
    print(f"{event.done}/{event.total} {event.text}", flush=True)


SECTIONS: dict[str, Callable[[Memo, bool], dict[str, Any]]] = {
    "digits": partial(measure, digits, False),
    "breast_cancer": partial(measure, breast_cancer, True),
    "trainability": trainability,
}


if __name__ == "__main__":
    main()
