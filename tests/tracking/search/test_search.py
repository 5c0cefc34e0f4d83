"""What is found is what a plain evaluator finds, in its order, in pages that lose nothing."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lite_mlops as lm
from lite_mlops import verbs
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project
from lite_mlops.tracking import Run, search
from lite_mlops.tracking.search import sql
from lite_mlops.tracking.search.grammar import Filter, Order
from lite_mlops.tracking.search.sql import MAX_JOINED
from tests.tracking.search.conftest import COUNT
from tests.tracking.search.trees import ORDERS, TREES, finds, in_order


@cache
def all_of(project: Project) -> list[Run]:
    """All runs that are not deleted, the newest first."""
    found = project.runs.page(count=COUNT)
    assert len(found) == COUNT - 2
    assert {run.status for run in found} >= {"finished", "failed", "killed", "crashed"}
    return found


@pytest.mark.slow
@settings(max_examples=50)
@given(tree=TREES)
def test_a_filter_finds_what_it_says(varied: Project, tree: Filter) -> None:
    runs = [run for run in all_of(varied) if finds(tree, run)]
    expected = [run.id for run in in_order(runs, [])]
    found = varied.runs.search(str(tree), max_results=COUNT)
    assert [run.id for run in found] == expected


def pages_are_the_whole(
    varied: Project, orders: list[Order], size: int, tree: Filter | None
) -> None:
    expected = in_order([run for run in all_of(varied) if tree is None or finds(tree, run)], orders)
    asked: dict[str, Any] = {
        "filter": None if tree is None else str(tree),
        "order_by": [str(order) for order in orders],
        "max_results": size,
    }
    page = varied.runs.search(**asked)
    found = list(page)
    while page.next_page_token is not None:
        assert len(page) == size
        page = varied.runs.search(**asked, page_token=page.next_page_token)
        found += page
        assert len(page) > 0
    assert [run.id for run in found] == [run.id for run in expected]


@pytest.mark.slow
@settings(max_examples=12)
@given(orders=ORDERS, size=st.integers(1, 15), tree=st.none() | TREES)
def test_pages_in_any_order_are_the_whole(
    varied: Project, orders: list[Order], size: int, tree: Filter | None
) -> None:
    pages_are_the_whole(varied, orders, size, tree)


@pytest.fixture
def looking_near_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even few runs searched among the newest first, as many are."""
    monkeypatch.setattr(sql, "LARGE", 0)
    monkeypatch.setattr(sql, "WIDTH", 1)


@pytest.mark.slow
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 9), tree=st.none() | TREES)
@pytest.mark.usefixtures("looking_near_first")
def test_looking_at_the_newest_runs_first_changes_nothing(
    varied: Project, size: int, tree: Filter | None
) -> None:
    pages_are_the_whole(varied, [], size, tree)


