"""What the tests of bundles share: a small bundle, a second project, and what both hold."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.project import Project
from tests.conftest import Prepared
from tests.store.journals import dump

ROWS = np.random.default_rng(3).normal(size=(60, 2))
LABELS = np.where(ROWS[:, 0] > 0, "yes", "no")
EXAMPLE = {"age": 0.5, "visits": 2.0}

State = Callable[[], dict[str, Any]]


def exported(project: Project, path: Path) -> Path:
    """Write a bundle of a small model with everything that a version can have."""
    with project.start_run() as run:
        run.log_params({"depth": 3})
        run.log_metrics({"auc": 0.91, "loss": float("nan"), "top": float("inf")})
        project.log_dataset(ROWS, "customers", column_names=["age", "visits"])
        project.log_model(
            LogisticRegression().fit(ROWS, LABELS),
            "churn",
            input_example=EXAMPLE,
            tags={"owner": "growth"},
            description="Who leaves.\nWithin a month.",
        )
    project.models.export("churn/1", path)
    return path


def _make_bundle(project: Project) -> None:
    exported(project, project.folder.parent / "churn.lmz")


def _make_own_model(project: Project) -> None:
    project.models.register(LogisticRegression().fit(ROWS, LABELS), "own", input_example=EXAMPLE)


def with_own_model(folder: Path, prepared: Prepared) -> Project:
    """Make a project that knows nothing of the first one, but has a model of its own."""
    folder.mkdir()
    made = Project(folder, capture_code=False, capture_environment=False)
    return prepared(made, _make_own_model)


def state_of(project: Project) -> dict[str, Any]:
    """Return all that a project holds, and every file around it."""
    with project.store.reading() as database:
        tables = dump(database)
    objects = [(sha256, size) for sha256, size, _ in project.store.objects.all()]
    left = [path.name for path in project.store.objects.folder.glob("tmp/*")]
    around = project.folder.parent.parent
    outside = itertools.chain(around.glob("*"), around.glob("*/*"), Path.cwd().glob("*"))
    return {"tables": tables, "objects": objects, "left": left, "outside": sorted(outside)}


@pytest.fixture
def bundle(project: Project, prepared: Prepared, tmp_path: Path) -> Path:
    """A bundle of a small model."""
    prepared(project, _make_bundle)
    return (project.folder.parent / "churn.lmz").rename(tmp_path / "churn.lmz")


@pytest.fixture
def other(tmp_path: Path, prepared: Prepared) -> Iterator[Project]:
    """A second project."""
    made = with_own_model(tmp_path / "other", prepared)
    yield made
    made.close()


@pytest.fixture
def state(other: Project) -> State:
    """Returns what the second project holds."""
    return lambda: state_of(other)
