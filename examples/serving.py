"""A shop's churn model, served: asked, doubted, explained, and replaced while it answers.

    python examples/serving.py [FOLDER]

The project is made in FOLDER, default: a temporary one. The same server from a terminal:
`lite-mlops serve churn@champion`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import lite_mlops as lm

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
project = lm.use_project(folder)

random = np.random.default_rng(0)
customers = pd.DataFrame(
    {
        "age": random.integers(18, 90, 600),
        "orders": random.poisson(6, 600),
        "plan": random.choice(["basic", "pro"], 600),
        "email": [f"customer{number}@shop.example" for number in range(600)],
    }
)
left = np.where(customers["orders"] + random.normal(0, 2, 600) < 5, "leaves", "stays")


def train(kind: Any) -> Any:
    """Return a fitted pipeline that ends in a classifier of some kind."""
    columns = make_column_transformer(
        (StandardScaler(), ["age", "orders"]), (OneHotEncoder(handle_unknown="ignore"), ["plan"])
    )
    return make_pipeline(columns, kind).fit(customers, left)


def register(kind: Any, alias: str) -> None:
    """Register a model; what it is asked about e-mail addresses is recorded as pseudonyms."""
    with lm.start_run(type(kind).__name__):
        lm.log_model(
            train(kind), "churn", input_example=customers.head(20), training=customers,
            personal=["email"], alias=alias,
        )  # fmt: skip


def ask(url: str, body: Any) -> Any:
    """Send JSON and return the JSON that comes back."""
    request = urllib.request.Request(  # noqa: S310  our own server on loopback
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


register(LogisticRegression(), alias="champion")
with lm.serve("churn@champion", port=0) as server:
    row = {"age": 41, "orders": 2, "plan": "basic", "email": "ann@shop.example"}
    (answer,) = ask(f"{server.url}/predict?proba=1", row)["predictions"]
    print("prediction:", answer["prediction"], "quality:", answer["quality"])

    (odd,) = ask(f"{server.url}/predict", row | {"age": 141, "plan": "gold"})["predictions"]
    for warning in odd["warnings"]:
        print("doubtful:", warning["column"], warning["value"], "expected", warning["expected"])

    (why,) = ask(f"{server.url}/predict?explain=1", row)["predictions"]
    largest = why["explanation"]["contributions"][0]
    print("most of it:", largest["column"], "by", why["explanation"]["method"])

    ask(f"{server.url}/feedback", {"id": answer["id"], "label": "leaves"})
    print("right so far:", project.monitoring.performance("churn/1").right)

    register(RandomForestClassifier(50, random_state=0), alias="champion")
    while ask(f"{server.url}/predict", row)["version"] == 1:  # until it has taken over
        time.sleep(0.05)
    print("answers now:", ask(f"{server.url}/predict", row)["version"])

recorded = lm.sql("SELECT DISTINCT texts[4] FROM predictions").rows
print("addresses on record:", len(recorded), "pseudonym of", len(recorded[0][0]), "digits")

with lm.predictor("churn@champion") as predictor:  # the same without HTTP
    print("embedded:", predictor.predict([row])[0].prediction)
