"""What an ablation found: the model beside its twins, and whether its circuit pays."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from qloop.core.estimate import Estimate
from qloop.core.ledger import LedgerLine, Level, Metric, Part
from qloop.core.page import Forest, Interval, Section, Table, Text

Outcome = Literal["pays", "does not pay", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """The model or one of its twins.

    Args:
        name: one or two words.
        meaning: one clause.
        score: mean over seeds and test cases, larger is better.
        difference: score of the model less this one's, paired; `None` for the model itself. The intervals of all twins
            hold at once.
        error_ratio: 1 - score over the model's, paired, half a wrong class added for each seed; `None` where the model
            gives every value without error.
        seconds: CPU time of tuning and training for one seed, the median.
        parameters: numbers that are trained; `None` where that says nothing.
    """

    name: str
    meaning: str
    score: Estimate
    difference: Estimate | None = None
    error_ratio: Estimate | None = None
    seconds: float
    parameters: int | None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The trained model with shots or under noise.

    Args:
        name: for example ``"100 shots"``.
        score: as in `Row`.
        difference: less the best twin's score; the twin needs neither shots nor a device.
    """

    name: str
    score: Estimate
    difference: Estimate


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """The answer to "does the circuit pay?".

    Args:
        rows: the model first, then its twins.
        metric: ``"accuracy"`` or ``"R2"``.
        margin: a gain up to this is none.
        seeds: how often everything was trained.
        trials: values of the learning rate, or of a conventional model's number, that each tried for each seed.
        conditions: with shots and noise; empty where there is no gain to lose.
        notes: a sentence each.
    """

    rows: tuple[Row, ...]
    metric: str
    margin: float
    seeds: int
    trials: int
    conditions: tuple[Condition, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Whether the model beats every twin, gains no more than the margin over some twin, or neither is sure.

        Both statements hold at the coverage of the scores, however many twins there are: picking the best of them after
        the fact is allowed for, because the intervals of all differences hold at once.
        """
        if self._equals:
            return "does not pay"
        return "pays" if all(_known(row.difference).low > 0 for row in self.rows[1:]) else "undecided"

    @property
    def best_twin(self) -> Row:
        """The twin with the best score; where the circuit does not pay, the best of those that show it."""
        return max(self._equals or self.rows[1:], key=lambda row: row.score.value)

    @property
    def verdict(self) -> str:
        """The answer in one sentence, with what it rests on and what the circuit costs."""
        full, best, gain = self.rows[0], self.best_twin, _known(self.best_twin.difference)
        circuit = "It is undecided whether the circuit pays" if self.outcome == "undecided" else _PHRASES[self.outcome]
        cost = f"{full.seconds / best.seconds:.2g}x the CPU time"
        if full.parameters is not None and best.parameters:
            cost += f" and {full.parameters / best.parameters:.2g}x the parameters"
        return (
            f"{circuit}: {self.metric} {full.score.value:.3f} against {best.score.value:.3f} of the twin "
            f"`{best.name}` ({best.meaning}), a difference of {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] "
            f"at {full.score.coverage:.0%} for all {len(self.rows) - 1} twins at once, for {cost}."
        )

    @property
    def endurance(self) -> str:
        """One sentence: with how many shots and under which noise a gain is still there."""
        if self.outcome != "pays":
            return "There is no gain that shots or noise could take away."
        kept = ", ".join(one.name for one in self.conditions if one.difference.low > 0) or "none"
        lost = ", ".join(one.name for one in self.conditions if one.difference.low <= 0) or "none"
        return f"The gain over `{self.best_twin.name}` is still seen with: {kept}; no longer with: {lost}."

    def ledger_line(self) -> LedgerLine:
        """Return the circuit's line in a ledger: what it bought over the best twin."""
        best = self.best_twin
        metric = Metric(name=f"{self.metric}, less that of {best.name}", estimate=_known(best.difference))
        return LedgerLine(
            part=Part(
                name="circuit",
                stage="execute",
                nature="learns",
                does="a trained circuit inside the model",
                off=best.meaning,
            ),
            on=True,
            gain=best.error_ratio,
            metrics=(metric,),
            seconds=self.rows[0].seconds,
        )

    def levels(self) -> tuple[Level, ...]:
        """Return the model and its twins as levels of a ledger; the error is 1 - score."""
        return tuple(
            Level(name=row.name, meaning=row.meaning, error=_complement(row.score), ratio=row.error_ratio)
            for row in self.rows
        )

    def section(self) -> Section:
        """Return a section of a page: the verdict, every difference, and the table."""
        every: tuple[Row | Condition, ...] = (*self.rows[1:], *self.conditions)
        differences = [(one.name, _known(one.difference)) for one in every]
        forest = Forest(
            title="What the circuit buys over each twin",
            x_label=f"{self.metric}: the model less its twin",
            rows=tuple(Interval(label=name, value=one.value, low=one.low, high=one.high) for name, one in differences),
            reference=0.0,
            caption=f"{self.seeds} seeds; the intervals hold for all twins at once. {self.endurance}",
        )
        columns, *rows = self._cells()
        table = Table(title="The model, its twins, and what they cost", columns=columns, rows=tuple(rows))
        text = Text(paragraphs=(self.verdict, *self.notes))
        return Section(title="Does the circuit pay?", figures=(text, forest, table))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "outcome": self.outcome,
            "verdict": self.verdict,
            "endurance": self.endurance,
            "metric": self.metric,
            "margin": self.margin,
            "seeds": self.seeds,
            "trials": self.trials,
            "rows": [_json(row) for row in self.rows],
            "conditions": [_json(one) for one in self.conditions],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        return "\n".join((*lines, "", self.verdict, self.endurance, *self.notes))

    @property
    def _equals(self) -> list[Row]:
        """The twins over which the gain is surely no more than the margin."""
        return [row for row in self.rows[1:] if _known(row.difference).high <= self.margin]

    def _cells(self) -> list[tuple[str, ...]]:
        head = ("", "in the circuit's place", self.metric, "model less this", "CPU s", "parameters")
        rows = [
            (
                row.name,
                row.meaning,
                _show(row.score, ""),
                _show(row.difference, "+"),
                f"{row.seconds:.3g}",
                "" if row.parameters is None else str(row.parameters),
            )
            for row in self.rows
        ]
        weakened = [
            (one.name, "the model, trained without", _show(one.score, ""), _show(one.difference, "+"), "", "")
            for one in self.conditions
        ]
        return [head, *rows, *weakened]


_PHRASES = {"pays": "The circuit pays", "does not pay": "The circuit does not pay"}


def _known(estimate: Estimate | None) -> Estimate:
    assert estimate is not None
    return estimate


def _show(estimate: Estimate | None, sign: str) -> str:
    if estimate is None:
        return ""
    return f"{estimate.value:{sign}.3f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"


def _complement(score: Estimate) -> Estimate:
    # Rounded: a mean of ones is not always one, and an error of 1e-16 is none.
    value, low, high = (round(1 - number, 12) for number in (score.value, score.high, score.low))
    return replace(score, value=value, low=low, high=high)


def _json(row: Row | Condition) -> dict[str, Any]:
    plain = {each.name: getattr(row, each.name) for each in fields(row)}
    return {name: one.to_json() if isinstance(one, Estimate) else one for name, one in plain.items()}
