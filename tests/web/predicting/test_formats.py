"""Rows as CSV, NDJSON, Arrow and npy, and answers in these: read strictly, by the signature."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops import frames
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.models import Column, Signature
from lite_mlops.web.kernel import Limits, Malformed, Request
from lite_mlops.web.predicting.formats import Sent, Taking, read
from tests.web.predicting.conftest import CHURN, FRAME, MIXED, ONE, PLANS, ROWS, Ask, Journalled

AT = "/models/plans@champion/predict"
ARROW = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"
NPY = "application/x-npy"

TEXTS = Taking(Signature((Column("a", "text", missing=True), Column("b", "text"))), Limits())


def sent(body: bytes, media: str = "text/csv", taking: Taking = TEXTS) -> Sent:
    return read(Request("POST", "/predict", {"content-type": media}, body), taking)


def npy(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def arrow(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    how = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(sink, table.schema, options=how) as writer:
        writer.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


# -- CSV ----------------------------------------------------------------------------------------

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=6)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6),
    end=st.sampled_from(["\r\n", "\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_a_writer_of_csv_wrote_is_read(
    rows: list[tuple[str, str]], end: str, quoting: Any
) -> None:
    file = io.StringIO(newline="")
    all_quoted = quoting == csv.QUOTE_ALL
    csv.writer(file, lineterminator=end, quoting=quoting).writerows([("a", "b"), *rows])
    found = sent(file.getvalue().encode()).rows
    expected = [tuple(cell if all_quoted else cell or None for cell in row) for row in rows]
    assert list(zip(found["a"], found["b"], strict=True)) == expected


@given(body=st.text('a,"\r\n\u00e9 1', max_size=30).map(str.encode) | st.binary(max_size=30))
def test_any_csv_is_read_or_refused(body: bytes) -> None:
    try:
        columns = sent(body).rows
    except (Invalid, Malformed):
        return
    assert len(set(map(len, columns.values()))) <= 1


def test_an_unending_quote_takes_no_time() -> None:
    with pytest.raises(Malformed, match='line 2 is no CSV: \'"""""""""""""""""""'):
        sent(b"a,b\n" + b'"' * 1_000_001 + b"x")


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"", Invalid, "the CSV is empty: its first line must have the names of the columns."),
        (b"\n\n", Invalid, "the CSV is empty"),
        (b"a,b\n1\n", Invalid, "row 0 has 1 cells; expected 2, as in the line of names."),
        (b"a,b\n1,2\n1,2,3\n", Invalid, "row 1 has 3 cells; expected 2, as in the line of names."),
        (b"a,a\n1,2\n", Invalid, "the line of names has 'a' twice."),
        (b'a,b\n1,"x"y\n', Malformed, "line 2 is no CSV: '\"x\"y\\\\n' has a quote or a line end"),
        (b"a,b\n1,x\ry\n", Malformed, "line 2 is no CSV: 'x\\\\ry\\\\n' has a"),
        (b"a,b\n1,\xff\n", Malformed, "the CSV is not utf-8: invalid start byte at 6."),
    ],
)
def test_csv_that_is_none_is_refused(body: bytes, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        sent(body)


def test_cells_are_read_by_the_signature() -> None:
    kinds = {"whole": "integer", "number": "float", "flag": "boolean", "text": "text"}
    columns = tuple(Column(name, kind, missing=True) for name, kind in kinds.items())  # type: ignore[arg-type]
    body = b'whole,number,flag,text\n001,1e3,True,001\n,,,""\n 7 , nan,FALSE,\nx,1_0,1,x\n'
    found = sent(body, taking=Taking(Signature(columns), Limits())).rows
    assert found["whole"] == [1, None, 7, "x"]
    assert str(found["number"]) == "[1000.0, None, nan, '1_0']"
    assert found["flag"] == [True, None, False, "1"]
    assert found["text"] == ["001", "", None, "x"]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("utf-8", "utf-8-sig"), ('"UTF-8"', "utf-8"), ("iso-8859-1", "latin-1"), ("utf-16", "utf-16")],
)
def test_the_charset_is_that_of_the_header(charset: str, encoding: str) -> None:
    body = "a,b\né,x\n".encode(encoding)
    assert sent(body, f"text/csv; charset={charset}").rows["a"] == ["é"]


def test_a_charset_that_is_not_read_is_another_kind_of_body(ask: Ask) -> None:
    told = ask("/predict", b"age,visits\n1,2\n", content_type="text/csv; charset=punycode")
    assert told.status == 415
    assert told.json["error"]["message"] == (
        "CSV in the charset 'punycode' is not read; send it as utf-8."
    )


def test_csv_comes_back_as_csv_with_its_own_columns_first(ask: Ask) -> None:
    body = b'id,age,visits,plan,active\r\n007,51.5,3,pro,true\r\n"=1+1",999,3,=max,false\r\n'
    told = ask(
        f"{AT}?proba=1&keep=1&ignore_unknown=1", body, content_type="text/csv", accept="text/csv"
    )
    assert told.headers["content-type"] == "text/csv; charset=utf-8"
    first, second = csv.DictReader(io.StringIO(told.body.decode(), newline=""))
    assert list(first) == [
        *("id", "age", "visits", "plan", "active", "prediction", "probability_0", "probability_1"),
        *("quality", "answer_id"),
    ]
    assert (first["id"], first["age"], first["active"]) == ("007", "51.5", "true")
    assert first["answer_id"] == told.headers["x-prediction-id"] + "-0"
    assert (first["quality"], second["quality"]) == ("ok", "doubtful")
    # What a spreadsheet would run is only a text there.
    assert (second["id"], second["plan"]) == ("'=1+1", "'=max")
    rows = FRAME.iloc[:2].assign(age=[51.5, 999], visits=3, plan=["pro", "=max"])
    rows["active"] = [True, False]
    assert [first["prediction"], second["prediction"]] == list(map(str, PLANS.predict(rows)))
    proba = PLANS.predict_proba(rows)
    assert [float(first["probability_1"]), float(second["probability_1"])] == proba[:, 1].tolist()


def test_json_comes_back_as_csv(ask: Ask) -> None:
    told = ask("/predict?keep=true", [ONE, [1, -2]], accept="text/csv").body.decode()
    lines = [line.split(",")[:4] for line in told.splitlines()]
    assert lines == [
        ["age", "visits", "prediction", "quality"],
        ["2.0", "0.5", "yes", "ok"],
        ["1", "-2", "yes", "ok"],
    ]


def test_names_that_leave_none_for_the_answers_are_refused(ask: Ask) -> None:
    body = b"age,visits,id,answer_id\n1,2,3,4\n"
    told = ask("/predict?keep=1&ignore_unknown=1", body, content_type="text/csv", accept="text/csv")
    assert told.status == 422
    assert told.json["error"]["message"] == (
        "the columns 'id' and 'answer_id' leave no name for the answers."
    )


def test_a_cell_that_does_not_fit_is_named(ask: Ask, journalled: Journalled) -> None:
    before = journalled()
    body = b"age,visits,plan,active\n51,3,pro,true\n51,3.5,pro,yes\n"
    told = ask(AT, body, content_type="text/csv")
    assert told.status == 422
    assert told.json["error"]["message"] == (
        "row 1: visits is 3.5; expected a whole number. row 1: active is 'yes'; expected true or "
        "false."
    )
    assert journalled() == before


def test_too_many_lines_or_columns_are_refused_before_they_are_read(ask: Ask) -> None:
    for row in (b"1,2\n", b'1,"2"\n'):
        told = ask("/predict", b"age,visits\n" + row * 10_001, content_type="text/csv")
        assert told.status == 413
        assert told.json["error"]["message"].startswith("10,001 rows are too many for one request;")
    told = ask("/predict", b"," * 20_000, content_type="text/csv")
    assert told.status == 413
    assert told.json["error"]["message"] == "20,000 columns are too many; the model takes 2."


# -- NDJSON -------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", [NDJSON, "application/jsonl", "application/x-ndjson; charset=x"])
def test_ndjson_is_read_line_by_line(ask: Ask, media: str) -> None:
    body = b'{"age": 2, "visits": 0}\r\n\n[-2, 0]\n'
    told = ask("/predict?proba=1&keep=1", body, content_type=media, accept=NDJSON)
    assert told.headers["content-type"] == NDJSON
    records = list(map(json.loads, told.body.splitlines()))
    assert [one["prediction"] for one in records] == ["yes", "no"]
    assert [one["row"] for one in records] == [
        {"age": 2, "visits": 0},
        {"age": -2, "visits": 0},
    ]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"[1,2]\n[1,", 400, "line 2 is no row: it is not valid JSON: "),
        (b"[1,2],[1,2]\n", 400, "line 1 is no row: it is not valid JSON: Extra data"),
        (b"[" * 40 + b"]" * 40, 400, "line 1 is no row: the JSON is nested deeper than 32 levels."),
        (b"\n\n", 422, "there are no rows to answer."),
        (b"[1,2]\n5\n", 422, "row 1 is 5; expected an object of the columns, or a list of 2 "),
        (b"[1,2]\n" * 10_001, 413, "10,001 rows are too many for one request;"),
    ],
)
def test_ndjson_that_does_not_fit_is_refused(ask: Ask, body: bytes, status: int, text: str) -> None:
    told = ask("/predict", body, content_type=NDJSON)
    assert told.status == status
    assert told.json["error"]["message"].startswith(text)


# -- Arrow --------------------------------------------------------------------------------------


def test_arrow_is_answered_in_arrow(ask: Ask) -> None:
    table = pa.Table.from_pandas(FRAME.iloc[:20], preserve_index=False)
    told = ask(f"{AT}?proba=1&keep=1", arrow(table), content_type=ARROW, accept=ARROW)
    assert told.headers["content-type"] == ARROW
    answers = pa.ipc.open_stream(told.body).read_all()
    assert answers.column_names == [
        *("age", "visits", "plan", "active", "prediction", "probability_0", "probability_1"),
        *("quality", "id"),
    ]
    assert answers["prediction"].to_pylist() == PLANS.predict(FRAME.iloc[:20]).tolist()
    assert answers["plan"].to_pylist() == FRAME["plan"][:20].tolist()


def test_arrow_with_a_dictionary_is_read(ask: Ask) -> None:
    table = pa.table({name: [value] for name, value in MIXED.items()})
    table = table.set_column(2, "plan", table["plan"].dictionary_encode())
    assert ask(AT, arrow(table), content_type=ARROW).json["predictions"][0]["quality"] == "ok"


LARGE = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000, pa.int32()), pa.array(["x" * 200_000]))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "the body is no stream of Arrow: "),
        (b"no Arrow", "the body is no stream of Arrow: "),
        (arrow(pa.table(ONE_COLUMN := {"age": [1.0], "visits": [2.0]}))[:-40], "the body is no "),
        (arrow(pa.table(ONE_COLUMN), compression="zstd"), "a compressed stream of Arrow is not "),
        (arrow(pa.table({"age": [[1.0]]})), "the column 'age' of the type list<"),
        (arrow(pa.table({"plan": LARGE})), "the column 'plan' repeats texts that are too long."),
    ],
)
def test_arrow_that_is_none_or_would_grow_is_refused(ask: Ask, body: bytes, text: str) -> None:
    told = ask("/predict", body, content_type=ARROW)
    assert told.status == 400
    assert told.json["error"]["message"].startswith(text)


@given(data=st.data())
def test_damaged_arrow_is_refused_or_read(data: st.DataObject) -> None:
    body = bytearray(
        arrow(pa.table({"a": ["x", None], "b": pa.array(["y", "y"]).dictionary_encode()}))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        columns = sent(bytes(body), ARROW).columns()
    except (Invalid, Malformed):
        return
    assert all(type(values) is list for values in columns.values())


def test_without_pyarrow_arrow_is_not_read(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise NotFound(f"{name} is not installed, and this needs it: pip install {name}")

    monkeypatch.setattr(frames, "_library", missing)
    told = ask("/predict", b"", content_type=ARROW)
    assert told.status == 415
    assert told.json["error"]["message"] == (
        "Arrow is not read by this server: pyarrow is not installed, and this needs it: pip "
        "install pyarrow."
    )
    assert ask("/predict", ONE, accept=ARROW).status == 415


# -- npy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        ROWS,
        np.asfortranarray(ROWS),
        ROWS.astype(np.float32),
        ROWS.astype(">f8"),
        np.array(list(map(tuple, ROWS)), [("age", "<f8"), ("visits", "<f8")]),
    ],
    ids=["C", "Fortran", "float32", "big-endian", "structured"],
)
def test_an_array_is_answered_with_an_array(ask: Ask, values: Any) -> None:
    told = ask("/predict", npy(values), content_type=NPY, accept=NPY)
    assert told.headers["content-type"] == NPY
    answers = np.load(io.BytesIO(told.body))
    assert answers.tolist() == CHURN.predict(ROWS).tolist()
    proba = np.load(
        io.BytesIO(ask("/predict?proba=1", npy(values), content_type=NPY, accept=NPY).body)
    )
    np.testing.assert_allclose(proba, CHURN.predict_proba(ROWS), atol=1e-6)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "the body is no npy file: "),
        (b"\x93NUMPY\x01\x00\x05\x00{", 400, "the body is no npy file: "),
        (npy(ROWS)[:-8], 400, "the array takes 1,600 bytes, and 1,592 came."),
        (npy(ROWS) + b"more", 400, "the array takes 1,600 bytes, and 1,604 came."),
        (
            npy(ROWS).replace(b"(100, 2)", b"(10**9,)"),
            400,
            "the body is no npy file: ",
        ),
        (npy(ROWS).replace(b"(100, 2)", b"(9999,2)"), 400, "the array takes 159,984 bytes, and "),
        (npy(ROWS).replace(b"(100, 2), ", b"(99999,2),"), 413, "99,999 rows are too many"),
        (npy(np.ones((2, 2), complex)), 422, "an array of the type complex128 is not read;"),
        (npy(np.ones((2, 3))), 422, "the input is an array of 2 x 3; expected rows x 2."),
        (npy(np.ones(())), 422, "the input is an array of a single value; expected rows x 2."),
    ],
)
def test_an_array_that_does_not_fit_is_refused(
    ask: Ask, body: bytes, status: int, text: str
) -> None:
    told = ask("/predict", body, content_type=NPY)
    assert told.status == status, told.body
    assert told.json["error"]["message"].startswith(text)


@pytest.mark.parametrize("shape", [(0, 10**30), (0, 2**40, 2**40), (0, *[1] * 80), (-2, -1)])
def test_an_array_that_cannot_be_is_refused(ask: Ask, shape: tuple[int, ...]) -> None:
    head = io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, about)
    told = ask("/predict", head.getvalue() + b"8" * 16 * (shape[0] < 0), content_type=NPY)
    assert told.status == 400
    assert told.json["error"]["message"].startswith("there is no array of the shape (")


def test_an_array_of_objects_is_never_unpickled(ask: Ask) -> None:
    told = ask("/predict", npy(np.array([[1, None]], object)), content_type=NPY)
    assert told.status == 422
    assert told.json["error"]["message"].startswith("an array of the type object is not read;")


@pytest.mark.parametrize("accept", ["application/json", "text/csv", NDJSON, ARROW])
def test_arrays_are_kept(ask: Ask, accept: str) -> None:
    named = np.array(list(map(tuple, ROWS[:2])), [("age", "<f8"), ("visits", "<f8")])
    for values in (named, ROWS[:2]):
        told = ask("/predict?keep=1", npy(values), content_type=NPY, accept=accept)
        assert told.status == 200
        if accept == NDJSON:
            rows = [json.loads(line)["row"] for line in told.body.splitlines()]
            assert [list(row.values()) for row in rows] == ROWS[:2].tolist()


# -- what no form can hold ----------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["application/json", "text/csv", NDJSON, ARROW, NPY])
def test_what_is_kept_is_written_in_every_form(ask: Ask, accept: str) -> None:
    """Columns that the model does not know may hold anything."""
    odd = [1, "x", {"a": [1, None]}, 10**18, None, True, [2.5]]
    rows = [MIXED | {"odd": value} for value in odd]
    told = ask(f"{AT}?keep=1&ignore_unknown=1", rows, accept=accept)
    assert told.status == 200, told.body
    if accept == ARROW:
        column = pa.ipc.open_stream(told.body).read_all()["odd"].to_pylist()
        assert column == [None if value is None else str(value) for value in odd]


@pytest.mark.parametrize("place", [AT, "/invocations", "/v2/models/plans/infer", "/feedback"])
def test_half_a_character_is_refused(ask: Ask, journalled: Journalled, place: str) -> None:
    before = journalled()
    for body in (MIXED | {"plan": "\ud800"}, MIXED | {"\udfff": 1}, "x\ud800"):
        told = ask(place, body)
        assert told.status == 400
        assert b"alone, which is half of a character." in told.body
    assert journalled() == before
    values = np.array([["ab"]])
    for one in (b"\0\xd8\0\0", b"\xff\xff\xff\xff"):
        told = ask("/predict", npy(values).replace(b"a\0\0\0", one), content_type=NPY)
        assert told.status == 400
        assert told.json["error"]["message"] == "the array has a text with what is no character."
    assert ask("/predict?age=%ED%A0%80&visits=1").status == 400
    assert ask(AT, MIXED | {"plan": "\U0001f600"}).status == 200  # a whole one, as two escapes
