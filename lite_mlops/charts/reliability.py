"""Reliability diagram: does what is given a probability come true as often?

It is that of DeGroot and Fienberg (1983).

reliability_diagram("calibration", [Reliability(0.25, 0.31, 0.24, 0.39, 143)])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lite_mlops.charts.picture import Scale, label, picture, short

_WIDTH, _HEIGHT = 300, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 8, 36
_STRIP = 26


@dataclass(frozen=True)
class Reliability:
    """A bin of predictions: mean probability, share that came true with its interval, rows."""

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


def reliability_diagram(title: str, bins: Sequence[Reliability]) -> str:
    """Return observed against predicted, with the diagonal of a calibrated model.

    Bars at the foot are the rows of the bins.
    """
    floor = _HEIGHT - _BOTTOM
    across = Scale(0, 1, _LEFT, _WIDTH - _RIGHT)
    up = Scale(0, 1, floor, _TOP)
    parts = []
    most = max((one.rows for one in bins), default=0) or 1
    for one in bins:
        tall = max(one.rows / most * _STRIP, 0.8)
        parts.append(
            f'<rect class="past" x="{across(one.predicted) - 5:.1f}" y="{floor - tall:.1f}" '
            f'width="10" height="{tall:.1f}"><title>{one.rows:,} rows</title></rect>'
        )
    for number in (0, 0.5, 1):
        parts.append(f'<path class="grid" d="M{_LEFT} {up(number):.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(label(_LEFT - 6, up(number) + 4, short(number), "end"))
        parts.append(label(across(number), floor + 15, short(number)))
    parts.append(f'<path class="axes" d="M{_LEFT} {_TOP}V{floor}H{_WIDTH - _RIGHT}"/>')
    parts.append(f'<path class="diagonal" d="M{_LEFT} {floor}L{_WIDTH - _RIGHT} {_TOP}"/>')
    parts.append(label((_LEFT + _WIDTH) / 2, _HEIGHT - 5, "predicted probability"))
    strokes = "".join(
        f"M{across(one.predicted):.1f} {up(one.low):.1f}V{up(one.high):.1f}" for one in bins
    )
    if strokes:
        parts.append(f'<path class="line thin line-0" d="{strokes}"/>')
    points = [f"{across(one.predicted):.1f} {up(one.observed):.1f}" for one in bins]
    if points:
        parts.append(f'<path class="line line-0" d="M{"L".join(points)}"/>')
    parts += [
        f'<circle class="fill-0" cx="{across(one.predicted):.1f}" cy="{up(one.observed):.1f}" '
        f'r="3"/>'
        for one in bins
    ]
    told = "; ".join(
        f"predicted {one.predicted:.2f}, came true {one.observed:.2f} "
        f"({one.low:.2f} to {one.high:.2f}), {one.rows:,} rows"
        for one in bins
    )
    return picture(title, _WIDTH, _HEIGHT, parts, told=told, kind="square")
