"""Sections as HTML. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from lite_mlops.documents.blocks import (
    NOT_RECORDED,
    NOT_STATED,
    Block,
    Cell,
    Code,
    Drawn,
    Figures,
    Fold,
    Grid,
    Heading,
    Items,
    Pairs,
    Prose,
    Remark,
    Section,
    Word,
)
from lite_mlops.documents.frame import table, text


def section_html(section: Section) -> str:
    """Return a section with its heading."""
    blocks = "\n".join(map(block_html, section.blocks))
    return f"<section><h2>{text(section.title)}</h2>\n<div>{blocks}</div></section>\n"


def block_html(block: Block) -> str:
    """Return a block of a section."""
    if isinstance(block, Heading):
        return f"<h3>{text(block.text)}</h3>"
    if isinstance(block, Prose):
        if block.text is None:
            return f'<p class="unsaid">{NOT_STATED}</p>'
        return f'<p class="prose">{text(block.text)}</p>'
    if isinstance(block, Remark):
        return f'<p class="soft">{text(block.text)}</p>'
    if isinstance(block, Code):
        return f'<pre tabindex="0"><code>{text(block.text)}</code></pre>'
    if isinstance(block, Pairs):
        pairs = (f"<dt>{text(k)}</dt><dd>{_value(v)}</dd>" for k, v in block.pairs.items())
        return f"<dl>{''.join(pairs)}</dl>"
    if isinstance(block, Figures):
        return f'<div class="charts">{"".join(_figure(*one) for one in block.figures)}</div>'
    if isinstance(block, Items):
        return f'<ul class="items">{"".join(_item(*one) for one in block.items)}</ul>'
    if isinstance(block, Fold):
        inside = "\n".join(map(block_html, block.blocks))
        return f"<details><summary>{text(block.summary)}</summary>{inside}</details>"
    return _grid(block)


def _figure(caption: str, drawn: Drawn) -> str:
    return f"<figure><figcaption>{text(caption)}</figcaption>{drawn.svg}</figure>"


def _item(word: Word, what: str, more: str) -> str:
    rest = f'<br><span class="soft">{text(more)}</span>' if more else ""
    return f"<li>{_word(word)} {text(what)}{rest}</li>"


def _word(word: Word) -> str:
    return f'<span class="{word.tone}">{text(word.text)}</span>'


def _value(value: str) -> str:
    unsaid = value in (NOT_STATED, NOT_RECORDED)
    return f'<span class="unsaid">{value}</span>' if unsaid else text(value)


def _grid(grid: Grid) -> str:
    head = [f'<th scope="col"{_side(name, grid)}>{text(name)}</th>' for name in grid.head]
    rows = (f"<tr>{''.join(_cells(row, grid))}</tr>\n" for row in grid.rows)
    return table(grid.title, head, rows)


def _cells(row: tuple[Cell, ...], grid: Grid) -> Iterator[str]:
    for place, (name, cell) in enumerate(zip(grid.head, row, strict=True)):
        if isinstance(cell, Drawn):
            yield f"<td>{cell.svg}</td>"
        elif isinstance(cell, Word):
            yield f"<td>{_word(cell)}</td>"
        elif place == 0:
            yield f'<th scope="row"{_side(name, grid)}>{text(cell)}</th>'
        else:
            yield f"<td{_side(name, grid)}>{_value(cell)}</td>"


def _side(name: str, grid: Grid) -> str:
    return ' class="right"' if name in grid.right else ""
