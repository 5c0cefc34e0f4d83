"""The same rows and types are the same version, whatever container holds them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.data import as_columns, streams
from lite_mlops.data.files import loaded
from lite_mlops.data.fingerprint import fingerprint
from lite_mlops.data.profile import profile
from lite_mlops.data.streams import Examined, examine, in_memory
from lite_mlops.settings import Settings

ROWS: dict[str, list[Any]] = {
    "n": [3, -1, 2**60, 0],
    "x": [0.1, -2.5e-300, 1e15, 4.0],
    "gap": [1.5, None, 3.5, None],
    "holes": [1, None, 3, 4],
    "flag": [True, False, False, True],
    "text": ["a", "é, with a comma", "x\ny", None],
    "day": [date(2024, 1, 1), date(1969, 12, 31), None, date(2030, 6, 1)],
    "moment": [datetime(2024, 1, 1, 12, 30, 1, 5), None, datetime(1960, 1, 1), None],  # noqa: DTZ001
    "empty": [None, None, None, None],
}  # fmt: skip


def examined_file(path: Path, form: str) -> Examined:
    with loaded(Settings(), path.parent / "tmp", form, path) as table:
        return examine(table)


def examined(data: Any) -> Examined:
    return examine(in_memory(as_columns(data)))


def arrow() -> pa.Table:
    return pa.table(ROWS)


def as_parquet(folder: Path) -> Examined:
    pq.write_table(arrow(), folder / "t.parquet")
    return examined_file(folder / "t.parquet", "parquet")


def as_csv(folder: Path) -> Examined:
    with duckdb.connect() as connection:
        pq.write_table(arrow(), folder / "c.parquet")
        connection.execute(f"COPY (FROM '{folder / 'c.parquet'}') TO '{folder / 't.csv'}'")
    return examined_file(folder / "t.csv", "csv")


CONTAINERS: dict[str, Callable[[Path], Examined]] = {
    "Parquet": as_parquet,
    "CSV": as_csv,
    "dictionary": lambda _: examined(ROWS),
    "rows": lambda _: examined(pd.DataFrame(ROWS, dtype=object).to_dict("records")),
    "polars": lambda _: examined(pl.DataFrame(ROWS)),
    "Arrow": lambda _: examined(arrow()),
    "Arrow batch": lambda _: examined(arrow().to_batches()[0]),
    "pandas": lambda _: examined(pd.DataFrame(ROWS)),
    "pandas of Arrow": lambda _: examined(arrow().to_pandas()),
}  # fmt: skip


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_gives_the_same_version_and_profile(container: str, tmp_path: Path) -> None:
    found = CONTAINERS[container](tmp_path)
    columns = as_columns(ROWS)
    assert found.profile == profile(columns)
    assert found.sha256 == fingerprint(columns)
    assert (found.rows, found.columns) == (4, 9)
    assert not list((tmp_path / "tmp").glob("*") if (tmp_path / "tmp").exists() else [])


def test_json_lines_are_the_same_with_times_as_texts(tmp_path: Path) -> None:
    texts = {
        name: [value.isoformat() if isinstance(value, date) else value for value in values]
        for name, values in ROWS.items()
    }
    ids = {"id": ["6b0720be-0000-4000-8000-00000000000A"] * 4, "at": ["10:00"] * 4}
    rows = zip(*(texts | ids).values(), strict=True)
    lines = [json.dumps(dict(zip([*texts, *ids], row, strict=True))) for row in rows]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    assert examined_file(tmp_path / "t.jsonl", "json") == examined(texts | ids)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.array([1, 2], np.int8), np.array([1, 2], np.uint64)),
        (np.array([0.5, 1], np.float32), [0.5, 1.0]),
        ([1, None, 3], [1.0, None, 3.0]),
        ([None, 2**53 + 1], np.array([None, 2**53 + 1], object)),
        ([2**64, 1], [Decimal(2**64), Decimal("1.0")]),
        (pd.array([1, None], "Int64"), [1, None]),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
        (pl.Series([1, None, 2**60]), [1, None, 2**60]),
        (pl.Series([Decimal("1.50"), None]), [Decimal("1.5"), None]),
        (["a", None], ["a", float("nan")]),
        (pd.Series(pd.to_datetime(["2024-01-01T00:00Z"])), [datetime(2024, 1, 1, tzinfo=UTC)]),
        (np.array(["2024-01-01"], "M8[s]"), np.array(["2024-01-01"], "M8[ns]")),
        ([{"a": [1, 2]}], [{"a": (1, 2)}]),
    ],
)
def test_one_content_has_one_hash(one: Any, other: Any) -> None:
    assert examined({"a": one}).sha256 == examined({"a": other}).sha256


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [1.0, 2.0]),
        ([1, 0], [True, False]),
        ([None, 2**53 + 1], [None, 2**53 + 2]),
        ([2**64], [2**64 + 1]),
        ([date(2024, 1, 1)], np.array(["2024-01-01"], "M8[us]")),
        ([datetime(2024, 1, 1, tzinfo=UTC)], np.array(["2024-01-01"], "M8[us]")),
        (np.array(["2024-01-01T00:00:00.000000001"], "M8[ns]"), np.array(["2024-01-01"], "M8[ns]")),
        (["1"], [1]),
        (["a"], [b"a"]),
        (["", None], [None, ""]),
        ([None, None], [None]),
        ([1, "a"], ["1", "a"]),
    ],
)  # fmt: skip
def test_another_content_has_another_hash(one: Any, other: Any) -> None:
    assert examined({"a": one}).sha256 != examined({"a": other}).sha256


CELLS = {
    "n": st.integers(-(2**63), 2**63 - 1),
    "x": st.floats(allow_nan=False, allow_infinity=False, width=64),
    "t": st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5),
    "b": st.booleans(),
    "h": st.none() | st.integers(-(2**53), 2**53),
    "g": st.none() | st.text("abc", min_size=1, max_size=2),
}


@settings(max_examples=15)
@given(st.integers(1, 6), st.data())
def test_any_table_is_the_same_in_memory_and_in_parquet(rows: int, data: st.DataObject) -> None:
    table = {
        name: data.draw(st.lists(cells, min_size=rows, max_size=rows))
        for name, cells in CELLS.items()
    }
    in_arrow = pa.table(table)
    hashes = {fingerprint(as_columns(table)), fingerprint(as_columns(in_arrow))}
    hashes.add(fingerprint(as_columns(pl.DataFrame(table, strict=False, infer_schema_length=None))))
    with TemporaryDirectory() as folder:
        pq.write_table(in_arrow, Path(folder) / "t.parquet")
        hashes.add(examined_file(Path(folder) / "t.parquet", "parquet").sha256)
    assert len(hashes) == 1
    name = data.draw(st.sampled_from([*CELLS]))
    row = data.draw(st.integers(0, rows - 1))
    cell = data.draw(CELLS[name])
    changed = [*table[name]]
    changed[row] = cell
    same = repr(changed) == repr(table[name])
    assert (fingerprint(as_columns(table | {name: changed})) in hashes) == same


def test_the_hash_does_not_depend_on_the_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = as_parquet(tmp_path)
    monkeypatch.setattr("lite_mlops.data.streams.PIECE_ROWS", 3)
    assert as_parquet(tmp_path) == whole


@pytest.mark.slow
@settings(max_examples=25)
@given(
    st.lists(st.none() | st.text(max_size=4), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), min_size=100, max_size=140),
    st.integers(7, 200),
)
def test_texts_that_come_again_and_again_are_the_same_from_a_file(
    few: list[str | None], chosen: list[int], piece: int
) -> None:
    values = [few[place % len(few)] for place in chosen]
    columns = as_columns({"again": values, "row": chosen})
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "PIECE_ROWS", piece)
        path = Path(folder) / "t.parquet"
        pq.write_table(pa.table({"again": pa.array(values, pa.string()), "row": chosen}), path)
        with loaded(Settings(), Path(folder) / "tmp", "parquet", path) as table:
            first = next(table.streams[0].pieces())
            found = examine(table)
    assert (first.words is not None) == any(value is not None for value in values)
    assert found.profile["again"] == profile(columns)["again"]
    assert found.sha256 == fingerprint(columns)


def test_more_values_than_are_looked_at_together_are_sampled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(1).normal(size=5000)
    values[7] = np.nan
    table = {"x": values, "n": np.arange(5000) % 7}
    whole = examined(table)
    for module in ("profile", "streams"):
        monkeypatch.setattr(f"lite_mlops.data.{module}.WHOLE", 1000)
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    monkeypatch.setattr("lite_mlops.data.streams.PIECE_ROWS", 999)
    found = examined_file(tmp_path / "t.parquet", "parquet")
    assert found.sha256 == whole.sha256
    one, other = found.profile["x"], whole.profile["x"]
    assert (one["sampled"], one["missing"]) == (5, 1)
    assert (one["min"], one["max"]) == (other["min"], other["max"])
    assert [one["mean"], one["std"]] == pytest.approx([other["mean"], other["std"]])
    assert sum(one["counts"]) == 4999
    assert one["counts"] == pytest.approx(other["counts"], rel=0.3)


def test_frequent_texts_are_counted_with_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lite_mlops.data.profile._MOST_TEXTS", 100)
    facts = examined({"t": ["often"] * 50 + [f"once {i}" for i in range(150)]}).profile["t"]
    assert facts["approximate"] is True
    assert next(iter(facts["top"].items())) == ("often", 50)
