"""Comparing candidates: the rule of each verdict, and how often it is right on simulated ones."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.gates.checks.calibration import calibration_error, judge_calibration
from lite_mlops.gates.checks.comparing import Loss, judge_better, judge_not_worse, unseen_share
from lite_mlops.gates.checks.groups import Part, over_parts
from lite_mlops.gates.checks.levels import judge_level
from lite_mlops.gates.verdicts import Found, cannot_tell, failed, passed
from lite_mlops.project import Project
from lite_mlops.tracking.comparing import Verdict
from tests.gates.conftest import Flipping, customers, judged, register
from tests.gates.simulator import simulate


def compared(
    difference: float, error: float, *, higher: bool = True, rows: int = 1000, differ: int = 100
) -> Verdict:
    """A comparison with an interval as wide as this standard error makes it, of 90 %."""
    half = 1.645 * error
    return Verdict(
        metric="accuracy" if higher else "MAE",
        higher_is_better=higher,
        first=0.8,
        second=0.8 + difference,
        low=difference - half,
        high=difference + half,
        confidence=0.9,
        rows=rows,
        rows_that_differ=differ,
        p_value=None,
        word="",
    )


# -- a level --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "limits", "sure", "outcome"),
    [
        (0.8, (0.8, None), False, "passed"),
        (0.79, (0.8, None), False, "failed"),
        (0.85, (0.8, None), True, "cannot tell"),
        (0.95, (0.8, None), True, "passed"),
        (0.3, (None, 0.3), False, "passed"),
        (0.31, (None, 0.3), False, "failed"),
        (0.25, (None, 0.3), True, "cannot tell"),
        (0.5, (0.4, 0.6), False, "passed"),
        (0.7, (0.4, 0.6), False, "failed"),
        (float("nan"), (0.4, None), False, "cannot tell"),
    ],
)
def test_a_level(
    value: float, limits: tuple[float | None, float | None], sure: Any, outcome: str
) -> None:
    bounds = (value - 0.1, value + 0.1)
    found = judge_level(
        "AUC", value, at_least=limits[0], at_most=limits[1], bounds=bounds, sure=sure
    )
    assert found.outcome == outcome


def test_a_level_tells_its_figures() -> None:
    found = judge_level("AUC", 0.79, at_least=0.8, at_most=None, bounds=(0.75, 0.83))
    assert found.reason == "AUC is 0.79 (0.75 to 0.83); at least 0.8 is needed."
    assert (found.value, found.limit) == (0.79, 0.8)


# -- not worse, better ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("difference", "error", "outcome"),
    [
        (0.0, 0.005, "passed"),
        (-0.01, 0.005, "passed"),  # worse beyond chance, but within the margin
        (-0.01, 0.007, "cannot tell"),
        (0.0, 0.02, "cannot tell"),
        (-0.03, 0.02, "failed"),
        (-0.015, 0.005, "failed"),
        (0.05, 0.02, "passed"),
    ],
)
@pytest.mark.parametrize("higher", [True, False])
def test_not_worse(difference: float, error: float, outcome: str, higher: Any) -> None:
    sign = 1 if higher else -1
    found = judge_not_worse(
        compared(sign * difference, error, higher=higher), margin=0.02, confidence=0.95
    )
    assert found.outcome == outcome, found.reason


def test_worse_beyond_chance_within_the_margin_is_said() -> None:
    found = judge_not_worse(compared(-0.01, 0.005), margin=0.02, confidence=0.95)
    assert found.warning == "worse beyond chance, though within the margin"


def test_what_it_takes_to_tell_is_said() -> None:
    found = judge_not_worse(compared(0.0, 0.02), margin=0.02, confidence=0.95)
    assert found.reason.startswith("accuracy 0.8 against 0.8; the loss is +0 (at most +0.0329 ")
    assert "An equal candidate passes in 25.9 % of cases with 1,000 rows; 8,5" in found.reason


@pytest.mark.parametrize(
    ("difference", "error", "margin", "outcome"),
    [
        (0.03, 0.01, 0.0, "passed"),
        (0.01, 0.01, 0.0, "cannot tell"),
        (0.0, 0.01, 0.0, "failed"),
        (-0.01, 0.01, 0.0, "failed"),
        (0.03, 0.01, 0.02, "cannot tell"),
        (0.05, 0.01, 0.02, "passed"),
        (0.015, 0.001, 0.02, "failed"),
    ],
)
def test_better(difference: float, error: float, margin: float, outcome: str) -> None:
    found = judge_better(compared(difference, error), margin=margin, confidence=0.95)
    assert found.outcome == outcome, found.reason


def test_a_metric_that_is_not_defined_tells_nothing() -> None:
    undefined = compared(float("nan"), 0.01)
    for found in (
        judge_not_worse(undefined, margin=0.02, confidence=0.95),
        judge_better(undefined, margin=0.0, confidence=0.95),
    ):
        assert (found.outcome, found.reason) == (
            "cannot tell",
            "accuracy is not defined on these rows.",
        )


def test_versions_that_agree_on_few_rows_may_still_differ_on_others() -> None:
    same = compared(0.0, 0.0, rows=40, differ=0)
    found = judge_not_worse(same, margin=0.02, confidence=0.95)
    assert found.outcome == "cannot tell"
    assert found.evidence["high"] == pytest.approx(1 - 0.05 ** (1 / 40), abs=1e-9)
    enough = compared(0.0, 0.0, rows=400, differ=0)
    assert judge_not_worse(enough, margin=0.02, confidence=0.95).outcome == "passed"


@given(st.integers(0, 5), st.integers(6, 500))
def test_the_bound_of_what_was_not_seen_is_that_of_the_binomial(seen: int, rows: int) -> None:
    from scipy.stats import beta

    expected = beta.ppf(0.95, seen + 1, rows - seen)
    assert unseen_share(seen, rows, 0.95) == pytest.approx(expected, abs=1e-9)


def test_a_share_that_was_always_seen_has_no_bound() -> None:
    assert unseen_share(3, 3, 0.95) == 1.0


def test_the_power_is_that_of_the_normal_approximation() -> None:
    loss = Loss.of(compared(0.0, 0.01), 0.95)
    assert loss.error == pytest.approx(0.01, rel=1e-3)
    assert loss.power(0.02) == pytest.approx(NormalDist().cdf(2 - 1.645), abs=1e-3)
    assert loss.power(0.0) == pytest.approx(0.05, abs=1e-3)
    rows = loss.rows_for(0.02)
    wider = Loss.of(compared(0.0, 0.01 * (1000 / rows) ** 0.5, rows=rows), 0.95)
    assert wider.power(0.02) == pytest.approx(0.9, abs=1e-3)


# -- groups ---------------------------------------------------------------------------------------


def test_of_several_groups_each_has_to_pass() -> None:
    said = {"a": passed("A."), "b": failed("B.", value=0.2, limit=0.1), "c": cannot_tell("C.")}

    def over(*names: str, few: tuple[str, ...] = ()) -> Found:
        parts = [Part(name, 5 if name in few else 50) for name in names]
        return over_parts(parts, lambda part: said[part.name], "plan")

    assert over("a").reason == "All 1 group of 'plan' pass."
    found = over("a", "b", "c")
    assert (found.outcome, found.value, found.rows) == ("failed", 0.2, 150)
    assert found.reason == "2 of 3 groups do not pass. plan 'b': B. plan 'c': C."
    assert over("a", "c").outcome == "cannot tell"
    found = over("a", "b", few=("b",))
    assert (found.outcome, found.warning) == (
        "passed",
        "left out, with fewer than 30 rows: 'b' (5)",
    )
    assert over("b", few=("b",)).reason == "No group of 'plan' has 30 rows."


def test_few_rows_are_said_and_very_few_tell_nothing() -> None:
    def over(rows: int) -> Found:
        return over_parts([Part("", rows)], lambda _: passed("fine."), None)

    assert over(29).outcome == "cannot tell"
    assert over(29).reason == "29 rows are too few to tell; 30 are needed. fine."
    assert (over(30).outcome, over(30).warning) == ("passed", "only 30 rows")
    assert over(200).warning is None


# -- calibration ----------------------------------------------------------------------------------


def test_the_calibration_error_is_the_gap_in_bins_of_equally_many_rows() -> None:
    said = np.array([0.1, 0.2, 0.8, 0.9])
    right = np.array([False, False, True, True])
    assert calibration_error(right, said, 2) == pytest.approx((0.3 + 0.3) / 4)
    assert calibration_error(right, said, 1) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("push", "rows", "outcome"),
    [(0.0, 4000, "passed"), (0.15, 4000, "failed"), (0.0, 60, "cannot tell")],
)
def test_calibration(push: float, rows: int, outcome: str) -> None:
    random = np.random.default_rng(3)
    truth = random.random(rows)
    right = random.random(rows) < truth
    said = np.clip(truth + push, 0, 1)
    found = judge_calibration(right, said, at_most=0.05, bins=10, seed=0)
    assert found.outcome == outcome, found.reason
    assert found == judge_calibration(right, said, at_most=0.05, bins=10, seed=0)


# -- how often it is right ------------------------------------------------------------------------


@pytest.mark.slow
def test_an_equal_candidate_passes_at_the_stated_rate_and_a_worse_one_is_stopped() -> None:
    """Of 200 simulated candidates each, with fixed seeds; the benchmark `gates` has many more."""
    margin, rows, times = 0.02, 800, 200
    equal = simulate(0.0, margin=margin, rows=rows, times=times)
    # Three standard errors of a share of 200.
    assert equal.passed == pytest.approx(equal.stated, abs=3 * (0.25 / times) ** 0.5)
    assert 0.5 < equal.stated < 0.95
    at_margin = simulate(margin, margin=margin, rows=rows, times=times)
    assert at_margin.passed <= 0.05 + 3 * (0.05 * 0.95 / times) ** 0.5
    twice = simulate(2 * margin, margin=margin, rows=rows, times=times)
    assert twice.passed <= 0.05


# -- on real models -------------------------------------------------------------------------------


def test_an_equal_version_is_not_worse_and_not_better(churn: Project) -> None:
    found = judged(churn, check="not worse", metric="accuracy", margin=0.05)
    assert found.outcome == "passed"
    assert found.reason.endswith("An equal candidate passes in 100 % of cases.")
    assert (found.rows, found.name) == (600, "accuracy not worse")
    assert judged(churn, check="better", metric="roc_auc").outcome == "failed"


def test_a_worse_version_is_stopped_also_in_one_group_alone(churn: Project) -> None:
    rows = customers()
    bad = register(churn, Flipping(0.2).fit(rows[["visits", "age"]], rows["left"]), rows)
    several: list[dict[str, Any]] = [
        {},
        {"where": "age < 60"},
        {"by": "plan"},
        {"metric": "macro f1"},
    ]
    for more in several:
        wanted = {"check": "not worse", "metric": "accuracy", "margin": 0.05, **more}
        found = judged(churn, bad.name, **wanted)
        assert found.outcome == "failed", found.reason
    assert judged(churn, "churn/2", check="metric", metric="accuracy", at_least=0.7).stops is False
    assert judged(churn, bad.name, check="metric", metric="accuracy", at_least=0.75).stops is True


def test_a_version_of_which_nothing_is_there_to_compare_with_passes(churn: Project) -> None:
    churn.models.remove_alias("churn", "champion")
    from lite_mlops.gates.case import Case
    from lite_mlops.gates.checks import judge
    from tests.gates.conftest import gate_with

    gate = gate_with({"check": "not worse", "metric": "auc", "margin": 0.01})
    case = Case(churn.store, gate, churn.models.get("churn/2"), None)
    assert judge(case, gate.checks[0]).reason == (
        "churn@champion points to nothing yet; there is nothing to be worse than."
    )


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ({"by": "plann"}, "The data has no column 'plann'. Did you mean 'plan'?"),
        ({"by": "visits"}, "'visits' has 600 values; groups are made of at most 50. Use `where`"),
        ({"where": "age > 900"}, "no row of the data meets age > 900."),
        ({"metric": "rmse"}, "RMSE cannot be had of these labels and answers; there is accuracy,"),
        ({"head": {"label": "lleft"}}, "The data has no column 'lleft'. Did you mean 'left'?"),
        (
            {"head": {"label": None}},
            "which column holds the true answers is not clear: plan, sex, left of the data are no",
        ),
    ],
)
def test_what_is_not_there_cannot_be_told(churn: Project, check: dict[str, Any], told: str) -> None:
    wanted = {"check": "not worse", "metric": "accuracy", "margin": 0.05, **check}
    found = judged(churn, **wanted)
    assert found.outcome == "cannot tell"
    assert told in found.reason


def test_a_group_in_which_a_metric_is_not_defined_is_named(churn: Project) -> None:
    rows = customers(seed=1)
    rows.loc[rows["plan"] == "pro", "left"] = "no"
    churn.datasets.add(rows, "holdout", snapshot=True)
    found = judged(churn, check="metric", metric="auc", at_least=0.5, by="plan")
    assert found.outcome == "cannot tell"
    assert found.reason.startswith(
        "1 of 2 groups do not pass. plan 'pro': ROC AUC cannot be had of these labels and answers; "
    )
    assert found.evidence["groups"]["basic"]["outcome"] == "passed"


def test_rows_without_a_label_are_left_out_and_told(churn: Project) -> None:
    rows = customers(seed=1)
    rows.loc[:9, "left"] = None
    churn.datasets.add(rows, "holdout", snapshot=True)
    found = judged(churn, check="metric", metric="accuracy", at_least=0.5)
    assert (found.rows, found.warning) == (590, "10 rows without a label left out")


def test_recorded_metrics_are_those_of_the_version(churn: Project) -> None:
    rows = customers()
    from tests.gates.conftest import fitted

    churn.models.register(
        fitted(rows), "churn", input_example=rows[["visits", "age"]][:3], metrics={"auc": 0.91}
    )
    found = judged(churn, "churn/3", check="recorded", metric="auc", at_least=0.9)
    assert (found.outcome, found.reason) == ("passed", "auc is 0.91; at least 0.9 is needed.")
    assert judged(churn, "churn/3", check="recorded", metric="auc", at_most=0.9).outcome == "failed"
    found = judged(churn, "churn/3", check="recorded", metric="loss", at_most=0.9)
    assert found.reason == "churn/3 has no metric 'loss'; it has auc."


def test_calibration_of_a_real_model(churn: Project) -> None:
    assert judged(churn, check="calibration", at_most=0.2).outcome == "passed"
    assert judged(churn, check="calibration", at_most=0.2, where="age < 19").outcome == (
        "cannot tell"
    )
