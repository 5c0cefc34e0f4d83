"""Fairness: rates of groups and the gaps between them, by hand and on a real model."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.gates.checks.fairness import judge_fairness, rates_of, widest_gap
from lite_mlops.monitoring.fairness import GroupFacts, newcombe
from lite_mlops.monitoring.proportions import wilson
from lite_mlops.project import Project
from tests.gates.conftest import customers, fitted, judged, register

TRUTH = np.array([1, 1, 0, 0, 1, 1, 1, 0], np.bool_)
ANSWERS = np.array([1, 0, 0, 0, 1, 1, 0, 1], np.bool_)
RATES = ("selection_rate", "tpr", "fpr", "precision", "accuracy")
GROUPS = {"f": np.arange(8) < 4, "m": np.arange(8) >= 4}


def values(one: GroupFacts) -> list[float]:
    """The rates of a group without their intervals."""
    rates = (one.rate(name, 1.96) for name in RATES)
    return [rate.value for rate in rates if rate is not None]


def test_rates_are_those_counted_by_hand() -> None:
    rates = rates_of(GROUPS, TRUTH, ANSWERS)
    assert rates["f"].rows == rates["m"].rows == 4
    assert values(rates["f"]) == pytest.approx([0.25, 0.5, 0.0, 1.0, 0.75])
    assert values(rates["m"]) == pytest.approx([0.75, 2 / 3, 1.0, 2 / 3, 0.5])


@pytest.mark.parametrize(
    ("measure", "gap"),
    [
        ("demographic parity", 0.5),
        ("equal opportunity", 1 / 6),
        ("equalized odds", 1.0),
        ("predictive parity", 1 / 3),
        ("accuracy", 0.25),
    ],
)
def test_the_gap_is_that_of_the_worst_and_the_best_group(measure: str, gap: float) -> None:
    found = widest_gap(measure, rates_of(GROUPS, TRUTH, ANSWERS))
    assert found is not None
    assert found.size.value == pytest.approx(gap)
    assert {found.low, found.high} == {"f", "m"}


def test_the_interval_of_the_gap_is_that_of_newcombe_for_all_pairs() -> None:
    rates = rates_of(GROUPS, TRUTH, ANSWERS)
    found = widest_gap("accuracy", rates)
    assert found is not None
    assert found.size == newcombe(*(wilson(rows, 4) for rows in (3, 2)))  # type: ignore[arg-type]
    many = {**rates_of(GROUPS, TRUTH, ANSWERS), "x": rates_of(GROUPS, ANSWERS, ANSWERS)["m"]}
    wider = widest_gap("demographic parity", many)
    one = widest_gap("demographic parity", rates)
    assert wider is not None
    assert one is not None
    assert wider.size.value == one.size.value
    assert wider.size.low < one.size.low < one.size.high < wider.size.high


def test_the_interval_narrows_with_the_rows() -> None:
    widths = []
    for times in (1, 10, 100):
        groups = {name: np.tile(rows, times) for name, rows in GROUPS.items()}
        found = widest_gap(
            "accuracy", rates_of(groups, np.tile(TRUTH, times), np.tile(ANSWERS, times))
        )
        assert found is not None
        assert found.size.value == pytest.approx(0.25)
        widths.append(found.size.high - found.size.low)
    assert all(before > 2 * after for before, after in pairwise(widths))


def test_groups_without_a_rate_are_left_out() -> None:
    nobody = {"f": GROUPS["f"], "m": np.zeros(8, np.bool_)}
    assert widest_gap("accuracy", rates_of(nobody, TRUTH, ANSWERS)) is None
    found = judge_fairness(
        "accuracy", "sex", rates_of(nobody, TRUTH, ANSWERS), at_most=0.1, least_rows=1
    )
    assert found.outcome == "cannot tell"
    assert found.reason == "accuracy needs two groups of 'sex' with 1 row each."


def test_small_groups_are_told_and_left_out() -> None:
    three = {**GROUPS, "x": np.arange(8) == 0}
    rates = rates_of(three, TRUTH, ANSWERS)
    found = judge_fairness("accuracy", "sex", rates, at_most=0.3, least_rows=2)
    assert (found.outcome, found.rows) == ("passed", 8)
    assert found.warning == "left out, with fewer than 2 rows: 'x'"
    assert found.reason == (
        "groups of 'sex' differ in accuracy by 0.250 (-0.320 to 0.655; 'm' has least, 'f' most); "
        "at most 0.3 is allowed."
    )
    assert found.evidence["low"] == pytest.approx(-0.320, abs=1e-3)
    assert found.evidence["groups"]["f"]["accuracy"]["value"] == 0.75


rows = st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), min_size=1)


@given(rows)
def test_shares_are_those_of_counting(table: list[tuple[str, bool, bool]]) -> None:
    group, truth, answers = (np.array(column) for column in zip(*table, strict=True))
    groups = {name: group == name for name in "abc"}
    for name, one in rates_of(groups, truth, answers).items():
        own = [(t, a) for g, t, a in table if g == name]
        positive = [a for t, a in own if t]
        assert one.rows == len(own)
        accuracy = one.rate("accuracy", 1.96)
        assert (accuracy is None) == (one.selection_rate is None) == (not own)
        if accuracy is not None and one.selection_rate is not None:
            assert one.selection_rate.value == pytest.approx(sum(a for _, a in own) / len(own))
            assert accuracy.value == pytest.approx(sum(t == a for t, a in own) / len(own))
        assert (one.tpr is None) == (not positive)
        if one.tpr is not None:
            assert one.tpr.value == pytest.approx(sum(positive) / len(positive))


def test_a_model_that_looks_at_the_group_is_found(churn: Project) -> None:
    wanted: dict[str, Any] = {
        "check": "fairness",
        "group": "sex",
        "measure": "demographic parity",
        "at_most": 0.2,
    }
    assert judged(churn, **wanted).outcome == "passed"
    table = customers()
    table["female"] = (table["sex"] == "f").astype(float)
    table["left"] = np.where(table["female"] * 2 - table["visits"] > 1, "yes", "no")
    register(churn, fitted(table, ["visits", "age", "female"]), table)
    held = customers(seed=1)
    held["female"] = (held["sex"] == "f").astype(float)
    churn.datasets.add(held, "holdout", snapshot=True)
    found = judged(churn, "churn/3", **wanted)
    assert found.outcome == "failed"
    assert "; 'm' has least, 'f' most)" in found.reason
    assert judged(churn, "churn/3", **{**wanted, "group": "sexx"}).outcome == "cannot tell"
