"""What a server is asked becomes facts, whatever came of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lite_mlops.project import Project
from lite_mlops.web import counting, serve_references
from tests.conftest import Prepared, wait_until
from tests.web.served import ask, register_champion


def lines(project: Project) -> list[dict[str, Any]]:
    """What the project holds of it."""
    table = project.sql("SELECT * FROM served_requests ORDER BY since")
    return [one | {"detail": json.loads(one["detail"])} for one in table.to_dicts()]


def test_a_server_that_ends_tells_what_it_was_asked(project: Project, prepared: Prepared) -> None:
    prepared(project, register_champion)
    with serve_references(project, ["churn@champion"]).on(0) as server:
        address = server.url.removeprefix("http://")
        for _ in range(3):
            assert ask(address, "POST", "/predict", b"[[1.0]]")[0] == 200
        assert ask(address, "POST", "/models/churn@champion/predict", b"[[1.0]]")[0] == 200
        assert ask(address, "POST", "/predict", b"[[")[0] == 400
        assert ask(address, "POST", "/invocations", b'{"inputs": "x"}')[0] in (400, 422)
        assert ask(address, "GET", "/livez")[0] == 200  # nobody asks a model there
        assert ask(address, "GET", "/nowhere")[0] == 404
    (line,) = lines(project)
    counts = {name: line[name] for name in ("requests", "refused", "failed", "overloaded")}
    assert counts == {"requests": 6, "refused": 2, "failed": 0, "overloaded": 0}
    assert list(line["names"]) == ["churn@champion"]
    assert line["since"] < line["until"]
    assert sum(line["detail"]["seconds"]) == 6
    assert 4 <= sum(line["detail"]["delays"]) <= 6  # what asks no model waits for nothing
    assert len(line["detail"]["bounds"]) + 1 == len(line["detail"]["seconds"])


def test_it_tells_now_and_then_and_only_what_is_new(
    project: Project, monkeypatch: pytest.MonkeyPatch, prepared: Prepared
) -> None:
    monkeypatch.setattr(counting, "EVERY_SECONDS", 0.0)
    prepared(project, register_champion)
    with serve_references(project, ["churn@champion"]).on(0) as server:
        address = server.url.removeprefix("http://")
        ask(address, "POST", "/predict", b"[[1.0]]")
        wait_until(lambda: len(lines(project)) == 1)
        ask(address, "POST", "/predict", b"[[1.0]]")
        wait_until(lambda: len(lines(project)) == 2)
    told = lines(project)
    assert [one["requests"] for one in told] == [1, 1]  # nothing more at the end
    assert told[0]["until"] <= told[1]["since"]


def test_nothing_is_told_of_a_server_that_was_not_asked(
    project: Project, prepared: Prepared
) -> None:
    prepared(project, register_champion)
    with serve_references(project, ["churn@champion"]).on(0) as server:
        ask(server.url.removeprefix("http://"), "GET", "/metrics")
    assert lines(project) == []
