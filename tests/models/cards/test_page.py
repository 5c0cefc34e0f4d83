"""The card as a page: well-formed, escaped, without network, readable without sight."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from lite_mlops.htmltext import visible
from lite_mlops.models.cards.facts import ColumnFact, DataFact
from lite_mlops.models.cards.page import page
from lite_mlops.project import Project
from tests.models.cards.conftest import HOSTILE, bare, facts_of
from tests.tracking.comparing.test_page import Page

QUANTILES = ("0.05", "0.25", "0.5", "0.75", "0.95")


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_no_text_is_markup(text: str) -> None:
    written = page(facts_of(text))
    found = Page(written)
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "b", "a", "iframe", "link"})
    assert sum(visible(text) == told for told in found.text) > 20
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", written)
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_nothing_is_loaded_and_only_the_style_is_allowed(registered: Project) -> None:
    written = registered.models.card_text("churn/1", "html")
    found = Page(written)
    for _, attributes in found.tags:
        assert attributes.keys().isdisjoint({"src", "href", "xlink:href", "action"})
    (style,) = re.findall(r"<style>(.*?)</style>", written, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = found.all("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"url\(|@import|https?:", style)
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_it_can_be_read_without_sight(registered: Project) -> None:
    found = Page(registered.models.card_text("churn/1", "html"))
    assert found.all("html") == [{"lang": "en"}]
    assert {attributes.get("scope") for attributes in found.all("th")} == {"col", "row"}
    assert all(attributes["aria-label"] for attributes in found.all("table"))
    pictures = found.all("svg")
    assert len(pictures) == 4  # two columns of numbers, one of numbers and one of categories
    assert all(one["role"] == "img" for one in pictures)
    assert len(found.all("title")) == 1 + len(pictures)
    assert [tag for tag, _ in found.tags if tag in ("h1", "h2")][:2] == ["h1", "h2"]


DAYS = tuple(f"2020-01-0{day}" for day in (2, 3, 4, 5, 9))


@pytest.mark.parametrize(
    ("low", "quantiles", "high"),
    [
        (0.0, (1.0, 2.0, 3.0, 4.0, 9.0), 10.0),
        (-1.7e308, (-1.7e308, 0.0, 0.0, 0.0, 1.7e308), 1.7e308),
        (0.0, (0.0, 0.0, 0.0, 0.0, 0.0), 5e-323),
        ("2020-01-01", DAYS, "2021-01-01"),
        ("2020-01-01 00:00:00Z", ("2020-01-01 00:00:00Z",) * 5, "2020-01-01 00:00:01.5Z"),
    ],
)
def test_every_picture_lies_inside_its_frame(
    low: float | str, quantiles: tuple[float | str, ...], high: float | str
) -> None:
    spread = dict(zip(QUANTILES, quantiles, strict=True))
    column = ColumnFact("x", "float", 0, 9, low, high, quantiles=spread)
    data = DataFact("d", "0" * 64, "training", "table", 9, columns=(column,))
    boxes = Page(page(bare(data=(data,)))).all("rect")
    assert [one["class"] for one in boxes] == ["outer", "inner", "middle"]
    for box in boxes:
        assert 0 <= float(str(box["x"])) <= float(str(box["x"])) + float(str(box["width"])) <= 150.1


@pytest.mark.parametrize(
    "column",
    [
        ColumnFact("x", "float", 0, 1, 2.0, 2.0, quantiles=dict.fromkeys(QUANTILES, 2.0)),
        ColumnFact("x", "timestamp", 0, 2, None, None, quantiles=dict.fromkeys(QUANTILES)),
        ColumnFact("x", "timestamp", 0, 2, "2020-01-01", None, quantiles=dict.fromkeys(QUANTILES)),
        ColumnFact("x", "float", 0, 2, 0.0, 5e-324, quantiles=dict.fromkeys(QUANTILES, 0.0)),
        ColumnFact("x", "nothing", 3, 0),
        ColumnFact("x", "text", 0, 90),
    ],
)
def test_no_picture_where_there_is_nothing_to_see(column: ColumnFact) -> None:
    data = DataFact("d", "0" * 64, "training", "table", 9, columns=(column,))
    assert Page(page(bare(data=(data,)))).all("svg") == []


def test_many_categories_are_drawn_as_six_parts_of_the_whole() -> None:
    column = ColumnFact("x", "text", 0, 20, categories={f"c{n}": n + 1 for n in range(20)})
    data = DataFact("d", "0" * 64, "training", "table", 210, columns=(column,))
    found = Page(page(bare(data=(data,))))
    widths = [float(str(box["width"])) for box in found.all("rect")]
    assert len(widths) == 6
    assert sum(widths) == pytest.approx(150 - 6, abs=6)
    assert any("c4 2.38 %, 15 more" in told for told in found.text)
