"""What a section of a card is made of, before it is Markdown or HTML: texts, tables, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Prose:
    """A text of people, which may have several lines; None: they said nothing."""

    text: str | None


@dataclass(frozen=True)
class Remark:
    """A sentence of the card itself."""

    text: str


@dataclass(frozen=True)
class Pairs:
    """Names and values."""

    pairs: Mapping[str, str]


@dataclass(frozen=True)
class Spread:
    """A picture of how numbers lie: quantiles as places from 0 to 1 of their range."""

    quantiles: tuple[float, ...]  # 5, 25, 50, 75, 95 %
    words: str


@dataclass(frozen=True)
class Shares:
    """A picture of how often categories occur: shares of 1."""

    shares: tuple[float, ...]
    words: str


Cell = str | Spread | Shares


@dataclass(frozen=True)
class Grid:
    """A table; the columns named in `right` are numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """Lines to be copied."""

    language: str
    text: str


@dataclass(frozen=True)
class Heading:
    """A heading inside of a section."""

    text: str


Block = Prose | Remark | Pairs | Grid | Code | Heading


@dataclass(frozen=True)
class Section:
    """A section of a card."""

    title: str
    blocks: tuple[Block, ...]
