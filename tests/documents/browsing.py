"""Written pages in a real browser, without network: what fails there, and how wide they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
WATCHED = "addEventListener('securitypolicyviolation', (e) => console.error(e.violatedDirective))"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Texts that lie outside of their picture, where they would be cut.
CUT = """() => [...document.querySelectorAll('svg.chart text')].filter((text) => {
    const inner = text.getBoundingClientRect(), outer = text.ownerSVGElement.getBoundingClientRect()
    return inner.width && (inner.left < outer.left - 1 || inner.right > outer.right + 1)
}).map((text) => text.textContent)"""

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_file(browser: Any) -> Iterator[Open]:
    """Opens a page from the disk, which must load nothing and neither fail nor break its policy."""
    contexts: list[Any] = []
    reported: list[str] = []

    def opened(path: Path, **options: Any) -> Any:
        context = browser.new_context(reduced_motion="reduce", offline=True, **options)
        contexts.append(context)
        if options.get("java_script_enabled", True):
            context.add_init_script(WATCHED)
        page = context.new_page()
        page.on("pageerror", lambda error: reported.append(str(error)))
        page.on("dialog", lambda dialog: reported.append(f"dialog: {dialog.message}"))
        page.on("console", lambda message: reported.append(message.text))
        address = path.resolve().as_uri()
        page.on(
            "request",
            lambda request: None if request.url == address else reported.append(request.url),
        )
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert reported == []


def violations(page: Any) -> list[tuple[str, list[Any]]]:
    """The rules of accessibility that a page breaks, and where."""
    found = axe.Axe().run(page).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]
