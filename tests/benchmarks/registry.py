"""The registry: registering, naming and loading, beside bare joblib and, if installed, MLflow.

The floor of registering is `joblib.dump` to a file, its SHA-256 and a sync: what has to be done so
that a file is there to stay and can be proved. On top come two decisions on record.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import joblib
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lite_mlops.models import Models
from lite_mlops.project import Project
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of

_DUMPED = "joblib.dump, SHA-256 and sync"
_LOADED = "joblib.load"
_HASHED = "joblib.load and the SHA-256 of the file"
_VERSIONS = 10_000
_MANY = """
INSERT INTO model_versions
SELECT v.* REPLACE (v.version + n AS version) FROM model_versions v, range(1, $count) r(n)
WHERE v.model = 'many'
"""


def _pipeline() -> tuple[Any, Any]:
    rows, labels = make_classification(2000, 20, random_state=0)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels), rows[:5]


def _project(folder: Path, name: str) -> Project:
    (folder / name).mkdir()
    return Project(folder / name)


def _dumped(model: Any, path: Path) -> None:
    joblib.dump(model, path)
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
        os.fsync(file.fileno())


def _loaded_and_hashed(path: Path) -> None:
    joblib.load(path)
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def _timed(repetitions: int, *actions: Callable[[], object]) -> list[list[float]]:
    return interleaved(repetitions, *(partial(seconds_of, action) for action in actions))


def _small(folder: Path, repetitions: int) -> list[Figure]:
    project = _project(folder, "small")
    model, example = _pipeline()
    path = folder / "model.joblib"
    add = partial(project.models.register, model, "churn", input_example=example, alias="champion")
    add()
    registered, dumped, loaded, bare, named = _timed(
        repetitions,
        add,
        lambda: _dumped(model, path),
        lambda: project.models.load("churn@champion"),
        lambda: joblib.load(path),
        lambda: project.models.get("churn@champion"),
    )
    project.close()
    return [
        compared(
            "register, and an alias to it", registered, dumped, floor_is=_DUMPED, at_most=0.012
        ),
        compared("load by alias after a change", loaded, bare, floor_is=_LOADED),
        compared("find by alias again", named),
    ]


def _warm(folder: Path, repetitions: int) -> list[Figure]:
    project = _project(folder, "warm")
    model, example = _pipeline()
    path = folder / "warm.joblib"
    joblib.dump(model, path)
    project.models.register(model, "churn", input_example=example, alias="champion")
    project.models.load("churn@champion")
    loaded, bare = _timed(
        repetitions, lambda: project.models.load("churn@champion"), lambda: joblib.load(path)
    )
    project.close()
    return [compared("load by alias, warm", loaded, bare, floor_is=_LOADED, at_most=0.001)]


def _many(folder: Path, repetitions: int) -> list[Figure]:
    project = _project(folder, "many")
    project.models.register(_pipeline()[0], "many", alias="champion")
    with project.store.deciding() as decisions:
        decisions.database.cursor.execute(_MANY, {"count": _VERSIONS})
    # Through another view of the registry each time, so that nothing is known yet.
    (found,) = _timed(repetitions, lambda: Models(project.store).get("many@champion"))
    project.close()
    return [compared(f"find an alias among {_VERSIONS:,} versions", found, at_most=0.010)]


def _large(folder: Path, trees: int, rows: int, repetitions: int) -> list[Figure]:
    table, labels = make_classification(rows, 20, flip_y=0.3, random_state=0)
    forest = RandomForestClassifier(trees, n_jobs=-1, random_state=0).fit(table, labels)
    project = _project(folder, "large")
    path = folder / "forest.joblib"
    number = count()

    def register() -> None:
        forest.note_ = next(number)  # so that its bytes are new
        project.models.register(forest, "forest")

    registered, dumped = _timed(repetitions, register, lambda: _dumped(forest, path))
    loaded, bare = _timed(
        repetitions, lambda: project.models.load("forest"), lambda: _loaded_and_hashed(path)
    )
    size = path.stat().st_size
    project.close()
    return [
        Figure("size of the forest", float(size), "bytes"),
        compared("register the forest", registered, dumped, floor_is=_DUMPED, within=1.1),
        compared("load the forest", loaded, bare, floor_is=_HASHED, within=1.1),
    ]


def _mlflow(folder: Path) -> list[Figure]:
    import mlflow

    model, example = _pipeline()
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.create_experiment("peer", artifact_location=str(folder / "mlflow"))
    mlflow.set_experiment("peer")

    def register() -> None:
        with mlflow.start_run():
            mlflow.sklearn.log_model(
                model, name="model", registered_model_name="churn", input_example=example
            )
        mlflow.MlflowClient().set_registered_model_alias("churn", "champion", 1)

    def load() -> None:
        mlflow.sklearn.load_model("models:/churn@champion")

    (registered,) = _timed(2, register)
    (loaded,) = _timed(3, load)
    return [
        compared("MLflow: register, and an alias to it", registered),
        compared("MLflow: load by alias", loaded),
    ]


def measure(*, quick: bool) -> list[Figure]:
    """Measure a small pipeline, many versions, a large forest, and MLflow where it is installed."""
    with scratch() as folder:
        figures = _small(folder, 5 if quick else 40)
        figures += _warm(folder, 5 if quick else 100)
        figures += _many(folder, 3 if quick else 30)
        trees, rows = (20, 2_000) if quick else (180, 60_000)
        figures += _large(folder, trees, rows, 2 if quick else 7)
        if importlib.util.find_spec("mlflow") is not None and not quick:
            figures += _mlflow(folder)
    return figures
