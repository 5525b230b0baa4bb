"""Encoders in front of one circuit: each against principal components and against raw columns, at equal qubits.

    python benches/hybrid_encoders.py [--seeds 10] [--smoke]

The model is `HybridClassifier` with its defaults. A seed draws the split (30 % tested on, classes balanced), the noise
and all weights, the same for every encoder, so that differences are paired; encoders learn from the training split
alone. Noise is Gaussian, in training and test cases alike, as strong as a column's own spread (cancer) or as the mean
spread of a pixel (digits). Differences are percentage points of test accuracy, brackets are 90 % bootstrap intervals
over seeds; seeds redraw one data set, so that they say nothing about others. Beside each row stands logistic regression
on the same angles. Times are CPU seconds with one thread. Finished cells are remembered.
"""

import argparse
import json
import time
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from machine import describe
from qloop.core.memo import content_key, remembered
from qloop.core.paired import paired_difference
from qloop.core.rng import make_rng
from qloop.hybrid.classifier import HybridClassifier
from qloop.hybrid.encoders import ENCODERS, make_encoder
from qloop.runs.run import code_version
from qloop.runs.store import Store

HERE = Path(__file__).parent
STORE = HERE / "store"
DATA = ("digits 3 or 5", "breast cancer")
NOISE = (0.0, 1.0)
QUBITS = (4, 8)
CONTROLS = ("pca", "none")


def main() -> None:
    """Measure every cell, print the table and write it beside the machine it was measured on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="repeats, at least 2")
    parser.add_argument("--smoke", action="store_true", help="two seeds, four qubits, few epochs; writes nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, qubits = (2, QUBITS[:1]) if options.smoke else (options.seeds, QUBITS)
    changes: dict[str, Any] = {"epochs": 5} if options.smoke else {}
    store = Store(STORE)
    HybridClassifier(num_qubits=4, epochs=1).fit(*load_breast_cancer(return_X_y=True))  # compiles
    started = time.process_time()
    rows = [
        row
        for data, noise, num_qubits in product(DATA, NOISE, qubits)
        for row in compare(store, data, noise, num_qubits, range(seeds), changes)
    ]
    print(f"{time.process_time() - started:.0f} s of CPU time")
    if options.smoke:
        return
    result = {
        "command": f"python benches/hybrid_encoders.py --seeds {seeds}",
        "model": repr(HybridClassifier()),
        "seeds": seeds,
        "machine": describe("numpy", "numba", "scikit-learn", "torch"),
        "rows": rows,
    }
    path = HERE / "results" / "hybrid_encoders.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def compare(
    store: Store, data: str, noise: float, num_qubits: int, seeds: range, changes: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return and print a row per encoder."""
    cells = {
        name: [measure(store, name, data, noise, num_qubits, seed, changes) for seed in seeds] for name in ENCODERS
    }
    accuracy = {name: np.array([100 * cell["accuracy"] for cell in column]) for name, column in cells.items()}
    rows = []
    for name, column in cells.items():
        row = {
            "data": data,
            "noise": noise,
            "qubits": num_qubits,
            "encoder": name,
            "accuracy": float(accuracy[name].mean()),
            "logistic regression on the angles": float(np.mean([100 * cell["logistic"] for cell in column])),
            "CPU seconds to encode": float(np.mean([cell["encode_s"] for cell in column])),
            "CPU seconds to train": float(np.mean([cell["train_s"] for cell in column])),
        }
        for control in CONTROLS:
            if name != control:
                difference = paired_difference(accuracy[name], accuracy[control], unit="points")
                row[f"minus {control}"] = difference.to_json()
                print(f"{data}, noise {noise}, {num_qubits} qubits: {name} minus {control} {difference}")
        print(f"{data}, noise {noise}, {num_qubits} qubits: {name} {row['accuracy']:.1f} %")
        rows.append(row)
    return rows


def measure(
    store: Store, name: str, data: str, noise: float, num_qubits: int, seed: int, changes: dict[str, Any]
) -> dict[str, float]:
    """Return one cell: accuracies and times of one encoder on one draw, remembered."""

    def compute() -> dict[str, float]:
        cases, labels, same_unit = draw(data, noise, seed)
        learn, test = train_test_split(np.arange(len(labels)), test_size=0.3, random_state=seed, stratify=labels)
        model = HybridClassifier(name, num_qubits, standardize=not same_unit, seed=seed, **changes)
        started = time.process_time()
        model.fit(cases[learn], labels[learn])
        total = time.process_time() - started
        started = time.process_time()
        angles = make_encoder(name, num_qubits, standardize=not same_unit, seed=seed).fit(cases[learn], labels[learn])
        encode = time.process_time() - started
        linear = LogisticRegression().fit(angles.transform(cases[learn]), labels[learn])
        return {
            "accuracy": model.score(cases[test], labels[test]),
            "logistic": linear.score(angles.transform(cases[test]), labels[test]),
            "encode_s": encode,
            "train_s": total - encode,
        }

    key = content_key("hybrid encoders", code_version(), name, data, noise, num_qubits, seed, changes)
    return remembered(store, key, compute)


@cache
def draw(data: str, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return cases, labels and whether all columns share one unit."""
    if data == "breast cancer":
        cases, labels = load_breast_cancer(return_X_y=True)
        spread, same_unit = cases.std(axis=0), False
    else:
        cases, labels = load_digits(return_X_y=True)
        kept = np.isin(labels, (3, 5))
        cases, labels = cases[kept], labels[kept]
        spread, same_unit = np.sqrt(cases.var(axis=0).mean()), True
    return cases + noise * spread * make_rng(seed, "noise").standard_normal(cases.shape), labels, same_unit


if __name__ == "__main__":
    main()
