"""A project is a folder: found upwards, made by the first write, and free to be moved."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project, find_folder


def test_the_folder_is_found_upwards(project: Project, tmp_path: Path) -> None:
    project.create()
    deep = tmp_path / "work" / "src" / "deep"
    deep.mkdir(parents=True)
    assert find_folder(deep) == find_folder(tmp_path / "work") == project.folder
    assert find_folder(project.folder / "objects") == project.folder


def test_the_nearest_folder_is_found(project: Project, tmp_path: Path) -> None:
    project.create()
    inner = tmp_path / "work" / "inner"
    (inner / ".lite-mlops").mkdir(parents=True)
    assert find_folder(inner) == inner / ".lite-mlops"


def test_a_file_of_that_name_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "work" / ".lite-mlops").write_text("")
    assert find_folder(tmp_path / "work") is None


def test_the_environment_goes_before_the_working_directory(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.create()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("LITE_MLOPS_DIR", str(tmp_path))
    assert find_folder() == Project().folder == tmp_path / ".lite-mlops"
    monkeypatch.delenv("LITE_MLOPS_DIR")
    assert find_folder() == Project().folder == project.folder


def test_without_any_folder_the_working_directory_is_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("LITE_MLOPS_DIR")
    assert Project().folder == tmp_path / "work" / ".lite-mlops"


def test_a_path_may_be_given_in_several_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "work" / ".lite-mlops"
    for path in (tmp_path / "work", str(folder), "work", "~/work", Path("work/.lite-mlops")):
        assert Project(path).folder == folder
    assert not folder.exists()


@pytest.mark.parametrize("place", ["none", "file", "file/below"])
def test_a_path_that_cannot_hold_a_project_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid) as error:
        Project(tmp_path / place)
    assert str(error.value) == (
        f"The project folder {tmp_path / place / '.lite-mlops'} cannot be: {tmp_path / place} is "
        "not a folder."
    )


def test_a_project_that_is_required_has_to_exist(project: Project, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as error:
        project.required()
    assert str(error.value) == (
        f"There is no project in {tmp_path / 'work'} or above. `lite-mlops init` makes one; so "
        "does the first run that is logged."
    )
    with pytest.raises(NotFound, match="There is no project"):
        project.sql("SELECT 1")
    project.create()
    assert project.required() is project


def test_a_project_is_shown_with_its_place(project: Project, tmp_path: Path) -> None:
    assert repr(project) == f"Project('{tmp_path / 'work'}')"


# -- made by the first write ---------------------------------------------------------------------


def test_opening_a_project_makes_nothing(project: Project, tmp_path: Path) -> None:
    project.set_experiment("churn")
    assert project.active_run() is None
    project.close()
    assert not project.exists
    assert list((tmp_path / "work").iterdir()) == []


def test_the_first_run_makes_the_project(project: Project) -> None:
    with project.start_run():
        pass
    assert project.exists


@pytest.mark.parametrize(
    "question",
    [
        lambda project: project.runs.page(),
        lambda project: project.runs.get("baseline"),
        lambda project: project.experiments.all(),
    ],
    ids=["page", "get", "experiments"],
)
def test_a_question_makes_nothing(project: Project, question: Callable[[Project], object]) -> None:
    with suppress(NotFound):
        question(project)
    assert not project.exists


def assert_private(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / ".gitignore").read_text() == "*\n"


def test_only_its_owner_can_look_into_a_project_and_git_ignores_it(project: Project) -> None:
    with project.start_run() as run:
        run.log_text("x", "x.txt")
    assert_private(project.folder)


def test_a_project_that_begins_with_an_object_is_private_as_well(tmp_path: Path) -> None:
    project = Project(tmp_path / "work", capture_code=False, capture_environment=True)
    with project.start_run():
        pass
    assert_private(project.folder)
    project.close()


# -- runs ----------------------------------------------------------------------------------------


def test_a_run_is_there_to_log_to(project: Project) -> None:
    run = project.run_to_log_to()
    assert project.run_to_log_to() is run
    project.end_run("killed")
    assert project.runs.get(run.id).status == "killed"
    project.end_run()
    assert project.run_to_log_to() is not run


def test_a_closed_project_can_be_used_again(project: Project) -> None:
    with project.start_run("first"):
        pass
    project.close()
    with project.start_run("second") as run:
        run.log_metric("loss", 0.5)
    assert [one.name for one in project.runs.page()] == ["second", "first"]
    assert project.runs.get("second").metrics["loss"].value == 0.5


def test_two_objects_for_one_folder_see_the_same(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "work", wait_seconds=20)
    with project.start_run("first") as run:
        run.log_metric("loss", 0.5)
        assert other.runs.get("first").metrics["loss"].value == 0.5
    other.runs.delete("first")
    assert project.runs.get("first").deleted
    other.close()


# -- moved and copied ----------------------------------------------------------------------------


@pytest.fixture
def filled(project: Project) -> str:
    """The id of a run of the project, with a metric and an artifact; the project is closed."""
    with project.start_run("baseline", params={"depth": 3}) as run:
        run.log_metric("loss", 0.5)
        run.log_text("kept", "x.txt")
    project.close()
    return run.id


def assert_taken(taken: Project, run_id: str) -> None:
    """The run is all there, and can go on."""
    found = taken.runs.get("baseline")
    assert (found.id, found.params, found.status) == (run_id, {"depth": "3"}, "finished")
    assert taken.runs.read_artifact(run_id, "x.txt") == b"kept"
    with taken.start_run(run_id=run_id) as run:
        run.log_metric("loss", 0.25)
    assert taken.runs.history(run_id, "loss").values.tolist() == [0.5, 0.25]
    taken.close()


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree], ids=["moved", "copied"])
def test_a_folder_that_was_read_can_be_taken_elsewhere(
    project: Project, filled: str, tmp_path: Path, how: Callable[[str, str], object]
) -> None:
    before = project.runs.get(filled).to_dict()
    (tmp_path / "elsewhere").mkdir()
    how(str(project.folder), str(tmp_path / "elsewhere" / ".lite-mlops"))
    taken = Project(tmp_path / "elsewhere")
    assert taken.runs.get(filled).to_dict() == before
    assert_taken(taken, filled)


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree], ids=["moved", "copied"])
def test_a_folder_that_was_only_logged_to_can_be_taken_elsewhere(
    project: Project, filled: str, tmp_path: Path, how: Callable[[str, str], object]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    how(str(project.folder), str(tmp_path / "elsewhere" / ".lite-mlops"))
    assert_taken(Project(tmp_path / "elsewhere"), filled)


def test_a_copy_goes_its_own_way(project: Project, filled: str, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    shutil.copytree(project.folder, tmp_path / "copy" / ".lite-mlops")
    copy = Project(tmp_path / "copy")
    copy.runs.delete(filled)
    assert copy.runs.page() == []
    assert [run.id for run in project.runs.page()] == [filled]
    copy.close()
