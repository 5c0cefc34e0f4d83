"""A model with the data it was trained on, and answers as a server records them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from sklearn.linear_model import LogisticRegression

from lite_mlops.project import Project
from lite_mlops.settings import FILE_NAME
from lite_mlops.store import new_id
from lite_mlops.store.events import Predictions

FEATURES = ("age", "visits")
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)


def train(project: Project, name: str = "churn") -> None:
    """Register a model that was trained on 2,000 rows, as champion."""
    rows = np.random.default_rng(8).normal(size=(2_000, 2))
    with project.start_run():
        project.log_dataset(rows, "customers", column_names=FEATURES)
        model = LogisticRegression().fit(rows, np.where(rows[:, 0] > 0, "yes", "no"))
        example = dict.fromkeys(FEATURES, 0.0)
        project.log_model(model, name, input_example=example, alias="champion")


def record(
    project: Project,
    *,
    shift: float = 0.0,
    rows: int = 200,
    begin: datetime | None = None,
    seed: int = 1,
    latency: int = 100,
    apart: timedelta = _INSTANT,
) -> datetime:
    """Record answers, `age` moved by `shift`; return the time after the last one."""
    asked = np.random.default_rng(seed).normal(size=(rows, 2)) + np.array([shift, 0.0])
    first = datetime.now(UTC) if begin is None else begin
    times = [(first + place * apart - datetime(1970, 1, 1, tzinfo=UTC)) // _INSTANT
             for place in range(rows)]  # fmt: skip
    project.store.append(
        Predictions(
            model="churn",
            version=1,
            ids=[new_id() for _ in range(rows)],
            times=times,
            inputs=asked.tolist(),
            answers=["yes"] * rows,
            shares=[[0.5, 0.5]] * rows,
            latencies=[latency] * rows,
        )
    )
    return first + rows * apart


def file(project: Project, text: str) -> None:
    """Write the settings file of a project."""
    (project.folder.parent / FILE_NAME).write_text(text, encoding="utf-8")


# A shift that is worth a warning, in windows of so many rows.
SLIGHT, MANY = 0.2, 2_000

# Windows of 200 rows, told to a file that tests read.
CHURN = """
[monitor.churn]
window = "200 rows"
[channel.log]
type = "log"
path = "alerts.ndjson"
"""
