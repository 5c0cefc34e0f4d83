"""The commands around gates: what they print, what they write, and how they exit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lite_mlops.project import Project
from tests.cli.conftest import Cli
from tests.gates.conftest import GATE, Flipping, churn, churn_folder, customers, register
from tests.gates.conftest import settings_file as settings_file
from tests.gates.test_replay import answered

__all__ = ["churn", "churn_folder"]

Write = Callable[[str], None]
FOUR_EYES = GATE.replace("[gate.churn]", "[gate.churn]\napprovals = 1", 1)


@pytest.fixture
def gated(churn: Project, settings_file: Write) -> Project:
    """A project whose champion has a gate, with a worse version beside an equal one."""
    rows = customers()
    register(churn, Flipping(0.3).fit(rows[["visits", "age"]], rows["left"]), rows)
    answered(churn, customers(rows=100, seed=3))
    settings_file(GATE)
    churn.close()
    return churn


@pytest.mark.slow
def test_a_candidate_that_passes(cli: Cli, gated: Project, tmp_path: Path) -> None:
    done = cli(
        *("gate", "run", "churn/2", "--against", "churn@champion", "--replay", "7d"),
        *("--junit", tmp_path / "gate.xml", "--markdown", tmp_path / "gate.md"),
    )
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("passed       accuracy not worse\n             accuracy 0.")
    assert "passed       replay\n             of 100 recorded requests (" in done.out
    assert done.out.endswith(
        "churn/2 for churn@champion against churn/1: passed, 2 of 2 checks passed.\n"
    )
    assert "<testsuite " in (tmp_path / "gate.xml").read_text()
    assert (tmp_path / "gate.md").read_text().startswith("## Gate churn: churn/2 passed\n")


def test_a_candidate_that_fails_exits_with_3(cli: Cli, gated: Project, tmp_path: Path) -> None:
    done = cli("gate", "run", "churn/3", "--markdown", tmp_path / "gate.md")
    assert (done.code, done.err) == (3, "")
    assert done.out.startswith("failed       accuracy not worse\n")
    assert (tmp_path / "gate.md").read_text().startswith("## Gate churn: churn/3 failed\n")
    done = cli("gate", "run", "churn/3", "--json")
    assert done.code == 3
    found = json.loads(done.out)
    assert (found["outcome"], found["passed"], found["verdicts"][0]["stops"]) == (
        "failed",
        False,
        True,
    )
    assert cli("gate", "run", "churn/3", "--csv").out.startswith("name,check,outcome,reason,")
    done = cli("promote", "churn/3", "--reason", "hope")
    assert done.code == 6
    assert done.err.startswith("Error: churn/3 was not made churn@champion: its gate said 'failed'")
    assert done.err.endswith("Nothing was moved.\n")


def test_what_is_known_of_gates(cli: Cli, gated: Project) -> None:
    assert cli("gate", "history").out == "No gate ran yet.\n"
    assert cli("gate", "run", "churn/2").code == 0
    listed = cli("gate", "ls").out
    assert listed.splitlines()[1].split()[:3] == ["churn", "churn@champion", "holdout@latest"]
    assert json.loads(cli("gate", "ls", "--json").out)[0]["checks"] == ["accuracy not worse"]
    (kept,) = json.loads(cli("gate", "history", "churn", "--json").out)
    shown = cli("gate", "show", kept["number"])
    assert "accuracy not worse" in shown.out
    assert kept["data_sha256"] in shown.out
    assert "churn/2  @champion  churn/1  passed" in cli("gate", "history").out
    assert cli("gate", "show", 999).code == 3


def test_a_project_without_gates(cli: Cli, gated: Project, settings_file: Write) -> None:
    settings_file("")
    assert cli("gate", "ls").out.startswith("There is no gate. Write one as a table [gate.NAME]")
    done = cli("gate", "run", "churn/2")
    assert done.code == 3
    assert "Write one in lite-mlops.toml:\n[gate.churn]\n" in done.err
    done = cli("ci", "init", "github")
    assert done.code == 3
    assert done.err.startswith("Error: There is no gate to run in CI.")


def test_promoting_approving_and_overriding(cli: Cli, gated: Project, settings_file: Write) -> None:
    settings_file(FOUR_EYES)
    assert cli("gate", "run", "churn/2").code == 0
    done = cli("promote", "churn/2", actor="bob")
    assert done.code == 6
    assert "nobody approved it. `lite-mlops approve churn/2 --for champion` gives one." in done.err
    done = cli("approve", "churn/2", "--for", "champion", "--reason", "read it", actor="eve")
    assert (done.code, done.out) == (0, "eve approved churn/2 for @champion.\n")
    done = cli("approve", "churn/2", actor="eve")
    assert (done.code, done.err) == (4, "Error: eve approved churn/2 for @champion already.\n")
    done = cli("promote", "churn/2", "--to", "champion", "--expect", 1, actor="bob")
    assert (done.code, done.out) == (0, "churn@champion is churn/2 now.\n")
    done = cli("promote", "churn/3", "--override")
    assert (done.code, done.err) == (
        2,
        "Error: an override of a gate needs a reason, which is recorded. Nothing was moved.\n",
    )
    done = cli("models", "alias", "set", "churn", "champion", 3, "--override", "--reason", "fire")
    assert (done.code, done.out) == (0, "churn@champion points to version 3.\n")
    assert cli("models", "rollback", "churn").code == 0
    assert json.loads(cli("promote", "churn/2", "--json").out)["version"] == 2


def test_a_canary_is_promoted_through_the_gate(cli: Cli, gated: Project) -> None:
    assert cli("endpoint", "canary", "churn@champion", "churn/2=10%").code == 0
    done = cli("endpoint", "promote", "churn@champion")
    assert done.code == 6
    assert "the gate 'churn' did not run for it yet" in done.err
    done = cli("endpoint", "promote", "churn@champion", "--override", "--reason", "seen live")
    assert (done.code, done.out) == (0, "churn@champion is churn/2 now; its trial is over.\n")


def test_a_replay_shows_what_would_have_changed(cli: Cli, gated: Project) -> None:
    done = cli("gate", "replay", "churn/3", "--window", "all")
    assert done.code == 0
    assert "requests        100 of 100 recorded (all)\n" in done.out
    assert "the largest changes\n" in done.out
    found = json.loads(cli("gate", "replay", "churn/3", "--json").out)
    assert found["rows"] == 100
    assert len(found["largest"]) == 20
    assert found["largest"][0].keys() >= {"prediction_id", "then", "now", "change"}
    assert cli("gate", "replay", "churn/3", "--csv").out.startswith("prediction_id,then,now,")
    assert cli("gate", "replay", "churn/3", "--window", "soon").code == 2


@pytest.mark.parametrize(
    ("system", "place"),
    [("github", ".github/workflows/model.yml"), ("gitlab", ".gitlab-ci.yml")],
)
def test_a_workflow_is_written_once(
    cli: Cli, gated: Project, tmp_path: Path, system: str, place: str
) -> None:
    path = tmp_path / "work" / place
    done = cli("ci", "init", system)
    assert (done.code, done.out) == (0, f"{path} runs the pipeline and 1 gate.\n")
    assert "gate" in str(yaml.safe_load(path.read_text()))
    path.write_text("mine")
    done = cli("ci", "init", system)
    assert (done.code, done.err) == (
        4,
        f"Error: {path} exists; --force replaces it. Nothing was written.\n",
    )
    assert path.read_text() == "mine"
    assert cli("ci", "init", system, "--force", "--json").code == 0
    assert "lite-mlops gate run churn --against churn@champion" in path.read_text()
    elsewhere = tmp_path / "elsewhere" / "gate.yml"
    assert cli("ci", "init", system, "--file", elsewhere).code == 0
    assert elsewhere.is_file()
