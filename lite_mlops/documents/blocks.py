"""What a section of a document is made of, before it is HTML or Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NOT_STATED = "not stated"  # what stands where people said nothing
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Prose:
    """A text of people, which may have several lines; None: they said nothing."""

    text: str | None


@dataclass(frozen=True)
class Remark:
    """A sentence of the document itself."""

    text: str


@dataclass(frozen=True)
class Pairs:
    """Names and values."""

    pairs: Mapping[str, str]


@dataclass(frozen=True)
class Drawn:
    """A picture, as SVG, and what it shows in words."""

    svg: str
    words: str


@dataclass(frozen=True)
class Word:
    """A word that is a verdict; `tone` is good, soft, warn or bad."""

    text: str
    tone: str


Cell = str | Drawn | Word


@dataclass(frozen=True)
class Grid:
    """A table; the columns named in `right` are numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: tuple[str, ...] = ()


@dataclass(frozen=True)
class Items:
    """Points one after the other: a verdict, what it is, and what more there is to say."""

    items: tuple[tuple[Word, str, str], ...]


@dataclass(frozen=True)
class Code:
    """Lines to be copied."""

    language: str
    text: str


@dataclass(frozen=True)
class Heading:
    """A heading inside of a section."""

    text: str


@dataclass(frozen=True)
class Figures:
    """Pictures side by side, each with a caption."""

    figures: tuple[tuple[str, Drawn], ...]


@dataclass(frozen=True)
class Fold:
    """What is there for those who open it."""

    summary: str
    blocks: tuple[Block, ...]


Block = Prose | Remark | Pairs | Grid | Items | Code | Heading | Figures | Fold


@dataclass(frozen=True)
class Section:
    """A section of a document."""

    title: str
    blocks: tuple[Block, ...]
