"""Searching versions in the filter language of runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Invalid
from lite_mlops.project import Project

MODEL = LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Six versions of three models, of runs and without, one of them removed."""
    project = Project(
        tmp_path_factory.mktemp("shelf"), capture_code=False, capture_environment=False
    )
    for place, auc in enumerate((0.7, 0.9, 0.8)):
        with project.start_run() as run:
            run.log_params({"depth": place + 2, "kind": "forest"})
            run.log_metric("auc", auc)
            project.log_model(MODEL, "churn", tags={"team": "growth" if place else "sales"})
    project.models.register(MODEL, "fraud", metrics={"auc": 0.95, "odd/name~1": 1.0})
    project.models.register(MODEL, "fraud", description="Not used.")
    project.models.register(MODEL, "old")
    project.models.remove("old/1")
    project.models.set_alias("churn", "champion", 2)
    project.models.set_alias("churn", "trial", 2)
    project.models.set_alias("churn", "shadow", 3)
    project.close()
    return project


FOUND: dict[str, list[str]] = {
    "": ["fraud/2", "fraud/1", "churn/3", "churn/2", "churn/1"],
    "metrics.auc > 0.75": ["fraud/1", "churn/3", "churn/2"],
    "metrics.`odd/name~1` = 1": ["fraud/1"],
    "metrics.auc IS NULL": ["fraud/2"],
    "NOT metrics.auc > 0.75": ["fraud/2", "churn/1"],
    "params.depth >= 3 AND params.kind = 'forest'": ["churn/3", "churn/2"],
    "tags.team like 'gro%'": ["churn/3", "churn/2"],
    "alias = 'champion'": ["churn/2"],
    "alias IN ('trial', 'shadow')": ["churn/3", "churn/2"],
    "alias IS NULL": ["fraud/2", "fraud/1", "churn/1"],
    "alias != 'champion'": ["churn/3", "churn/2"],  # each has another one
    "NOT alias = 'champion'": ["fraud/2", "fraud/1", "churn/3", "churn/1"],
    "model ILIKE 'FRA%' OR version = 1": ["fraud/2", "fraud/1", "churn/1"],
    "name = 'churn' AND version > 1": ["churn/3", "churn/2"],
    "description = 'Not used.'": ["fraud/2"],
    "run_id IS NULL": ["fraud/2", "fraud/1"],
    "class LIKE '%LogisticRegression' AND format = 'joblib' AND size < 100000": [
        *("fraud/2", "fraud/1", "churn/3", "churn/2", "churn/1")
    ],
    "created > '2020-01-01' AND model = 'old'": [],
}


@pytest.mark.slow
@pytest.mark.parametrize(("source", "names"), FOUND.items())
def test_a_filter_finds(shelf: Project, source: str, names: list[str]) -> None:
    assert [version.name for version in shelf.models.search(source)] == names


@pytest.mark.parametrize(
    ("orders", "names"),
    [
        (["metrics.auc DESC"], ["fraud/1", "churn/2", "churn/3", "churn/1", "fraud/2"]),
        (["params.depth"], ["churn/1", "churn/2", "churn/3", "fraud/2", "fraud/1"]),
        (["model DESC", "version"], ["fraud/1", "fraud/2", "churn/1", "churn/2", "churn/3"]),
        (["alias"], ["churn/2", "churn/3", "fraud/2", "fraud/1", "churn/1"]),
    ],
)
def test_versions_are_sorted_and_paged(shelf: Project, orders: list[str], names: list[str]) -> None:
    assert [version.name for version in shelf.models.search(None, orders)] == names
    found, token = [], None
    for _ in names:
        page = shelf.models.search(None, orders, 2, token)
        found += [version.name for version in page]
        token = page.next_page_token
        if token is None:
            break
    assert found == names


TESTS = st.sampled_from([source for source in FOUND if source])


@given(TESTS, TESTS, st.sampled_from(["AND", "OR"]), st.booleans())
def test_conditions_combine_as_sets_do(
    shelf: Project,
    one: str,
    other: str,
    word: str,
    negated: bool,  # noqa: FBT001
) -> None:
    both = set(FOUND[one]) & set(FOUND[other])
    expected = both if word == "AND" else set(FOUND[one]) | set(FOUND[other])
    source = f"({one}) {word} ({other})"
    if negated:
        expected, source = set(FOUND[""]) - expected, f"NOT ({source})"
    assert {version.name for version in shelf.models.search(source)} == expected


def test_a_version_that_is_found_is_whole(shelf: Project) -> None:
    (found,) = shelf.models.search("alias = 'champion'")
    assert found == shelf.models.get("churn@champion")
    (given_with,) = shelf.models.search("model = 'fraud' AND version = 1")
    assert given_with.metrics == {"auc": 0.95, "odd/name~1": 1.0}


def test_a_page_turns_into_a_table(shelf: Project) -> None:
    page = shelf.models.search("model = 'churn'", ["version"])
    frame = page.to_pandas()
    assert frame["version"].tolist() == [1, 2, 3]
    assert frame["metrics.auc"].tolist() == [0.7, 0.9, 0.8]
    assert frame["aliases"].tolist() == ["", "champion, trial", "shadow"]
    assert repr(page).startswith("<VersionPage: 3 versions>\n  <ModelVersion churn/1>")
    assert "churn/2" in page._repr_html_()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (("status = 'failed'",), "A version has no attribute 'status'"),
        (("aliass = 'x'",), "Did you mean 'aliases' or 'alias'"),
        (("version = 'x'",), "version is a number"),
        ((None, ["nope"]), "A version has no attribute 'nope'"),
        ((None, None, 0), "max_results is 1 to 50,000"),
        ((None, None, 2, "abc"), "page_token 'abc' was not given for this"),
        ((" OR ".join(f"metrics.m{i} > 1" for i in range(31)),), "at most 30 metrics"),
    ],
)
def test_what_cannot_be_understood_is_told(
    shelf: Project, call: tuple[Any, ...], text: str
) -> None:
    with pytest.raises(Invalid, match=text):
        shelf.models.search(*call)


def test_a_token_of_runs_is_none_of_versions(shelf: Project) -> None:
    token = shelf.search_runs(max_results=1).next_page_token
    with pytest.raises(Invalid, match="was not given for this"):
        shelf.models.search(max_results=1, page_token=token)
