"""Monitors as they are said: in the file and in code the same; what cannot be used is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import lite_mlops
from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.monitoring.monitors import Monitor
from lite_mlops.monitoring.windows import Size
from lite_mlops.project import Project
from lite_mlops.settings import FILE_NAME
from tests.monitoring.watched import file


def test_the_file_and_code_say_the_same(project: Project) -> None:
    file(
        project,
        """
        [monitor.churn]
        model = "churn@champion"
        reference = "past 7d"
        window = "1d"
        columns = ["age"]
        checks = { drift = { preset = "calm" }, traffic = { silence = "90m" }, service = false }
        channels = ["team"]
        windows = "3 of 5"
        quiet_windows = 4
        cooldown = "6h"
        """,
    )
    filed = project.monitors.get("churn")
    lite_mlops.use_project(project)
    said = lite_mlops.monitor(
        "other",
        model="churn@champion",
        reference="past 7d",
        window="1d",
        columns=["age"],
        checks={"drift": {"preset": "calm"}, "traffic": {"silence": "90m"}, "service": False},
        channels=["team"],
        windows="3 of 5",
        quiet_windows=4,
        cooldown="6h",
    )
    assert filed == replace(said, name="churn", source=FILE_NAME)
    assert said.every == timedelta(hours=1)
    assert said.options_of("traffic") == {"silence": timedelta(minutes=90)}
    assert [said.runs_check(name) for name in ("drift", "quality", "service")] == [
        True,
        True,
        False,
    ]
    assert project.monitors.get("other") == said  # as it was stored
    assert lite_mlops.monitor("other") == said
    assert [one.name for one in project.monitors.all()] == ["churn", "other"]


def test_options_are_kept_as_they_are_said(project: Project) -> None:
    checks = {
        "fairness": {"columns": {"age": [30, 60]}, "positive": "yes", "within": "30d"},
        "performance": {"by": "city", "tolerance": {"auc": 0.05}},
        "estimates": {"loss": True},
    }
    said = project.monitors.set("churn", checks=checks)
    assert project.monitors.get("churn") == said  # as it was stored
    assert said.options_of("fairness")["within"] == timedelta(days=30)
    assert said.to_dict()["checks"] == checks
    assert said.runs_check("drift")


def test_nothing_said_is_enough(project: Project) -> None:
    found = project.monitors.set("churn")
    assert found == Monitor("churn")
    assert found.window == Size(rows=1000)
    assert project.monitors.set("churn") == found
    assert project.sql("SELECT count(*) FROM decisions").rows == ((1,),)  # nothing was new
    project.monitors.remove("churn", reason="no more")
    assert project.monitors.all() == []
    with pytest.raises(NotFound, match="There is no monitor 'churn'"):
        project.monitors.remove("churn")


def test_a_list_of_checks_is_all_that_are_made(project: Project) -> None:
    found = project.monitors.set("churn", checks=["drift"])
    assert found.runs_check("drift")
    assert not any(found.runs_check(name) for name in ("quality", "joint", "traffic", "service"))


def test_the_file_goes_before_code(project: Project) -> None:
    project.monitors.set("churn", window="1d")
    file(project, '[monitor.churn]\nwindow = "2d"')
    assert str(project.monitors.get("churn").window) == "2d"
    assert project.monitors.set("churn", window="2d").source == FILE_NAME
    with pytest.raises(Conflict, match=r"lite-mlops\.toml says what the monitor churn is; change"):
        project.monitors.set("churn", window="3d")
    with pytest.raises(Conflict, match="stands in"):
        project.monitors.remove("churn")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"windw": "1d"}, r"there is no option 'windw'. Did you mean 'window'"),
        (
            {"window": "1 day"},
            "window = '1 day' cannot be used: expected rows, or a time of",
        ),
        ({"window": "10 rows"}, "expected 50 to 1,000,000 rows"),
        ({"every": "0s"}, "every = '0s' cannot be used: expected a time of more than 0"),
        ({"every": "0.1s"}, "expected at least '1s'"),
        ({"reference": "trainig"}, "expected 'training', a dataset as NAME@VERSION, or such as"),
        ({"reference": "past week"}, "expected a time such as '15m'"),
        ({"columns": "age"}, "columns = 'age' cannot be used: expected a list of names"),
        ({"checks": ["drfit"]}, "there is no check 'drfit'. Did you mean 'drift'?"),
        ({"checks": {"drift": 5}}, "checks.drift = 5 cannot be used: expected true, false or a"),
        ({"checks": {"drift": {"presett": "calm"}}}, "no option 'presett'. Did you mean 'preset'"),
        ({"checks": {"drift": {"preset": "loud"}}}, "checks.drift.preset = 'loud' cannot be used"),
        ({"checks": {"service": {"p95_ms": -1}}}, "expected a number of at least 0"),
        ({"checks": {"estimates": {"loss": 1}}}, "loss = 1 cannot be used: expected true or false"),
        ({"checks": {"fairness": {"columns": []}}}, "expected a list of columns, or a table such"),
        ({"checks": {"fairness": {"columns": {"age": ["old"]}}}}, "expected a list of columns, or"),
        ({"checks": {"performance": {"tolerance": {}}}}, "expected a table of metrics, such as"),
        ({"checks": {"performance": {"by": 3}}}, "by = 3 cannot be used: expected a text"),
        ({"checks": 5}, "expected a list of checks, or a table of them"),
        ({"windows": "4 of 3"}, "windows = '4 of 3' cannot be used: expected such as '2 of 3'"),
        ({"quiet_windows": 0}, "expected a whole number from 1 to 100"),
        ({"cooldown": "soon"}, "cooldown = 'soon' cannot be used"),
        ({"model": 5}, "model = 5 cannot be used: expected a text"),
    ],
)
def test_what_cannot_be_used_is_refused(
    project: Project, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(Invalid, match=told) as error:
        project.monitors.set("churn", **options)
    assert str(error.value).startswith("monitor churn: ")
    assert not project.exists


def test_the_file_says_where(project: Project) -> None:
    file(project, '[monitor.churn]\nwindw = "1d"')
    with pytest.raises(Invalid, match=r"lite-mlops\.toml: monitor\.churn: there is no option 'win"):
        project.monitors.all()
    file(project, '[moniter.churn]\nwindow = "1d"')
    with pytest.raises(Invalid, match=r"there is no table 'moniter'. Did you mean 'monitor'?"):
        project.monitors.all()
    file(project, "[monitor.a]")  # what was wrong is read again
    assert [one.name for one in project.monitors.all()] == ["a"]


def test_a_name_is_one(project: Project) -> None:
    with pytest.raises(Invalid, match="the name 'a/b' cannot be used"):
        project.monitors.set("a/b")
