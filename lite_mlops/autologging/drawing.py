"""Draws the stored numbers of a plot as one SVG element, for a page or a notebook.

plot_svg(json.loads(project.runs.read_artifact(run, "plots/roc.json")))
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.tracking.keys import shown

_WIDTH, _HEIGHT, _EDGE = 480, 320, 48
_COLORS = ("#3b6fb5", "#c8553d", "#4f9d69", "#8d6cab", "#b5893b", "#5b7c8d")


def _text(x: float, y: float, text: object, anchor: str = "middle") -> str:
    short = str(text) if len(str(text)) <= 24 else f"{str(text)[:23]}…"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(short)}</text>'


def _limits(series: Sequence[Mapping[str, Any]], axis: str) -> tuple[float, float]:
    values = [value for one in series for value in one[axis] if value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    some = 0.5 * max(abs(low), 1.0)
    return (low, high) if high > low else (low - some, high + some)


def _scaled(values: Sequence[float], low: float, high: float, start: float, end: float) -> Any:
    return [start + (value - low) / (high - low) * (end - start) for value in values]


def _curves(plot: Mapping[str, Any]) -> list[str]:
    series = plot["series"]
    left, right = _limits(series, "x")
    low, high = _limits(series, "y")
    parts = [
        _text(_EDGE, _HEIGHT - 30, f"{left:.4g}"),
        _text(_WIDTH - _EDGE, _HEIGHT - 30, f"{right:.4g}"),
        _text(_EDGE - 6, _HEIGHT - _EDGE, f"{low:.4g}", "end"),
        _text(_EDGE - 6, _EDGE, f"{high:.4g}", "end"),
    ]
    for number, one in enumerate(series):
        color = _COLORS[number % len(_COLORS)]
        xs = _scaled(one["x"], left, right, _EDGE, _WIDTH - _EDGE)
        ys = _scaled(one["y"], low, high, _HEIGHT - _EDGE, _EDGE)
        title = f"<title>{html.escape(str(one['name']))}</title>"
        if plot["kind"] == "lines":
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
            parts.append(f'<polyline points="{points}" fill="none" stroke="{color}">{title}')
            parts.append("</polyline>")
        else:
            dots = "".join(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in zip(xs, ys, strict=True)
            )
            parts.append(f'<g fill="{color}">{title}{dots}</g>')
    return parts


def _bars(plot: Mapping[str, Any]) -> list[str]:
    parts = []
    for one in plot["series"]:
        shown_bars = list(zip(one["x"], one["y"], strict=True))[:12]
        most = max((abs(value) for _, value in shown_bars), default=0.0) or 1.0
        height = (_HEIGHT - 2 * _EDGE) / max(len(shown_bars), 1)
        for number, (name, value) in enumerate(shown_bars):
            top = _EDGE + number * height
            width = abs(value) / most * (_WIDTH - 4 * _EDGE)
            parts.append(
                f'<rect x="{3 * _EDGE}" y="{top:.1f}" width="{width:.1f}" '
                f'height="{0.8 * height:.1f}" fill="{_COLORS[value < 0]}">'
                f"<title>{value:.6g}</title></rect>"
            )
            parts.append(_text(3 * _EDGE - 6, top + 0.6 * height, name, "end"))
    return parts


def _matrix(plot: Mapping[str, Any]) -> list[str]:
    rows = plot["series"]
    most = max((value for row in rows for value in row["y"]), default=0) or 1
    width = (_WIDTH - 3 * _EDGE) / max(len(rows), 1)
    height = (_HEIGHT - 2.5 * _EDGE) / max(len(rows), 1)
    parts = []
    for number, row in enumerate(rows):
        top = _EDGE + number * height
        parts.append(_text(2 * _EDGE - 6, top + 0.6 * height, row["name"], "end"))
        for place, value in enumerate(row["y"]):
            x = 2 * _EDGE + place * width
            parts.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
                f'fill="{_COLORS[0]}" fill-opacity="{0.1 + 0.6 * value / most:.2f}"/>'
            )
            parts.append(_text(x + width / 2, top + 0.6 * height, value))
            if number == 0:
                parts.append(_text(x + width / 2, _HEIGHT - 1.25 * _EDGE, row["x"][place]))
    return parts


_KINDS = {"lines": _curves, "points": _curves, "bars": _bars, "matrix": _matrix}


def plot_svg(plot: Mapping[str, Any]) -> str:
    """Return the SVG of a plot in the form in which autologging stores it.

    Raises:
        Invalid: it is not in that form.
    """
    kind = plot.get("kind") if isinstance(plot, Mapping) else None
    if kind not in _KINDS:
        raise Invalid(f"a stored plot is of the kind {', '.join(_KINDS)}; {shown(kind)} is none.")
    try:
        parts = [
            _text(_WIDTH / 2, 24, plot["title"]),
            _text(_WIDTH / 2, _HEIGHT - 10, plot["x"]),
            *_KINDS[kind](plot),
        ]
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise Invalid(f"this stored plot is not complete: {error!r}.") from None
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="11">{"".join(parts)}</svg>'
    )
