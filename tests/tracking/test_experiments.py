"""Experiments gather runs under a name, and every name they had goes on leading to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.project import Project


def runs_in(project: Project, *experiments: str) -> list[str]:
    """Start and finish a run in each of these experiments; return their ids."""
    ids = []
    for name in experiments:
        with project.start_run(experiment=name) as run:
            ids.append(run.id)
    return ids


def names(project: Project, *, empty: bool = False) -> list[str]:
    return [one.name for one in project.experiments.all(empty=empty)]


def test_an_experiment_begins_with_its_first_run(project: Project) -> None:
    project.create()
    assert project.set_experiment("churn").name == "churn"
    assert names(project, empty=True) == []
    with project.start_run() as first:
        pass
    running = project.start_run()
    found = project.experiments.get("churn")
    assert (found.runs, found.running, found.former_names) == (2, 1, ())
    assert found.created_at == project.runs.get(first.id).started_at
    assert found.last_run_at == project.runs.get(running.id).started_at


def test_the_experiment_with_the_newest_run_comes_first(project: Project) -> None:
    runs_in(project, "one", "two", "three", "one")
    assert names(project) == ["one", "three", "two"]


def test_an_experiment_given_for_one_run_is_not_kept(project: Project) -> None:
    project.set_experiment("churn")
    with project.start_run(experiment="other") as other:
        pass
    with project.start_run() as later:
        pass
    assert (other.experiment, later.experiment) == ("other", "churn")
    assert names(project) == ["churn", "other"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "experiment name is empty."),
        (5, "experiment name is a text; 5 is a int."),
        ("x" * 251, "is too long: 251 characters, at most 250."),
    ],
)
def test_what_is_not_a_name_is_refused(project: Project, name: str, text: str) -> None:
    runs_in(project, "churn")
    calls: list[Callable[[], object]] = [
        lambda: project.set_experiment(name),
        lambda: project.experiments.rename("churn", name),
    ]
    for call in calls:
        with pytest.raises(Invalid) as error:
            call()
        assert text in str(error.value)
    assert names(project, empty=True) == ["churn"]
    assert project.experiment == "default"


def test_a_run_in_an_experiment_without_a_name_is_refused(project: Project) -> None:
    with pytest.raises(Invalid, match=r"^experiment name is empty\.$"):
        project.start_run(experiment="")
    assert project.active_run() is None


# -- renaming ------------------------------------------------------------------------------------


def test_the_old_name_goes_on_leading_to_the_experiment(project: Project) -> None:
    runs_in(project, "scratch")
    renamed = project.experiments.rename("scratch", "churn", reason="it works")
    assert (renamed.name, renamed.former_names, renamed.runs) == ("churn", ("scratch",), 1)
    (late,) = runs_in(project, "scratch")
    assert names(project) == ["churn"]
    assert project.experiments.get("scratch").name == "churn"
    assert project.experiments.get("churn").runs == 2
    assert project.runs.get(late).experiment == "churn"
    assert len(project.runs.page(experiment="scratch")) == 2


def test_renaming_again_leads_from_all_earlier_names(project: Project) -> None:
    ids = runs_in(project, "a")
    project.experiments.rename("a", "b")
    ids += runs_in(project, "b")
    project.experiments.rename("a", "c")  # by a former name
    ids += runs_in(project, "a", "b", "c")
    found = {name: project.experiments.get(name) for name in "abc"}
    assert {one.name for one in found.values()} == {"c"}
    assert found["a"].former_names == ("a", "b")
    assert found["a"].runs == 5
    assert {project.runs.get(run_id).experiment for run_id in ids} == {"c"}


def test_a_name_can_be_given_back(project: Project) -> None:
    runs_in(project, "a")
    project.experiments.rename("a", "b")
    renamed = project.experiments.rename("b", "a")
    assert (renamed.name, renamed.former_names) == ("a", ("b",))
    assert names(project) == ["a"]


@pytest.mark.parametrize("taken", ["two", "former two"])
def test_a_name_that_leads_elsewhere_is_refused(project: Project, taken: str) -> None:
    runs_in(project, "one", "former two")
    project.experiments.rename("former two", "two")
    before = [one.to_dict() for one in project.experiments.all()]
    with pytest.raises(Conflict) as error:
        project.experiments.rename("one", taken)
    assert str(error.value) == f"The name {taken!r} leads to experiment 'two' already."
    assert [one.to_dict() for one in project.experiments.all()] == before


@pytest.mark.parametrize(
    "call",
    [
        lambda project: project.experiments.get("chrun"),
        lambda project: project.experiments.rename("chrun", "new"),
        lambda project: project.experiments.delete("chrun"),
    ],
    ids=["get", "rename", "delete"],
)
def test_an_unknown_experiment_is_told_with_those_near_to_it(
    project: Project, call: Callable[[Project], object]
) -> None:
    runs_in(project, "churn")
    with pytest.raises(NotFound) as error:
        call(project)
    assert str(error.value) == "There is no experiment 'chrun'. Did you mean 'churn'?"


# -- deleting ------------------------------------------------------------------------------------


def test_deleting_an_experiment_deletes_its_runs(project: Project) -> None:
    ids = runs_in(project, "old", "old", "other")
    project.experiments.rename("old", "new")
    assert project.experiments.delete("old", reason="wrong data") == 2
    assert names(project) == ["other"]
    assert [run.id for run in project.runs.page(deleted=True)] == [ids[1], ids[0]]
    assert set(names(project, empty=True)) == {"other", "new"}


def test_a_run_of_a_deleted_experiment_can_be_restored(project: Project) -> None:
    (run_id,) = runs_in(project, "churn")
    project.experiments.delete("churn")
    project.runs.restore(run_id)
    assert names(project) == ["churn"]
    assert project.experiments.delete("churn") == 1


def test_an_experiment_with_a_run_that_goes_on_is_not_deleted(project: Project) -> None:
    runs_in(project, "churn")
    run = project.start_run(experiment="churn")
    with pytest.raises(Conflict) as error:
        project.experiments.delete("churn")
    assert str(error.value) == f"Runs of 'churn' are going on ({run.id}); end them first."
    assert project.experiments.get("churn").runs == 2


def test_renaming_and_deleting_are_recorded_with_who_and_why(project: Project) -> None:
    (run_id,) = runs_in(project, "a")
    project.experiments.rename("a", "b", reason="clearer")
    project.experiments.delete("b", reason="done")
    table = project.sql(
        "SELECT kind, actor, record ->> 'reason', record ->> 'experiment', record ->> 'run' "
        "FROM decisions ORDER BY number"
    )
    who = project.settings.who()
    assert table.rows == (
        ("experiment_renamed", who, "clearer", "a", None),
        ("run_deleted", who, "done", None, run_id),
    )
