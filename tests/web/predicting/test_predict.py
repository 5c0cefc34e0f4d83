"""POST and GET /predict over real HTTP: answers, refusals that name the fault, and the record."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lite_mlops.project import Project
from lite_mlops.serving import Served
from lite_mlops.web import Request, prediction_app
from lite_mlops.web.kernel import Admitted, Deferred
from tests.web.predicting.conftest import FRAME, MIXED, ONE, PLANS, ROWS, Ask, Journalled, Site

PLANS_AT = "/models/plans@champion/predict"


# -- rows and answers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (ONE, 1),
        ([ONE, ONE], 2),
        ([[2.0, 0.5]], 1),
        ({"rows": [ONE, [2.0, 0.5], {"visits": 0.5, "age": 2}]}, 3),
        ({"rows": ONE}, 1),
        ({"instances": [ONE, [2, 0]]}, 2),
        ({"columns": ["visits", "age"], "data": [[0.5, 2], [0, 3]]}, 2),
        ({"age": [2, 3, 4], "visits": [0, 0, 0]}, 3),
    ],
)
def test_rows_are_answered_in_every_form(ask: Ask, body: Any, count: int) -> None:
    told = ask("/predict", body)
    assert (told.status, told.json["model"], told.json["version"]) == (200, "churn", 1)
    assert [answer["prediction"] for answer in told.json["predictions"]] == ["yes"] * count
    for answer in told.json["predictions"]:
        assert set(answer) == {"id", "prediction", "quality"}


def test_every_answer_carries_its_id_and_the_version(ask: Ask) -> None:
    told = ask("/predict", ONE)
    assert told.headers["x-prediction-id"] == told.json["predictions"][0]["id"]
    assert told.headers["x-model-version"] == "churn/1"
    told = ask("/predict", [ONE, ONE])
    whole = told.headers["x-prediction-id"]
    assert [one["id"] for one in told.json["predictions"]] == [f"{whole}-0", f"{whole}-1"]


def test_probabilities_are_there_if_asked_for(ask: Ask) -> None:
    (answer,) = ask("/predict?proba=1", ONE).json["predictions"]
    assert list(answer["probabilities"]) == ["no", "yes"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    refused = ask("/models/price/1/predict?proba=1", {"age": 1.0, "visits": 2})
    assert refused.status == 422
    assert refused.json["error"]["message"] == "price/1 has no probabilities; leave out proba."


def test_what_the_training_data_did_not_have_is_answered_with_a_warning(ask: Ask) -> None:
    rows = [MIXED, MIXED | {"age": 999, "plan": "platinum"}]
    ordinary, odd = ask(PLANS_AT, rows).json["predictions"]
    assert ordinary["quality"] == "ok"
    assert "warnings" not in ordinary
    assert odd["quality"] == "doubtful"
    told = {(one["column"], one["what"], one["value"]) for one in odd["warnings"]}
    assert told == {("age", "range", 999.0), ("plan", "category", "platinum")}


def test_every_answer_is_recorded_as_it_was_given(ask: Ask, site: Site) -> None:
    answers = []
    for start in range(0, 100, 20):
        body = {"rows": ROWS[start : start + 20].tolist()}
        answers += ask("/predict?proba=1", body).json["predictions"]
    rows = site.project.sql(
        "SELECT prediction_id, model, version, numbers, value, scores FROM predictions "
        "WHERE model = 'churn' ORDER BY ts, length(prediction_id), prediction_id"
    ).rows
    assert rows[-100:] == tuple(
        (
            answer["id"],
            "churn",
            1,
            row,
            answer["prediction"],
            [answer["probabilities"]["no"], answer["probabilities"]["yes"]],
        )
        for answer, row in zip(answers, ROWS.tolist(), strict=True)
    )


# -- which model --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "version"),
    [
        ("/predict", "churn/1"),
        ("/models/churn/predict", "churn/1"),
        ("/models/plans@champion/predict", "plans/1"),
        ("/models/plans/1/predict", "plans/1"),
        ("/models/plans/predict", "plans/1"),
        ("/models/price/1/predict", "price/1"),
    ],
)
def test_each_model_answers_at_its_place(ask: Ask, place: str, version: str) -> None:
    row: dict[str, Any] = MIXED if version == "plans/1" else {"age": 2.0, "visits": 3}
    told = ask(place, row)
    assert (told.status, told.headers["x-model-version"]) == (200, version)
    assert (
        ask(f"{place}?{urlencode(row)}").json["predictions"][0]["prediction"]
        == (told.json["predictions"][0]["prediction"])
    )


@pytest.mark.parametrize(
    "place", ["/models/other", "/models/churn/2", "/models/plans@challenger", "/models/churn/x"]
)
def test_what_is_not_served_is_not_there(ask: Ask, place: str) -> None:
    for told in (ask(f"{place}/predict", ONE), ask(f"{place}/schema")):
        assert told.status == 404
        name = place.removeprefix("/models/")
        assert told.json["error"]["message"] == (
            f"{name} is not served here; there is churn, plans@champion, price/1."
        )


# -- the address bar ----------------------------------------------------------------------------


def test_columns_in_the_address_are_read_by_their_types(ask: Ask) -> None:
    told = ask(f"{PLANS_AT}?age=51.5&visits=3&plan=pro&active=TRUE&proba=1")
    (answer,) = told.json["predictions"]
    assert answer["prediction"] == PLANS.predict(FRAME.iloc[:1].assign(**MIXED))[0]
    assert set(answer["probabilities"]) == {"0", "1"}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("visits=1", "row 0: age is missing; expected a number."),
        ("age=&visits=1", "row 0: age is null; expected a number."),
        ("age=x&visits=1", "row 0: age is 'x'; expected a number."),
        ("age=1_0&visits=1", "row 0: age is '1_0'; expected a number."),
        ("age=1&visits=1&sex=2", "row 0: sex is not known; expected only the columns age, visits."),
        ("age=1&visits=1&proba=2", "the option proba is '2'; expected 1, true, 0 or false."),
    ],
)
def test_an_address_that_does_not_fit_is_refused(ask: Ask, query: str, text: str) -> None:
    told = ask(f"/predict?{query}")
    assert (told.status, told.json["error"]["message"]) == (422, text)


def test_an_address_that_names_a_column_twice_is_malformed(ask: Ask) -> None:
    assert ask("/predict?age=1&age=2&visits=1").status == 400
    assert ask("/predict?age=%ff&visits=1").status == 400


def test_options_are_known_by_name(ask: Ask) -> None:
    told = ask("/predict?prob=1", ONE)
    assert told.status == 422
    assert told.json["error"]["message"] == (
        "the address has no option 'prob'. Did you mean 'proba'?"
    )
    assert ask("/predict?ignore_unknown=1", ONE | {"sex": 1}).status == 200
    assert ask("/predict?ignore_unknown=1&age=1&visits=2&sex=3").status == 200
    kept = ask("/predict?keep=1", [ONE, [1, 2]]).json["predictions"]
    assert [one["row"] for one in kept] == [ONE, {"age": 1, "visits": 2}]


# -- refusals -----------------------------------------------------------------------------------

MANY = [str(number) for number in range(10_001)]
ONLY = "expected only the columns age, visits."
ROW = "expected an object of the columns, or a list of 2 values."
BODY = (
    "the body must be a JSON object of columns, a list of rows, {'rows': [...]}, or "
    "{'columns': [...], 'data': [...]}."
)
REFUSED: list[tuple[Any, int, str]] = [
    ({"age": 1}, 422, "row 0: visits is missing; expected a number."),
    (ONE | {"sex": 1}, 422, f"row 0: sex is not known; {ONLY}"),
    (
        [ONE, {"age": 1, "visit": 2}],
        422,
        f"row 1: visits is missing; expected a number. row 1: visit is not known; {ONLY}",
    ),
    (
        {},
        422,
        "row 0: age is missing; expected a number. row 0: visits is missing; expected a number.",
    ),
    ([[1]], 422, "row 0 is of length 1; expected length 2."),
    ([1, 2], 422, f"row 0 is 1; {ROW} row 1 is 2; {ROW}"),
    ([ONE, ONE | {"age": "x"}], 422, "row 1: age is 'x'; expected a number."),
    (ONE | {"age": True}, 422, "row 0: age is True; expected a number."),
    (ONE | {"age": [1]}, 422, "row 0: age is [1]; expected a number."),
    (ONE | {"age": {}}, 422, "row 0: age is {}; expected a number."),
    ([], 422, "there are no rows to answer."),
    ({"rows": []}, 422, "there are no rows to answer."),
    ("x", 422, BODY),
    (5, 422, BODY),
    ({"rows": 5}, 422, BODY),
    (None, 422, BODY),
    ({"columns": ["age"], "data": 5}, 422, "'data' must be a list of rows, each a list of values."),
    ({"columns": 5, "data": []}, 422, "'columns' must be a list of the names of columns."),
    ({"columns": ["age", "age"], "data": []}, 422, "'columns' names 'age' twice."),
    (
        {"columns": ["age", "visits"], "data": [[1, 2], [1]]},
        422,
        "row 1 of 'data' has 1 values; expected 2, as many as 'columns'.",
    ),
    ({"columns": ["age", "visits"], "data": [7]}, 422, "row 0 of 'data' is no list of values."),
    ({"age": [1, 2], "visits": [1]}, 422, "visits is of 1 values; expected 2, as in the first."),
    ([0] * 10_001, 413, "10,001 rows are too many for one request; at most 10,000."),
    ({"age": [0] * 10_001, "visits": []}, 413, "10,001 rows are too many for one request;"),
    (dict.fromkeys(MANY, 1), 413, "10,001 columns are too many; the model takes 2."),
    ([dict.fromkeys(MANY, 1)], 413, "10,001 columns are too many; the model takes 2."),
    ({name: [1] for name in MANY}, 413, "10,001 columns are too many; the model takes 2."),
    ({"columns": MANY, "data": []}, 413, "10,001 columns are too many; the model takes 2."),
    (ONE | {"age": None}, 422, "row 0: age is null; expected a number."),
    (b'{"age": 1e400, "visits": 0}', 422, "row 0: age is inf; expected a finite number."),
    (
        b'{"age": 1%b, "visits": 0}' % (b"0" * 400),
        422,
        "row 0: age is a number of more than 30 digits; expected a ",
    ),
    (b'{"age": NaN, "visits": 0}', 400, "the body is not valid JSON: NaN is not a number of JSON."),
    (b"{", 400, "the body is not valid JSON: "),
    (b"", 400, "the body is not valid JSON: "),
    (b'{"age": "\xff"}', 400, "the body is not valid JSON: "),
    (b"[" * 40 + b"]" * 40, 400, "the JSON is nested deeper than 32 levels."),
    (b"[" * 100_000, 400, "the JSON is nested deeper than 32 levels."),
]


@pytest.mark.parametrize(("body", "status", "text"), REFUSED, ids=range(len(REFUSED)))
def test_a_row_that_does_not_fit_is_named_and_nothing_is_recorded(
    ask: Ask, journalled: Journalled, body: Any, status: int, text: str
) -> None:
    before = journalled()
    told = ask("/predict", b"null" if body is None else body)
    assert told.status == told.json["error"]["status"] == status
    assert told.json["error"]["message"].startswith(text)
    assert journalled() == before
    assert ask("/health").status == 200  # the connection goes on


def test_rows_that_do_not_fit_are_told_one_by_one(ask: Ask) -> None:
    error = ask("/predict", [ONE, ONE | {"age": "x"}]).json["error"]
    assert error["count"] == 1
    assert error["problems"] == [
        {"row": 1, "column": "age", "value": "'x'", "expected": "a number"}
    ]


def test_the_kind_of_the_body_has_to_be_one_that_is_read(ask: Ask, journalled: Journalled) -> None:
    before = journalled()
    told = ask("/predict", ONE, content_type="text/plain")
    assert told.status == 415
    assert told.json["error"]["message"] == (
        "a body of the type text/plain is not read here; send application/json, text/csv, "
        "application/x-ndjson, application/vnd.apache.arrow.stream, application/x-npy."
    )
    told = ask("/predict", ONE, content_type="application/x-www-form-urlencoded")
    assert "curl says it is a form, unless you write --json for -d" in told.json["error"]["message"]
    assert journalled() == before
    assert ask("/predict", json.dumps(ONE).encode()).status == 200  # without a type it is JSON


NUMBERS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3)
NAMES = ["age", "visits", "rows", "instances", "columns", "data", "id", "label", "inputs"]
NAMES += ["dataframe_split", "dataframe_records", "name", "shape", "datatype", "outputs"]
BODIES = st.recursive(
    NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=8,
)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=BODIES,
    path=st.sampled_from(
        ["/predict", "/feedback", "/invocations", "/v2/models/churn/infer", PLANS_AT]
    ),
)
def test_no_body_makes_the_server_fail(ask: Ask, body: Any, path: str) -> None:
    told = ask(path, json.dumps(body).encode())
    assert told.status in (200, 400, 404, 422), told.body


# -- names and turns ----------------------------------------------------------------------------


def test_columns_may_be_called_as_options_and_wrappers_are(project: Project) -> None:
    names = ["proba", "rows", "data", "columns"]
    model = LogisticRegression().fit(np.hstack([ROWS, ROWS]), ROWS[:, 0] > 0)
    example = dict.fromkeys(names, 1.0)
    project.models.register(model, "odd", input_example=example)
    app = prediction_app(Served({"odd": project.endpoint("odd")}))

    def told(method: str, body: Any = None, query: str = "") -> tuple[int, Any]:
        answer = app(Request(method, "/predict", {}, json.dumps(body).encode(), query))
        return answer.status, json.loads(answer.body)

    status, found = told("GET", None, "col.proba=2&rows=1&data=1&columns=1&proba=1")
    assert status == 200
    assert found["predictions"][0]["probabilities"]
    assert told("GET", None, "proba=1&rows=1&data=1&columns=1")[1]["error"]["message"] == (
        "row 0: proba is missing; expected a number."
    )
    assert told("POST", example)[0] == 200
    assert told("POST", {name: [1, 2] for name in names})[0] == 200
    assert told("POST", {"rows": [example]})[0] == 422  # a row without the other columns
    (get,) = [
        route
        for route in json.loads(app(Request("GET", "/openapi.json")).body)["paths"]["/predict"][
            "get"
        ]["parameters"]
        if route["name"].startswith("col.")
    ]
    assert get["name"] == "col.proba"


def test_what_one_turn_has_read_is_one_question_whatever_the_protocol(site: Site) -> None:
    loaded = next(endpoint for reference, endpoint in site.served if reference == "churn").current
    asked: list[int] = []
    loaded.on_asked, before = asked.append, loaded.on_asked
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [2, 0.5]}
    requests = [
        Request("POST", "/predict", {}, json.dumps([ONE, ONE]).encode()),
        Request("GET", "/models/churn/predict", query="age=2&visits=0.5"),
        Request("POST", "/predict", {"content-type": "text/csv"}, b"age,visits\n2,0.5\n"),
        Request("POST", "/invocations", {}, json.dumps({"instances": [ONE]}).encode()),
        Request("POST", "/v2/models/churn/infer", {}, json.dumps({"inputs": [tensor]}).encode()),
    ]
    results: list[Any] = []
    waiting = []
    for request in requests:
        admitted = site.app.admit(request)
        assert isinstance(admitted, Admitted)
        deferred = site.app.begin(admitted, request)
        assert isinstance(deferred, Deferred)
        deferred.work.add(deferred.item, results.append, time.monotonic() + 60)
        waiting.append(deferred)
    assert not loaded.batching.turn()
    assert asked == [6]
    answers = [
        site.app.finish(request, deferred, result)
        for request, deferred, result in zip(requests, waiting, results, strict=True)
    ]
    assert [answer.status for answer in answers] == [200] * 5
    assert len({answer.headers["X-Prediction-Id"] for answer in answers}) == 5
    loaded.on_asked = before
