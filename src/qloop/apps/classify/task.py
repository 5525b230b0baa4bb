"""The task kind ``classify``: from settings and a seed to an answer."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits

from qloop.apps.classify.data import Cases, load_cases, split_cases
from qloop.apps.classify.ledger import PARTS, build_ledger, run_repeat
from qloop.apps.classify.neural import Hybrid, ablate_hybrid, fit_encoder, make_layers, train_hybrid
from qloop.apps.classify.report import build_page
from qloop.apps.classify.settings import ClassifySettings
from qloop.core.answer import Answer
from qloop.core.estimate import Estimate
from qloop.core.memo import Memo, Value, content_key, remembered
from qloop.core.progress import Event, Progress
from qloop.core.settings import to_plain
from qloop.core.splits import Split
from qloop.hybrid.verdict import Ablation

PROTOCOL = "Twins of a hybrid: Bowles, Ahmed and Schuld, arXiv:2403.07059"


@dataclass(frozen=True, eq=False, kw_only=True)
class Classification:
    """A trained hybrid and how it did.

    Args:
        cases: all cases.
        split: which of them were learned from and which tested on.
        hybrid: the trained model.
        probabilities: of each class for the cases tested on, shape [cases, classes].
        accuracy: share of them whose most probable class is right.
        ablation: its twins, `None` where none were trained.
    """

    cases: Cases
    split: Split
    hybrid: Hybrid
    probabilities: NDArray[np.float64]
    accuracy: Estimate
    ablation: Ablation | None


def run_classify(settings: ClassifySettings, seed: int, *, memo: Memo, progress: Progress) -> Answer:
    """Train a hybrid, its twins, and the hybrid with each part switched.

    Args:
        settings: validated settings.
        seed: of splits, weights and order.
        memo: remembers checkpoints, every trained twin and each repeat of the ledger.
        progress: told of all of them.

    Raises:
        InvalidValueError: data that break a rule, or more qubits than columns or memory.
    """
    # One BLAS thread: the same bits whatever the number of cores, and matrices this small are faster so.
    with threadpool_limits(limits=1, user_api="blas"):
        return _run(settings, seed, memo, progress)


def _run(settings: ClassifySettings, seed: int, memo: Memo, progress: Progress) -> Answer:
    clock = [time.perf_counter()]
    cases = load_cases(settings.data)
    split = split_cases(cases.labels, settings.data.test_share, seed)
    hybrid = train_hybrid(settings, cases, split.train, seed, memo, progress)
    probabilities = hybrid.predict(cases.inputs[split.test])
    right = probabilities.argmax(axis=1) == cases.labels[split.test]
    clock.append(time.perf_counter())
    seeds, ablation = settings.ablation.seeds, None
    if seeds:
        ablation = ablate_hybrid(settings, cases, split, seed, memo, progress)
    clock.append(time.perf_counter())
    repeats = [_repeat(settings, cases, seed, k, memo, progress) for k in range(seeds)]
    clock.append(time.perf_counter())
    found = Classification(
        cases=cases,
        split=split,
        hybrid=hybrid,
        probabilities=probabilities,
        accuracy=_accuracy(int(right.sum()), len(right)),
        ablation=ablation,
    )
    ledger = build_ledger(settings, found.accuracy, ablation, repeats)
    headline = _headline(found)
    return Answer(
        headline=headline,
        values=_values(settings, found),
        ledger=ledger,
        page=build_page(settings, found, headline),
        arrays={
            "tested": split.test,
            "probabilities": probabilities,
            "train_loss": hybrid.train_loss,
            "validation_loss": hybrid.validation_loss,
        },
        references=(PROTOCOL, *ledger.references()) if ablation else ledger.references(),
        timings=dict(zip(("train", "ablate", "ledger"), np.diff(clock).tolist(), strict=True)),
    )


def dry_run(settings: ClassifySettings, seed: int) -> str:
    """Say what a run would train, after a look at the data."""
    cases = load_cases(settings.data)
    split = split_cases(cases.labels, settings.data.test_share, seed)
    fit_encoder(settings, cases, split.train, seed)
    layer, _ = make_layers(settings, len(cases.classes), seed)
    table = settings.ablation
    return (
        f"{cases.name}: {len(split.train)} cases to learn from and {len(split.test)} to test on, {len(cases.classes)} "
        f"classes, {len(cases.columns)} columns; a circuit of {layer.program.num_qubits} qubits and "
        f"{layer.num_weights} weights, exact; 1 training, then {table.seeds} times every twin at {table.trials} "
        f"settings and {len(PARTS) + 1} trainings for the ledger; nothing was trained."
    )


def _repeat(settings: ClassifySettings, cases: Cases, seed: int, k: int, memo: Memo, progress: Progress) -> Value:
    own = 1_000_003 * (seed + 1) + k
    key = content_key("classify", to_plain(settings), "repeat", own)
    value = remembered(memo, key, lambda: run_repeat(settings, cases, own))
    progress(Event(stage="ledger", text="parts switched", done=k + 1, total=settings.ablation.seeds))
    return value


def _accuracy(right: int, cases: int) -> Estimate:
    """Return the share of right cases with the interval that so many cases allow.

    Source: Wilson, J. Am. Stat. Assoc. 22, 209 (1927).
    """
    interval = binomtest(right, cases).proportion_ci(0.9, method="wilson")
    return Estimate(value=right / cases, low=float(interval.low), high=float(interval.high), coverage=0.9)


def _values(settings: ClassifySettings, found: Classification) -> dict[str, Any]:
    cases, hybrid = found.cases, found.hybrid
    return {
        "data": cases.name,
        "classes": list(cases.classes),
        "cases": {"train": len(found.split.train), "test": len(found.split.test)},
        "columns": len(cases.columns),
        "accuracy": found.accuracy.to_json(),
        "encoder": settings.model.encoder if settings.parts.encoder else "none",
        "circuit": settings.model.circuit,
        "num_qubits": hybrid.layer.program.num_qubits,
        "num_weights": hybrid.layer.num_weights,
        "two_qubit_gates": hybrid.layer.program.count_two_qubit(),
        "epochs": len(hybrid.train_loss),
        "outcome": found.ablation.outcome if found.ablation else None,
        "verdict": found.ablation.verdict if found.ablation else None,
        "ablation": found.ablation.to_json() if found.ablation else None,
    }


def _headline(found: Classification) -> str:
    low, high = 100 * found.accuracy.low, 100 * found.accuracy.high
    said = (
        f"{found.cases.name}, {' against '.join(found.cases.classes)}: {100 * found.accuracy.value:.1f} % right "
        f"[{low:.1f}, {high:.1f}] of {len(found.split.test)} cases held out"
    )
    if found.ablation is None:
        return f"{said}."
    outcome = found.ablation.outcome
    return f"{said}; " + (
        f"the circuit {outcome}." if outcome != "undecided" else "whether the circuit pays is undecided."
    )
