"""A recommender whose users' tastes shift from week to week, and what is seen of it by windows.

    python examples/weekly_tastes.py [FOLDER]

The project is made in FOLDER, default: a temporary one. Six weeks of requests are recorded. Each
week is compared with the training data and with the first week; from a terminal it is
`lite-mlops drift tastes@champion --since 2026-03-09 --until 2026-03-16 --reference-window
2026-03-02..2026-03-09`.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import lite_mlops as lm
from lite_mlops.monitoring.drift import findings
from lite_mlops.store import new_id
from lite_mlops.store.events import Predictions

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
project = lm.use_project(folder)

random = np.random.default_rng(3)
GENRES = ["crime", "drama", "comedy", "documentary"]
BEGIN, WEEK, REQUESTS = datetime(2026, 3, 2, tzinfo=UTC), timedelta(days=7), 700


def users(rows: int, week: int = 0) -> pd.DataFrame:
    """Return who asks in a week: from the third on, documentaries win over crime."""
    moved = 0.08 * max(week - 1, 0)
    return pd.DataFrame(
        {
            "last_genre": random.choice(GENRES, rows, p=[0.45 - moved, 0.25, 0.2, 0.1 + moved]),
            "minutes": random.gamma(3, 25 + 2 * max(week - 1, 0), rows).round(1),
            "age": random.integers(16, 80, rows),
        }
    )


# The model is trained, with its data and its answers to other users on record.
seen, others = users(2000), users(1000)
watched = np.where(seen["minutes"] > 90, "long", "short") + seen["last_genre"].str[:1]
model = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["last_genre"]), remainder="passthrough"),
    RandomForestClassifier(30, max_depth=6, random_state=0),
).fit(seen, watched)
with lm.start_run("tastes") as run:
    lm.log_dataset(seen, "users", snapshot=True)
    answers = model.predict(others)
    run.log_evaluation(answers, answers)
    lm.log_model(model, "tastes", input_example=seen, alias="champion")


def record(rows: pd.DataFrame, begin: datetime) -> None:
    """Record the answers to a week of requests, as a server does at their times."""
    moments = np.sort(random.uniform(0, WEEK.total_seconds(), len(rows)))
    start = begin.timestamp()
    project.store.append(
        Predictions(
            model="tastes",
            version=1,
            ids=[new_id() for _ in range(len(rows))],
            times=[int((start + moment) * 1_000_000) for moment in moments],
            inputs=[[None, minutes, float(age)] for _, minutes, age in rows.to_numpy().tolist()],
            text_inputs=[[genre, None, None] for genre in rows["last_genre"]],
            answers=model.predict(rows).tolist(),
            shares=model.predict_proba(rows).tolist(),
            latencies=random.integers(300, 900, len(rows)).tolist(),
        )
    )


for week in range(6):
    record(users(REQUESTS, week), BEGIN + week * WEEK)

for week in range(1, 6):
    begin = BEGIN + week * WEEK
    window = {"since": begin, "until": begin + WEEK}
    trained = lm.drift("tastes@champion", **window)
    first = lm.drift("tastes@champion", reference_window=f"first {REQUESTS}", **window)
    told = ", ".join(one.column for one in first.moved) or "nothing"
    together = first.joint is not None and first.joint.drifted
    print(
        f"week {week + 1}: against the training {len(trained.moved)} moved; against the first week "
        f"{told}; together {'yes' if together else 'no'}"
    )

# What to look at in the last week: the largest change times what it counts for the model.
report = lm.drift("tastes@champion", since=BEGIN + 5 * WEEK, until=BEGIN + 6 * WEEK)
for one in report.moved:
    print(f"{one.column}: importance {one.importance:.2f}, {one.reasons[0]}")
for finding in findings(report):
    if finding.fires and finding.evidence.get("role") == "answer":
        print(f"recommended: {finding.sentence}")

service = project.monitoring.service("tastes", since=BEGIN + 5 * WEEK, until=BEGIN + 6 * WEEK)
print(f"served: {service}")
print(f"latency {service.latency_severity}, traffic {'late' if service.broken else 'as usual'}")
