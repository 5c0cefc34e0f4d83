"""`lite-mlops data`: add, list, show, check out, and what changed."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lite_mlops.cli.data import bars
from lite_mlops.project import Project
from tests.cli.conftest import Cli
from tests.test_architecture import HEAVY, loaded_by

PEOPLE = "age,sex\n41,f\n38,m\n44,f\n"


@pytest.fixture
def people(project: Project, tmp_path: Path) -> Path:
    path = tmp_path / "work" / "people.csv"
    path.write_text(PEOPLE)
    os.utime(path, (time.time() - 10,) * 2)
    return path


def added(cli: Cli, *options: str) -> str:
    done = cli("data", "add", "people.csv", "--name", "people", *options)
    assert (done.code, done.err) == (0, "")
    reference, _, shape = done.out.partition(": ")
    assert shape == "3 rows of 2 columns\n"
    return reference


def test_a_file_is_added_listed_and_shown(cli: Cli, people: Path, project: Project) -> None:
    reference = added(cli)
    version = project.datasets.get("people")
    assert reference == version.reference
    header, row = cli("data", "ls").out.splitlines()
    assert header.split() == ["version", "form", "rows", "columns", "size", "copy", "first", "seen"]
    assert row.split()[:6] == [reference, "table", "3", "2", "23", "B"]
    told = re.sub(r" +$", "", cli("data", "show", "people").out, flags=re.MULTILINE)
    assert f"SHA-256     {version.sha256}\n" in told
    assert "source      people.csv (unchanged)\n" in told
    assert "copy        none kept\n" in told
    assert re.search(r"^age +integer +3 +[▁-█ ]+38 to 44, mean 41$", told, re.MULTILINE)
    assert re.search(r"^sex +text +2 +█▄ +f 2, m 1$", told, re.MULTILINE)


def test_lists_come_as_json_and_csv(cli: Cli, people: Path, project: Project) -> None:
    added(cli)
    version = project.datasets.get("people")
    (listed,) = json.loads(cli("data", "ls", "--json").out)
    assert listed["sha256"] == version.sha256
    assert "profile" not in listed
    shown = json.loads(cli("data", "show", "people@latest", "--json").out)
    assert shown["profile"] == version.profile
    assert (shown["source_state"], shown["used_in"]) == ("unchanged", [])
    (row,) = csv.DictReader(io.StringIO(cli("data", "ls", "people", "--csv").out))
    assert (row["name"], row["source.path"]) == ("people", "people.csv")


def test_a_run_that_uses_it_is_shown(cli: Cli, people: Path, project: Project) -> None:
    with project.start_run("baseline") as run:
        pass
    added(cli, "--run", "baseline", "--role", "test")
    told = cli("data", "show", "people").out
    assert re.search(rf"^{run.id}  baseline  test  ", told, re.MULTILINE)
    done = cli("data", "add", "people.csv", "--name", "people", "--role", "test")
    assert done.code == 2
    assert "--role says what a run uses the data for; --run names the run" in done.err


def test_a_copy_is_checked_out(cli: Cli, people: Path) -> None:
    added(cli)
    done = cli("data", "checkout", "people", "back.csv")
    assert (done.code, done.out) == (3, "")
    assert "was kept, only its hash and profile" in done.err
    added(cli, "--snapshot")
    assert "copy        kept" in cli("data", "show", "people").out
    assert cli("data", "checkout", "people").code == 4
    people.write_text("spoiled")
    assert cli("data", "checkout", "people", "--force").out == "Wrote people.csv.\n"
    assert people.read_text() == PEOPLE


def test_changes_are_listed(cli: Cli, people: Path, project: Project) -> None:
    project.create()
    assert cli("data", "status").out == "No files of datasets are known.\n"
    added(cli)
    assert cli("data", "status").out == "1 unchanged.\n"
    assert "unchanged  people.csv  people" in cli("data", "status", "--all").out
    people.write_text(PEOPLE + "1,m\n")
    told = cli("data", "status", "people.csv").out
    assert "changed  people.csv  people" in told
    assert told.endswith("1 changed.\n")
    (one,) = json.loads(cli("data", "status", "people", "--json").out)
    assert one == {"dataset": "people", "path": "people.csv", "state": "changed"}
    done = cli("data", "status", "nothing")
    assert (done.code, "No dataset has the name or the files 'nothing'" in done.err) == (3, True)


def test_status_loads_neither_database_nor_numpy(
    cli: Cli, people: Path, project: Project, environment: None
) -> None:
    added(cli)
    code = "from lite_mlops.cli import main\ntry: main(['data', 'status'])\nexcept SystemExit: pass"
    loaded = loaded_by(f"exec({code!r})")
    assert "lite_mlops.data.sources" in loaded
    assert not loaded.intersection(HEAVY) - {"http", "asyncio"}


def test_queries_are_added(cli: Cli, project: Project, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "work" / "q.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE p (age INT)")
        connection.execute("INSERT INTO p VALUES (41)")
    done = cli("data", "add", "q.sqlite", "--name", "q", "--sql", "SELECT age FROM p")
    assert done.out.endswith(": 1 rows of 1 columns\n")
    assert "query       SELECT age FROM p" in cli("data", "show", "q").out


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (("show", "peoples"), 3, "There is no dataset 'peoples'. Did you mean 'people'?"),
        (("show", "people@12"), 2, "'people@12' names no version"),
        (("show", "people@0000000"), 3, "people has no version 0000000"),
        (("ls", "nobody"), 3, "There is no dataset 'nobody'"),
        (("add", "nowhere.csv", "--name", "x"), 3, "There is no file or folder nowhere.csv."),
        (("add", "people.csv", "--name", ""), 2, "dataset name is empty."),
    ],
)
def test_refusals_change_nothing(
    cli: Cli,
    people: Path,
    tables: Callable[[], dict[str, list[tuple[Any, ...]]]],
    args: tuple[str, ...],
    code: int,
    text: str,
) -> None:
    added(cli)
    before = tables()
    done = cli("data", *args)
    assert (done.code, done.out) == (code, "")
    assert text in done.err
    assert tables() == before


def test_a_wide_profile_fits_into_a_terminal(
    terminal: Callable[..., list[str]], project: Project
) -> None:
    generator = np.random.default_rng(1)
    table: dict[str, Any] = {f"{'long ' * 8}{i}": generator.normal(size=50) for i in range(3)}
    table["text"] = [f"\x1b[31m{'word ' * 20}{i % 3}" for i in range(50)]
    project.datasets.add(table, "wide")
    project.close()
    (told,) = terminal(["data", "show", "wide"])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told)
    assert max(map(len, plain.splitlines())) <= 80
    assert "\x1b[31m" not in told


def test_bars_show_every_count() -> None:
    assert bars([0, 1, 500, 1000]) == " ▁▄█"
    assert bars([]) == ""
    assert bars([0, 0]) == "  "
