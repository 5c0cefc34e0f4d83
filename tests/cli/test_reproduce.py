"""`lite-mlops reproduce`: what it prints, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli

SCRIPT = "import lite_mlops as lm, os; lm.log_metric('a', 1.5); lm.log_metric('b', {second})"


@pytest.fixture
def recorded(environment: None, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A run of a committed script; its id."""
    folder = tmp_path / "work"
    (folder / ".gitignore").write_text(".lite-mlops\n")
    (folder / "fit.py").write_text(SCRIPT.format(second=getattr(request, "param", "2")))
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "x")):
        subprocess.run(["git", *who, *words], check=True, cwd=folder)
    whole = {"LITE_MLOPS_CAPTURE_CODE": "1", "LITE_MLOPS_CAPTURE_ENVIRONMENT": "1"}
    subprocess.run([sys.executable, "fit.py"], check=True, cwd=folder, env=os.environ | whole)
    project = Project(folder)
    (run,) = project.runs.page()
    project.close()
    return run.id


def reproduce(cli: Cli, *words: str) -> tuple[int, str, str]:
    done = cli("reproduce", *words, capture_code=1, capture_environment=1)
    return done.code, done.out, done.err


def test_the_same_results_are_identical(cli: Cli, recorded: str) -> None:
    code, out, err = reproduce(cli, recorded)
    assert (code, err) == (0, "")
    assert "metric a  1.5       1.5    identical" in out
    assert f"\nIdentical: run {recorded}, again as " in out


@pytest.mark.slow
@pytest.mark.parametrize("recorded", ["os.getpid()"], indirect=True)
def test_other_results_exit_with_one(cli: Cli, recorded: str) -> None:
    code, out, _ = reproduce(cli, recorded)
    assert code == 1
    assert "seed: no param is one; a random generator without a seed is a likely cause" in out
    assert "\nDifferent: run " in out
    assert reproduce(cli, recorded, "--ignore", "B")[0] == 0
    assert reproduce(cli, recorded, "--relative", "0.9999")[1].count("within tolerance") == 1


def test_json_and_csv_tell_the_verdict(cli: Cli, recorded: str) -> None:
    told = json.loads(reproduce(cli, recorded, "--json")[1])
    assert (told["outcome"], told["run_id"]) == ("identical", recorded)
    assert [one["what"] for one in told["compared"]] == ["metric a", "metric b"]
    assert reproduce(cli, recorded, "--csv")[1].startswith("run_id,again_id,outcome,")


def test_check_only_says_what_it_would_take(cli: Cli, recorded: str) -> None:
    code, out, _ = reproduce(cli, recorded, "--check")
    assert code == 0
    assert "fit.py\ncommit   " in out
    assert out.endswith("Everything that it takes was recorded.\n")
    assert json.loads(reproduce(cli, recorded, "--check", "--json")[1])["missing"] == []
    assert len(json.loads(cli("runs", "ls", "--json").out)) == 1


def test_what_is_missing_is_named(cli: Cli, project: Project) -> None:
    with project.start_run("bare"):
        pass
    done = cli("reproduce", "bare", "--check")
    assert (done.code, done.out.splitlines()[-1]) == (
        1,
        "Nothing of its code and environment was recorded: capturing was switched off.",
    )
    done = cli("reproduce", "bare")
    assert (done.code, done.out) == (4, "")
    assert "cannot be run again; nothing was run.\n- Nothing of its code" in done.err


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["nope"], 3, "There is no run 'nope'."),
        (["bare", "--relative", "-1"], 2, "Invalid value for '--relative'"),
        ([], 2, "Missing argument 'RUN'."),
    ],
)
def test_wrong_calls(cli: Cli, project: Project, words: list[str], code: int, text: str) -> None:
    with project.start_run("bare"):
        pass
    done = cli("reproduce", *words)
    assert (done.code, done.out) == (code, "")
    assert text in done.err
    assert len(project.runs.page()) == 1
