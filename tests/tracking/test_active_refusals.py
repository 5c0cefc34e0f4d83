"""A call that is refused says why, and leaves the run exactly as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.project import Project

Call = Callable[[Any], object]  # of a run; as the calls are wrong, its type is left open

RING: list[Any] = []
RING.append(RING)

# Each call with the whole text of its refusal.
NAMES: dict[str, Call] = {
    "metric name is empty.": lambda run: run.log_metric("", 1.0),
    "metric name is a text; [1] is a list.": lambda run: run.log_metric([1], 1.0),
    "metric name is a text; 5 is a int.": lambda run: run.log_metrics({5: 1.0}),
    "metric name is a text; None is a NoneType.": lambda run: run.log({None: 1.0}),
    "param name is empty.": lambda run: run.log_param(" ", 1),
    "param name is a text; 1.5 is a float.": lambda run: run.log_params({1.5: 1}),
    "tag name is empty.": lambda run: run.set_tag("", 1),
    "tag name is a text; (1,) is a tuple.": lambda run: run.set_tags({(1,): 1}),
    (
        r"param name 'a\nb' contains the control character '\n' at position 2. Names are text "
        "without control characters."
    ): lambda run: run.log_param("a\nb", 1),
}

VALUES: dict[str, Call] = {
    (
        "metric 'loss' needs a number; 'low' is a str. Texts belong into params or tags."
    ): lambda run: run.log_metric("loss", "low"),
    (
        "metric 'loss' needs a number; None is a NoneType. Texts belong into params or tags."
    ): lambda run: run.log_metrics({"loss": None}),
    ("metrics are a dictionary of names and values; [('loss', 1.0)] is a list."): lambda run: (
        run.log_metrics([("loss", 1.0)])
    ),
    ("metrics are a dictionary of names and values; 0.5 is a float."): lambda run: run.log(0.5),
    ("params are a dictionary of names and values; 'depth' is a str."): lambda run: run.log_params(
        "depth"
    ),
    ("tags are a dictionary of names and values; ['draft'] is a list."): lambda run: run.set_tags(
        ["draft"]
    ),
    (
        "param 'prompt' is too long: 6,001 characters, at most 6,000 are kept. Log long texts as "
        "an artifact: log_text(text, 'name.txt')."
    ): lambda run: run.log_param("prompt", "x" * 6_001),
    (
        "tag 'summary' is too long: 8,001 characters, at most 8,000 are kept. Log long texts as "
        "an artifact: log_text(text, 'name.txt')."
    ): lambda run: run.set_tag("summary", "x" * 8_001),
    (
        "the note is too long: 100,001 characters, at most 100,000 are kept. Log long texts as "
        "an artifact: log_text(text, 'name.txt')."
    ): lambda run: run.set_note("x" * 100_001),
}

STEPS_AND_TIMES: dict[str, Call] = {
    ("the step of metric 'loss' is a whole number; 0.5 is not."): lambda run: run.log_metric(
        "loss", 1.0, step=0.5
    ),
    ("the step of metric 'loss' is a whole number; 'one' is not."): lambda run: run.log(
        {"loss": 1.0}, step="one"
    ),
    ("the step 9223372036854775808 of metric 'loss' does not fit into 64 bits."): lambda run: (
        run.log_metrics({"loss": 1.0}, step=2**63)
    ),
    (
        "a timestamp is a datetime, milliseconds as an int or seconds as a float; 'now' is a str."
    ): lambda run: run.log_metric("loss", 1.0, timestamp="now"),
    (
        "the timestamp 17 would be in 1970 to 1973: integers are milliseconds. If these are "
        "seconds, pass 17000 or the float 17.0."
    ): lambda run: run.log_metrics({"loss": 1.0}, timestamp=17),
}

ARTIFACTS: dict[str, Call] = {
    (
        "artifact path '../x' must be relative and stay below the run, such as 'plots/roc.png'."
    ): lambda run: run.log_text("x", "../x"),
    (
        "artifact path '/x' must be relative and stay below the run, such as 'plots/roc.png'."
    ): lambda run: run.log_dict({}, "/x"),
    (
        "artifact path '' must be relative and stay below the run, such as 'plots/roc.png'."
    ): lambda run: run.log_table({}, ""),
    (
        "artifact path '..' must be relative and stay below the run, such as 'plots/roc.png'."
    ): lambda run: run.log_figure(b"", ".."),
    (
        "artifact path '../test_active_refusals.py' must be relative and stay below the run, such "
        "as 'plots/roc.png'."
    ): lambda run: run.log_artifact(__file__, ".."),
    "log_text needs a text; b'x' is a bytes.": lambda run: run.log_text(b"x", "x.txt"),
    ("log_dict cannot write this as JSON: Circular reference detected."): lambda run: run.log_dict(
        RING, "x.json"
    ),
    (
        "log_dict cannot write this as JSON: keys must be str, int, float, bool or None, not tuple."
    ): lambda run: run.log_dict({(1, 2): 3}, "x.json"),
    ("a table is written as .json or .csv; 'x.txt' is neither."): lambda run: run.log_table(
        {"a": [1]}, "x.txt"
    ),
    (
        "log_figure takes a matplotlib or plotly figure, a PIL image or bytes; this is a dict."
    ): lambda run: run.log_figure({}, "x.png"),
}

REFUSED = NAMES | VALUES | STEPS_AND_TIMES | ARTIFACTS


@pytest.mark.parametrize(("text", "call"), REFUSED.items(), ids=range(len(REFUSED)))
def test_a_refused_call_says_why_and_changes_nothing(
    project: Project, text: str, call: Call
) -> None:
    run = project.start_run(params={"depth": 3}, tags={"stage": "draft"}, note="first")
    run.log_metric("loss", 1.0)
    before = project.runs.get(run.id).to_dict()
    with pytest.raises(Invalid) as error:
        call(run)
    assert str(error.value) == text
    assert project.runs.get(run.id).to_dict() == before


def test_a_refused_param_changes_nothing(project: Project) -> None:
    run = project.start_run(params={"depth": 3})
    before = project.runs.get(run.id).to_dict()
    with pytest.raises(Conflict, match="is '3' and cannot become '4': params are written once"):
        run.log_param("depth", 4)
    assert project.runs.get(run.id).to_dict() == before


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda run: run.log_artifact("not-there.txt"),
            "There is no file 'not-there.txt' to log as artifact.",
        ),
        (
            lambda run: run.log_artifacts("not-there"),
            "There is no folder 'not-there' to log artifacts from.",
        ),
    ],
    ids=["file", "folder"],
)
def test_a_missing_file_changes_nothing(project: Project, call: Call, text: str) -> None:
    run = project.start_run()
    before = project.runs.get(run.id).to_dict()
    with pytest.raises(NotFound) as error:
        call(run)
    assert str(error.value) == text
    assert project.runs.get(run.id).to_dict() == before


@pytest.mark.parametrize(
    "call",
    [
        lambda run: run.log_artifact(None),
        lambda run: run.log_artifact(5),
        lambda run: run.log_artifacts(5),
        lambda run: run.log_artifact(__file__, 5),
    ],
    ids=["file None", "file 5", "folder 5", "artifact path 5"],
)
def test_a_path_of_another_type_is_refused(project: Project, call: Call) -> None:
    run = project.start_run()
    with pytest.raises(Invalid, match=r"path"):
        call(run)
    assert project.runs.get(run.id).artifacts == ()


def test_a_file_below_a_file_is_not_there(project: Project) -> None:
    run = project.start_run()
    with pytest.raises((Invalid, NotFound), match=r"test_active_refusals\.py/x"):
        run.log_artifact(f"{__file__}/x")
    assert project.runs.get(run.id).artifacts == ()
