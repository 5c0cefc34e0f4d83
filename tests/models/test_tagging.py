"""Tags and descriptions of versions and of models as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Invalid, LiteMlopsError, NotFound
from lite_mlops.project import Project
from lite_mlops.security.secrets import MASKED
from tests.conftest import Prepared

MODEL = LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])


def _make_churn(project: Project) -> None:
    project.models.register(
        MODEL, "churn", tags={"owner": "growth", "ticket": 17}, description="The first try."
    )


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_churn)


def test_tags_are_given_with_a_version_and_change_later(churn: Project) -> None:
    version = churn.models.get("churn/1")
    assert version.tags == {
        "owner": "growth",
        "ticket": "17",
        "description": "The first try.",
    }
    assert version.description == "The first try."
    churn.models.set_tags("churn/1", {"owner": "sales", "ticket": None, "new": True})
    churn.models.describe("churn/1", "Better.")
    assert churn.models.get("churn/1").tags == {
        "owner": "sales",
        "new": "True",
        "description": "Better.",
    }
    assert churn.models.all()[0].tags == churn.models.get("churn/1").tags


def test_a_model_as_a_whole_has_its_own_tags(churn: Project) -> None:
    churn.models.describe("churn", "Who leaves within 30 days.")
    assert churn.models.model_tags("churn") == {"description": "Who leaves within 30 days."}
    assert churn.models.get("churn/1").description == "The first try."
    churn.models.describe("churn", None)
    assert churn.models.model_tags("churn") == {}


def test_secrets_are_masked(churn: Project) -> None:
    churn.models.set_tags("churn/1", {"password": "hunter22"})
    assert churn.models.get("churn/1").tags["password"] == MASKED


@pytest.mark.parametrize(
    ("reference", "tags", "kind", "text"),
    [
        ("churn/2", {"a": "b"}, NotFound, "has no version 2"),
        ("nope", {"a": "b"}, NotFound, "There is no model 'nope'"),
        ("churn/1", {"": "b"}, Invalid, "tag name"),
        ("churn/1", {"a": "x" * 5_001}, Invalid, "tag 'a' is too long"),
        ("churn/1", ["a"], Invalid, "tags are a dictionary"),
        ("runs:/abc/model", {"a": "b"}, Invalid, "names a model of a run"),
    ],
)
def test_what_cannot_be_a_tag_is_refused_and_nothing_is_stored(
    churn: Project, reference: str, tags: Any, kind: type[LiteMlopsError], text: str
) -> None:
    before = churn.sql("SELECT count(*) FROM decisions").rows
    with pytest.raises(kind, match=text):
        churn.models.set_tags(reference, tags)
    assert churn.sql("SELECT count(*) FROM decisions").rows == before
