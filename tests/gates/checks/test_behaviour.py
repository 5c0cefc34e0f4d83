"""Behaviour: what stays the same, and what only goes one way, on real models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lite_mlops.gates.checks.behaviour import judge_direction, judge_invariance
from lite_mlops.project import Project
from tests.gates.conftest import judged

DOWN: dict[str, Any] = {"check": "directional", "column": "visits", "score": "never higher"}


def test_a_share_of_rows_may_change() -> None:
    bad = np.array([False, True, False, True])
    found = judge_invariance(bad, "sex", at_most_share=0.5)
    assert (found.outcome, found.evidence["rows"]) == ("passed", [2, 4])
    assert found.reason == (
        "answers change in 50 % of 4 rows with another sex (rows 2, 4); at most 50 % may."
    )
    assert judge_invariance(bad, "sex", at_most_share=0.4).outcome == "failed"


@pytest.mark.parametrize(
    ("never", "tolerance", "outcome"),
    [
        ("never lower", 0.0, "failed"),
        ("never higher", 0.0, "failed"),
        ("never lower", 0.2, "passed"),
        ("never higher", 0.1, "failed"),
    ],
)
def test_scores_go_one_way(never: str, tolerance: float, outcome: str) -> None:
    found = judge_direction(
        np.array([0.5, 0.5, 0.5]),
        np.array([0.4, 0.5, 0.8]),
        never=never,
        at_most_share=0.0,
        tolerance=tolerance,
        what="with income +1",
    )
    assert found.outcome == outcome


def test_a_score_that_is_no_number_goes_the_wrong_way() -> None:
    found = judge_direction(
        np.array([0.5, np.nan]),
        np.array([0.5, 0.5]),
        never="never lower",
        at_most_share=0.0,
        tolerance=0.0,
        what="with income +1",
    )
    assert found.outcome == "failed"
    assert "by up to inf (row 2)" in found.reason


@pytest.mark.slow
def test_who_comes_more_often_is_never_more_likely_to_leave(churn: Project) -> None:
    found = judged(churn, **DOWN, add=0.5)
    assert (found.outcome, found.value) == ("passed", 0.0)
    assert found.reason == (
        "with visits +0.5, the score is higher in 0 % of 600 rows; at most 0 % may be."
    )
    found = judged(churn, **{**DOWN, "score": "never lower"}, add=0.5)
    assert found.outcome == "failed"
    assert "the score is lower in 100 % of 600 rows, by up to 0." in found.reason
    stay = judged(churn, **{**DOWN, "score": "never lower"}, add=0.5, head={"positive": "no"})
    assert stay.outcome == "passed"
    assert judged(churn, **DOWN, times=2, at_most_share=0.6).outcome == "passed"


def test_without_data_the_input_example_is_asked(churn: Project) -> None:
    found = judged(churn, **DOWN, add=0.5, head={"data": None})
    assert (found.outcome, found.rows) == ("passed", 5)


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ({"column": "visit", "add": 1}, "churn/2 takes no column 'visit'. Did you mean 'visits'?"),
        ({"add": 1, "rows": "nothing.csv"}, "There is no file"),
        ({"add": 1, "head": {"positive": "maybe"}}, "positive = 'maybe' is no class of the model"),
    ],
)
def test_what_cannot_be_asked_is_told(churn: Project, check: dict[str, Any], told: str) -> None:
    found = judged(churn, **{**DOWN, **check})
    assert found.outcome == "cannot tell"
    assert told in found.reason


def test_answers_that_stay_whatever_is_exchanged(churn: Project) -> None:
    wanted: dict[str, Any] = {"check": "invariance", "change": {"age": [20, 80]}}
    found = judged(churn, **wanted, at_most_share=0.1)
    assert found.outcome == "passed"
    assert found.name == "same answer whatever age is"
    assert judged(churn, check="invariance", change={"visits": [-3, 3]}).outcome == "failed"
    both = {"visits": list(range(20)), "age": list(range(20))}
    assert (
        "400 combinations of values are too many"
        in judged(churn, check="invariance", change=both).reason
    )
    assert judged(churn, check="invariance", change={"sex": ["f", "m"]}).reason == (
        "churn/2 takes no column 'sex'."
    )


def test_a_value_that_the_model_does_not_take_fails(churn: Project) -> None:
    found = judged(churn, check="invariance", change={"age": ["old"]})
    assert found.outcome == "failed"
    assert found.reason.startswith("churn/2 cannot answer the data: row 0: age is 'old'; expected")
