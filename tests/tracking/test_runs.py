"""Runs are found, paged through, annotated afterwards, and put away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lite_mlops.errors import Conflict, Invalid, LiteMlopsError, NotFound
from lite_mlops.project import Project
from lite_mlops.store import new_id
from lite_mlops.store.events import RunStarted


def started(project: Project, run_id: str, name: str) -> None:
    """Start and leave a run whose id is chosen."""
    project.store.append(
        RunStarted(run=run_id, experiment="default", name=name, writer="w", actor="me")
    )


# -- one run -------------------------------------------------------------------------------------


def test_the_latest_metrics_of_a_run_are_those_that_the_whole_of_it_has(project: Project) -> None:
    with project.start_run("amber") as run:
        run.log_metrics({"loss": 2.0, "auc": 0.5}, step=3)
        run.log_metric("loss", 4.0, step=1)
    found = project.runs.latest_metrics(run.id)
    assert found == project.runs.get("amber").metrics == project.runs.latest_metrics("amber")
    assert [(one.value, one.low, one.high) for one in found.values()] == [
        (0.5, 0.5, 0.5),
        (2.0, 2.0, 4.0),
    ]
    with project.start_run("bare") as bare:
        pass
    assert project.runs.latest_metrics(bare.id) == {}
    with pytest.raises(NotFound, match="There is no run '00000000000000000000'"):
        project.runs.latest_metrics("0000000000" * 2)


@pytest.mark.parametrize(
    "word",
    ["65000001abcdef012345", "65000001ab", "6500", "012345", "2345", "amber otter"],
    ids=["id", "beginning", "short beginning", "end", "short end", "name"],
)
def test_a_run_is_found_by_its_id_a_part_of_it_or_its_name(project: Project, word: str) -> None:
    started(project, "65000001abcdef012345", "amber otter")
    started(project, "75000001bbbbbbbbbbbb", "other")
    assert project.runs.get(word).id == "65000001abcdef012345"


@pytest.mark.parametrize("word", ["650", "345", "abcdef", "amber", "Amber Otter", "", "%", "____"])
def test_less_than_that_does_not_find_a_run(project: Project, word: str) -> None:
    started(project, "65000001abcdef012345", "amber otter")
    with pytest.raises(NotFound) as error:
        project.runs.get(word)
    assert str(error.value).startswith(f"There is no run {word!r}.")


def test_a_whole_id_goes_before_a_name(project: Project) -> None:
    started(project, "65000001aaaaaaaaaaaa", "first")
    started(project, "65000002bbbbbbbbbbbb", "65000001aaaaaaaaaaaa")
    assert project.runs.get("65000001aaaaaaaaaaaa").name == "first"


def test_a_word_for_several_runs_is_refused_with_all_of_them(project: Project) -> None:
    started(project, "65000001aaaaaaaaaaaa", "first")
    started(project, "65000001bbbbbbbbbbbb", "second")
    with pytest.raises(Invalid) as error:
        project.runs.get("65000001")
    assert str(error.value) == (
        "'65000001' names 2 runs: 65000001bbbbbbbbbbbb (second), 65000001aaaaaaaaaaaa (first). "
        "Use more of the id."
    )


def test_a_word_for_many_runs_is_refused_with_their_number(project: Project) -> None:
    for _ in range(25):
        started(project, new_id(), "same")
    with pytest.raises(Invalid, match=r"^'same' names 25 runs: "):
        project.runs.get("same")


def test_an_unknown_run_is_told_with_those_near_to_it(project: Project) -> None:
    started(project, "65000001abcdef012345", "amber otter")
    started(project, "75000001bbbbbbbbbbbb", "brisk owl")
    with pytest.raises(NotFound) as error:
        project.runs.get("amber oter")
    assert str(error.value) == "There is no run 'amber oter'. Did you mean 'amber otter'?"
    with pytest.raises(NotFound) as error:
        project.runs.get("something else")
    assert str(error.value) == "There is no run 'something else'."


@pytest.mark.parametrize("word", [None, 5, b"6500"])
def test_a_run_is_named_by_a_text(project: Project, word: Any) -> None:
    started(project, "65000001abcdef012345", "amber otter")
    with pytest.raises((Invalid, NotFound)) as error:
        project.runs.get(word)
    assert repr(word) in str(error.value)


def test_a_run_has_everything_that_was_recorded_of_it(project: Project) -> None:
    with project.start_run("a", experiment="churn", params={"p": 1}, tags={"t": 2}) as run:
        run.log_metric("m", 0.5, step=3)
        run.log_text("x", "x.txt")
    found = project.runs.get(run.id)
    assert (found.id, found.name, found.experiment) == (run.id, "a", "churn")
    assert (found.actor, found.deleted, found.note) == (project.settings.who(), False, None)
    assert (found.params, found.tags) == ({"p": "1"}, {"t": "2"})
    assert (found.metrics["m"].value, found.metrics["m"].step) == (0.5, 3)
    assert [one.path for one in found.artifacts] == ["x.txt"]
    assert found.seconds is not None
    assert found.seconds >= 0


# -- pages ---------------------------------------------------------------------------------------


def names(runs: list[Any]) -> list[str]:
    return [run.name for run in runs]


def test_a_page_shows_the_newest_first_with_their_parts(project: Project) -> None:
    for number in range(3):
        with project.start_run(f"r{number}", params={"p": number}, tags={"t": number}) as run:
            run.log_metric("m", number)
    page = project.runs.page()
    assert names(page) == ["r2", "r1", "r0"]
    assert [(one.params["p"], one.tags["t"]) for one in page] == [
        ("2", "2"),
        ("1", "1"),
        ("0", "0"),
    ]
    assert [one.metrics["m"].value for one in page] == [2.0, 1.0, 0.0]


def test_pages_follow_each_other_without_gap_or_overlap(project: Project) -> None:
    for number in range(5):
        started(project, new_id(), f"r{number}")
    pages = [names(project.runs.page(count=2, skip=skip)) for skip in (0, 2, 4, 6)]
    assert pages == [["r4", "r3"], ["r2", "r1"], ["r0"], []]
    assert project.runs.page(count=0) == []


def test_a_page_shows_only_what_is_asked_for(project: Project) -> None:
    with project.start_run("a", experiment="one"):
        pass
    with project.start_run("b", experiment="two") as parent:
        with project.start_run("c", experiment="two", nested=True):
            pass
        parent.end("failed")
    project.runs.delete("a")
    runs = project.runs
    assert names(runs.page()) == ["c", "b"]
    assert names(runs.page(experiment="two", status="failed")) == ["b"]
    assert names(runs.page(parent=parent.id)) == ["c"]
    assert names(runs.page(status="running")) == []
    assert names(runs.page(deleted=True)) == ["a"]
    assert names(runs.page(experiment="one")) == []


@pytest.mark.parametrize(
    ("asked", "kind", "text"),
    [
        (
            {"status": "done"},
            Invalid,
            "a run is running, finished, failed, killed, crashed; 'done' is none of them.",
        ),
        ({"count": -1}, Invalid, "count and skip are not negative; they are -1 and 0."),
        ({"skip": -5}, Invalid, "count and skip are not negative; they are 50 and -5."),
        (
            {"experiment": "chrun"},
            NotFound,
            "There is no experiment 'chrun'. Did you mean 'churn'?",
        ),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    project: Project, asked: dict[str, Any], kind: type[LiteMlopsError], text: str
) -> None:
    with project.start_run(experiment="churn"):
        pass
    with pytest.raises(kind) as error:
        project.runs.page(**asked)
    assert str(error.value) == text


# -- facts about earlier runs --------------------------------------------------------------------


def test_tags_and_note_can_be_set_afterwards(project: Project) -> None:
    with project.start_run("a", tags={"old": 1, "stage": "draft"}, note="first"):
        pass
    project.runs.tag("a", "stage", "done")
    project.runs.tag("a", "old", None)
    project.runs.note("a", "second")
    found = project.runs.get("a")
    assert (found.tags, found.note, found.status) == ({"stage": "done"}, "second", "finished")


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda runs: runs.tag("a", "", 1), Invalid, "tag name is empty."),
        (lambda runs: runs.tag("none", "t", 1), NotFound, "There is no run 'none'."),
        (lambda runs: runs.note("none", "x"), NotFound, "There is no run 'none'."),
        (lambda runs: runs.tag("a", "t", "x" * 8_001), Invalid, "tag 't' is too long: 8,001 "),
        (lambda runs: runs.note("a", "x" * 100_001), Invalid, "the note is too long: 100,001 "),
    ],
)
def test_tags_and_notes_that_cannot_be_set_change_nothing(
    project: Project, call: Callable[[Any], object], kind: type[LiteMlopsError], text: str
) -> None:
    with project.start_run("a", tags={"t": 0}, note="first"):
        pass
    before = project.runs.get("a").to_dict()
    with pytest.raises(kind) as error:
        call(project.runs)
    assert str(error.value).startswith(text)
    assert project.runs.get("a").to_dict() == before


# -- decisions -----------------------------------------------------------------------------------


def test_a_deleted_run_can_be_restored_as_it_was(project: Project) -> None:
    with project.start_run("a", params={"p": 1}) as run:
        run.log_text("x", "x.txt")
    before = project.runs.get("a").to_dict()
    assert project.runs.delete("a", reason="wrong data") == run.id
    assert project.runs.get("a").deleted
    assert project.runs.page() == []
    assert project.runs.restore("a", reason="it was right") == run.id
    assert project.runs.get("a").to_dict() == before


def test_a_purged_run_is_gone_and_stays_gone(project: Project) -> None:
    with project.start_run("a", params={"p": 1}) as run:
        run.log_metric("m", 1.0)
    project.runs.delete("a")
    assert project.runs.purge("a", reason="privacy") == run.id
    with project.start_run("b"):
        pass
    with pytest.raises(NotFound):
        project.runs.get(run.id)
    assert names(project.runs.page()) == ["b"]
    assert project.runs.page(deleted=True) == []


def test_decisions_are_recorded_with_who_and_why(project: Project) -> None:
    with project.start_run("a") as run:
        pass
    project.runs.delete("a", reason="wrong data")
    project.runs.restore("a")
    table = project.sql("SELECT kind, actor, record ->> 'reason', record ->> 'run' FROM decisions")
    who = project.settings.who()
    assert table.rows == (
        ("run_deleted", who, "wrong data", run.id),
        ("run_restored", who, None, run.id),
    )


def test_what_contradicts_the_record_is_refused(project: Project) -> None:
    run = project.start_run("a")
    runs = project.runs

    def refusal(call: Callable[[str], str]) -> str:
        before = runs.get("a").to_dict()
        with pytest.raises(Conflict) as error:
            call("a")
        assert runs.get("a").to_dict() == before
        return str(error.value)

    assert refusal(runs.delete) == f"Run {run.id} is going on; end it before it is deleted."
    run.end()
    assert refusal(runs.restore) == f"Run {run.id} is not deleted."
    assert refusal(runs.purge) == f"Run {run.id} is not deleted; only deleted runs are purged."
    runs.delete("a")
    assert refusal(runs.delete) == (
        f"Run {run.id} is deleted already; `runs restore` brings it back."
    )


@pytest.mark.parametrize("decision", ["delete", "restore", "purge"])
def test_a_decision_on_an_unknown_run_is_refused(project: Project, decision: str) -> None:
    with project.start_run("baseline"):
        pass
    with pytest.raises(NotFound) as error:
        getattr(project.runs, decision)("basline")
    assert str(error.value) == "There is no run 'basline'. Did you mean 'baseline'?"
