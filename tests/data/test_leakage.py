"""Leakage: what is planted is found, and honest data is not accused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.metrics import roc_auc_score

from lite_mlops.data.association import auc, correlation, goodman_kruskal_lambda
from lite_mlops.data.leakage import Finding, LeakageReport, leakage
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project

Table = dict[str, Any]
ROWS = 400


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def halves(table: Table, overlap: int = 0) -> tuple[Table, Table]:
    """The first and the second half of a table; some rows of the first are in both."""
    half = len(next(iter(table.values()))) // 2
    first = {name: values[:half] for name, values in table.items()}
    return first, {name: values[half - overlap :] for name, values in table.items()}


def leaks(report: LeakageReport) -> dict[str, str]:
    """What was called a leak: the check, and the column or the text."""
    return {one.check + (f" {one.column}" if one.column else ""): one.text for one in report.leaks}


def honest(rng: np.random.Generator) -> Table:
    """Features that tell something and not all, an id, a constant."""
    risk = rng.normal(size=ROWS)
    return {
        "id": np.arange(ROWS),
        "uid": np.array([f"u{place}" for place in range(ROWS)], object),
        "risk": risk,
        "noise": rng.normal(size=ROWS),
        "city": rng.choice(["a", "b", "c"], ROWS).astype(object),
        "constant": np.ones(ROWS),
        "void": np.array([None] * ROWS, object),
        "churned": np.where(risk + rng.normal(size=ROWS) > 0, "yes", "no").astype(object),
        "spent": 3 * risk + rng.normal(size=ROWS),
    }


# -- honest data ---------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["churned", "spent"])
def test_honest_data_is_not_accused(rng: np.random.Generator, target: str) -> None:
    train, test = halves(honest(rng))
    report = leakage(train, test, target=target, key="id", time="id")
    assert report.passed, str(report)
    assert (report.rows_train, report.rows_test) == (ROWS // 2, ROWS // 2)
    assert [one.check for one in report.findings] == ["rows", "features", "key", "target", "time"]
    assert str(report) == "No leak found by 5 checks."


@pytest.mark.parametrize(
    "load", [load_breast_cancer, load_iris, load_wine, load_diabetes, load_digits]
)
def test_no_feature_of_well_known_data_is_accused(
    load: Callable[[], Any], rng: np.random.Generator
) -> None:
    data = load()
    order = rng.permutation(len(data.target))
    table = {f"x{place}": column[order] for place, column in enumerate(data.data.T)}
    report = leakage(*halves(table | {"target": data.target[order]}), target="target")
    assert [one for one in report.leaks if one.check == "target"] == []


def test_ids_sorted_by_the_target_are_not_accused(rng: np.random.Generator) -> None:
    table = honest(rng)
    order = np.argsort(table["churned"], kind="stable")
    table |= {"churned": table["churned"][order], "running": np.arange(ROWS) + 1000}
    report = leakage(table, halves(honest(rng))[1], target="churned")
    assert "target running" not in leaks(report)
    assert "target uid" not in leaks(report)


def test_few_rows_prove_nothing() -> None:
    table = {"a": [0, 1] * 20, "y": ["n", "y"] * 20}
    report = leakage(table, {"a": [5], "y": ["n"]}, target="y")
    assert report.passed
    assert "Features were not held against 'y': it takes 50 rows, and 40 have one." in [
        one.text for one in report.findings
    ]


def test_rows_of_few_values_may_be_alike_by_chance(rng: np.random.Generator) -> None:
    table = {name: rng.integers(0, 2, ROWS) for name in ("a", "b", "y")}
    report = leakage(*halves(table), target="y")
    assert report.passed, str(report)
    (rows,) = [one for one in report.findings if one.check == "rows"]
    assert rows.rows == ROWS // 2
    assert rows.text.endswith("So are 100 % within the training: they may be alike by chance.")


# -- what is planted -----------------------------------------------------------------------------


def test_rows_in_both_are_found(rng: np.random.Generator) -> None:
    report = leakage(*halves(honest(rng), overlap=25))
    assert leaks(report) == {
        "rows": "25 rows of 225 in the test (11.1 %) are in the training as well with every value "
        "the same."
    }
    (found,) = report.leaks
    assert found.rows == 25
    assert "Remove twins before splitting" in str(found)


def test_rows_with_the_same_features_and_another_answer_are_found(
    rng: np.random.Generator,
) -> None:
    table = honest(rng)
    train, test = halves(table)
    for name in ("uid", "risk", "noise", "city", "spent"):
        test[name] = np.concatenate([train[name][:1], test[name][1:]])
    test["churned"] = np.where(test["churned"] == "no", "yes", "no").astype(object)
    report = leakage(train, test, target="churned", key="id")
    assert leaks(report) == {
        "features": "1 row of 200 in the test (0.5 %) is in the training as well with the same "
        "features."
    }


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.sampled_from([1, 2, None]), st.sampled_from(["a", None])), min_size=1),
    st.lists(st.tuples(st.sampled_from([1, 2, None]), st.sampled_from(["a", None])), min_size=1),
)
def test_rows_in_both_are_those_of_a_naive_evaluator(train: list[Any], test: list[Any]) -> None:
    report = leakage(
        *({"a": [a for a, _ in rows], "b": [b for _, b in rows]} for rows in (train, test))
    )
    assert report.findings[0].rows == sum(row in train for row in test)


def test_keys_and_groups_in_both_are_found(rng: np.random.Generator) -> None:
    table = honest(rng) | {"customer": np.arange(ROWS) % 150, "n": rng.normal(size=ROWS)}
    report = leakage(*halves(table), key=["customer", "city"], group="customer")
    (group,) = [one for one in report.leaks if one.check == "group"]
    assert group.text == (
        "150 values of the group 'customer' are in both, in 200 rows of the test: 0, 1, 2, 3, 4."
    )
    assert group.advice.startswith("Split by 'customer', so that each value is on one side")
    (key,) = [one for one in report.leaks if one.check == "key"]
    assert key.text.split(" ", 1)[1].startswith("values of the key 'customer' and 'city' are in")


DISGUISES: dict[str, tuple[str, Callable[[Table, np.random.Generator], Any], str]] = {
    "a code of the class": ("churned", lambda t, _: (t["churned"] == "yes") * 7, "AUC"),
    "another word for the class": (
        "churned",
        lambda t, _: np.where(t["churned"] == "yes", "left", "stayed").astype(object),
        "share of errors saved",
    ),
    "a number known afterwards": (
        "churned",
        lambda t, rng: np.where(t["churned"] == "yes", 50.0, 0.0) + rng.normal(size=ROWS),
        "AUC",
    ),
    "a value that is there for one class": (
        "churned",
        lambda t, _: np.array([5.0 if one == "yes" else None for one in t["churned"]], object),
        "share of errors saved",
    ),
    "the class itself": ("churned", lambda t, _: t["churned"].copy(), "share of equal values"),
    "the number with tax": ("spent", lambda t, _: t["spent"] * 1.19, "correlation"),
    "the number, falling and bent": ("spent", lambda t, _: np.exp(-t["spent"]), "correlation"),
    "the number in words": (
        "spent",
        lambda t, _: np.array([f"about {one:.0f}" for one in t["spent"]], object),
        "correlation",
    ),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_the_target_in_disguise_is_found(name: str, rng: np.random.Generator) -> None:
    target, disguise, measure = DISGUISES[name]
    table = honest(rng)
    if name == "the number in words":
        table["spent"] = np.round(table["spent"])  # so that words repeat
    report = leakage(*halves(table | {"disguise": disguise(table, rng)}), target=target, key="id")
    found = leaks(report)
    assert list(found) == ["target disguise"]
    assert found["target disguise"].startswith(
        f"The feature 'disguise' alone tells '{target}': {measure}"
    )
    assert "leave it out" in report.leaks[0].advice


def test_a_number_that_tells_several_classes_is_found(rng: np.random.Generator) -> None:
    classes = rng.integers(0, 4, ROWS)
    table = {"y": classes, "x": classes * 10 + rng.random(ROWS), "z": rng.random(ROWS)}
    assert list(leaks(leakage(*halves(table), target="y"))) == ["target x"]


def test_test_rows_from_before_the_end_of_the_training_are_found(
    rng: np.random.Generator,
) -> None:
    days = [datetime(2026, 1, 1) + timedelta(days=place) for place in range(10)]  # noqa: DTZ001
    train = {"day": days[:6], "n": range(6)}
    test = {"day": [*days[5:], days[2], None], "n": range(10, 17)}
    (found,) = leakage(train, test, time="day").leaks
    assert found.text == (
        "1 row of 7 in the test (14.3 %) is from before the end of the training, "
        "2026-01-06 00:00:00; the earliest is from 2026-01-03 00:00:00. 1 row of the test have no "
        "'day'."
    )
    assert "Split by time" in found.advice
    assert leakage(train, {"day": days[5:], "n": range(10, 15)}, time="day").passed


def test_files_are_looked_at_and_only_common_columns(tmp_path: Path, project: Project) -> None:
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "y": [0, 1]}).to_csv(tmp_path / "a.csv")
    pd.DataFrame({"a": [2.0, 3.0], "b": ["y", "x"]}).to_csv(tmp_path / "b.csv")
    report = project.datasets.leakage(
        tmp_path / "a.csv", str(tmp_path / "b.csv"), target="y", group="a"
    )
    (found,) = report.leaks
    assert found.text == "1 value of the group 'a' is in both, in 1 row of the test: 2.0."
    assert not project.exists


def test_a_report_is_json_and_html_in_which_values_are_escaped() -> None:
    report = leakage({"<b>": [1, 2]}, {"<b>": [2, 9]}, group="<b>")
    told = json.loads(json.dumps(report.to_dict()))
    assert told["passed"] is False
    assert [Finding(**one) for one in told["findings"]] == list(report.findings)
    html = report._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert repr(report).startswith("<LeakageReport 2 leaks: ")


# -- measures ------------------------------------------------------------------------------------

LABELS = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


@given(LABELS)
def test_the_auc_is_that_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([s for s, _ in rows]), np.array([label for _, label in rows])
    counts = [np.bincount(scores[labels == one], minlength=5) for one in (True, False)]
    assert auc(*counts) == pytest.approx(roc_auc_score(labels, scores))


def test_lambda_is_the_share_of_errors_saved() -> None:
    codes, labels = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1])
    assert goodman_kruskal_lambda(codes, labels) == 0.5  # one error instead of two
    assert goodman_kruskal_lambda(labels, labels) == 1
    assert goodman_kruskal_lambda(np.zeros(6, int), labels) == 0
    assert goodman_kruskal_lambda(codes, np.zeros(6, int)) == 0  # there was none to save


def test_the_correlation_bears_any_numbers() -> None:
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(2, 50))
    assert correlation(left, right) == pytest.approx(np.corrcoef(left, right)[0, 1])
    large = np.array([1e308, -1e308, 5e307])
    assert correlation(large, large) == pytest.approx(1)
    assert correlation(np.ones(3), large) == 0


# -- refusals ------------------------------------------------------------------------------------

PAIR = {"a": [1, 2], "y": ["n", "y"]}
REFUSED: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    ({"a": [], "y": []}, {}, Invalid, "The data test has no rows; there is nothing to compare."),
    ({"b": [1]}, {}, Invalid, "The two tables have no column in common."),
    (PAIR, {"target": "yy"}, NotFound, "The data train has no column 'yy'. Did you mean 'y'?"),
    (PAIR, {"key": "b"}, NotFound, "The data train has no column 'b'. It has 'a', 'y'."),
    ({"a": [1]}, {"group": "y"}, NotFound, "The data test has no column 'y'. It has 'a'."),
    (PAIR, {"time": "y"}, Invalid, "The column 'y' is text, no time. Give it as dates, times or"),
    (None, {}, Invalid, "this is a NoneType"),
    ("nowhere.csv", {}, NotFound, "There is no file nowhere.csv."),
]


@pytest.mark.parametrize(("test", "options", "kind", "text"), REFUSED)
def test_what_cannot_be_compared_is_refused(
    test: Any, options: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind) as raised:
        leakage(PAIR, test, **options)
    assert text in str(raised.value)
