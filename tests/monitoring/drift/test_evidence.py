"""Evidence: shares to draw, rows that broke a rule, whole rows, and what few rows can show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lite_mlops.data import as_columns
from lite_mlops.data.kinds import column_reader
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.monitoring.drift import compare_sides, compare_tables, findings
from lite_mlops.monitoring.drift.evidence import spread_of_categories, spread_of_numbers
from lite_mlops.monitoring.drift.tables import reader_of
from lite_mlops.monitoring.drift.tests import smallest_shift
from lite_mlops.settings import Settings
from lite_mlops.store.database import connect

ROWS = 300
SORTED = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1).map(sorted)


@given(SORTED, SORTED)
def test_the_bars_hold_all_numbers(old: list[float], new: list[float]) -> None:
    found = spread_of_numbers(np.array(old), np.array(new))
    assert len(found.edges) == len(found.reference) + 1 == len(found.current) + 1 <= 21
    assert list(found.edges) == sorted(found.edges)
    assert np.isfinite(found.edges).all()
    for side in (found.reference, found.current):
        assert sum(side) == pytest.approx(1, abs=1e-4)


def test_many_categories_are_drawn_as_twelve() -> None:
    names = [f"level {place}" for place in range(40)]
    old, new = np.arange(40, 0, -1), np.arange(1, 41)
    found = spread_of_categories(names, old, new)
    assert len(found.categories) == 12
    assert found.categories[-1] == "other values"
    assert set(found.categories[:2]) == {"level 0", "level 39"}
    assert sum(found.current) == pytest.approx(1, abs=1e-4)
    assert set(found.to_dict()) == {"reference", "current", "categories"}


def test_rows_that_break_a_rule_are_shown_by_their_places() -> None:
    chance = np.random.default_rng(1)
    old = {"x": np.abs(chance.normal(10, 1, ROWS)), "c": ["a", "b", None] * 100, "i": range(ROWS)}
    new: dict[str, Any] = {
        "x": np.abs(chance.normal(10, 1, ROWS)),
        "c": ["a", "b", None] * 100,
        "i": [*range(ROWS - 30), *range(30)],
    }
    new["x"][5::20] = -1.0
    new["x"][7::20] = np.nan
    new["c"][4::15] = ["odd"] * 20
    report = compare_tables(as_columns(old), as_columns(new))
    negative = (5, 25, 45)
    assert report["x"].examples == {
        "sign": negative,
        "range": negative,
        "missing": (7, 27, 47),
    }
    assert report["c"].examples == {"unseen": (4, 19, 34)}
    assert (report["i"].broken, report["i"].kind) == (("repeated",), "identifier")
    told = {(one.check, one.subject): one for one in findings(report)}
    assert told["quality", "x"].evidence["examples"]["sign"] == [5, 25, 45]
    assert told["quality", "x"].fires
    assert ("joint", "") in told


def test_rows_that_come_twice_are_found_whatever_their_types() -> None:
    chance = np.random.default_rng(2)
    old = {"x": chance.normal(size=ROWS), "c": chance.choice(["a", "b"], ROWS).astype(object)}
    half = {"x": chance.normal(size=150), "c": chance.choice(["a", "b"], 150).astype(object)}
    new = {name: np.concatenate([values, values]) for name, values in half.items()}
    report = compare_tables(as_columns(old), as_columns(new), joint=False)
    assert [one.rule for one in report.broken] == ["duplicates"]
    assert report.broken[0].text == (
        "50 % of the rows are like one before them, 0 % in the reference"
    )
    assert report.examples == {"duplicates": (150, 151, 152)}
    assert report.drifted
    assert compare_tables(as_columns(new), as_columns(new), joint=False).broken == ()
    zeros = {"x": np.array([0.0, -0.0] * 100), "y": chance.normal(size=200)}
    assert compare_tables(as_columns(zeros), as_columns(zeros), joint=False).broken == ()


@given(st.integers(1, 10**7), st.integers(1, 10**7), st.sampled_from([0.01, 0.0003]))
def test_more_rows_show_smaller_shifts(old: int, new: int, level: float) -> None:
    shift = smallest_shift(old, new, level)
    more = smallest_shift(2 * old, 2 * new, level)
    if shift is not None:
        assert more is not None
        assert 0 < more < shift
        distance = 2 * stats.norm.cdf(shift / 2) - 1
        assert stats.kstwobign.sf(distance * np.sqrt(old * new / (old + new))) <= level * 1.01


def test_the_smallest_shift_is_found_about_four_times_of_five() -> None:
    assert smallest_shift(0, 10, 0.01) is None
    assert smallest_shift(1, 1, 0.01) is None
    shift = smallest_shift(400, 400, 0.01)
    assert shift is not None
    found = 0
    for seed in range(200):
        chance = np.random.default_rng([8, seed])
        sides = chance.normal(size=400), chance.normal(shift, size=400)
        found += stats.ks_2samp(*sides).pvalue < 0.01
    assert 140 < found < 190


# -- tables that are read column after column ----------------------------------------------------


_TABLE = """
SELECT i % 97 + shift * (i % 2) AS n, (i * 7919 % 1000) / 7.0 AS x,
       CASE WHEN i % 10 = 0 THEN NULL ELSE 'w' || i % 5 END AS c, i % 3 = 0 AS b,
       TIMESTAMP '2026-01-01' + INTERVAL (i) MINUTE AS t
FROM range(2000) r(i)
"""


def test_columns_read_as_needed_give_the_same_report(tmp_path: Path) -> None:
    connection = connect(Settings())
    paths = []
    for name, shift in (("it's old", 0), ("new", 1)):
        paths.append(tmp_path / f"{name}.parquet")
        quoted = str(paths[-1]).replace("'", "''")
        made = _TABLE.replace("shift", str(shift))
        connection.execute(f"COPY ({made}) TO '{quoted}' (FORMAT parquet)")
    connection.close()
    with column_reader(paths[0]) as old, column_reader(paths[1]) as new:
        assert (old.rows, old.names) == (2000, ("n", "x", "c", "b", "t"))
        found = compare_sides(old, new)
    from lite_mlops.data import columns_of

    whole = compare_tables(*(columns_of(path) for path in paths))
    assert found == whole
    assert found.joint is not None
    with column_reader({"x": [1, 2]}) as table:
        assert (table.rows, table.read("x").values.tolist()) == (2, [1, 2])
    with pytest.raises(NotFound, match="There is no file"), column_reader(tmp_path / "no.csv"):
        pass
    with pytest.raises(Invalid, match="a table is a DataFrame"), column_reader(7):
        pass
    assert reader_of({}).rows == 0
