"""A recommender whose users' tastes shift from week to week: who is told, and what is seen of it.

    python examples/weekly_tastes.py [FOLDER]

The project is made in FOLDER, default: a temporary one. After two weeks a rehearsal tells after how
many rows a shift would be seen, and how often nothing is taken for something. Then a monitor looks
each week. At the end the last week is compared with the first; from a terminal it is
`lite-mlops drift tastes@champion --since 2026-04-06 --until 2026-04-13 --reference-window
2026-03-02..2026-03-09`.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
    RandomForestClassifier(10, max_depth=6, random_state=0),
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


lm.monitor("tastes", window="1w", windows="2 of 3", checks=["drift", "traffic"])
for week in range(6):
    begin = BEGIN + week * WEEK
    record(users(REQUESTS, week), begin)
    if week == 1:
        shift = ["shift minutes=0.5sd"]
        rehearsed = project.monitors.rehearse("tastes", shift, until=begin + WEEK, draws=3)
        print(rehearsed)
        (seen,) = [one for one in rehearsed.alarms if one.subject == "minutes"]
        print(f"seen with {seen.rows} of {rehearsed.window:,} rows changed")
    (looked,) = project.monitors.run("tastes", until=begin + WEEK)
    told = [f"{one['subject']} {one['how']} ({one['severity']})" for one in looked.decided]
    print(f"week {week + 1}: {', '.join(told) or 'nothing new'}")
print("firing now:", ", ".join(sorted(one.subject for one in project.alerts.all("tastes"))))

# What to look at in the last week: the largest change times what it counts for the model.
week_six: dict[str, Any] = {"since": BEGIN + 5 * WEEK, "until": BEGIN + 6 * WEEK}
report = lm.drift("tastes@champion", reference_window=f"first {REQUESTS}", **week_six)
print(f"against the first week: {report}")
for one in report.moved:
    print(f"{one.column}: importance {one.importance:.2f}, {one.reasons[0]}")
for finding in findings(report):
    if finding.fires and finding.evidence.get("role") == "answer":
        print(f"recommended: {finding.sentence}")

service = project.monitoring.service("tastes", **week_six)
print(f"served: {service}")
print(f"latency {service.latency_severity}, traffic {'late' if service.broken else 'as usual'}")
project.close()
