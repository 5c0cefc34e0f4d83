"""What commands print: readable in a narrow terminal, harmless to it, and exact for programs."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.cli import output
from lite_mlops.project import Project
from tests.cli.conftest import COMMAND, READING, RED, Cli, in_terminal, logged

# What may steer a terminal: C0 and C1 controls but for the line feed, and changes of direction.
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
STYLES = re.compile(r"\x1b\[[0-9;]*m")
BOLD = {"\x1b[1m", "\x1b[0m"}  # the only styles of the commands that read
CODES = {"drift": 4}  # it found some
reading = pytest.mark.parametrize("line", READING.values(), ids=READING)


def no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not JSON")


@reading
def test_json_is_strict(cli: Cli, hostile: Path, line: tuple[str, ...]) -> None:
    done = cli(*line, "--json", dir=hostile)
    assert (done.code, done.err) == (CODES.get(line[0], 0), "")
    assert json.loads(done.out, parse_constant=no_constant)


@reading
def test_csv_has_one_header_and_rows_as_long(
    cli: Cli, hostile: Path, line: tuple[str, ...]
) -> None:
    done = cli(*line, "--csv", dir=hostile)
    assert (done.code, done.err) == (CODES.get(line[0], 0), "")
    header, *rows = csv.reader(io.StringIO(done.out), strict=True)
    assert len(set(header)) == len(header)
    assert rows
    assert {len(row) for row in rows} == {len(header)}


def test_csv_and_json_tell_the_same(cli: Cli, hostile: Path) -> None:
    line = ("sql", "SELECT run_id, key, step FROM metrics ORDER BY ALL", "--json")
    told = json.loads(cli(*line, dir=hostile).out)
    rows = csv.DictReader(io.StringIO(cli(*line[:2], "--csv", dir=hostile).out))
    assert list(rows) == [{name: str(value) for name, value in row.items()} for row in told]


@pytest.mark.slow
def test_lines_fit_into_the_terminal_and_hold_nothing_that_steers_it(
    terminal: Callable[..., list[str]], hostile: Path
) -> None:
    answers = terminal(*READING.values(), LITE_MLOPS_DIR=str(hostile))
    for line, answer in zip(READING.values(), answers, strict=True):
        assert set(STYLES.findall(answer)) <= BOLD, line
        plain = STYLES.sub("", answer)
        assert not STEERING.search(plain), (line, plain)
        assert max(map(len, plain.splitlines())) <= 80, plain


@pytest.mark.slow
@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_nothing_in_json_and_csv_steers_a_terminal(
    terminal: Callable[..., list[str]], hostile: Path, form: str
) -> None:
    lines = [(*line, form) for line in READING.values()]
    for line, answer in zip(lines, terminal(*lines, LITE_MLOPS_DIR=str(hostile)), strict=True):
        assert not STEERING.search(answer), line


def test_a_value_in_an_error_text_does_not_steer_the_terminal(
    terminal: Callable[..., list[str]], hostile: Path
) -> None:
    line = ("sql", "SELECT value::INTEGER FROM params WHERE key = 'colour'")
    (answer,) = terminal(line, LITE_MLOPS_DIR=str(hostile))
    assert "Could not convert string" in answer
    assert not STEERING.search(answer)


def test_a_column_named_by_a_value_does_not_steer_the_terminal(
    terminal: Callable[..., list[str]], hostile: Path
) -> None:
    (answer,) = terminal(("sql", f'SELECT 1 AS "{RED}x"'), LITE_MLOPS_DIR=str(hostile))
    assert r"\x1b[31mx" in STYLES.sub("", answer.replace(RED, "raw"))


def test_a_value_reaches_a_pipe_whole(cli: Cli, project: Project) -> None:
    logged(project, colour=f"{RED}red")
    done = cli("sql", "SELECT value FROM params", "--csv")
    assert done.out in (f"value\n{RED}red\n", "value\n\\x1b[31mred\n")


def test_formulas_in_csv_are_texts(cli: Cli, project: Project) -> None:
    values = {"a": "=1+1", "b": "+cmd|' /C calc'!A0", "c": "-x", "d": "@SUM(1)", "e": "\t=1"}
    logged(project, **values, number="-1.5e-3", plain="a=1")
    done = cli("sql", "SELECT key, value FROM params ORDER BY key", "--csv")
    cells = dict(list(csv.reader(io.StringIO(done.out)))[1:])
    assert cells == {key: f"'{value}" for key, value in values.items()} | {
        "number": "-1.5e-3",
        "plain": "a=1",
    }


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), min_size=1)))
def test_csv_of_any_records_has_the_same_shape(records: list[dict[str, Any]]) -> None:
    text = output.csv_text(records)
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        assert len(row) == len(header)
        for cell in row:
            assert cell[:1] not in {"=", "@", "\t"}
        assert sum(cell != "" for cell in row) <= len(record)


# -- terminals ----------------------------------------------------------------------------------

PRINT = """
from rich.text import Text
from lite_mlops.cli.output import console
console().print(Text("coloured", style="bold cyan"))
"""


def test_no_color_turns_colours_off(environment: None) -> None:
    code, coloured = in_terminal([sys.executable, "-c", PRINT])
    assert (code, coloured) == (0, "\x1b[1;36mcoloured\x1b[0m\n")
    code, plain = in_terminal([sys.executable, "-c", PRINT], NO_COLOR="1")
    assert code == 0
    assert STYLES.sub("", plain) == "coloured\n"
    assert set(STYLES.findall(plain)) <= BOLD


def test_a_pipe_gets_no_styles_and_nothing_shortened(command: Cli, hostile: Path) -> None:
    done = command("runs", "ls", dir=hostile)
    assert "\x1b" not in done.out
    assert "…" not in done.out
    assert "one of a very long name " * 4 in done.out


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [("sql", "SELECT * FROM range(9000)"), ("runs", "ls"), ("runs", "ls", "--json"), ("--help",)],
    ids=lambda line: " ".join(line[:3]),
)
def test_a_reader_that_goes_away_is_no_failure(
    environment: None, hostile: Path, line: tuple[str, ...]
) -> None:
    process = subprocess.Popen(
        [*COMMAND, *line],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"LITE_MLOPS_DIR": str(hostile)},
    )
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate(timeout=60)
    assert said == b""
    assert process.returncode == 0


def test_the_columns_that_may_be_shortened_are_shortened_in_their_order(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    output.table([("a" * 20, "b" * 20, 12)], ("first", "second", "n"), give=("second", "first"))
    header, row = capsys.readouterr().out.splitlines()
    assert row.split() == ["a" * 20, "b" * 13 + "…", "12"]
    assert len(STYLES.sub("", header)) == len(row) == 40


# -- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (5e13, "50.0 TB")],
)
def test_sizes_are_shown_in_the_unit_that_fits(count: float, text: str) -> None:
    assert output.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.04, "0.0 s"), (119.9, "119.9 s"), (125, "2:05 min"), (3_725.4, "1:02:05 h")],
)
def test_durations_are_shown_in_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert output.duration(seconds) == text


def test_a_moment_of_today_is_shown_as_the_time_of_day() -> None:
    now = datetime.now(UTC)
    assert output.since(now) == now.astimezone().strftime("%H:%M:%S")
    before = now - timedelta(days=2)
    assert output.since(before) == before.astimezone().strftime("%Y-%m-%d")


def test_numbers_are_shown_with_six_digits() -> None:
    assert [output.number(value) for value in (0.123456789, 12345678.0, 7, None, "x")] == [
        "0.123457",
        "1.23457e+07",
        "7",
        "",
        "x",
    ]


@given(st.text())
def test_what_is_shown_cannot_steer_a_terminal(text: str) -> None:
    told = output.shown(text)
    assert not STEERING.search(told.replace("\t", ""))
    if not STEERING.search(text.replace("\t", "")):
        assert told == text
