"""Fixtures: workers in processes of their own, and clients that keep asking them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Self

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from lite_mlops.project import Project
from lite_mlops.settings import PREFIX
from tests.conftest import wait_until
from tests.web.served import ask

QUICK = {"up_seconds": 0.2, "down_seconds": 0.6, "look": 0.1}


def story(project: Project, *what: str) -> list[tuple[str, dict[str, Any]]]:
    """What the project tells of its endpoints."""
    with project.store.reading() as database:
        database.execute("SELECT what, detail FROM endpoint_story ORDER BY ts")
        rows = database.cursor.fetchall()
    return [(row[0], json.loads(row[1] or "{}")) for row in rows if row[0] in what]


class Group:
    """A supervisor with its workers."""

    def __init__(self, project: Project, workers: str, reference: str, **told: Any) -> None:
        told = {"pace": QUICK} | told
        told |= {"references": [reference], "project": str(project.folder), "workers": workers}
        environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.web.workers.supervised", json.dumps(told)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        wait_until(lambda: "Ctrl-C stops." in "".join(self.said) or self.process.poll() is not None)
        assert self.process.poll() is None, self.end()
        serving = next(line for line in self.said if line.startswith("Serving "))
        self.address = serving.rpartition("http://")[2].strip()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)

    def heard(self, text: str) -> bool:
        """Whether it has said so."""
        return any(text in line for line in self.said)

    def workers(self) -> list[psutil.Process]:
        """The processes of the workers, the oldest first."""
        children = psutil.Process(self.process.pid).children()
        return sorted(children, key=lambda one: (one.create_time(), one.pid))

    def metrics(self) -> dict[str, float]:
        """All that it counts, by name and labels, as the parser of Prometheus reads it."""
        text = ask(self.address, "GET", "/metrics")[1]
        return {
            " ".join([one.name, *one.labels.values()]): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }

    def wait_for(self, workers: int) -> None:
        """Wait until so many workers answer, and leave them the processor meanwhile."""
        told = f"lite_mlops_workers {workers}\n"
        while told not in ask(self.address, "GET", "/metrics")[1]:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
                raise AssertionError(self.end())

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Have it end; return its exit code, the last line that it said, and what went wrong."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.stderr is not None
        code = self.process.wait(timeout=15)
        self._reader.join()
        errors = self.process.stderr.read()
        return code, self.said[-1] if self.said else "", errors

    def close(self) -> None:
        """End all of it, whatever it does."""
        with suppress(psutil.NoSuchProcess):
            for one in [*self.workers(), self.process]:
                one.kill()
        self.process.wait(timeout=15)
        self._reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def start(project: Project) -> Iterator[Callable[..., Group]]:
    """Starts workers that serve `churn@champion`."""
    started: list[Group] = []

    def start_one(workers: str, reference: str = "churn@champion", **told: Any) -> Group:
        started.append(Group(project, workers, reference, **told))
        return started[-1]

    yield start_one
    for one in started:
        one.close()


class Answered(NamedTuple):
    """An answer, with when it was asked and when it came."""

    began: float
    ended: float
    status: int
    told: dict[str, Any]


class Load:
    """Clients with kept connections, which ask one request after the other.

    Attributes:
        answers: Those that came.
        broken: Requests whose connection broke; those clients connect again and go on.
    """

    def __init__(self, address: str, body: bytes, clients: int = 4, pause: float = 0.0) -> None:
        self.answers: list[Answered] = []
        self.latest: dict[int, Any] = {}
        self.broken: list[BaseException] = []
        self.refused = 0
        self._address = address
        self._body = body
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(number,)) for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        while not self._stop.is_set():
            if connection.sock is None:
                try:
                    connection.connect()
                except ConnectionRefusedError:  # it has ended
                    self.refused += 1
                    return
            try:
                began = time.monotonic()
                connection.request("POST", "/predict", self._body)
                answer = connection.getresponse()
                told = json.loads(answer.read())
                self.answers.append(Answered(began, time.monotonic(), answer.status, told))
                self.latest[number] = told.get("version")
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(error)
                connection.close()
            self._stop.wait(self._pause)
        connection.close()

    def statuses(self) -> Counter[int]:
        """How many answers there were, by status."""
        return Counter(one.status for one in self.answers)

    def stop(self) -> None:
        """Have the clients end."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
