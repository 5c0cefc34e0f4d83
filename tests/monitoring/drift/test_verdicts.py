"""Verdicts: both doors, rules of quality, joint drift, false alarms, and input of any kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lite_mlops.data import as_columns
from lite_mlops.monitoring.drift import DriftReport, compare_tables, quality
from tests.monitoring.simulator import BREAKS, UNRELATED, clean

ROWS = 300


def compared(old: Any, new: Any, *, joint: bool = False) -> DriftReport:
    """The report of two tables of whatever kind."""
    return compare_tables(as_columns(old), as_columns(new), joint=joint)


def numbers(seed: int = 1, rows: int = ROWS, shift: float = 0.0) -> Any:
    return np.random.default_rng(seed).normal(10 + shift, 1, rows)


# -- both doors ---------------------------------------------------------------------------------


def test_a_million_rows_do_not_make_noise_matter() -> None:
    chance = np.random.default_rng(6)
    old = {"x": chance.normal(size=1_000_000), "c": chance.random(1_000_000) < 0.3}
    new = {"x": chance.normal(0.04, size=1_000_000), "c": chance.random(1_000_000) < 0.31}
    report = compared(old, new)
    assert not report.drifted
    for one in report:
        assert (one.severity, one.verdict) == ("info", "small")
        assert one.adjusted_p is not None
        assert one.adjusted_p < 1e-6
        assert one.reasons[0].endswith("too small to matter")


def test_two_hundred_rows_name_the_two_broken_columns_of_thirty() -> None:
    named = 0
    for seed in range(10):
        chance = np.random.default_rng([200, seed])
        old, new = clean(200, chance, bend=0.9), clean(200, chance, bend=0.9)
        new["uniform"] = new["uniform"] + 0.8
        new["two"] = np.where(chance.random(200) < 0.5, "level 1", new["two"]).astype(object)
        moved = {one.column for one in compare_tables(old, new, joint=False).moved}
        named += moved == {"uniform", "two"}
    assert named >= 9


@pytest.mark.parametrize(("rows", "draws"), [(500, 30), (5_000, 12)])
def test_clean_data_hardly_ever_raises_anything(rows: int, draws: int) -> None:
    raised = 0
    for seed in range(draws):
        chance = np.random.default_rng([rows, 4242, seed])
        raised += compare_tables(
            clean(rows, chance, bend=1.2), clean(rows, chance, bend=1.2), joint=False
        ).drifted
    assert raised <= 2


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_is_found(name: str) -> None:
    column, goal, break_it = BREAKS[name]
    found, draws = 0, 6
    for seed in range(draws):
        chance = np.random.default_rng([31, seed])
        old, new = clean(5_000, chance, bend=0.8), clean(5_000, chance, bend=0.8)
        report = compare_tables(old, break_it(new, chance), joint=False)
        found += report[column].drifted
        assert {one.column for one in report.moved} <= {column}
    assert found >= (draws if goal > 0.95 else draws - 2)


@pytest.mark.slow
def test_a_lost_correlation_is_seen_by_all_columns_together_only() -> None:
    chance = np.random.default_rng(12)
    old, new = clean(5_000, chance, bend=1.1), clean(5_000, chance, bend=1.1)
    joint = compare_tables(old, new).joint
    assert joint is not None
    assert not joint.drifted
    assert (joint.features, joint.severity) == ({}, "none")
    report = compare_tables(old, UNRELATED(new, chance))
    assert (report.moved, report.drifted) == ((), True)
    assert report.joint is not None
    assert set(report.joint.features) == {"normal", "related"}
    low, high = report.joint.interval
    assert 0.52 < low < report.joint.auc < high < 1
    assert str(report).startswith("0 of 30 columns have drifted. Together they have (AUC 0.")


def test_new_categories_and_gaps_are_seen_together_whatever_their_order() -> None:
    chance = np.random.default_rng(13)
    old = {"c": chance.choice(np.array(["b", "c", None], object), 600), "x": numbers(1, 600)}
    new = {"c": chance.choice(np.array(["a", "b", None], object), 600), "x": numbers(2, 600)}
    report = compared(old, new, joint=True)
    assert report.joint is not None
    assert list(report.joint.features) == ["c"]
    again = compared(old, new, joint=True)
    assert again == report


# -- rules of quality ---------------------------------------------------------------------------


def broken(old: Any, new: Any) -> tuple[str, ...]:
    return compared({"x": old}, {"x": new})["x"].broken


def test_each_rule_says_what_broke_it() -> None:
    chance = np.random.default_rng(2)
    old = np.abs(numbers(1))
    holes = np.where(chance.random(ROWS) < 0.2, np.nan, numbers(2))
    infinite = np.where(chance.random(ROWS) < 0.2, np.inf, numbers(2))
    negative = np.where(chance.random(ROWS) < 0.1, -1.0, numbers(2))
    still = np.concatenate([numbers(2)[:200], np.full(100, 10.5)])
    for new, rule, text in (
        (holes, "missing", "missing in 2"),
        (infinite, "infinite", "infinite in "),
        (negative, "sign", "below zero in "),
        (still, "stuck", "stuck at 10.5 for 100 rows, 1 at most before"),
        (np.full(ROWS, 10.5), "constant", "always 10.5, in 0 % before"),
        (numbers(2) * 1000, "unit", "as if all were multiplied by 1000"),
        (numbers(2) / 10, "unit", "as if all were multiplied by 0.1"),
        (np.where(chance.random(ROWS) < 0.1, 1000, 1) * numbers(2), "range", "far out of 7"),
        (["a"] * ROWS, "type", "numbers became texts"),
        ([True] * ROWS, "type", "numbers became booleans"),
        ([datetime(2026, 1, 1, tzinfo=UTC)] * ROWS, "type", "numbers became times"),
    ):
        one = compared({"x": old}, {"x": new})["x"]
        assert rule in one.broken, (rule, one)
        assert one.severity == "alert"
        assert any(reason.startswith(text) for reason in one.reasons), (text, one.reasons)
    gone = compared({"x": old, "y": old}, {"y": old, "z": old})
    assert (gone["x"].broken, gone["x"].reasons) == (("gone",), ("the column is gone",))
    assert (gone["z"].severity, gone["z"].reasons) == (
        "unknown",
        ("the reference has no such column",),
    )


def test_part_of_the_rows_in_another_unit_tells_the_factor() -> None:
    new = numbers(2)
    new[::10] *= 1000
    (reason, *_) = compared({"x": numbers(1)}, {"x": new})["x"].reasons
    assert reason.endswith("in 10 % of the rows, as if multiplied by 1000")


def test_sorted_data_is_not_stuck_and_steady_numbers_are_no_drift() -> None:
    old = np.random.default_rng(1).integers(0, 40, ROWS)
    new = np.sort(np.random.default_rng(2).integers(0, 40, ROWS))
    assert broken(old, new) == ()
    report = compared({"id": np.arange(ROWS)}, {"id": np.arange(ROWS, 2 * ROWS)})
    assert (report["id"].kind, report["id"].severity) == ("identifier", "none")
    assert report["id"].reasons == ("it numbers the rows",)
    names = [f"person {place}" for place in range(2 * ROWS)]
    report = compared({"id": names[:ROWS]}, {"id": names[ROWS:]})
    assert (report["id"].kind, report.drifted) == ("identifier", False)
    stopped = compared({"id": names[:ROWS]}, {"id": ["same"] * ROWS})
    assert (stopped["id"].broken, stopped.drifted) == (("constant",), True)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    times = [begin + timedelta(hours=place) for place in range(2 * ROWS)]
    report = compared({"at": times[:ROWS]}, {"at": times[ROWS:]})
    assert (report["at"].reasons, report.drifted) == (("time moves by itself",), False)


def test_a_few_unseen_or_odd_values_are_an_accident() -> None:
    new = numbers(2)
    new[:3] = (1e9, np.inf, -5)
    assert broken(numbers(1), new) == ()
    texts = np.random.default_rng(1).choice(np.array(["a", "b"], object), (2, ROWS))
    texts[1, :5] = "new"
    assert broken(texts[0], texts[1]) == ()
    texts[1, :30] = "new"
    assert broken(texts[0], texts[1]) == ("unseen",)


# -- input of any kind --------------------------------------------------------------------------

ODD: dict[str, Any] = {
    "empty": [],
    "one": [1.0],
    "49": list(range(49)),
    "all missing": [None] * ROWS,
    "all NaN": [float("nan")] * ROWS,
    "all infinite": [float("inf")] * ROWS,
    "constant": [5] * ROWS,
    "constant text": ["a"] * ROWS,
    "huge": [1e308, -1e308] * (ROWS // 2),
    "tiny": [5e-324, 0.0, 1.0] * (ROWS // 3),
    "numbers": numbers().tolist(),
    "integers": list(range(ROWS)),
    "booleans": [True, False] * (ROWS // 2),
    "texts": ["a", "b", "\x1b[31m"] * (ROWS // 3),
    "mixed": [1, "a", None] * (ROWS // 3),
    "times": [datetime(2026, 1, 1 + place % 28, tzinfo=UTC) for place in range(ROWS)],
    "names": [f"{place}" for place in range(ROWS)],
}


@pytest.mark.slow
@pytest.mark.parametrize("old", ODD)
def test_any_column_against_any_other_has_a_stated_result(old: str) -> None:
    for new in ODD:
        report = compared({"x": ODD[old]}, {"x": ODD[new]})
        (one,) = report
        assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["columns"]
        assert one.severity in ("unknown", "none", "info", "warn", "alert")
        assert one.reasons or one.severity == "none"
        assert report._repr_html_().count("<tr>") >= 1
        if old == new:
            assert not one.drifted, (old, one)


def test_what_each_odd_column_is_told() -> None:
    told = {
        ("empty", "numbers"): ("unknown", "the reference has 0 of the 50 values that a "),
        ("numbers", "one"): ("unknown", "the present has 1 of the 50 values that a verdict "),
        ("numbers", "empty"): (
            "unknown",
            "the present has 0 of the 50 values that a verdict needs",
        ),
        ("all missing", "numbers"): ("unknown", "the reference has no value"),
        ("numbers", "all missing"): ("alert", "missing in 100 % of the rows, 0 % in the reference"),
        ("numbers", "all infinite"): ("alert", "infinite in 100 % of the rows, never before"),
        ("constant", "numbers"): ("alert", "5.0 100 % -> 0 % (variation 0."),
        ("numbers", "constant"): ("alert", "always 5.0, in 0 % before"),
        ("constant", "constant"): ("none", ""),
        ("numbers", "texts"): ("alert", "numbers became texts"),
        ("times", "numbers"): ("alert", "times became numbers"),
    }
    for (old, new), (severity, text) in told.items():
        one = compared({"x": ODD[old]}, {"x": ODD[new]})["x"]
        assert one.severity == severity, (old, new, one)
        assert "; ".join(one.reasons).startswith(text), (old, new, one.reasons)


def test_tables_without_columns_or_rows_have_a_report() -> None:
    report = compare_tables({}, {})
    assert (len(report), report.drifted, report.joint) == (0, False, None)
    assert str(report) == "0 of 0 columns have drifted."
    report = compared({"x": [], "c": []}, {"x": [], "c": []}, joint=True)
    assert str(report) == "0 of 2 columns have drifted, 2 cannot be judged."
    with pytest.raises(KeyError):
        report["y"]


VALUES = st.one_of(
    st.lists(st.floats() | st.none(), min_size=60, max_size=60),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=60, max_size=60),
    st.lists(st.text(max_size=3) | st.none(), min_size=60, max_size=60),
    st.lists(st.booleans() | st.integers() | st.text(max_size=1), min_size=60, max_size=60),
)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES, VALUES)
def test_no_values_break_it(old: list[Any], new: list[Any]) -> None:
    (one,) = compared({"x": old}, {"x": new})
    for figure in (one.p_value, one.adjusted_p, one.score, one.jensen_shannon):
        assert figure is None or 0 <= figure <= 1
    json.dumps(one.to_dict(), allow_nan=False)


def test_where_no_row_has_a_value_nothing_is_news() -> None:
    assert quality.infinite(0, 0, 100, 0) is None
    assert quality.negative(1.0, 0, 100, 0) is None
    assert quality.out_of_range(0, (0.0, 1.0), 100, 0) is None
    assert quality.unseen([("Rome", 0)], 100, 0) is None
