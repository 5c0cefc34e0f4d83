"""`lite-mlops models rm|restore|tag|describe|register|inspect|trust|sign|verify|search`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lite_mlops.project import Project
from tests.cli.conftest import Cli
from tests.conftest import Prepared

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
Y = [0, 0, 1, 1]
OWN = "tests.cli.test_model_decisions:Same"


class Same(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A step of the user's own that changes nothing."""

    def fit(self, rows: Any, target: object = None) -> Same:  # noqa: ARG002
        """Learn how many columns there are."""
        self.n_features_in_ = np.shape(rows)[1]
        return self

    def transform(self, rows: object) -> object:
        """Return the rows."""
        return rows


def _make_churn(project: Project) -> None:
    for strength in (1.0, 2.0):
        model = LogisticRegression(C=strength).fit(X, Y)
        project.models.register(model, "churn", input_example=X, metrics={"auc": strength / 2})
    project.models.set_alias("churn", "champion", 2)


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_churn)


def test_versions_are_put_away_and_brought_back(cli: Cli, churn: Project) -> None:
    done = cli("models", "rm", "churn/1", "--reason", "old")
    assert done.out == ("churn/1 is removed; `lite-mlops models restore churn/1` undoes it.\n")
    assert [one["version"] for one in json.loads(cli("models", "ls", "--json").out)] == [2]
    (removed,) = json.loads(cli("models", "ls", "--removed", "--json").out)
    assert (removed["version"], removed["removed_at"] is None) == (1, False)
    (back,) = json.loads(cli("models", "restore", "churn/1", "--json").out)
    assert back["removed_at"] is None
    refused = cli("models", "rm", "churn@champion")
    assert refused.code == 4
    assert "churn/2 is @champion" in refused.err
    assert len(churn.models.all()) == 2


def test_tags_and_descriptions(cli: Cli, churn: Project) -> None:
    assert cli("models", "tag", "churn/1", "owner=ann", "x=").out == "Set 2 tags of churn/1.\n"
    told = json.loads(cli("models", "describe", "churn", "Who leaves.", "--json").out)
    assert told == {"reference": "churn", "tags": {"description": "Who leaves."}}
    assert churn.models.get("churn/1").tags == {"owner": "ann"}
    assert re.search(r"^owner +ann", cli("models", "show", "churn/1").out, re.MULTILINE)


def test_versions_are_searched(cli: Cli, churn: Project) -> None:
    line = ("models", "ls", "--json", "--filter")
    assert [v["version"] for v in json.loads(cli(*line, "metrics.auc >= 1").out)] == [2]
    assert len(json.loads(cli("models", "ls", "churn", "-f", "version > 0", "--json").out)) == 2
    page = cli("models", "ls", "-n", "1", "-o", "version")
    assert "churn/1" in page.out
    token = page.err.split()[-1]
    assert "churn/2" in cli("models", "ls", "-n", "1", "-o", "version", "--page-token", token).out
    wrong = cli("models", "ls", "--filter", "metrics.auc >")
    assert (wrong.code, wrong.out) == (2, "")
    assert "^" in wrong.err
    assert cli("models", "ls", "--removed", "--filter", "version > 0").code == 2
    assert churn.exists


def test_differences_and_lineage_are_shown(cli: Cli, churn: Project, tmp_path: Path) -> None:
    out = cli("models", "diff", "churn/1", "churn/2").out
    assert "answers, churn/2 against churn/1" in out
    assert re.search(r"^auc +0.5 +1 +\+0.5$", out, re.MULTILINE)
    assert (
        json.loads(cli("models", "diff", "churn/1", "churn/2", "--json").out)["second"] == "churn/2"
    )
    assert cli("models", "diff", "churn/1", "churn/2", "--csv").out.startswith("section,name,")
    assert "> version churn/2" in cli("models", "lineage", "churn@champion").out
    picture = tmp_path / "l.svg"
    assert cli("models", "lineage", "churn/2", "--svg", picture).out == f"Wrote {picture}.\n"
    assert picture.read_text().startswith("<svg ")
    assert churn.exists


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.joblib"
    joblib.dump(make_pipeline(Same(), LogisticRegression()).fit(X, Y), path)
    return path


def test_a_file_is_inspected_and_registered_after_a_word(
    cli: Cli, project: Project, file: Path
) -> None:
    told = json.loads(cli("models", "inspect", file, "--json").out)
    assert (told["format"], told["needs_trust"]) == ("joblib", [OWN])
    assert OWN in cli("models", "inspect", file).out
    refused = cli("models", "register", file, "churn")
    assert refused.code == 6
    assert f"imports what is not on the shipped list:\n    {OWN}\n" in refused.err
    assert not project.exists
    done = cli("models", "register", file, "churn", "--trust", OWN, "--alias", "champion")
    assert done.out == "Registered churn/1, which is churn@champion.\n"
    again = json.loads(cli("models", "register", "churn/1", "other", "--trust-all", "--json").out)
    assert (again["model"], again["trusted"]) == ("other", [OWN])


def test_trust_is_confirmed_later(cli: Cli, project: Project) -> None:
    project.models.register(make_pipeline(Same(), LogisticRegression()).fit(X, Y), "churn")
    refused = cli("models", "trust", "churn/1")
    assert refused.code == 6
    done = cli("models", "trust", "churn/1", "--yes", "--reason", "mine")
    assert done.out == f"churn/1 may import {OWN}.\n"
    assert cli("models", "trust", "churn/1").out == (
        "churn/1 needs nothing that is not confirmed.\n"
    )
    assert re.search(rf"^may import +{OWN}", cli("models", "show", "churn").out, re.MULTILINE)


def test_a_version_is_signed(cli: Cli, churn: Project, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    none = cli("models", "verify", "churn/1")
    assert (none.code, none.out) == (1, "No signature of churn/1 is good.\n")
    assert cli("models", "sign", "churn/1", "--key", key).code == 3
    done = cli("models", "sign", "churn/1", "--key", key, "--make-key")
    assert re.fullmatch(r"churn/1 is signed by ed25519:\S+\.\n", done.out)
    assert f"Made the key {key}" in done.err
    (seal,) = json.loads(cli("models", "verify", "churn/1", "--json").out)
    assert seal["public"] in done.out
    refused = cli("models", "show", "churn/1", signed_by=seal["public"])
    assert refused.code == 0  # looking is free; loading is not
    assert churn.models.get("churn/1").seals
