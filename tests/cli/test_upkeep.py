"""`lite-mlops doctor`, `backup`, `restore` and `gc`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.project import Project
from lite_mlops.store.events import Params
from tests.cli.conftest import Cli, logged

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


def with_object(project: Project, text: str = "hello") -> Path:
    """Log a run with an artifact; return the path of its object."""
    with project.start_run("with an artifact") as run:
        run.log_text(text, "a.txt")
    (artifact,) = project.runs.get(run.id).artifacts
    return project.store.objects.path(artifact.sha256)


# -- doctor -------------------------------------------------------------------------------------


def test_a_healthy_project_has_no_findings(cli: Cli, project: Project) -> None:
    with_object(project)
    for line in (["doctor"], ["doctor", "--repair"]):
        done = cli(*line)
        assert (done.code, done.out, done.err) == (0, "Everything is as it should be.\n", "")
        assert json.loads(cli(*line, "--json").out) == []


def test_what_can_be_repaired_is_told_and_fails_until_it_is(cli: Cli, project: Project) -> None:
    path = with_object(project)
    project.close()
    copy = project.backup().path / "objects" / path.parent.name / path.name
    copy.unlink()  # a link to the same bytes
    copy.write_bytes(b"hello")
    path.write_bytes(b"rotten")
    sha256 = path.parent.name + path.name
    done = cli("doctor")
    assert done.code == 1
    assert done.out.startswith(f"object: {sha256} [can be repaired with --repair]\n    the object ")
    assert path.read_bytes() == b"rotten"  # looking changes nothing
    done = cli("doctor", "--repair")
    assert done.code == 0
    assert done.out.startswith(f"object: {sha256} [repaired]\n")
    assert path.read_bytes() == b"hello"
    assert cli("doctor").out == "Everything is as it should be.\n"


def test_what_no_copy_can_mend_goes_on_failing(cli: Cli, project: Project) -> None:
    path = with_object(project)
    path.unlink()
    done = cli("doctor", "--repair", "--json")
    (finding,) = json.loads(done.out)
    assert done.code == 1
    assert (finding["kind"], finding["repaired"]) == ("object", False)
    assert "no backup has a good copy" in finding["text"]


def test_what_is_only_told_does_not_fail(cli: Cli, project: Project) -> None:
    run = logged(project)
    project.store.append(Params(run=run, keys=["depth"], texts=["4"]))
    done = cli("doctor")
    assert (done.code, done.out) == (
        0,
        (
            f"param: {run} [told, not mended]\n"
            "    param depth was also logged as 4; the first value stands\n"
        ),
    )


def test_a_database_that_cannot_be_opened_is_rebuilt(
    cli: Cli, project: Project, tables: Tables
) -> None:
    logged(project)
    before = tables()
    project.close()
    project.store.layout.database.write_bytes(b"noise" * 10_000)
    done = cli("doctor")
    assert done.code == 1
    assert "database: lite-mlops.duckdb [can be repaired with --repair]" in done.out
    assert cli("runs", "ls").code == 7
    assert cli("doctor", "--repair").code == 0
    assert cli("runs", "ls").code == 0
    assert tables() == before


# -- backup and restore -------------------------------------------------------------------------


def test_a_backup_and_back_again(
    cli: Cli, project: Project, tables: Tables, tmp_path: Path
) -> None:
    path = with_object(project)
    before = tables()
    done = cli("backup", tmp_path / "copy")
    assert done.code == 0
    assert done.out.startswith(f"Backed up to {tmp_path / 'copy'}: ")
    assert done.out.endswith(" and 1 objects.\n")
    logged(project)
    path.unlink()
    project.close()
    assert tables() != before
    done = cli("restore", tmp_path / "copy", answer="y\n")
    assert done.code == 0
    assert done.out.startswith(f"Replace the state of {project.folder}? [y/N]: ")
    assert f"\nRestored {project.folder} to 20" in done.out
    assert tables() == before
    assert path.read_bytes() == b"hello"


def test_a_backup_goes_into_the_project_by_itself(cli: Cli, project: Project) -> None:
    logged(project)
    told = json.loads(cli("backup", "--json").out)
    assert Path(told["path"]).parent == project.folder / "backups"
    assert (told["objects"], told["missing"]) == (0, [])
    assert (Path(told["path"]) / "manifest.json").is_file()


def test_a_backup_tells_what_was_missing(cli: Cli, project: Project, tmp_path: Path) -> None:
    with_object(project).unlink()
    done = cli("backup", tmp_path / "copy")
    assert done.code == 0
    assert done.out.endswith("1 objects were missing or damaged already; see `doctor`.\n")


def test_a_backup_never_overwrites(cli: Cli, project: Project, tmp_path: Path) -> None:
    logged(project)
    (tmp_path / "copy").mkdir()
    done = cli("backup", tmp_path / "copy")
    text = f"Error: {tmp_path / 'copy'} exists already; a backup never overwrites anything.\n"
    assert (done.code, done.out, done.err) == (4, "", text)
    assert not list((tmp_path / "copy").iterdir())


def test_a_backup_can_be_restored_elsewhere(
    cli: Cli, project: Project, tables: Tables, tmp_path: Path
) -> None:
    run = logged(project)
    cli("backup", tmp_path / "copy")
    before = tables()
    done = cli("restore", tmp_path / "copy", "--to", tmp_path / "else" / "where")
    assert done.code == 0
    assert done.out.startswith(f"Restored {tmp_path / 'else' / 'where' / '.lite-mlops'} to ")
    assert tables() == before
    shown = cli("runs", "show", run, "--json", dir=tmp_path / "else" / "where")
    assert json.loads(shown.out) == project.runs.get(run).to_dict()


def test_what_is_not_confirmed_is_not_restored(
    cli: Cli, project: Project, tables: Tables, tmp_path: Path
) -> None:
    logged(project)
    cli("backup", tmp_path / "copy")
    logged(project)
    project.close()
    before = tables()
    for answer in ("n\n", ""):
        assert cli("restore", tmp_path / "copy", answer=answer).code == 130
    assert tables() == before


def test_a_project_that_is_logged_to_is_not_replaced(
    cli: Cli, project: Project, tables: Tables, tmp_path: Path
) -> None:
    logged(project)
    cli("backup", tmp_path / "copy")
    project.start_run()
    before = tables()
    done = cli("restore", "-y", tmp_path / "copy")
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith(f"Error: 1 processes are logging to {project.folder} (")
    assert done.err.endswith("Stop them, or restore to another folder with --to.\n")
    assert tables() == before


def test_what_is_no_backup_is_not_restored(
    cli: Cli, project: Project, tables: Tables, tmp_path: Path
) -> None:
    logged(project)
    before = tables()
    for options in ((), ("--to", tmp_path / "new")):
        done = cli("restore", "-y", tmp_path / "nothing", *options)
        text = f"Error: There is no backup in {tmp_path / 'nothing'}: it has no manifest.json.\n"
        assert (done.code, done.out, done.err) == (3, "", text)
    assert tables() == before
    assert not (tmp_path / "new").exists()


# -- gc -----------------------------------------------------------------------------------------


@pytest.fixture
def purged(project: Project) -> Path:
    """A run with a file was purged an hour after it was logged; its object is still there."""
    path = with_object(project)
    project.runs.delete("with an artifact")
    project.runs.purge("with an artifact")
    os.utime(path, (0, 0))
    return path


def test_what_nothing_refers_to_is_freed(
    cli: Cli, project: Project, tables: Tables, purged: Path
) -> None:
    kept = with_object(project, "kept")
    os.utime(kept, (0, 0))
    before = tables()
    done = cli("gc", "--dry-run")
    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["would", "be", "freed", "count", "size"]
    assert done.out.splitlines()[1].split()[-3:] == ["1", "5", "B"]
    assert purged.exists()
    told = json.loads(cli("gc", "--json").out)
    assert (told["objects"], told["object_bytes"]) == (1, 5)
    assert not purged.exists()
    assert kept.exists()
    assert tables() == before


def test_what_was_just_written_stays(cli: Cli, project: Project, purged: Path) -> None:
    os.utime(purged)
    assert json.loads(cli("gc", "--json").out)["objects"] == 0
    assert purged.exists()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (("doctor", "x"), "Got unexpected extra argument (x)"),
        (("gc", "x"), "Got unexpected extra argument (x)"),
        (("backup", "a", "b"), "Got unexpected extra argument (b)"),
        (("restore",), "Missing argument 'SOURCE'."),
    ],
)
def test_a_wrong_call_changes_nothing(
    cli: Cli, project: Project, tables: Tables, line: tuple[str, ...], text: str
) -> None:
    logged(project)
    before = tables()
    done = cli(*line)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"Error: {text}\n")
    assert tables() == before
