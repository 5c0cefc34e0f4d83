"""A profile as reference: as much is found, and no rule fires that the rows would not break."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from lite_mlops.data import as_columns, typed
from lite_mlops.data.profile import profile
from lite_mlops.monitoring.drift import DriftReport, Profiled, compare_tables
from lite_mlops.monitoring.drift.columns import Bins
from lite_mlops.monitoring.drift.known import counted, measure_known
from lite_mlops.monitoring.drift.samples import Numbers, sample
from tests.monitoring.drift.test_verdicts import ODD, VALUES, numbers
from tests.monitoring.simulator import BREAKS, clean

ROWS = 300


def known(old: Any, new: Any) -> DriftReport:
    """The report of a table against the profile of another one."""
    columns = as_columns(old)
    rows = len(next(iter(columns.values())))
    return compare_tables(Profiled(rows, profile(columns)), as_columns(new))


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_is_found_from_the_profile_alone(name: str) -> None:
    column, goal, break_it = BREAKS[name]
    if name == "missing 5 %" and goal < 0:
        return
    found, draws = 0, 6
    for seed in range(draws):
        chance = np.random.default_rng([47, seed])
        old, new = clean(5_000, chance, bend=0.95), clean(5_000, chance, bend=0.95)
        report = known(old, break_it(new, chance))
        found += report[column].drifted
        assert {one.column for one in report.moved} <= {column}
    assert found >= (draws if goal > 0.95 else draws - 2)


def test_clean_data_hardly_ever_raises_anything() -> None:
    raised = 0
    for seed in range(30):
        chance = np.random.default_rng([500, 1717, seed])
        raised += known(clean(500, chance, bend=1.3), clean(500, chance, bend=1.3)).drifted
    assert raised <= 2


def test_each_rule_is_told_from_the_profile() -> None:
    chance = np.random.default_rng(2)
    old = np.abs(numbers(1))
    texts = chance.choice(np.array(["a", "b"], object), ROWS)
    for before, now, rule, text in (
        (old, np.where(chance.random(ROWS) < 0.2, np.nan, numbers(2)), "missing", "missing in 2"),
        (old, np.where(chance.random(ROWS) < 0.2, np.inf, numbers(2)), "infinite", "infinite in "),
        (old, np.where(chance.random(ROWS) < 0.1, -1.0, numbers(2)), "sign", "below zero in "),
        (old, np.concatenate([numbers(2)[:200], np.full(100, 10.5)]), "stuck", "stuck at 10.5 for"),
        (old, np.full(ROWS, 10.5), "constant", "always 10.5, in 1"),
        (old, numbers(2) * 1000, "unit", "as if all were multiplied by 1000"),
        (old, ["a"] * ROWS, "type", "numbers became texts"),
        (texts, numbers(1), "type", "texts became numbers"),
        (texts, ["a"] * ROWS, "constant", "always 'a', in "),
        (texts, np.where(np.arange(ROWS) < 30, "new", texts).astype(object), "unseen", "not in "),
        ([f"{one}" for one in range(ROWS)], ["1", "2", "3"] * 100, "repeated", "99 % of the rows"),
    ):
        one = known({"x": before}, {"x": now})["x"]
        assert rule in one.broken, (rule, one)
        assert any(reason.startswith(text) for reason in one.reasons), (text, one.reasons)


def test_texts_beyond_the_commonest_are_judged_together() -> None:
    chance = np.random.default_rng(4)
    names = np.array([f"level {place}" for place in range(60)], object)
    old, new = ({"c": chance.choice(names, 4_000)} for _ in range(2))
    assert known(old, new)["c"].severity == "none"
    new["c"][:400] = "never seen"
    one = known(old, new)["c"]
    assert (one.severity, one.broken) == ("warn", ())
    assert one.reasons[0].startswith("other values 6")
    assert one.distribution is not None
    assert "other values" in one.distribution.categories


def test_rows_that_come_twice_are_bounded_by_the_column_that_repeats_least() -> None:
    chance = np.random.default_rng(5)
    old = {"x": chance.normal(size=ROWS), "c": ["a", "b", "c"] * 100}
    new = {"x": np.repeat(chance.normal(size=150), 2), "c": ["a", "a", "b"] * 100}
    (twice,) = known(old, new).broken
    assert twice.rule == "duplicates"
    assert twice.text.endswith("of the rows are like one before them, 0 % in the reference")
    assert known(old, {"x": chance.normal(size=ROWS), "c": ["a"] * ROWS}).broken == ()
    few = {"c": ["a", "b", "c"] * 100}
    assert known(few, few).broken == ()  # all come twice there as well


@pytest.mark.parametrize("old", ODD)
def test_any_column_against_any_profile_has_a_stated_result(old: str) -> None:
    for new in ODD:
        report = known({"x": ODD[old]}, {"x": ODD[new]})
        for one in report:
            assert one.reasons or one.severity == "none", (old, new, one)
            assert not (old == new and one.drifted), (old, one)
        json.dumps(report.to_dict(), allow_nan=False)


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES, VALUES)
def test_no_values_break_it(old: list[Any], new: list[Any]) -> None:
    json.dumps(known({"x": old}, {"x": new}).to_dict(), allow_nan=False)


def test_numbers_are_counted_in_the_bins_of_the_profile() -> None:
    bins = Bins([1.0, 2.0], [1, 1, 1], 0, 0.0, 3.0)
    one = sample(typed(np.array([1.0, 1.5, 2.0, 2.5, np.nan, np.inf, -5.0, 9.0])))
    assert isinstance(one, Numbers)
    found = counted(bins, one)
    assert (found.counts, found.missing, found.infinite) == ([2, 2, 2], 1, 1)
    assert (found.negative, found.far_out, found.lowest, found.highest) == (1, 2, -5.0, 9.0)


def test_the_present_may_have_no_value_at_all() -> None:
    facts = profile(as_columns({"x": numbers(1)}))["x"]
    one = measure_known("x", facts, ROWS, sample(typed(np.full(ROWS, np.nan))))
    assert (one.untold, [broken.rule for broken in one.broken]) == (
        "the present has no value",
        ["missing"],
    )
