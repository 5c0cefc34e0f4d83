"""Stores that real clients of MLflow wrote, unpacked into temporary folders."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lite_mlops.project import Project

STORES = Path(__file__).with_name("stores")
KINDS = ("mlflow2-files", "mlflow2-sqlite", "mlflow3-files", "mlflow3-sqlite")

Unpack = Callable[[str], Path]


def unpack(kind: str, place: Path) -> Path:
    """Unpack a store below a folder and return where."""
    folder = place / kind
    with zipfile.ZipFile(STORES / f"{kind}.zip") as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture
def unpacked(tmp_path: Path) -> Unpack:
    """Unpacks a store and returns its folder."""
    return lambda kind: unpack(kind, tmp_path)


def contents(project: Project) -> dict[str, int]:
    """Return how many rows each table holds that an import may add to."""
    tables = (
        "runs", "params", "metrics", "tags", "artifacts", "experiments", "model_versions",
        "version_tags", "aliases", "decisions", "problems",
    )  # fmt: skip
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables)  # noqa: S608
    with project.store.reading() as database:
        database.execute(counts)
        return dict(database.cursor.fetchall())


def by_name(project: Project, *, deleted: bool = False) -> dict[str, str]:
    """Return the ids of the runs by their names."""
    return {run.name: run.id for run in project.runs.page(count=1000, deleted=deleted)}
