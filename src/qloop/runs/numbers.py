"""Numbers as a reader wants them: three digits, thousands apart, powers of ten where zeros would have to be counted."""

import math
import re
from collections.abc import Sequence

MINUS, TIMES, NOTHING = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWERS = frozenset("⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_number(value: float, digits: int = 3) -> str:
    """Return a number with that many significant digits; whole numbers below a million keep all of theirs.

    >>> format_number(0.0123456), format_number(-123456), format_number(2.5e-7), format_number(float("nan"))
    ('0.0123', '−123,456', '2.5×10⁻⁷', '–')
    """
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}".replace("-", MINUS)
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if -5 < exponent < 6:
        return f"{value:,.{max(0, digits - 1 - exponent)}f}".replace("-", MINUS)
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    text = f"{mantissa}{TIMES}10{str(exponent).translate(_SUPERSCRIPTS)}"
    return re.sub(f"^(-?)1{TIMES}", r"\1", text).replace("-", MINUS)


def format_tick(value: float) -> str:
    """Return the shortest text of a number on an axis.

    >>> format_tick(2.5), format_tick(0.1 + 0.2), format_tick(2e-7)
    ('2.5', '0.3', '2×10⁻⁷')
    """
    text = format_number(value, 6)
    return text.rstrip("0").rstrip(".") if "." in text and TIMES not in text else text


def format_ticks(values: Sequence[float]) -> list[str]:
    """Return the texts of evenly spaced numbers, all with as many decimals.

    >>> format_ticks([0.0, 0.25, 0.1 + 0.2])
    ['0.00', '0.25', '0.30']
    """
    texts = [format_tick(value) for value in values]
    if not _POWERS.isdisjoint("".join(texts)):
        return texts
    decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
    return [f"{value:,.{decimals}f}".replace("-", MINUS) for value in values]


def format_interval(value: float, low: float, high: float) -> tuple[str, str]:
    """Return a value and its interval with the decimals that resolve an eighth of the interval's width.

    Across more than a decade every number keeps two digits of its own.

    >>> format_interval(-7.87951, -7.8843, -7.8747), format_interval(94.2, 81.3, 108.4), format_interval(2.0, 2.0, 2.0)
    (('−7.880', '[−7.884, −7.875]'), ('94', '[81, 108]'), ('2', ''))
    """
    if low == high:
        return format_number(value, 4), ""
    numbers = (value, low, high)
    alike = all(map(math.isfinite, numbers)) and 1e-4 < max(map(abs, numbers)) < 1e9 and not 0 < 10 * low < high
    if alike:
        decimals = min(max(0, math.ceil(math.log10(8 / (high - low)))), 12)
        texts = [f"{number:,.{decimals}f}".replace("-", MINUS) for number in numbers]
    else:
        texts = [format_number(number, 2) for number in numbers]
    return texts[0], f"[{texts[1]}, {texts[2]}]"
