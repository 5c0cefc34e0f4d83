"""A card as Markdown (CommonMark with the tables of GitHub). Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from lite_mlops.documents import Prose, block_markdown, escaped, section_markdown
from lite_mlops.models.cards.facts import CardFacts
from lite_mlops.models.cards.sections import sections


def markdown(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    return "\n\n".join(_parts(facts)) + "\n"


def _parts(facts: CardFacts) -> Iterator[str]:
    yield f"# Model card: {escaped(facts.name)}"
    if facts.description:
        yield block_markdown(Prose(facts.description))
    yield from map(section_markdown, sections(facts))
