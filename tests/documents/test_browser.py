"""Written pages in a real browser: comparisons of runs, model cards and plots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from lite_mlops.autologging import plot_svg
from lite_mlops.project import Project
from tests.documents.browsing import CUT, WIDER, Open, browser, needs_browser, open_file, violations

pytestmark = needs_browser
__all__ = ["browser", "open_file"]  # fixtures

PAGES = ("compare.html", "card.html", "plot.svg")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page of a comparison, of a card, and the picture of a plot."""
    folder = tmp_path_factory.mktemp("pages")
    project = Project(folder, capture_code=False, capture_environment=False)
    features, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    features = features.iloc[:, :6]
    for name, strength in (("weak", 1e-4), ("strong", 1.0)):
        with project.start_run(name, params={"C": strength}) as run:
            for step in range(20):
                run.log_metric("loss", strength + 0.9**step, step=step)
            model = LogisticRegression(C=strength, max_iter=2_000).fit(features, labels)
            run.log_evaluation(labels, model.predict(features))
            project.log_dataset(features, "tumors")
            project.log_model(model, "tumor", input_example=features.head(3))
    compared = project.comparisons.page(project.compare("weak", "strong"))
    (folder / "compare.html").write_text(compared)
    (folder / "card.html").write_text(project.models.card_text("tumor/2", "html"))
    xs = np.linspace(0, 1, 40)
    series = [{"name": name, "x": xs.tolist(), "y": (xs**0.3).tolist()} for name in ("a", "b < c")]
    plot = {"kind": "lines", "title": "ROC", "x": "false", "y": "true positive", "series": series}
    (folder / "plot.svg").write_text(plot_svg(plot))
    project.close()
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_rule_of_accessibility_is_broken(
    pages: Path, open_file: Open, name: str, scheme: str
) -> None:
    page = open_file(pages / name, color_scheme=scheme)
    if name.endswith("html"):
        assert violations(page) == []
    assert page.evaluate(CUT) == []


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("name", PAGES[:2])
def test_nothing_is_wider_than_the_window(
    pages: Path, open_file: Open, name: str, width: int
) -> None:
    page = open_file(pages / name, viewport={"width": width, "height": 800})
    assert page.evaluate(WIDER) == 0


def test_a_picture_has_colours_and_a_title_of_its_own(pages: Path, open_file: Open) -> None:
    strokes = []
    for scheme in ("light", "dark"):
        page = open_file(pages / "plot.svg", color_scheme=scheme)
        strokes.append(page.evaluate("getComputedStyle(document.querySelector('.line-0')).stroke"))
        assert page.evaluate("document.querySelector('text').textContent") == "ROC: true positive"
    assert strokes == ["rgb(0, 114, 178)", "rgb(86, 180, 233)"]
