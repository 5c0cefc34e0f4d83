"""Health, what is served, model cards, and counts that the real parser of Prometheus reads."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lite_mlops.models import Signature
from lite_mlops.project import Project
from lite_mlops.serving import Served
from lite_mlops.web import Guard, Request, prediction_app
from tests.web.predicting.conftest import CHURN, MIXED, ONE, Ask, Site

HOST = {"host": "localhost"}


def test_the_server_lives_and_says_whether_it_is_ready(ask: Ask, site: Site) -> None:
    assert ask("/health").json == {"status": "ok", "model": "churn/1"}
    assert ask("/livez").json == {"status": "ok"}
    assert ask("/readyz").json == {"status": "ready"}
    site.readiness.down("draining")
    try:
        told = ask("/readyz")
        assert (told.status, told.json) == (503, {"status": "draining"})
        assert told.headers["retry-after"] == "1"
        for path in ("/v2/health/ready", "/v2/models/churn/ready"):
            assert (ask(path).status, ask(path).json["ready"]) == (503, False)
        assert ask("/livez").status == ask("/v2/health/live").status == 200
        assert ask("/predict", ONE).status == 200  # what came in is answered
    finally:
        site.readiness.up()
    assert ask("/readyz").status == 200


def test_only_health_is_open_without_a_token(site: Site) -> None:
    """Everything else is refused, whatever the route."""
    guarded = prediction_app(
        Served({"churn": site.project.endpoint("churn")}),
        monitoring=site.project.monitoring,
        card=lambda _: "",
        guard=Guard(tokens=lambda token: token == "right"),  # noqa: S105
    )
    opened = set()
    for route in guarded.routes.all:
        path = route.path.replace("{reference}", "churn").replace("{name}", "churn")
        path = path.replace("{version}", "1")
        status = guarded(Request(route.method, path, HOST)).status
        if status != 401:
            opened.add(route.path)
        known = guarded(Request(route.method, path, HOST | {"x-api-key": "right"}))
        assert known.status not in (401, 403, 500), route
    assert opened == {
        *("/health", "/livez", "/readyz", "/ping", "/v2/health/live", "/v2/health/ready"),
    }


def test_the_server_tells_what_it_serves(ask: Ask) -> None:
    models = ask("/models").json["models"]
    assert [(one["reference"], one["model"], one["version"]) for one in models] == [
        ("churn", "churn", 1),
        ("plans@champion", "plans", 1),
        ("price/1", "price", 1),
    ]
    index = ask("/").json
    assert index["models"] == ["churn", "plans@champion", "price/1"]
    assert "POST /predict" in index["routes"]


@pytest.mark.parametrize(
    ("path", "name"), [("/schema", "churn"), ("/models/plans@champion/schema", "plans")]
)
def test_the_schema_is_that_of_the_signature(ask: Ask, site: Site, path: str, name: str) -> None:
    told = ask(path).json
    signature = site.project.models.get(name).signature
    assert (told["model"], told["version"]) == (name, 1)
    assert Signature.from_dict(told["signature"]) == signature
    assert told["row"] == signature.json_schema()
    assert told["request"] == signature.json_schema(rows=True)


def test_the_card_is_a_page(ask: Ask) -> None:
    told = ask("/models/plans@champion/card")
    assert told.headers["content-type"] == "text/html; charset=utf-8"
    assert told.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert b"<title>Model card: plans/1</title>" in told.body
    assert b"<title>Model card: churn/1</title>" in ask("/card").body


def test_what_is_not_there_is_no_route(project: Project) -> None:
    project.models.register(CHURN, "churn", input_example=ONE)
    app = prediction_app(Served({"churn": project.endpoint("churn")}))
    assert app(Request("POST", "/feedback", HOST)).status == 404
    assert app(Request("GET", "/card", HOST)).status == 404


def test_counts_are_read_by_prometheus(ask: Ask) -> None:
    def samples() -> dict[tuple[str, ...], float]:
        told = ask("/metrics")
        assert told.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = list(text_string_to_metric_families(told.body.decode()))
        assert all(family.documentation and family.type != "unknown" for family in families)
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    place = "/models/plans@champion/predict"
    assert ask(place, MIXED).status == 200
    before = samples()
    odd = MIXED | {"age": 999}
    assert ask(place, [odd, odd, MIXED]).status == 200
    assert ask("/models/plans/1/predict", MIXED | {"plan": "new"}).status == 200
    assert ask("/v2/models/nothing/infer", {}).status == 404
    after = samples()
    assert len(after) == len(before)  # no label comes from a client

    def more(name: str, *labels: str) -> float:
        return after[name, *labels] - before[name, *labels]

    assert more("lite_mlops_predictions_total", "1", "plans") == 4
    assert more("lite_mlops_doubtful_values_total", "1", "plans", "range") == 2
    assert more("lite_mlops_doubtful_values_total", "1", "category", "plans") == 1
    assert more("lite_mlops_request_rows_count", "1", "plans") == 2
    assert more("lite_mlops_request_rows_sum", "1", "plans") == 4
    assert more("lite_mlops_request_rows_bucket", "1", "1", "plans") == 1
    assert more("lite_mlops_request_rows_bucket", "+Inf", "1", "plans") == 2
    assert more("lite_mlops_batch_rows_count", "1", "plans") == 2
    assert more("lite_mlops_batch_rows_sum", "1", "plans") == 4
    assert after["lite_mlops_model_info", "1", "joblib", "plans", "plans@champion"] == 1
