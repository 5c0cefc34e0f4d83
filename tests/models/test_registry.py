"""The registry: numbered versions, and aliases with who moved them, when and why."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import lite_mlops
from lite_mlops import verbs
from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.models import Models
from lite_mlops.project import Project
from lite_mlops.security.secrets import MASKED
from tests.conftest import Prepared
from tests.store.journals import dump

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]

MODEL = LogisticRegression().fit(np.array([[0.0], [1.0]]), ["no", "yes"])
EXAMPLE = {"age": 1.0}


@pytest.fixture
def tables(project: Project) -> Tables:
    def read() -> dict[str, list[tuple[Any, ...]]]:
        with project.store.reading() as database:
            return dump(database)

    return read


def register(project: Project, name: str = "churn", **options: Any) -> int:
    return project.models.register(MODEL, name, input_example=EXAMPLE, **options).version


# -- versions -----------------------------------------------------------------------------------


def test_a_version_knows_where_it_comes_from(project: Project) -> None:
    before = datetime.now(UTC)
    with project.start_run() as run:
        run.log_metrics({"auc": 0.91, "system/cpu": 50.0})
        version = project.log_model(MODEL, "churn", input_example=EXAMPLE)
    version = project.models.get(version.name)
    assert (version.model, version.version, version.name) == ("churn", 1, "churn/1")
    assert (version.run_id, version.metrics) == (run.id, {"auc": 0.91})
    assert (version.signature.features, version.signature.classes) == (("age",), ("no", "yes"))
    assert before <= version.created_at <= datetime.now(UTC)
    assert version.actor == project.settings.who()
    assert set(version.requirements) == {"python", "scikit-learn", "numpy", "scipy", "joblib"}
    assert version.size == project.store.objects.path(version.sha256).stat().st_size
    assert repr(version) == "<ModelVersion churn/1>"
    with pytest.raises(dataclasses.FrozenInstanceError):
        version.version = 2  # type: ignore[misc]


def test_the_module_function_registers_in_the_current_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs._Current, "project", project)
    with lite_mlops.start_run() as run:
        version = lite_mlops.log_model(MODEL, "churn", input_example=EXAMPLE, reason="first")
    assert version.run_id == run.id
    (row,) = project.sql("SELECT actor, reason FROM model_versions").rows
    assert row == (project.settings.who(), "first")


def test_each_model_counts_its_own_versions(project: Project) -> None:
    assert [register(project), register(project), register(project, "fraud")] == [1, 2, 1]
    assert [version.name for version in project.models.all()] == ["churn/2", "churn/1", "fraud/1"]
    assert [version.name for version in project.models.all("fraud")] == ["fraud/1"]


REGISTERING = """
import sys
from lite_mlops.project import Project
class Model:
    n_features_in_ = 1
    def predict(self, rows): return rows
project = Project(sys.argv[1])
for _ in range(5):
    print(project.models.register(Model(), "churn").version)
