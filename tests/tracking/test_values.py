"""What reading gives can be written as JSON and shown in a notebook, whatever is in it."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from lite_mlops.project import Project
from lite_mlops.tracking.values import plain_number

EVIL = "<script>alert('&\"')</script>"


class Tags(HTMLParser):
    """Collects the tags and the text of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += f"{data}\n"


def assert_escaped(shown: Any, *texts: str) -> None:
    """The notebook shows these texts as texts."""
    parser = Tags()
    parser.feed(shown._repr_html_())
    assert parser.tags <= {"table", "caption", "tr", "th", "td"}
    for text in texts:
        assert text in parser.text


@pytest.fixture
def evil(project: Project) -> str:
    """A run in which everything that can hold text holds HTML."""
    with project.start_run(
        EVIL, experiment=EVIL, params={EVIL: EVIL}, tags={EVIL: EVIL}, note=EVIL
    ) as run:
        run.log_metric(EVIL, 0.5)
        run.log_text("x", EVIL)
    return run.id


def test_a_run_is_shown_with_everything_escaped(project: Project, evil: str) -> None:
    run = project.runs.get(evil)
    assert_escaped(run, f"Run {EVIL}", f"param {EVIL}", f"tag {EVIL}", f"metric {EVIL}", EVIL)


def test_metrics_artifacts_and_answers_are_shown_with_everything_escaped(
    project: Project, evil: str
) -> None:
    run = project.runs.get(evil)
    assert_escaped(run.metrics[EVIL], f"Metric {EVIL}")
    assert_escaped(run.artifacts[0], f"Artifact {run.artifacts[0].path}")
    assert_escaped(project.sql("SELECT name FROM runs"), EVIL)


def test_an_active_run_is_shown_with_everything_escaped(project: Project) -> None:
    with project.start_run(EVIL) as run:
        assert_escaped(run, f"Run {EVIL}", run.id)
        assert run.to_dict()["status"] == "running"


def test_an_experiment_is_shown_with_everything_escaped(project: Project, evil: str) -> None:
    assert_escaped(project.experiments.get(EVIL), f"Experiment {EVIL}")


def test_a_history_is_shown_with_everything_escaped(project: Project, evil: str) -> None:
    assert_escaped(project.runs.history(evil, EVIL), f"{EVIL} of run {evil}", "0.5")


def test_the_repr_of_a_run_is_one_line(project: Project) -> None:
    with project.start_run("a 'name'", experiment="churn") as run:
        pass
    assert repr(project.runs.get(run.id)) == f"""<Run {run.id} "a 'name'" finished in 'churn'>"""


def test_a_run_can_be_written_as_json(project: Project) -> None:
    with project.start_run("a", params={"p": 1}, tags={"t": "ü"}, note="n") as run:
        run.log_metrics({"nan": math.nan, "up": math.inf, "down": -math.inf, "one": 1.0})
        run.log_metric("one", -2.0, timestamp=datetime(2024, 5, 1, tzinfo=UTC))
        run.log_text("x", "x.txt")
    written = json.loads(json.dumps(project.runs.get(run.id).to_dict(), allow_nan=False))
    values = {key: metric["value"] for key, metric in written["metrics"].items()}
    assert values == {"nan": "NaN", "up": "Infinity", "down": "-Infinity", "one": -2.0}
    assert written["metrics"]["one"] == {
        "value": -2.0,
        "step": 1,
        "time": "2024-05-01T00:00:00+00:00",
        "low": -2.0,
        "high": 1.0,
        "points": 2,
    }
    assert written["metrics"]["up"]["high"] == "Infinity"
    assert written["metrics"]["nan"]["low"] is None
    assert (written["params"], written["tags"], written["note"]) == ({"p": "1"}, {"t": "ü"}, "n")
    assert written["artifacts"][0]["path"] == "x.txt"
    assert written["status"] == "finished"


def test_a_run_that_goes_on_can_be_written_as_json(project: Project) -> None:
    run = project.start_run("a")
    written = json.loads(json.dumps(project.runs.get(run.id).to_dict(), allow_nan=False))
    assert (written["status"], written["ended_at"], written["seconds"]) == ("running", None, None)


def test_an_experiment_can_be_written_as_json(project: Project) -> None:
    with project.start_run(experiment="old"):
        pass
    project.experiments.rename("old", "new")
    found = project.experiments.get("new")
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (written["name"], written["former_names"], written["runs"]) == ("new", ["old"], 1)
    assert datetime.fromisoformat(written["last_run_at"]) == found.last_run_at


@pytest.mark.parametrize(
    ("value", "plain"),
    [(1.5, 1.5), (None, None), (math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")],
)
def test_numbers_that_json_lacks_are_words(value: float | None, plain: object) -> None:
    assert plain_number(value) == plain
