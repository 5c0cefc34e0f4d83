"""What is found is what a plain evaluator finds, in its order, in pages that lose nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project
from lite_mlops.tracking import Run
from tests.tracking.search.conftest import COUNT
from tests.tracking.search.trees import ORDERS, TREES, Filter, Order, finds, in_order


@cache
def all_of(project: Project) -> list[Run]:
    """All runs that are not deleted, the newest first."""
    found = project.runs.page(count=COUNT)
    assert len(found) == COUNT - 2
    assert {run.status for run in found} == {"finished", "failed", "killed", "crashed"}
    return found


@settings(max_examples=250)
@given(tree=TREES)
def test_a_filter_finds_what_it_says(varied: Project, tree: Filter) -> None:
    runs = [run for run in all_of(varied) if finds(tree, run)]
    expected = [run.id for run in in_order(runs, [])]
    found = varied.runs.search(str(tree), max_results=COUNT)
    assert [run.id for run in found] == expected


@settings(max_examples=60)
@given(orders=ORDERS, size=st.integers(1, 15), tree=st.none() | TREES)
def test_pages_in_any_order_are_the_whole(
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
