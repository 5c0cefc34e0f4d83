"""A first whole life of a model: the story that `lite-mlops demo` tells.

On the Wisconsin breast cancer data that ships with scikit-learn, two models are trained in tracked
runs and registered; the better one becomes champion and is served over HTTP; held-out patients are
diagnosed, their true labels are sent later, and a measuring device goes wrong. Every step returns
what it did, so that the story can be told in a terminal or checked in a test.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lite_mlops.data import DatasetVersion
from lite_mlops.models import ModelVersion
from lite_mlops.monitoring import Performance
from lite_mlops.monitoring.drift import DriftReport
from lite_mlops.project import Project
from lite_mlops.serving import Served
from lite_mlops.web import Server, prediction_app

MODEL = "breast-cancer"
EXPERIMENT = "diagnosis"
DATASET = "wisconsin-breast-cancer"
SHIFTED = ("mean radius", "mean texture")
SEED = 7


@dataclass(frozen=True)
class Patients:
    """The data: measurements by feature, and the diagnoses."""

    features: list[str]
    train: NDArray[np.float64]
    train_labels: NDArray[np.str_]
    held_out: NDArray[np.float64]
    held_out_labels: NDArray[np.str_]


def load_patients() -> Patients:
    """Return the 569 patients, a third of them held out."""
    data = load_breast_cancer()
    labels = data.target_names[data.target]
    train, held_out, train_labels, held_out_labels = train_test_split(
        data.data, labels, test_size=0.35, stratify=labels, random_state=SEED
    )
    features = [str(name) for name in data.feature_names]
    return Patients(features, train, train_labels, held_out, held_out_labels)


def candidates() -> dict[str, Any]:
    """Return the two models that are compared."""
    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "random forest": RandomForestClassifier(n_estimators=100, random_state=SEED),
    }


def train(
    project: Project, name: str, model: Any, patients: Patients
) -> tuple[ModelVersion, DatasetVersion, float]:
    """Train a model in a tracked run and register it; return version, dataset and mean AUC."""
    with project.start_run(
        name, experiment=EXPERIMENT, params={"model": name, "seed": SEED}
    ) as run:
        run.log_params({"folds": 5, "features": len(patients.features)})
        dataset = project.log_dataset(patients.train, DATASET, column_names=patients.features)
        scores = cross_validate(
            model, patients.train, patients.train_labels, cv=5, scoring=("accuracy", "roc_auc")
        )
        for fold in range(5):
            run.log_metrics(
                {
                    "fold_accuracy": scores["test_accuracy"][fold],
                    "fold_auc": scores["test_roc_auc"][fold],
                },
                step=fold,
            )
        auc = float(scores["test_roc_auc"].mean())
        run.log_metrics({"accuracy": float(scores["test_accuracy"].mean()), "auc": auc})
        model.fit(patients.train, patients.train_labels)
        columns = dict(zip(patients.features, patients.train.T, strict=True))
        version = project.log_model(model, MODEL, training=columns)
    return version, dataset, auc


def _post(url: str, body: Any) -> Any:
    """Send JSON and return the JSON that comes back, as any client would."""
    request = urllib.request.Request(  # noqa: S310  our own server on loopback
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return json.load(response)


def ask(url: str, patients: Patients, rows: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Have the server diagnose patients, twenty a request; return its answers."""
    answers: list[dict[str, Any]] = []
    for start in range(0, len(rows), 20):
        batch = [
            dict(zip(patients.features, row, strict=True))
            for row in rows[start : start + 20].tolist()
        ]
        answers += _post(f"{url}/predict", {"rows": batch})["predictions"]
    return answers


def send_labels(url: str, answers: Sequence[dict[str, Any]], labels: NDArray[np.str_]) -> int:
    """Send the true diagnoses of earlier answers by their ids; return how many were recorded."""
    body = [
        {"id": answer["id"], "label": label}
        for answer, label in zip(answers, labels.tolist(), strict=True)
    ]
    return int(_post(f"{url}/feedback", body)["recorded"])


def choose(project: Project, trained: Sequence[tuple[ModelVersion, float]]) -> ModelVersion:
    """Set the alias champion on the version with the better AUC, with the reason."""
    (best, auc), (_, other) = sorted(trained, key=lambda pair: pair[1], reverse=True)
    reason = f"cross-validated AUC {auc:.4f} against {other:.4f}"
    return project.models.set_alias(MODEL, "champion", best.version, reason=reason)


def serve(project: Project) -> Server:
    """Return a server of the champion on a free port of this machine."""
    champion = f"{MODEL}@champion"
    served = Served({champion: project.endpoint(champion)})
    return Server(prediction_app(served, monitoring=project.monitoring))


def watch(
    project: Project, since: datetime, until: datetime | None = None
) -> tuple[DriftReport, Performance]:
    """Return drift and performance of the champion between two moments."""
    champion = f"{MODEL}@champion"
    return (
        project.monitoring.drift(champion, since=since, until=until),
        project.monitoring.performance(champion, since=since, until=until),
    )


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def misread(patients: Patients, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the measurements of a device that reads two features a quarter too high."""
    wrong = rows.copy()
    for name in SHIFTED:
        wrong[:, patients.features.index(name)] *= 1.25
    return wrong
