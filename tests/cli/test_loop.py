"""`lite-mlops loop`, and a server that takes the loops further by itself."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import COMMAND, Cli
from tests.conftest import wait_until
from tests.loops.conftest import bundles, deliver, looped, states
from tests.web.served import ask

__all__ = ["bundles", "looped"]  # fixtures


def test_a_loop_at_the_terminal(environment: None, looped: Project, cli: Cli) -> None:
    listed = cli("loop", "status")
    assert listed.code == 0
    assert "churn  churn@champion  waiting  It waits for a new version of rows." in listed.out
    assert (
        cli("loop", "pause", "churn", "--reason", "holidays").out == "The loop churn is paused.\n"
    )
    assert cli("loop", "run", "--once").out == "churn (paused): It is paused.\n"
    assert cli("loop", "resume", "churn").out == "The loop churn goes on.\n"
    deliver(looped, 2)
    ran = cli("loop", "run", "churn", "--once")
    assert ran.code == 0
    told = ran.out.splitlines()
    assert told[0].startswith("begun: There is a new version of rows, ")
    assert told[-2].startswith("promoted: churn/1 is churn@champion now.")
    assert told[-1] == "churn (waiting): It waits for a new version of rows."
    history = cli("loop", "history", "churn")
    assert [line.split()[3] for line in history.out.splitlines()[2:]] == [
        "begun", "training", "trained", "passed", "promoted",
    ]  # fmt: skip
    record = json.loads(cli("loop", "history", "churn", "--json").out)
    assert record[-1]["state"] == "promoted"
    shown = cli("loop", "status", "churn")
    assert "begins with  a new version of rows" in shown.out
    assert "tries on     50 %" in shown.out
    (state,) = json.loads(cli("loop", "status", "--json").out)
    assert (state["state"], state["loop"]["name"]) == ("waiting", "churn")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("run", "--now"), "--now needs the NAME of the loop."),
        (("run", "churn", "--due"), "--due goes with neither NAME nor --now."),
        (("run", "chorn", "--once"), "There is no loop 'chorn'. Did you mean 'churn'?"),
        (("resume", "churn"), "The loop churn is not paused."),
    ],
)
def test_what_cannot_be_done_is_refused(
    environment: None, looped: Project, cli: Cli, words: tuple[str, ...], why: str
) -> None:
    done = cli("loop", *words)
    assert done.code != 0
    assert why in done.err
    assert states(looped) == ["watching"]


def test_a_server_takes_the_loops_further(
    environment: None, looped: Project, tmp_path: Path
) -> None:
    deliver(looped, 2)
    looped.loops.run()
    with subprocess.Popen(
        [*COMMAND, "serve", "churn@champion", "--loop", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().rpartition("http://")[2].strip()
        try:
            deliver(looped, 3)

            def promoted() -> bool:
                assert ask(address, "POST", "/predict", b"[[1.0, 0.5]]")[0] == 200
                return states(looped).count("promoted") == 2

            wait_until(promoted, 90)
            assert looped.models.get("churn@champion").version == 2
        finally:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "Stopped." in out
