"""The code of a run: what git knows of it is recorded, and nothing that is secret."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.project import Project
from lite_mlops.tracking.code import MAX_DIFF, CodeCapture, capture_code

Git = Callable[..., str]


@pytest.fixture(autouse=True)
def _git_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Runs git in the folder of the project."""

    def run(*arguments: str, folder: Path = tmp_path / "work") -> str:
        identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        command = ["git", "-C", str(folder), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return run


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> Path:
    """A repository with one commit on the branch `trial`."""
    folder = tmp_path / "work"
    git("init", "--quiet", "--initial-branch", "trial")
    (folder / "fit.py").write_text("depth = 3\n")
    git("add", "fit.py")
    git("commit", "--quiet", "-m", "first")
    return folder


# -- with a run ----------------------------------------------------------------------------------


def started_in(folder: Path, monkeypatch: pytest.MonkeyPatch, *argv: str) -> tuple[Project, str]:
    """Start and finish a run, as a process with this working directory and command would."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", list(argv or [""]))
    project = Project(folder, capture_environment=False)
    with project.start_run() as run:
        pass
    return project, run.id


def test_a_run_is_recorded_with_the_state_of_its_code(
    repository: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("remote", "add", "origin", "https://ann:hunter2@git.example.org/team/churn.git")
    (repository / "fit.py").write_text("depth = 4\n")
    (repository / "new file.py").write_text("x = 1\n")
    (repository / ".gitignore").write_text(".lite-mlops/\n*.log\n")
    (repository / "a.log").write_text("x")
    project, run_id = started_in(repository, monkeypatch)
    found = project.runs.get(run_id)
    assert found.source["git"] == {
        "commit": git("rev-parse", "HEAD"),
        "branch": "trial",
        "remote": "https://git.example.org/team/churn.git",
        "dirty": True,
        "untracked": [".gitignore", "new file.py"],
        "folder": ".",
    }
    assert [one.path for one in found.artifacts] == ["source/uncommitted.diff"]
    diff = project.runs.read_artifact(run_id, "source/uncommitted.diff").decode()
    assert "-depth = 3\n+depth = 4\n" in diff
    project.close()


def test_a_run_of_committed_code_has_no_diff(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, run_id = started_in(repository, monkeypatch)
    found = project.runs.get(run_id)
    assert found.source["git"]["dirty"] is False
    assert found.artifacts == ()
    project.close()


def test_a_run_outside_of_git_has_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, run_id = started_in(tmp_path / "work", monkeypatch)
    assert project.runs.get(run_id).source == {}
    project.close()


def test_the_code_is_that_of_the_script_and_not_of_the_working_directory(
    repository: Path, tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    project, run_id = started_in(elsewhere, monkeypatch, str(repository / "fit.py"), "--fast")
    assert project.runs.get(run_id).source["git"]["commit"] == git("rev-parse", "HEAD")
    project.close()


# -- what is captured ----------------------------------------------------------------------------


def captured(folder: Path) -> Any:
    code = capture_code(folder)
    assert code is not None
    return code


def restored(git: Git, repository: Path, tmp_path: Path, diff: str) -> Path:
    """A fresh copy of the last commit with the diff applied."""
    copy, patch = tmp_path / "copy", tmp_path / "uncommitted.diff"
    git("clone", "--quiet", str(repository), str(copy))
    patch.write_text(diff)
    git("apply", str(patch), folder=copy)
    return copy


def test_the_diff_brings_the_commit_to_the_state_of_the_run(
    repository: Path, tmp_path: Path, git: Git
) -> None:
    (repository / "fit.py").write_text("depth = 4  # Übung\n")
    (repository / "data.bin").write_bytes(bytes(range(256)))
    (repository / "staged.py").write_text("x = 1\n")
    git("add", "data.bin", "staged.py")
    copy = restored(git, repository, tmp_path, captured(repository).diff)
    for name in ("fit.py", "data.bin", "staged.py"):
        assert (copy / name).read_bytes() == (repository / name).read_bytes()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("color.ui", "always"), ("diff.external", "false"), ("diff.noprefix", "true")],
)
def test_the_diff_does_not_depend_on_the_settings_of_git(
    repository: Path, tmp_path: Path, git: Git, setting: str, value: str
) -> None:
    git("config", setting, value)
    (repository / "fit.py").write_text("depth = 4\n")
    copy = restored(git, repository, tmp_path, captured(repository).diff)
    assert (copy / "fit.py").read_text() == "depth = 4\n"


def test_a_folder_inside_sees_the_whole_repository(repository: Path) -> None:
    (repository / "fit.py").write_text("depth = 4\n")
    (repository / "src").mkdir()
    (repository / "src" / "new.py").write_text("")
    code = captured(repository / "src")
    assert code.root == str(repository)
    assert "+depth = 4" in code.diff
    assert code.untracked == ("src/new.py",)


@pytest.mark.parametrize(
    ("remote", "recorded"),
    [
        ("https://ann:hunter2@example.org/a.git", "https://example.org/a.git"),
        ("https://ghtoken@example.org/a.git", "https://example.org/a.git"),
        ("git@example.org:team/a.git", "git@example.org:team/a.git"),
        ("../a.git", "../a.git"),
        ("https://ann:hunt@er2@example.org/a.git", "https://example.org/a.git"),
        ("https://example.org/a.git?token=hunter2", "https://example.org/a.git?token=[masked]"),
    ],
)
def test_a_remote_is_recorded_without_credentials(
    repository: Path, git: Git, remote: str, recorded: str
) -> None:
    git("remote", "add", "origin", remote)
    assert captured(repository).remote == recorded


def test_a_repository_without_a_commit_is_captured(tmp_path: Path, git: Git) -> None:
    git("init", "--quiet", "--initial-branch", "trial")
    (tmp_path / "work" / "fit.py").write_text("depth = 3\n")
    git("add", "fit.py")
    code = captured(tmp_path / "work")
    assert (code.commit, code.branch, code.remote) == (None, "trial", None)
    assert "+depth = 3" in code.diff


def test_a_detached_head_has_no_branch(repository: Path, git: Git) -> None:
    git("checkout", "--quiet", "--detach")
    code = captured(repository)
    assert (code.commit, code.branch) == (git("rev-parse", "HEAD"), None)


def test_a_very_long_diff_is_cut_with_a_note(repository: Path) -> None:
    (repository / "fit.py").write_text("x" * (MAX_DIFF + 1_000))
    diff = captured(repository).diff
    assert len(diff) < MAX_DIFF + 100
    assert diff.endswith(" characters of changes]\n")


def test_no_more_than_a_hundred_untracked_files_are_recorded(repository: Path) -> None:
    for number in range(120):
        (repository / f"{number:03}.txt").touch()
    assert captured(repository).to_dict()["untracked"] == [f"{n:03}.txt" for n in range(100)]


def test_nothing_in_the_repository_is_touched(repository: Path) -> None:
    os.utime(repository / "fit.py", (0, 0))  # what git would refresh the index for
    before = {path: path.stat().st_mtime_ns for path in (repository / ".git").rglob("*")}
    assert captured(repository).diff == ""
    assert {path: path.stat().st_mtime_ns for path in (repository / ".git").rglob("*")} == before


def test_without_git_there_is_no_code(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert capture_code(repository) is None


def test_a_broken_repository_is_no_code(tmp_path: Path) -> None:
    (tmp_path / "work" / ".git").write_text("gitdir: nowhere\n")
    assert capture_code(tmp_path / "work") is None


def test_what_was_just_captured_is_used_again(repository: Path) -> None:
    capture = CodeCapture()
    first = capture(repository)
    assert first is not None
    (repository / "fit.py").write_text("depth = 4\n")
    assert capture(repository) is first
