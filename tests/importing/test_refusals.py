"""Stores that are broken, hostile or in use: a clear word, and no run that is half imported."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lite_mlops.errors import Busy, Damaged, Invalid, LiteMlopsError, NotFound
from lite_mlops.importing.mlflow import database
from lite_mlops.importing.mlflow.places import Places
from lite_mlops.project import Project
from lite_mlops.store import importing_alone
from tests.importing.conftest import Unpack, by_name, contents
from tests.importing.test_again import change, mlflow_id


@pytest.fixture
def folder(unpacked: Unpack) -> Path:
    return unpacked("mlflow2-sqlite")


@pytest.fixture
def files(unpacked: Unpack) -> Path:
    return unpacked("mlflow2-files") / "mlruns"


def refused(project: Project, path: Path, kind: type[LiteMlopsError], told: str) -> None:
    with pytest.raises(kind) as caught:
        project.imports.mlflow(path)
    assert told in str(caught.value)
    assert not project.exists


def run_folder(files: Path, name: str) -> Path:
    return next(
        p.parent.parent for p in files.glob("*/*/tags/mlflow.runName") if p.read_text() == name
    )


# -- what is no store ------------------------------------------------------------------------------


def test_what_is_no_store(project: Project, tmp_path: Path) -> None:
    refused(project, tmp_path / "nothing", NotFound, "There is no ")
    (tmp_path / "text").write_text("not a database at all")
    refused(project, tmp_path / "text", Invalid, "is no SQLite database")
    (tmp_path / "empty").mkdir()
    refused(project, tmp_path / "empty", Invalid, "holds neither mlflow.db nor experiments")
    with closing(sqlite3.connect(tmp_path / "other.db")) as made:
        made.execute("CREATE TABLE experiments (id)")
    refused(project, tmp_path / "other.db", Invalid, "its table 'experiments' has no experiment_id")
    with closing(sqlite3.connect(tmp_path / "third.db")) as made:
        made.execute("CREATE TABLE cats (id)")
    refused(project, tmp_path / "third.db", Invalid, "it has no table 'experiments'")


def test_a_folder_with_two_stores(project: Project, folder: Path, files: Path) -> None:
    (folder / "mlruns").rename(folder / "aside")
    files.rename(folder / "mlruns")
    refused(project, folder, Invalid, "holds two MLflow stores")
    assert project.imports.mlflow(folder / "mlruns").runs == 9


def test_a_schema_of_the_future(project: Project, folder: Path) -> None:
    change(folder, "ALTER TABLE runs RENAME COLUMN run_uuid TO run_key")
    refused(
        project, folder, Invalid, "of a form that is not known: its table 'runs' has no run_uuid"
    )


def test_new_columns_and_missing_tables_do_no_harm(project: Project, folder: Path) -> None:
    change(
        folder,
        "ALTER TABLE runs ADD COLUMN mood TEXT",
        "DROP TABLE model_version_tags",
        "DROP TABLE registered_model_aliases",
        "DROP TABLE inputs",
        "ALTER TABLE metrics RENAME COLUMN is_nan TO nan_flag",
    )
    done = project.imports.mlflow(folder)
    assert (done.runs, done.points, done.versions) == (9, 77, 5)


def test_an_old_store_without_models(project: Project, folder: Path) -> None:
    change(folder, "DROP TABLE model_versions", "DROP TABLE registered_models")
    assert project.imports.mlflow(folder).versions == 0


def test_half_a_database(project: Project, folder: Path) -> None:
    path = folder / "mlflow.db"
    path.write_bytes(path.read_bytes()[:20_000])
    refused(project, folder, Damaged, "is no whole SQLite database")


def test_a_database_that_is_written_to(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0.01)
    with closing(sqlite3.connect(folder / "mlflow.db", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        refused(project, folder, Busy, "is being written to. Wait until MLflow is done")
    assert project.imports.mlflow(folder).runs == 9


def test_a_log_that_waits_beside_the_database_is_read(project: Project, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE runs SET name = 'waits in the log' WHERE name = 'search'")
        writer.commit()
        project.imports.mlflow(folder)
    assert "waits in the log" in by_name(project)


def test_an_unknown_experiment(project: Project, folder: Path) -> None:
    with pytest.raises(NotFound, match=r"has no experiment 'chrun'. Did you mean 'churn'\?"):
        project.imports.mlflow(folder, experiments=["chrun"])


def test_only_one_imports_at_a_time(project: Project, folder: Path) -> None:
    with importing_alone(project.store.layout), pytest.raises(Busy, match="Another process is"):
        project.imports.mlflow(folder)


# -- runs that cannot be read ----------------------------------------------------------------------


def test_a_run_with_a_wrong_value_is_left_out_whole(project: Project, folder: Path) -> None:
    wrong = {
        "trial 0": ("UPDATE metrics SET step = 'x' WHERE run_uuid = :run AND step = 7", "a point"),
        "trial 1": ("UPDATE metrics SET value = x'00' WHERE run_uuid = :run AND step = 7", "a po"),
        "trial 2": ("UPDATE runs SET start_time = 'soon' WHERE run_uuid = :run", "its start is "),
        "killed": ("UPDATE runs SET end_time = -1 WHERE run_uuid = :run", "its end is -1, which "),
        "with data": ("UPDATE runs SET status = NULL WHERE run_uuid = :run", "its status is None"),
    }
    with closing(sqlite3.connect(folder / "mlflow.db")) as read:
        ids = dict(read.execute("SELECT name, run_uuid FROM runs").fetchall())
    for name, (statement, _) in wrong.items():
        change(folder, statement, run=ids[name])
    done = project.imports.mlflow(folder)
    assert done.runs == 4
    for name, (_, told) in wrong.items():
        assert [line for line in done.told if told in line and ids[name] in line], name
    assert wrong.keys().isdisjoint(by_name(project))
    assert project.sql("SELECT count(*) FROM params WHERE key = 'depth'").rows[0][0] == 0
    assert (done.points, contents(project)["metrics"]) == (1, 1)


def test_impossible_times_of_points_become_that_of_the_run(project: Project, folder: Path) -> None:
    change(folder, "UPDATE metrics SET timestamp = 9e17 WHERE step = 19")
    project.imports.mlflow(folder)
    run = project.runs.get("trial 0")
    times = project.runs.history(run.id, "loss").times
    assert times[19].item().replace(tzinfo=run.started_at.tzinfo) == run.started_at
    assert project.imports.mlflow(folder).points == 0


def test_broken_files_of_a_file_store(project: Project, files: Path) -> None:
    experiment = run_folder(files, "search").parent
    (run_folder(files, "trial 0") / "meta.yaml").unlink()
    (run_folder(files, "trial 1") / "meta.yaml").write_text("run_id: &anchor 1\n")
    (run_folder(files, "trial 2") / "metrics" / "loss").write_text("soon 0.5 1\n")
    (experiment / ("c" * 32)).mkdir()
    (experiment.parent / "models" / "churn" / "version-3" / "meta.yaml").write_text("- a list\n")
    (experiment.parent / "777").mkdir()
    done = project.imports.mlflow(files)
    told = "\n".join(done.told)
    assert done.runs == 6
    assert "its meta.yaml cannot be read (No such file or directory): experiment 777, run" in told
    assert "'&' is not read here" in told
    assert "metric 'loss' has the line 'soon 0.5 1': run " in told
    assert "its meta.yaml says nothing: model churn." in told
    assert {"trial 0", "trial 1", "trial 2"}.isdisjoint(by_name(project))


def test_an_interrupted_import_is_finished_by_the_next(project: Project, folder: Path) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.imports.mlflow(folder, progress=interrupt)
    assert list(project.store.layout.tmp.iterdir()) == []
    done = project.imports.mlflow(folder)
    assert done.runs + done.same_runs == 9
    before = contents(project)
    assert before["metrics"] == 77
    project.imports.mlflow(folder)
    assert contents(project) == before


# -- files that are hostile or not there -----------------------------------------------------------


LEADING_OUT = (
    "../../etc/{run}",
    "/etc/{run}/../../secret",
    "file:///srv/%2e%2e/%2E%2E/secret/{run}",
    "mlflow-artifacts:/../secret/{run}",
    "mlruns\\..\\..\\secret\\{run}",
    "file:///etc/{run}\0",
    "/etc",
    "/",
    "file:",
    "file://[bad/{run}",
    "{run}",
    "/../{run}",
    "link/{run}",
    "loop/{run}",
)


@pytest.mark.parametrize("uri", LEADING_OUT)
def test_no_place_leads_out_of_the_store(tmp_path: Path, uri: str) -> None:
    root, run = tmp_path / "store", "a" * 32
    (tmp_path / "secret" / run).mkdir(parents=True)
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises((Invalid, NotFound)):
        Places(root).find(uri.format(run=run), run)


def test_hostile_places_cost_only_their_files(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        runs = [run for (run,) in store.execute("SELECT run_uuid FROM runs")]
        for run, uri in zip(runs, LEADING_OUT, strict=False):
            (secret / run).mkdir(parents=True)
            (secret / run / "key.txt").write_text("secret")
            place = uri.format(run=run)
            store.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (place, run))
        hostile = f"/etc/{runs[0]}/../passwd"
        store.execute("UPDATE model_versions SET source = ?, storage_location = NULL", (hostile,))
        store.commit()
    done = project.imports.mlflow(folder)
    assert (done.runs, done.files, done.versions) == (9, 0, 0)
    assert any("leads out of the store: run " in line for line in done.told)
    assert any("leads out of the store: churn/1" in line for line in done.told)


def test_links_are_not_followed(project: Project, files: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("secret")
    trial, search = run_folder(files, "trial 0"), run_folder(files, "search")
    (trial / "artifacts" / "file.txt").symlink_to(tmp_path / "secret" / "key.txt")
    (trial / "artifacts" / "folder").symlink_to(tmp_path / "secret")
    (trial / "tags" / "stolen").symlink_to(tmp_path / "secret" / "key.txt")
    os.mkfifo(trial / "artifacts" / "pipe")
    (search / "artifacts").rmdir() if (search / "artifacts").is_dir() else None
    (search / "artifacts").symlink_to(tmp_path / "secret")
    (files / "666").symlink_to(tmp_path / "secret")
    done = project.imports.mlflow(files)
    paths = {one.path for one in project.runs.get("trial 0").artifacts}
    assert paths == {"notes.txt", "plots/more/notes.txt"}
    assert project.runs.get("search").artifacts == ()
    assert "stolen" not in project.runs.get("trial 0").tags
    (remark,) = (one for one in done.remarks if "it is no file that can be" in one["remark"])
    told = " ".join(remark["of"])
    for name in ("tags/stolen", "file.txt of run", "folder of run", "pipe of run"):
        assert name in told


def test_a_model_that_names_a_file_elsewhere(project: Project, files: Path) -> None:
    for about in files.glob("*/*/artifacts/*/MLmodel"):
        text = about.read_text().replace(": model.pkl", ": ../../../../../../../etc/passwd")
        about.write_text(text.replace(": model.onnx", ": /etc/passwd"))
    done = project.imports.mlflow(files)
    told = "\n".join(done.told)
    assert done.versions == 0
    assert "it names its file '../../../../../../../etc/passwd': churn/1" in told
    assert "it names its file '/etc/passwd': graph/1" in told


def test_models_without_their_files(project: Project, files: Path) -> None:
    for name in ("model", "unsigned"):
        (run_folder(files, "with models") / "artifacts" / name / "model.pkl").unlink()
    (run_folder(files, "with models") / "artifacts" / "graph" / "MLmodel").write_text("a: [b]\n")
    done = project.imports.mlflow(files)
    told = "\n".join(done.told)
    assert (done.runs, done.versions, done.aliases) == (9, 0, 0)
    assert "Not registered, because its file is missing: churn/1, churn/3, churn/4" in told
    assert "its MLmodel is not understood (line 1 of the YAML, 'a: [b]'" in told


def test_files_of_other_machines_and_of_other_folders(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    change(folder, "UPDATE runs SET artifact_uri = 's3://bucket/' || run_uuid || '/artifacts'")
    done = project.imports.mlflow(folder)
    assert done.files == 0
    assert any("lie in s3://, not on this machine: run " in line for line in done.told)
    moved = (folder / "mlruns").rename(tmp_path / "artifacts only")
    change(
        folder, "UPDATE runs SET artifact_uri = 'mlflow-artifacts:/1/' || run_uuid || '/artifacts'"
    )
    done = project.imports.mlflow(folder)
    assert any("--artifacts names their folder" in line for line in done.told)
    done = project.imports.mlflow(folder, artifacts=moved)
    assert (done.files, done.grown_runs) == (38, 4)
    trial = project.runs.get("trial 2")
    assert project.runs.read_artifact(trial.id, "notes.txt") == b"trial 2\n"


def test_names_and_texts_that_do_not_fit(project: Project, folder: Path) -> None:
    change(
        folder,
        "UPDATE experiments SET name = 'two' || char(10) || 'lines' WHERE name = 'churn'",
        "UPDATE tags SET key = '' WHERE key = 'db_password'",
        "UPDATE tags SET value = printf('%.*c', 200000, 'x') WHERE key = 'mlflow.note.content'",
        "UPDATE params SET value = printf('%.*c', 9000, 'y') WHERE key = 'strategy'",
        "UPDATE metrics SET key = printf('%.*c', 300, 'm') WHERE key = 'loss'",
        "UPDATE registered_model_aliases SET alias = '_odd' WHERE alias = 'champion'",
    )
    done = project.imports.mlflow(folder)
    assert done.runs == 9
    search = project.runs.get("search")
    assert search.experiment.startswith("two lines ")
    assert (len(search.note or ""), len(search.params["strategy"])) == (100_000, 6_000)
    assert max(len(key) for key in project.runs.get("trial 0").metrics) <= 250
    told = "\n".join(done.told)
    assert "Cut to 6,000 characters: 'strategy' of run " in told
    assert "Changed, as it cannot be used here: experiment name 'two\\nlines' of the store" in told
    assert "churn@_odd" in told
    assert project.imports.mlflow(folder).same_runs == 9
    assert contents(project)["metrics"] == 77


def test_a_run_that_comes_twice(project: Project, files: Path) -> None:
    import shutil

    trial = run_folder(files, "trial 0")
    other = next(path for path in files.iterdir() if path.is_dir() and path != trial.parent
                 and (path / "meta.yaml").exists())  # fmt: skip
    shutil.copytree(trial, other / trial.name)
    done = project.imports.mlflow(files)
    assert f"Left out, because it comes twice: run {trial.name}." in done.told
    assert contents(project)["metrics"] == 77
    assert mlflow_id(project, "trial 0") == trial.name
