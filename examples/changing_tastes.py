"""A recommender whose users' tastes shift each week, and a threshold chosen with open eyes.

    python examples/changing_tastes.py [FOLDER]

The project is made in FOLDER, default: a temporary one. First a rehearsal tells after how many rows
such a shift would be seen and how often nothing is taken for something; then it happens.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

import lite_mlops as lm

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
project = lm.use_project(folder)
random = np.random.default_rng(3)
GENRES = ["crime", "romance", "science"]


def week(number: int, rows: int = 1_000) -> pd.DataFrame:
    """The hours that users of a week read; crime gets out of fashion, science comes in."""
    hours = random.gamma(4.0, 1.0, (rows, 3))
    hours[:, 0] -= 0.12 * number
    hours[:, 2] += 0.12 * number
    return pd.DataFrame(hours.round(2), columns=GENRES)


past = week(0, 4_000)
liked = past.idxmax(axis=1)
with lm.start_run("first books"):
    lm.log_dataset(past, "readers")
    model = LogisticRegression(max_iter=500).fit(past, liked)
    lm.log_model(model, "books", input_example=past.head(3), alias="champion")
lm.monitor("books", window="1000 rows", checks=["drift"], windows="2 of 3")


def ask(number: int) -> None:
    """Have the readers of a week recommended to."""
    with lm.predictor("books@champion") as predictor:
        predictor.predict(week(number))


for _ in range(5):
    ask(0)
rehearsed = project.monitors.rehearse("books", ["shift science=0.3sd"], draws=5)
print(rehearsed)
(seen,) = [one for one in rehearsed.alarms if one.subject == "science"]
print(f"seen in {seen.changed:.0%} of windows, with {seen.rows} of 1,000 rows changed")

for number in range(1, 9):
    ask(number)
    (run,) = project.monitors.run("books")
    told = [f"{one['subject']} {one['how']} ({one['severity']})" for one in run.decided]
    print(f"week {number}: {', '.join(told) or 'nothing new'}")
print("firing now:", ", ".join(sorted(one.subject for one in project.alerts.all("books"))))
project.close()
