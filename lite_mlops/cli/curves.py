"""Metric curves as text: values become lines of characters. Pure functions.

    for line in curve([1.0, 0.5, 0.3, 0.25], width=40, height=4):
        print(line)

Each character of Braille holds two by four dots. The highest value stands beside the top line, the
lowest beside the bottom one. Values that are not finite are gaps. `plain` draws with `_`, `-`, `^`
and `|` (for more than one of them) for terminals whose encoding has no Braille.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

MIN_PLOT = 4  # columns; narrower, the numbers beside it are left out

SAMPLE = 320  # points that are enough: four for each character of 80
DRAWN_WITH = "⣿┤"  # what the encoding must have unless `plain`

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a character, downwards
_LEVELS = "^-_"  # of a plain character, downwards

Column = tuple[float, float]  # the lowest and the highest of a column, from 0 to 1


def curve(
    values: Sequence[float],
    width: int,
    height: int,
    *,
    steps: Sequence[float] | None = None,
    plain: bool = False,
) -> list[str]:
    """Return `height` lines of at most `width` characters that show the curve of `values`.

    `steps` say where the values lie, rising; default: at equal distances.

    Raises:
        ValueError: there is no room, or as many steps as values are not there.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a curve needs room; it has {width} x {height} characters.")
    places = list(range(len(values)) if steps is None else steps)
    if len(places) != len(values):
        raise ValueError(f"there are {len(places)} steps for {len(values)} values.")
    points = [
        (place, value)
        for place, value in zip(places, values, strict=True)
        if math.isfinite(value) and math.isfinite(place)
    ]
    if not points:
        return ["no finite value"[:width], *[""] * (height - 1)]
    low, high = min(v for _, v in points), max(v for _, v in points)
    labels = _labels(low, high, height)
    beside = max(map(len, labels)) + 2
    if width - beside < MIN_PLOT:
        labels, beside = [], 0
    across, down = (1, len(_LEVELS)) if plain else (2, 4)
    columns = _columns(places, values, (width - beside) * across, (low, high))
    lines = _drawn(columns, height, down, plain=plain)
    if not labels:
        return lines
    axis = "|" if plain else "┤"
    return [
        f"{label:>{beside - 2}} {axis}{line}" for label, line in zip(labels, lines, strict=True)
    ]


def _labels(low: float, high: float, height: int) -> list[str]:
    """Return what stands beside each line: the ends of the range."""
    labels = [""] * height
    if low == high:
        labels[height // 2] = f"{low:.4g}"
    elif height == 1:
        labels[0] = f"{low:.4g} to {high:.4g}"
    else:
        labels[0], labels[-1] = f"{high:.4g}", f"{low:.4g}"
    return labels


def _share(number: float, low: float, high: float) -> float:
    """Return where a number lies between two; halved, as the whole range may not fit a float."""
    span = high / 2 - low / 2
    return min(max((number / 2 - low / 2) / span, 0.0), 1.0) if span > 0 else 0.5


def _columns(
    places: Sequence[float], values: Sequence[float], count: int, ends: Column
) -> list[Column | None]:
    """Return the range that the curve covers in each of `count` columns; None where it is not."""
    known = [place for place in places if math.isfinite(place)]
    first, last = min(known), max(known)
    columns: list[Column | None] = [None] * count
    before: tuple[int, float] | None = None
    for place, value in zip(places, values, strict=True):
        if not (math.isfinite(value) and math.isfinite(place)):
            before = None
            continue
        at = round(_share(place, first, last) * (count - 1)) if first < last else 0
        level = _share(value, *ends)
        start, former = before or (at, level)
        for column in range(start, at + 1):  # the line from the point before
            way = (column - start) / (at - start) if at > start else 1.0
            between = former + (level - former) * way
            lowest, highest = columns[column] or (between, between)
            columns[column] = min(lowest, between), max(highest, between)
        before = at, level
    return columns


def _drawn(columns: list[Column | None], height: int, down: int, *, plain: bool) -> list[str]:
    """Return the lines of a picture in which each column fills the dots between its ends."""
    rows = height * down - 1
    across = 1 if plain else 2
    cells = [[0] * (len(columns) // across) for _ in range(height)]
    before: tuple[int, int] | None = None
    for number, column in enumerate(columns):
        if column is None:
            before = None
            continue
        top, bottom = (int((1 - level) * rows + 0.5) for level in reversed(column))
        if before is not None:  # a steep line hangs together
            top, bottom = min(top, before[1] + 1), max(bottom, before[0] - 1)
        for row in range(top, bottom + 1):
            cells[row // down][number // across] |= (
                1 << row % down if plain else _DOTS[number % across][row % down]
            )
        before = top, bottom
    if plain:
        kinds = [[mark for row, mark in enumerate(_LEVELS) if bits >> row & 1] for bits in range(8)]
        marks = "".join(kind[0] if len(kind) == 1 else "|" if kind else " " for kind in kinds)
    else:
        marks = " " + "".join(chr(_BRAILLE | bits) for bits in range(1, 256))
    return ["".join(marks[bits] for bits in line).rstrip() for line in cells]
