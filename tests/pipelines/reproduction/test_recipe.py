"""What it takes to run a run again, and what is missing for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lite_mlops.pipelines.reproduction.recipe import recipe_of
from lite_mlops.tracking import Run, parse_requirements

GIT = {
    "commit": "c" * 40,
    "branch": "main",
    "dirty": False,
    "untracked": ["notes.txt"],
    "folder": "sub/deep",
}
SOURCE = {
    "command": ["/opt/bin/python3.12", "-u", "train.py", "/home/ann/work/data.csv"],
    "executable": "/opt/bin/python3.12",
    "python": "3.12.1",
    "folder": "/home/ann/work/sub/deep",
    "variables": {"PYTHONHASHSEED": "0", "VIRTUAL_ENV": "/home/ann/.venv", "SLURM_JOB_ID": "7"},
    "wrapped": False,
    "git": GIT,
}


def run_with(**source: Any) -> Run:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    return Run(
        id="6800000aaaaaaaaaaaaa",
        name="first",
        experiment="default",
        status="finished",
        actor="ann",
        started_at=moment,
        ended_at=moment,
        parent_id=None,
        note=None,
        deleted=False,
        source={name: value for name, value in (SOURCE | source).items() if value is not None},
    )


def test_a_whole_record_is_a_recipe() -> None:
    recipe = recipe_of(run_with(), "diff", "click==8.3.1\nnumpy==2.3.5\n")
    assert recipe.missing == ()
    assert (recipe.commit, recipe.folder, recipe.diff) == ("c" * 40, "sub/deep", "diff")
    assert recipe.packages == {"click": "8.3.1", "numpy": "2.3.5"}
    assert recipe.variables == {"PYTHONHASHSEED": "0"}
    assert recipe.top == "/home/ann/work"
    assert recipe.to_dict()["command"] == SOURCE["command"]


def test_the_command_gets_another_interpreter_and_another_place() -> None:
    recipe = recipe_of(run_with())
    assert recipe.command_in("/new", "/env/python") == [
        "/env/python",
        "-u",
        "train.py",
        "/new/data.csv",
    ]


@pytest.mark.parametrize(
    ("first", "replaced"),
    [
        ("python", True),
        ("python3.11", True),
        ("C:\\Python312\\pythonw.exe", True),
        ("/usr/bin/Rscript", False),
        ("python-config", False),
    ],
)
def test_only_a_python_is_replaced(first: str, replaced: bool) -> None:  # noqa: FBT001
    words = recipe_of(run_with(command=[first, "x"])).command_in("/new", "/env/python")
    assert words == ["/env/python" if replaced else first, "x"]


def test_a_path_that_only_begins_alike_stays() -> None:
    command = ["python", "/home/ann/workshop/x.py", "/home/ann/work"]
    words = recipe_of(run_with(command=command)).command_in("/new", "python")
    assert words == ["python", "/home/ann/workshop/x.py", "/new"]


@pytest.mark.parametrize(
    ("folder", "below", "top"),
    [
        ("/home/ann/work", ".", "/home/ann/work"),
        ("/w/a/b", "a/b", "/w"),
        ("C:\\w\\a", "a", "C:\\w"),
        ("/a", "a", "/"),
    ],
)
def test_the_top_of_the_repository(folder: str, below: str, top: str) -> None:
    assert recipe_of(run_with(folder=folder, git=GIT | {"folder": below})).top == top


@pytest.mark.parametrize(
    ("source", "diff", "missing"),
    [
        ({"command": None}, "", "Its command line was not recorded."),
        ({"command": ["python"]}, "", "It was logged from an interactive session"),
        ({"command": ["python", "-"]}, "", "It was logged from an interactive session"),
        ({"command": ["python", "-m", "ipykernel_launcher"]}, "", "logged from a notebook"),
        ({"command": ["fit", "--token=[masked]"]}, "", "Its command line held a secret"),
        ({"variables": {"CUDA_X": "[masked]"}}, "", "The variable CUDA_X held a secret"),
        ({"git": None}, "", "No git: its code was not under version control"),
        ({"git": GIT | {"commit": None}}, "", "Its git repository had no commit yet."),
        ({"git": GIT | {"folder": None}}, "", "lay outside of the git repository"),
        ({"git": GIT | {"dirty": True}}, "", "Its uncommitted changes are recorded but"),
        ({}, "x\n[cut: 11,000,000 characters of changes]\n", "too many to be recorded whole"),
        ({"git": GIT | {"untracked": ["sub/deep/train.py"]}}, "", "script train.py was not under"),
        (
            {
                "command": ["python", "/home/ann/work/a.py"],
                "git": GIT | {"untracked": ["a.py"]},
            },
            "",
            "The script /home/ann/work/a.py was not under",
        ),
    ],
)
def test_what_is_missing_is_named(source: dict[str, Any], diff: str, missing: str) -> None:
    (found,) = recipe_of(run_with(**source), diff).missing
    assert missing in found


def test_several_missing_pieces_are_all_named() -> None:
    assert len(recipe_of(run_with(command=None, git=None)).missing) == 2


def test_without_any_record_that_alone_is_said() -> None:
    run = run_with(**dict.fromkeys(SOURCE))
    assert recipe_of(run).missing == (
        "Nothing of its code and environment was recorded: capturing was switched off.",
    )


def test_requirements_are_read_line_by_line() -> None:
    assert parse_requirements("a==1\n\n# b\nc==2==3\n") == {"a": "1", "c": "2==3"}
