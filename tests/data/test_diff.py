"""What changed between two tables: held against a naive evaluator, and told in the user's words."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.data import as_columns
from lite_mlops.data.diff import DataDiff, RowChange, TypeChange, diff
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project

Table = dict[str, list[Any]]

MAY: Table = {
    "id": [1, 2, 3, 4],
    "age": [41.0, None, 55.0, 23.0],
    "sex": ["f", "m", None, "f"],
}
JUNE: Table = {
    "id": [1, 2, 3, 5],
    "age": [41.0, 38.0, 55.0, 30.0],
    "sex": ["f", "m", "m", "f"],
}


# -- against a naive evaluator -------------------------------------------------------------------

CELLS: dict[str, st.SearchStrategy[Any]] = {
    "n": st.sampled_from([None, -1, 0, 1, 2]) | st.sampled_from([0.5, 1.0, None]),
    "s": st.sampled_from([None, "", "a", "b", "1"]),
    "b": st.sampled_from([None, True, False]),
    "t": st.sampled_from([None, datetime(2026, 1, 2, 3), datetime(2026, 1, 3)]),  # noqa: DTZ001
}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    keys = draw(st.lists(st.integers(0, 6), unique=True, max_size=6))
    rows = len(keys)
    table: Table = {"id": keys}
    for name, cells in CELLS.items():
        table[name] = draw(st.lists(cells, min_size=rows, max_size=rows))
    return table


def rows_of(table: Table) -> list[tuple[Any, ...]]:
    return list(zip(*table.values(), strict=True))


@settings(max_examples=20)
@given(tables(), tables())
def test_rows_by_key_are_those_of_a_naive_evaluator(before: Table, after: Table) -> None:
    old, new = ({row[0]: row for row in rows_of(table)} for table in (before, after))
    both = sorted(old.keys() & new.keys())
    cells = Counter(
        name
        for key in both
        for name, left, right in zip(before, old[key], new[key], strict=True)
        if left != right
    )
    found = diff(before, after, key="id")
    assert (found.rows_added, found.rows_removed) == (len(new) - len(both), len(old) - len(both))
    assert found.rows_changed == sum(old[key] != new[key] for key in both)
    assert found.cells == cells
    told = {change.key["id"]: change.cells for change in found.changed}
    assert list(told) == [key for key in both if old[key] != new[key]][:5]
    for key, changed in told.items():
        assert changed == {
            name: (left, right)
            for name, left, right in zip(before, old[key], new[key], strict=True)
            if left != right
        }
    assert [row["id"] for row in found.added] == sorted(new.keys() - old.keys())[:5]
    assert [row["id"] for row in found.removed] == sorted(old.keys() - new.keys())[:5]


@settings(max_examples=20)
@given(tables(), tables())
def test_whole_rows_are_counted_as_a_naive_evaluator_does(before: Table, after: Table) -> None:
    for table in (before, after):
        table["id"] = [key % 2 for key in table["id"]]  # so that rows repeat
    old, new = Counter(rows_of(before)), Counter(rows_of(after))
    found = diff(before, after)
    assert (found.rows_added, found.rows_removed) == ((new - old).total(), (old - new).total())
    assert {tuple(row.values()) for row in found.added} <= set(new - old)
    assert {tuple(row.values()) for row in found.removed} <= set(old - new)
    assert (found.cells, found.changed) == ({}, ())


@settings(max_examples=8)
@given(tables())
def test_nothing_differs_from_itself(table: Table) -> None:
    for found in (diff(table, table), diff(table, table, key="id")):
        assert found.same
        assert (found.drift, found.added, found.removed, found.changed) == ((), (), (), ())
        assert str(found).startswith("No difference: the same ")


@pytest.mark.slow
@settings(max_examples=20)
@given(tables(), tables(), st.sampled_from([None, "id"]))
def test_the_other_way_round_it_is_the_mirror(before: Table, after: Table, key: str | None) -> None:
    there, back = diff(before, after, key=key), diff(after, before, key=key)
    assert (there.rows_added, there.rows_removed) == (back.rows_removed, back.rows_added)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert (there.rows_changed, there.cells) == (back.rows_changed, back.cells)
    assert [one.key for one in there.changed] == [one.key for one in back.changed]
    assert there.same == back.same


@settings(max_examples=8)
@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(table: Table, random: Any) -> None:
    order = list(range(len(table["id"])))
    random.shuffle(order)
    mixed = {name: [values[place] for place in order] for name, values in table.items()}
    assert diff(table, mixed).same
    assert diff(table, mixed, key="id").same


# -- what is told --------------------------------------------------------------------------------


def test_changed_cells_are_shown_before_and_after() -> None:
    found = diff(MAY, JUNE, key="id")
    assert (found.rows_before, found.rows_after, found.key) == (4, 4, ("id",))
    assert found.cells == {"age": 1, "sex": 1}
    assert found.changed == (
        RowChange({"id": 2}, {"age": (None, 38.0)}),
        RowChange({"id": 3}, {"sex": (None, "m")}),
    )
    assert str(found.changed[0]) == "id 2: age None -> 38.0"
    assert found.added == ({"id": 5, "age": 30.0, "sex": "f"},)
    assert found.removed == ({"id": 4, "age": 23.0, "sex": "f"},)
    assert str(found) == "1 row added, 1 removed, 2 changed"
    assert repr(found) == "<DataDiff 4 -> 4 rows: 1 row added, 1 removed, 2 changed>"


def test_without_a_key_a_changed_row_is_one_removed_and_one_added() -> None:
    found = diff(MAY, JUNE)
    assert str(found) == "3 rows added, 3 removed"
    assert found.to_dict()["rows_changed"] is None


def test_a_key_may_have_several_columns() -> None:
    before = {"day": ["a", "a", "b"], "shop": [1, 2, 1], "sales": [5, 6, 7]}
    after = {"day": ["a", "a", "b"], "shop": [1, 2, 1], "sales": [5, 9, 7]}
    found = diff(before, after, key=["day", "shop"])
    assert found.changed == (RowChange({"day": "a", "shop": 2}, {"sales": (6, 9)}),)


def test_changes_of_the_schema_are_told() -> None:
    after = {"sex": MAY["sex"], "id": ["1", "2", "3", "4"], "note": ["x"] * 4}
    found = diff(MAY, after, key="id")
    assert (found.columns_added, found.columns_removed) == (("note",), ("age",))
    assert found.types_changed == (TypeChange("id", "integer", "text"),)
    assert found.reordered
    assert not found.same
    assert found.schema() == [
        "column note added",
        "column age removed",
        "column id: integer became text",
        "columns in another order",
    ]
    assert found.rows() == "0 rows added, 0 removed, 0 changed"  # by their texts they are the same


def test_whole_numbers_and_numbers_are_compared_as_numbers() -> None:
    found = diff({"a": [1, 2, 3]}, {"a": [1.0, None, 3.0]})
    assert found.types_changed == (TypeChange("a", "integer", "number"),)
    assert (found.rows_added, found.rows_removed) == (1, 1)


def test_large_whole_numbers_are_not_rounded() -> None:
    found = diff({"k": [1], "a": [2**62]}, {"k": [1], "a": [2**62 + 1]}, key="k")
    assert found.changed[0].cells == {"a": (2**62, 2**62 + 1)}
    unsigned = np.array([2**64 - 1], np.uint64)
    found = diff({"k": [1], "a": unsigned}, {"k": [1], "a": unsigned - 1}, key="k")
    assert found.changed[0].cells == {"a": (2**64 - 1, 2**64 - 2)}


def test_values_of_several_types_are_compared_by_their_text() -> None:
    found = diff({"a": [1, "x", None]}, {"a": [1, "y", None]})
    assert (found.rows_added, found.rows_removed) == (1, 1)
    assert found.added == ({"a": "y"},)
    assert diff({"a": [1, "x"]}, {"a": ["1", "x"]}).types_changed == (
        TypeChange("a", "mixed", "text"),
    )


def test_tables_without_a_common_column_share_no_row() -> None:
    found = diff({"a": [1, 2]}, {"b": [1]})
    assert (found.rows_added, found.rows_removed) == (1, 2)


def test_tables_without_rows_are_tables() -> None:
    empty: Table = {"id": [], "age": [], "sex": []}
    assert diff(empty, empty, key="id").same
    assert diff(empty, MAY, key="id").rows_added == 4
    assert diff(MAY, empty).rows_removed == 4


def test_a_distribution_that_moved_is_named() -> None:
    rng = np.random.default_rng(1)
    before: dict[str, Any] = {
        "id": np.arange(500),
        "moved": rng.normal(size=500),
        "same": rng.normal(size=500),
        "city": rng.choice(["a", "b"], 500),
        "code": [f"c{place}" for place in range(500)],
        "seen": pd.date_range("2026-01-01", periods=500),
    }
    after = before | {
        "moved": before["moved"] + 2,
        "same": np.where(np.arange(500) < 9, 0.1, before["same"]),
        "city": np.where(rng.random(500) < 0.5, "c", before["city"]),
        "code": [f"d{place}" for place in range(500)],
        "seen": pd.date_range("2027-01-01", periods=500),
    }
    found = diff(before, after, key="id")
    assert {one.feature for one in found.moved} == {"moved", "city", "seen"}
    assert {one.feature for one in found.drift} == {"moved", "city", "seen", "same", "code"}
    assert [one.psi for one in found.drift] == sorted((o.psi for o in found.drift), reverse=True)
    assert str(found).endswith(f"moved: {', '.join(one.feature for one in found.moved)}")


def test_more_missing_values_move_a_distribution() -> None:
    values = np.arange(400.0)
    found = diff({"a": values}, {"a": np.where(values % 2 == 0, np.nan, values)})
    assert [one.feature for one in found.moved] == ["a"]


def test_it_is_json_and_html_in_which_values_are_escaped() -> None:
    before = {"id": [1], "day": [date(2026, 1, 2)], "x<": ["<b>"], "f": [float("inf")]}
    after = {"id": [1], "day": [date(2026, 1, 3)], "x<": ["<i>"], "f": [1.0]}
    found = diff(before, after, key="id")
    told = json.loads(json.dumps(found.to_dict()))
    assert told["changed"] == [
        {
            "key": {"id": 1},
            "cells": {
                "day": {"before": "2026-01-02T00:00:00", "after": "2026-01-03T00:00:00"},
                "x<": {"before": "<b>", "after": "<i>"},
                "f": {"before": float("inf"), "after": 1.0},
            },
        }
    ]
    html = found._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


# -- from everything that holds a table ----------------------------------------------------------


def parquet(path: Path, select: str) -> Path:
    duckdb.connect().execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def test_the_same_rows_are_the_same_in_every_container(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "age": 41.5, "ok": True, "day": datetime(2026, 1, 2), "name": "Ünal, A"},  # noqa: DTZ001
        {"id": 2, "age": None, "ok": False, "day": datetime(2026, 1, 3, 4), "name": 'x"y'},  # noqa: DTZ001
    ]
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "b.csv", index=False, sep=";")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True, date_format="iso")
    parquet(tmp_path / "a.parquet", f"SELECT * FROM read_csv('{tmp_path / 'a.csv'}')")  # noqa: S608
    holders: list[Any] = [frame, as_columns(rows), rows, str(tmp_path / "a.csv")]
    holders += [tmp_path / name for name in ("a.tsv", "b.csv", "a.jsonl", "a.parquet")]
    for holder in holders:
        found = diff(rows, holder, key="id")
        assert found.same, (holder, found)
        assert diff(holder, rows).same


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
def test_times_of_every_unit_are_times(unit: str) -> None:
    days = pd.Series(pd.to_datetime(["2026-01-02", None])).astype(f"datetime64[{unit}]")
    found = diff({"day": days}, {"day": [datetime(2026, 1, 2), None]})  # noqa: DTZ001
    assert found.same


def test_times_with_a_zone_are_compared_as_moments() -> None:
    there = pd.Series(pd.to_datetime(["2026-01-02 12:00"])).dt.tz_localize("Asia/Tokyo")
    assert diff({"t": there}, {"t": there.dt.tz_convert("UTC")}).same


def test_a_type_of_a_csv_file_holds_for_all_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("n,late,void,zero\n" + "1,2,,007\n" * 30_000 + "1,x,,008\n")
    assert diff(path, {"n": [1], "late": ["x"], "void": [None], "zero": [7]}).schema() == []


def test_names_that_differ_only_in_case_are_two(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,A\n1,2\n")
    assert diff(path, {"a": [1], "A": [2]}).same


def test_nested_values_of_a_file_are_texts(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", "SELECT [1, 2] AS a, {'x': 1} AS b, 1.5 AS c")
    assert diff(path, {"a": ["[1, 2]"], "b": ["{'x': 1}"], "c": [1.5]}).same


# -- refusals ------------------------------------------------------------------------------------

BAD_FILES = {
    "": "is empty: it has not even a header",
    "\n1,2\n": "has no header: its first line is empty",
    "a,b,a\n1,2,3\n": "has two columns with the same name: a",
    "a,b\n1,2\n3\n": "Line: 3 Original Line: 3 Expected Number of Columns: 2 Found: 1",
    "a,b\n1,2\n3,4,5\n": "Line: 3 Original Line: 3,4,5 Expected Number of Columns: 2 Found: 3",
    'a,b\n1,"2\n': "Line: 2",
}


@pytest.mark.parametrize("content", BAD_FILES)
def test_a_csv_file_that_is_no_table_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(Invalid) as raised:
        diff(path, MAY)
    assert BAD_FILES[content] in str(raised.value)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    "content", ["a,b\n1,é\n", "é,b\n1,2\n", "a,b\n" + "1,2\n" * 9999 + "é,1\n"]
)
def test_a_file_that_is_not_utf_8_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(Invalid, match=r"bad\.csv .*(not UTF-8|not utf-8)"):
        diff(path, MAY)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("bad.jsonl", '{"a": 1}\n{"a": \n', r"bad\.jsonl cannot be read: Malformed JSON"),
        ("bad.parquet", "no parquet at all", r"bad\.parquet cannot be read: "),
        ("bad.xlsx", "x", r"bad\.xlsx is not known by its ending; these are: \.csv, "),
    ],
)
def test_a_file_that_is_damaged_or_unknown_is_refused(
    name: str, content: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Invalid, match=text):
        diff(MAY, tmp_path / name)


BAD_TABLES: list[tuple[Any, type[Exception], str]] = [
    ("nowhere.csv", NotFound, r"There is no file nowhere\.csv\."),
    (None, Invalid, "this is a NoneType"),
    ({"id": [1, 2], "age": [1]}, Invalid, "the columns of a table have the same length"),
    ([[1, 2], [3]], Invalid, "the rows of a table have the same length"),
    (pd.DataFrame([[1, 2]], columns=["id", "id"]), Invalid, "two columns have the same name"),
    (
        {"id": [1, 2, 1, 1, 2, 3]},
        Invalid,
        r"after: 5 rows share 2 values \(1 in 3 rows; 2 in 2 rows\)\. Name further columns of",
    ),
    (
        {"id": [1, None, 3]},
        Invalid,
        r"The key 'id' is missing in 1 row of the data after: row 2\. Every row needs one",
    ),
    ({"idd": [1]}, NotFound, r"The data after has no column 'id'\. Did you mean 'idd'\?"),
    ({"x": [1]}, NotFound, r"The data after has no column 'id'\. It has 'x'\."),
    ({"id": ["\ud800"]}, Invalid, "the table cannot be compared"),
]


@pytest.mark.parametrize(("table", "kind", "text"), BAD_TABLES)
def test_what_cannot_be_compared_is_refused(
    table: Any,
    kind: type[Exception],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(kind, match=text):
        diff(MAY, table, key="id")
    assert sorted(tmp_path.iterdir()) == before  # the scratch folder is gone


@pytest.mark.parametrize("key", [["id", "id"], ("age", "age")])
def test_a_column_stands_in_a_key_once(key: Any) -> None:
    with pytest.raises(Invalid, match="a column stands twice in the key"):
        diff(MAY, JUNE, key=key)


def test_the_part_of_the_project_compares_as_well_and_stores_nothing(project: Project) -> None:
    found: DataDiff = project.datasets.diff(MAY, JUNE, key="id")
    assert found == diff(MAY, JUNE, key="id")
    assert not project.exists


def test_names_from_outside_are_never_part_of_a_statement() -> None:
    hostile: Mapping[str, list[Any]] = {'"; DROP TABLE before; --': [1], "c0": ["'"], "": [2.0]}
    found = diff(hostile, dict(hostile) | {"c0": ["''"]}, key='"; DROP TABLE before; --')
    assert found.cells == {"c0": 1}
