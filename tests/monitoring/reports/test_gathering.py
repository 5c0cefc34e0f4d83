"""Reports on a real project: a clinic whose device reads too much from the eighth day on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.monitoring.findings import ALERT, UNKNOWN
from lite_mlops.monitoring.reports import ReportFacts, write
from lite_mlops.monitoring.reports.verdict import sentence, to_look_at
from lite_mlops.monitoring.reports.widths import fitting
from lite_mlops.project import Project
from tests.monitoring.reports.clinic import A_DAY, BROKEN, DAYS, START, clinic
from tests.tracking.comparing.test_page import Page

BROKE = START + timedelta(days=BROKEN)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("clinic")
    found = Project(folder, capture_code=False, capture_environment=False)
    clinic(found)
    yield found
    found.close()


@pytest.fixture(scope="module")
def report(asked: Project) -> ReportFacts:
    return asked.monitoring.report("readmission@champion", by=["ward"], groups=["sex"])


@pytest.mark.slow
def test_the_verdict_counts_what_moved(report: ReportFacts) -> None:
    assert report.severity == ALERT
    assert sentence(report).startswith(
        "Alert: 3 of 5 columns have moved; 2 rules of quality are broken; accuracy 0."
    )
    assert report.predictions == DAYS * A_DAY
    assert 0 < report.labelled < report.predictions


def test_columns_are_drawn_and_dated(report: ReportFacts) -> None:
    columns = {one.name: one for one in report.columns}
    assert {name for name, one in columns.items() if one.drifted} == {"crp", "heart_rate", "ward"}
    assert columns["crp"].since == BROKE
    assert [effect is not None for effect in columns["crp"].effects] == [True] * DAYS
    assert columns["crp"].moved == (False,) * BROKEN + (True,) * (DAYS - BROKEN)
    quiet, moved = columns["crp"].effects[:BROKEN], columns["crp"].effects[BROKEN:]
    assert max(one or 0.0 for one in quiet) < min(one or 0.0 for one in moved)
    assert columns["ward"].broken == ("unseen",)
    assert columns["ward"].since is not None
    assert columns["ward"].since >= BROKE
    assert len(columns["heart_rate"].examples["missing"]) == 3
    for one in columns.values():
        assert one.distribution is not None
        assert sum(one.distribution.reference) == pytest.approx(1, abs=1e-3)
        assert sum(one.distribution.current) == pytest.approx(1, abs=1e-3)
    assert sum(one.importance or 0.0 for one in columns.values()) == pytest.approx(1)


def test_performance_is_told_day_by_day(report: ReportFacts) -> None:
    assert [span.since for span in report.spans] == [START + timedelta(days=d) for d in range(DAYS)]
    accuracy = next(one for one in report.metrics if one.name == "accuracy")
    assert len(accuracy.points) == len(accuracy.estimates) == DAYS
    values = [point.value or 0.0 for point in accuracy.points]
    assert min(values[:BROKEN]) > max(values[BROKEN:])
    assert [point.provisional for point in accuracy.points] == [False] * 10 + [True] * 2
    assert accuracy.reference == pytest.approx(0.81, abs=0.03)
    assert "worse by more than the tolerated 0.020" in accuracy.sentence
    assert any("concept drift suspected" in one.sentence for one in to_look_at(report))


def test_slices_groups_calibration_and_the_service(report: ReportFacts) -> None:
    assert {one.part for one in report.slices} == {"cardiology", "medicine", "surgery", "hospice"}
    assert {(one.by, one.group) for one in report.groups} >= {("sex", "f"), ("sex", "m")}
    assert sum(one.predictions for one in report.groups) == report.predictions
    assert report.calibration is not None
    assert (report.calibration.error or 0.0) > 0.1
    assert report.service is not None
    assert sum(report.service.requests) == report.predictions
    assert {one.stream for one in report.jumps} == {"score", "error", "latency"}


def test_how_it_was_decided_names_data_and_model(asked: Project, report: ReportFacts) -> None:
    version = asked.models.get("readmission@champion")
    assert version.sha256 in report.how.values()
    assert report.reference.startswith("admissions@")
    assert report.reference_rows == 2_000
    assert "Benjamini" in report.how["false discoveries"]
    assert report.how["computed with"].startswith("lite-mlops ")
    assert f"numpy {np.__version__}" in report.how["computed with"]


def test_every_form_is_written(report: ReportFacts) -> None:
    page = write(report, "html")
    assert len(page.encode()) < 200_000
    read = Page(page)
    words = " ".join(read.text)
    for title in ("Performance", "Columns", "Quality", "Slices", "Fairness", "Service"):
        assert f" {title} " in words
    assert "crp" in words
    assert json.loads(write(report, "json"))["columns"][0]["name"] == "crp"
    assert write(report, "md").startswith("# Monitoring report: readmission/1\n\n**Alert: ")


def test_reports_show_pictures_in_notebooks(asked: Project, report: ReportFacts) -> None:
    watching, name = asked.monitoring, "readmission/1"
    shown: dict[str, tuple[Any, int]] = {
        "drift": (watching.drift(name, joint=False), 7),
        "performance": (watching.performance_of(name, window="1d"), 2),
        "estimates": (watching.estimates(name, rows=A_DAY), 3),
        "fairness": (watching.fairness(name, ["sex"]), 2),
        "service": (watching.service(name), 2),
        "report": (report, 16),
    }
    for what, (found, pictures) in shown.items():
        read = Page(found._repr_html_())
        assert len(read.all("svg")) == pictures, what
        assert len(read.all("style")) == 1
    nothing = watching.performance_of(name, until=START)
    assert not Page(nothing._repr_html_()).all("svg")


# -- other times --------------------------------------------------------------------------------


def test_before_the_device_broke_all_is_fine(asked: Project) -> None:
    found = asked.monitoring.report("readmission/1", until=BROKE, joint=False)
    assert not any(one.drifted for one in found.columns)
    assert not [one for one in to_look_at(found) if one.check in ("drift", "quality")]
    assert found.until == BROKE
    assert len(found.spans) == BROKEN


def test_the_last_answers_alone_in_windows_of_a_count(asked: Project) -> None:
    found = asked.monitoring.report("readmission/1", last=600, window=200, joint=False)
    assert found.predictions == 600
    assert [span.predictions for span in found.spans] == [200, 200, 200]
    assert {one.name for one in found.columns if one.drifted} == {"crp", "heart_rate", "ward"}


def test_a_time_without_answers_is_told(asked: Project) -> None:
    before = START - timedelta(days=9)
    found = asked.monitoring.report("readmission/1", since=before, until=START)
    assert sentence(found).startswith("Cannot tell: readmission/1 was asked nothing from 2026-02-")
    assert found.severity == UNKNOWN
    assert "Nothing could be checked." in write(found, "md")


@pytest.mark.slow
def test_a_past_window_as_reference_brings_the_joint_check(asked: Project) -> None:
    past = f"{START:%Y-%m-%d}T00:00+00:00..{BROKE:%Y-%m-%d}T00:00+00:00"
    found = asked.monitoring.report("readmission/1", since=BROKE, reference_window=past)
    assert found.joint is not None
    assert found.joint.severity == ALERT
    assert "crp" in found.joint.features


def test_what_cannot_be_told_is_a_note(asked: Project) -> None:
    found = asked.monitoring.report("readmission/1", by=["wards"], groups=["sexes"], joint=False)
    notes = " ".join(found.notes)
    assert "Slices by wards: " in notes
    assert "Fairness: " in notes
    assert not found.slices
    assert not found.groups
    assert found.columns


def test_one_answer_and_no_training_data(project: Project) -> None:
    model = LogisticRegression().fit(np.eye(4), ["a", "b", "a", "b"])
    project.models.register(model, "lonely", input_example=np.eye(4)[:1])
    with project.predictor("lonely") as predictor:
        predictor.predict([dict.fromkeys(["x0", "x1", "x2", "x3"], 0.5)])
    found = project.monitoring.report("lonely")
    assert found.predictions == 1
    assert [note for note in found.notes if note.startswith("Drift: There is nothing to compare")]
    for form in ("html", "md", "json"):
        assert "lonely" in write(found, form)


def test_what_is_not_there_is_refused(asked: Project) -> None:
    with pytest.raises(NotFound):
        asked.monitoring.report("nobody")
    with pytest.raises(Invalid, match="Windows of 'often' cannot be made"):
        asked.monitoring.report("readmission/1", window="often")


# -- monitors -----------------------------------------------------------------------------------


def test_the_window_of_a_monitor_is_judged_and_those_before_are_drawn(asked: Project) -> None:
    asked.monitors.set("ward", model="readmission@champion", window="1d")
    until = START + timedelta(days=BROKEN + 2)
    found = asked.monitors.report("ward", until=until, by=["ward"])
    assert found.name == "ward"
    assert found.predictions == A_DAY
    assert found.since == until - timedelta(days=1)
    assert len(found.spans) == BROKEN + 2
    assert {one.check for one in found.findings} >= {"drift", "quality"}
    crp = next(one for one in found.columns if one.name == "crp")
    assert (crp.severity, crp.since) == (ALERT, BROKE)


def test_alerts_of_a_monitor_stand_in_its_report(asked: Project) -> None:
    asked.monitors.set("alarm", model="readmission/1", window="500 rows", checks=["drift"])
    asked.monitors.run("alarm")
    found = asked.monitors.report("alarm")
    assert found.predictions == 500
    assert any("crp" in one.sentence for one in found.alerts)
    assert {one.check for one in found.findings} == {"drift"}


# -- widths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "width"),
    [
        (timedelta(seconds=1), 84),
        (timedelta(seconds=10), timedelta(seconds=1)),
        (timedelta(minutes=9), timedelta(minutes=1)),
        (timedelta(hours=30), timedelta(hours=3)),
        (timedelta(days=12), timedelta(days=1)),
        (timedelta(days=80), timedelta(days=7)),
        (timedelta(days=9_000), timedelta(days=750)),
    ],
)
def test_windows_are_those_that_people_count_in(span: timedelta, width: object) -> None:
    assert fitting(span, 1_000, 12) == width


def test_few_answers_make_one_window() -> None:
    assert fitting(timedelta(0), 3, 12) == 50
