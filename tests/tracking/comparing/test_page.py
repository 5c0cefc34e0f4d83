"""The page: well-formed, escaped, without network, readable without sight."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from lite_mlops.charts import Line, line_chart
from lite_mlops.project import Project
from lite_mlops.tracking.comparing.comparisons import MAX_CURVES

VOID = {"meta", "br"}
HOSTILE = "<script>alert('x')</script>\"&'"


class Page(HTMLParser):
    """Checks that tags are closed in order, and gathers what the page holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(project: Project, *runs: str) -> Page:
    return Page(project.comparisons.page(project.compare(*runs)))


@pytest.fixture
def compared(project: Project) -> Page:
    """The page of two runs whose every word is hostile."""
    labels = np.tile(["no", HOSTILE], 50)
    for name, wrong in ((f"a {HOSTILE}", 40), (f"b {HOSTILE}", 5)):
        with project.start_run(name, experiment=HOSTILE, params={HOSTILE: name}) as run:
            run.set_tag(HOSTILE, name)
            for step in range(9):
                run.log_metrics({HOSTILE: step * wrong}, step=step)
            answers = np.where(np.arange(100) < wrong, np.roll(labels, 1), labels)
            run.log_evaluation(labels, answers, name="test <b>")
            run.log_evaluation([1] * wrong, [1] * wrong, name="uneven <b>")
            run.log_text(f"{HOSTILE}=={name}\n", "source/requirements.txt")
            project.log_dataset(np.eye(wrong), HOSTILE)
    return page(project, f"a {HOSTILE}", f"b {HOSTILE}")


def test_everything_recorded_is_text(compared: Page) -> None:
    assert {tag for tag, _ in compared.tags}.isdisjoint({"script", "b", "img", "iframe", "link"})
    assert any(HOSTILE in text for text in compared.text)
    for _, attributes in compared.tags:
        assert not [name for name in attributes if name.startswith("on")]


def test_nothing_is_loaded(compared: Page) -> None:
    for _, attributes in compared.tags:
        assert attributes.keys().isdisjoint({"src", "href", "xlink:href", "action"})
    assert "style" in {tag for tag, _ in compared.tags}


def test_nothing_in_the_style_is_loaded(project: Project, compared: Page) -> None:
    text = project.comparisons.page(project.compare(f"a {HOSTILE}", f"b {HOSTILE}"))
    assert not re.search(r"url\(|@import|https?:", text)
    assert "prefers-color-scheme: dark" in text


def test_tables_and_pictures_can_be_read_without_sight(compared: Page) -> None:
    assert compared.all("html") == [{"lang": "en"}]
    assert {attributes.get("scope") for attributes in compared.all("th")} == {"col", "row"}
    assert all(attributes["aria-label"] for attributes in compared.all("table"))
    pictures = [one for one in compared.all("svg") if one.get("role") == "img"]
    assert len(pictures) == len(compared.all("desc")) == 1
    assert len(compared.all("title")) == 2  # of the page and of the picture
    hidden = [one for one in compared.all("svg") if one.get("role") != "img"]
    assert all(one["aria-hidden"] == "true" for one in hidden)
    assert [tag for tag, _ in compared.tags if tag in ("h1", "h2")][:2] == ["h1", "h2"]


def test_verdicts_stand_in_words(compared: Page) -> None:
    told = " ".join(compared.text)
    assert "better" in told
    assert "no verdict: they are on 40 and 5 rows." in told
    assert "test <b>" in told


def test_a_run_without_a_curve_leaves_the_others_their_colours(project: Project) -> None:
    for name, count in (("a", 0), ("b", 5), ("c", 7)):
        with project.start_run(name) as run:
            for step in range(count):
                run.log_metric("loss", 1 / (step + 1), step=step)
    found = page(project, "a", "b", "c")
    drawn = [one["class"] for one in found.all("path") if "L" in str(one["d"])]
    assert drawn == ["line line-1", "line line-2"]


def test_a_page_without_curves_and_differences(project: Project) -> None:
    for name in ("a", "b"):
        project.start_run(name, params={"depth": 1}).end()
    found = page(project, "a", "b")
    assert not [one for one in found.all("svg") if one.get("role") == "img"]
    assert "No differences." in found.text
    assert "1 the same" in found.text


def test_curves_beyond_a_bound_are_counted(project: Project) -> None:
    for name in ("a", "b"):
        with project.start_run(name) as run:
            for step in range(2):
                run.log_metrics({f"m{n}": n + step for n in range(MAX_CURVES + 3)}, step=step)
    found = page(project, "a", "b")
    assert len(found.all("desc")) == MAX_CURVES
    assert "3 more are not drawn." in found.text


# -- pictures ------------------------------------------------------------------------------------


def line(label: str, *values: float) -> Line:
    return Line(label, range(len(values)), values)


def test_a_picture_tells_its_ends_in_words() -> None:
    drawn = Page(line_chart("loss", [line("a", 3.0, 1.0, 2.0), line("b", math.nan)]))
    assert "a: starts at 3, ends at 2, lowest 1, highest 3; b: no finite value" in drawn.text


def test_what_is_not_finite_is_a_gap() -> None:
    values = (1.0, math.nan, 3.0, math.inf, 2.0, 2.5)
    (path,) = re.findall(r'class="line line-0" d="([^"]*)"', line_chart("x", [line("a", *values)]))
    assert re.findall("[ML]", path) == ["M", "M", "M", "L"]
    assert "nan" not in path


@pytest.mark.parametrize(
    "values",
    [(1.0,), (2.0, 2.0), (math.nan, math.inf), (1.7e308, -1.7e308), (5e-324, 0.0), (0.0, -0.0)],
)
def test_every_picture_lies_inside_its_frame(values: tuple[float, ...]) -> None:
    text = line_chart("x", [line("a", *values)])
    Page(text)
    (path,) = re.findall(r'class="line line-0" d="([^"]*)"', text)
    for across, up in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path):
        assert 0 <= float(across) <= 360
        assert 0 <= float(up) <= 170
    assert len(re.findall("[ML]", path)) == sum(map(math.isfinite, values))
