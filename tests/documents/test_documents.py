"""Documents: the same blocks as HTML and as Markdown, all of it text."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from lite_mlops.charts import sparkline
from lite_mlops.documents import (
    NOT_RECORDED,
    Block,
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
    block_html,
    framed,
    section_html,
    section_markdown,
)
from lite_mlops.htmltext import visible
from tests.models.cards.conftest import HOSTILE
from tests.tracking.comparing.test_page import Page


def blocks(text: str) -> tuple[Block, ...]:
    """A block of each kind with this text as each word."""
    drawn = Drawn(sparkline(text, [1.0, 2.0]), text)
    return (
        Prose(text),
        Prose(None),
        Remark(text),
        Pairs({text or "name": text, "b": NOT_RECORDED}),
        Grid(text, (text, "b"), ((text, drawn), (text, Word(text, "bad"))), right=("b",)),
        Items(((Word(text, "warn"), text, text), (Word(text, "good"), text, ""))),
        Code("sh", text),
        Heading(text),
        Figures(((text, drawn),)),
        Fold(text, (Remark(text), Grid(text, (text,), ((text,),)))),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_markup(text: str) -> None:
    page = framed(text, section_html(Section(text, blocks(text))))
    found = Page(page)
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "b", "a", "iframe", "link"})
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", page)
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_markdown(text: str) -> None:
    written = section_markdown(Section(text, blocks(text)))
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    html = reader.render(written)
    own = {"h2", "h3", "p", "em", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th"}
    own |= {"td", "pre", "code", "br", "details", "summary"}
    assert set(re.findall(r"</?([a-z0-9]+)", html)) <= own
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", written)


def test_both_forms_say_the_same() -> None:
    section = Section("The title", blocks("words"))
    html, markdown = section_html(section), section_markdown(section)
    found = Page(html)
    assert found.all("details")
    assert [one["class"] for one in found.all("span")] == ["unsaid", "bad", "warn", "soft", "good"]
    assert found.all("th")[0] == {"scope": "col"}
    assert found.all("th")[1] == {"scope": "col", "class": "right"}
    assert "- **words** words\\\n  words" in markdown
    assert "<details>\n<summary>words</summary>\n\nwords\n\n| words |" in markdown
    assert "svg" not in markdown
    assert html.count("<svg") == 2


def test_lines_of_prose_stay_lines() -> None:
    assert block_html(Prose("one\ntwo")) == '<p class="prose">one\ntwo</p>'
    assert visible("a\x07") in block_html(Prose("a\x07"))


def test_a_page_allows_nothing_but_its_own_style() -> None:
    page = framed("t", "<main></main>", style="h1 { color: red; }")
    assert "default-src 'none'; style-src 'sha256-" in page
    assert page.count("<style>") == 1
    assert "script" not in page
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"url\(|@import|https?:", page)
