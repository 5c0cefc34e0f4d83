"""`lite-mlops sql`: one statement that reads, shown for people or for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli, logged

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def filled(project: Project) -> Project:
    for depth in (3, 4):
        logged(project, f"depth-{depth}", depth=depth)
    return project


def test_the_answer_is_a_table(cli: Cli, filled: Project) -> None:
    statement = """
        SELECT name, value, 1/3 AS third FROM runs JOIN params USING (run_id) ORDER BY value
    """
    done = cli("sql", statement)
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()] == [
        ["name", "value", "third"],
        ["depth-3", "3", "0.333333"],
        ["depth-4", "4", "0.333333"],
    ]


def test_what_was_just_logged_is_seen(cli: Cli, filled: Project) -> None:
    statement = "SELECT count(*) AS n FROM runs"
    assert json.loads(cli("sql", statement, "--json").out) == [{"n": 2}]
    logged(filled)
    assert json.loads(cli("sql", statement, "--json").out) == [{"n": 3}]


def test_values_keep_their_types_in_json(cli: Cli, filled: Project) -> None:
    statement = """
        SELECT 1 AS whole, 0.5::DOUBLE AS real, 'a' AS word, NULL AS nothing, true AS yes,
               [1, 2] AS list, DATE '2026-01-02' AS day, TIMESTAMP '2026-01-02 03:04:05' AS moment,
               'nan'::DOUBLE AS nan
    """
    assert json.loads(cli("sql", statement, "--json").out) == [
        {
            "whole": 1,
            "real": 0.5,
            "word": "a",
            "nothing": None,
            "yes": True,
            "list": [1, 2],
            "day": "2026-01-02",
            "moment": "2026-01-02 03:04:05",
            "nan": None,
        }
    ]


def test_columns_of_one_name_are_all_kept(cli: Cli, filled: Project) -> None:
    (row,) = json.loads(cli("sql", "SELECT 1 AS a, 2 AS a", "--json").out)
    assert sorted(row.values()) == [1, 2]
    header, values = csv.reader(io.StringIO(cli("sql", "SELECT 1 AS a, 2 AS a", "--csv").out))
    assert len(set(header)) == 2
    assert values == ["1", "2"]


def test_rows_that_are_left_out_are_told(cli: Cli, filled: Project) -> None:
    done = cli("sql", "SELECT * FROM range(5)", "--rows", "3", "--csv")
    assert (done.code, done.out) == (0, "range\n0\n1\n2\n")
    assert done.err == "Only the first 3 rows; --rows shows more.\n"
    done = cli("sql", "SELECT * FROM range(3)", "--rows", "3", "--csv")
    assert (done.code, done.out, done.err) == (0, "range\n0\n1\n2\n", "")


def test_the_setting_limits_the_rows_as_well(cli: Cli, filled: Project) -> None:
    done = cli("sql", "SELECT * FROM range(5)", sql_rows=2)
    assert done.err == "Only the first 2 rows; --rows shows more.\n"


def test_no_rows_are_told(cli: Cli, filled: Project) -> None:
    done = cli("sql", "SELECT name FROM runs WHERE false")
    assert (done.code, done.out.split()) == (0, ["name", "No", "rows."])
    assert json.loads(cli("sql", "SELECT name FROM runs WHERE false", "--json").out) == []


def test_the_tables_can_be_looked_up(cli: Cli, filled: Project) -> None:
    listed = cli("sql", "SHOW TABLES", "--csv").out.split()[1:]
    help_text = cli("sql", "--help").out
    told = help_text.partition("The tables: ")[2].partition(".")[0].replace("\n", " ").split(", ")
    assert {name.strip() for name in told} <= set(listed)
    assert "run_id" in cli("sql", "DESCRIBE runs").out


REFUSED = {
    "": "There is no SQL to run.",
    " ": "There is no SQL to run.",
    "SELECT 1; SELECT 2": "One statement at a time: this text holds 2.",
    "DELETE FROM runs": (
        "Only statements that read can be run here; DELETE is not one. Records are changed by the "
        "other commands, so that every change stays traceable."
    ),
    "DROP TABLE runs": (
        "Only statements that read can be run here; DROP is not one. Records are changed by the "
        "other commands, so that every change stays traceable."
    ),
}


@pytest.mark.parametrize(("statement", "text"), REFUSED.items(), ids=REFUSED)
def test_what_does_not_read_is_refused(
    cli: Cli, filled: Project, tables: Tables, statement: str, text: str
) -> None:
    before = tables()
    done = cli("sql", statement)
    assert (done.code, done.out, done.err) == (2, "", f"Error: {text}\n")
    assert tables() == before


@pytest.mark.usefixtures("sql_apart")
@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECT nmae FROM runs", 'Referenced column "nmae" not found'),
        ("SELECT * FROM rnus", "Table with name rnus does not exist!"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled"),
        ("COPY runs TO 'copied.csv'", "COPY is not one"),
        ("SELECT '\udcff'", "The statement was refused: "),
    ],
)
def test_a_statement_that_cannot_be_run_says_why(
    cli: Cli, filled: Project, tables: Tables, statement: str, text: str
) -> None:
    before = tables()
    done = cli("sql", statement)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: ")
    assert text in done.err
    assert "Traceback" not in done.err
    assert tables() == before
    assert not Path("copied.csv").exists()


@pytest.mark.usefixtures("sql_apart")
def test_a_statement_that_takes_too_long_is_ended(cli: Cli, filled: Project) -> None:
    done = cli(
        "sql", "SELECT count(*) FROM range(1000000000000) WHERE range % 7 = 3", sql_seconds=0.1
    )
    assert (done.code, done.out) == (6, "")
    assert done.err == (
        "Error: The statement took longer than 0.1 seconds and was ended. Narrow it, or raise the "
        "setting sql_seconds.\n"
    )


@pytest.mark.parametrize("rows", ["0", "-1", "x", "99999999999999999999"])
def test_a_number_of_rows_that_cannot_be_is_refused(cli: Cli, filled: Project, rows: str) -> None:
    done = cli("sql", "SELECT 1", "--rows", rows)
    assert (done.code, done.out) == (2, "")
    assert "Error: Invalid value for '--rows': " in done.err
