"""Artifacts are read and copied with proof; what is damaged or missing is told with its run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from lite_mlops.errors import Damaged, LiteMlopsError, NotFound
from lite_mlops.project import Project

DATA = b"weights" * 100_000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def run_id(project: Project, tmp_path: Path) -> str:
    """A finished run with one artifact, `model/weights.bin`."""
    (tmp_path / "weights.bin").write_bytes(DATA)
    with project.start_run("baseline") as run:
        run.log_artifact(tmp_path / "weights.bin", "model")
    return run.id


@pytest.fixture
def stored(project: Project, run_id: str) -> Path:
    """The file in which the artifact is kept."""
    (artifact,) = project.runs.get(run_id).artifacts
    assert artifact.sha256 == SHA256
    return project.store.objects.path(artifact.sha256)


def test_an_artifact_is_read(project: Project, run_id: str) -> None:
    assert project.runs.read_artifact(run_id, "model/weights.bin") == DATA
    assert project.runs.read_artifact("baseline", "model/weights.bin") == DATA


def test_an_artifact_is_copied(project: Project, run_id: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.bin"
    target.write_text("what was there before")
    project.runs.copy_artifact(run_id, "model/weights.bin", target)
    assert target.read_bytes() == DATA


def test_an_unknown_artifact_is_told_with_those_near_to_it(project: Project, run_id: str) -> None:
    with pytest.raises(NotFound) as error:
        project.runs.read_artifact(run_id, "model/weight.bin")
    assert str(error.value) == (
        f"Run {run_id} has no artifact 'model/weight.bin'. Did you mean 'model/weights.bin'?"
    )


def test_an_artifact_of_an_unknown_run_is_not_found(project: Project, tmp_path: Path) -> None:
    project.create()
    with pytest.raises(NotFound, match=r"^There is no run 'none'\."):
        project.runs.copy_artifact("none", "x", tmp_path / "x")
    assert not (tmp_path / "x").exists()


Reading = Callable[[Project, str, Path], object]


@pytest.fixture(params=["read", "copy"])
def reading(request: pytest.FixtureRequest) -> Reading:
    """Reads or copies the artifact."""
    path = "model/weights.bin"

    def read(project: Project, run_id: str, _: Path) -> object:
        return project.runs.read_artifact(run_id, path)

    def copy(project: Project, run_id: str, target: Path) -> object:
        project.runs.copy_artifact(run_id, path, target)
        return None

    return read if request.param == "read" else copy


def test_a_missing_object_is_told_with_what_refers_to_it(
    project: Project, run_id: str, stored: Path, reading: Reading, tmp_path: Path
) -> None:
    stored.unlink()
    with pytest.raises(Damaged) as error:
        reading(project, run_id, tmp_path / "copy.bin")
    assert str(error.value) == (
        f"The file of artifact 'model/weights.bin' of run {run_id} is missing from the object "
        f"store (SHA-256 {SHA256}). `lite-mlops doctor` lists everything that is missing; a "
        "backup may have it."
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["weights.bin", "work"]


def test_a_damaged_object_is_told_and_never_handed_out(
    project: Project, run_id: str, stored: Path, reading: Reading, tmp_path: Path
) -> None:
    data = bytearray(DATA)
    data[300_000] ^= 1
    stored.write_bytes(data)
    with pytest.raises(Damaged) as error:
        reading(project, run_id, tmp_path / "copy.bin")
    assert str(error.value) == (
        f"The file of artifact 'model/weights.bin' of run {run_id} is damaged: it should have the "
        f"SHA-256 {SHA256} and has {hashlib.sha256(data).hexdigest()}. It was not used. "
        "`lite-mlops doctor --repair` sets it aside and looks for a good copy in the backups."
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["weights.bin", "work"]


def test_logging_the_same_bytes_again_repairs_a_damaged_object(
    project: Project, run_id: str, stored: Path, tmp_path: Path
) -> None:
    stored.write_bytes(b"damaged")
    with project.start_run() as run:
        run.log_artifact(tmp_path / "weights.bin")
    assert project.runs.read_artifact(run_id, "model/weights.bin") == DATA


def test_equal_bytes_are_stored_once(project: Project, run_id: str, tmp_path: Path) -> None:
    with project.start_run() as run:
        run.log_artifact(tmp_path / "weights.bin")
        run.log_figure(DATA, "again.bin")
    assert [sha256 for sha256, _, _ in project.store.objects.all()] == [SHA256]


def test_a_copy_into_a_folder_that_is_not_there_is_refused(
    project: Project, run_id: str, tmp_path: Path
) -> None:
    with pytest.raises(LiteMlopsError) as error:
        project.runs.copy_artifact(run_id, "model/weights.bin", tmp_path / "none" / "copy.bin")
    assert str(tmp_path / "none") in str(error.value)
