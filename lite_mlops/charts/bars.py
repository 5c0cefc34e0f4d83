"""Bars with names, and counts as a matrix.

bar_chart("Importances", [("age", 0.4), ("income", 0.1)])
matrix_chart("Confusion matrix", ["no", "yes"], ["no", "yes"], [[120, 3], [8, 150]])
"""

from __future__ import annotations

from collections.abc import Sequence

from lite_mlops.charts.picture import label, picture, short, text

_WIDTH = 360
_NAMES = 130
_BAR = 18
_CELL = 34


def bar_chart(title: str, bars: Sequence[tuple[str, float]]) -> str:
    """Return a bar for each name; those of numbers below zero have another colour."""
    most = max((abs(value) for _, value in bars), default=0.0) or 1.0
    room = _WIDTH - _NAMES - 56
    parts = []
    for number, (name, value) in enumerate(bars):
        top = number * _BAR + 4
        width = max(abs(value) / most * room, 1.0)
        parts.append(label(_NAMES - 6, top + 11, name, "end", longest=20))
        parts.append(
            f'<rect class="fill-{int(value < 0)}" x="{_NAMES}" y="{top}" width="{width:.1f}" '
            f'height="{_BAR - 5}" rx="1"><title>{text(name)}: {short(value)}</title></rect>'
        )
        parts.append(label(_NAMES + width + 5, top + 11, short(value), "start"))
    told = ", ".join(f"{name} {short(value)}" for name, value in bars)
    return picture(title, _WIDTH, max(len(bars), 1) * _BAR + 8, parts, told=told)


def matrix_chart(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    counts: Sequence[Sequence[float]],
    *,
    sides: tuple[str, str] = ("true", "predicted"),
) -> str:
    """Return counts as cells that are the darker the more there are."""
    most = max((value for row in counts for value in row), default=0) or 1
    left, top = 90, 40
    wide = (_WIDTH - left - 8) / max(len(columns), 1)
    letters = max(int(wide / 7), 3)
    parts = [label(left + (_WIDTH - left - 8) / 2, 14, sides[1]), label(6, 32, sides[0], "start")]
    parts += [
        label(left + (place + 0.5) * wide, 32, name, longest=letters)
        for place, name in enumerate(columns)
    ]
    for line, (name, row) in enumerate(zip(rows, counts, strict=True)):
        y = top + line * _CELL
        parts.append(label(left - 8, y + _CELL / 2 + 4, name, "end", longest=13))
        for place, value in enumerate(row):
            x = left + place * wide
            # As pale as leaves the number on it readable, on light and on dark.
            parts.append(
                f'<rect class="fill-0" x="{x:.1f}" y="{y}" width="{wide - 1:.1f}" '
                f'height="{_CELL - 1}" fill-opacity="{0.06 + 0.4 * value / most:.2f}"/>'
                f'<text class="strong" x="{x + wide / 2:.1f}" y="{y + _CELL / 2 + 4}" '
                f'text-anchor="middle">{text(value, letters)}</text>'
            )
    lines = (", ".join(f"{c} {v}" for c, v in zip(columns, row, strict=True)) for row in counts)
    told = "; ".join(f"{name}: {line}" for name, line in zip(rows, lines, strict=True))
    return picture(title, _WIDTH, top + max(len(rows), 1) * _CELL + 4, parts, told=told)