@pytest.mark.usefixtures("looking_near_first")
def test_a_page_is_filled_from_the_newest_runs(
    varied: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[object] = []

    def watched(*asked: Any) -> Any:
        starts.append(asked[-1] if len(asked) == 5 else None)
        return sql.statement_for(*asked)

    monkeypatch.setattr(search, "statement_for", watched)
    assert len(varied.search_runs(max_results=2)) == 2
    assert len(starts) == 1
    assert None not in starts  # it was asked once
    starts.clear()
    assert len(varied.search_runs("params.depth = 'nowhere'", max_results=2)) == 0
    assert len(starts) == 2  # and now everywhere
    starts.clear()
    assert len(varied.search_runs("metrics.auc IS NULL", "metrics.auc", max_results=2)) == 2
    assert len(varied.search_runs(deleted=True)) == 2
    assert starts == [None, None]


# -- rules that are told -------------------------------------------------------------------------


def names(project: Project, wanted: str | None = None, **asked: Any) -> list[str]:
    return [run.name for run in project.search_runs(wanted, **asked)]


@pytest.fixture
def few(project: Project) -> Project:
    """Four runs: a, b, c and bare, the last one with nothing."""
    for name, depth, auc in (("a", 10, 0.5), ("b", 9, 0.75), ("c", "deep", float("nan"))):
        with project.start_run(name, experiment="one", params={"depth": depth}) as run:
            run.log_metric("auc", auc)
            run.set_tag("team", name * 2)
    with project.start_run("bare", experiment="two"):
        pass
    return project


RULES = {
    "params.depth > 9": ["a"],  # as numbers
    "params.depth > '9'": ["c"],  # as texts
    "params.depth = 10.0": ["a"],
    "params.depth = '10.0'": [],
    "params.depth != 10": ["b"],  # deep is no number, and bare has none
    "params.depth != '10'": ["c", "b"],
    "params.depth NOT IN (10, 11)": ["b"],
    "NOT params.depth = 10": ["bare", "c", "b"],  # everything else
    "NOT params.depth IN (10, 11)": ["bare", "c", "b"],
    "params.depth IS NULL": ["bare"],
    "metrics.auc > 0": ["b", "a"],
    "metrics.auc != 0.5": ["c", "b"],  # NaN is unlike any number
    "metrics.auc IS NOT NULL": ["c", "b", "a"],
    "tags.team LIKE 'a_' OR tags.team ILIKE 'B%'": ["b", "a"],
    "status = 'FINISHED' AND experiment = 'two'": ["bare"],
    "metrics.`no such` > 1": [],
}


def test_the_rules_of_comparing(few: Project) -> None:
    for wanted, found in RULES.items():
        assert names(few, wanted) == found, wanted


def test_orders_put_what_is_missing_last(few: Project) -> None:
    assert names(few, order_by="metrics.auc DESC") == ["b", "a", "c", "bare"]
    assert names(few, order_by="metrics.auc") == ["a", "b", "c", "bare"]
    assert names(few, order_by=["params.depth"]) == ["b", "a", "c", "bare"]
    assert names(few, order_by=["params.depth DESC"]) == ["a", "b", "c", "bare"]
    assert names(few, order_by=["experiment DESC", "name DESC"]) == ["bare", "c", "b", "a"]
    assert names(few) == ["bare", "c", "b", "a"]


def test_experiments_are_named_by_any_of_their_names(few: Project) -> None:
    few.experiments.rename("two", "three")
    assert names(few, experiments="two") == names(few, experiments=["three"]) == ["bare"]
    assert names(few, experiments=["one", "two"]) == ["bare", "c", "b", "a"]
    assert names(few, experiments=[]) == []
    with pytest.raises(NotFound, match=r"^There is no experiment 'tree'\. Did you mean 'three'"):
        few.search_runs(experiments="tree")
    wrong: Any = [5]
    with pytest.raises(Invalid, match=r"^experiments is a text or a list of texts; it is \[5\]"):
        few.search_runs(experiments=wrong)


ODD = ["", 'a"b', "/~$", "\\", "\u2028é", "line\nbreak", "NaN", "{}"]


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    params=st.dictionaries(st.sampled_from(["a.b", "a b", "a/b"]), st.sampled_from(ODD)),
    numbers=st.lists(st.floats() | st.sampled_from([-0.0, 5e-324, 0.1, 2.0**53]), max_size=3),
    step=st.integers(-(2**63), 2**63 - 1),
)
def test_a_page_shows_what_is_recorded_of_a_run(
    project: Project, params: dict[str, str], numbers: list[float], step: int
) -> None:
    with project.start_run("odd", params=params, tags={"t": "'"}) as run:
        for number in numbers:
            run.log_metric("m", number, step=step)
        run.log_metrics({"up": 1, "down/x": float("-inf")})
        (going_on,) = project.search_runs(max_results=1)
        assert repr(going_on) == repr(replace(project.runs.get(run.id), artifacts=(), source={}))
    (over,) = project.search_runs(max_results=1)
    recorded = replace(project.runs.get(run.id), artifacts=(), source={})
    assert over.status == "finished"
    assert shown(over) == shown(recorded)


def shown(run: Run) -> list[str]:
    """All of a run as a text, as NaN is unlike NaN."""
    return [repr(getattr(run, field.name)) for field in fields(run)]


