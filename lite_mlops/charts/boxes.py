"""Diagram: boxes in columns with lines between them, from what came first to what came last.

svg = diagram("Lineage of churn/3", [[Box("data", "a@1f", {"rows": 9})], [Box("run", "6b")]],
              [("a@1f", "6b", "training")], own="6b")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lite_mlops.charts.palette import palette_of
from lite_mlops.charts.picture import text

_WIDTH, _LINE, _PAD = 226, 16, 10
_GAP_X, _GAP_Y, _MARGIN = 110, 16, 14
_CHARACTERS = 31  # of one line in a box
_STYLE = (
    palette_of("diagram")
    + """.diagram text{fill:var(--text);font:12px system-ui,sans-serif}
.diagram .kind{fill:var(--soft);font-size:10px;letter-spacing:.06em}.diagram .id{font-weight:600}
.diagram .label{fill:var(--soft);font-size:10px}
.diagram .box{fill:var(--back);stroke:var(--past)}
.diagram .own .box{stroke:var(--accent);stroke-width:2}
.diagram .edge{fill:none;stroke:var(--past)}
"""
)


@dataclass(frozen=True)
class Box:
    """One box: what kind of thing it is, what it is called, and lines about it."""

    kind: str
    id: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"


def _lines(node: Box) -> list[str]:
    return [_short(f"{name} {value}") for name, value in node.facts.items()]


def _height(node: Box) -> int:
    return 2 * _PAD + _LINE * (2 + len(node.facts))


def _box(node: Box, x: int, y: int, *, own: bool) -> str:
    texts = [("kind", node.kind.upper()), ("id", _short(node.id))]
    texts += [("fact", line) for line in _lines(node)]
    drawn = "".join(
        f'<text class="{name}" x="{x + _PAD}" y="{y + _PAD + _LINE * place + 11}">'
        f"{text(words)}</text>"
        for place, (name, words) in enumerate(texts)
    )
    full = "; ".join([node.id, *(f"{name} {value}" for name, value in node.facts.items())])
    return (
        f"<g{' class=' + chr(34) + 'own' + chr(34) if own else ''}><title>{text(full)}"
        f'</title><rect class="box" x="{x}" y="{y}" width="{_WIDTH}" height="{_height(node)}" '
        f'rx="6"/>{drawn}</g>'
    )


def diagram(
    title: str,
    layers: Sequence[Sequence[Box]],
    edges: Iterable[tuple[str, str, str]],
    *,
    own: str | None = None,
) -> str:
    """Return boxes by column, and lines between them, as a self-contained SVG document.

    It is light or dark as the reader likes it. An edge is the id of a box, that of one in a later
    column, and a label; the box `own` is drawn apart from the others.
    """
    heights = [sum(_height(node) + _GAP_Y for node in layer) - _GAP_Y for layer in layers]
    tallest = max(heights, default=0)
    places: dict[str, tuple[int, int, int]] = {}
    boxes = []
    for column, (layer, height) in enumerate(zip(layers, heights, strict=True)):
        x = _MARGIN + column * (_WIDTH + _GAP_X)
        y = _MARGIN + (tallest - height) // 2
        for node in layer:
            boxes.append(_box(node, x, y, own=node.id == own))
            places[node.id] = (x, y, _height(node))
            y += _height(node) + _GAP_Y
    lines = []
    for source, target, label in edges:
        from_x, from_y, from_height = places[source]
        to_x, to_y, to_height = places[target]
        x1, y1 = from_x + _WIDTH, from_y + from_height // 2
        x2, y2 = to_x, to_y + to_height // 2
        bend = (x2 - x1) // 2
        lines.append(
            f'<path class="edge" d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'
            f'<text class="label" text-anchor="middle" x="{(x1 + x2) // 2}" '
            f'y="{(y1 + y2) // 2 - 5}">{text(_short(label))}</text>'
        )
    width = 2 * _MARGIN + len(layers) * (_WIDTH + _GAP_X) - _GAP_X
    name = text(title)
    return (
        f'<svg class="diagram" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} '
        f'{tallest + 2 * _MARGIN}" width="{width}" aria-label="{name}"><title>{name}</title>'
        f"<style>{_STYLE}</style>{''.join(lines)}{''.join(boxes)}</svg>\n"
    )
