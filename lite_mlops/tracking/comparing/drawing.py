"""Curves of several runs in one picture, as inline SVG. Pure functions.

    chart("loss", [Line("baseline", steps, values), Line("deeper", steps, values)])

What is not finite is a gap in the line. Colours and dashes come from the classes `line-0`,
`line-1`, ... of the page around it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLOURS = 6  # further lines begin again
_WIDTH, _HEIGHT = 360, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 8, 10, 22  # room for the numbers


@dataclass(frozen=True, eq=False)
class Line:
    """The points of one run."""

    label: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]


def _placed(numbers: NDArray[Any], low: float, high: float) -> NDArray[np.float64]:
    """Return where numbers lie between `low` (0) and `high` (1)."""
    span = high / 2 - low / 2  # halved, as the whole may be more than a number can hold
    if span <= 0:
        return np.full(len(numbers), 0.5)
    return np.asarray((numbers / 2 - low / 2) / span)


def _path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """Return the path through points; one that stands alone becomes a dot."""
    parts: list[str] = []
    apart = True
    for across, up in zip(x.tolist(), y.tolist(), strict=True):
        if up != up:
            apart = True
            continue
        parts.append(f"M{across:.1f} {up:.1f}h0" if apart else f"L{across:.1f} {up:.1f}")
        apart = False
    return "".join(parts)


def chart(title: str, lines: Sequence[Line | None]) -> str:
    """Return the curves as an `svg` element with title and description.

    A run without points is None; the others keep the colours of their places.
    """
    drawn = [(number, line) for number, line in enumerate(lines) if line is not None]
    steps = np.concatenate([line.steps for _, line in drawn]).astype(np.float64)
    values = np.concatenate([line.values for _, line in drawn])
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    first, last = float(steps.min()), float(steps.max())
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    paths = []
    for number, line in drawn:
        x = _LEFT + _placed(line.steps, first, last) * (right - _LEFT)
        known = np.where(np.isfinite(line.values), line.values, np.nan)
        y = bottom - _placed(known, low, high) * (bottom - _TOP)
        y[np.isnan(known)] = np.nan
        paths.append(f'<path class="line line-{number % COLOURS}" d="{_path(x, y)}"/>')
    told = "; ".join(f"{line.label}: {_told(line.values)}" for _, line in drawn)
    marks = [
        (_LEFT - 6, _TOP + 4, "end", f"{high:.4g}"),
        (_LEFT - 6, bottom + 4, "end", f"{low:.4g}"),
        (_LEFT, _HEIGHT - 4, "start", f"{first:.0f}"),
        (right, _HEIGHT - 4, "end", f"{last:.0f}"),
        ((_LEFT + right) // 2, _HEIGHT - 4, "middle", "step"),
    ]
    texts = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>'
        for x, y, anchor, text in marks
    )
    name = html.escape(title)
    return (
        f'<svg role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-label="{name}">'
        f"<title>{name}</title><desc>{html.escape(told)}</desc>"
        f'<path class="axes" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>{"".join(paths)}{texts}</svg>'
    )


def _told(values: NDArray[np.float64]) -> str:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "no finite value"
    return (
        f"starts at {finite[0]:.4g}, ends at {finite[-1]:.4g}, "
        f"lowest {finite.min():.4g}, highest {finite.max():.4g}"
    )
