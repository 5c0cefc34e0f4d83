"""How a model serves: requests, latencies beyond chance, versions, trials, what is not known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.monitoring.operation import findings
from lite_mlops.project import Project
from lite_mlops.store import new_id, now
from lite_mlops.store.events import Predictions, RequestsSeen, TrialSeen
from tests.conftest import Prepared

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
CHANCE = np.random.default_rng(5)


def _make_serving(project: Project) -> None:
    rows = CHANCE.normal(size=(60, 2))
    model = LogisticRegression().fit(rows, rows[:, 0] > 0)
    for _ in range(2):
        project.models.register(model, "churn", input_example=rows[:2])


@pytest.fixture
def serving(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_serving)


def answered(
    project: Project,
    requests: int,
    begin: datetime = BEGIN,
    *,
    version: int = 1,
    latency: float = 1000.0,
    rows: int = 1,
    every: timedelta = timedelta(minutes=1),
) -> None:
    """Record requests, each of so many rows, whose latencies vary by a fifth."""
    ids, times, took = [], [], []
    for place in range(requests):
        name, us = new_id(), int(latency * CHANCE.normal(1, 0.2))
        moment = int((begin + place * every).timestamp() * 1_000_000)
        ids += [name] if rows == 1 else [f"{name}-{row}" for row in range(rows)]
        times += [moment] * rows
        took += [us] * rows
    count = len(ids)
    project.store.append(
        Predictions(
            model="churn",
            version=version,
            ids=ids,
            times=times,
            inputs=[[0.0, 0.0]] * count,
            answers=["True"] * count,
            latencies=took,
        )
    )


def service(project: Project, model: str = "churn", **options: Any) -> Any:
    return project.monitoring.service(model, **options)


def test_requests_of_several_rows_are_counted_once(serving: Project) -> None:
    answered(serving, 300)
    answered(serving, 100, BEGIN + timedelta(hours=5), rows=4, version=2, latency=500)
    report = service(serving, until=BEGIN + timedelta(hours=7))
    assert (report.now.requests, report.now.answers) == (400, 700)
    assert (report.model, report.window, report.before) == ("churn", "..2026-03-02 07:00", None)
    assert report.now.per_hour == pytest.approx(400 / 6.65, rel=0.01)
    assert 400 < report.now.p50_us < 1000 < report.now.p95_us < report.now.p99_us
    assert [(one.version, one.requests) for one in report.versions] == [
        ("churn/2", 100),
        ("churn/1", 300),
    ]
    assert sum(one.requests for one in report.traffic) == 400
    assert len(report.traffic) == 48
    assert str(report).startswith("400 requests of 700 rows; half took up to 0.")
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()
    assert "Versions" in report._repr_html_()
    only = service(serving, "churn/1")
    assert (only.model, only.now.requests, len(only.versions)) == ("churn/1", 300, 1)


@pytest.mark.parametrize(("times", "severity"), [(1.0, "none"), (1.45, "warn"), (2.6, "alert")])
def test_latencies_are_worse_only_beyond_chance(
    serving: Project, times: float, severity: str
) -> None:
    answered(serving, 1_000)
    answered(serving, 1_000, BEGIN + DAY, latency=1000 * times)
    report = service(serving, since=BEGIN + DAY, until=BEGIN + 2 * DAY)
    assert report.reference == "2026-03-02..2026-03-03"
    assert report.before is not None
    assert (report.before.requests, report.latency_severity) == (1_000, severity)
    assert report.slower == pytest.approx(times, rel=0.1)
    low, high = report.now.p95_interval
    assert low < report.now.p95_us < high
    latency = findings(report)[0]
    assert (latency.check, latency.subject, latency.severity) == ("service", "latency", severity)
    assert latency.limit == pytest.approx(1.2 * report.before.p95_us)
    assert latency.fires == (times > 1)


def test_few_requests_cannot_tell(serving: Project) -> None:
    answered(serving, 40)
    answered(serving, 40, BEGIN + DAY, latency=9000)
    report = service(
        serving, reference_window="2026-03-02T00:00Z..2026-03-03T00:00Z", since=BEGIN + DAY
    )
    assert report.latency_severity == "unknown"
    assert findings(report)[0].sentence.endswith("fewer than 100 requests on a side cannot tell.")


def test_traffic_that_stopped_is_a_finding(serving: Project) -> None:
    answered(serving, 300)
    report = service(serving, until=BEGIN + timedelta(hours=12))
    (stopped,) = report.broken
    assert stopped.rule == "absent"
    assert report.severity == "alert"
    told = next(one for one in findings(report) if one.subject == "traffic")
    assert told.sentence == "No request for 7.02 h, 60 s at most before."
    assert told.evidence["since"] == "2026-03-02T04:59:00+00:00"
    fine = service(serving, until=BEGIN + timedelta(hours=5))
    assert findings(fine)[1].severity == "none"


def test_trials_tell_errors_and_how_a_shadow_differs(serving: Project) -> None:
    for writer, role, failed, detail in (
        ("a", "current", 1, {}),
        ("a", "canary", 9, {}),
        ("a", "shadow", 0, {"rows": 80, "changed": 8, "numbers": 80, "difference": 4.0}),
        ("b", "shadow", 0, {"rows": 20, "changed": 0, "numbers": 20, "difference": 1.0}),
    ):
        serving.store.append(
            TrialSeen(
                reference="churn@champion",
                trial="t",
                writer=writer,
                role=role,
                name="churn/2",
                requests=100,
                failed=failed,
                slow=0,
                doubtful=0,
                detail=detail,
            )
        )
    report = service(serving)
    assert report.errors == (10, 200)
    shadow = report.trials[-1]
    assert (shadow.role, shadow.requests, shadow.rows, shadow.changed) == ("shadow", 200, 100, 8)
    assert shadow.difference == pytest.approx(0.05)
    errors = findings(report)[-1]
    assert (errors.subject, errors.value) == ("errors", 0.05)
    assert errors.sentence == "10 of 200 requests in trials failed."


def test_without_requests_there_is_a_report(serving: Project) -> None:
    report = service(serving, last="7d")
    assert (report.now.requests, report.before.requests, report.traffic) == (0, 0, ())
    assert str(report) == "0 requests."
    assert [one.severity for one in findings(report)] == ["unknown", "unknown"]
    json.dumps(report.to_dict(), allow_nan=False)
    with pytest.raises(Invalid, match="is told by time; the window 'last 5' is a count"):
        service(serving, last="5")
    with pytest.raises(NotFound, match="Did you mean 'churn'"):
        service(serving, "chrun")


def told(project: Project, names: list[str], minute: int, **counts: int) -> None:
    """Have a server tell what it was asked in a minute."""
    moment = now() - 60_000_000 * minute
    known = {"requests": 0, "refused": 0, "failed": 0, "overloaded": 0} | counts
    project.store.append(
        RequestsSeen(
            names=names,
            since=moment - 60_000_000,
            until=moment,
            detail={"bounds": [0.001, 0.1], "seconds": [90, 8, 2], "delays": [100, 0, 0]},
            **known,
        )
    )


def test_what_servers_count_is_told_with_errors_and_queue(serving: Project) -> None:
    none = serving.monitoring.service("churn")
    assert none.asked is None
    assert none.notes == (
        "No server has told of refused, failed or waiting requests in this window.",
    )
    told(serving, ["churn@champion"], 3, requests=80, refused=2, failed=3)
    told(serving, ["price/1", "churn/2"], 2, requests=20, failed=3, overloaded=3)
    told(serving, ["churner@champion"], 2, requests=900, failed=900)
    report = serving.monitoring.service("churn")
    assert report.asked is not None
    assert (report.asked.requests, report.asked.refused, report.asked.failed) == (100, 2, 6)
    assert (report.asked.p95_seconds, report.asked.waited_p95_seconds) == (0.1, 0.001)
    assert report.notes == ()
    assert report.errors_severity == "alert"
    errors = findings(report)[-1]
    assert (errors.subject, errors.severity, errors.value) == ("errors", "alert", 0.06)
    assert errors.sentence == ("6 of 100 requests failed, 2 were refused; 95 % waited up to 1 ms.")
    assert "Of 100 requests to its servers 6 failed and 2 were refused." in str(report)
    later = serving.monitoring.service("churn", last="150s")
    assert later.asked is not None
    assert later.asked.requests == 20
    assert later.errors_severity == "none"  # three are too few
