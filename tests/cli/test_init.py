"""`lite-mlops init`: a project where it is asked for, found from below, never made twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli, logged


def test_a_project_is_made_in_the_folder_that_is_named(cli: Cli, tmp_path: Path) -> None:
    done = cli("init", tmp_path / "new" / "place")
    made = tmp_path / "new" / "place" / ".lite-mlops"
    assert (done.code, done.out, done.err) == (0, f"Made a project in {made}\n", "")
    assert (made / "lite-mlops.duckdb").is_file()
    assert (made / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / "work" / ".lite-mlops").exists()  # that of LITE_MLOPS_DIR


def test_a_project_is_made_here_without_a_folder(cli: Cli, tmp_path: Path) -> None:
    done = cli("init", dir="elsewhere")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "work" / ".lite-mlops" / "lite-mlops.duckdb").is_file()


def test_only_the_owner_can_look_into_a_project(cli: Cli, tmp_path: Path) -> None:
    cli("init")
    assert (tmp_path / "work" / ".lite-mlops").stat().st_mode & 0o777 == 0o700


def test_making_it_again_changes_nothing(
    cli: Cli, project: Project, tables: Callable[[], dict[str, list[tuple[Any, ...]]]]
) -> None:
    logged(project)
    before = tables()
    done = cli("init")
    expected = f"There is a project already in {project.folder}\n"
    assert (done.code, done.out, done.err) == (0, expected, "")
    assert tables() == before


def test_a_project_is_found_from_the_folders_below_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "work" / "a" / "b"
    below.mkdir(parents=True)
    cli("init")
    monkeypatch.chdir(below)
    monkeypatch.delenv("LITE_MLOPS_DIR")
    done = cli("status")
    assert done.code == 0
    assert str(tmp_path / "work" / ".lite-mlops") in done.out


def test_a_file_is_no_folder_for_a_project(cli: Cli, tmp_path: Path) -> None:
    Path("notes.txt").write_text("mine")
    done = cli("init", "notes.txt")
    assert done.code == 2
    assert done.err.endswith(
        "Error: Invalid value for '[PATH]': Directory 'notes.txt' is a file.\n"
    )
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("command", ["init", "demo", "backup"])
def test_a_folder_that_cannot_be_made_is_told_without_a_traceback(
    cli: Cli, project: Project, command: str
) -> None:
    logged(project)
    Path("notes.txt").write_text("mine")
    done = cli(command, "notes.txt/below")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: ")
    assert "Not a directory" in done.err
    assert "notes.txt/below" in done.err
    assert Path("notes.txt").read_text() == "mine"


def test_further_words_are_refused(cli: Cli, tmp_path: Path) -> None:
    done = cli("init", "a", "b")
    assert done.code == 2
    assert done.err.endswith("Error: Got unexpected extra argument (b)\n")
    assert not list((tmp_path / "work").iterdir())
