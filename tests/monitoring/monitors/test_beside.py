"""Beside a server: its monitors look while it answers, one process at a time, never in its way."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from lite_mlops.monitoring.monitors import WatchingBeside
from lite_mlops.project import Project
from lite_mlops.store import alone, beside
from lite_mlops.web import serve_references
from tests.conftest import wait_until
from tests.monitoring.watched import CHURN, file, record


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_LOOK_SECONDS", 0.02)


@pytest.fixture
def watching(watched: Project) -> Iterator[WatchingBeside]:
    found = WatchingBeside(watched.store, lambda: watched.monitors.all())
    yield found
    found.stop()


def often(project: Project) -> None:
    file(project, CHURN.replace("[monitor.churn]", '[monitor.churn]\nevery = "1s"'))


def test_a_monitor_fires_while_requests_go_on(
    watched: Project, told: Callable[[], list[dict[str, Any]]]
) -> None:
    often(watched)
    serving = serve_references(watched, ["churn@champion"])
    body = json.dumps([[4.0, 0.1]] * 250).encode()
    statuses = []
    with serving.on() as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        until = time.monotonic() + 60
        while not told() and time.monotonic() < until:
            connection.request("POST", "/predict", body)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            time.sleep(0.02)
        connection.close()
    assert set(statuses) == {200}
    message = told()[0]
    assert message["severity"] == "alert"
    assert "age" in {one["subject"] for one in message["incidents"]}
    run = watched.monitors.last("churn")
    assert run is not None
    assert run.stored.how == "schedule"


def test_without_monitors_nothing_is_started(
    watched: Project, watching: WatchingBeside, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(watched, "")
    monkeypatch.setattr(subprocess, "Popen", None)  # would fail
    watching.look()
    record(watched)
    watching.look()


def test_it_looks_when_something_is_new_and_the_time_has_come(
    watched: Project, watching: WatchingBeside, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    class Process:
        returncode = 0
        pid = 0

        def __init__(self, *_: Any, **__: Any) -> None:
            started.append(self)

        def poll(self) -> int:
            return self.returncode

    monkeypatch.setattr(subprocess, "Popen", Process)
    file(watched, CHURN.replace("[monitor.churn]", '[monitor.churn]\nevery = "1h"'))
    watching.look()
    assert len(started) == 1
    watching.look()
    record(watched)
    watching.look()
    assert len(started) == 1  # too soon
    watching._started_at -= 3601
    watching.look()
    assert len(started) == 2
    watching.look()
    watching._started_at -= 200
    monkeypatch.setattr(watching, "_known", (None, None))
    often(watched)
    watching.look()
    assert len(started) == 2  # nothing is new
    watching._started_at -= 200
    watching.look()
    assert len(started) == 3  # it may be that nothing is asked any more


def test_it_waits_for_a_quiet_moment(
    watched: Project, watching: WatchingBeside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_QUIET_BYTES", 1_000)
    monkeypatch.setattr(watching, "_begun", lambda: pytest.fail("it was started"))
    file(watched, CHURN.replace("[monitor.churn]", '[monitor.churn]\nevery = "1h"'))
    watched.store.fold()
    watching._started_at = time.monotonic() - 3601
    record(watched, rows=500)
    watching.look()
    ready: list[bool] = []
    monkeypatch.setattr(watching, "_begun", lambda: ready.append(True))
    watching.look()  # nothing came since
    assert ready == [True]


def test_what_cannot_be_used_is_told_once(
    watched: Project, watching: WatchingBeside, warnings_of: Callable[[], list[str]]
) -> None:
    file(watched, "[monitor.churn]\nwindw = 5")
    watching.start()
    wait_until(lambda: bool(warnings_of()))
    wait_until(lambda: watching._thread is not None and watching._thread.is_alive())
    watching.stop()
    told = [one for one in warnings_of() if "The monitors cannot be run at the moment" in one]
    assert len(told) == 1
    assert "there is no option 'windw'" in told[0]


def test_a_process_that_fails_is_told(
    watched: Project,
    watching: WatchingBeside,
    monkeypatch: pytest.MonkeyPatch,
    warnings_of: Callable[[], list[str]],
) -> None:
    monkeypatch.setattr(beside, "_CODE", "import sys; sys.exit(5)")
    watching.look()
    wait_until(lambda: not watching._runs())
    assert "The monitors could not be run (exit code 5)." in warnings_of()


def test_who_stops_ends_the_process(
    watched: Project, watching: WatchingBeside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_CODE", "import time; time.sleep(60)")
    watching.look()
    process = watching._process
    assert isinstance(process, subprocess.Popen)
    watching.stop()
    assert process.returncode is not None


@pytest.mark.slow
def test_of_many_one_looks(watched: Project, watching: WatchingBeside) -> None:
    record(watched, shift=2.0)
    with alone(watched.store.layout.watching, "The monitors look", None):
        watching.look()
        wait_until(lambda: not watching._runs())
    assert watched.monitors.last("churn") is None
    watching._started_at -= 301
    watching._seen = None
    watching.look()
    wait_until(lambda: not watching._runs())
    assert watched.monitors.last("churn") is not None
