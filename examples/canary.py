"""A shop's recommender, and new versions of it tried on live traffic without risk.

    python examples/canary.py [FOLDER]

The project is made in FOLDER, default: a temporary one. A faulty version is rolled back by itself,
a good one is promoted, and no customer sees an error. From a terminal it is
`lite-mlops serve offer@champion`, and in another one `lite-mlops endpoint canary offer@champion
offer/2=30%`, `endpoint shadow`, `endpoint show` and `endpoint promote`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import lite_mlops as lm

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
project = lm.use_project(folder)

random = np.random.default_rng(0)
visits = pd.DataFrame(
    {"age": random.integers(18, 90, 800), "seconds": random.exponential(60, 800).round(1)}
)
bought = np.where(visits["age"] - 0.4 * visits["seconds"] > 25, "books", "games")


def refuse_long_visits(rows: pd.DataFrame) -> pd.DataFrame:
    """Fail where a visit took longer than a minute and a half, as a careless version might."""
    if (np.asarray(rows)[:, 1] > 90).any():
        raise ValueError("a visit that takes so long is not handled")
    return rows


linear = make_pipeline(StandardScaler(), LogisticRegression())
careless = make_pipeline(FunctionTransformer(refuse_long_visits), LogisticRegression())
forest = RandomForestClassifier(50, random_state=0)
for model in (linear, careless, forest):
    lm.log_model(
        model.fit(visits[visits["seconds"] < 90], bought[visits["seconds"] < 90]),
        "offer",
        training=visits,
        trust=True,  # the careless one has a function of this script in its file
    )
project.models.set_alias("offer", "champion", 1)
requests = visits.to_dict("records")


def visit_until(done: Callable[[set[str]], bool]) -> None:
    """Have customers come until something has happened, told by the versions that answered."""
    answered_by: set[str] = set()
    while not done(answered_by):
        for row in random.choice(requests, 20):
            answered_by.add(predictor.predict([row]).version.name)
        time.sleep(0.005)


def happened() -> list[str]:
    """Return what happened to the endpoint, in words."""
    return [one.what for one in project.endpoints.get("offer@champion").story]


COMPARED = """
SELECT requests, failed, detail FROM endpoint_evidence WHERE role = 'shadow' AND requests > 0
"""

with lm.predictor("offer@champion") as predictor:  # `serve` does the same
    endpoints = project.endpoints
    endpoints.canary("offer@champion", "offer/2", 0.3, reason="half the time to train")
    visit_until(lambda _: endpoints.get("offer@champion").trial.canary is None)
    story = endpoints.get("offer@champion").story
    print("rolled back:", next(one.reason for one in story if one.what == "rolled back"))

    endpoints.shadow("offer@champion", "offer/3")  # only asked: its answers reach nobody
    visit_until(lambda _: "shadow asked" in happened())
    for _ in range(10):
        visit_until(lambda versions: bool(versions))
    endpoints.stop_shadow("offer@champion")
    visit_until(lambda _: bool(lm.sql(COMPARED).rows))
    print("compared with the champion:", *lm.sql(COMPARED).rows[0])

    endpoints.canary("offer@champion", "offer/3", 0.5)
    visit_until(lambda versions: "offer/3" in versions)
    endpoints.promote("offer@champion", reason="as good, and no worse on live traffic")
    visit_until(lambda _: predictor.version.name == "offer/3")
    print("champion:", project.models.get("offer@champion").name)

for one in reversed(endpoints.get("offer@champion").story):
    print(f"{one.what:>16}  {one.version or '':>2}")
