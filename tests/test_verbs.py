"""The module functions act on the chosen project, in the words of MLflow and W&B as well."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import lite_mlops as lm
from lite_mlops import verbs
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project
from lite_mlops.tracking import ActiveRun


@pytest.fixture(autouse=True)
def _chosen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose the project of the test, and forget it afterwards."""
    monkeypatch.setattr(verbs._Current, "project", None)
    lm.use_project(project)


def test_the_functions_act_on_the_chosen_project(project: Project) -> None:
    assert lm.current_project() is project
    with lm.start_run("baseline") as run:
        assert lm.active_run() is run
    assert lm.active_run() is None
    assert lm.get_run("baseline") == project.runs.get(run.id)


def test_a_project_is_chosen_by_its_path_with_settings(tmp_path: Path) -> None:
    chosen = lm.use_project(tmp_path / "work", durability="full")
    assert lm.current_project() is chosen
    assert chosen.folder == tmp_path / "work" / ".lite-mlops"
    assert chosen.settings.durability == "full"


def test_a_path_that_cannot_be_chosen_leaves_the_earlier_one(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match="is not a folder"):
        lm.use_project(tmp_path / "none" / "at all")
    assert lm.current_project() is project


def test_without_a_choice_the_project_is_found_from_the_working_directory_upwards(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.create()
    deep = tmp_path / "work" / "src" / "deep"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    monkeypatch.delenv("LITE_MLOPS_DIR")
    monkeypatch.setattr(verbs._Current, "project", None)
    assert lm.current_project().folder == project.folder
    assert lm.current_project() is lm.current_project()


def test_every_function_logs_to_the_active_run(project: Project, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("a\n1\n")
    with lm.start_run() as run:
        lm.log_metric("loss", 0.5, 3)
        lm.log_metrics({"auc": 0.9}, step=3)
        assert lm.log_param("depth", 3) == 3
        lm.log_params({"rate": 0.1})
        lm.set_tag("stage", "draft")
        lm.set_tags({"team": "risk"})
        lm.set_note("first try")
        lm.log_artifact(tmp_path / "data" / "a.csv", "in")
        lm.log_artifacts(tmp_path / "data", "all")
        lm.log_text("x", "t.txt")
        lm.log_dict({"a": 1}, "d.json")
        lm.log_figure(b"GIF89a", "f.gif")
        lm.log_table({"a": [1]}, "t.csv")
    found = project.runs.get(run.id)
    assert {key: (one.value, one.step) for key, one in found.metrics.items()} == {
        "loss": (0.5, 3),
        "auc": (0.9, 3),
    }
    assert found.params == {"depth": "3", "rate": "0.1"}
    assert (found.tags, found.note) == ({"stage": "draft", "team": "risk"}, "first try")
    assert [one.path for one in found.artifacts] == [
        *("all/a.csv", "d.json", "f.gif", "in/a.csv", "t.csv", "t.txt")
    ]


def test_logging_without_a_run_starts_one(project: Project) -> None:
    lm.set_experiment("churn")
    lm.log_metric("loss", 0.5)
    run = lm.active_run()
    assert run is not None
    lm.log_param("depth", 3)
    lm.end_run()
    found = project.runs.get(run.id)
    assert (found.experiment, found.status, found.params) == ("churn", "finished", {"depth": "3"})
    assert len(project.runs.page()) == 1


def test_a_run_is_ended_with_a_status(project: Project) -> None:
    run = lm.start_run()
    with pytest.raises(Invalid, match="'done' is none of them"):
        lm.end_run("done")
    lm.end_run("failed")
    lm.end_run()  # there is none any more
    assert project.runs.get(run.id).status == "failed"


def test_an_unknown_run_is_not_found(project: Project) -> None:
    project.create()
    with pytest.raises(NotFound, match=r"^There is no run 'none'\."):
        lm.get_run("none")


def test_sql_answers_over_what_was_logged() -> None:
    with lm.start_run("baseline", params={"depth": 3}):
        pass
    table = lm.sql("SELECT name, value FROM runs JOIN params USING (run_id)")
    assert table.to_dicts() == [{"name": "baseline", "value": "3"}]
    assert len(lm.sql("SELECT * FROM range(5)", rows=2)) == 2


# -- the words of others -------------------------------------------------------------------------


def test_the_words_of_mlflow_are_understood(project: Project) -> None:
    lm.set_experiment("churn")
    with lm.start_run(run_name="baseline", tags={"a": "b"}) as outer:
        with lm.start_run(run_name="fold 1", nested=True) as inner:
            lm.log_metric("auc", 0.9, step=1)
        lm.log_params({"depth": 3})
    assert (outer.name, outer.experiment) == ("baseline", "churn")
    assert project.runs.get(inner.id).parent_id == outer.id
    assert project.runs.get(outer.id).params == {"depth": "3"}
    with lm.start_run(run_id=outer.id) as resumed:
        assert resumed.id == outer.id


def test_the_name_goes_before_the_run_name() -> None:
    with lm.start_run("name", run_name="run name") as run:
        assert run.name == "name"


def test_the_words_of_wandb_are_understood(project: Project) -> None:
    run = lm.init(
        project="churn", name="baseline", config={"depth": 3}, tags=["a", "b"], notes="first try"
    )
    lm.log({"loss": 1.0, "auc": 0.5})
    lm.log({"loss": 0.5})
    lm.log({"loss": 0.25}, step=10)
    lm.finish()
    found = project.runs.get(run.id)
    assert (found.name, found.experiment, found.status) == ("baseline", "churn", "finished")
    assert (found.params, found.note) == ({"depth": "3"}, "first try")
    assert found.tags == {"a": "true", "b": "true"}
    assert project.runs.history(run.id, "loss").steps.tolist() == [0, 1, 10]


def test_init_takes_tags_with_values_too(project: Project) -> None:
    run = lm.init(tags={"stage": "draft"})
    lm.finish("killed")
    found = project.runs.get(run.id)
    assert (found.tags, found.status, found.experiment) == ({"stage": "draft"}, "killed", "default")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "log_metric",
            "log_metrics",
            "log_param",
            "log_params",
            "set_tag",
            "set_tags",
            "set_note",
        ),
        *(
            "log_artifact",
            "log_artifacts",
            "log_text",
            "log_dict",
            "log_figure",
            "log_table",
            "log",
        ),
    ],
)
def test_a_function_takes_what_the_method_takes(name: str) -> None:
    function = inspect.signature(getattr(lm, name)).parameters
    method = inspect.signature(getattr(ActiveRun, name)).parameters
    assert list(function.values()) == list(method.values())[1:]
