"""Values with their intervals under each other, against one that they are compared with.

estimate_chart("accuracy by city", [Estimate("Oslo", 0.91, 0.88, 0.94, "412 rows")], against=0.9)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lite_mlops.charts.picture import Scale, known, label, picture, range_of, short, ticks

_WIDTH = 360
_NAMES, _NOTES = 110, 74
_ROW = 20


@dataclass(frozen=True)
class Estimate:
    """A value of one group with its interval; a hollow one rests on too little to judge."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    hollow: bool = False


def estimate_chart(
    title: str, estimates: Sequence[Estimate], *, against: float | None = None
) -> str:
    """Return a dot with its interval for each group, and the value that it is held against."""
    numbers = known(v for one in estimates for v in (one.value, one.low, one.high, against))
    round_ones = ticks(*range_of(numbers))
    across = Scale(round_ones[0], round_ones[-1], _NAMES, _WIDTH - _NOTES)
    floor = 4 + max(len(estimates), 1) * _ROW
    parts = []
    for number in round_ones:
        x = across(number)
        parts.append(f'<path class="grid" d="M{x:.1f} 4V{floor}"/>')
    ends = sorted({round_ones[0], round_ones[-1]})
    parts += [label(across(number), floor + 14, short(number)) for number in ends]
    if against is not None:
        parts.append(f'<path class="mark" d="M{across(against):.1f} 0V{floor}"/>')
    for place, one in enumerate(estimates):
        y = 4 + (place + 0.5) * _ROW
        parts.append(label(_NAMES - 10, y + 4, one.name, "end", longest=17))
        parts.append(label(_WIDTH - _NOTES + 8, y + 4, one.note, "start", longest=12))
        parts.append(_estimate(one, across, y))
    told = "; ".join(map(_told, estimates))
    return picture(title, _WIDTH, floor + 20, parts, told=told)


def _estimate(one: Estimate, across: Scale, y: float) -> str:
    drawn = ""
    low, high = known([one.low]), known([one.high])
    if low and high:
        drawn = (
            f'<path class="line thin line-0" d="M{across(low[0]):.1f} {y}H{across(high[0]):.1f}"/>'
        )
    for value in known([one.value]):
        kind = "hollow edge-0" if one.hollow else "fill-0"
        drawn += f'<circle class="{kind}" cx="{across(value):.1f}" cy="{y}" r="3.4"/>'
    return drawn


def _told(one: Estimate) -> str:
    if one.value is None:
        return f"{one.name}: not known"
    interval = "" if None in (one.low, one.high) else f" ({one.low:.4g} to {one.high:.4g})"
    return f"{one.name}: {short(one.value)}{interval}{f', {one.note}' if one.note else ''}"
