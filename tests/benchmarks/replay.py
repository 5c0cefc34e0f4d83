"""Replaying recorded requests, beside the model itself.

The floor is the model itself, loaded, asked for the same rows in large batches: validated and
answered as `lite-mlops predict` does it, but of columns that lie in memory already. A replay brings
them out of the database as well, looks up what is to be asked, and compares every answer with the
one recorded. It may ask the plan of a version instead where that is faster. Beside it stands
`lite-mlops predict` over a Parquet file of the same rows: the same model at its batch speed where
the rows have to be read and the answers written as well.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from lite_mlops.gates.replay.asking import BATCH_ROWS
from lite_mlops.models import Asking
from lite_mlops.project import Project
from lite_mlops.serving.batch import predict_file
from lite_mlops.store.events import Predictions
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.projects import new_project

_ITSELF = "the model itself, asked for the same rows in batches as `predict` asks it"
_FROM_A_FILE = "`predict` of the same rows, from one Parquet file to another"
_COLUMNS = 10
_OF_A_LINE = 128  # rows, as a server writes them


def _models(rows: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        random.normal(size=(rows, _COLUMNS)), columns=[f"x{at}" for at in range(_COLUMNS)]
    )
    labels = np.where(table["x0"] + random.normal(size=rows) > 0, "yes", "no")
    return {
        "a logistic regression": LogisticRegression().fit(table, labels),
        "boosting of 100 trees": HistGradientBoostingClassifier().fit(table, labels),
        "a forest of 100 trees": RandomForestClassifier(n_jobs=1, random_state=0).fit(
            table, labels
        ),
    }


def _record(project: Project, model: str, rows: int) -> dict[str, Any]:
    """Record requests as a server would have, and return their columns."""
    values = np.random.default_rng(1).normal(size=(rows, _COLUMNS))
    now = time.time_ns() // 1000
    for start in range(0, rows, _OF_A_LINE):
        part = values[start : start + _OF_A_LINE].tolist()
        count = len(part)
        project.store.append(
            Predictions(
                model=model,
                version=1,
                ids=[f"{model}-{start + at}" for at in range(count)],
                times=[now] * count,
                inputs=part,
                answers=["no"] * count,
                shares=[[0.5, 0.5]] * count,
                latencies=[500] * count,
            )
        )
    project.store.fold()
    return {f"x{at}": values[:, at] for at in range(_COLUMNS)}


def _itself(asking: Asking, columns: dict[str, Any], rows: int) -> None:
    for start in range(0, rows, BATCH_ROWS):
        asking.ask({name: one[start : start + BATCH_ROWS] for name, one in columns.items()})


def _replayed(project: Project, reference: str, rows: int) -> None:
    assert project.gates.replay(reference, "all").rows == rows


def _measured(folder: Path, rows: int, turns: int) -> list[Figure]:
    project = new_project(folder)
    source, target = folder / "rows.parquet", folder / "answers.parquet"
    found = []
    for number, (name, model) in enumerate(_models(2_000).items()):
        called = f"m{number}"
        example = pd.DataFrame(np.zeros((3, _COLUMNS)), columns=list(model.feature_names_in_))
        version = project.models.register(model, called, input_example=example)
        columns = _record(project, called, rows)
        asking = Asking(project.models.load(f"{called}/1"), version.signature)
        ours, floor = interleaved(
            turns,
            partial(seconds_of, partial(_replayed, project, f"{called}/1", rows)),
            partial(seconds_of, partial(_itself, asking, columns, rows)),
        )
        what = f"{rows:,} requests, {name}"
        found.append(compared(what, ours, floor, floor_is=_ITSELF, within=2.0))
        pd.DataFrame(columns).to_parquet(source)
        file = partial(predict_file, asking.model, version.signature, source, target)
        beside = [seconds_of(file) for _ in range(turns)]
        found.append(compared("the same", ours, beside, floor_is=_FROM_A_FILE))
    project.close()
    return found


def measure(*, quick: bool) -> list[Figure]:
    """Measure the replay of requests to a fast, a middling and a slow model."""
    rows, turns = (5_000, 2) if quick else (100_000, 5)
    with scratch() as folder:
        return _measured(folder, rows, turns)
