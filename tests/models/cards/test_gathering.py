"""The facts of a card are those that are recorded, and nothing else."""

from __future__ import annotations

import dataclasses
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from lite_mlops.errors import Damaged, Invalid
from lite_mlops.models.cards.facts import ColumnFact
from lite_mlops.models.cards.gathering import NO_EVALUATION, NOT_MEASURED, gather
from lite_mlops.project import Project
from tests.models.cards.conftest import SCRIPT


def test_everything_recorded_of_a_version(registered: Project) -> None:
    version = registered.models.get("churn/2")
    facts = registered.models.card("churn@champion")
    run = registered.runs.get(str(version.run_id))
    assert (facts.name, facts.sha256, facts.size) == ("churn/2", version.sha256, version.size)
    assert (facts.actor, facts.created_at) == (version.actor, version.created_at)
    assert facts.class_name == "sklearn.linear_model._logistic.LogisticRegression"
    assert facts.params == {SCRIPT: SCRIPT}
    assert facts.requirements == version.requirements
    assert facts.run is not None
    assert (facts.run.id, facts.run.name, facts.run.experiment) == (run.id, SCRIPT, SCRIPT)
    assert (facts.run.seconds, facts.run.started_at) == (run.seconds, run.started_at)
    assert [fact.name for fact in facts.inputs] == ["age", SCRIPT]
    assert [fact.categories for fact in facts.outputs] == [("no", "yes")]
    assert facts.example == ({"age": 0.5, SCRIPT: None},)
    assert facts.task == "tabular-classification"


def test_the_moves_of_aliases_to_it_and_away(registered: Project) -> None:
    one, two = (registered.models.card(f"churn/{n}").moves for n in (1, 2))
    assert [(m.alias, m.previous, m.version) for m in one] == [
        ("first", None, 1),
        ("champion", 1, 2),
        ("champion", None, 1),
    ]
    assert [(m.previous, m.version, m.evidence) for m in two] == [(1, 2, {"auc": [0.5, 0.6]})]
    assert one[2].reason == SCRIPT


def test_data_comes_with_its_profile(registered: Project) -> None:
    customers, holdout = registered.models.card("churn/1").data
    profile = registered.datasets.get("customers").profile["age"]
    assert (customers.roles, customers.rows, len(customers.columns)) == ("training", 200, 2)
    age = customers.columns[0]
    assert (age.low, age.high, age.mean) == (profile["min"], profile["max"], profile["mean"])
    assert (holdout.name, holdout.roles) == ("holdout", "test")
    plan, name, years = holdout.columns
    assert plan.categories == {"basic": 50, "plus": 50}
    assert (years.low, years.high) == (0, 99)
    assert (name.distinct, name.categories) == (50, {})


def test_texts_of_people_are_in_no_form_of_a_card(registered: Project) -> None:
    for form in ("md", "html", "hf", "cyclonedx", "json"):
        text = registered.models.card_text("churn/1", form)
        assert "basic" in text or form == "cyclonedx"
        assert "person 7" not in text


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["basic", "plus", "basic"], {"basic": 2, "plus": 1}),
        (["ann", "bob", "cy"], {}),  # each once: they may be names
        ([f"c{n // 2}" for n in range(42)], {}),
    ],
)
def test_values_are_told_where_they_are_categories(
    project: Project, values: list[str], told: dict[str, int]
) -> None:
    version = project.datasets.add({"x": values}, "some")
    assert ColumnFact.from_profile("x", version.profile["x"]).categories == told


def test_intervals_stand_where_an_evaluation_gives_the_metric(registered: Project) -> None:
    facts = registered.models.card("churn/1")
    found = {metric.name: metric for metric in facts.metrics}
    measured = {metric.name: metric for metric in facts.evaluations}
    assert list(measured) == ["accuracy", "balanced accuracy", "macro F1", "ROC AUC"]
    accuracy = found["accuracy"]
    assert accuracy.value == measured["accuracy"].value
    assert accuracy.evaluation == "holdout"
    assert (accuracy.low, accuracy.high) == (measured["accuracy"].low, measured["accuracy"].high)
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.low < accuracy.value < accuracy.high
    for name in ("auc", "share"):  # one of another value, one of another kind
        assert (found[name].low, found[name].without) == (None, NOT_MEASURED)


