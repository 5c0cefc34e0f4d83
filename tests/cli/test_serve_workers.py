"""`lite-mlops serve --workers` as a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import COMMAND, Cli
from tests.conftest import Prepared
from tests.web.served import ask, register

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


def _make_churn(project: Project) -> None:
    register(project, "a", alias="champion")


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_churn)


def started(*options: str) -> tuple[subprocess.Popen[str], str]:
    """Start it; return the process, and what it said until it answered."""
    process = subprocess.Popen(
        [*COMMAND, "serve", *options, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    while "Ctrl-C stops." not in said:
        line = process.stdout.readline()
        assert line, process.communicate()
        said += line
    return process, said


@pytest.mark.slow
def test_a_bundle_is_served_by_workers_with_one_token(
    environment: None, churn: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    churn.models.export("churn/1", tmp_path / "churn.lmz")
    monkeypatch.setenv("LITE_MLOPS_WORKERS", "2")
    process, said = started(str(tmp_path / "churn.lmz"), "--token")
    try:
        found = re.fullmatch(
            r"The token of clients, for as long as this server runs: (lmt_[\w-]+)\n"
            r"Serving churn/1 on http://(127\.0\.0\.1:\d+)\n"
            r"    It is answered by the model itself\.\n"
            r"    curl http://.* -H 'Authorization: Bearer TOKEN' .*\n"
            r"    http://.* in a browser has a form to try it; /openapi.json tells all routes.\n"
            r"    2 workers answer.\n"
            r"Nothing is recorded: a bundle is served without a project. Ctrl-C stops.\n",
            said,
        )
        assert found, said
        token, address = found.groups()
        headers = {"Authorization": f"Bearer {token}"}
        for _ in range(8):
            assert ask(address, "POST", "/predict", b"[[1]]")[0] == 401
            assert ask(address, "POST", "/predict", b"[[1]]", headers)[0] == 200
        assert "lite_mlops_predictions_total" in ask(address, "GET", "/metrics", b"", headers)[1]
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "\nStopped. 8 rows answered.\n", "")


@pytest.mark.slow
def test_what_cannot_be_served_is_told_as_without_workers(
    command: Cli, churn: Project, tables: Tables
) -> None:
    before = tables()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for line, code, text in (
            (["chrun"], 3, "There is no model 'chrun'. Did you mean 'churn'?"),
            (["churn", "--certfile", "none.pem"], 2, "The certificate none.pem cannot be used: "),
            (
                ["churn", "-p", str(port)],
                5,
                f"Port {port} cannot be used (Address already in use); choose another.",
            ),
            (["churn", "--host", "0.0.0.0", "-p", "0"], 6, "Clients need a token, and this proj"),  # noqa: S104
            (
                ["churn", "--workers", "0"],
                2,
                "the workers are '0'; expected a number such as 4, bounds such as 1..4 ",
            ),
        ):
            done = command("serve", "--workers", "2", "--port", "0", *line)
            assert (done.code, done.out) == (code, ""), done
            assert done.err.startswith(f"Error: {text}"), done.err
    assert tables() == before
