"""Workers from Python: `lm.serve(..., workers=2)` starts them, and ends them with its context."""

from __future__ import annotations

import socket
import threading
from typing import Any

import psutil
import pytest

import lite_mlops as lm
from lite_mlops.errors import Busy, Invalid, NotFound
from lite_mlops.processors import processors
from lite_mlops.project import Project
from lite_mlops.web import Doors, Limits, WorkersServer, serve_with_workers
from tests.conftest import Prepared, wait_until
from tests.web.served import ask, register, register_champion
from tests.web.workers.conftest import story


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    prepared(project, register_champion)
    lm.use_project(project)
    return project


def workers() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "workers.worker" in str(one.cmdline())]


def test_workers_answer_until_the_end_of_the_context(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with lm.serve("churn@champion", port=0, workers=2) as server:
        assert isinstance(server, WorkersServer)
        assert server.start() is server  # it answers already
        address = server.url.removeprefix("http://")
        assert len(workers()) == 2
        threads = str(max(1, processors() // 2))
        for one in workers():
            told = one.environ()
            assert (told["OMP_NUM_THREADS"], told["OPENBLAS_NUM_THREADS"]) == (threads, threads)
        for _ in range(5):
            status, told = ask(address, "POST", "/predict", b"[[1.0]]")
            assert (status, told["version"]) == (200, 1)
        wait_until(lambda: "lite_mlops_workers 2\n" in ask(address, "GET", "/metrics")[1])
    assert workers() == []
    with pytest.raises(ConnectionRefusedError):
        ask(address, "GET", "/livez")
    assert server.stop().rows == 5  # ended already: what they answered
    assert churn.sql("SELECT count(*) FROM predictions").rows == ((5,),)
    (first,) = story(churn, "workers")
    assert first[1]["workers"] == 2
    assert "lite-mlops-supervisor" not in {one.name for one in threading.enumerate()}


def test_what_the_first_worker_cannot_serve_is_raised_and_nothing_is_left(churn: Project) -> None:
    with pytest.raises(NotFound, match="chrun"):
        lm.serve("chrun@champion", port=0, workers="1..2")
    assert workers() == []


def test_what_cannot_be_is_refused_before_anything_starts(churn: Project) -> None:
    champion = ["churn@champion"]
    with pytest.raises(Invalid, match="expected a number such as 4, bounds"):
        lm.serve(*champion, port=0, workers=0)
    with pytest.raises(Invalid, match="counts is no option beside workers; there are inputs, "):
        lm.serve(*champion, port=0, workers=2, counts=None)
    lm.use_project(Project(churn.folder, workers="1..2"))  # without `workers` the setting counts
    with pytest.raises(Invalid, match="counts is no option beside workers"):
        lm.serve(*champion, port=0, counts=None)
    doors = Doors(tokens=lambda _: True)
    with pytest.raises(Invalid, match="Workers check the tokens of the project"):
        serve_with_workers(churn, champion, 2, doors=doors)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Busy):
        lm.serve(*champion, port=taken.getsockname()[1], workers=2)
    assert workers() == []


@pytest.mark.slow
def test_settings_and_limits_that_code_gives_reach_the_workers(churn: Project) -> None:
    register(churn, "b")
    strict = Project(churn.folder, canary_seconds=7, actor="ann")
    said: list[str] = []
    doors = Doors(limits=Limits(rows=2), origins={"https://shop.it"})
    options: dict[str, Any] = {"canary": "churn/2=50%", "record": False}
    server = serve_with_workers(
        strict, ["churn@champion"], "2", doors=doors, say=said.append, **options
    )
    with server:
        address = server.url.removeprefix("http://")
        assert ask(address, "POST", "/predict", b"[[1.0],[1.0]]")[0] == 200
        assert ask(address, "POST", "/predict", b"[[1.0],[1.0],[1.0]]")[0] == 413
    strict.close()
    actors = churn.sql("SELECT actor FROM endpoint_story WHERE what = 'canary'").rows
    assert actors == (("ann",),)
    assert any(line.startswith("Serving churn/1 for churn@champion") for line in said)
    assert churn.sql("SELECT count(*) FROM predictions").rows == ((0,),)
