"""Serving as a whole: who may ask, versions that change under load, and the ways to have it."""

from __future__ import annotations

import gc
import json
import re
import threading
from functools import partial
from typing import Any

import pytest

import lite_mlops as lm
from lite_mlops.errors import Denied
from lite_mlops.project import Project
from lite_mlops.web import App, Doors, Request, Serving, is_loopback, serve_references
from tests.conftest import Prepared, wait_until
from tests.web.served import ask, register, register_champion


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    prepared(project, register_champion)
    return project


# -- who may ask --------------------------------------------------------------------------------


def serving(project: Project, **doors: Any) -> Serving:
    return serve_references(project, ["churn@champion"], doors=Doors(**doors))


def paths(one: Serving) -> list[tuple[str, str, bool]]:
    """Every route, with something in its places, and whether it is open without a token."""
    return [
        (route.method, re.sub(r"\{\w+\}", "churn", route.path), route.open)
        for route in one.app.routes.all
    ]


def test_every_route_is_guarded(churn: Project) -> None:
    with_token = serving(churn, tokens=lambda token: token == "right")  # noqa: S105
    without = serving(churn)
    walked = paths(with_token)
    assert len(walked) > 25
    for method, path, is_open in walked:
        status = with_token.app(Request(method, path, {"host": "any.example"})).status
        assert (status == 401) != is_open, path
        for headers, refused in (
            ({"host": "evil.example"}, 421),
            ({"host": "localhost:80", "origin": "http://evil.example"}, 403),
            ({"host": "localhost:80", "origin": "null"}, 403),
            ({"host": "localhost:80", "sec-fetch-site": "cross-site"}, 403),
            ({"host": "localhost:80", "sec-fetch-site": "same-site"}, 403),
        ):
            assert without.app(Request(method, path, headers)).status == refused, (path, headers)
    unknown = Request("GET", "/nothing", {"host": "any.example"})
    assert with_token.app(unknown).status == 401
    assert {path for _, path, is_open in walked if is_open} <= {
        "/health", "/livez", "/readyz", "/ping", "/v2/health/live", "/v2/health/ready",
    }  # fmt: skip


def test_pages_of_allowed_origins_may_ask(churn: Project) -> None:
    app = serving(churn, origins=["https://shop.example"], tokens=lambda one: one == "t").app
    headers = {"host": "localhost:8000", "origin": "https://shop.example"}
    asked = headers | {"access-control-request-method": "POST"}
    preflight = app(Request("OPTIONS", "/predict", asked))
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert app(Request("POST", "/predict", headers, b"[[1]]")).status == 401
    answer = app(Request("POST", "/predict", headers | {"x-api-key": "t"}, b"[[1]]"))
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    other = asked | {"origin": "https://evil.example"}
    assert app(Request("OPTIONS", "/predict", other)).status == 403


def test_a_server_can_have_other_names(churn: Project) -> None:
    app = serving(churn, hosts=["Model.Example"]).app
    for host, status in (
        ("model.example", 200),
        ("model.example:8000", 200),
        ("localhost", 200),
        ("other.example", 421),
    ):
        assert app(Request("GET", "/health", {"host": host})).status == status
    assert serving(churn, hosts=["*"]).app(Request("GET", "/health", {"host": "x"})).status == 200


def test_another_address_needs_a_token_in_code_too(churn: Project) -> None:
    with pytest.raises(Denied, match=r"0\.0\.0\.0 can be reached from other machines"):
        serving(churn).on(0, host="0.0.0.0")  # noqa: S104


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True)),
        *(("127.evil.example", False), ("0.0.0.0", False), ("::", False), ("192.168.0.1", False)),  # noqa: S104
    ],
)
def test_only_addresses_of_loopback_need_no_token(host: str, loopback: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) is loopback


# -- the ways to have it ------------------------------------------------------------------------


def said(app: App, word: str) -> bool:
    answer = app(Request("POST", "/predict", {}, b"[[1.0]]"))
    return bool(json.loads(answer.body)["predictions"][0]["prediction"] == word)


def test_an_app_answers_without_any_server_and_follows(churn: Project) -> None:
    lm.use_project(churn)
    app = lm.app("churn@champion")
    assert said(app, "a")
    register(churn, "b", alias="champion")
    wait_until(partial(said, app, "b"))
    del app
    gc.collect()
    wait_until(lambda: "lite-mlops-follow" not in {one.name for one in threading.enumerate()})


def test_a_server_in_threads_of_this_process(churn: Project) -> None:
    lm.use_project(churn)
    with lm.serve("churn@champion", port=0) as server:
        address = server.url.removeprefix("http://")
        status, told = ask(address, "POST", "/predict", b"[[1.0]]")
        assert (status, told["version"]) == (200, 1)
        status, _ = ask(
            address,
            "POST",
            "/feedback",
            json.dumps({"id": told["predictions"][0]["id"], "label": "a"}).encode(),
        )
        assert status == 200
    assert churn.monitoring.performance("churn/1").right == 1
    names = {one.name for one in threading.enumerate()}
    assert not names & {"lite-mlops-follow", "lite-mlops-server"}
