"""The Open Inference Protocol: metadata, tensors as JSON and as bytes, and what is refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lite_mlops.web.kernel import Malformed
from lite_mlops.web.predicting.open_inference.tensors import (
    DATATYPES,
    Tensor,
    read_tensor,
    tensor_of,
    to_bytes,
    to_json,
)
from tests.web.predicting.conftest import CHURN, PLANS, ROWS, Ask, Journalled, Site

INFER = "/v2/models/churn/infer"
LENGTH = "Inference-Header-Content-Length"
FEW = ROWS[:3]
WANTED = CHURN.predict(FEW).tolist()


def tensor(name: str, datatype: str, data: Any, shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}


AGE = tensor("age", "FP64", FEW[:, 0].tolist())
VISITS = tensor("visits", "FP64", FEW[:, 1].tolist())
MATRIX = tensor("input-0", "FP64", FEW.reshape(-1).tolist(), [3, 2])


# -- about the server and its models ------------------------------------------------------------


def test_the_server_tells_what_it_is(ask: Ask) -> None:
    told = ask("/v2").json
    assert told["name"] == "lite-mlops"
    assert told["extensions"] == ["binary_tensor_data"]
    assert ask("/v2/health/live").json == {"live": True}
    assert ask("/v2/health/ready").json == {"ready": True}


@pytest.mark.parametrize("place", ["plans", "plans@champion", "plans/versions/1"])
def test_metadata_has_an_input_for_each_column(ask: Ask, place: str) -> None:
    told = ask(f"/v2/models/{place}").json
    assert told == {
        "name": place.partition("/")[0],
        "versions": ["1"],
        "platform": "lite-mlops_joblib",
        "inputs": [
            {"name": "age", "datatype": "FP64", "shape": [-1]},
            {"name": "visits", "datatype": "INT64", "shape": [-1]},
            {"name": "plan", "datatype": "BYTES", "shape": [-1]},
            {"name": "active", "datatype": "BOOL", "shape": [-1]},
        ],
        "outputs": [
            {"name": "predict", "datatype": "INT64", "shape": [-1]},
            {
                "name": "predict_proba",
                "datatype": "FP64",
                "shape": [-1, 2],
                "parameters": {"classes": "0, 1"},
            },
        ],
        "parameters": {"default_output": "predict"},
    }
    assert ask(f"/v2/models/{place}/ready").json["ready"] is True


def test_metadata_tell_of_the_single_input_of_numbers(ask: Ask) -> None:
    told = ask("/v2/models/price").json
    assert told["parameters"]["single_input"] == "FP64 [-1, 2], of any name"
    assert [one["name"] for one in told["outputs"]] == ["predict"]


@pytest.mark.parametrize("place", ["nothing", "churn/versions/2", "churn/versions/x"])
def test_what_is_not_served_is_not_there(ask: Ask, place: str) -> None:
    answers = [ask(f"/v2/models/{place}{end}") for end in ("", "/ready")]
    for told in [*answers, ask(f"/v2/models/{place}/infer", {"inputs": [AGE]})]:
        assert (told.status, set(told.json)) == (404, {"error"})
        assert " is not served here; there is churn, " in told.json["error"]
    assert ask("/v2/nothing").json == {"error": "There is nothing at /v2/nothing."}


# -- inference ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inputs",
    [
        [AGE, VISITS],
        [VISITS, AGE],
        [AGE | {"shape": [3, 1]}, VISITS | {"shape": [3, 1], "data": FEW[:, 1:].tolist()}],
        [MATRIX],
        [MATRIX | {"name": "anything", "data": FEW.tolist()}],
        [AGE | {"parameters": None}, VISITS | {"parameters": {"content_type": "np"}}],
    ],
    ids=range(6),
)
def test_columns_or_a_matrix_are_answered(ask: Ask, inputs: Any) -> None:
    told = ask(INFER, {"id": "my request", "inputs": inputs})
    assert told.status == 200, told.body
    identifier = told.headers["x-prediction-id"]
    assert told.json == {
        "model_name": "churn",
        "model_version": "1",
        "id": "my request",
        "parameters": {"prediction_id": identifier},
        "outputs": [{"name": "predict", "datatype": "BYTES", "shape": [3], "data": WANTED}],
    }


def test_its_answers_are_recorded(ask: Ask, site: Site) -> None:
    told = ask(INFER, {"inputs": [MATRIX]})
    recorded = site.project.sql("SELECT prediction_id, value FROM predictions ORDER BY ts").rows
    whole = told.headers["x-prediction-id"]
    assert recorded[-3:] == tuple((f"{whole}-{row}", value) for row, value in enumerate(WANTED))


def test_outputs_are_those_asked_for(ask: Ask) -> None:
    wanted = [{"name": "predict_proba"}, {"name": "predict", "parameters": None}]
    told = ask(INFER, {"inputs": [MATRIX], "outputs": wanted}).json
    assert "id" not in told
    proba, labels = told["outputs"]
    assert (proba["name"], proba["datatype"], proba["shape"]) == ("predict_proba", "FP64", [3, 2])
    assert proba["data"] == CHURN.predict_proba(FEW).reshape(-1).tolist()
    assert labels["data"] == WANTED


def test_columns_of_every_type_are_read(ask: Ask) -> None:
    inputs = [
        tensor("age", "FP32", [51.5, 20]),
        tensor("visits", "UINT8", [3, 255]),
        tensor("plan", "BYTES", ["pro", "basic"]),
        tensor("active", "BOOL", [True, False]),
    ]
    told = ask("/v2/models/plans/versions/1/infer", {"inputs": inputs})
    assert told.json["outputs"] == [
        {"name": "predict", "datatype": "INT64", "shape": [2], "data": [1, 0]}
    ]


TWO = "the input 'age' of the shape [2]"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([], "the body must be an object with 'inputs'."),
        ({}, "'inputs' must be a list with at least one tensor."),
        ({"inputs": []}, "'inputs' must be a list with at least one tensor."),
        ({"inputs": [5]}, "'inputs' must be a list of objects with name, shape, datatype and "),
        ({"inputs": [{"shape": [1]}]}, "an input has no name."),
        (
            {"inputs": [AGE | {"datatype": "STRING"}]},
            "the input 'age' has the datatype 'STRING'; expected one of BOOL, ",
        ),
        ({"inputs": [AGE | {"shape": [-1]}]}, "the input 'age' has no shape: a list of numbers "),
        ({"inputs": [AGE | {"shape": [True]}]}, "the input 'age' has no shape: a list of numbers "),
        ({"inputs": [AGE | {"shape": [1] * 65}]}, "the input 'age' has no shape: a list of "),
        ({"inputs": [AGE | {"shape": [10**30]}]}, "the input 'age' has no shape: a list of "),
        (
            {"inputs": [tensor("age", "FP64", [], [0, *[2**30] * 9])]},
            f"the input 'age' of the shape {[0, *[2**30] * 9]} has a shape that no array has.",
        ),
        ({"inputs": [AGE | {"shape": [2]}]}, f"{TWO} has 3 values; expected 2."),
        ({"inputs": [AGE | {"data": None}]}, "the input 'age' of the shape [3] has no list 'data'"),
        (
            {"inputs": [AGE | {"shape": [1, 10**9, 10**9]}]},
            f"the input 'age' of the shape [1, {10**9}, {10**9}] has 3 values; expected 1,000,",
        ),
        (
            {"inputs": [MATRIX | {"data": [[1, 2], [3, 4]]}]},
            "the input 'input-0' of the shape [3, 2] has 2 rows of data; expected 3.",
        ),
        (
            {"inputs": [MATRIX | {"data": [[1, 2], [3], [4, 5]]}]},
            "the input 'input-0' of the shape [3, 2] has data that are not nested as its shape",
        ),
        (
            {"inputs": [MATRIX | {"shape": [2, 3]}]},
            "the input 'input-0' has the shape [2, 3]; expected [rows, 2], or an input for each ",
        ),
        (
            {"inputs": [AGE | {"shape": [1, 3]}, VISITS]},
            "the input 'age' has the shape [1, 3]; expected [rows] or [rows, 1].",
        ),
        ({"inputs": [AGE]}, "visits is missing; expected a number."),
        ({"inputs": [AGE, AGE]}, "two inputs have the same name."),
        (
            {"inputs": [AGE, tensor("visits", "FP64", [1.0])]},
            "visits is of 1 values; expected 3, as in the first.",
        ),
        (
            {"inputs": [AGE, VISITS, AGE | {"name": "sex"}]},
            "sex is not known; expected only the columns age, visits.",
        ),
        (
            {"inputs": [tensor("age", "FP64", [1, "x"]), VISITS]},
            f"{TWO} has the value 'x'; expected numbers, as of FP64.",
        ),
        (
            {"inputs": [tensor("age", "FP64", [1, True]), VISITS]},
            f"{TWO} has the value True; expected numbers, as of FP64.",
        ),
        (
            {"inputs": [tensor("age", "INT8", [1, 1.5]), VISITS]},
            f"{TWO} has the value 1.5; expected whole numbers, as of INT8.",
        ),
        (
            {"inputs": [tensor("age", "INT8", [1, 128]), VISITS]},
            f"{TWO} has a number that is not one of INT8.",
        ),
        (
            {"inputs": [tensor("age", "BYTES", [1, 2]), VISITS]},
            f"{TWO} has the value 1; expected texts, as of BYTES.",
        ),
        (
            {"inputs": [tensor("age", "FP16", [1, 2]), VISITS]},
            f"{TWO} is FP16, which JSON does not carry; send it as binary data.",
        ),
        (
            {"inputs": [tensor("age", "FP32", [1e300] * 3), VISITS]},
            "row 0: age is inf; expected a finite number.",
        ),
        (
            {"inputs": [tensor("age", "FP64", [None] * 3), VISITS]},
            "row 0: age is nan; expected a number.",
        ),
        ({"inputs": [MATRIX], "id": 5}, "'id' must be a text."),
        ({"inputs": [MATRIX], "parameters": 5}, "'parameters' must be an object."),
        ({"inputs": [MATRIX], "outputs": ["predict"]}, "'outputs' must be a list of objects with"),
        (
            {"inputs": [MATRIX], "outputs": [{"name": "proba"}]},
            "the model has no output 'proba'; it has predict, predict_proba.",
        ),
        (
            {
                "inputs": [MATRIX],
                "outputs": [{"name": "predict", "parameters": {"classification": 3}}],
            },
            "the output 'predict' is not written as classification.",
        ),
        (
            {"inputs": [AGE | {"parameters": {"shared_memory_region": "x"}}]},
            "shared memory is not read; send the values.",
        ),
        (
            {"inputs": [AGE | {"parameters": {"binary_data_size": "8"}}]},
            "binary_data_size is '8'; expected a number of bytes.",
        ),
        (b"{", "the body is not valid JSON: "),
        (b"[" * 100_000, "the JSON is nested deeper than 32 levels."),
        (b"", "the body is not valid JSON: "),
    ],
)
def test_what_does_not_fit_is_told_and_not_recorded(
    ask: Ask, journalled: Journalled, body: Any, text: str
) -> None:
    before = journalled()
    told = ask(INFER, body)
    assert (told.status, set(told.json)) == (400, {"error"})
    assert told.json["error"].startswith(text)
    assert journalled() == before


def test_limits_and_other_kinds_of_bodies_are_refused_in_the_same_form(ask: Ask) -> None:
    told = ask(INFER, {"inputs": [tensor("x", "FP64", [0] * 20_002, [10_001, 2])]})
    assert (told.status, set(told.json)) == (413, {"error"})
    assert ask(INFER, {"inputs": [AGE | {"shape": [10**9, 1]}]}).status == 413
    told = ask(INFER, {"inputs": [AGE] * 10_001})
    assert told.json == {"error": "10,001 columns are too many; the model takes 2."}
    told = ask(INFER, b"age,visits\n1,2\n", content_type="text/csv")
    assert told.status == 415
    assert told.json["error"].endswith("send application/json, application/octet-stream.")


# -- values as bytes ----------------------------------------------------------------------------

KINDS = {
    "BOOL": "?", "FP16": "float16", "FP32": "float32", "FP64": "float64",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64",
    "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
}  # fmt: skip


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    datatype = draw(st.sampled_from(DATATYPES))
    shape = tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)))
    count = int(np.prod(shape))
    if datatype == "BYTES":
        texts = draw(st.lists(st.text(max_size=4), min_size=count, max_size=count))
        values = np.empty(count, object)
        values[:] = texts
        return Tensor("x", datatype, values.reshape(shape))
    kind = np.dtype(KINDS[datatype])
    raw = draw(st.binary(min_size=count * kind.itemsize, max_size=count * kind.itemsize))
    if datatype == "BOOL":
        raw = bytes(one & 1 for one in raw)
    values = np.frombuffer(raw, kind).reshape(shape)
    if kind.kind == "f":
        values = np.where(np.isfinite(values), values, kind.type(0.5))
    return Tensor("x", datatype, values)


def nested(flat: list[Any], shape: tuple[int, ...]) -> list[Any]:
    if len(shape) == 1:
        return flat
    size = int(np.prod(shape[1:]))
    rows = (flat[row * size : (row + 1) * size] for row in range(shape[0]))
    return [nested(row, shape[1:]) for row in rows]


@given(given_tensor=tensors())
def test_bytes_and_json_carry_the_same_values(given_tensor: Tensor) -> None:
    written, data = to_bytes(given_tensor)
    again = read_tensor(written, data)
    assert again.values.shape == given_tensor.values.shape
    assert again.values.tolist() == given_tensor.values.tolist()
    if given_tensor.datatype != "FP16":
        as_json = json.loads(json.dumps(to_json(given_tensor)))
        assert read_tensor(as_json).values.tolist() == given_tensor.values.tolist()
        as_json["data"] = nested(as_json["data"], given_tensor.values.shape)
        assert read_tensor(as_json).values.tolist() == given_tensor.values.tolist()


@given(
    written=st.fixed_dictionaries(
        {
            "name": st.just("x"),
            "datatype": st.sampled_from(DATATYPES),
            "shape": st.lists(st.integers(0, 4), max_size=2),
        }
    ),
    data=st.binary(max_size=40),
)
def test_any_bytes_are_values_or_refused(written: dict[str, Any], data: bytes) -> None:
    try:
        found = read_tensor(written, data)
    except Malformed:
        return
    assert list(found.values.shape) == written["shape"]


def binary(message: Any, *parts: bytes) -> tuple[bytes, dict[str, str]]:
    head = json.dumps(message).encode()
    return b"".join((head, *parts)), {LENGTH.replace("-", "_"): str(len(head))}


def sized(name: str, datatype: str, shape: list[int], data: bytes) -> dict[str, Any]:
    parameters = {"binary_data_size": len(data)}
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": parameters}


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.floats(-99, 99, width=32), st.floats(-99, 99, width=32)),
        min_size=1,
        max_size=4,
    ),
    datatype=st.sampled_from(["FP32", "FP64"]),
)
def test_both_ways_give_the_same_answers(ask: Ask, rows: Any, datatype: str) -> None:
    matrix = np.array(rows, KINDS[datatype])
    as_json = {"inputs": [tensor("x", datatype, matrix.tolist(), list(matrix.shape))]}
    wanted = [{"name": "predict_proba"}, {"name": "predict"}]
    flat = ask(INFER, as_json | {"outputs": wanted}).json["outputs"]
    data = matrix.tobytes()
    message = {
        "inputs": [sized("x", datatype, list(matrix.shape), data)],
        "outputs": wanted,
        "parameters": {"binary_data_output": True},
    }
    body, headers = binary(message, data)
    told = ask(INFER, body, **headers)
    assert told.headers["content-type"] == "application/octet-stream"
    length = int(told.headers[LENGTH.lower()])
    proba, labels = json.loads(told.body[:length])["outputs"]
    size = proba["parameters"]["binary_data_size"]
    values = np.frombuffer(told.body[length : length + size], "<f8")
    assert values.tolist() == flat[0]["data"]
    texts, rest = [], told.body[length + size :]
    assert len(rest) == labels["parameters"]["binary_data_size"]
    while rest:
        (count,) = struct.unpack_from("<I", rest)
        texts.append(rest[4 : 4 + count].decode())
        rest = rest[4 + count :]
    assert texts == flat[1]["data"]


PAIR = sized("x", "FP64", [1, 2], b"8" * 16)
TEXT = sized("plan", "BYTES", [1], b"\x01\0\0\0x")


@pytest.mark.parametrize(
    ("message", "data", "length", "text"),
    [
        ({"inputs": [PAIR]}, b"8" * 16, "x", f"{LENGTH} is 'x'; expected how many of the "),
        ({"inputs": [PAIR]}, b"8" * 16, "-5", f"{LENGTH} is '-5'; expected how many of the "),
        ({"inputs": [PAIR]}, b"8" * 16, "9" * 30, f"{LENGTH} is '999999999999999999999999999999'"),
        ({"inputs": [PAIR]}, b"8" * 16, "5", "the body is not valid JSON: "),
        (
            {"inputs": [PAIR]},
            b"8" * 15,
            None,
            "the input 'x' of the shape [1, 2] has 15 bytes; expected 16, 8 for each FP64.",
        ),
        ({"inputs": [PAIR]}, b"8" * 17, None, "17 bytes follow the JSON; the inputs say that they"),
        ({"inputs": [MATRIX]}, b"8", None, "1 bytes follow the JSON; the inputs say that they"),
        (
            {"inputs": [PAIR | {"data": [1, 2]}]},
            b"8" * 16,
            None,
            "the input 'x' of the shape [1, 2] has both 'data' and 'binary_data_size'.",
        ),
        (
            {"inputs": [TEXT]},
            b"\x02\0\0\0x",
            None,
            "the input 'plan' of the shape [1] ends within its text number 0.",
        ),
        (
            {"inputs": [TEXT]},
            b"\x01\0\0\0\xff",
            None,
            "the input 'plan' of the shape [1] has a text, number 0, that is not UTF-8.",
        ),
        (
            {"inputs": [TEXT | {"shape": [2]}]},
            b"\x01\0\0\0x",
            None,
            "the input 'plan' of the shape [2] has 1 texts; expected 2.",
        ),
    ],
)
def test_bytes_that_do_not_fit_are_told(
    ask: Ask, journalled: Journalled, message: Any, data: bytes, length: str | None, text: str
) -> None:
    before = journalled()
    body, headers = binary(message, data)
    if length is not None:
        headers = dict.fromkeys(headers, length)
    told = ask(INFER, body, **headers)
    assert told.status == 400
    assert told.json["error"].startswith(text)
    assert journalled() == before


def test_half_floats_come_as_bytes(ask: Ask) -> None:
    data = FEW.astype("<f2").tobytes()
    body, headers = binary({"inputs": [sized("x", "FP16", [3, 2], data)]}, data)
    assert ask(INFER, body, **headers).json["outputs"][0]["data"] == WANTED


def test_answers_of_objects_are_written_as_what_they_are() -> None:
    assert tensor_of("x", np.array([1, 2], object)).datatype == "INT64"
    assert tensor_of("x", np.array([True], object)).datatype == "BOOL"
    texts = tensor_of("x", np.array([["a", 1], [None, 2.5]], object))
    assert (texts.datatype, texts.values.tolist()) == ("BYTES", [["a", "1"], ["None", "2.5"]])
    assert PLANS.classes_.tolist() == [0, 1]