"""


@pytest.mark.slow
def test_processes_number_versions_together(project: Project, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", REGISTERING, str(tmp_path / "work")], stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    told = [process.communicate(timeout=60)[0].split() for process in processes]
    numbers = [[int(number) for number in one] for one in told]
    assert all(one == sorted(one) for one in numbers)
    assert sorted(number for one in numbers for number in one) == list(range(1, 16))
    assert [version.version for version in project.models.all("churn")] == list(range(15, 0, -1))
    assert project.examine() == []


def test_a_run_with_a_version_cannot_be_purged(project: Project) -> None:
    with project.start_run() as run:
        project.log_model(MODEL, "churn", input_example=EXAMPLE)
    project.runs.delete(run.id)
    with pytest.raises(Conflict, match=r"is where churn/1 comes from; it stays traceable"):
        project.runs.purge(run.id)
    assert project.models.get("churn").run_id == run.id


# -- aliases ------------------------------------------------------------------------------------


def test_an_alias_moves_and_every_move_is_remembered(project: Project) -> None:
    for _ in range(3):
        register(project)
    start = datetime.now(UTC)
    assert project.models.set_alias("churn", "champion", 1).aliases == ("champion",)
    project.models.set_alias("churn", "challenger", 2, reason="to be tried")
    moved = project.models.set_alias("churn", "champion", 3, reason="better AUC")
    assert repr(moved) == "<ModelVersion churn/3 @champion>"
    assert project.models.get("churn@champion").version == 3
    assert project.models.get("churn/1").aliases == ()
    moves = project.models.history("churn")
    assert [(move.alias, move.version, move.reason) for move in moves] == [
        ("champion", 3, "better AUC"),
        ("challenger", 2, "to be tried"),
        ("champion", 1, None),
    ]
    assert {move.actor for move in moves} == {project.settings.who()}
    times = [move.moved_at for move in moves]
    assert times == sorted(times, reverse=True)
    assert start <= times[-1] <= times[0] <= datetime.now(UTC)
    assert moves[0].to_dict()["moved_at"] == times[0].isoformat()


def test_an_alias_belongs_to_one_model(project: Project) -> None:
    for name in ("churn", "fraud"):
        register(project, name)
    project.models.set_alias("churn", "champion", 1)
    assert project.models.history("fraud") == []
    with pytest.raises(NotFound, match="The model 'fraud' has no alias 'champion'"):
        project.models.get("fraud@champion")


def test_secrets_in_a_reason_are_masked(project: Project) -> None:
    register(project, reason="password=hunter2")
    project.models.set_alias("churn", "champion", 1, reason="password=hunter2")
    assert project.models.history("churn")[0].reason == f"password={MASKED}"
    assert "hunter2" not in str(project.sql("SELECT record FROM decisions").rows)


def test_a_reason_may_hold_what_no_encoding_has(project: Project) -> None:
    register(project)
    project.models.set_alias("churn", "champion", 1, reason="a\udcffb")
    assert project.models.get("churn@champion").version == 1


def test_the_next_decisions_go_on_where_the_last_ended(project: Project) -> None:
    register(project)
    project.models.set_alias("churn", "champion", 1)
    rows = project.sql("SELECT number, kind FROM decisions ORDER BY number").rows
    assert rows == ((1, "version_registered"), (2, "alias_set"))
    assert project.examine() == []


# -- refusals -----------------------------------------------------------------------------------

NAME = "it consists of letters, digits, '_', '.' and '-', beginning with a letter or digit, at most"
UNKNOWN: dict[str, Callable[[Models], object]] = {
    "There is no model 'chrun'. Did you mean 'churn'?": lambda models: models.get("chrun"),
    "There is no model 'xyz'.": lambda models: models.all("xyz"),
    "There is no model 'churn_'. Did you mean 'churn'?": lambda models: models.history("churn_"),
    "There is no model 'Churn'. Did you mean 'churn'?": lambda models: models.load("Churn"),
    "The model 'churn' has no alias 'champoin'. Did you mean 'champion'?": lambda models: (
        models.get("churn@champoin")
    ),
    "The model 'churn' has no version 7; its newest is 1.": lambda models: models.get("churn/7"),
    "There is no model 'fruad'. Did you mean 'fraud'?": lambda models: models.set_alias(
        "fruad", "champion", 1
    ),
    "The model 'churn' has no version 2; its newest is 1.": lambda models: models.set_alias(
        "churn", "champion", 2
    ),
}
WRONG: dict[str, Callable[[Any], object]] = {
    f"model name 'a b' cannot be used: {NAME} 100.": lambda models: models.register(MODEL, "a b"),
    f"model name '' cannot be used: {NAME} 100.": lambda models: models.register(MODEL, ""),
    f"model name None cannot be used: {NAME} 100.": lambda models: models.register(MODEL, None),
    f"alias 'a/b' cannot be used: {NAME} 100.": lambda models: models.set_alias("churn", "a/b", 1),
    "the model takes 1 features; the input_example names 2.": lambda models: models.register(
        MODEL, "churn", input_example={"a": 1, "b": 2}
    ),
    "the features of this model are not known; pass an input_example.": lambda models: (
        models.register(object(), "churn")
    ),
}
RECORDED: dict[str, Callable[[Any], object]] = {
    "There is no run 'nope'.": lambda models: models.register(MODEL, "churn", run="nope"),
    "this NoneType is no model: it has no predict.": lambda models: models.register(
        None, "churn", input_example=EXAMPLE
    ),
    "a version is a whole number; None is a NoneType.": lambda models: models.set_alias(
        "churn", "champion", None
    ),
    "a version is a whole number; 1.0 is a float.": lambda models: models.set_alias(
        "churn", "champion", 1.0
    ),
    "a version is a whole number; '1' is a str.": lambda models: models.set_alias(
        "churn", "champion", "1"
    ),
}


def _make_registered(project: Project) -> None:
    for name in ("churn", "fraud"):
        register(project, name)
    project.models.set_alias("churn", "champion", 1)


@pytest.fixture
def registered(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_registered)


def test_a_refused_call_says_why_and_changes_nothing(registered: Project, tables: Tables) -> None:
    before, objects = tables(), list(registered.store.objects.all())
    for text, call in (UNKNOWN | WRONG).items():
        with pytest.raises(NotFound if text in UNKNOWN else Invalid) as error:
            call(registered.models)
        assert str(error.value) == text
        assert tables() == before, text
        assert list(registered.store.objects.all()) == objects, text


@pytest.mark.parametrize("text", RECORDED)
def test_what_makes_no_sense_is_not_recorded(
    registered: Project, tables: Tables, text: str
) -> None:
    before = tables()
    with pytest.raises((Invalid, NotFound)) as error:
        RECORDED[text](registered.models)
    assert str(error.value) == text
    assert tables() == before


def test_what_registering_returns_is_what_is_read_later(project: Project) -> None:
    returned = project.models.register(
        MODEL,
        "churn",
        input_example=EXAMPLE,
        training={"age": [1.0, 2.0]},
        alias="champion",
        metrics={"auc": 0.9},
        tags={"team": "growth"},
        description="The first.",
        reason="trial",
    )
    assert returned == Models(project.store).get("churn/1")


def test_given_metrics_go_before_those_of_the_run(project: Project) -> None:
    with project.start_run() as run:
        run.log_metrics({"auc": 0.8, "f1": 0.7})
        version = project.log_model(MODEL, "churn", input_example=EXAMPLE, metrics={"auc": 0.9})
        run.log_metric("late", 1.0)
    assert version.metrics == {"auc": 0.9, "f1": 0.7}
    assert project.models.get("churn").metrics == {"auc": 0.9, "f1": 0.7, "late": 1.0}
    assert len(project.models.search("metrics.auc = 0.9 AND metrics.late = 1")) == 1
