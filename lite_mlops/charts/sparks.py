"""A line so small that it stands in a table.

sparkline("effect of age over 12 windows", [0.2, 0.4, None, 1.3], limit=1.0)
"""

from __future__ import annotations

from collections.abc import Sequence

from lite_mlops.charts.picture import Number, Scale, known, picture, short

_WIDTH, _HEIGHT = 96, 26


def sparkline(
    title: str,
    values: Sequence[Number],
    *,
    limit: float | None = None,
    marked: Sequence[bool] = (),
) -> str:
    """Return the values from zero up, with a dot at the marked ones, and the limit as dashes."""
    numbers = known(values)
    # Chance alone stays low in the picture.
    top = max([*numbers, 3 * (limit or 0.0), 1e-12]) * 1.05
    bottom = min([0.0, *numbers])
    up = Scale(bottom, top, _HEIGHT - 3, 3)
    across = Scale(0, max(len(values) - 1, 1), 3, _WIDTH - 4)
    parts, path, dots, apart = [], [], "", True
    for place, value in enumerate(values):
        if not known([value]):
            apart = True
            continue
        assert value is not None
        at = f"{across(place):.1f} {up(value):.1f}"
        path.append(f"M{at}h0" if apart else f"L{at}")
        apart = False
        if place < len(marked) and marked[place]:
            dots += (
                f'<circle class="fill-1" cx="{across(place):.1f}" cy="{up(value):.1f}" r="2.2"/>'
            )
    if limit is not None:
        parts.append(f'<path class="limit" d="M0 {up(limit):.1f}H{_WIDTH}"/>')
    if path:
        parts.append(f'<path class="line line-0" d="{"".join(path)}"/>')
        parts.append(dots)
    told = "no value" if not numbers else ", ".join(map(short, numbers[-6:]))
    return picture(f"{title}: {told}", _WIDTH, _HEIGHT, parts, kind="mini")


def spark_words(values: Sequence[Number]) -> str:
    """Return the values from zero up as a line of characters, and the last one as a number."""
    numbers = known(values)
    if not numbers:
        return "no value"
    top = max(*numbers, 0.0) or 1.0
    steps = "▁▂▃▄▅▆▇█"
    drawn = (
        steps[min(max(int(one[0] / top * len(steps)), 0), len(steps) - 1)] if one else " "
        for one in (known([value]) for value in values)
    )
    return f"{''.join(drawn)} {short(numbers[-1])}"
