"""The page of a classification."""

from typing import TYPE_CHECKING

import numpy as np

from qloop.apps.classify.settings import ClassifySettings
from qloop.circuits.program import Operation, Program
from qloop.core.page import Circuit, Gate, Line, Page, Section, Series, Table, Text
from qloop.hybrid.simulability import describe_simulability

if TYPE_CHECKING:
    from qloop.apps.classify.task import Classification

_SHORT = str.maketrans("", "", "[]")
MOST_CLASSES = 12
"""A table of more classes than this is not read by anybody."""


def build_page(settings: ClassifySettings, found: "Classification", headline: str) -> Page:
    """Return the report: how well it classifies, whether its circuit pays, what it is made of.

    What each part bought is drawn from the ledger by whoever draws the page.
    """
    sections = [Section(title="How well it classifies", figures=(_introduction(found), *_confusion(found)))]
    if found.ablation is not None:
        sections.append(found.ablation.section())
    made = (_curves(found), _circuit(found), _small_print(settings, found))
    return Page(
        title=f"{found.cases.name}: {', '.join(found.cases.classes)}",
        headline=headline,
        sections=(*sections, Section(title="The hybrid", figures=made)),
    )


def _introduction(found: "Classification") -> Text:
    hybrid = found.hybrid
    how = (
        f"An encoder compresses {len(found.cases.columns)} columns to {hybrid.layer.num_inputs} angles, a circuit "
        "turns angles into outputs, a head turns outputs into classes."
    )
    # An ablation says it too.
    claim = () if found.ablation else (describe_simulability(hybrid.layer),)
    return Text(paragraphs=(how, *claim))


def _confusion(found: "Classification") -> tuple[Table, ...]:
    classes = found.cases.classes
    if len(classes) > MOST_CLASSES:
        return ()
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (found.cases.labels[found.split.test], found.probabilities.argmax(axis=1)), 1)
    rows = tuple((name, *map(str, row)) for name, row in zip(classes, counts.tolist(), strict=True))
    return (
        Table(
            title="Cases held out",
            columns=("class", *(f"taken for {name}" for name in classes)),
            rows=rows,
            caption=f"{found.accuracy} of them are right; the 90 % interval is what so many cases allow.",
        ),
    )


def _curves(found: "Classification") -> Line:
    epochs = tuple(map(float, range(1, len(found.hybrid.train_loss) + 1)))
    learned, stopping = (tuple(loss.tolist()) for loss in (found.hybrid.train_loss, found.hybrid.validation_loss))
    return Line(
        title="Learning curves",
        x_label="epoch",
        y_label="cross-entropy",
        series=(
            Series(name="learned from", x=epochs, y=learned),
            Series(name="decide when to stop", x=epochs, y=stopping, style="dashed"),
        ),
        log_y=True,
        caption=_stopped(found),
    )


def _stopped(found: "Classification") -> str:
    losses = found.hybrid.validation_loss
    if not len(losses):
        return "Nothing was trained."
    return f"The weights of epoch {int(np.argmin(losses)) + 1} of {len(losses)} were kept."


def _circuit(found: "Classification") -> Circuit:
    layer = found.hybrid.layer
    program = layer.program
    return Circuit(
        title="The circuit",
        wires=tuple(f"q{k}" for k in range(program.num_qubits)),
        gates=tuple(_gate(program, operation) for operation in program.operations()),
        caption=f"x is an input, w a weight: {layer.num_inputs} inputs, {layer.num_weights} weights, "
        f"{program.count_two_qubit()} two-qubit gates. The Z of every qubit is measured.",
    )


def _gate(program: Program, operation: Operation) -> Gate:
    # Short names leave room: w[12] is drawn as w12.
    named = [program.parameters[k].translate(_SHORT) for angle in operation.angles for k in angle.terms]
    label = f"{operation.name.upper()} {' '.join(named)}" if named else operation.name
    return Gate(name=label, wires=operation.qubits, controls=int(operation.name in {"cx", "cz"}))


def _small_print(settings: ClassifySettings, found: "Classification") -> Text:
    table, training = settings.model, settings.training
    encoder = table.encoder if settings.parts.encoder else "raw columns"
    return Text(
        paragraphs=(
            f"{len(found.split.train)} cases were learned from, a fifth of them to decide when to stop, and "
            f"{len(found.split.test)} were held out. Encoder: {encoder}. Circuit: {table.circuit}, layers: "
            f"{table.layers}. Head: {table.head}. Adam, {training.batch_size} cases a step, step size "
            f"{training.learning_rate}. Outputs and gradients are exact: no shots, no noise.",
        )
    )
