"""Importing again: what is new in the store comes, what was changed here stays."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lite_mlops.project import Project
from tests.importing.conftest import Unpack, by_name, contents, unpack

NEW = "b" * 32


def change(folder: Path, *statements: str, run: str = "") -> None:
    """Change the database of a store as MLflow would; `:run` is a run in the statements."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        for statement in statements:
            database.execute(statement, {"run": run, "new": NEW})
        database.commit()


def mlflow_id(project: Project, name: str) -> str:
    return str(project.runs.get(name).tags["mlflow.run_id"])


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, and a project into which it was imported; to be copied."""
    place = tmp_path_factory.mktemp("imported")
    (place / "work").mkdir()
    made = Project(place / "work", capture_code=False, capture_environment=False)
    made.imports.mlflow(unpack("mlflow2-sqlite", place))
    made.close()
    return place


@pytest.fixture
def folder(project: Project, imported: Path, tmp_path: Path) -> Path:
    """The store, with `project` as it was after the first import."""
    shutil.copytree(imported, tmp_path, dirs_exist_ok=True)
    return tmp_path / "mlflow2-sqlite"


def test_new_runs_points_tags_and_ends_come(project: Project, folder: Path) -> None:
    killed = mlflow_id(project, "killed")
    change(
        folder,
        "INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, "
        "lifecycle_stage, experiment_id) VALUES (:new, 'new', 'trainer', 'FINISHED', "
        "1760000000000, 1760000001000, 'active', 1)",
        "INSERT INTO metrics VALUES ('loss', 0.5, 1760000000500, :new, 0, 0)",
        "INSERT INTO metrics VALUES ('loss', 0, 1750000302000, :run, 1, 1)",
        "INSERT INTO metrics VALUES ('other', 1.5, 1750000302000, :run, 0, 0)",
        "INSERT INTO params VALUES ('late', 'x', :run)",
        "INSERT INTO tags VALUES ('stage', 'one', :run)",
        "UPDATE runs SET status = 'FAILED', end_time = 1750000303000 WHERE run_uuid = :run",
        run=killed,
    )
    done = project.imports.mlflow(folder)
    assert (done.runs, done.grown_runs, done.same_runs, done.points) == (1, 1, 8, 3)
    assert project.runs.get("new").metrics["loss"].value == 0.5
    run = project.runs.get("killed")
    assert (run.status, run.params, run.tags["stage"]) == ("failed", {"late": "x"}, "one")
    assert run.ended_at == datetime.fromtimestamp(1_750_000_303, UTC)
    assert project.runs.history(run.id, "loss").steps.tolist() == [0, 1]
    change(
        folder, "UPDATE tags SET value = 'two' WHERE key = 'stage' AND run_uuid = :run", run=killed
    )
    assert project.imports.mlflow(folder).grown_runs == 1
    assert project.runs.get("killed").tags["stage"] == "two"
    before = contents(project)
    assert project.imports.mlflow(folder).same_runs == 10
    assert contents(project) == before
    assert project.examine() == []


def test_new_versions_and_moved_aliases_come(project: Project, folder: Path) -> None:
    change(
        folder,
        "INSERT INTO model_versions (name, version, creation_time, source, run_id, current_stage) "
        "SELECT name, 7, creation_time + 5, source, run_id, 'Production' FROM model_versions "
        "WHERE name = 'churn' AND version = 1",
        "UPDATE registered_model_aliases SET version = 7 WHERE alias = 'champion'",
        "UPDATE model_versions SET current_stage = 'Archived' WHERE version = 4",
        "INSERT INTO registered_model_aliases (name, alias, version) VALUES ('churn', 'old', 1)",
    )
    done = project.imports.mlflow(folder)
    assert (done.versions, done.aliases, done.runs) == (1, 3, 0)
    churn = project.models.get("churn@champion")
    assert (churn.version, churn.tags) == (7, {"mlflow.stage": "Production"})
    assert project.models.get("churn@production").version == 7
    assert project.models.get("churn@old").version == 1
    assert project.models.get("churn/4").tags["mlflow.stage"] == "Archived"
    assert [move.version for move in project.models.history("churn", "champion")] == [7, 3]


def test_files_that_were_added_or_changed_come(project: Project, folder: Path) -> None:
    run = project.runs.get("trial 0")
    there = folder / "mlruns" / "1" / run.tags["mlflow.run_id"] / "artifacts"
    (there / "notes.txt").write_text("other, and as long")
    (there / "new.bin").write_bytes(b"\0" * 3_000_000)
    done = project.imports.mlflow(folder)
    assert (done.files, done.grown_runs) == (2, 1)
    assert project.runs.read_artifact(run.id, "notes.txt") == b"other, and as long"
    assert project.runs.read_artifact(run.id, "new.bin") == b"\0" * 3_000_000
    (there / "notes.txt").write_text("OTHER, and as long")
    assert project.imports.mlflow(folder).files == 1
    assert project.runs.read_artifact(run.id, "notes.txt") == b"OTHER, and as long"
    assert project.imports.mlflow(folder).files == 0


def test_an_alias_that_has_a_gate_here_is_not_moved(project: Project, folder: Path) -> None:
    before = project.models.get("churn@champion").version
    project.gates.define("churn", {"approvals": 1})
    change(folder, "UPDATE registered_model_aliases SET version = 4 WHERE alias = 'champion'")
    done = project.imports.mlflow(folder)
    assert done.aliases == 0
    assert "Not set, because it has a gate here: churn@champion." in done.told
    assert project.models.get("churn@champion").version == before


def test_what_was_changed_here_stays(project: Project, folder: Path) -> None:
    search = project.runs.get("search").id
    project.runs.tag_all(search, {"odd key/with: signs-and.dots": None, "db_password": "other"})
    project.runs.note(search, "Mine.")
    project.runs.restore("deleted", reason="needed")
    project.models.set_alias("churn", "champion", 1, reason="mine")
    project.models.set_tags("churn/3", {"number": "mine"})
    change(
        folder,
        "UPDATE tags SET value = 'Theirs.' WHERE key = 'mlflow.note.content'",
        "UPDATE tags SET value = 'theirs' WHERE key LIKE 'odd key%'",
        "UPDATE registered_model_aliases SET version = 4 WHERE alias = 'champion'",
        "UPDATE model_version_tags SET value = 'theirs' WHERE key = 'number'",
    )
    done = project.imports.mlflow(folder)
    assert (done.grown_runs, done.aliases) == (0, 0)
    assert "Left as it was set here: churn@champion." in done.told
    run = project.runs.get(search)
    assert (run.note, "odd key/with: signs-and.dots" in run.tags) == ("Mine.", False)
    assert "deleted" in by_name(project)
    assert project.models.get("churn@champion").version == 1
    assert project.models.get("churn/3").tags["number"] == "mine"


def test_runs_deleted_and_restored_there_follow(project: Project, folder: Path) -> None:
    trial, deleted = mlflow_id(project, "trial 0"), by_name(project, deleted=True)["deleted"]
    change(
        folder,
        "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = :run",
        "UPDATE runs SET lifecycle_stage = 'active' WHERE name = 'deleted'",
        run=trial,
    )
    project.imports.mlflow(folder)
    assert list(by_name(project, deleted=True)) == ["trial 0"]
    assert by_name(project)["deleted"] == deleted


def test_a_purged_run_does_not_come_back(project: Project, folder: Path) -> None:
    deleted = by_name(project, deleted=True)["deleted"]
    project.runs.purge(deleted, reason="personal data")
    done = project.imports.mlflow(folder)
    assert (done.runs, done.same_runs) == (0, 8)
    assert any("Left out, because it was purged here: run " in line for line in done.told)


def test_a_file_store_grows(project: Project, unpacked: Unpack) -> None:
    folder = unpacked("mlflow3-files")
    project.imports.mlflow(folder)
    killed = next((folder / "mlruns").glob(f"*/{mlflow_id(project, 'killed')}"))
    with (killed / "metrics" / "loss").open("a") as file:
        file.write("1750000301000 0.75 0\n1750000302000 0.5 1\n1750000302000 0.5 1\n")
    meta = killed / "meta.yaml"
    ended = "status: 3\nend_time: 1750000303000\n"
    lines = meta.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("status:", "end_time:"))]
    meta.write_text("\n".join(kept) + "\n" + ended)
    done = project.imports.mlflow(folder)
    assert (done.runs, done.grown_runs, done.points) == (0, 1, 1)
    run = project.runs.get("killed")
    assert run.status == "finished"
    assert project.runs.history(run.id, "loss").values.tolist() == [0.75, 0.5]


def test_the_same_store_as_database_and_as_a_moved_copy(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    moved = folder.rename(tmp_path / "elsewhere")
    before = contents(project)
    assert project.imports.mlflow(moved / "mlflow.db").same_runs == 9
    assert contents(project) == before


def test_versions_get_the_next_numbers_where_theirs_are_taken(
    project: Project, unpacked: Unpack
) -> None:
    folder = unpacked("mlflow3-sqlite")
    project.imports.mlflow(folder, experiments=["churn"])
    change(folder, "UPDATE model_versions SET creation_time = creation_time + 1 WHERE version = 3")
    done = project.imports.mlflow(folder)  # another one, as far as anybody can tell
    assert done.versions == 1
    new = project.models.get("churn")
    assert (new.version, new.tags["mlflow.version"]) == (5, "3")
    assert project.models.get("churn@champion").version == 5
    assert project.imports.mlflow(folder).versions == 0
