"""`lite-mlops monitor` and `lite-mlops alerts`: what they print, and how they end."""

from __future__ import annotations

import json

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli
from tests.monitoring.watched import CHURN, file, record, train


@pytest.fixture
def watched(project: Project) -> Project:
    train(project)
    file(project, CHURN)
    return project


def test_without_monitors_it_says_how_to_make_one(cli: Cli, project: Project) -> None:
    project.create()
    for words in (("ls",), ("status",)):
        done = cli("monitor", *words)
        assert done.code == 0
        assert "There is no monitor. Make one: a table [monitor.NAME]" in done.out
    assert cli("monitor", "run").code == 3
    assert cli("alerts", "ls").out == "Nothing fires.\n"


@pytest.mark.slow
def test_run_exits_with_4_if_something_fires(cli: Cli, watched: Project) -> None:
    record(watched)
    done = cli("monitor", "run")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("churn (churn/1): Nothing fires among 6 findings; 4 cannot be")
    record(watched, shift=2.0, seed=2)
    done = cli("monitor", "run", "churn", "--dry-run")
    assert done.code == 4
    assert "to log:\nchurn (churn/1): 1 firing\n- [alert, new] age: " in done.out
    done = cli("monitor", "run", "churn", "--json")
    assert done.code == 4
    (found,) = json.loads(done.out)
    assert found["severity"] == "alert"
    assert found["decided"][0]["how"] == "opened"
    assert found["told"][0]["state"] == "sent"
    assert cli("monitor", "run", "--due", "churn").code == 2
    assert cli("monitor", "run", "chrun").code == 3
    done = cli("monitor", "run", "churn", "--until", "2026-05-01T12:00", "--csv")
    assert done.out.startswith("monitor,model,check,subject,severity,sentence,")
    assert cli("monitor", "run", "churn", "--until", "soon").code == 2


def test_status_is_one_screen(cli: Cli, watched: Project) -> None:
    assert "It has not looked yet: lite-mlops monitor run." in cli("monitor", "status").out
    record(watched, shift=2.0)
    watched.monitors.run()
    done = cli("monitor", "status")
    assert done.code == 0
    assert "churn\n  1 of 10 findings fire, 1 alert (1 of drift)." in done.out
    assert "  churn/1, 200 rows; looked at " in done.out
    assert "  [alert] age: " in done.out
    told = json.loads(cli("monitor", "status", "--json").out)
    assert told["monitors"][0]["incidents"][0]["check"] == "drift"
    assert told["channels"][0]["state"] == "sent"
    assert cli("monitor", "status", "--csv").out.splitlines()[0] == (
        "monitor,verdict,ran_at,incidents"
    )


def test_show_tells_what_is_watched_and_found(cli: Cli, watched: Project) -> None:
    record(watched, shift=2.0)
    watched.monitors.run()
    done = cli("monitor", "show", "churn")
    for told in ("200 rows", "2 of 3", "found last", "last runs", "by hand", "lite-mlops.toml"):
        assert told in done.out
    found = json.loads(cli("monitor", "show", "churn", "--json").out)
    assert found["window"] == "200 rows"
    assert len(found["runs"]) == 1
    done = cli("monitor", "ls")
    assert "churn@champion" in done.out
    assert json.loads(cli("monitor", "ls", "--json").out)[0]["name"] == "churn"


def test_a_monitor_of_code_is_taken_away(cli: Cli, watched: Project) -> None:
    watched.monitors.set("other", model="churn")
    assert cli("monitor", "rm", "other").out == "The monitor other looks no more.\n"
    assert cli("monitor", "rm", "churn").code == 4


@pytest.mark.slow
def test_rehearse_shows_what_would_fire(cli: Cli, watched: Project) -> None:
    record(watched, rows=400)
    done = cli("monitor", "rehearse", "churn", "--shift", "age=2sd", "--draws", 2)
    assert done.code == 0, done.err
    assert "Untouched, 0 of 2 windows of 200 rows raise something. With age moved by" in done.out
    assert "untouched  changed" in done.out
    found = json.loads(
        cli("monitor", "rehearse", "churn", "--stuck", "age", "--draws", 1, "--json").out
    )
    assert found["changes"] == ["age stuck"]
    assert cli("monitor", "rehearse", "churn", "--shift", "aeg=2sd").code == 2


def test_alerts_are_acknowledged_silenced_and_resolved(cli: Cli, watched: Project) -> None:
    record(watched, shift=2.0)
    watched.monitors.run()
    (incident,) = json.loads(cli("alerts", "ls", "--json").out)
    short = incident["id"][-6:]
    assert f"{short}    alert     open   churn/drift/age" in cli("alerts", "ls").out
    done = cli("alerts", "ack", short, "--reason", "password=hunter2")
    assert done.out.startswith("Acknowledged: age: ")
    done = cli("alerts", "show", short)
    assert "acknowledged" in done.out
    assert "hunter2" not in done.out
    assert cli("alerts", "show", short, "--json").code == 0
    done = cli("alerts", "silence", "churn/drift", "--for", "2h")
    assert done.out.startswith("Nobody is told of churn/drift until ")
    assert "drift" in cli("alerts", "ls", "--silences").out
    assert "1 silenced" in cli("monitor", "status").out
    assert cli("alerts", "silence", "churn/drift", "--off").out == "churn/drift is told again.\n"
    assert cli("alerts", "silence", "churn").code == 2
    assert cli("alerts", "silence", "churn", "--for", "soon").code == 2
    assert cli("alerts", "resolve", short).out.startswith("Resolved: age: ")
    assert cli("alerts", "resolve", short).code == 4
    assert cli("alerts", "ls", "--monitor", "churn").out == "Nothing fires.\n"
    assert "resolved" in cli("alerts", "ls", "--all").out
    assert cli("alerts", "show", "zzz").code == 3


def test_channels_are_listed_and_tested(cli: Cli, watched: Project) -> None:
    done = cli("alerts", "test")
    assert (done.code, done.out) == (0, "log: told.\n")
    assert "alerts.ndjson" in cli("alerts", "channels").out
    file(watched, CHURN.replace("alerts.ndjson", "lite-mlops.toml/x"))
    done = cli("alerts", "test", "log")
    assert done.code == 1
    assert done.out.startswith("log: not told: ")
    assert "The channel log cannot be told: " in cli("monitor", "status").out
    (state,) = json.loads(cli("alerts", "channels", "--json").out)
    assert state["broken"] is True
    assert cli("alerts", "test", "lgo").code == 3
    (told,) = json.loads(cli("alerts", "test", "--json").out)
    assert told["sent"] is False
