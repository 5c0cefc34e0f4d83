"""The page of a report in a real browser: small and large, light and dark, without network."""

from __future__ import annotations

from pathlib import Path

import pytest

from lite_mlops.monitoring.reports import write
from lite_mlops.monitoring.reports.verdict import sentence
from tests.documents.browsing import CUT, WIDER, Open, browser, needs_browser, open_file, violations
from tests.models.cards.conftest import SCRIPT
from tests.monitoring.reports.samples import facts_of

pytestmark = needs_browser
__all__ = ["browser", "open_file"]  # fixtures

PAGES = ("usual", "hostile", "large")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a usual report, one of hostile words, and one of a hundred columns."""
    folder = tmp_path_factory.mktemp("reports")
    found = (facts_of(columns=8), facts_of(SCRIPT, columns=8), facts_of(columns=100))
    for name, facts in zip(PAGES, found, strict=True):
        (folder / f"{name}.html").write_text(write(facts, "html"))
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(pages: Path, open_file: Open, scheme: str) -> None:
    page = open_file(pages / "usual.html", color_scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    assert violations(page) == []
    assert page.evaluate(CUT) == []


@pytest.mark.parametrize(
    ("name", "width"), [("usual", 320), ("usual", 1280), ("hostile", 390), ("large", 1280)]
)
def test_nothing_is_wider_than_the_window(
    pages: Path, open_file: Open, name: str, width: int
) -> None:
    page = open_file(pages / f"{name}.html", viewport={"width": width, "height": 800})
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate(WIDER) == 0


def test_it_is_read_without_javascript(pages: Path, open_file: Open) -> None:
    page = open_file(pages / "usual.html", java_script_enabled=False)
    assert page.locator(".verdict").inner_text() == sentence(facts_of(columns=8))
    assert page.locator(".verdict").bounding_box()["y"] < 200
    folded = page.get_by_text("column 7", exact=True)
    assert not folded.is_visible()
    page.get_by_text("6 columns without a warning").click()
    assert folded.is_visible()


def test_the_keyboard_opens_what_is_folded(pages: Path, open_file: Open) -> None:
    page = open_file(pages / "usual.html")
    page.get_by_text("The 12 windows").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("table", name="Windows").is_visible()


def test_hostile_words_stay_words(pages: Path, open_file: Open) -> None:
    page = open_file(pages / "hostile.html")
    assert page.locator("h1").inner_text() == SCRIPT
    assert page.locator("script").count() == 0
