"""`lite-mlops pipe` and `import dvc`: steps run, and it is told why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli

TABLES = """
[params]
word = "b"

[[step]]
name = "first"
command = "cat raw.txt > first.txt; echo read"
inputs = ["raw.txt"]
outputs = ["first.txt"]

[[step]]
name = "second"
command = "cat first.txt > second.txt; echo {word} >> second.txt"
inputs = ["first.txt"]
outputs = ["second.txt"]
params = ["word"]
"""


@pytest.fixture
def tables(environment: None) -> Path:
    Path("lite-mlops.toml").write_text(TABLES)
    Path("raw.txt").write_text("a\n")
    return Path()


def test_run_tells_what_ran_and_why(cli: Cli, tables: Path, project: Project) -> None:
    done = cli("pipe", "run")
    lines = done.out.splitlines()
    assert lines[:3] == [
        "first runs: it did not run yet",
        "first | read",
        "second runs: it did not run yet",
    ]
    run = project.runs.page()[-1]
    assert (lines[3][:11], lines[3][-25:]) == ("2 ran, in 0", f"Run {run.id}.")
    assert (done.code, Path("second.txt").read_text()) == (0, "a\nb\n")
    assert cli("pipe", "run").out.startswith("2 skipped, in ")
    Path("second.txt").unlink()
    done = cli("pipe", "run")
    assert done.out.startswith("second comes back: output second.txt is missing\n1 restored, 1 sk")


def test_params_targets_and_force(cli: Cli, tables: Path) -> None:
    cli("pipe", "run", "-P", "word=c", "-j", 1)
    assert Path("second.txt").read_text() == "a\nc\n"
    assert cli("pipe", "run", "first", "--force").out.startswith("first runs: it is forced to\n")
    assert cli("pipe", "run", "first").out.startswith("1 skipped")
    done = cli("pipe", "run", "third")
    assert done.code == 3
    assert done.err == "Error: There is no step 'third'. The steps are: first, second.\n"
    done = cli("pipe", "run", "-P", "wrd=1")
    assert done.err == "Error: There is no param 'wrd' in any step. Did you mean 'word'?\n"
    assert done.code == 2


def test_status_and_dry_run_change_nothing(cli: Cli, tables: Path) -> None:
    for args in (("status",), ("run", "--dry-run")):
        done = cli("pipe", *args)
        rows = [line.split(maxsplit=2) for line in done.out.splitlines()]
        assert [[cell.strip() for cell in row] for row in rows] == [
            ["step", "state", "why"],
            ["first", "run", "it did not run yet"],
            ["second", "waits", "first would run"],
        ]
    assert not Path("first.txt").exists()
    assert not Path(".lite-mlops").exists()
    cli("pipe", "run")
    found = json.loads(cli("pipe", "status", "-P", "word=c", "--json").out)
    assert [(one["step"], one["state"], one["reasons"]) for one in found] == [
        ("first", "up to date", []),
        ("second", "run", ["param word changed: b -> c"]),
    ]


def test_a_step_that_fails(cli: Cli, tables: Path) -> None:
    fail = r"printf '\\033[31mno\\n'; exit 1; echo {word}"
    Path("lite-mlops.toml").write_text(TABLES.replace("echo {word}", fail))
    done = cli("pipe", "run")
    assert done.code == 1
    assert "Error: Step 'second' failed: it ended with exit code 1. The last it " in done.err
    assert "second | \\x1b[31mno\n" in done.out
    assert "\x1b" not in done.out + done.err
    done = cli("pipe", "run", "--json")
    report = json.loads(done.out)
    assert [one["what"] for one in report["steps"]] == ["skipped", "failed"]
    assert done.code == 1
    assert "second runs: it did not run yet\n" in done.err


def test_dag_in_its_forms(cli: Cli, tables: Path) -> None:
    assert cli("pipe", "dag").out == (
        "- first\n    reads raw.txt\n    makes first.txt\n"
        "- second\n    first.txt from first\n    makes second.txt\n"
    )
    cli("pipe", "run")
    assert "- second  (up to date)\n" in cli("pipe", "dag", "--state").out
    found = json.loads(cli("pipe", "dag", "--json").out)
    assert found["edges"] == [{"source": "first", "target": "second", "by": "first.txt"}]
    assert cli("pipe", "dag", "--svg", "x.svg").out == "Wrote x.svg.\n"
    svg = Path("x.svg").read_text()
    assert svg.startswith("<svg")
    assert "first.txt" in svg


def test_functions_of_a_file(command: Cli, tables: Path) -> None:
    Path("flow.py").write_text(
        "import lite_mlops as lm\n@lm.step\ndef make(word): print(word)\n"
        "@lm.pipeline\ndef flow(word='hello'): make(word)\n"
    )
    done = command("pipe", "run", "-f", "flow.py")
    assert done.out.splitlines()[:2] == ["make runs: it did not run yet", "hello"]
    done = command("pipe", "run", "-f", "flow.py:flow", "-P", "word=bye")
    assert done.out.splitlines()[0] == "make runs: param word changed: hello -> bye"
    done = command("pipe", "run", "-f", "flow.py", "-P", "wod=x")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("Error: Pipeline 'flow' cannot be run like this: got an unexpected")


def test_watch_runs_and_ends(command: Cli, tables: Path) -> None:
    done = command("pipe", "watch", "--times", 1)
    lines = done.err.splitlines()
    assert lines[:2] == [f"Watching {Path.cwd()}.", "first runs: it did not run yet"]
    assert (done.code, Path("second.txt").read_text()) == (0, "a\nb\n")


def test_without_steps(cli: Cli) -> None:
    done = cli("pipe", "run")
    assert done.code == 3
    assert done.err.startswith("Error: There are no steps: ")


DVC = "stages:\n  copy:\n    cmd: cp raw.txt out.txt\n    deps: [raw.txt]\n    outs: [out.txt]\n"


def test_import_dvc(cli: Cli, tables: Path) -> None:
    Path("dvc.yaml").write_text(DVC + "    frozen: true\n")
    done = cli("import", "dvc", "--dry-run")
    assert done.out == (
        '[[step]]\nname = "copy"\ncommand = "cp raw.txt out.txt"\ninputs = ["raw.txt"]\n'
        'outputs = ["out.txt"]\n'
    )
    assert done.err == ("Stage 'copy': it is frozen in DVC; here it runs when something changed.\n")
    assert Path("lite-mlops.toml").read_text() == TABLES
    done = cli("import", "dvc")
    assert done.out.startswith("Added 1 steps to ")
    assert cli("pipe", "run", "copy").code == 0
    assert Path("out.txt").read_text() == "a\n"
    done = cli("import", "dvc", "--json")
    assert (done.code, done.out) == (4, "")
    assert "has a step 'copy' already" in done.err
