"""Fixtures: customers who leave or stay, models of them, and gates in the settings file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from lite_mlops.gates import Gate, gate_of
from lite_mlops.gates.case import Case
from lite_mlops.gates.checks import judge
from lite_mlops.gates.verdicts import Verdict
from lite_mlops.models import ModelVersion
from lite_mlops.project import Project
from lite_mlops.settings import PREFIX

FEATURES = ["visits", "age"]


def customers(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """Customers: who comes often stays; plan and sex have nothing to do with it."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "visits": random.normal(size=rows),
            "age": random.integers(18, 90, rows).astype(float),
            "plan": random.choice(["basic", "pro"], rows),
            "sex": random.choice(["f", "m"], rows),
        }
    )
    noise = random.normal(scale=0.7, size=rows)
    frame["left"] = np.where(frame["visits"] + noise < 0, "yes", "no")
    return frame


def fitted(rows: pd.DataFrame, features: Sequence[str] = FEATURES) -> LogisticRegression:
    """A model that knows who leaves."""
    return LogisticRegression().fit(rows[list(features)], rows["left"])


class Flipping(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model that answers as another one, and otherwise in a share of the cases."""

    def __init__(self, share: float = 0.2) -> None:
        self.share = share

    def fit(self, x: pd.DataFrame, y: Any) -> Flipping:
        """Learn what the other one knows."""
        self.model_ = LogisticRegression().fit(x, y)
        self.classes_ = self.model_.classes_
        self.n_features_in_ = x.shape[1]
        self.feature_names_in_ = np.array(list(x.columns), object)
        return self

    def predict_proba(self, x: pd.DataFrame) -> Any:
        """Answer, in some cases the other way round, always in the same ones."""
        found = self.model_.predict_proba(x)
        picked = np.random.default_rng(5).random(len(found)) < self.share
        found[picked] = found[picked][:, ::-1]
        return found

    def predict(self, x: pd.DataFrame) -> Any:
        """Answer with the most probable class."""
        return self.classes_[self.predict_proba(x).argmax(axis=1)]


def register(project: Project, model: Any, rows: pd.DataFrame, name: str = "churn") -> ModelVersion:
    """Register a model with a run that logged its training data."""
    features = list(getattr(model, "feature_names_in_", FEATURES))
    with project.start_run():
        project.log_dataset(rows, "train", snapshot=True)
        return project.log_model(
            model, name, input_example=rows[features][:5], training=rows[features], trust=True
        )


@pytest.fixture(scope="session")
def churn_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project with two equal versions of `churn`, a champion, and data."""
    folder = tmp_path_factory.mktemp("churn")
    made = Project(folder, capture_code=False, capture_environment=False)
    rows = customers()
    for _ in range(2):
        register(made, fitted(rows), rows)
    made.models.set_alias("churn", "champion", 1)
    made.datasets.add(customers(seed=1), "holdout", snapshot=True)
    made.close()
    return folder


@pytest.fixture
def churn(project: Project, churn_folder: Path) -> Project:
    """A project of its own like that in `churn_folder`."""
    shutil.copytree(churn_folder, project.folder.parent, dirs_exist_ok=True)
    return project


@pytest.fixture
def settings_file(tmp_path: Path) -> Callable[[str], None]:
    """Writes the settings file of the temporary project."""

    def write(text: str) -> None:
        (tmp_path / "work" / "lite-mlops.toml").write_text(text, encoding="utf-8")

    return write


GATE = """
[gate.churn]
data = "holdout@latest"
label = "left"

[[gate.churn.check]]
check = "not worse"
metric = "accuracy"
margin = 0.05
"""


def gate_with(*checks: Mapping[str, Any], **head: Any) -> Gate:
    """A gate of churn@champion on the data `holdout`."""
    told = {"data": "holdout@latest", "label": "left", **head}
    told = {name: value for name, value in told.items() if value is not None}
    return gate_of("churn", {**told, "check": list(checks)})


def judged(project: Project, candidate: str = "churn/2", **check: Any) -> Verdict:
    """What one check says of a candidate against the champion."""
    head = check.pop("head", {})
    gate = gate_with(check, **head)
    current = None
    if project.models.history("churn", None):
        current = project.models.get("churn@champion")
    version = project.models.get(candidate)
    case = Case(project.store, gate, version, current)
    (one,) = gate.checks
    return judge(case, one)


@pytest.fixture(autouse=True)
def _no_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register models without proving plans, which is not what these tests are about."""
    monkeypatch.setenv(PREFIX + "LOWER", "false")
