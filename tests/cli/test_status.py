"""`lite-mlops status` and `du`: how a project stands, and what it takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lite_mlops.cli.output import size
from lite_mlops.project import Project
from lite_mlops.store.events import Params
from tests.cli.conftest import Cli, logged, trained


def facts(text: str) -> dict[str, str]:
    """The names and values that are printed below each other."""
    lines = [line for line in text.splitlines() if "  " in line]
    return {name: value.strip() for name, _, value in (line.partition("  ") for line in lines)}


def test_an_empty_project_has_nothing_yet(cli: Cli, project: Project) -> None:
    project.create()
    done = cli("status")
    told = facts(done.out)
    assert (done.code, done.err) == (0, "")
    assert told["project"] == str(project.folder)
    assert (told["runs"], told["metric points"]) == ("none yet", "0")
    assert told["on the disk"].endswith(" free")
    assert not {"predictions", "model versions", "problems"} & told.keys()


def test_the_status_counts_what_there_is(cli: Cli, project: Project) -> None:
    trained(project)
    project.endpoint("churn").predict([[0.5, 0.5]] * 3)
    project.runs.delete(logged(project, "away"))
    with pytest.raises(ZeroDivisionError), project.start_run():
        raise ZeroDivisionError
    told = facts(cli("status").out)
    assert told["runs"] == "1 failed, 1 finished"
    assert told["metric points"] == "3"
    assert (told["model versions"], told["predictions"]) == ("1", "3")


def test_problems_are_counted_and_lead_to_the_doctor(cli: Cli, project: Project) -> None:
    run = logged(project)
    project.store.append(Params(run=run, keys=["depth"], texts=["4"]))
    assert facts(cli("status").out)["problems"] == "1; `lite-mlops doctor` lists them"


def test_who_is_logging_is_told(cli: Cli, project: Project) -> None:
    with project.start_run():
        told = json.loads(cli("status", "--json").out)
        (writer,) = told["writers"]
        assert writer["bytes"] > 0
        assert f"{writer['pid']}" in cli("status").out.partition("logging at present")[2]
    project.close()
    assert json.loads(cli("status", "--json").out)["writers"] == []


def test_json_of_the_status_is_what_the_library_returns(cli: Cli, project: Project) -> None:
    logged(project)
    told = json.loads(cli("status", "--json").out)
    expected = project.status().to_dict()
    for changing in ("bytes", "free_bytes", "writers"):
        assert told.pop(changing) is not None
        del expected[changing]
    assert told == expected


def test_the_parts_add_up_to_what_lies_on_the_disk(cli: Cli, project: Project) -> None:
    trained(project)
    project.close()
    project.status()  # folds
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    loose = {"lock", "lock.gate", ".gitignore"}
    expected = sum(path.stat().st_size for path in files if path.name not in loose)
    done = cli("du")
    assert done.code == 0
    header, *rows = done.out.splitlines()
    assert header.split() == ["part", "files", "size", "what"]
    total = rows[-1].split()
    assert total[0] == "all"
    parts = json.loads(cli("du", "--json").out)
    assert [row.split("  ")[0].strip() for row in rows[:-1]] == [part["part"] for part in parts]
    assert sum(part["bytes"] for part in parts) == expected
    assert " ".join(total[2:]) == size(expected)
    assert sum(part["files"] for part in parts) == int(total[1])


def test_what_is_linked_counts_once(cli: Cli, project: Project) -> None:
    with project.start_run() as run:
        run.log_text("x" * 1_000_000, "x.txt")
    project.close()
    project.backup()
    parts = {part["part"]: part["bytes"] for part in json.loads(cli("du", "--json").out)}
    assert parts["objects"] + parts["backups"] < 4_000_000
    assert parts["objects"] == 500_000


@pytest.mark.parametrize("command", ["status", "du"])
def test_a_word_too_much_is_refused(cli: Cli, project: Project, command: str) -> None:
    logged(project)
    done = cli(command, "x")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("Error: Got unexpected extra argument (x)\n")


def test_both_forms_at_once_take_the_last(cli: Cli, project: Project) -> None:
    logged(project)
    assert json.loads(cli("status", "--csv", "--json").out)["folder"] == str(Path(project.folder))
