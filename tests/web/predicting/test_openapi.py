"""The OpenAPI document: its form, its addresses, and that the server does what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from lite_mlops.project import Project
from lite_mlops.serving import Served
from lite_mlops.web import Request, prediction_app
from tests.web.predicting.conftest import MIXED, ONE, Ask, Site


@pytest.fixture
def document(ask: Ask) -> Any:
    told = ask("/openapi.json")
    assert told.headers["content-type"] == "application/json"
    return told.json


def test_each_model_has_its_own_addresses_and_schemas(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == "lite-mlops: churn, plans@champion, price/1"
    paths = document["paths"]
    assert {"/predict", "/invocations", "/readyz", "/metrics", "/feedback"} <= set(paths)
    rows = {
        path: operation["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for path, operation in paths.items()
        if path.endswith("/predict")
    }
    assert rows == {
        "/predict": "#/components/schemas/Rows",
        "/models/churn/predict": "#/components/schemas/Rows",
        "/models/plans@champion/predict": "#/components/schemas/Rows1",
        "/models/price/1/predict": "#/components/schemas/Rows2",
    }
    assert "{" not in "".join(paths)
    identifiers = [one["operationId"] for path in paths.values() for one in path.values()]
    assert len(identifiers) == len(set(identifiers))


def test_every_route_stands_in_it(site: Site, document: Any) -> None:
    for route in site.app.routes.all:
        if route.path not in ("/", "/models/{name}/{version}/card") and "{" not in route.path:
            assert route.method.lower() in document["paths"][route.path], route


def test_parameters_are_the_columns(document: Any) -> None:
    asked = document["paths"]["/models/plans@champion/predict"]["get"]["parameters"]
    assert [one["name"] for one in asked] == [
        *("proba", "explain", "keep", "age", "visits", "plan", "active", "X-Canary-Key"),
    ]
    price = document["paths"]["/models/price/1/predict"]["get"]["parameters"]
    assert [one["name"] for one in price] == ["explain", "keep", "age", "visits"]


def validator(document: Any, name: str) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    "body",
    [
        MIXED,
        [MIXED, list(MIXED.values())],
        {"rows": MIXED},
        {"instances": [MIXED]},
        {"columns": list(MIXED), "data": [list(MIXED.values())]},
        {name: [value] for name, value in MIXED.items()},
    ],
)
def test_schemas_take_what_the_server_takes(ask: Ask, document: Any, body: Any) -> None:
    told = ask("/models/plans@champion/predict?proba=1&keep=1", body)
    assert told.status == 200
    validator(document, "Rows1").validate(body)
    validator(document, "Answers1").validate(told.json)
    assert not validator(document, "Rows").is_valid(body)


def test_the_key_of_a_canary_stands_where_it_counts(document: Any) -> None:
    asked = {path for path, operations in document["paths"].items() if "post" in operations}
    with_key = {
        path
        for path in asked
        for one in document["paths"][path]["post"].get("parameters", [])
        if (one["name"], one["in"]) == ("X-Canary-Key", "header")
    }
    assert {"/predict", "/models/plans@champion/predict", "/v2/models/churn/infer"} <= with_key
    of_versions = {path for path in asked if path.endswith(("/1/predict", "/versions/1/infer"))}
    assert of_versions
    assert not of_versions & with_key


def test_errors_are_as_the_document_says(ask: Ask, document: Any) -> None:
    validator(document, "Error").validate(ask("/predict", {"age": "x"}).json)
    validator(document, "MlflowError").validate(ask("/invocations", ONE).json)
    validator(document, "InferenceError").validate(ask("/v2/models/churn/infer", ONE).json)


def test_examples_are_answered(ask: Ask, document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert ask("/predict", schemas["NamedRow"]["examples"][0]).status == 200
    assert ask("/invocations", schemas["Scoring"]["examples"][0]).status == 200
    place = "/v2/models/plans@champion/infer"
    assert ask(place, schemas["Inference1"]["examples"][0]).status == 200


def test_a_model_of_texts_has_a_document_too(project: Project) -> None:
    texts = ["good", "bad", "very good", "very bad"]
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, [1, 0, 1, 0])
    project.models.register(model, "mood", input_example=np.array(texts, object))
    app = prediction_app(Served({"mood": project.endpoint("mood")}))
    document = json.loads(app(Request("GET", "/openapi.json")).body)
    assert set(document["paths"]["/predict"]) == {"post"}
    told = app(Request("POST", "/predict", {}, b'["very good", "bad"]'))
    body = json.loads(told.body)
    assert [one["prediction"] for one in body["predictions"]] == [1, 0]
    validator(document, "Rows").validate(["very good", "bad"])
    validator(document, "Answers").validate(body)
    asked = {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "data": ["bad"]}]}
    told = app(Request("POST", "/v2/models/mood/infer", {}, json.dumps(asked).encode()))
    assert json.loads(told.body)["outputs"][0]["data"] == [0]
    told = app(Request("POST", "/predict", {"content-type": "text/csv"}, b"text\ngood\n"))
    assert json.loads(told.body)["predictions"][0]["prediction"] == 1
    assert app(Request("GET", "/predict", query="text=good")).status == 422
    told = app(Request("POST", "/predict", {}, b'["good"]', "keep=1"))
    assert json.loads(told.body)["predictions"][0]["row"] == {"input": "good"}


CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,negative_data_rejection,"
    "missing_required_header,unsupported_method"
)
ASKED = (
    "^/(predict|invocations|feedback|models|schema|metrics|readyz|openapi.json)$"
    "|^/v2/models/churn(/infer)?$"
)


def test_schemathesis_finds_nothing(site: Site, tmp_path: Path) -> None:
    """Bodies of its own making, right and wrong: answered as the document says, or refused."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{site.url}/openapi.json"),
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "4"),
        *("--generation-deterministic", "--no-color"),
        *("--include-path-regex", ASKED),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
