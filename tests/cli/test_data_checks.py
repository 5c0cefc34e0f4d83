"""`data diff`, `expect`, `check` and `leakage` on files, as people and programs call them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lite_mlops.data import Expectations
from lite_mlops.project import Project
from tests.cli.conftest import RED, Cli

MAY = "id,age,sex,day\n1,41,f,2026-01-02\n2,38,m,2026-01-03\n3,,f,2026-01-04\n"
JUNE = "id,age,sex,day,note\n1,41,f,2026-01-02,a\n2,39,m,2026-01-03,b\n5,30,x,2026-01-05,c\n"
HOSTILE = f"id,{RED}col,{'long ' * 20}\n1,{RED}old\x9b31m,{'x' * 200}\n"

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture(autouse=True)
def _files(environment: None) -> None:
    for name, content in {"may": MAY, "june": JUNE, "hostile": HOSTILE}.items():
        Path(f"{name}.csv").write_text(content, encoding="utf-8")
    Path("hostile2.csv").write_text(HOSTILE.replace("old", "new"), encoding="utf-8")


# -- diff ----------------------------------------------------------------------------------------


def test_versions_with_a_copy_stand_for_files(cli: Cli, project: Project) -> None:
    versions = [
        project.datasets.add(Path(f"{month}.csv"), "patients", snapshot=True)
        for month in ("may", "june")
    ]
    names = [version.reference for version in versions]
    kept = cli("data", "diff", *names, "--key", "id")
    assert (kept.code, kept.err) == (0, "")
    assert kept.out == cli("data", "diff", "may.csv", "june.csv", "--key", "id").out
    assert cli("data", "expect", "patients", "--from", names[0], "--reason", "good").code == 0
    assert cli("data", "check", "patients", names[0]).code == 0
    assert cli("data", "check", "patients", "patients@latest").code == 1


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("nope.csv", "There is no file nope.csv; a version of a dataset is NAME@VERSION."),
        ("patients@0000", "patients"),
        ("bare@latest", "only its hash and profile"),
    ],
)
def test_what_is_no_table_is_named(cli: Cli, project: Project, word: str, text: str) -> None:
    project.datasets.add(Path("may.csv"), "patients", snapshot=True)
    project.datasets.add({"id": [1]}, "bare")  # of no file, and without a copy
    done = cli("data", "diff", "may.csv", word)
    assert (done.code, done.out) == (3, "")
    assert text in done.err


def test_diff_shows_what_changed(cli: Cli, tmp_path: Path) -> None:
    done = cli("data", "diff", "may.csv", "june.csv", "--key", "id")
    assert (done.code, done.err) == (0, "")
    lines = [re.sub(" +", " ", line).strip() for line in done.out.splitlines()]
    assert lines[:4] == [
        "before 3 rows",
        "after 3 rows",
        "column note added",
        "1 row added, 1 removed, 1 changed",
    ]
    for heading, header, row in (
        ("changed cells", "column cells", "age 1"),
        ("changed, for example", "id column before after", "2 age 38 39"),
        ("added, for example", "id age sex day note", "5 30 x 2026-01-05 00:00:00 c"),
        ("removed, for example", "id age sex day", "3 f 2026-01-04 00:00:00"),
    ):
        place = lines.index(heading)
        assert lines[place + 1 : place + 3] == [header, row]
    assert not (tmp_path / "work" / ".lite-mlops").exists()  # it needs no project and makes none


def test_diff_of_the_same_data_says_so(cli: Cli) -> None:
    for key in ((), ("-k", "id")):
        done = cli("data", "diff", "may.csv", "may.csv", *key)
        assert (done.code, done.out.splitlines()[-1]) == (0, "No difference.")


def test_diff_without_a_key_counts_whole_rows(cli: Cli) -> None:
    assert "2 rows added, 2 removed\n" in cli("data", "diff", "may.csv", "june.csv").out


def test_diff_names_distributions_that_moved(cli: Cli) -> None:
    for name, start in (("a", 0), ("b", 500)):
        rows = "".join(f"{place},{start + place}\n" for place in range(200))
        Path(f"{name}.csv").write_text(f"id,x\n{rows}")
    out = cli("data", "diff", "a.csv", "b.csv", "-k", "id").out
    assert re.search(r"distributions that moved\ncolumn +PSI +KS +p\nx +\d", out)


def test_diff_as_json_and_csv(cli: Cli, project: Project) -> None:
    line = ("data", "diff", "may.csv", "june.csv", "-k", "id")
    told = json.loads(cli(*line, "--json").out)
    assert told == project.datasets.diff("may.csv", "june.csv", key="id").to_dict()
    (row,) = csv.DictReader(io.StringIO(cli(*line, "--csv").out))
    assert (row["rows_added"], row["cells.age"]) == ("1", "1")


# -- expect and check ----------------------------------------------------------------------------


def test_expectations_are_inferred_checked_edited_and_set(cli: Cli, project: Project) -> None:
    done = cli("data", "expect", "people", "--from", "may.csv", "--reason", "as in May")
    assert (done.code, done.err) == (0, "")
    assert re.search(r"^age +integer, at most 67 % missing, 37 to 42", done.out, re.MULTILINE)
    assert cli("data", "expect", "people").out == done.out

    good = cli("data", "check", "people", "may.csv")
    assert (good.code, good.out) == (0, "12 of 12 expectations are met by 3 rows.\n")
    bad = cli("data", "check", "people", "june.csv")
    assert bad.code == 1
    assert bad.out == (
        "id: expected 0 to 4, found 1 row of 3 that are not (row 3: 5).\n"
        "age: expected 37 to 42, found 1 row of 3 that are not (row 3: 30).\n"
        "10 of 12 expectations are met by 3 rows.\n"
    )

    told = json.loads(cli("data", "expect", "people", "--json").out)
    assert Expectations.from_dict(told) == project.datasets.expectations("people")
    told["columns"]["id"] = {"kind": "integer"}
    told["columns"]["age"]["lowest"] = 18
    Path("people.json").write_text(json.dumps(told))
    done = cli("data", "expect", "people", "--file", "people.json", "--reason", "younger ones")
    assert done.code == 0
    assert cli("data", "check", "people", "june.csv").code == 0
    decisions = project.sql("SELECT actor, record ->> 'reason' FROM decisions ORDER BY number")
    assert decisions.rows == (("ann", "as in May"), ("ann", "younger ones"))


def test_without_a_file_the_latest_version_is_checked(cli: Cli) -> None:
    cli("data", "add", "may.csv", "--name", "people")
    cli("data", "expect", "people", "--from", "people@latest")
    met = "12 of 12 expectations are met by 3 rows.\n"
    assert cli("data", "check", "people").out == met
    may = Path("may.csv").read_text()
    Path("may.csv").write_text("changed")
    done = cli("data", "check", "people")
    assert done.code == 3
    assert "No copy of people@" in done.err
    Path("may.csv").write_text(may)
    cli("data", "add", "may.csv", "--name", "people", "--snapshot")
    Path("may.csv").unlink()
    assert cli("data", "check", "people").out == met


def test_a_check_as_json_and_csv_fails_as_well(cli: Cli) -> None:
    cli("data", "expect", "people", "--from", "may.csv")
    done = cli("data", "check", "people", "june.csv", "--json")
    told = json.loads(done.out)
    assert (done.code, told["passed"], told["rows"]) == (1, False, 3)
    done = cli("data", "check", "people", "june.csv", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert (done.code, len(rows)) == (1, 12)
    assert {row["column"] for row in rows if row["passed"] == "False"} == {"id", "age"}
    rows = list(csv.DictReader(io.StringIO(cli("data", "expect", "people", "--csv").out)))
    assert rows[1] == {
        "column": "id",
        "expected": "integer, none missing, 0 to 4",
    }


# -- leakage -------------------------------------------------------------------------------------


def test_leakage_tells_what_to_do_and_fails(cli: Cli, project: Project) -> None:
    line = ("data", "leakage", "may.csv", "june.csv", "--time", "day", "-k", "id", "-t", "age")
    done = cli(*line)
    assert (done.code, done.err) == (1, "")
    assert (
        "LEAK  2 values of the key 'id' are in both, in 2 rows of the test: 1, 2.\n"
        "      Split by 'id', so that each value is on one side" in done.out
    )
    assert "LEAK  2 rows of 3 in the test (66.7 %) are from before the end of" in done.out
    assert "ok  Features were not held against 'age'" in done.out
    assert done.out.endswith("4 of 5 checks found a leak.\n")
    done = cli(*line, "--json")
    options = {"time": "day", "key": ["id"], "target": "age"}
    report = project.datasets.leakage("may.csv", "june.csv", **options)  # type: ignore[arg-type]
    assert (done.code, json.loads(done.out)) == (1, report.to_dict())
    rows = list(csv.DictReader(io.StringIO(cli(*line, "--csv").out)))
    assert [row["check"] for row in rows] == [one.check for one in report.findings]


def test_leakage_of_honest_data_passes(cli: Cli) -> None:
    rng = np.random.default_rng(1)
    for name in ("train", "test"):
        rows = "".join(f"{x},{y}\n" for x, y in zip(*rng.normal(size=(2, 60)), strict=True))
        Path(f"{name}.csv").write_text(f"x,y\n{rows}")
    done = cli("data", "leakage", "train.csv", "test.csv", "--target", "y")
    assert (done.code, done.err) == (0, "")
    assert "LEAK" not in done.out
    assert done.out.endswith("0 of 3 checks found a leak.\n")


# -- whatever stands in the data -----------------------------------------------------------------


@pytest.mark.slow
def test_what_the_data_holds_fits_and_does_not_steer_the_terminal(
    terminal: Callable[..., list[str]],
) -> None:
    shown = terminal(
        ("data", "expect", "people", "--from", "hostile.csv"),
        ("data", "expect", "people"),
        ("data", "check", "people", "hostile2.csv"),
        ("data", "diff", "hostile.csv", "hostile2.csv"),
        ("data", "diff", "hostile.csv", "hostile2.csv", "-k", "id"),
        ("data", "leakage", "hostile.csv", "hostile.csv", "-g", f"{RED}col"),
    )
    for text in shown:
        plain = re.sub(r"\x1b\[(1|0)m", "", text)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", plain), text
        assert max(map(len, plain.splitlines())) <= 80, text


# -- refusals ------------------------------------------------------------------------------------

REFUSED: list[tuple[tuple[str, ...], int, str]] = [
    (("diff", "may.csv"), 2, "Missing argument 'AFTER'."),
    (("diff", "may.csv", "jun.csv"), 3, "There is no file jun.csv;"),
    (
        ("diff", "may.csv", "june.csv", "-k", "idd"),
        3,
        "The data before has no column 'idd'. Did you mean 'id'?",
    ),
    (("diff", "may.csv", "twice.csv", "-k", "id"), 2, "twice.csv has two columns with the same"),
    (("diff", "ragged.csv", "may.csv"), 2, "Expected Number of Columns: 2 Found: 1"),
    (("diff", "latin.csv", "may.csv"), 2, "latin.csv is not UTF-8"),
    (("diff", "void.csv", "may.csv"), 2, "void.csv is empty"),
    (("expect", "peple"), 3, "Nothing is expected of the dataset 'peple' yet. Did you mean"),
    (("expect", "people", "--from", "ragged.csv"), 2, "ragged.csv cannot be read"),
    (("expect", "people", "--from", "a", "--file", "b"), 2, "--from and --file exclude each other"),
    (("expect", "people", "--file", "may.csv"), 2, "may.csv is not JSON: Expecting value in line"),
    (("expect", "people", "--file", "latin.csv"), 2, "latin.csv is not UTF-8"),
    (("expect", "people", "--file", "nowhere"), 1, "nowhere: No such file or directory."),
    (("expect", "people", "--file", "wrong.json"), 2, "cannot have 'colums'. Did you mean"),
    (("expect", "", "--from", "may.csv"), 2, "dataset name is empty."),
    (("check", "peple", "may.csv"), 3, "Nothing is expected of the dataset 'peple' yet."),
    (("check", "people", "nowhere.csv"), 3, "There is no file nowhere.csv;"),
    (("leakage", "may.csv", "june.csv", "-t", "agee"), 3, "The data train has no column 'agee'."),
    (("leakage", "may.csv", "june.csv", "--time", "sex"), 2, "The column 'sex' is text, no time."),
]


@pytest.mark.parametrize(("line", "code", "text"), REFUSED)
def test_a_refusal_says_why_and_stores_nothing(
    cli: Cli, project: Project, tables: Tables, line: tuple[str, ...], code: int, text: str
) -> None:
    Path("twice.csv").write_text("id,id\n1,2\n")
    Path("ragged.csv").write_text("id,age\n1,2\n3\n")
    Path("latin.csv").write_bytes("id,näme\n1,2\n".encode("latin-1"))
    Path("void.csv").touch()
    Path("wrong.json").write_text('{"colums": {}}')
    project.datasets.expect("people", {"least_rows": 1})
    before = tables()
    done = cli("data", *line)
    assert (done.code, done.out) == (code, "")
    assert text in done.err
    assert tables() == before
