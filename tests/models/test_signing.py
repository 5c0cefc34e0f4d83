"""Signed versions: who vouches, and projects that load nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Conflict, Denied, NotFound
from lite_mlops.models.signature import Column, Signature
from lite_mlops.models.signing import statement_of
from lite_mlops.models.versions import Member
from lite_mlops.project import Project
from lite_mlops.security.signing import make_key
from tests.conftest import Prepared

MODEL = LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "mine.pem"
    make_key(path)
    return path


def _make_churn(project: Project) -> None:
    project.models.register(MODEL, "churn")


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_churn)


def test_a_version_is_signed_and_verified(churn: Project, key: Path) -> None:
    assert churn.models.verify("churn") == []
    version = churn.models.sign("churn/1", key, reason="reviewed")
    (seal,) = churn.models.verify("churn/1")
    assert version.seals == (seal,)
    assert seal.public.startswith("ed25519:")
    assert seal.actor == churn.settings.who()
    with pytest.raises(Conflict, match="is signed by this key already"):
        churn.models.sign("churn/1", key)
    with pytest.raises(NotFound, match="There is no signing key"):
        churn.models.sign("churn/1", key.with_name("none.pem"))


def test_a_project_loads_only_what_is_signed_if_it_says_so(
    churn: Project, key: Path, tmp_path: Path
) -> None:
    public = churn.models.sign("churn/1", key).seals[0].public
    other = make_key(tmp_path / "other.pem")
    churn.models.register(MODEL, "churn")
    churn.close()
    strict = Project(churn.folder.parent, signed_by=[public])
    assert strict.models.load("churn/1").predict([[1.0]]).tolist() == [1]
    for load in (strict.models.load, strict.endpoint):
        with pytest.raises(Denied, match="churn/2 was not loaded: this project needs a signature"):
            load("churn/2")
    strict.close()
    foreign = Project(churn.folder.parent, signed_by=[other.public])
    with pytest.raises(Denied, match="it has none that is good"):
        foreign.models.load("churn/1")
    foreign.close()


def test_a_signature_is_of_the_content_and_not_of_the_name(churn: Project) -> None:
    version = churn.models.get("churn/1")
    told = statement_of(version)
    assert statement_of(replace(version, model="other", version=9, tags={"a": "b"})) == told
    for change in (
        {"sha256": "0" * 64},
        {"trusted": ("os:system",)},
        {"members": {"weights": Member("0" * 64, 5)}},
        {"format": "skops"},
        {"signature": Signature((Column("age", "float"),))},
    ):
        assert statement_of(replace(version, **change)) != told
