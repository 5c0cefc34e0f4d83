"""A server of three models, and a client of it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from lite_mlops.project import Project
from lite_mlops.serving import Served
from lite_mlops.web import App, Readiness, Server, prediction_app

RNG = np.random.default_rng(10)
ROWS = RNG.normal(size=(100, 2))
CHURN = LogisticRegression().fit(ROWS, np.where(ROWS[:, 0] > 0, "yes", "no"))
ONE = {"age": 2.0, "visits": 0.5}

FRAME = pd.DataFrame(
    {
        "age": RNG.normal(40, 10, 100),
        "visits": RNG.integers(0, 20, 100),
        "plan": np.array(["basic", "pro", "=max"])[RNG.integers(0, 3, 100)],
        "active": RNG.random(100) > 0.5,
    }
)
PLANS = make_pipeline(
    make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["plan"]), remainder="passthrough"
    ),
    LogisticRegression(max_iter=10_000),
).fit(FRAME, (FRAME["age"] > 40).astype(int))
MIXED = {"age": 51.5, "visits": 3, "plan": "pro", "active": True}

PRICE = LinearRegression().fit(FRAME[["age", "visits"]], FRAME["age"] * 2.0)


class Site(NamedTuple):
    """What is served, and where."""

    project: Project
    served: Served
    app: App
    readiness: Readiness
    url: str


class Told(NamedTuple):
    """An answer: its status, its headers by lower name, and its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[..., Told]
Journalled = Callable[[], object]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project of which three models are served: `churn`, `plans@champion` and `price/1`."""
    project = Project(
        tmp_path_factory.mktemp("served"), capture_code=False, capture_environment=False
    )
    project.models.register(CHURN, "churn", input_example=ONE)
    project.models.register(PLANS, "plans", input_example=FRAME, training=FRAME, alias="champion")
    project.models.register(PRICE, "price", input_example=FRAME[["age", "visits"]])
    names = ("churn", "plans@champion", "price/1")
    served = Served({name: project.endpoint(name) for name in names})
    readiness = Readiness()
    app = prediction_app(
        served,
        monitoring=project.monitoring,
        readiness=readiness,
        card=lambda version: project.models.card_text(version.name, "html"),
    )
    with Server(app) as server:
        yield Site(project, served, app, readiness, server.url)
    project.close()


@pytest.fixture(scope="module")
def ask(site: Site) -> Iterator[Ask]:
    """Asks over one connection; a body makes it a POST of JSON unless it is bytes."""
    connection = http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=30)

    def send(path: str, body: Any = None, **headers: str) -> Told:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        if body is None:
            connection.request("GET", path, headers=named)
        else:
            if not isinstance(body, bytes):
                named.setdefault("content-type", "application/json")
            connection.request("POST", path, raw, named)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Told(answer.status, found, answer.read())

    yield send
    connection.close()


@pytest.fixture
def journalled(site: Site) -> Journalled:
    """Tells where the journal of the server stands, which every record moves."""

    def state() -> Any:
        site.project.store.background.wait()  # answers are recorded behind the scenes
        return site.project.store.journal._state

    return state
