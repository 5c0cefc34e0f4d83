"""Gates: judging, keeping what was found, and telling it in several forms."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
import yaml

import lite_mlops as lm
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.gates import GateReport, Verdict, as_junit, as_markdown, workflow
from lite_mlops.gates.verdicts import outcome_of
from lite_mlops.models import ModelContext, PythonModel
from lite_mlops.project import Project
from tests.gates.conftest import GATE, customers
from tests.gates.test_promoting import dumped
from tests.gates.test_replay import answered

Write = Callable[[str], None]


# -- judging --------------------------------------------------------------------------------------


def test_what_was_found_is_kept_with_what_it_rests_on(churn: Project, settings_file: Write) -> None:
    settings_file(GATE.replace("[gate.churn]", "[gate.churn]\nseed = 7", 1))
    report = churn.gates.run("churn/2", "churn@champion", reason="nightly")
    assert report.number is not None
    (kept,) = churn.gates.history("churn")
    assert (kept.name, kept.alias, kept.baseline, kept.outcome) == (
        "churn/2",
        "champion",
        1,
        "passed",
    )
    assert (kept.seed, kept.rows, kept.reason) == (7, 600, "nightly")
    assert kept.data_name == "holdout@latest"
    assert kept.data_sha256 == churn.datasets.get("holdout").sha256
    assert kept.judged_at <= datetime.now(UTC)
    again = churn.gates.report(report.number)
    assert again.verdicts == report.verdicts
    assert (again.candidate, again.against, again.digest) == (
        report.candidate,
        report.against,
        report.digest,
    )
    found = churn.sql("SELECT outcome, row_count, seed FROM gate_verdicts").to_dicts()
    assert found == [{"outcome": "passed", "row_count": 600, "seed": 7}]
    with pytest.raises(NotFound, match="There is no report 999"):
        churn.gates.report(999)


def test_nothing_is_kept_of_a_look(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    before = dumped(churn)
    report = churn.gates.run("churn/2", keep=False)
    assert (report.passed, report.number) == (True, None)
    assert dumped(churn) == before


def test_a_gate_of_the_moment_moves_no_alias(churn: Project) -> None:
    frame = customers(seed=2)
    checks = [{"check": "metric", "metric": "accuracy", "at_least": 0.6}]
    report = churn.gates.run("churn/2", data=frame, definition={"label": "left", "check": checks})
    assert report.passed
    assert (report.data_name, report.rows) == ("DataFrame", 600)
    assert report.data_sha256 == churn.datasets.fingerprint(frame)
    assert report["accuracy"].value == pytest.approx(0.8, abs=0.1)
    with pytest.raises(KeyError):
        report["nothing"]


def test_the_verbs_judge_and_promote(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    lm.use_project(churn)
    assert lm.gate("churn/2", against="churn@champion").passed
    assert lm.promote("churn/2", to="champion", reason="no worse").version == 2


def test_a_version_to_compare_with_may_be_named(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    assert churn.gates.run("churn/1", "churn/2").against == "churn/2"


def test_a_replay_that_the_gate_does_not_ask_for_stops_nothing(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE)
    answered(churn, customers(rows=100, seed=3))
    report = churn.gates.run("churn/2", replay="7d")
    assert report["replay"].blocks is False
    assert report["replay"].rows == 100
    assert report.passed


@pytest.mark.parametrize(
    ("candidate", "more", "kind", "told"),
    [
        ("churn/9", {}, NotFound, "has no version 9"),
        ("churn/2", {"against": "other@champion"}, Invalid, "churn/2 is no version of other; a ca"),
        ("churn/2", {"against": "churn@live"}, NotFound, "There is no gate of churn@live. Write "),
        ("churn/2", {"data": "nothing@latest"}, NotFound, "There is no dataset 'nothing'."),
        ("churn/2", {"replay": "soon"}, Invalid, "'soon' is no window of predictions"),
        ("runs:/abc/model", {}, Invalid, "a registered version is needed here"),
        ("churn/2", {"definition": {"check": []}}, Invalid, "it would keep nothing"),
    ],
)
def test_what_cannot_be_judged_is_told_and_not_kept(
    churn: Project,
    settings_file: Write,
    candidate: str,
    more: dict[str, Any],
    kind: type[Exception],
    told: str,
) -> None:
    settings_file(GATE)
    before = dumped(churn)
    with pytest.raises(kind) as error:
        churn.gates.run(candidate, **more)
    assert told in str(error.value)
    assert dumped(churn) == before


def test_gates_are_found_by_name_and_by_what_they_keep(
    churn: Project, settings_file: Write
) -> None:
    with pytest.raises(NotFound, match=r"There is no gate of churn\. Write one in lite-mlops"):
        churn.gates.run("churn/2")
    settings_file(GATE + '[gate.trial]\nmodel = "churn"\nalias = "trial"\napprovals = 1\n')
    assert [one.target for one in churn.gates.all()] == ["churn@champion", "churn@trial"]
    assert churn.gates.get("trial").requirement.approvals == 1
    assert churn.gates.get("trial").to_dict()["checks"] == []
    assert churn.gates.of("churn", "trial").name == "trial"
    with pytest.raises(Invalid, match="churn has several gates, churn@champion, churn@trial; say"):
        churn.gates.run("churn/2")
    with pytest.raises(NotFound, match=r"no gate 'trail'\. Did you mean 'trial'"):
        churn.gates.get("trail")
    # A gate without checks passes, and asks for its approval.
    assert churn.gates.run("churn/2", "churn@trial").passed
    assert "nobody approved it" in str(churn.models.hindrance("churn/2", "trial"))


def test_data_that_cannot_be_read_is_told_by_the_checks(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE.replace("holdout@latest", "gone.csv"))
    report = churn.gates.run("churn/2")
    assert (report.outcome, report.data_sha256) == ("cannot tell", None)
    assert "There is no file" in report.verdicts[0].reason


def test_a_candidate_that_cannot_be_loaded_fails(churn: Project, settings_file: Write) -> None:
    settings_file(GATE)
    version = churn.models.get("churn/2")
    shared = churn.models.get("churn/1")
    assert version.sha256 == shared.sha256  # equal models are one file
    churn.models.set_alias("churn", "champion", 1)
    path = next(churn.store.layout.objects.rglob(version.sha256[2:] + "*"), None)
    path = path or next(churn.store.layout.objects.rglob(version.sha256 + "*"))
    path.chmod(0o600)
    path.write_bytes(b"broken")
    report = churn.gates.run("churn/2")
    assert report.outcome == "failed"


class Breaking(PythonModel):
    """Raises what no model should."""

    def predict(self, context: ModelContext, rows: Any) -> Any:  # noqa: ARG002
        """Break on customers who come often."""
        if (rows["visits"] > 0).any():
            raise KeyError("lost")
        return ["no"] * len(rows)


def test_a_candidate_that_breaks_fails_every_check_that_asks_it(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE + '[[gate.churn.check]]\ncheck = "latency"\ntimes = 9.0\n')
    rows = pd.DataFrame({"visits": [-1.0, -2.0], "age": [30.0, 40.0]})
    answered(churn, customers(rows=100, seed=3))
    churn.models.register(Breaking(), "churn", input_example=rows, trust=True)
    report = churn.gates.run("churn/3", replay="all")
    assert [one.outcome for one in report.verdicts] == ["failed", "failed", "passed"]
    for one in report.verdicts[:2]:
        assert one.reason == ("churn/3 cannot answer the data: the model raised KeyError: 'lost'.")
    assert 20 < report["replay"].evidence["failed"] < 80
    assert report.outcome == "failed"


# -- verdicts -------------------------------------------------------------------------------------


def verdict(outcome: str, name: str = "one", **more: Any) -> Verdict:
    return Verdict(name=name, check="metric", outcome=outcome, reason=f"{name} says so.", **more)


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ([], "passed"),
        ([verdict("passed")], "passed"),
        ([verdict("passed"), verdict("cannot tell")], "cannot tell"),
        ([verdict("cannot tell"), verdict("failed")], "failed"),
        ([verdict("failed", blocks=False)], "passed"),
        ([verdict("cannot tell", lenient=True)], "passed"),
        ([verdict("failed", lenient=True)], "failed"),
        ([verdict("cannot tell", blocks=False)], "passed"),
    ],
)
def test_what_a_gate_says_as_a_whole(verdicts: list[Verdict], outcome: str) -> None:
    assert outcome_of(verdicts) == outcome


HOSTILE = "<b>|`x`*\x1b[31m\nnew"


def report_with(*verdicts: Verdict) -> GateReport:
    return GateReport(
        gate="churn",
        candidate="churn/2",
        target="churn@champion",
        against="churn/1",
        digest="d" * 64,
        data_name=HOSTILE,
        data_sha256="a" * 64,
        rows=600,
        seed=0,
        judged_at=datetime(2026, 3, 8, tzinfo=UTC),
        actor="ann",
        seconds=1.25,
        verdicts=verdicts,
    )


MIXED = report_with(
    verdict("passed"),
    verdict("failed", HOSTILE, warning="only 30 rows"),
    verdict("cannot tell", "two"),
    verdict("failed", "three", blocks=False),
)


def test_a_report_tells_itself() -> None:
    assert MIXED.summary() == (
        "churn/2 for churn@champion against churn/1: failed, 1 of 4 checks passed."
    )
    assert [one.name for one in MIXED.stopping] == [HOSTILE, "two"]
    assert "<b>" not in MIXED._repr_html_().replace("<th", "").replace("<td", "")
    assert str(MIXED).splitlines()[-1] == MIXED.summary()
    assert MIXED.to_dict()["verdicts"][1]["stops"] is True


def test_junit_is_read_by_others() -> None:
    root = ET.fromstring(as_junit([MIXED]))  # noqa: S314  written here
    (suite,) = root
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    kinds = [[child.tag for child in case] for case in suite]
    assert kinds == [["system-out"], ["failure"], ["error"], ["skipped"]]
    told = suite[1][0].text
    assert told == "<b>|`x`*\\x1b[31m\nnew says so. (only 30 rows)"


def test_markdown_holds_no_markup_of_what_was_recorded() -> None:
    from markdown_it import MarkdownIt

    text = as_markdown([MIXED])
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<tr>") == 5
    assert "<b>" not in html
    assert "\x1b" not in text
    assert "## Gate churn: churn/2 failed" in text
    assert "| failed, does not stop it | three | three says so. |" in text
    assert "600 rows; seed 0; settings dddddddddddd." in text


def test_markdown_lists_the_largest_changes_of_a_replay(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE)
    largest = [
        {"prediction_id": "p1", "then": "no", "now": "yes", "score_then": 0.2, "score_now": None}
    ]
    one = Verdict("passed", "fine.", name="replay", check="replay", evidence={"largest": largest})
    assert "| p1 | no | yes | 0.2 |  |" in as_markdown([report_with(one)])


# -- workflows ------------------------------------------------------------------------------------

GATES = [("churn", "churn", "champion"), ("price", "prices", "live")]


def test_the_workflow_of_github_is_what_github_reads() -> None:
    found = yaml.safe_load(workflow("github", GATES))
    assert found[True] == {"pull_request": None, "workflow_dispatch": None}  # `on`, to YAML 1.1
    assert found["permissions"]["pull-requests"] == "write"
    steps = {step["name"]: step for step in found["jobs"]["gate"]["steps"] if "name" in step}
    assert steps["Pipeline"]["run"] == "lite-mlops pipe run"
    lines = steps["Gates"]["run"].splitlines()
    assert lines[0] == "status=0"
    assert lines[1] == (
        "lite-mlops gate run churn --against churn@champion --junit gate-churn.xml --markdown "
        "gate-churn.md || status=$?"
    )
    assert "gate run prices --against prices@live" in lines[2]
    assert lines[3] == 'exit "$status"'
    assert "gh pr comment" in steps["Report"]["run"]
    assert "GITHUB_STEP_SUMMARY" in steps["Report"]["run"]


def test_the_workflow_of_gitlab_is_what_gitlab_reads() -> None:
    found = yaml.safe_load(workflow("gitlab", GATES))
    job = found["gate"]
    assert job["script"][0] == "lite-mlops pipe run"
    assert job["script"][1].splitlines()[2].startswith("lite-mlops gate run prices --against ")
    assert job["artifacts"]["reports"]["junit"] == "gate-*.xml"
    assert job["artifacts"]["when"] == "always"
    assert "notes" in job["after_script"][0]


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_the_shell_of_a_workflow_is_sound(system: str, tmp_path: Path) -> None:
    found = yaml.safe_load(workflow(system, GATES))
    if system == "github":
        scripts = [step["run"] for step in found["jobs"]["gate"]["steps"] if "run" in step]
    else:
        job = found["gate"]
        scripts = [*job["before_script"], *job["script"], *job["after_script"]]
    for script in scripts:
        plain = script.replace("${{ github.ref }}", "")
        subprocess.run(["sh", "-n", "-c", plain], check=True, cwd=tmp_path)


def test_a_workflow_needs_a_system_and_a_gate() -> None:
    with pytest.raises(Invalid, match=r"no workflow for 'gitlub'; there is github, gitlab\. Did"):
        workflow("gitlub", GATES)
    with pytest.raises(Invalid, match="there is no gate to run"):
        workflow("github", [])
