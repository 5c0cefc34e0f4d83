"""What a table of a loop may say, and what is said of what it may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.loops import Loop
from lite_mlops.loops.definition import loop_of
from lite_mlops.project import Project


def test_a_table_says_all_there_is_to_a_loop() -> None:
    loop = loop_of(
        "weekly",
        {
            "model": "churn",
            "alias": "live",
            "pipeline": "train",
            "params": {"rate": 0.1},
            "force": True,
            "alerts": "churn",
            "data": "patients",
            "labels": 500,
            "every": "7d",
            "canary": "25%",
            "requests": 40,
            "within": "30m",
            "least": 5,
            "per_day": 2,
            "pause": "5m",
            "longest_pause": "12h",
        },
        "here",
    )
    assert loop.reference == "churn@live"
    assert (loop.canary, loop.within) == (0.25, timedelta(minutes=30))
    assert loop.begins_with == (
        "an alert of churn",
        "a new version of patients",
        "500 new labels",
        "every 1w",
    )
    said = loop.to_dict()
    assert loop_of(said.pop("name"), said, "again") == loop


def test_what_is_not_said_has_a_default() -> None:
    loop = loop_of("churn", {"every": "1d"}, "here")
    assert loop == Loop("churn", "churn", every=timedelta(days=1))
    assert loop_of("churn", {"every": "1d", "canary": False}, "here").canary is None


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "nothing begins the loop"),
        ({"evry": "1d"}, "a loop has no 'evry'. Did you mean 'every'?"),
        ({"every": "soon"}, "every = 'soon' cannot be used: expected a time such as"),
        ({"every": 5}, "every = 5 cannot be used"),
        ({"labels": 0}, "labels = 0 cannot be used: expected a whole number of at least 1."),
        ({"labels": True}, "labels = True cannot be used"),
        ({"every": "1d", "canary": "100%"}, "canary = '100%' cannot be used"),
        ({"every": "1d", "canary": True}, "expected a share such as '10%', or false."),
        ({"every": "1d", "canary": "half"}, "the share 'half' is no number"),
        ({"every": "1d", "model": ""}, "model = '' cannot be used: expected a name."),
        ({"every": "1d", "model": "a/b"}, "model = 'a/b' cannot be used"),
        ({"every": "1d", "params": 3}, "expected a table of params."),
        ({"every": "1d", "force": "yes"}, "expected true or false."),
        ({"every": "1d", "pause": "2h", "longest_pause": "1h"}, "shorter than pause"),
        ({"every": "1d", "least": 9, "requests": 5}, "least is more than requests"),
    ],
)
def test_what_cannot_be_used_is_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid) as caught:
        loop_of("churn", values, "lite-mlops.toml: loop.churn")
    assert str(caught.value).startswith("lite-mlops.toml: loop.churn: ")
    assert why in str(caught.value)
    assert ".." not in str(caught.value)


def test_loops_are_found_in_the_settings_file(project: Project) -> None:
    with pytest.raises(NotFound, match=r"There is no loop\. A table \[loop\.churn\] in lite-mlops"):
        project.loops.status()
    file = project.folder.parent / "lite-mlops.toml"
    file.write_text('[loop.churn]\nevery = "1d"\n[loop.price]\nlabels = 9\n')
    assert [one.name for one in project.loops.all()] == ["churn", "price"]
    with pytest.raises(NotFound, match=r"There is no loop 'chorn'\. Did you mean 'churn'\?"):
        project.loops.run("chorn")
    with pytest.raises(Conflict, match=r"The loop churn is not paused\."):
        project.loops.resume("churn")
    project.loops.pause("churn", reason="the clinic is closed")
    with pytest.raises(Conflict, match=r"The loop churn is paused already\."):
        project.loops.pause("churn")
    assert [(one.state, one.why) for one in project.loops.run("churn")] == [
        ("paused", "It is paused.")
    ]
    assert project.loops.history("churn") == []
    file.write_text("[loop]\nevery = 5\n")
    with pytest.raises(Invalid, match=r"loop needs a name: write it as \[loop\.NAME\]"):
        project.loops.all()
