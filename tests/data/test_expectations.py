"""Expectations: what good data passes and bad data does not, and how they are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.data import ColumnExpectation, Expectations, as_columns
from lite_mlops.data.checking import CheckReport, Outcome, check
from lite_mlops.data.inferring import infer
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project
from tests.store.journals import dump

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "id": list(range(40)),
    "age": [20 + place for place in range(40)],
    "sex": ["f", "m"] * 20,
    "name": [f"name {place}" for place in range(40)],
    "share": [place / 40 for place in range(40)],
    "weight": [60.5, None, 72.0, 81.0] * 10,
    "visit": [datetime(2026, 4, 1) + timedelta(days=place % 30) for place in range(40)],  # noqa: DTZ001
    "member": [True, False] * 20,
    "nothing": [None] * 40,
}


@pytest.fixture
def tables(project: Project) -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    def read() -> dict[str, list[tuple[Any, ...]]]:
        with project.store.reading() as database:
            return dump(database)

    return read


def checked(values: Any, /, **expected: Any) -> Outcome:
    """The outcome of the last thing that is expected of a single column."""
    expectations = Expectations.from_dict({"columns": {"a": expected}})
    return check(as_columns({"a": values}), expectations, now=NOON).outcomes[-1]


# -- whatever the data is ------------------------------------------------------------------------

MOMENTS = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001
KINDS = [
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 3),
    st.floats(),
    st.floats(0, 1),
    st.text(),
    st.sampled_from(["a", "b"]),
    st.booleans(),
    MOMENTS,
    st.integers(-5, 5) | st.text(max_size=2) | st.booleans(),
]


@st.composite
def any_tables(draw: st.DrawFn) -> dict[str, list[Any]]:
    rows = draw(st.integers(0, 30))
    columns = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    return {
        f"c{place}": draw(st.lists(st.none() | cells, min_size=rows, max_size=rows))
        if draw(st.booleans())
        else draw(st.lists(cells, min_size=rows, max_size=rows))
        for place, cells in enumerate(columns)
    }


@settings(max_examples=60)
@given(any_tables())
def test_data_passes_what_was_inferred_from_it(table: dict[str, list[Any]]) -> None:
    columns = as_columns(table)
    expected = infer(columns)
    report = check(columns, expected)
    assert report.passed, str(report)
    assert report.rows == len(next(iter(table.values())))
    text = json.dumps(expected.to_dict(), allow_nan=False)
    assert Expectations.from_dict(json.loads(text)) == expected


BOUNDS = st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)).map(sorted)


@st.composite
def column_expectations(draw: st.DrawFn) -> ColumnExpectation:
    low, high = draw(BOUNDS | st.just([None, None]))
    short, long = draw(st.tuples(st.integers(0, 9), st.integers(9, 20)) | st.just((None, None)))
    some = st.lists(st.text() | st.integers() | st.booleans(), min_size=1).map(tuple)
    return ColumnExpectation(
        kind=draw(st.none() | st.sampled_from(["integer", "text", "time"])),
        lowest=low,
        highest=high,
        values=draw(st.none() | some),
        unique=draw(st.booleans()),
        missing=draw(st.none() | st.floats(0, 1)),
        max_age_seconds=draw(st.none() | st.integers(0, 100)),
        pattern=draw(st.none() | st.just("[a-z]+")),
        shortest=short,
        longest=long,
    )


@given(
    st.dictionaries(st.text(), column_expectations()),
    st.none() | st.integers(0, 5),
    st.none() | st.integers(5, 9),
    st.booleans(),
)
def test_expectations_come_back_from_json(
    columns: dict[str, ColumnExpectation], least: int | None, most: int | None, others: Any
) -> None:
    expected = Expectations(columns, least, most, others)
    again = Expectations.from_dict(json.loads(json.dumps(expected.to_dict())))
    assert again == expected
    assert len(again.lines()) >= len(columns)


# -- inferring -----------------------------------------------------------------------------------


def test_what_is_inferred_leaves_room() -> None:
    expected = infer(as_columns(GOOD))
    assert expected.to_dict() == {
        "least_rows": 20,
        "columns": {
            "id": {"kind": "integer", "missing": 0.0, "unique": True},
            "age": {"kind": "integer", "missing": 0.0, "unique": True},
            "sex": {"kind": "text", "missing": 0.0, "values": ["f", "m"]},
            "name": {
                "kind": "text",
                "missing": 0.0,
                "unique": True,
                "shortest": 3,
                "longest": 14,
            },
            "share": {"kind": "number", "missing": 0.0, "lowest": 0, "highest": 1.0},
            "weight": {"kind": "number", "missing": 0.5, "lowest": 55.375, "highest": 86.125},
            "visit": {"kind": "time", "missing": 0.0},
            "member": {"kind": "boolean", "missing": 0.0},
            "nothing": {},
        },
    }


@pytest.mark.parametrize(
    ("values", "lowest", "highest"),
    [
        ([10, 20, 30, 30], 5, 35),
        ([0, 3, 3], 0, 4),
        ([-2, 2, 2], -3, 3),
        ([5.0, 5.0], 3.75, 6.25),
        ([0, 0], 0, 1),
        ([float("inf"), 1.0], None, None),
        ([1.7e308, -1.7e308], None, None),
    ],
)
def test_ranges_have_a_quarter_of_room(values: Any, lowest: Any, highest: Any) -> None:
    found = infer(as_columns({"a": values})).columns["a"]
    assert (found.lowest, found.highest) == (lowest, highest)


def test_few_rows_that_are_distinct_are_not_unique_by_rule() -> None:
    assert not infer(as_columns({"a": list(range(19))})).columns["a"].unique
    assert infer(as_columns({"a": list(range(20))})).columns["a"].unique


def test_a_table_without_rows_has_nothing_to_tell() -> None:
    assert infer(as_columns({"a": []})) == Expectations({"a": ColumnExpectation()})


# -- checking ------------------------------------------------------------------------------------

FAILING: list[tuple[Any, dict[str, Any], str, list[tuple[int, Any]]]] = [
    (["a", "b"], {"kind": "number"}, "expected number, found 2 rows of 2 that are not", [(1, "a")]),
    ([1.0, 1.5, 2.0], {"kind": "integer"}, "expected integer, found 1 row of 3", [(2, 1.5)]),
    ([1, "x", None, True], {"kind": "integer"}, "found 2 rows of 4", [(2, "x"), (4, True)]),
    (["a", 5], {"kind": "text"}, "found 1 row of 2", [(2, 5)]),
    ([5, -1, 130], {"lowest": 0, "highest": 120}, "expected 0 to 120", [(2, -1), (3, 130)]),
    ([5, None, -1], {"lowest": 0}, "expected at least 0", [(3, -1)]),
    ([0.5, 1.5], {"highest": 1.25}, "expected at most 1.25", [(2, 1.5)]),
    (["f", "x", "m"], {"values": ["f", "m"]}, "expected one of 'f', 'm'", [(2, "x")]),
    ([1, 2, 3], {"values": [1, 2.0, "3", True]}, "found 1 row of 3", [(3, 3)]),
    ([True, False], {"values": [True]}, "expected one of True", [(2, False)]),
    ([1, 2, 1, None, None], {"unique": True}, "found 2 rows of 5", [(1, 1), (3, 1)]),
    (["a", "b", "a"], {"unique": True}, "expected unique", [(1, "a"), (3, "a")]),
    (["AB-1", "AB-x1"], {"pattern": r"[A-Z]+-\d"}, "expected matching '[A-Z]+-", [(2, "AB-x1")]),
    (["", "abc", "abcdef"], {"shortest": 1, "longest": 5}, "1 to 5 characters", [(1, "")]),
    (
        [1.0, None, None],
        {"missing": 0.5},
        "expected at most 50 % missing, found 2 rows of 3 missing (66.7 %) (row 2, row 3)",
        [(2, None), (3, None)],
    ),
    ([1, None], {"missing": 0}, "expected none missing, found 1 row of 2", [(2, None)]),
    (
        [datetime(2026, 1, 2), datetime(2025, 1, 1)],  # noqa: DTZ001
        {"lowest": "2026-01-01", "highest": "2026-01-31T12:00:00+02:00"},
        "expected 2026-01-01 to 2026-01-31T12:00:00+02:00",
        [(2, datetime(2025, 1, 1))],  # noqa: DTZ001
    ),
    (["a"], {"lowest": 0}, "found text values, which cannot be compared with that", []),
    ([1], {"pattern": "a"}, "found integer values, which cannot be compared with that", []),
    ([1, 2], {"lowest": "2026-01-01"}, "found 2 rows of 2", [(1, 1), (2, 2)]),
    (
        [datetime(2026, 4, 1, 12)],  # noqa: DTZ001
        {"max_age_seconds": 86_400},
        "expected newest at most 24.0 h old, found newest 2026-04-01 12:00:00, 30.0 days old",
        [],
    ),
    ([None], {"max_age_seconds": 5}, "found empty, no time", []),
    ([5], {"max_age_seconds": 5}, "found integer, no time", []),
]


@pytest.mark.parametrize(("values", "expected", "text", "examples"), FAILING)
def test_what_is_not_as_expected_is_told_with_rows_and_values(
    values: Any, expected: dict[str, Any], text: str, examples: list[tuple[int, Any]]
) -> None:
    outcome = checked(values, **expected)
    assert not outcome.passed
    assert text in str(outcome)
    assert list(outcome.examples[: len(examples)]) == examples
    assert str(outcome).startswith("a: expected ")


PASSING: list[tuple[Any, dict[str, Any]]] = [
    ([1, 2], {"kind": "number"}),
    ([1.0, None], {"kind": "integer"}),
    (np.array([1], np.uint64), {"kind": "integer", "lowest": 0}),
    ([None, None], {"kind": "text", "lowest": 5, "pattern": "x", "values": [1], "unique": True}),
    ([1, "a"], {"kind": "mixed", "values": ["1", "a"]}),
    ([0, 120], {"lowest": 0, "highest": 120}),
    (["ab", None], {"pattern": "[a-z]{2}", "shortest": 2, "longest": 2, "missing": 0.5}),
    ([datetime(2026, 5, 1, 11)], {"max_age_seconds": 3600, "values": ["2026-05-01T11:00:00"]}),  # noqa: DTZ001
    ([datetime(2026, 5, 2)], {"max_age_seconds": 0}),  # noqa: DTZ001
    (pd.Series(["x", "y"], dtype="category"), {"kind": "text", "values": ["x", "y"]}),
    (pd.Series([1, None], dtype="Int64"), {"kind": "integer", "lowest": 1, "highest": 1}),
]


@pytest.mark.parametrize(("values", "expected"), PASSING)
def test_what_is_as_expected_passes(values: Any, expected: dict[str, Any]) -> None:
    report = check(
        as_columns({"a": values}), Expectations.from_dict({"columns": {"a": expected}}), now=NOON
    )
    assert report.passed, str(report)
    assert report.outcomes


def test_the_table_as_a_whole_is_checked() -> None:
    expected = Expectations.from_dict(
        {"least_rows": 3, "most_rows": 9, "other_columns": False, "columns": {"agee": {}}}
    )
    report = check(as_columns({"age": [1, 2]}), expected)
    assert [str(one) for one in report.failed] == [
        "expected 3 to 9 rows, found 2 rows",
        "expected no other columns, found 'age'",
        "agee: expected this column, found no such column",
    ]
    assert not report.passed
    assert str(report).startswith("3 of 3 expectations not met: ")
    assert repr(report).startswith("<CheckReport failed: ")


def test_a_report_is_json_and_html_in_which_values_are_escaped() -> None:
    expected = Expectations.from_dict({"columns": {"a<": {"values": ["<b>"]}}})
    report = check(as_columns({"a<": ["<i>", "<b>"]}), expected)
    assert json.loads(json.dumps(report.to_dict())) == {
        "passed": False,
        "rows": 2,
        "outcomes": [
            {
                "column": "a<",
                "expected": "one of '<b>'",
                "found": "1 row of 2 that are not",
                "passed": False,
                "rows": 1,
                "examples": [{"row": 1, "value": "<i>"}],
            }
        ],
    }
    for html in (report._repr_html_(), expected._repr_html_()):
        assert "&lt;b&gt;" in html
        assert "<b>" not in html


# -- what cannot be expected ---------------------------------------------------------------------

REFUSED: list[tuple[Any, str]] = [
    (5, "the expectations are an object of names and values; this is 5."),
    ({"colums": {}}, "the expectations cannot have 'colums'. Did you mean 'columns'"),
    ({"columns": []}, "columns in the expectations is an object of columns; [] is not."),
    ({"columns": {"a": 5}}, "the expectations of 'a' are an object of names and values"),
    ({"least_rows": -1}, "least_rows in the expectations is a number of rows; -1 is not."),
    ({"least_rows": 9, "most_rows": 1}, "least_rows in the expectations is 9, which is above"),
    ({"columns": {"a": {"lowst": 1}}}, "cannot have 'lowst'. Did you mean 'lowest'"),
    ({"columns": {"a": {"kind": "int"}}}, "kind in the expectations of 'a' is one of integer, "),
    ({"columns": {"a": {"kind": ["text"]}}}, "kind in the expectations of 'a' is one of"),
    ({"columns": {"a": {"lowest": "soon"}}}, "a number, or a time as ISO 8601; 'soon' is not."),
    ({"columns": {"a": {"lowest": True}}}, "a number, or a time as ISO 8601; True is not."),
    ({"columns": {"a": {"lowest": float("nan")}}}, "a number, or a time as ISO 8601; nan is not."),
    ({"columns": {"a": {"lowest": 3, "highest": 1}}}, "is 3, which is above highest, 1."),
    ({"columns": {"a": {"lowest": 3, "highest": "2026-01-01"}}}, "are of two kinds: 3, 2026-01-01"),
    ({"columns": {"a": {"values": []}}}, "a list of texts, numbers or booleans, and not empty"),
    ({"columns": {"a": {"values": [None]}}}, "a list of texts, numbers or booleans"),
    ({"columns": {"a": {"unique": 1}}}, "unique in the expectations of 'a' is true or false"),
    ({"columns": {"a": {"missing": 5}}}, "a share from 0 to 1; 5 is not."),
    ({"columns": {"a": {"pattern": "("}}}, "a regular expression; '(' is not."),
    ({"columns": {"a": {"shortest": 1.5}}}, "a number of characters; 1.5 is not."),
    ({"columns": {"a": {"shortest": 5, "longest": 2}}}, "is 5, which is above longest, 2."),
]


@pytest.mark.parametrize(("given_", "text"), REFUSED)
def test_what_cannot_be_expected_is_refused_and_not_stored(
    project: Project, tables: Callable[[], Any], given_: Any, text: str
) -> None:
    project.create()
    before = tables()
    with pytest.raises(Invalid) as raised:
        project.datasets.expect("people", given_)
    assert text in str(raised.value)
    assert tables() == before


# -- kept with the dataset -----------------------------------------------------------------------


def test_expectations_are_decisions_with_who_and_why(tmp_path: Path) -> None:
    project = Project(tmp_path / "work", actor="ann", capture_code=False)
    first = project.datasets.expect("people", infer(as_columns(GOOD)), reason="as in May")
    assert project.datasets.expectations("people") == first
    second = project.datasets.expect("people", {"least_rows": 5}, reason="password=hunter2222")
    assert project.datasets.expectations("people") == second == Expectations(least_rows=5)
    kept = project.sql(
        "SELECT number, actor, kind, record ->> 'name', record ->> 'reason' FROM decisions"
    )
    assert kept.rows[0] == (1, "ann", "dataset_expected", "people", "as in May")
    assert kept.rows[1][:4] == (2, "ann", "dataset_expected", "people")
    assert "hunter2222" not in kept.rows[1][4]
    assert project.sql("SELECT name, decision, actor FROM expectations").rows == (
        ("people", 2, "ann"),
    )
    assert project.examine() == []
    project.close()


def test_data_and_files_are_checked_by_the_name_of_the_dataset(
    project: Project, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    frame = pd.DataFrame(GOOD).drop(columns="nothing")
    frame.to_csv(good, index=False)
    frame.assign(sex="x").to_csv(bad, index=False)
    project.datasets.expect("people", project.datasets.infer(good))
    for holder in (good, str(good), frame):
        report: CheckReport = project.datasets.check(holder, "people")
        assert report.passed, str(report)
    (failed,) = project.datasets.check(bad, "people").failed
    assert failed.column == "sex"
    assert failed.rows == 40
    assert failed.examples[0] == (1, "x")


def test_what_was_never_expected_is_not_found(project: Project, tables: Callable[[], Any]) -> None:
    project.datasets.expect("people", {})
    before = tables()
    for ask in (
        lambda: project.datasets.expectations("peple"),
        lambda: project.datasets.check(GOOD, "peple"),
    ):
        with pytest.raises(NotFound) as raised:
            ask()
        assert str(raised.value) == (
            "Nothing is expected of the dataset 'peple' yet. Did you mean 'people'? "
            "`lite-mlops data expect peple --from FILE` infers it from good data."
        )
    with pytest.raises(Invalid, match="dataset name is empty"):
        project.datasets.expect("", {})
    with pytest.raises(Invalid, match="this is a NoneType"):
        project.datasets.check(None, "people")
    assert tables() == before
