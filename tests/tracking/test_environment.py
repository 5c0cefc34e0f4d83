"""The environment of a run: what it needs to be repeated, without what is secret."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from lite_mlops.project import Project
from lite_mlops.settings import Settings
from lite_mlops.tracking.environment import describe, packages, requirements_text


@pytest.fixture
def capturing(tmp_path: Path) -> Iterator[Project]:
    """A project that records the environment."""
    made = Project(tmp_path / "work", capture_code=False)
    yield made
    made.close()


def test_a_run_is_recorded_with_its_environment(
    capturing: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["fit.py", "--api-key", "abc123", "--depth=3"])
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    with capturing.start_run() as run:
        pass
    source = capturing.runs.get(run.id).source
    assert source["argv"] == ["fit.py", "--api-key", "[masked]", "--depth=3"]
    assert source["folder"] == str(tmp_path)
    assert source["pid"] == os.getpid()
    assert source["python"] == platform.python_version()
    assert source["variables"]["OMP_NUM_THREADS"] == "4"
    assert source["cpus"] == os.cpu_count()


def test_a_run_is_recorded_with_the_installed_packages(capturing: Project) -> None:
    with capturing.start_run() as run:
        pass
    (artifact,) = capturing.runs.get(run.id).artifacts
    assert artifact.path == "source/requirements.txt"
    lines = capturing.runs.read_artifact(run.id, artifact.path).decode().splitlines()
    assert f"numpy=={version('numpy')}" in lines
    assert f"scikit-learn=={version('scikit-learn')}" in lines
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(names)


def test_an_environment_that_is_not_to_be_captured_is_not(project: Project) -> None:
    with project.start_run() as run:
        pass
    found = project.runs.get(run.id)
    assert (found.source, found.artifacts) == ({}, ())


def test_packages_are_named_as_a_requirements_file_names_them() -> None:
    found = packages()
    assert found["scikit-learn"] == version("scikit-learn")
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in found)
    assert requirements_text().count("\n") == len(found)


def test_a_search_path_with_holes_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "My_Package-1.2.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "none"))
    assert packages()["my-package"] == "1.2"


def test_variables_that_change_training_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "PYTHONHASHSEED", "MKL_NUM_THREADS", "LANG", "TZ"):
        monkeypatch.setenv(name, "7")
    monkeypatch.setenv("EDITOR", "vi")
    variables = describe(Settings())["variables"]
    assert variables["CUDA_VISIBLE_DEVICES"] == variables["PYTHONHASHSEED"] == "7"
    assert variables["MKL_NUM_THREADS"] == variables["LANG"] == variables["TZ"] == "7"
    assert "EDITOR" not in variables


def test_further_variables_are_recorded_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM", "risk")
    monkeypatch.setenv("TEAM_TOKEN", "abc123")
    monkeypatch.setenv("DATA_URL", "https://ann:hunter2@example.org/data")
    settings = Settings(capture_variables=("TEAM", "TEAM_TOKEN", "DATA_URL", "NOT_SET"))
    variables = describe(settings)["variables"]
    assert "NOT_SET" not in variables
    assert (
        variables.items()
        >= {
            "TEAM": "risk",
            "TEAM_TOKEN": "[masked]",
            "DATA_URL": "https://[masked]@example.org/data",
        }.items()
    )


@pytest.mark.parametrize("name", ["LANGCHAIN_PROJECT", "LANGFUSE_HOST", "TZDIR"])
def test_variables_that_only_begin_alike_are_not_recorded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "of no interest")
    assert name not in describe(Settings())["variables"]


def test_settings_name_further_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PIN", "1234")
    found = describe(Settings(mask=("pin",)), ["fit.py", "--pin", "1234", "--pin=1234"])
    assert found["argv"] == ["fit.py", "--pin", "[masked]", "--pin=[masked]"]
    assert found["variables"]["CUDA_PIN"] == "[masked]"
