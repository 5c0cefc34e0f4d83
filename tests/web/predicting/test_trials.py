"""A canary behind HTTP: whatever the protocol, it gets its share, and no client suffers from it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

import lite_mlops as lm
from lite_mlops.project import Project
from lite_mlops.serving import open_references
from lite_mlops.web import App, Request, serve_references
from lite_mlops.web.serving import Serving
from tests.conftest import Prepared, wait_until
from tests.serving.trials.models import BAD, RELEASED, register, register_champion
from tests.web.served import ask

CHAMPION = "churn@champion"
JSON = {"host": "localhost", "content-type": "application/json"}


class Site(NamedTuple):
    """A project and what serves its champion beside a canary that gets nearly all or nothing."""

    project: Project
    serving: Serving

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        query = path.partition("?")[2]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = b"" if body is None else json.dumps(body).encode()
        request = Request(method, path.partition("?")[0], JSON | named, raw, query=query)
        return self.serving.app(request)

    def look(self) -> None:
        assert self.serving.opened.following is not None
        self.serving.opened.following.look()


@pytest.fixture
def site(project: Project, prepared: Prepared) -> Iterator[Site]:
    prepared(project, register_champion)
    register(project, "b", "raise")
    found = Site(project, serve_references(project, [CHAMPION]))
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    found.look()
    yield found
    found.serving.opened.end()


def asks(row: float) -> dict[str, tuple[str, str, Any]]:
    """The same question in all forms."""
    tensor = {"name": "in", "shape": [1, 1], "datatype": "FP64", "data": [row]}
    return {
        "predict": ("POST", "/predict", [[row]]),
        "probabilities": ("POST", "/predict?proba=1", [[row]]),
        "address": ("GET", f"/predict?x0={row}", None),
        "reference": ("POST", "/models/churn@champion/predict", [[row]]),
        "mlflow": ("POST", "/invocations", {"instances": [[row]]}),
        "open inference": ("POST", "/v2/models/churn/infer", {"inputs": [tensor]}),
        "explained": ("POST", "/predict?explain=1", [[row]]),
    }


@pytest.mark.parametrize("form", list(asks(0.0)))
def test_every_protocol_goes_through_it(site: Site, form: str) -> None:
    column = site.project.models.get("churn/1").signature.features[0]
    method, path, body = asks(1.0)[form]
    path = path.replace("x0=", f"{column}=")
    found: Counter[tuple[int, str]] = Counter()
    for _ in range(60):
        answer = site.ask(method, path, body)
        said = "a" if b'"a"' in answer.body.replace(b'"a":', b"") else "b"
        found[answer.status, answer.headers["X-Model-Version"] + said] += 1
    assert set(found) == {(200, "churn/1a"), (200, "churn/2b")}
    for number in range(20):
        headers = {"x-canary-key": f"user {number}"}
        versions = {
            site.ask(method, path, body, **headers).headers["X-Model-Version"] for _ in range(4)
        }
        assert len(versions) == 1


@pytest.mark.parametrize("form", list(asks(0.0)))
def test_what_the_canary_fails_at_the_present_version_answers(site: Site, form: str) -> None:
    column = site.project.models.get("churn/1").signature.features[0]
    method, path, body = asks(BAD)[form]
    for _ in range(20):
        answer = site.ask(method, path.replace("x0=", f"{column}="), body)
        assert (answer.status, answer.headers["X-Model-Version"]) == (200, "churn/1")
    routing = site.serving.opened.served.default.routing
    assert routing is not None
    assert routing.canary is not None
    counts = routing.canary.arm.counts()
    assert counts.requests == counts.failed > 0
    assert counts.requests + routing.present.counts().requests == 20
    rows = site.project.sql("SELECT version, count(*) FROM predictions GROUP BY version").rows
    assert rows == ((1, 20),)


def test_a_canary_that_never_returns_does_not_hold_up_its_server(
    project: Project, prepared: Prepared
) -> None:
    prepared(project, register_champion)
    register(project, "b", "hang")
    RELEASED.clear()
    small = Project(project.folder, canary_seconds=0.2)
    small.endpoints.canary(CHAMPION, "churn/2", 0.5)
    serving = serve_references(small, [CHAMPION])
    try:
        with serving.on() as server:
            address = server.url.removeprefix("http://")

            def said(row: float) -> Any:
                status, told = ask(address, "POST", "/predict", f"[[{row}]]".encode())
                assert status == 200
                return told["version"]

            wait_until(lambda: said(1.0) == 2)
            with ThreadPoolExecutor(8) as pool:  # while some hang, the others are answered
                assert set(pool.map(said, [BAD] * 40)) == {1}
            assert {said(1.0) for _ in range(30)} == {1}
            status, told = ask(address, "POST", "/predict?explain=1", b"[[1.0]]")
            assert (status, told["version"]) == (200, 1)
            routing = serving.opened.served.default.routing
            assert routing is not None
            assert routing.canary is not None
            assert routing.canary.arm.failures["Hangs"] > 0
        # it ended, though the call has not returned
        assert any(thread.name == "lite-mlops-trial" for thread in threading.enumerate())
    finally:
        RELEASED.set()
        small.close()


def test_who_asks_for_a_version_by_its_number_gets_it(site: Site) -> None:
    for path, body in (
        ("/models/churn/1/predict", [[1.0]]),
        (
            "/v2/models/churn/versions/1/infer",
            {"inputs": [{"name": "in", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]},
        ),
    ):
        answers = {site.ask("POST", path, body).headers["X-Model-Version"] for _ in range(30)}
        assert answers == {"churn/1"}
    assert site.ask("POST", "/models/churn/2/predict", [[1.0]]).status == 404


def test_rows_that_fit_neither_are_refused_as_ever(site: Site) -> None:
    for _ in range(20):
        answer = site.ask("POST", "/predict", [["x"]])
        assert answer.status == 422
    routing = site.serving.opened.served.default.routing
    assert routing is not None
    assert routing.canary is not None
    assert routing.canary.arm.counts().requests == routing.present.counts().requests == 0


def test_it_is_told_to_prometheus_while_it_is_tried(site: Site) -> None:
    for number in range(40):
        site.ask("POST", "/predict", [[BAD if number % 2 else 1.0]])
    site.project.endpoints.shadow(CHAMPION, "churn/2")
    site.look()
    text = site.ask("GET", "/metrics").body.decode()
    of = 'reference="churn@champion",role="{}",model="churn",version="{}"'
    values = {}
    for name in ("requests", "failed"):
        for role, version in (("current", 1), ("canary", 2)):
            start = f"lite_mlops_trial_{name}{{{of.format(role, version)}}} "
            (line,) = [line for line in text.splitlines() if line.startswith(start)]
            values[name, role] = int(line.removeprefix(start))
    assert values["requests", "current"] + values["requests", "canary"] == 40
    assert values["failed", "current"] == 0
    assert 0 < values["failed", "canary"] < values["requests", "canary"]
    assert f'lite_mlops_canary_evidence{{{of.format("canary", 2)},about="errors"}}' in text
    assert f"lite_mlops_shadow_changed{{{of.format('shadow', 2)}}} 0" in text
    site.project.endpoints.stop_canary(CHAMPION)
    site.look()
    after = site.ask("GET", "/metrics").body.decode()
    assert 'role="canary"' not in after


def test_the_verbs_try_what_they_are_told(project: Project, prepared: Prepared) -> None:
    prepared(project, register_champion)
    register(project, "b")
    lm.use_project(project)
    with lm.serve(CHAMPION, port=0, canary="churn/2=50%", shadow=["churn/2"]) as server:
        found = set()
        for _ in range(40):
            status, told = ask(server.url.removeprefix("http://"), "POST", "/predict", b"[[1]]")
            assert status == 200
            found.add(told["version"])
    assert found == {1, 2}
    with lm.predictor(CHAMPION, canary="churn/2=60%") as predictor:
        found = {predictor.predict([[1.0]]).version.version for _ in range(40)}
    assert found == {1, 2}
    trial = project.endpoints.get(CHAMPION).trial
    assert (trial.share, list(trial.shadows)) == (0.6, ["churn/2"])
    decided = project.sql(
        "SELECT reason, count(*) FROM endpoint_story WHERE what = 'canary' GROUP BY 1"
    )
    assert decided.rows == (("when a server was started", 2),)


def test_a_page_of_another_origin_may_send_a_key(project: Project, prepared: Prepared) -> None:
    prepared(project, register_champion)
    opened = open_references(project.store, project.models, [CHAMPION])
    from lite_mlops.web import Guard, prediction_app

    app: App = prediction_app(opened.served, guard=Guard(origins=frozenset({"https://shop.it"})))
    asked = {
        "host": "localhost",
        "origin": "https://shop.it",
        "access-control-request-method": "POST",
    }
    answer = app(Request("OPTIONS", "/predict", asked))
    assert "x-canary-key" in answer.headers["Access-Control-Allow-Headers"]
