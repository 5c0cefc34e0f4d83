"""An active run: params, tags and the note, how it ends, and runs inside of runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lite_mlops.errors import Conflict, Invalid
from lite_mlops.project import Project
from lite_mlops.tracking import ActiveRun

# -- params --------------------------------------------------------------------------------------


def test_params_are_written_once(project: Project) -> None:
    with project.start_run() as run:
        run.log_params({"depth": 3})
        with pytest.raises(Conflict) as error:
            run.log_params({"depth": 4})
    assert str(error.value) == (
        f"param 'depth' of run {run.id} is '3' and cannot become '4': params are written once. "
        "Use a tag for what changes."
    )
    assert project.runs.get(run.id).params == {"depth": "3"}


def test_the_same_param_again_changes_nothing(project: Project) -> None:
    with project.start_run(params={"depth": 3}) as run:
        run.log_param("depth", 3)
        run.log_params({"depth": "3"})
    assert project.runs.get(run.id).params == {"depth": "3"}


def test_a_logged_param_is_handed_back(project: Project) -> None:
    value = {"deep": [1, 2]}
    with project.start_run() as run:
        assert run.log_param("model", value) is value
    assert project.runs.get(run.id).params == {"model": "{'deep': [1, 2]}"}


def test_a_param_may_hold_any_text(project: Project) -> None:
    text = 'line\nbreak\t"quoted" \\ \u2028 \x00 \x7f 😀 \ud800'
    with project.start_run() as run:
        run.log_param("text", text)
        run.log_param("long", "x" * 6_000)
    params = project.runs.get(run.id).params
    assert params == {"text": text.replace("\ud800", "\ufffd"), "long": "x" * 6_000}


def test_the_right_params_of_a_call_are_kept(project: Project) -> None:
    with project.start_run(params={"depth": 3}) as run:
        with pytest.raises(Invalid) as error:
            run.log_params({"a": 1, "": 2, "long": "x" * 6_001, "b": 3, "depth": 4})
        with pytest.raises(Conflict):
            run.log_params({"depth": 5, "c": 6})
    text = str(error.value)
    assert text.startswith("param name is empty. param 'long' is too long: 6,001 characters")
    assert "param 'depth' of run" in text
    assert project.runs.get(run.id).params == {"depth": "3", "a": "1", "b": "3", "c": "6"}


@pytest.mark.slow
def test_many_long_params_are_kept(project: Project) -> None:
    with project.start_run() as run:
        run.log_params({f"prompt {number}": "x" * 6_000 for number in range(1_400)})
    assert len(project.runs.get(run.id).params) == 1_400


# -- tags and note -------------------------------------------------------------------------------


def test_a_tag_set_again_has_the_new_value(project: Project) -> None:
    with project.start_run(tags={"stage": "draft", "team": "risk"}) as run:
        run.set_tag("stage", "done")
        run.set_tags({"count": 3})
    assert project.runs.get(run.id).tags == {"stage": "done", "team": "risk", "count": "3"}


def test_a_tag_set_to_none_is_taken_away(project: Project) -> None:
    with project.start_run(tags={"a": 1, "b": 2}) as run:
        run.set_tag("a", None)
        run.set_tags({"b": None, "c": 3, "never set": None})
        run.set_tags({"b": "back"})
    assert project.runs.get(run.id).tags == {"b": "back", "c": "3"}


def test_a_tag_that_was_seen_is_taken_away(project: Project) -> None:
    with project.start_run(tags={"a": 1}) as run:
        assert project.runs.get(run.id).tags == {"a": "1"}
        run.set_tag("a", None)
        assert project.runs.get(run.id).tags == {}
        run.set_tag("a", 2)
    assert project.runs.get(run.id).tags == {"a": "2"}


def test_the_right_tags_of_a_call_are_kept(project: Project) -> None:
    with project.start_run() as run, pytest.raises(Invalid) as error:
        run.set_tags({"a": 1, 5: 2, "long": "x" * 8_001, "b": 3})  # type: ignore[dict-item]
    assert str(error.value) == (
        "tag name is a text; 5 is a int. tag 'long' is too long: 8,001 characters, at most 8,000 "
        "are kept. Log long texts as an artifact: log_text(text, 'name.txt')."
    )
    assert project.runs.get(run.id).tags == {"a": "1", "b": "3"}


def test_the_note_can_be_replaced(project: Project) -> None:
    with project.start_run(note="first") as run:
        run.set_note("# Second\n\n*Übung* 😀")
    assert project.runs.get(run.id).note == "# Second\n\n*Übung* 😀"


# -- the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("diverged"), "failed"),
        (KeyboardInterrupt(), "killed"),
        (SystemExit(), "finished"),
        (SystemExit(0), "finished"),
        (SystemExit(1), "failed"),
        (SystemExit("no data"), "failed"),
    ],
    ids=repr,
)
def test_what_leaves_the_with_block_tells_how_the_run_ended(
    project: Project, error: BaseException, status: str
) -> None:
    with pytest.raises(type(error)) as raised, project.start_run() as run:
        raise error
    assert raised.value is error
    assert run.status == project.runs.get(run.id).status == status


def test_a_run_is_finished_when_its_with_block_is_left(project: Project) -> None:
    with project.start_run() as run:
        assert project.runs.get(run.id).status == "running"
        assert project.runs.get(run.id).ended_at is None
    found = project.runs.get(run.id)
    assert run.status == found.status == "finished"
    assert found.ended_at is not None
    assert found.ended_at >= found.started_at


def test_a_run_ended_early_keeps_how_it_ended(project: Project) -> None:
    with project.start_run() as run:
        run.end("killed")
        run.end("failed")
    assert project.runs.get(run.id).status == "killed"


def test_finish_is_another_word_for_end(project: Project) -> None:
    run = project.start_run()
    run.finish("failed")
    assert project.runs.get(run.id).status == "failed"


@pytest.mark.parametrize("status", ["done", "crashed", "running", None])
def test_an_unknown_ending_is_refused(project: Project, status: Any) -> None:
    run = project.start_run()
    with pytest.raises(Invalid) as error:
        run.end(status)
    assert str(error.value) == (
        f"a run ends as finished, failed, killed; {status!r} is none of them."
    )
    assert run.status == project.runs.get(run.id).status == "running"


def test_actions_for_the_end_are_called_once_and_may_log(project: Project) -> None:
    run = project.start_run()
    called: list[str] = []
    run.at_end(lambda: called.append("first"))
    run.at_end(lambda: run.log_metric("last", 1.0))
    run.end()
    run.end()
    assert called == ["first"]
    assert project.runs.get(run.id).metrics["last"].value == 1.0


CALLS: dict[str, Callable[[ActiveRun], object]] = {
    "log_metric": lambda run: run.log_metric("loss", 1.0),
    "log_metric of a known metric": lambda run: run.log_metric("known", 1.0),
    "log_metrics": lambda run: run.log_metrics({"loss": 1.0}),
    "log": lambda run: run.log({"loss": 1.0}),
    "log_param": lambda run: run.log_param("depth", 3),
    "log_params": lambda run: run.log_params({"depth": 3}),
    "set_tag": lambda run: run.set_tag("stage", "draft"),
    "set_tags": lambda run: run.set_tags({"stage": "draft"}),
    "set_note": lambda run: run.set_note("late"),
    "log_text": lambda run: run.log_text("late", "late.txt"),
    "log_dict": lambda run: run.log_dict({"a": 1}, "late.json"),
    "log_table": lambda run: run.log_table({"a": [1]}, "late.csv"),
    "log_figure": lambda run: run.log_figure(b"GIF89a", "late.gif"),
    "log_artifact": lambda run: run.log_artifact(__file__),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_an_ended_run_refuses_everything(
    project: Project, call: Callable[[ActiveRun], object]
) -> None:
    run = project.start_run("baseline")
    run.log_metric("known", 1.0)
    run.end("failed")
    before = project.runs.get(run.id).to_dict()
    with pytest.raises(Conflict) as error:
        call(run)
    assert str(error.value) == (
        f"Run {run.id} (baseline) has failed; nothing more can be logged to it. "
        f"start_run(run_id={run.id!r}) resumes it."
    )
    assert project.runs.get(run.id).to_dict() == before


# -- runs inside of runs -------------------------------------------------------------------------


def test_a_nested_run_has_a_parent_and_gives_way_to_it(project: Project) -> None:
    with project.start_run("outer") as outer:
        with project.start_run("inner", nested=True) as inner:
            assert project.active_run() is inner
            with project.start_run("innermost", nested=True) as innermost:
                assert project.active_run() is innermost
            assert project.active_run() is inner
        assert project.active_run() is outer
    assert project.active_run() is None
    assert project.runs.get(outer.id).parent_id is None
    assert project.runs.get(inner.id).parent_id == outer.id
    assert project.runs.get(innermost.id).parent_id == inner.id


def test_nested_without_an_active_run_is_a_run_of_its_own(project: Project) -> None:
    with project.start_run(nested=True) as run:
        pass
    assert project.runs.get(run.id).parent_id is None


def test_a_run_tells_its_id_its_name_and_how_it_stands(project: Project) -> None:
    run = project.start_run("baseline", experiment="churn")
    assert repr(run) == f"<ActiveRun {run.id} 'baseline' running in 'churn'>"
    run.end()
    assert repr(run) == f"<ActiveRun {run.id} 'baseline' finished in 'churn'>"


def test_a_run_without_a_name_gets_one_that_leads_to_it(project: Project) -> None:
    with project.start_run() as run:
        pass
    assert project.runs.get(run.name).id == run.id
