"""Backends of joblib: trials run where it says, also where results come only all at once."""

from __future__ import annotations

import importlib.util
import sys

import joblib
import pytest
from joblib._parallel_backends import ThreadingBackend

import lite_mlops as lm
from lite_mlops.pipelines import Trial
from lite_mlops.project import Project
from tests.pipelines.conftest import Place

SPACE = {"x": "1..9", "y": [2]}


@pytest.fixture(autouse=True)
def _here(place: Place, project: Project) -> None:
    lm.use_project(project)


class Rounds(ThreadingBackend):  # type: ignore[misc]
    """A backend that gives no result before all have ended, as that of Ray is one."""

    supports_return_generator = False


def product(x: int, y: int) -> int:
    return x * y


def test_a_backend_without_a_stream_of_results_gets_rounds_of_trials(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(joblib.parallel.BACKENDS, "rounds", Rounds)
    seen: list[tuple[Trial, int, int]] = []
    found = lm.sweep(
        product, SPACE, backend="rounds", jobs=2, progress=lambda *told: seen.append(told)
    )
    assert [trial.value for trial in found.trials] == [2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert [done for _, done, _ in seen] == [*range(1, 10)]
    assert {project.runs.get(one.run_id).parent_id for one in found.trials} == {found.run_id}


def _has(*packages: str) -> bool:
    return all(importlib.util.find_spec(one) is not None for one in packages)


INSTALLED = [
    pytest.param("dask", marks=pytest.mark.skipif(not _has("dask", "distributed"), reason="Dask")),
    pytest.param("ray", marks=pytest.mark.skipif(not _has("ray"), reason="Ray")),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # what these say on their way is not ours
@pytest.mark.parametrize("backend", INSTALLED)
def test_trials_run_on_clusters_where_they_are_installed(backend: str, project: Project) -> None:
    found = lm.sweep(product, SPACE, backend=backend, jobs=2)
    assert found.best is not None
    assert (found.best.params, found.best.value) == ({"x": 9, "y": 2}, 18)
    assert [trial.status for trial in found.trials] == ["finished"] * 9
    assert project.runs.get(found.run_id).status == "finished"
    if backend == "ray":
        assert not sys.modules["ray"].is_initialized()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("backend", INSTALLED)
def test_commands_run_on_clusters_where_they_are_installed(
    backend: str, place: Place, project: Project
) -> None:
    place.write(
        "train.py",
        "import sys, lite_mlops as lm\n"
        "with lm.start_run(): lm.log_metric('score', -int(sys.argv[2]))\n",
    )
    found = project.sweeping.sweep(
        [sys.executable, "train.py"], {"x": "1..3"}, metric="score", backend=backend, jobs=2
    )
    assert [trial.value for trial in found.ranked] == [-1, -2, -3]
