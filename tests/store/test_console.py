"""The SQL console: reads the project, and can do nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from lite_mlops.errors import Denied, Invalid
from lite_mlops.store import Store
from lite_mlops.store.console import query
from tests.store.test_backup import RUN, fill, tables

pytestmark = pytest.mark.usefixtures("sql_apart")

FORBIDDEN = [
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM read_json('{file}')",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM read_duckdb('{file}')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT getenv('HOME')",
    "SELECT * FROM secret_rows",
    "COPY runs TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{folder}/out.parquet'",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}/out'",
    "ATTACH '{folder}/other.duckdb'",
    "ATTACH ':memory:' AS m",
    "DETACH project",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET threads = 8",
    "SET memory_limit = '10GB'",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "CREATE TABLE t (a INTEGER)",
    "CREATE TEMP TABLE t AS SELECT 1",
    "CREATE MACRO m(a) AS a",
    "CREATE SECRET s (TYPE s3)",
    "INSERT INTO runs (run_id) VALUES ('x')",
    "UPDATE runs SET name = 'x'",
    "DELETE FROM runs",
    "DROP TABLE runs",
    "ALTER TABLE runs ADD COLUMN x INTEGER",
    "TRUNCATE runs",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY runs TO '{folder}/out.csv'",
    "CALL pragma_version()",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "USE memory",
]


def test_a_statement_reads_what_was_just_logged(store: Store) -> None:
    fill(store)
    table = query(store, "SELECT run_id, started_at, 1.5 AS x, NULL AS n FROM runs")
    assert table.columns == ("run_id", "started_at", "x", "n")
    ((run_id, started_at, x, nothing),) = table.rows
    assert run_id == RUN
    assert isinstance(started_at, datetime)
    assert float(x) == 1.5
    assert nothing is None
    assert table.to_dicts()[0]["run_id"] == RUN
    assert "1 rows" in repr(table)
    assert table.to_dict()["cut"] is False


def test_lists_structs_and_odd_numbers_come_back(store: Store) -> None:
    fill(store)
    sql = "SELECT [1, 2] AS l, {'a': DATE '2024-02-29'} AS s, 'nan'::DOUBLE AS n, 'x'::BLOB AS b"
    ((numbers, struct, nan, blob),) = query(store, sql).rows
    assert numbers == [1, 2]
    assert struct == {"a": "2024-02-29"}
    assert nan != nan
    assert blob == "78"


def test_no_more_rows_than_asked_for(store: Store) -> None:
    fill(store)
    table = query(store, "SELECT * FROM range(50)", rows=7)
    assert len(table) == 7
    assert table.cut


def test_nothing_but_reading_is_possible(store: Store, tmp_path: Path) -> None:
    fill(store)
    expected = tables(store)
    file = tmp_path / "secret.csv"
    file.write_text("a\nsecret-content\n")
    before = sorted(tmp_path.rglob("*"))
    secret_rows = [("secret-content",)]  # a Python object that replacement scans would find
    for template in FORBIDDEN:
        sql = template.format(file=file, folder=tmp_path)
        with pytest.raises(Invalid) as caught:
            query(store, sql)
        assert "secret-content" not in str(caught.value), sql
    assert tables(store) == expected
    assert sorted(tmp_path.rglob("*")) == before
    assert secret_rows


def test_errors_say_what_is_wrong_with_the_statement(store: Store) -> None:
    fill(store)
    with pytest.raises(Invalid, match=r'runs_ does not exist!\s+Did you mean "runs"'):
        query(store, "SELECT * FROM runs_")
    with pytest.raises(Invalid, match="One statement at a time: this text holds 2"):
        query(store, "SELECT 1; SELECT 2")
    with pytest.raises(Invalid, match="DELETE is not one"):
        query(store, "DELETE FROM runs")
    with pytest.raises(Invalid, match="There is no SQL to run"):
        query(store, "  ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(100000000000)",
        "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b",
        "SELECT length(repeat('x', 2000000000))",
        "SELECT list(range) FROM range(200000000)",
        "SELECT string_agg(range::VARCHAR, ',') FROM range(200000000)",
    ],
)
def test_greedy_statements_are_ended(open_store: Callable[..., Store], sql: str) -> None:
    store = open_store(sql_seconds=1, sql_memory_mb=256)
    fill(store)
    with pytest.raises(Denied, match=r"took longer than 1 seconds|needs more than 256 MB"):
        query(store, sql)


def test_others_go_on_while_a_statement_runs(store: Store) -> None:
    fill(store)
    assert query(store, "SELECT count(*) FROM metrics").rows == ((20,),)
    assert tables(store)["runs"]
