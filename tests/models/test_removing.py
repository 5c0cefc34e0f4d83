"""Removing versions: what is in use stays, what is removed comes back until it is freed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Conflict, LiteMlopsError, NotFound
from lite_mlops.project import Project
from lite_mlops.store.cleaning import clean
from lite_mlops.store.events import VersionServed
from tests.conftest import Prepared

X = np.array([[0.0], [1.0], [2.0], [3.0]])


def _make_churn(project: Project) -> None:
    for strength in (1.0, 2.0, 3.0):
        model = LogisticRegression(C=strength).fit(X, [0, 0, 1, 1])
        project.models.register(model, "churn", input_example=X)
    project.models.set_alias("churn", "champion", 2)


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    """Three versions with files of their own; the second is the champion."""
    return prepared(project, _make_churn)


def test_a_removed_version_is_gone_until_it_is_restored(churn: Project) -> None:
    removed = churn.models.remove("churn/3", reason="the wrong month")
    assert removed.name == "churn/3"
    with pytest.raises(NotFound, match=r"churn/3 was removed .* models restore churn/3"):
        churn.models.get("churn/3")
    assert churn.models.get("churn").name == "churn/2"  # the newest that is there
    assert [version.name for version in churn.models.all("churn")] == ["churn/2", "churn/1"]
    (put_away,) = churn.models.all("churn", removed=True)
    assert put_away.name == "churn/3"
    assert put_away.removed_at is not None
    assert churn.models.restore("churn/3").removed_at is None
    assert churn.models.load("churn/3").C == 3.0
    kinds = churn.sql(
        "SELECT kind, record ->> 'reason' FROM decisions ORDER BY number DESC LIMIT 2"
    )
    assert kinds.rows == (("version_restored", None), ("version_removed", "the wrong month"))


def test_its_number_is_never_given_again(churn: Project) -> None:
    churn.models.remove("churn/3")
    model = LogisticRegression().fit(X, [0, 0, 1, 1])
    assert churn.models.register(model, "churn").name == "churn/4"


def test_what_removing_refuses_stays(churn: Project) -> None:
    refused: list[tuple[Callable[[], object], type[LiteMlopsError], str]] = [
        (
            lambda: churn.models.remove("churn@champion"),
            Conflict,
            "churn/2 is @champion; move the alias or take it away first",
        ),
        (lambda: churn.models.remove("churn/9"), NotFound, "has no version 9"),
        (lambda: churn.models.restore("churn/1"), Conflict, "churn/1 is not removed"),
        (lambda: churn.models.restore("fraud/1"), NotFound, "There is no model 'fraud'"),
    ]
    for call, kind, text in refused:
        with pytest.raises(kind, match=text):
            call()
    assert len(churn.models.all("churn")) == 3


def test_a_version_that_a_process_answers_with_stays(churn: Project) -> None:
    writer = churn.store.journal.writer
    churn.store.append(VersionServed(model="churn", version=1, writer=writer))
    with pytest.raises(Conflict, match=r"churn/1 is answering in process \d+ "):
        churn.models.remove("churn/1")
    churn.close()  # its journal ends, and with it the answering
    assert churn.models.remove("churn/1").name == "churn/1"


def test_gc_frees_the_bytes_of_removed_versions_only(churn: Project) -> None:
    versions = {version.name: version for version in churn.models.all("churn")}
    assert clean(churn.store, grace_seconds=-1).objects == 0
    churn.models.remove("churn/3")
    assert clean(churn.store, grace_seconds=-1, dry_run=True).objects == 2  # with its plan
    assert clean(churn.store, grace_seconds=-1).objects == 2  # they share the input example
    held = {sha256 for sha256, _, _ in churn.store.objects.all()}
    assert versions["churn/3"].sha256 not in held
    assert {versions["churn/1"].sha256, versions["churn/2"].sha256} <= held
    assert versions["churn/1"].example in held
    with pytest.raises(NotFound, match="bytes of churn/3 were freed by `gc`"):
        churn.models.restore("churn/3")
    assert churn.examine() == []  # it is not missed
