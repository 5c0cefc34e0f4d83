"""Autologging into a temporary project; it is off again after each test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sklearn.datasets import make_classification, make_regression

from lite_mlops.autologging import Autolog, autolog, parts, patching
from lite_mlops.project import Project
from lite_mlops.tracking import Run

Table = tuple[Any, Any]


class Logged:
    """What autologging wrote into the project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def runs(self, **which: Any) -> list[Run]:
        """All runs, the oldest first."""
        page = self.project.runs.page(count=200, **which)
        return [self.project.runs.get(run.id) for run in reversed(page)]

    def run(self) -> Run:
        """The only run."""
        (run,) = self.runs()
        return run

    def metrics(self) -> dict[str, float]:
        """The latest metrics of the only run."""
        return {name: metric.value for name, metric in self.run().metrics.items()}

    def paths(self) -> list[str]:
        """The artifacts of the only run."""
        return [artifact.path for artifact in self.run().artifacts]

    def json(self, path: str) -> Any:
        """An artifact of the only run."""
        return json.loads(self.project.runs.read_artifact(self.run().id, path))


@pytest.fixture(autouse=True)
def _off_again() -> Iterator[None]:
    parts._told.clear()
    yield
    autolog(lambda: pytest.fail("autologging is off"), disable=True)


@pytest.fixture
def switch(project: Project, request: pytest.FixtureRequest) -> Callable[..., Autolog]:
    """Switches autologging on for the temporary project, as the module of the test would."""

    def switched(**options: Any) -> Autolog:
        handle = autolog(lambda: project, **options)
        patching.observe_imported_metrics(vars(request.module))
        return handle

    return switched


@pytest.fixture
def logged(project: Project, switch: Callable[..., Any]) -> Logged:
    """The temporary project, with autologging on and time enough."""
    switch(budget_seconds=60, all_rows=True)
    return Logged(project)


@pytest.fixture(scope="session")
def classes() -> Table:
    """Eighty rows of two classes."""
    features, labels = make_classification(80, 4, random_state=0)
    return features, labels


@pytest.fixture(scope="session")
def numbers() -> Table:
    """Eighty rows with a number to predict."""
    features, target = make_regression(80, 4, noise=1.0, random_state=0)
    return features, target
