"""The card as Markdown: its sections, and texts that stay texts."""

from __future__ import annotations

import re

import pytest

from lite_mlops.htmltext import visible
from lite_mlops.models.cards.markdown import markdown
from tests.models.cards.conftest import HOSTILE, Document, bare, facts_of

# All that a card is made of.
KINDS = re.compile(
    r"(heading|paragraph|bullet_list|list_item|table|thead|tbody|tr|th|td|strong|em)_(open|close)"
    r"|inline|text|text_special|fence|hardbreak"
)


def test_its_sections_in_their_order() -> None:
    headings = Document(markdown(bare())).headings
    assert headings[0] == "Model card: churn/1"
    order = ["Version", "Use", "Metrics", "Slices", "Data", "Training", "Signature", "Gates"]
    order += ["Aliases", "Environment", "How to call it", "About this card"]
    assert [heading for heading in headings if heading in order] == order


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_no_text_is_markup(text: str) -> None:
    written = markdown(facts_of(text))
    document = Document(written)
    assert [kind for kind in document.kinds if not KINDS.fullmatch(kind)] == []
    expected = " ".join(visible(text).split())
    assert sum(expected == " ".join(told.split()) for told in document.texts) > 10
    assert document.blocks == Document(markdown(facts_of("x"))).blocks
    assert "\x1b" not in written


def test_every_row_of_a_table_has_as_many_cells() -> None:
    rows = Document(markdown(facts_of("a | b \\| c \\"))).rows
    assert {len(row) for row in rows} <= {1, 2, 3, 4, 5, 6, 7}
    assert ["a | b \\| c \\", "a | b \\| c \\"] in rows  # of the parameters


def test_lines_stay_lines() -> None:
    written = markdown(bare(description="first\nsecond\n\n\n# third"))
    assert "first\\\nsecond\n\n\\# third" in written


def test_pictures_are_words() -> None:
    assert "x 66.7 %, other 33.3 %" in markdown(facts_of("x"))
