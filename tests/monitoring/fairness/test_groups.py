"""Groups of people: how they are formed, counted, compared and told."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.monitoring.fairness import (
    Decisions,
    FairnessReport,
    Groups,
    Limits,
    compare_groups,
    group_numbers,
    group_texts,
    intersect,
    measure_groups,
)


def decided(
    groups: Groups,
    rates: dict[str, float],
    tprs: dict[str, float],
    *,
    seed: int = 1,
    labelled: float = 1.0,
) -> Decisions:
    """Decisions whose rates are known for each group; half of all rows are positive."""
    chance = np.random.default_rng([88, seed])
    names = np.array(groups.names)[groups.codes]
    rows = len(names)
    positive = chance.random(rows) < 0.5
    tpr = np.array([tprs[name] for name in names])
    fpr = 2 * np.array([rates[name] for name in names]) - tpr
    selected = chance.random(rows) < np.where(positive, tpr, fpr)
    scores = np.clip(0.5 + (selected - 0.5) * chance.random(rows), 0, 1)
    return Decisions(selected, chance.random(rows) < labelled, positive, scores)


def of(*counts: tuple[str, int]) -> Groups:
    return group_texts("sex", [name for name, rows in counts for _ in range(rows)])


# -- forming ------------------------------------------------------------------------------------


def test_texts_are_groups_and_so_is_what_is_missing() -> None:
    groups = group_texts("sex", ["m", None, "f", "m"])
    assert groups.names == ("f", "m", "(missing)")
    assert groups.codes.tolist() == [1, 2, 0, 1]
    assert groups.rows.tolist() == [1, 2, 1]
    many = group_texts("town", [f"t{place}" for place in range(60) for _ in range(60 - place)])
    assert len(many.names) == 50
    assert many.names[-1] == "(others)"
    assert many.rows[-1] == sum(range(1, 12))
    assert group_texts("sex", []).names == ()


def test_numbers_are_cut() -> None:
    ages = np.array([17.0, 30.0, 59.9, 60.0, np.nan, np.inf])
    groups = group_numbers("age", ages, [60, 30])
    assert groups.names == ("below 30", "30 to 60", "from 60", "(missing)")
    assert groups.codes.tolist() == [0, 1, 1, 2, 3, 2]
    few = group_numbers("flag", np.array([1.0, 0.0, 1.0]))
    assert (few.names, few.codes.tolist()) == (("0", "1"), [1, 0, 1])
    quartiles = group_numbers("age", np.arange(100.0))
    assert quartiles.rows.tolist() == [25, 25, 25, 25]
    assert quartiles.names[0] == "below 24.75"
    assert group_numbers("age", np.full(3, np.nan)).names == ("(missing)",)
    assert group_numbers("age", np.empty(0)).names == ()
    assert group_numbers("age", ages, []).names == ("all", "(missing)")
    with pytest.raises(Invalid) as error:
        group_numbers("age", ages, [30, np.inf])
    assert str(error.value) == "the cuts of 'age' are [30, inf]; expected finite numbers."


def test_two_columns_together_have_the_pairs_that_there_are() -> None:
    both = intersect(group_texts("sex", ["m", "f", "m"]), group_texts("plan", ["a", "a", "b"]))
    assert both.column == "sex x plan"
    assert both.names == ("f x a", "m x a", "m x b")
    assert both.codes.tolist() == [1, 0, 2]


# -- counting -----------------------------------------------------------------------------------

ROW = st.tuples(
    st.sampled_from("abc"),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.floats(0, 1) | st.just(float("nan")),
)


@given(st.lists(ROW, max_size=60))
def test_all_figures_are_those_of_a_plain_count(rows: list[tuple[Any, ...]]) -> None:
    groups = group_texts("g", [row[0] for row in rows])
    selected, labelled, positive = (
        np.array([row[place] for row in rows], bool) for place in (1, 2, 3)
    )
    scores = np.array([row[4] for row in rows], float)
    for one in measure_groups(groups, Decisions(selected, labelled, positive, scores)):
        own = [row for row in rows if row[0] == one.group]
        known = [row for row in own if row[2]]
        assert (one.rows, one.selected, one.labelled) == (
            len(own),
            sum(row[1] for row in own),
            len(known),
        )
        assert one.coverage == len(known) / len(own)
        for rate, of_rows, hits in (
            (one.selection_rate, own, [row for row in own if row[1]]),
            (one.tpr, [r for r in known if r[3]], [r for r in known if r[3] and r[1]]),
            (one.fpr, [r for r in known if not r[3]], [r for r in known if not r[3] and r[1]]),
            (one.precision, [r for r in known if r[1]], [r for r in known if r[3] and r[1]]),
        ):
            assert (rate is None) == (not of_rows)
            if rate is not None:
                assert rate.value == pytest.approx(len(hits) / len(of_rows))
        gaps = [row[4] - row[3] for row in known if row[4] == row[4]]
        assert (one.calibration_gap is None) == (len(gaps) < 2)
        if one.calibration_gap is not None:
            assert one.calibration_gap.value == pytest.approx(np.mean(gaps))
            reach = 1.959964 * np.std(gaps, ddof=1) / np.sqrt(len(gaps))
            assert one.calibration_gap.high == pytest.approx(np.mean(gaps) + reach, abs=1e-6)
        present = [row[4] for row in own if row[4] == row[4]]
        assert bool(one.scores) == bool(present)
        if present:
            assert one.scores["mean"] == pytest.approx(np.mean(present))
            assert min(present) <= one.scores["q05"] <= one.scores["q50"] <= max(present)


# -- comparing ----------------------------------------------------------------------------------


def report(groups: Groups, decisions: Decisions, **about: Any) -> FairnessReport:
    return compare_groups([groups], decisions, model="loan/1", positive="yes", **about)


def test_a_large_difference_with_labels_is_an_alarm() -> None:
    groups = of(("f", 1_500), ("m", 2_500))
    rates, tprs = {"f": 0.3, "m": 0.5}, {"f": 0.5, "m": 0.8}
    found = report(groups, decided(groups, rates, tprs))
    told = {one.sentence.split(" of ")[0]: one for one in found.findings()}
    selection, tpr = told["the selection rate"], told["the true positive rate"]
    assert selection.severity == tpr.severity == "alert"
    assert found.fires
    assert selection.value is not None
    assert selection.value == pytest.approx(0.6, abs=0.05)
    assert (selection.limit, tpr.limit) == (0.8, 0.1)
    assert tpr.value == pytest.approx(-0.3, abs=0.05)
    assert selection.subject == "sex = f"
    assert selection.sentence.startswith("the selection rate of sex = f is 0.")
    assert selection.sentence.endswith(" times that of m, beyond the limit of 0.8.")
    assert tpr.sentence.endswith(" from that of m, beyond the limit of 0.1.")
    turned = report(groups, decided(groups, rates, tprs), against="f")
    assert [one.severity for one in turned.findings()] == ["alert", "alert"]
    assert turned.comparisons[0].ratio is not None
    assert turned.comparisons[0].ratio.value == pytest.approx(1 / selection.value)


def test_without_labels_it_is_told_and_no_alarm() -> None:
    groups = of(("f", 1_500), ("m", 2_500))
    rates, tprs = {"f": 0.3, "m": 0.5}, {"f": 0.5, "m": 0.8}
    found = report(groups, decided(groups, rates, tprs, labelled=0.0))
    (finding,) = found.findings()
    assert (finding.severity, found.fires) == ("info", False)
    assert finding.sentence.endswith(
        "It is no alarm: one of the groups has 0 of the 50 labelled positives that it needs."
    )
    facts = found["sex", "f"]
    assert (facts.tpr, facts.precision, facts.coverage) == (None, None, 0.0)
    assert facts.selection_rate is not None
    assert set(facts.scores) == {"mean", "q05", "q25", "q50", "q75", "q95"}


def test_equal_treatment_hardly_ever_raises_and_is_never_called_fair() -> None:
    groups = of(("a", 300), ("b", 400), ("c", 500), ("d", 800))
    rates, tprs = dict.fromkeys("abcd", 0.4), dict.fromkeys("abcd", 0.6)
    fired = 0
    for seed in range(30):
        found = report(groups, decided(groups, rates, tprs, seed=seed))
        fired += found.fires
        assert "fair" not in str(found).lower()
        assert all("fair" not in one.sentence for one in found.findings())
    assert fired == 0
    assert "that is no proof that there is no difference" in str(found)
    assert any(one.sentence.endswith("is not excluded.") for one in found.findings())
    large = of(("a", 40_000), ("b", 40_000))
    found = report(large, decided(large, rates, tprs))
    assert {one.severity for one in found.findings()} == {"none"}
    assert all(one.sentence.endswith(" is excluded.") for one in found.findings())


def test_a_difference_at_the_limit_is_rarely_an_alarm() -> None:
    groups = of(("f", 1_000), ("m", 1_000))
    rates, tprs = {"f": 0.4, "m": 0.5}, {"f": 0.7, "m": 0.7}  # a ratio of exactly 0.8
    fired = sum(report(groups, decided(groups, rates, tprs, seed=s)).fires for s in range(60))
    assert fired <= 4


def test_a_group_of_few_rows_is_named_and_not_judged() -> None:
    groups = of(("few", 29), ("one", 1), ("m", 500))
    rates, tprs = {"few": 0.1, "m": 0.5, "one": 0.5}, {"few": 0.1, "m": 0.8, "one": 0.5}
    found = report(groups, decided(groups, rates, tprs))
    assert found.comparisons == ()
    assert [one.sentence for one in found.findings()] == [
        "sex = few has 29 rows; nothing can be said of fewer than 30.",
        "sex = one has 1 row; nothing can be said of fewer than 30.",
    ]
    assert {one.severity for one in found.findings()} == {"unknown"}


def test_pairs_of_columns_need_two_hundred_rows() -> None:
    chance = np.random.default_rng(5)
    sex = group_texts("sex", chance.choice(["f", "m"], 1_000, p=[0.3, 0.7]).tolist())
    age = group_numbers("age", chance.integers(20, 80, 1_000).astype(float), [50])
    rates = dict.fromkeys(("f", "m"), 0.4)
    found = compare_groups([sex, age], decided(sex, rates, rates))
    pairs = [one for one in found.groups if one.column == "sex x age"]
    assert [one.group for one in pairs] == ["m x below 50", "m x from 50"]
    assert all(one.rows >= 200 for one in pairs)


def test_an_unequal_pair_is_found_where_each_column_alone_is_equal() -> None:
    chance = np.random.default_rng(6)
    sex = group_texts("sex", chance.choice(["f", "m"], 8_000).tolist())
    plan = group_texts("plan", chance.choice(["a", "b"], 8_000).tolist())
    uneven = (sex.codes == plan.codes).astype(float)
    positive = chance.random(8_000) < 0.5
    selected = chance.random(8_000) < 0.3 + 0.3 * uneven
    decisions = Decisions(selected, np.ones(8_000, bool), positive, np.full(8_000, np.nan))
    found = compare_groups([sex, plan], decisions)
    fired = {one.subject.split(" = ")[0] for one in found.findings() if one.fires}
    assert fired == {"sex x plan"}


# -- input of any kind --------------------------------------------------------------------------


def test_odd_decisions_have_a_stated_result() -> None:
    none = np.empty(0, bool)
    nothing = Decisions(none, none, none, np.empty(0))
    found = report(group_texts("sex", []), nothing)
    (finding,) = found.findings()
    assert (finding.severity, finding.sentence) == (
        "unknown",
        "There are no predictions to compare groups of.",
    )
    groups = of(("f", 100), ("m", 200))
    for value in (False, True):
        same = np.full(300, value)
        found = report(groups, Decisions(same, same, same, np.full(300, np.nan)))
        assert not found.fires
        json.dumps(found.to_dict(), allow_nan=False)
        assert "<tr>" in found._repr_html_()
    no = np.zeros(300, bool)
    never = Decisions(no, no, no, np.zeros(300))
    (finding,) = report(groups, never).findings()
    assert finding.sentence == (
        "the selection rate of sex = f is 0, as that of m; a ratio beyond 0.8 is not excluded."
    )
    only_m = Decisions(groups.codes == 1, np.ones(300, bool), np.ones(300, bool), np.zeros(300))
    alert = report(groups, only_m)
    assert alert.fires
    json.dumps(alert.to_dict(), allow_nan=False)
    turned = report(groups, only_m, against="f")
    assert turned.fires
    json.dumps(turned.to_dict(), allow_nan=False)
    assert turned.findings()[0].value is None  # infinitely many times


def test_a_wrong_call_says_why() -> None:
    groups = of(("f", 100), ("m", 200))
    decisions = decided(groups, {"f": 0.5, "m": 0.5}, {"f": 0.5, "m": 0.5})
    with pytest.raises(Invalid) as error:
        report(groups, decisions, against="mm")
    assert str(error.value) == ("There is no group 'mm' to compare with: f, m. Did you mean 'm'?")
    for limits, text in (
        (
            (0.0, 0.1),
            "the limit of the selection ratio is 0.0; expected a number above 0, up to 1.",
        ),
        ((0.8, 1.0), "the limit of the TPR difference is 1.0; expected a number from 0, below 1."),
    ):
        with pytest.raises(Invalid) as error:
            Limits(*limits)
        assert str(error.value) == text
    with pytest.raises(KeyError):
        report(groups, decisions)["sex", "x"]
