"""Registration and loading of model files, beside bare joblib and beside the format of skops.

A small pipeline, and a forest of about 90 MB (the goal is that of a file of 200 MB). What loading
has to do besides joblib is to hash the file: the floor of the forest is `joblib.load` and the hash
of the same file in the same run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lite_mlops.models.loading import (
    LIMIT,
    ModelFile,
    imports_of,
    load_model,
    requirements_of,
    save_model,
)
from lite_mlops.store import Objects
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of

_DUMP, _LOAD = "joblib.dump to memory", "joblib.load"
_HASHED = "joblib.load and the SHA-256 of the file"


def _pipeline() -> Any:
    rows, labels = make_classification(2000, 20, random_state=0)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)


def _forest(rows: int) -> Any:
    table, labels = make_classification(rows, 20, flip_y=0.3, random_state=0)
    return RandomForestClassifier(80, n_jobs=-1, random_state=0).fit(table, labels)


def _hashed(path: Path) -> None:
    joblib.load(path)
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def _timed(repetitions: int, *actions: Callable[[], object]) -> list[list[float]]:
    return interleaved(repetitions, *(partial(seconds_of, action) for action in actions))


def _small(objects: Objects, repetitions: int) -> list[Figure]:
    model = _pipeline()
    saved = save_model(objects, model, limit=LIMIT)
    path, data = objects.path(saved.sha256), objects.read(saved.sha256, "it")
    file = ModelFile(saved.sha256, saved.size, requirements=saved.requirements)
    save, dump, load, bare, needs, listed = _timed(
        repetitions,
        lambda: save_model(objects, model, limit=LIMIT),
        lambda: joblib.dump(model, io.BytesIO()),
        lambda: load_model(objects, file),
        lambda: joblib.load(path),
        lambda: requirements_of(saved.imports),
        lambda: imports_of(data),
    )
    return [
        compared("store a pipeline", save, dump, floor_is=_DUMP),
        compared("load it again", load, bare, floor_is=_LOAD, at_most=0.001),
        compared("its requirements", needs, at_most=0.002),
        compared("list its imports", listed),
    ]


def _large(objects: Objects, rows: int, repetitions: int) -> list[Figure]:
    saved = save_model(objects, _forest(rows), limit=LIMIT)
    path = objects.path(saved.sha256)
    file = ModelFile(saved.sha256, saved.size, requirements=saved.requirements)
    mapped, read, floor = _timed(
        repetitions,
        lambda: load_model(objects, file),
        lambda: load_model(objects, file, mapped=False),
        lambda: _hashed(path),
    )
    return [
        Figure("size of the forest", float(saved.size), "bytes"),
        compared("load the forest", mapped, floor, floor_is=_HASHED, within=1.1),
        compared("load it without mapping", read, floor, floor_is=_HASHED),
    ]


def _skops(objects: Objects, rows: int, repetitions: int) -> list[Figure]:
    figures = []
    for name, model in (("a pipeline", _pipeline()), ("a forest", _forest(rows))):
        ours = save_model(objects, model, limit=LIMIT)
        theirs = save_model(objects, model, format="skops", limit=LIMIT)
        other = ModelFile(theirs.sha256, theirs.size, format="skops")
        load, floor = _timed(
            repetitions,
            partial(load_model, objects, other),
            partial(load_model, objects, ModelFile(ours.sha256, ours.size)),
        )
        beside = "the same in the format of joblib"
        size = float(theirs.size)
        figures += [
            Figure(f"size of {name} in skops", size, "bytes", float(ours.size), beside),
            compared(f"load {name} in skops", load, floor, floor_is=beside),
        ]
    return figures


def measure(*, quick: bool) -> list[Figure]:
    """Measure a small pipeline, a large forest, and skops where it is installed."""
    with scratch() as folder:
        objects = Objects(folder / "objects")
        figures = _small(objects, 5 if quick else 50)
        figures += _large(objects, 3_000 if quick else 60_000, 2 if quick else 7)
        if importlib.util.find_spec("skops") is not None:
            figures += _skops(objects, 500 if quick else 2_000, 2 if quick else 5)
    return figures
