"""What every chart is made of: the element, escaped texts, scales, and round numbers on axes."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lite_mlops.htmltext import visible

Number = float | None

_TICKS = 4
_DAY = 86_400


def text(value: object, longest: int | None = None) -> str:
    """Return a value as text in SVG, escaped, and shortened if it is too long."""
    words = visible(str(value)).replace("\n", " ")
    if longest is not None and len(words) > longest:
        words = f"{words[: longest - 1]}…"
    return html.escape(words)


def label(x: float, y: float, words: object, anchor: str = "middle", *, longest: int = 24) -> str:
    """Return a text at a place."""
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.4g}" y="{y:.4g}"{side}>{text(words, longest)}</text>'


def picture(
    title: str, width: float, height: float, parts: Iterable[str], *, told: str = "", kind: str = ""
) -> str:
    """Return the `svg` element; `told` says in words what is to be seen."""
    more = f"<desc>{text(told)}</desc>" if told else ""
    kinds = f"chart {kind}".strip()
    return (
        f'<svg class="{kinds}" role="img" viewBox="0 0 {width:g} {height:g}">'
        f"<title>{text(title)}</title>{more}{''.join(parts)}</svg>"
    )


def known(numbers: Iterable[Number]) -> list[float]:
    """Return the numbers that are there and finite."""
    return [one for one in numbers if one is not None and math.isfinite(one)]


def short(number: float) -> str:
    """Return a number as it stands at an axis: 0.25, 25k, 1.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= abs(number) < 1e12:
            return f"{number / (1e3 if unit == 'k' else size):.4g}{unit}"
    return f"{number:.4g}"


@dataclass(frozen=True)
class Scale:
    """Where numbers from `low` to `high` lie between the places `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, number: float) -> float:
        """Return the place of a number; all of them in the middle if there is no range."""
        # Halved, as the range of two very large numbers may be too large for one.
        span = self.high / 2 - self.low / 2
        share = 0.5 if span <= 0 else (number / 2 - self.low / 2) / span
        return self.start + share * (self.end - self.start)


def range_of(numbers: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest; 0 and 0 of none."""
    return (min(numbers), max(numbers)) if numbers else (0.0, 0.0)


def ticks(low: float, high: float) -> list[float]:
    """Return about four round numbers that enclose a range.

    Where there are no such, because it is empty or beyond what numbers can divide, its ends.
    """
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return sorted({low, high})
    largest = max(abs(low), abs(high))
    if span < largest * 1e-12 or span < 1e-300:
        return [low, high]
    rough = span / (_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * size for size in (1, 2, 2.5, 5, 10) if power * size >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if not math.isfinite(first * step) or not math.isfinite(last * step):
        return [low, high]
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def moments(first: float, last: float) -> list[tuple[float, str]]:
    """Return seconds since 1970 and how they are written at an axis, first and last among them."""
    form, count = ("%m-%d", 4) if last - first >= 3 * _DAY else ("%m-%d %H:%M", 3)
    if last - first >= 300 * _DAY:
        form, count = "%Y-%m-%d", 3
    if last - first < 600:
        form, count = "%H:%M:%S", 3
    count = count if last > first else 1
    found = [first + (last - first) * place / max(count - 1, 1) for place in range(count)]
    return [(at, datetime.fromtimestamp(at, UTC).strftime(form)) for at in found]
