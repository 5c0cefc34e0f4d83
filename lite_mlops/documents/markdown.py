"""Sections as Markdown (CommonMark with the tables of GitHub). Pure functions.

Everything recorded is text: what Markdown or HTML would read as markup in it is escaped. Pictures
are their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lite_mlops.documents.blocks import (
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
from lite_mlops.htmltext import visible

_INSIDE = re.compile(r"[\\`*_\[\]|~$#]")
_FIRST = re.compile(r"^(?:=|[-+](?!\w|\.)|\d+[.)](?=\s|$))")  # what would begin a block
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escaped(text: str) -> str:
    """Return a text of one line that Markdown takes for nothing but text; lines become one."""
    words = _INSIDE.sub(r"\\\g<0>", " ".join(visible(text).split()))
    words = _FIRST.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", words)
    return words.translate(_ENTITIES)


def prose_markdown(text: str) -> str:
    """Return a text of several lines: lines stay lines, and empty ones part paragraphs."""
    paragraphs: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            paragraphs[-1].append(escaped(line))
        else:
            paragraphs.append([])
    return "\n\n".join("\\\n".join(lines) for lines in paragraphs if lines)


def section_markdown(section: Section) -> str:
    """Return a section with its heading."""
    return "\n\n".join([f"## {escaped(section.title)}", *map(block_markdown, section.blocks)])


def block_markdown(block: Block) -> str:
    """Return a block of a section."""
    if isinstance(block, Heading):
        return f"### {escaped(block.text)}"
    if isinstance(block, Prose):
        return f"*{NOT_STATED}*" if block.text is None else prose_markdown(block.text)
    if isinstance(block, Remark):
        return escaped(block.text)
    if isinstance(block, Code):
        return _fenced(block)
    if isinstance(block, Pairs):
        return _listed(f"{_strong(k)}: {escaped(v)}" for k, v in block.pairs.items())
    if isinstance(block, Figures):
        return _listed(f"{_strong(name)}: {_cell(drawn)}" for name, drawn in block.figures)
    if isinstance(block, Items):
        return _listed(_item(*one) for one in block.items)
    if isinstance(block, Fold):
        inside = "\n\n".join(map(block_markdown, block.blocks))
        summary = escaped(block.summary)
        return f"<details>\n<summary>{summary}</summary>\n\n{inside}\n\n</details>"
    return _grid(block)


def _strong(text: str) -> str:
    words = escaped(text)
    return f"**{words}**" if words else ""


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _item(word: Word, what: str, more: str) -> str:
    rest = f"\\\n  {escaped(more)}" if more else ""
    return f"{_strong(word.text)} {escaped(what)}{rest}"


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
    if isinstance(cell, Drawn):
        return escaped(cell.words)
    return escaped(cell.text) if isinstance(cell, Word) else escaped(cell)
