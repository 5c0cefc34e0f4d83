"""A card as Markdown (CommonMark with the tables of GitHub). Pure functions.

Everything recorded is text: what Markdown or HTML would read as markup in it is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lite_mlops.htmltext import visible
from lite_mlops.models.cards.blocks import (
    Block,
    Cell,
    Code,
    Grid,
    Heading,
    Pairs,
    Prose,
    Remark,
    Shares,
    Spread,
)
from lite_mlops.models.cards.facts import CardFacts
from lite_mlops.models.cards.sections import sections
from lite_mlops.models.cards.wording import NOT_STATED

_INSIDE = re.compile(r"[\\`*_\[\]|~$#]")
_FIRST = re.compile(r"^(?:=|[-+](?!\w|\.)|\d+[.)](?=\s|$))")  # what would begin a block
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escaped(text: str) -> str:
    """Return a text of one line that Markdown takes for nothing but text; lines become one."""
    words = _INSIDE.sub(r"\\\g<0>", " ".join(visible(text).split()))
    words = _FIRST.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", words)
    return words.translate(_ENTITIES)


def _prose(text: str) -> str:
    """Return a text of several lines: lines stay lines, and empty ones part paragraphs."""
    paragraphs: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            paragraphs[-1].append(escaped(line))
        else:
            paragraphs.append([])
    return "\n\n".join("\\\n".join(lines) for lines in paragraphs if lines)


def markdown(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    return "\n\n".join(_parts(facts)) + "\n"


def _parts(facts: CardFacts) -> Iterator[str]:
    yield f"# Model card: {escaped(facts.name)}"
    if facts.description:
        yield _prose(facts.description)
    for section in sections(facts):
        yield f"## {section.title}"
        for block in section.blocks:
            yield _block(block)


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"### {escaped(block.text)}"
    if isinstance(block, Prose):
        return f"*{NOT_STATED}*" if block.text is None else _prose(block.text)
    if isinstance(block, Remark):
        return escaped(block.text)
    if isinstance(block, Code):
        return _fenced(block)
    if isinstance(block, Pairs):
        return "\n".join(
            f"- **{escaped(name)}**: {escaped(value)}" for name, value in block.pairs.items()
        )
    return _grid(block)


def _fenced(code: Code) -> str:
    longest = max((len(run) for run in re.findall("`+", code.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{code.language}\n{visible(code.text)}\n{fence}"


def _grid(grid: Grid) -> str:
    lines = [
        list(map(escaped, grid.head)),
        ["---:" if name in grid.right else "---" for name in grid.head],
        *([_cell(cell) for cell in row] for row in grid.rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(cell: Cell) -> str:
    return escaped(cell.words if isinstance(cell, Spread | Shares) else cell)
