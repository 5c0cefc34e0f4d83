"""The hash of a table: the same for the same table, another for any change of it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lite_mlops.data import as_columns
from lite_mlops.data.fingerprint import fingerprint

TABLE: dict[str, Any] = {
    "age": [41, 38, 55, 60],
    "weight": [80.5, float("nan"), 61.0, -0.0],
    "smokes": [True, False, False, True],
    "sex": ["f", "m", None, ""],
}


def hash_of(table: Any, names: list[str] | None = None) -> str:
    return fingerprint(as_columns(table, names))


def changed(name: str, row: int, value: Any) -> dict[str, Any]:
    column = list(TABLE[name])
    column[row] = value
    return TABLE | {name: column}


@pytest.mark.parametrize(
    "other",
    [
        changed("age", 3, 61),
        changed("weight", 0, np.nextafter(80.5, 81)),
        changed("weight", 1, 0.0),
        changed("weight", 3, 0.0),  # not the negative zero
        changed("smokes", 2, True),
        changed("sex", 0, "F"),
        changed("sex", 2, ""),
        changed("sex", 3, None),
        changed("sex", 2, "None"),
        {name: values[::-1] for name, values in TABLE.items()},
        {name: values[:3] for name, values in TABLE.items()},
        {name: [*values, values[0]] for name, values in TABLE.items()},
        dict(reversed(TABLE.items())),
        {name: values for name, values in TABLE.items() if name != "sex"},
        {name.replace("age", "Age"): values for name, values in TABLE.items()},
        TABLE | {"more": [0, 0, 0, 0]},
        TABLE | {"age": [float(age) for age in TABLE["age"]]},
        TABLE | {"age": [str(age) for age in TABLE["age"]]},
        TABLE | {"smokes": [1, 0, 0, 1]},
        {"weight" if name == "age" else "age" if name == "weight" else name: values
         for name, values in TABLE.items()},
    ],
)  # fmt: skip
def test_every_change_gives_another_hash(other: dict[str, Any]) -> None:
    assert hash_of(other) != hash_of(TABLE)


def test_the_same_table_gives_the_same_hash_whatever_holds_it() -> None:
    numbers = np.random.default_rng(3).normal(size=(50, 3))
    names = ["a", "b", "c"]
    frame = pd.DataFrame(numbers, columns=names)
    columns = {name: numbers[:, place] for place, name in enumerate(names)}
    lists = {name: column.tolist() for name, column in columns.items()}
    hashes = {
        hash_of(numbers, names),
        hash_of(np.asfortranarray(numbers), names),
        hash_of(numbers.astype(">f8"), names),
        hash_of(numbers.tolist(), names),
        hash_of(frame),
        hash_of(columns),
        hash_of(lists),
        hash_of(frame.to_dict("records")),
        hash_of(frame.set_index(np.arange(50)[::-1])),  # the index is no column
    }
    assert len(hashes) == 1


def test_the_hash_is_the_same_in_every_process() -> None:
    code = f"""
nan = float("nan")
from lite_mlops.data import as_columns
from lite_mlops.data.fingerprint import fingerprint
print(fingerprint(as_columns({TABLE!r})))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == hash_of(TABLE)


def test_a_hash_stays_what_it_was() -> None:
    # Written down once: a change would make every dataset look new.
    assert hash_of(TABLE) == ("d80da439090bd23bb6e2ab49e64f05666085959f8e18549d5f2ba081284460e4")


def test_views_with_gaps_hash_as_their_values() -> None:
    numbers = np.arange(20.0)
    assert hash_of({"a": numbers[::2]}) == hash_of({"a": numbers[::2].copy()})


def test_the_edges_of_names_and_values_cannot_be_shifted() -> None:
    tables = [
        {"a": ["bc"]},
        {"ab": ["c"]},
        {"a": ["b", "c"]},
        {"a": ["b"], "c": ["d"]},
        {"a": ["b"], "d": ["c"]},
        {"a\0|O\x001": ["b"]},
        {"a": [], "b": []},
        {"a": []},
        {"a": [None]},
        {"a": [""]},
        {"a": ["str:"]},
    ]
    assert len({hash_of(table) for table in tables}) == len(tables)


def test_texts_that_no_encoding_has_are_hashed_as_well() -> None:
    assert hash_of({"a": ["\udcff"]}) != hash_of({"a": ["\udcfe"]})
    assert hash_of({"\udcff": [1]}) != hash_of({"\udcfe": [1]})


def told(cell: Any) -> tuple[type, str]:
    """Return what a cell is among texts, where NaN is a missing value as None is."""
    cell = None if cell != cell else cell
    return type(cell), repr(cell)


CELLS = st.none() | st.text(max_size=3) | st.integers(-3, 3) | st.floats(width=16)


@given(st.lists(CELLS, max_size=3), st.text(max_size=2), st.data())
def test_any_change_of_a_cell_beside_a_text_is_noticed(
    values: list[Any], text: str, data: st.DataObject
) -> None:
    column = [*values, text]
    row = data.draw(st.integers(0, len(values)))
    cell = data.draw(CELLS | st.sampled_from([str(column[row]), f"{column[row]}\0"]))
    other = [*column]
    other[row] = cell
    same = told(cell) == told(column[row])
    assume(same or any(isinstance(value, str) for value in other))
    assert (hash_of({"a": column}) == hash_of({"a": other})) == same


@given(
    st.lists(st.lists(st.floats(allow_nan=False), min_size=2, max_size=2), min_size=1, max_size=5),
    st.data(),
)
def test_any_change_of_a_number_is_noticed(table: list[list[float]], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(table) - 1))
    place = data.draw(st.integers(0, 1))
    value = data.draw(st.floats())
    other = [list(values) for values in table]
    other[row][place] = value
    same = np.asarray(other).tobytes() == np.asarray(table).tobytes()
    assert (hash_of(other, ["a", "b"]) == hash_of(table, ["a", "b"])) == same