def test_without_a_run_there_is_little_to_tell(project: Project) -> None:
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    project.models.register(model, "price", metrics={"mae": 0.5})
    facts = project.models.card("price")
    assert (facts.run, facts.data, facts.moves, facts.example) == (None, (), (), None)
    assert [(m.name, m.value, m.without) for m in facts.metrics] == [("mae", 0.5, NO_EVALUATION)]
    assert facts.task is None
    text = project.models.card_text("price")
    for told in (
        "It was registered without a run.",
        "No data was recorded.",
        "No parameters were recorded.",
        "No gate was run.",
        "No metrics of groups of rows were recorded.",
        "No alias ever pointed to this version.",
        "No input example was kept; /schema tells what it takes.",
        "number (float)",
        "| mae | 0.5 | no interval: no evaluation was kept |",
    ):
        assert told in text


def test_errors_of_numbers_make_it_a_regression(project: Project) -> None:
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    with project.start_run() as run:
        truth = np.linspace(0, 1, 50)
        run.log_evaluation(truth, truth + 0.25)
        project.log_model(model, "price")
    facts = project.models.card("price")
    assert facts.task == "tabular-regression"
    assert [m.name for m in facts.evaluations] == ["MAE", "RMSE"]
    for metric in facts.evaluations:
        assert (metric.value, metric.low, metric.high) == pytest.approx((0.25, 0.25, 0.25))


def test_the_code_and_the_machine_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "work")
    identity = (
        "-c",
        "user.name=Ann",
        "-c",
        "user.email=ann@example.org",
        "-c",
        "commit.gpgsign=false",
    )

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *identity, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch", "trial")
    Path("fit.py").write_text("depth = 3\n")
    git("add", "fit.py")
    git("commit", "--quiet", "-m", "first")
    Path("fit.py").write_text("depth = 4\n")
    project = Project(tmp_path / "work", capture_environment=True, capture_code=True)
    with project.start_run():
        project.log_model(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), "price")
    facts = project.models.card("price")
    text = project.models.card_text("price")
    project.close()
    assert facts.code["commit"] == git("rev-parse", "HEAD")
    assert f"- **commit**: {facts.code['commit']}\n- **uncommitted changes**: there were" in text
    assert "- **branch**: trial" in text
    assert facts.run is not None
    assert facts.run.system["python"] == platform.python_version()
    assert "host" not in facts.run.system


def test_a_run_that_is_not_recorded_here(registered: Project) -> None:
    version = dataclasses.replace(
        registered.models.get("churn/1"), run_id="f" * 20, data={"gone@" + "0" * 64: "training"}
    )
    facts = gather(registered.store, version, [], {})
    assert (facts.run, facts.run_id) == (None, "f" * 20)
    assert facts.params == {SCRIPT: SCRIPT}
    assert [(d.name, d.roles, d.form, d.columns) for d in facts.data] == [
        ("gone", "training", None, ())
    ]


def test_a_damaged_evaluation_is_told_and_the_card_written(registered: Project) -> None:
    version = registered.models.get("churn/1")
    artifacts = registered.runs.get(str(version.run_id)).artifacts
    (kept,) = [one for one in artifacts if one.path == "evaluations/holdout.npz"]
    registered.store.objects.path(kept.sha256).unlink()
    facts = registered.models.card("churn/1")
    assert facts.evaluations == ()
    assert facts.unread[0].startswith("holdout: The file of artifact 'evaluations/holdout.npz'")
    assert "An evaluation could not be used: holdout: " in registered.models.card_text("churn/1")


def test_a_damaged_example_is_an_error(registered: Project) -> None:
    version = registered.models.get("churn/1")
    registered.store.objects.path(str(version.example)).unlink()
    with pytest.raises(Damaged, match="The file of input example of churn/1 is missing"):
        registered.models.card("churn/1")


def test_a_model_that_a_run_kept_has_a_card(project: Project) -> None:
    with project.start_run() as run:
        run.log_text("x", "model/model.joblib")
        run.log_dict({"features": ["age"], "classes": []}, "model/signature.json")
    facts = project.models.card(f"runs:/{run.id}/model")
    assert facts.run is not None
    assert facts.run.id == run.id
    assert f"# Model card: runs:/{run.id}/model" in project.models.card_text(facts.name)


def test_no_form_of_that_name(registered: Project) -> None:
    with pytest.raises(Invalid, match=r"has no form 'htm'\. Did you mean 'html'"):
        registered.models.card_text("churn/1", "htm")
