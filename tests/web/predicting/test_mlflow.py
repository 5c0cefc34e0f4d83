"""MLflow's scoring protocol: the four shapes of JSON and CSV, as its clients write them."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lite_mlops.serving import Served
from lite_mlops.web import Request, prediction_app
from tests.web.predicting.conftest import CHURN, ONE, PRICE, ROWS, Ask, Journalled, Site

FEW = ROWS[:3]
NAMES = ["age", "visits"]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in FEW.tolist()]
WANTED = CHURN.predict(FEW).tolist()


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": NAMES, "data": FEW.tolist()}},
        {"dataframe_split": {"index": [0, 1, 2], "columns": NAMES, "data": FEW.tolist()}},
        {"dataframe_split": {"columns": NAMES[::-1], "data": FEW[:, ::-1].tolist()}},
        {"dataframe_split": {"data": FEW.tolist()}},
        {"dataframe_records": RECORDS},
        {"dataframe_records": [{"sex": "f", **row} for row in RECORDS]},
        {"instances": RECORDS},
        {"instances": FEW.tolist()},
        {"inputs": FEW.tolist()},
        {"inputs": dict(zip(NAMES, FEW.T.tolist(), strict=True))},
        {"inputs": FEW.tolist(), "params": {"threshold": 0.5}},
        {"inputs": FEW.tolist(), "params": None},
    ],
    ids=range(12),
)
@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8"])
def test_the_four_shapes_are_answered(ask: Ask, body: Any, media: str) -> None:
    told = ask("/invocations", body, content_type=media)
    assert (told.status, told.headers["content-type"]) == (200, "application/json")
    assert told.json == {"predictions": WANTED}


def test_its_answers_are_recorded(ask: Ask, site: Site) -> None:
    told = ask("/invocations", {"instances": RECORDS})
    recorded = site.project.sql("SELECT prediction_id, value FROM predictions ORDER BY ts").rows
    whole = told.headers["x-prediction-id"]
    assert recorded[-3:] == tuple((f"{whole}-{row}", value) for row, value in enumerate(WANTED))


@pytest.mark.parametrize("media", ["text/csv", "text/csv; charset=UTF-8"])
def test_csv_is_answered(ask: Ask, media: str) -> None:
    body = b"visits,sex,age\n0.5,f,2\n0.5,m,-2\n"
    assert ask("/invocations", body, content_type=media).json == {"predictions": ["yes", "no"]}


ONE_OF = "'dataframe_split', 'dataframe_records', 'instances', 'inputs'"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "the body is not valid JSON: "),
        (b"[" * 100_000, "the JSON is nested deeper than 32 levels."),
        ([ONE], f"the body must be a JSON object with exactly one of {ONE_OF}."),
        ({}, f"the body must have exactly one of {ONE_OF}; it has none."),
        ({"params": {}}, f"the body must have exactly one of {ONE_OF}; it has none."),
        (ONE, f"the body must have exactly one of {ONE_OF}; it has 'age', 'visits'."),
        (
            {"inputs": [], "instances": []},
            f"the body must have exactly one of {ONE_OF}; it has 'inputs', 'instances'.",
        ),
        ({"dataframe_split": [ONE]}, "'dataframe_split' must be an object with 'columns' and"),
        (
            {"dataframe_split": {"columns": NAMES, "data": [], "rows": 1}},
            "'dataframe_split' has no 'rows'; it has columns, data and index.",
        ),
        ({"dataframe_split": {"columns": NAMES, "data": [[1]]}}, "row 0 of 'data' has 1 values;"),
        ({"dataframe_split": {"columns": 5, "data": []}}, "'columns' must be a list of the names"),
        ({"dataframe_records": ONE}, "'dataframe_records' must be a list of objects of columns."),
        ({"instances": ONE}, "'instances' must be a list of rows."),
        ({"inputs": "x"}, "'inputs' must be an object of columns, or a list of rows."),
        ({"inputs": []}, "there are no rows to answer."),
        ({"dataframe_records": [{"age": 1}]}, "row 0: visits is missing; expected a number."),
        ({"instances": [[1, "x"]]}, "row 0: visits is 'x'; expected a number."),
    ],
)
def test_what_does_not_fit_is_a_bad_request(
    ask: Ask, journalled: Journalled, body: Any, text: str
) -> None:
    before = journalled()
    told = ask("/invocations", body, content_type="application/json")
    assert told.status == 400
    assert set(told.json) == {"error_code", "message"}
    assert told.json["error_code"] == "BAD_REQUEST"
    assert told.json["message"].startswith(text)
    assert journalled() == before


def test_other_refusals_have_the_same_form(ask: Ask) -> None:
    told = ask("/invocations", b"x", content_type="application/x-parquet")
    assert (told.status, told.json["error_code"]) == (415, "BAD_REQUEST")
    assert told.json["message"].endswith("is not read here; send application/json, text/csv.")
    told = ask("/invocations", {"instances": [[0, 0]] * 10_001})
    assert (told.status, told.json["error_code"]) == (413, "BAD_REQUEST")
    told = ask("/invocations")
    assert (told.status, told.headers["allow"]) == (405, "POST")
    assert told.json["message"] == "/invocations answers POST, not GET."


def test_a_regressor_gives_numbers(site: Site) -> None:
    price = prediction_app(Served({"price": site.project.endpoint("price")}))
    body = {"dataframe_records": [{"age": 41.5, "visits": 2}]}
    told = price(Request("POST", "/invocations", {}, json.dumps(body).encode()))
    frame = pd.DataFrame(body["dataframe_records"])
    assert json.loads(told.body) == {"predictions": PRICE.predict(frame).tolist()}


def test_its_own_client_finds_it_alive(ask: Ask) -> None:
    assert ask("/ping").status == ask("/health").status == 200
    told = ask("/version")
    assert told.body.decode() == version("lite-mlops")
    assert told.headers["content-type"] == "text/plain; charset=utf-8"


def test_numpy_as_clients_write_it(ask: Ask) -> None:
    """`inputs` of an array of one row, and pandas' own JSON of a frame."""
    assert ask("/invocations", {"inputs": np.ones((1, 2)).tolist()}).json["predictions"] == ["yes"]
    split = json.loads('{"columns":["age","visits"],"index":[7],"data":[[-2,0.0]]}')
    assert ask("/invocations", {"dataframe_split": split}).json["predictions"] == ["no"]
