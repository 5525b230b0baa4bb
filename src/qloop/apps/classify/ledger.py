"""The ledger of a classification: every part switched off in turn, on splits of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from qloop.apps.classify.data import Cases, split_cases
from qloop.apps.classify.neural import train_hybrid
from qloop.apps.classify.settings import ClassifySettings, PartSettings
from qloop.core.estimate import Estimate
from qloop.core.ledger import Ledger, LedgerLine, Level, Part
from qloop.core.memo import Value
from qloop.core.paired import paired_ratio
from qloop.core.settings import to_plain
from qloop.hybrid.verdict import Ablation
from qloop.loop.ablation import ON

PARTS = (
    Part(
        name="encoder",
        stage="prepare",
        nature="learns",
        does="compresses the columns to an angle for each qubit",
        off="raw columns, as many as there are qubits",
    ),
    Part(
        name="entanglement",
        stage="design",
        nature="textbook",
        does="couples the qubits by gates on two of them",
        off="the circuit without those gates, which is trivial to compute",
    ),
    Part(
        name="weights",
        stage="execute",
        nature="learns",
        does="trains the circuit's weights",
        off="the circuit as it was drawn",
        references=("Adjoint gradients: Jones and Gacon, arXiv:2009.02823",),
    ),
    Part(
        name="head",
        stage="interpret",
        nature="learns",
        does="trains what turns the circuit's outputs into classes",
        off="the head as it was drawn",
    ),
)
REFERENCES = {
    "autoencoder": "Denoising autoencoders: Vincent et al., doi:10.1145/1390156.1390294",
    "denoiser": "Denoising autoencoders: Vincent et al., doi:10.1145/1390156.1390294",
    "selection": "Stochastic gates: Yamada et al., arXiv:1810.04247",
    "hardware_efficient": "Hardware-efficient circuits: Kandala et al., arXiv:1704.05018",
    "reupload": "Data re-uploading: Perez-Salinas et al., arXiv:1907.02085",
    "iqp": "IQP circuits: Havlicek et al., arXiv:1804.11326",
    "brickwork": "Two-qubit blocks: Kraus and Cirac, arXiv:quant-ph/0011050",
}
"""Of encoders and circuits by name."""
ERROR = "error rate on cases held out"


def run_repeat(settings: ClassifySettings, cases: Cases, seed: int) -> Value:
    """Return the error rate with every part as the settings say, and with each one switched, on one fresh split.

    Half an error is added to every count, so that a ratio of two rates is always a number.
    """
    split = split_cases(cases.labels, settings.data.test_share, seed)
    errors = {}
    for name, parts in _switched(settings.parts).items():
        hybrid = train_hybrid(replace(settings, parts=parts), cases, split.train, seed)
        wrong = hybrid.predict(cases.inputs[split.test]).argmax(axis=1) != cases.labels[split.test]
        errors[name] = (np.count_nonzero(wrong) + 0.5) / (len(wrong) + 1)
    return {"errors": errors}


def build_ledger(
    settings: ClassifySettings, accuracy: Estimate, ablation: Ablation | None, repeats: Sequence[Mapping[str, Any]]
) -> Ledger:
    """Sum up repeats and twins.

    Args:
        settings: of the task.
        accuracy: of the answer.
        ablation: the twins, `None` where none were trained.
        repeats: results of `run_repeat`; empty where there were none.
    """
    on = to_plain(settings.parts)
    chosen = {"encoder": settings.model.encoder, "entanglement": settings.model.circuit}
    lines = []
    for part in PARTS:
        if chosen.get(part.name) in REFERENCES:
            part = replace(part, references=(REFERENCES[chosen[part.name]],))
        gain = None
        if repeats:
            with_it, without = (ON, f"-{part.name}") if on[part.name] else (f"-{part.name}", ON)
            pairs = np.array([[repeat["errors"][without], repeat["errors"][with_it]] for repeat in repeats])
            gain = paired_ratio(pairs[:, 0], pairs[:, 1], statistic="geometric_mean")
        lines.append(LedgerLine(part=part, on=on[part.name], gain=gain))
    error = replace(accuracy, value=1 - accuracy.value, low=1 - accuracy.high, high=1 - accuracy.low)
    answer = Level(name="this answer", meaning="this training alone", error=error)
    if ablation is None:
        return Ledger(lines=tuple(lines), levels=(answer,), error_name=ERROR)
    own, *twins = ablation.levels()
    levels = (replace(own, name="this answer", meaning=f"the hybrid, mean over {ablation.seeds} trainings"), *twins)
    lines.insert(2, ablation.ledger_line())
    return Ledger(lines=tuple(lines), levels=levels, error_name=ERROR, repeats=len(repeats))


def _switched(parts: PartSettings) -> dict[str, PartSettings]:
    names = [part.name for part in PARTS]
    return {ON: parts} | {f"-{name}": replace(parts, **{name: not getattr(parts, name)}) for name in names}
