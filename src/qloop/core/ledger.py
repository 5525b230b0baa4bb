"""The ledger: a line per part that says what it did, what it cost and what it bought."""

from dataclasses import dataclass
from typing import Any, Literal

from qloop.core.estimate import Estimate

Stage = Literal["prepare", "design", "execute", "correct", "interpret"]
Nature = Literal["learns", "searches", "textbook"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One switchable part of a loop.

    Args:
        name: the switch's name.
        stage: where in the loop it acts.
        nature: whether it learns from data, searches, or is a textbook method.
        does: one clause, what it does.
        off: one clause, what stands in its place when it is switched off.
        references: one line each, with the arXiv number; empty for our own.
    """

    name: str
    stage: Stage
    nature: Nature
    does: str
    off: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A part's own yardstick, next to what it bought in the end.

    Args:
        name: what is measured, for example ``"two-qubit gates, off / on"``.
        estimate: the number, with its interval over paired repeats where it has one.
    """

    name: str
    estimate: Estimate


@dataclass(frozen=True, kw_only=True)
class LedgerLine:
    """What one part did for one answer.

    Args:
        part: the part.
        on: whether the answer used it.
        gain: error with the part off over error with it on, everything else on; above 1 the part helps.
        added: error of the all-off level over its error with only this part on; `None` when not measured.
        metrics: the part's own yardsticks.
        seconds: time spent in it.
        shots: shots spent on it.
        gates: two-qubit gates it saves (positive) or adds (negative).
    """

    part: Part
    on: bool
    gain: Estimate | None = None
    added: Estimate | None = None
    metrics: tuple[Metric, ...] = ()
    seconds: float = 0.0
    shots: int = 0
    gates: int = 0


@dataclass(frozen=True, kw_only=True)
class Level:
    """A whole configuration beside the answer: all off, a conventional recipe, a classical twin, a control.

    Args:
        name: short name.
        meaning: one clause, what it is.
        error: its error, in the task's unit.
        ratio: its error over the answer's, paired; `None` for the answer itself.
    """

    name: str
    meaning: str
    error: Estimate
    ratio: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """All lines of one answer and the levels they are read against.

    Args:
        lines: one per part.
        levels: the answer itself first, then off levels, twins and controls.
        error_name: what the gains are ratios of, for example ``"RMSE against FCI"``.
        repeats: how many paired repeats the intervals rest on.
    """

    lines: tuple[LedgerLine, ...]
    levels: tuple[Level, ...] = ()
    error_name: str = "error"
    repeats: int = 0

    def references(self) -> tuple[str, ...]:
        """Return the references of the parts that were on, each once, in order."""
        return tuple(dict.fromkeys(ref for line in self.lines if line.on for ref in line.part.references))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; `from_json` is the inverse."""
        return {
            "error_name": self.error_name,
            "repeats": self.repeats,
            "lines": [_line_json(line) for line in self.lines],
            "levels": [
                {
                    "name": level.name,
                    "meaning": level.meaning,
                    "error": level.error.to_json(),
                    "ratio": _optional_json(level.ratio),
                }
                for level in self.levels
            ],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Ledger":
        """Rebuild a ledger from `to_json`'s values."""
        return cls(
            error_name=data["error_name"],
            repeats=data["repeats"],
            lines=tuple(_line_from_json(line) for line in data["lines"]),
            levels=tuple(
                Level(
                    name=level["name"],
                    meaning=level["meaning"],
                    error=Estimate.from_json(level["error"]),
                    ratio=_optional_from_json(level["ratio"]),
                )
                for level in data["levels"]
            ),
        )


def _optional_json(estimate: Estimate | None) -> dict[str, Any] | None:
    return None if estimate is None else estimate.to_json()


def _optional_from_json(data: dict[str, Any] | None) -> Estimate | None:
    return None if data is None else Estimate.from_json(data)


def _line_json(line: LedgerLine) -> dict[str, Any]:
    part = line.part
    return {
        "part": part.name,
        "stage": part.stage,
        "nature": part.nature,
        "does": part.does,
        "off": part.off,
        "on": line.on,
        "gain": None if line.gain is None else line.gain.value,
        "gain_interval": None if line.gain is None else [line.gain.low, line.gain.high],
        "gain_estimate": _optional_json(line.gain),
        "added": _optional_json(line.added),
        "metrics": [{"name": metric.name, "estimate": metric.estimate.to_json()} for metric in line.metrics],
        "seconds": line.seconds,
        "shots": line.shots,
        "gates": line.gates,
        "references": list(part.references),
    }


def _line_from_json(data: dict[str, Any]) -> LedgerLine:
    return LedgerLine(
        part=Part(
            name=data["part"],
            stage=data["stage"],
            nature=data["nature"],
            does=data["does"],
            off=data["off"],
            references=tuple(data["references"]),
        ),
        on=data["on"],
        gain=_optional_from_json(data["gain_estimate"]),
        added=_optional_from_json(data["added"]),
        metrics=tuple(
            Metric(name=metric["name"], estimate=Estimate.from_json(metric["estimate"])) for metric in data["metrics"]
        ),
        seconds=data["seconds"],
        shots=data["shots"],
        gates=data["gates"],
    )
