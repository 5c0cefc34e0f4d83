"""`lite-mlops demo`: told in a terminal, beside what is there already."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import COMMAND, Cli, in_terminal, logged

STYLES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.slow
def test_the_story_is_told_in_a_narrow_terminal_and_leaves_what_is_there(
    environment: None, project: Project
) -> None:
    run = logged(project, "mine", "own")
    code, shown = in_terminal([*COMMAND, "demo", "."], columns=80)
    assert code == 0
    assert "\x1b[1;36m[1/7] Data: " in shown  # coloured
    steps = re.findall(r"^\[(\d)/7\] ", STYLES.sub("", shown), re.MULTILINE)
    assert steps == list("1234567")
    assert {one.experiment for one in project.runs.page()} == {"own", "diagnosis"}
    assert project.runs.get(run).status == "finished"
    wide = [line for line in STYLES.sub("", shown).splitlines() if len(line) > 80]
    assert [line for line in wide if " " in line.strip()] == []  # a long word, as a path, stays


def test_a_file_is_no_folder_for_the_demo(cli: Cli) -> None:
    Path("notes.txt").write_text("mine")
    done = cli("demo", "notes.txt")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(
        "Error: Invalid value for '[PATH]': Directory 'notes.txt' is a file.\n"
    )


@pytest.mark.parametrize("line", [("a", "b"), ("--no-such-option",)])
def test_a_wrong_call_makes_nothing(cli: Cli, line: tuple[str, ...]) -> None:
    done = cli("demo", *line)
    assert (done.code, done.out) == (2, "")
    assert not list(Path.cwd().iterdir())
