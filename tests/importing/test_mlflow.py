"""Importing what MLflow 2 and 3 wrote, from databases and from folders."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lite_mlops.importing import Imported
from lite_mlops.models import Asking
from lite_mlops.project import Project
from tests.importing.conftest import KINDS, STORES, by_name, contents, unpack

START = datetime.fromtimestamp(1_750_000_000, UTC)


@pytest.fixture(params=KINDS, scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def filled(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Project, Imported]]:
    """A project with the whole store, which the tests that only look share."""
    folder = tmp_path_factory.mktemp(kind)
    made = Project(folder)
    yield made, made.imports.mlflow(unpack(kind, folder))
    made.close()


@pytest.fixture
def imported(filled: tuple[Project, Imported]) -> Imported:
    return filled[1]


@pytest.fixture
def shared(filled: tuple[Project, Imported]) -> Project:
    return filled[0]


@pytest.mark.slow
def test_counts_what_was_imported(imported: Imported, kind: str) -> None:
    assert (imported.runs, imported.points, imported.grown_runs, imported.same_runs) == (
        9,
        77,
        0,
        0,
    )
    newer = kind.startswith("mlflow3")
    assert imported.versions == (6 if newer else 5)
    assert imported.aliases == (1 if newer else 2)


def test_runs_keep_their_times_states_users_and_parents(
    shared: Project, imported: Imported
) -> None:
    runs = {name: shared.runs.get(run) for name, run in by_name(shared).items()}
    search = runs["search"]
    assert (search.experiment, search.status, search.actor) == ("churn", "finished", "trainer")
    assert search.started_at == START
    assert search.ended_at == START + timedelta(seconds=100)
    assert search.parent_id is None
    assert search.source["git"]["commit"] == "6b1f0c0e7ddc2f4d1d6e3f2f4cf1c1b8f2a9d3e4"
    assert search.source["argv"] == ["train.py"]
    for number, status in enumerate(("finished", "failed", "killed")):
        trial = runs[f"trial {number}"]
        assert trial.parent_id == search.id
        assert trial.status == status
        assert trial.started_at == START + timedelta(seconds=number)
        assert trial.ended_at == START + timedelta(seconds=60 + number)
        assert trial.params == {"depth": str(number + 2)}
    assert runs["over at once"].status == "finished"
    assert runs["over at once"].experiment == "odd / name: 100 %"


def test_a_run_that_had_not_ended_stands_as_crashed(shared: Project, imported: Imported) -> None:
    killed = shared.runs.get("killed")
    assert killed.status == "crashed"
    assert killed.ended_at == START + timedelta(seconds=301)  # its last point
    assert any("crashed until an import finds its end" in line for line in imported.told)


def test_tags_notes_and_params(shared: Project, imported: Imported) -> None:
    search = shared.runs.get("search")
    assert search.params == {"strategy": "grid", "empty": ""}
    assert search.note == "The **first** search."
    tags = dict(search.tags)
    assert len(tags.pop("mlflow.run_id")) == 32
    assert tags == {"odd key/with: signs-and.dots": "café \U0001f331", "db_password": "[masked]"}


def test_a_run_used_data(shared: Project, imported: Imported) -> None:
    tags = shared.runs.get("with data").tags
    told = 'digest 1f2e3d4c, source {"uri": "data/customers.csv"}'
    assert tags["mlflow.dataset.training.customers"] == told


def test_histories_are_whole(shared: Project, imported: Imported) -> None:
    runs = by_name(shared)
    loss = shared.runs.history(runs["trial 1"], "loss")
    assert loss.steps.tolist() == list(range(20))
    assert loss.values.tolist() == [1 / (step + 2) for step in range(20)]
    first = START + timedelta(seconds=1)
    times = [first + timedelta(milliseconds=10 * step) for step in range(20)]
    assert loss.times.astype("datetime64[us]").tolist() == [t.replace(tzinfo=None) for t in times]
    odd = shared.runs.history(runs["trial 1"], "val/odd").values.tolist()
    assert odd[0] == 0.5
    assert math.isnan(odd[1])
    assert odd[2:] == [math.inf, -math.inf, 0.25]
    latest = shared.runs.get(runs["trial 1"]).metrics
    assert latest["loss"].value == 1 / 21
    assert shared.runs.history(runs["with models"], "auc").values.tolist() == [0.75]


def test_deleted_runs_come_as_deleted(shared: Project, imported: Imported) -> None:
    deleted = by_name(shared, deleted=True)
    assert list(deleted) == ["deleted"]
    rows = shared.sql("SELECT kind, record ->> 'reason' FROM decisions WHERE kind = 'run_deleted'")
    assert list(rows.rows) == [("run_deleted", "imported from MLflow")]
    shared.runs.restore(deleted["deleted"])


def test_artifacts_are_copied(shared: Project, imported: Imported) -> None:
    trial = shared.runs.get("trial 2")
    assert [one.path for one in trial.artifacts] == ["notes.txt", "plots/more/notes.txt"]
    assert shared.runs.read_artifact(trial.id, "plots/more/notes.txt") == b"trial 2\n"


def test_logged_models_are_files_of_their_run(
    shared: Project, imported: Imported, kind: str
) -> None:
    run = shared.runs.get("with models")
    folders = {one.path.partition("/")[0] for one in run.artifacts}
    newer = kind.startswith("mlflow3")
    assert folders == {"model", "plain", "unsigned", "rule", "graph", *(["safe"] if newer else [])}
    kept = shared.models.get(f"runs:/{run.id}/model")
    assert kept.signature.features == ("age", "001")
    assert shared.models.register_kept(f"runs:/{run.id}/model", "again").version == 1


def test_versions_keep_numbers_files_and_origin(
    shared: Project, imported: Imported, kind: str, tmp_path: Path
) -> None:
    versions = {version.name: version for version in shared.models.all()}
    assert [name for name in versions if name.startswith("churn/")] == [
        "churn/4",
        "churn/3",
        "churn/1",
    ]
    churn = versions["churn/3"]
    assert churn.format == "joblib"
    assert churn.signature.features == ("age", "001")
    assert churn.requirements["scikit-learn"] == "1.5.0"
    assert churn.requirements["python"].startswith("3.")
    assert churn.run_id == by_name(shared)["with models"]
    assert (churn.params["C"], churn.metrics) == ("1.0", {"auc": 0.75})
    assert (churn.description, churn.tags["number"]) == ("A version.", "1")
    assert churn.trusted == ()
    assert churn.reason is not None
    assert churn.reason.startswith("imported from MLflow: churn/3 of 20")
    with zipfile.ZipFile(STORES / f"{kind}.zip") as packed:
        names = [name for name in packed.namelist() if name.endswith("model.pkl")]
        files = {packed.read(name) for name in names}
    assert shared.store.objects.read(churn.sha256, "it") in files
    assert churn.example is not None
    example = shared.store.objects.read(churn.example, "it")
    assert example == b'{"columns": ["age", "001"], "data": [[1.0, 0.0], [2.0, 1.0]]}'
    assert shared.models.model_tags("churn") == {"owner": "growth", "description": "About churn."}


def test_formats_and_what_cannot_be_registered(
    shared: Project, imported: Imported, kind: str
) -> None:
    versions = {version.name: version for version in shared.models.all()}
    assert versions["graph/1"].format == "onnx"
    assert versions["graph/1"].signature.features == ("x0", "x1")
    unsigned = versions["my-model-76eeb0/1"]
    assert unsigned.signature.features == ()
    assert shared.models.model_tags("my-model-76eeb0")["mlflow.name"] == "my model"
    told = imported.told
    assert "Not registered, because its flavor is python_function: churn/5." in told
    assert "Has no signature that tells its features: my model/1." in told
    if kind.startswith("mlflow3"):
        assert versions["safe/1"].format == "skops"
    else:
        assert any("is not below" in line and "safe/1" in line for line in told)


def test_what_can_be_loaded_safely_gets_a_plan(shared: Project, kind: str) -> None:
    plans = {one.name: shared.models.plan(one.name) for one in shared.models.all()}
    safe = {"safe/1"} if kind.startswith("mlflow3") else set()
    assert {name for name, plan in plans.items() if plan.used} >= {"churn/1", "churn/3"} | safe
    assert not plans["graph/1"].used
    assert not plans["my-model-76eeb0/1"].used  # it does not tell its features
    asking = shared.endpoint("churn@champion").current.asking
    assert asking.by_plan
    rows = [[1.0, 0.0], [2.0, 1.0]]
    with pytest.warns(Warning, match="The environment is not that"):
        model = asking.model
    itself = Asking(model, asking.signature)
    assert asking.ask(rows).predicted.tolist() == itself.ask(rows).predicted.tolist()


def test_what_plans_are_switched_off_for_gets_none(kind: str, tmp_path: Path) -> None:
    project = Project(tmp_path, lower=False)
    project.imports.mlflow(unpack(kind, tmp_path))
    assert not any(project.models.plan(one.name).used for one in project.models.all())
    project.close()


def test_aliases_and_stages(shared: Project, imported: Imported, kind: str) -> None:
    assert shared.models.get("churn@champion").version == 3
    told = "Not set, because the version it points to is not registered here: churn@challenger."
    assert told in imported.told
    assert {move.reason for move in shared.models.history("churn")} == {"imported from MLflow"}
    if kind.startswith("mlflow2"):
        assert shared.models.get("churn@production").version == 4
        assert shared.models.get("churn/4").tags["mlflow.stage"] == "Production"
        assert shared.models.get("churn/1").tags["mlflow.stage"] == "Archived"


def test_a_second_import_adds_nothing(
    shared: Project, imported: Imported, kind: str, tmp_path: Path
) -> None:
    before = contents(shared)
    folder = unpack(kind, tmp_path)  # a copy, with other times of files
    again = shared.imports.mlflow(folder)
    assert (again.runs, again.grown_runs, again.same_runs) == (0, 0, 9)
    assert (again.points, again.files, again.versions, again.aliases) == (0, 0, 0, 0)
    assert contents(shared) == before
    dry = shared.imports.mlflow(folder, dry_run=True)
    assert (dry.runs, dry.same_runs, dry.points, dry.versions) == (0, 9, 0, 0)


def test_a_dry_run_writes_nothing_and_counts_the_same(
    project: Project, imported: Imported, kind: str, tmp_path: Path
) -> None:
    dry = project.imports.mlflow(unpack(kind, tmp_path), dry_run=True)
    assert not project.exists
    for name in ("runs", "points", "files", "bytes", "versions"):
        assert getattr(dry, name) == getattr(imported, name), name


def test_only_some_experiments_in_another_project_have_the_same_ids(
    project: Project, shared: Project, imported: Imported, kind: str, tmp_path: Path
) -> None:
    done = project.imports.mlflow(unpack(kind, tmp_path), experiments=["odd / name: 100 %"])
    assert (done.runs, done.versions) == (1, 0)
    ids = by_name(project)
    assert list(ids) == ["over at once"]
    assert ids.items() <= by_name(shared).items()


def test_what_was_imported_can_be_rebuilt_from_the_journals(
    shared: Project, imported: Imported
) -> None:
    before = contents(shared)
    assert shared.examine() == []
    shared.store.layout.database.unlink()
    assert shared.examine(repair=True)
    assert contents(shared) == before
