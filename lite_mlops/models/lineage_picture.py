"""The picture of a lineage: boxes in columns, from what came first to what came last. Pure."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lite_mlops.models.lineage import Lineage, Node

_WIDTH, _LINE, _PAD = 226, 16, 10
_GAP_X, _GAP_Y, _MARGIN = 110, 16, 14
_CHARACTERS = 31  # of one line in a box
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}.kind{fill:#656d76;font-size:10px;"
    "letter-spacing:.06em}.id{font-weight:600}.box{fill:#fff;stroke:#d0d7de}"
    ".own .box{stroke:#0969da;stroke-width:2}.edge{fill:none;stroke:#8c959f}"
    ".label{fill:#656d76;font-size:10px}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.kind,.label{fill:#9198a1}"
    ".box{fill:#161b22;stroke:#3d444d}.own .box{stroke:#4493f8}.edge{stroke:#656c76}}"
)


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"


def _lines(node: Node) -> list[str]:
    return [_short(f"{name} {value}") for name, value in node.facts.items()]


def _height(node: Node) -> int:
    return 2 * _PAD + _LINE * (2 + len(node.facts))


def _box(node: Node, x: int, y: int, *, own: bool) -> str:
    texts = [("kind", node.kind.upper()), ("id", _short(node.id))]
    texts += [("fact", line) for line in _lines(node)]
    drawn = "".join(
        f'<text class="{name}" x="{x + _PAD}" y="{y + _PAD + _LINE * place + 11}">'
        f"{html.escape(text)}</text>"
        for place, (name, text) in enumerate(texts)
    )
    full = "; ".join([node.id, *(f"{name} {value}" for name, value in node.facts.items())])
    return (
        f"<g{' class=' + chr(34) + 'own' + chr(34) if own else ''}><title>{html.escape(full)}"
        f'</title><rect class="box" x="{x}" y="{y}" width="{_WIDTH}" height="{_height(node)}" '
        f'rx="6"/>{drawn}</g>'
    )


def picture(lineage: Lineage) -> str:
    """Return the lineage as a self-contained SVG document, light or dark as the reader likes it."""
    layers = lineage.layers()
    heights = [sum(_height(node) + _GAP_Y for node in layer) - _GAP_Y for layer in layers]
    tallest = max(heights)
    places: dict[str, tuple[int, int, int]] = {}
    boxes = []
    for column, (layer, height) in enumerate(zip(layers, heights, strict=True)):
        x = _MARGIN + column * (_WIDTH + _GAP_X)
        y = _MARGIN + (tallest - height) // 2
        for node in layer:
            boxes.append(_box(node, x, y, own=node.id == lineage.of))
            places[node.id] = (x, y, _height(node))
            y += _height(node) + _GAP_Y
    edges = []
    for edge in lineage.edges:
        from_x, from_y, from_height = places[edge.source]
        to_x, to_y, to_height = places[edge.target]
        x1, y1 = from_x + _WIDTH, from_y + from_height // 2
        x2, y2 = to_x, to_y + to_height // 2
        bend = (x2 - x1) // 2
        edges.append(
            f'<path class="edge" d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'
            f'<text class="label" text-anchor="middle" x="{(x1 + x2) // 2}" '
            f'y="{(y1 + y2) // 2 - 5}">{html.escape(_short(edge.label))}</text>'
        )
    width = 2 * _MARGIN + len(layers) * (_WIDTH + _GAP_X) - _GAP_X
    name = html.escape(f"Lineage of {lineage.of}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} '
        f'{tallest + 2 * _MARGIN}" width="{width}" aria-label="{name}"><title>{name}</title>'
        f"<style>{_STYLE}</style>{''.join(edges)}{''.join(boxes)}</svg>\n"
    )
