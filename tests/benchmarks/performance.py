"""Labels and performance: what it costs to take labels, and to measure every day with them.

Labels are those of a CSV file, by the ids of predictions; taking them reads the file, joins it with
the predictions, checks it and writes the journal, and folding it is measured apart. Performance is
that of 200,000 predictions over 100 days: the join with their labels, all metrics of a classifier
with their intervals, each day and as a whole, and the calibration. All is processor time. The
floor fetches the same columns by the same join, and has scikit-learn compute accuracy, F1 and AUC
of each day, without intervals.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from lite_mlops.project import Project
from lite_mlops.store import new_id
from lite_mlops.store.events import Predictions
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch

_DAY = 86_400_000_000
_START = 1_767_225_600_000_000  # 2026-01-01
_AT_ONCE = 10_000


def processor_seconds(action: Callable[[], object]) -> float:
    """Return how long the processors work for an action."""
    begin = time.process_time()
    action()
    return time.process_time() - begin


def _asked(project: Project, rows: int, days: int) -> tuple[list[str], list[str]]:
    """Record predictions, evenly over the days; return their ids and labels."""
    chance = np.random.default_rng(7)
    train = chance.normal(size=(300, 2))
    model = LogisticRegression().fit(train, np.where(train[:, 0] > 0, "yes", "no"))
    project.models.register(model, "churn", input_example={"age": 0.0, "visits": 0.0})
    inputs = chance.normal(size=(rows, 2))
    share = 1 / (1 + np.exp(-2 * inputs[:, 0]))
    answers = np.where(share > 0.5, "yes", "no").tolist()
    times = (_START + np.arange(rows) * (days * _DAY // rows)).tolist()
    ids = [new_id() for _ in range(rows)]
    for start in range(0, rows, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        project.store.append(
            Predictions(
                model="churn",
                version=1,
                ids=ids[part],
                times=times[part],
                inputs=inputs[part].tolist(),
                answers=answers[part],
                shares=np.column_stack([1 - share, share])[part].tolist(),
                latencies=[5] * len(ids[part]),
            )
        )
    project.store.fold()
    return ids, np.where(chance.random(rows) < share, "yes", "no").tolist()


def _plainly(project: Project) -> None:
    with project.store.reading() as database:
        database.execute(
            "SELECT epoch_us(p.ts) AS at, p.value = 'yes' AS answer, f.label = 'yes' AS truth, "
            "p.scores[2] AS score FROM predictions p JOIN feedback f USING (prediction_id)"
        )
        found: Any = database.cursor.fetchnumpy()
    day = (found["at"] - _START) // _DAY
    for number in np.unique(day):
        its = day == number
        truth, answer = found["truth"][its], found["answer"][its]
        accuracy_score(truth, answer)
        f1_score(truth, answer)
        roc_auc_score(truth, found["score"][its])


def _labels(folder: Path, count: int, turns: int) -> list[Figure]:
    took, folded = [], []
    for turn in range(turns + 1):
        path = folder / f"labels{turn}"
        path.mkdir()
        project = Project(path, capture_code=False, capture_environment=False)
        ids, labels = _asked(project, count, 100)
        file = path / "labels.csv"
        lines = (f"{one},{label}\n" for one, label in zip(ids, labels, strict=True))
        file.write_text("id,label\n" + "".join(lines))
        took.append(processor_seconds(lambda p=project, f=file: p.monitoring.feedback_table(f)))  # type: ignore[misc]
        folded.append(processor_seconds(project.store.fold))
        project.close()
    return [
        compared(f"take {count:,} labels from a file", took[1:], at_most=1.0),
        compared(f"fold {count:,} labels", folded[1:]),
    ]


def _daily(folder: Path, rows: int, turns: int) -> list[Figure]:
    project = Project(folder, capture_code=False, capture_environment=False)
    ids, labels = _asked(project, rows, 100)
    project.monitoring.feedback(ids, labels)
    project.store.fold()

    def ours() -> None:
        report = project.monitoring.performance_of("churn", window="1d")
        assert len(report.windows) == 100
        assert report.overall.labelled == rows

    times = interleaved(
        turns,
        lambda: processor_seconds(ours),
        lambda: processor_seconds(lambda: _plainly(project)),
    )
    project.close()
    what = f"metrics of 100 days, {rows:,} predictions and labels"
    floor = "the same join, and accuracy, F1 and AUC of each day by scikit-learn"
    return [compared(what, *times, floor_is=floor, at_most=0.3, within=1.0)]


def measure(*, quick: bool) -> list[Figure]:
    """Measure taking labels, then measuring by them."""
    rows, labels, turns = (20_000, 10_000, 2) if quick else (200_000, 100_000, 5)
    with scratch() as folder:
        (folder / "daily").mkdir()
        return [*_labels(folder, labels, turns), *_daily(folder / "daily", rows, turns)]
