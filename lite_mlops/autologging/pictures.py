"""Draws the stored numbers of a plot as one SVG element, for a file, a page or a notebook.

plot_svg(json.loads(project.runs.read_artifact(run, "plots/roc.json")))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lite_mlops.charts import (
    Line,
    bar_chart,
    line_chart,
    matrix_chart,
    point_chart,
    standing_alone,
)
from lite_mlops.errors import Invalid
from lite_mlops.tracking.keys import shown

Plot = Mapping[str, Any]

_MOST_BARS = 20


def _of(plot: Plot) -> list[Line]:
    return [Line(str(one["name"]), one["x"], one["y"]) for one in plot["series"]]


def _lines(plot: Plot) -> str:
    title = f"{plot['title']}: {plot['y']}"
    return line_chart(title, _of(plot), x=plot["x"], legend=True)


def _points(plot: Plot) -> str:
    return point_chart(plot["title"], _of(plot), x=plot["x"], y=plot["y"])


def _bars(plot: Plot) -> str:
    bars = [bar for one in plot["series"] for bar in zip(one["x"], one["y"], strict=True)]
    return bar_chart(f"{plot['title']}: {plot['y']}", bars[:_MOST_BARS])


def _matrix(plot: Plot) -> str:
    rows = plot["series"]
    columns = rows[0]["x"] if rows else []
    names, counts = [row["name"] for row in rows], [row["y"] for row in rows]
    return matrix_chart(plot["title"], names, columns, counts, sides=(plot["y"], plot["x"]))


_KINDS: dict[str, Callable[[Plot], str]] = {
    "lines": _lines,
    "points": _points,
    "bars": _bars,
    "matrix": _matrix,
}


def plot_svg(plot: Mapping[str, Any]) -> str:
    """Return the SVG of a plot in the form in which autologging stores it.

    Raises:
        Invalid: it is not in that form.
    """
    kind = plot.get("kind") if isinstance(plot, Mapping) else None
    if kind not in _KINDS:
        raise Invalid(f"a stored plot is of the kind {', '.join(_KINDS)}; {shown(kind)} is none.")
    try:
        return standing_alone(_KINDS[kind](plot))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise Invalid(f"this stored plot is not complete: {error!r}.") from None
