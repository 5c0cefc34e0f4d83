"""`lite-mlops serve` as a process of its own: aliases that move under load, and tokens."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lite_mlops.project import Project
from tests.cli.conftest import COMMAND
from tests.conftest import Prepared, wait_until
from tests.web.served import ask, register

SWAPS = int(os.environ.get("LITE_MLOPS_TEST_SWAPS", "10"))


def _make_churn(project: Project) -> None:
    register(project, "a", alias="champion")


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_churn)


class Process:
    """`lite-mlops serve` in a process of its own."""

    def __init__(self, project: Project, *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "serve", *options, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=project.folder.parent,
        )
        assert self.process.stdout is not None
        self.said = ""
        while " on http://" not in self.said:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            self.said += line
        self.address = re.findall(r"http://([^ \n]+)", self.said)[0].replace("0.0.0.0", "127.0.0.1")  # noqa: S104

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


# -- what is loaded -----------------------------------------------------------------------------


def test_a_lowered_model_is_served_without_scikit_learn(
    environment: None,
    project: Project,
    processes: list[Process],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = np.arange(12.0).reshape(6, 2)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, list("aaabbb"))
    project.models.register(model, "line", input_example=rows, training=rows, alias="champion")
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")  # each import is told on the error output
    server = Process(project, "line@champion")
    processes.append(server)
    connection = http.client.HTTPConnection(server.address, timeout=30)
    connection.request("POST", "/predict", b"[[0, 1], [10, 11]]")
    told = json.loads(connection.getresponse().read())
    connection.close()
    assert [one["prediction"] for one in told["predictions"]] == ["a", "b"]
    status, _, err = server.end()
    assert status == 0
    loaded = {line.rpartition("|")[2].strip() for line in err.splitlines()}
    assert "numpy" in loaded
    assert not loaded & {"sklearn", "scipy", "pandas", "joblib", "threadpoolctl", "jinja2"}


# -- versions change under load -----------------------------------------------------------------


def test_no_request_fails_or_gets_a_wrong_version_while_the_alias_moves(
    environment: None, churn: Project, processes: list[Process]
) -> None:
    register(churn, "b")
    register(churn, "c")
    server = Process(churn, "churn@champion")
    processes.append(server)
    moves: list[tuple[float, int]] = [(time.monotonic(), 1)]
    found: list[tuple[float, float, int, int, str]] = []
    failures: list[BaseException] = []
    stop = threading.Event()

    def load() -> None:
        connection = http.client.HTTPConnection(server.address, timeout=30)
        try:
            while not stop.is_set():
                began = time.monotonic()
                connection.request("POST", "/predict", b"[[1.0], [2.0]]")
                answer = connection.getresponse()
                told = json.loads(answer.read())
                said = {one["prediction"] for one in told.get("predictions", ())}
                found.append(
                    (began, time.monotonic(), answer.status, told.get("version"), "".join(said))
                )
        except (OSError, ValueError, http.client.HTTPException) as error:
            failures.append(error)
        finally:
            connection.close()

    clients = [threading.Thread(target=load) for _ in range(4)]
    for client in clients:
        client.start()
    for number in range(1, SWAPS + 1):
        version = number % 3 + 1
        churn.models.set_alias("churn", "champion", version)
        moves.append((time.monotonic(), version))
        wait_until(lambda v=version: bool(found) and found[-1][3] == v)  # type: ignore[misc]
    stop.set()
    for client in clients:
        client.join()
    assert failures == []
    assert len(found) > SWAPS
    assert {status for _, _, status, _, _ in found} == {200}
    for began, ended, _, version, said in found:
        assert said == "abc"[version - 1]  # the answer is that of the version it names
        # and that version was the one of the alias, or the one before, when it was asked
        before = [moved for at, moved in moves if at <= began]
        during = [moved for at, moved in moves if began < at <= ended + 1]
        assert version in {*before[-2:], *during}
    code, out, err = server.end()
    assert (code, err) == (0, "")
    assert out.count("churn@champion is churn/") == SWAPS
    total = churn.sql("SELECT count(*) FROM predictions").rows[0][0]
    assert total == 2 * len(found)  # the last one was recorded, too
    assert f"{total:,} rows answered, {total:,} recorded." in out


@pytest.mark.slow
def test_a_version_that_cannot_be_loaded_does_not_take_the_old_one_down(
    environment: None, churn: Project, processes: list[Process]
) -> None:
    register(churn, "b")
    server = Process(churn, "churn@champion")
    processes.append(server)
    path = churn.store.objects.path(churn.models.get("churn/2").sha256)
    path.chmod(0o600)
    path.write_bytes(b"broken")
    churn.models.set_alias("churn", "champion", 2)
    assert server.process.stdout is not None
    line = ""
    while "goes on answering" not in line:
        line = server.process.stdout.readline()
    assert line.startswith(
        "churn/1 goes on answering: The file of model version churn/2 is damaged"
    )
    assert ask(server.address, "POST", "/predict", b"[[1]]")[1]["version"] == 1
    assert ask(server.address, "GET", "/readyz")[0] == 200
    assert server.end()[0] == 0


# -- who may ask --------------------------------------------------------------------------------


@pytest.mark.slow
def test_beyond_loopback_a_token_is_needed(
    environment: None, churn: Project, processes: list[Process]
) -> None:
    done = subprocess.run(
        [*COMMAND, "serve", "churn", "--host", "0.0.0.0", "--port", "0"],  # noqa: S104
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (6, "")
    assert "this project has none. Make one with `lite-mlops tokens make NAME`" in done.stderr
    token = churn.tokens.make("shop")
    server = Process(churn, "churn", "--host", "0.0.0.0")  # noqa: S104
    processes.append(server)
    body = b"[[1.0]]"
    basic = base64.b64encode(f"anybody:{token}".encode()).decode()
    for headers, status in (
        ({}, 401),
        ({"Authorization": f"Bearer {token}x"}, 401),
        ({"Authorization": f"Bearer {token}"}, 200),
        ({"Authorization": f"Basic {basic}"}, 200),
        ({"X-API-Key": token}, 200),
        ({"X-API-Key": ""}, 401),
        ({"Authorization": "Basic !!!"}, 401),
    ):
        assert ask(server.address, "POST", "/predict", body, headers)[0] == status, headers
    assert ask(server.address, "GET", "/livez")[0] == 200
    known = {"X-API-Key": token}
    assert ask(server.address, "POST", "/predict", body, known | {"Host": "shop.lan:80"})[0] == 200
    churn.tokens.revoke("shop")
    wait_until(lambda: ask(server.address, "POST", "/predict", body, known)[0] == 401)
    assert server.end()[0] == 0
    assert token not in server.said


@pytest.mark.slow
def test_a_bundle_makes_a_token_of_its_own(
    environment: None, churn: Project, processes: list[Process], tmp_path: Path
) -> None:
    churn.models.export("churn/1", tmp_path / "churn.lmz")
    server = Process(churn, str(tmp_path / "churn.lmz"), "--token")
    processes.append(server)
    token = re.search(r"lmt_[\w-]+", server.said)
    assert token, server.said
    assert ask(server.address, "POST", "/predict", b"[[1]]")[0] == 401
    headers = {"Authorization": f"Bearer {token[0]}"}
    status, told = ask(server.address, "POST", "/predict", b"[[1]]", headers)
    assert (status, told["predictions"][0]["prediction"]) == (200, "a")
    assert server.end(signal.SIGINT)[0] == 0