def test_what_comes_after_the_end_of_a_run_is_shown(project: Project) -> None:
    ids = []
    for name in ("one", "two"):
        with project.start_run(name, experiment="e", tags={"t": "old", "u": "x"}) as run:
            run.log_metric("auc", 0.5)
        ids.append(run.id)
    one, two = ids
    assert [run.tags["t"] for run in project.search_runs()] == ["old", "old"]
    project.runs.tag_all(one, {"t": "new", "u": None})
    project.runs.note(one, "why")
    project.experiments.rename("e", "f")
    for found in (project.search_runs("note = 'why'")[0], project.runs.get(one)):
        assert (found.tags["t"], found.note, found.experiment) == ("new", "why", "f")
        assert "u" not in found.tags
    project.runs.delete(one)
    assert names(project) == ["two"]
    assert [run.deleted for run in project.search_runs(deleted=True)] == [True]
    project.runs.restore(one)
    assert [run.deleted for run in project.search_runs()] == [False, False]
    with project.start_run(run_id=two) as run:
        run.log_metric("auc", 0.75)
        (first, _) = project.search_runs(order_by="metrics.auc DESC")
        assert (first.status, first.ended_at, first.metrics["auc"].value) == ("running", None, 0.75)
    (first, _) = project.search_runs(order_by="metrics.auc DESC")
    assert (first.status, first.metrics["auc"].points) == ("finished", 2)
    project.runs.delete(two)
    project.runs.purge(two)
    assert names(project) == ["one"]


def test_a_search_speaks_of_no_more_than_can_be_joined(varied: Project) -> None:
    wanted = " OR ".join(f"metrics.m{number} > 1" for number in range(MAX_JOINED))
    assert len(varied.search_runs(wanted)) == 0
    with pytest.raises(Invalid) as error:
        varied.search_runs(wanted, order_by="params.depth")
    assert str(error.value) == (
        "A search speaks of at most 30 metrics, params and tags; this one of 31."
    )


def test_deleted_runs_are_found_only_where_they_are_asked_for(few: Project) -> None:
    few.runs.delete("b")
    assert names(few, "metrics.auc > 0") == ["a"]
    assert names(few, deleted=True) == ["b"]


def test_a_tag_that_was_taken_away_is_missing(few: Project) -> None:
    few.runs.tag("a", "team", None)
    assert names(few, "tags.team IS NULL") == ["bare", "a"]


def test_a_found_run_has_all_its_parts(few: Project) -> None:
    (found,) = few.search_runs("name = 'a'")
    kept = few.runs.get("a")
    assert (found.params, found.metrics, found.tags) == (kept.params, kept.metrics, kept.tags)
    assert found.to_dict() | {"source": {}} == kept.to_dict() | {"source": {}}


def test_runs_that_start_between_two_pages_move_nothing(few: Project) -> None:
    asked: dict[str, Any] = {"order_by": ["metrics.auc DESC"], "max_results": 1}
    page = few.search_runs(**asked)
    found = [page[0].name]
    while page.next_page_token:
        with few.start_run("better") as run:
            run.log_metric("auc", 0.9)
        page = few.search_runs(**asked, page_token=page.next_page_token)
        found += [run.name for run in page]
    assert [name for name in found if name != "better"] == ["b", "a", "c", "bare"]
    assert found == ["b", "a", "c", "bare"]


def test_a_token_belongs_to_its_question(few: Project) -> None:
    token = few.search_runs("name != 'x'", "name", 2).next_page_token
    assert token is not None
    assert names(few, "name != 'x'", order_by="name", page_token=token) == ["bare", "c"]
    wrong: list[dict[str, Any]] = [
        {"filter": "name != 'y'", "order_by": "name"},
        {"filter": "name != 'x'"},
        {"filter": "name != 'x'", "order_by": "name DESC"},
        {"filter": "name != 'x'", "order_by": "name", "experiments": "one"},
        {"filter": "name != 'x'", "order_by": "name", "deleted": True},
    ]
    for asked in wrong:
        with pytest.raises(Invalid, match=r"^page_token .* was not given for this filter, order"):
            few.search_runs(**asked, page_token=token)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(max_size=60) | st.binary(max_size=40))
def test_a_token_that_was_never_given_is_refused(varied: Project, token: Any) -> None:
    if token:
        with pytest.raises(Invalid, match=r"^page_token "):
            varied.search_runs(page_token=token)


@pytest.mark.parametrize("count", [0, -1, 50_001, 2.0, True, "5"])
def test_a_page_has_a_size(varied: Project, count: Any) -> None:
    with pytest.raises(Invalid) as error:
        varied.search_runs(max_results=count)
    assert str(error.value) == f"max_results is 1 to 50,000; it is {count!r}."


def test_the_verb_of_the_module_searches_the_current_project(
    few: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs._Current, "project", few)
    assert [run.name for run in lm.search_runs("metrics.auc > 0.6")] == ["b"]
