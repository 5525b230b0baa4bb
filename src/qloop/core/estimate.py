"""`Estimate`: every number that qloop gives a user."""

from dataclasses import dataclass
from typing import Any

from qloop.core.errors import InvalidValueError


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with an interval, what the interval promises, what was seen of that promise, and flags.

    Args:
        value: the best single number.
        low: lower end of the interval.
        high: upper end of the interval.
        unit: unit of the three numbers, empty for a ratio.
        coverage: the share of cases the interval is meant to cover.
        checked: measured coverage over held-out worlds, `None` when it was not checked for this kind of number.
        flags: short reasons to doubt the number, empty when there are none.

    Raises:
        InvalidValueError: the interval is reversed or the coverage is not a share.
    """

    value: float
    low: float
    high: float
    unit: str = ""
    coverage: float = 0.9
    checked: float | None = None
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise InvalidValueError(f"`low` must not exceed `high`, got {self.low} and {self.high}.")
        if not 0 < self.coverage < 1:
            raise InvalidValueError(f"`coverage` must lie between 0 and 1, got {self.coverage}.")

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        flags = f" ({'; '.join(self.flags)})" if self.flags else ""
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]{unit}{flags}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; `from_json` is the inverse."""
        return {
            "value": self.value,
            "interval": [self.low, self.high],
            "unit": self.unit,
            "coverage": self.coverage,
            "checked": self.checked,
            "flags": list(self.flags),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Estimate":
        """Rebuild an estimate from `to_json`'s values."""
        low, high = data["interval"]
        rest = {key: data[key] for key in ("value", "unit", "coverage", "checked")}
        return cls(low=low, high=high, flags=tuple(data["flags"]), **rest)
