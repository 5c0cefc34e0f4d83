"""Predictions written by hand: of any time, answer and probability."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from lite_mlops.project import Project
from lite_mlops.store import new_id
from lite_mlops.store.events import Predictions

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAY = 86_400_000_000


def asked(
    project: Project,
    answers: Sequence[Any],
    *,
    model: str = "churn",
    version: int = 1,
    days: Any = None,
    inputs: Any = None,
    texts: list[list[str | None]] | None = None,
    shares: Any = None,
) -> list[str]:
    """Record predictions, one an hour or at the given days after START; return their ids."""
    rows = len(answers)
    ids = [new_id() for _ in range(rows)]
    moments = np.arange(rows) / 24 if days is None else np.asarray(days)
    times = int(START.timestamp()) * 1_000_000 + np.round(moments * DAY).astype(np.int64)
    project.store.append(
        Predictions(
            model=model,
            version=version,
            ids=ids,
            times=times.tolist(),
            inputs=[[float(row), 0.0] for row in range(rows)] if inputs is None else inputs,
            text_inputs=texts,
            answers=[str(answer) for answer in answers],
            shares=None if shares is None else np.asarray(shares, np.float64).tolist(),
            latencies=[5] * rows,
        )
    )
    return ids
