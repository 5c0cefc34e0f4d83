"""Whole files: every format in and out, values by the types of the signature, nothing half done."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.models import Column, InvalidRows, Signature
from lite_mlops.models.signature import Output, Tensor
from lite_mlops.serving import Predicted, files, predict_file

ROOT = Path(__file__).parents[2]
FORMATS = ("csv", "parquet", "jsonl")
SIGNATURE = Signature(
    (
        Column("age", "integer", missing=True),
        Column("income", "float"),
        Column("plan", "text", missing=True),
        Column("vip", "boolean"),
        Column("since", "datetime", missing=True),
    ),
    (Output("label", "text", ("no", "yes"), probabilities=True),),
    framed=True,
)
FRAME = pd.DataFrame(
    {
        "id": ["007", "x", "9", None],
        "since": pd.to_datetime(
            ["2026-01-31", None, "2025-02-01T10:30", "1969-01-01"], format="ISO8601"
        ),
        "vip": [True, False, True, False],
        "plan": ["001", None, "basic", ""],
        "age": pd.array([41, None, 9007199254740991, -3], "Int64"),
        "income": [0.1, 2.5, -3e10, 4.0],
    }
)


class Told:
    """A model that answers with what it was asked, so that every value can be compared."""

    def __init__(self) -> None:
        self.seen: list[pd.DataFrame] = []

    def predict(self, rows: pd.DataFrame) -> Any:
        self.seen.append(rows)
        return np.where(rows["vip"], "yes", "no")

    def predict_proba(self, rows: pd.DataFrame) -> Any:
        yes = rows["vip"].to_numpy(dtype=float)
        return np.stack([1 - yes, yes], axis=1)


def write(path: Path, frame: pd.DataFrame) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True, date_format="iso", date_unit="us")
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype={"id": str, "plan": str})
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_json(path, lines=True, dtype=False)


def texts(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(text) else text for text in column]


def predict(source: Path, target: Path, **options: Any) -> Predicted:
    return predict_file(Told(), SIGNATURE, source, target, **options)


@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("form", FORMATS)
def test_values_come_as_the_signature_says(tmp_path: Path, form: str, written: str) -> None:
    frame = FRAME.assign(plan=["001", None, "basic", 'a,b\n"c"'])
    source = write(tmp_path / f"in.{form}", frame)
    model, target = Told(), tmp_path / f"out.{written}"
    done = predict_file(model, SIGNATURE, source, target, probabilities=True, keep=["id", "plan"])
    names = ("id", "plan", "prediction", "probability_no", "probability_yes")
    assert done == Predicted(target, 4, names)
    (seen,) = model.seen
    assert seen["age"].tolist()[0::2] == [41, 9007199254740991]
    assert np.isnan(seen["age"][1])
    assert seen["income"].tolist() == [0.1, 2.5, -3e10, 4.0]
    assert texts(seen["plan"]) == ["001", None, "basic", 'a,b\n"c"']
    assert seen["vip"].tolist() == [True, False, True, False]
    assert seen["since"].isna().tolist() == [False, True, False, False]
    assert seen["since"][2] == datetime(2025, 2, 1, 10, 30)  # noqa: DTZ001
    found = read(target)
    assert found["prediction"].tolist() == ["yes", "no", "yes", "no"]
    assert found["probability_yes"].tolist() == [1, 0, 1, 0]
    assert found["plan"].tolist()[0::2] == ["001", "basic"]
    assert found["plan"].tolist()[3] == 'a,b\n"c"'
    assert found["id"].tolist()[:3] == ["007", "x", "9"]


@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("form", FORMATS)
def test_all_columns_can_be_kept(tmp_path: Path, form: str, written: str) -> None:
    source = write(tmp_path / f"in.{form}", FRAME)
    target = tmp_path / f"out.{written}"
    done = predict(source, target, keep=None)
    assert done.columns == (*FRAME.columns, "prediction")
    found = read(target)
    assert tuple(found.columns) == done.columns
    assert found["age"].tolist()[2] == 9007199254740991
    assert found["income"].tolist() == FRAME["income"].tolist()
    assert found["vip"].tolist() == FRAME["vip"].tolist()


def test_an_empty_text_is_one_and_an_empty_cell_is_none(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text('age,income,plan,vip,since\n,1,"",TRUE,\n,nan,,False,\n')
    model = Told()
    with pytest.raises(InvalidRows, match="row 2: income is nan; expected a number"):
        predict_file(model, SIGNATURE, source, tmp_path / "out.csv")
    source.write_text('age,income,plan,vip,since\n,1,"",TRUE,\n,1,,False,\n')
    predict_file(model, SIGNATURE, source, tmp_path / "out.csv", keep=["plan"])
    assert texts(model.seen[0]["plan"]) == ["", None]
    assert (tmp_path / "out.csv").read_text() == 'plan,prediction\n"",yes\n,no\n'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("in.tsv", b"a\tb\n1\t2\n3\t4\n"),
        ("in.csv", b"\xef\xbb\xbfa;b\r\n1;2\r\n3;4\r\n"),
        ("in.csv.gz", gzip.compress(b"a,b\n1,2\n3,4\n", mtime=0)),
        ("in.csv", b'a,b\n"1","2"\n3,4'),
        ("in.jsonl.gz", gzip.compress(b'{"a": 1, "b": 2}\n{"b": 4.0, "a": 3}\n', mtime=0)),
        ("in.NDJSON", b'{"a": 1, "b": 2, "c": {"d": []}}\n{"a": 3, "b": 4, "e": null}\n'),
    ],
)
def test_files_of_other_kinds(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    signature = Signature((Column("b", "integer"), Column("a", "float")))
    done = predict_file(_Sums(), signature, tmp_path / name, tmp_path / "out.csv")
    assert (done.rows, (tmp_path / "out.csv").read_text()) == (2, "prediction\n3.0\n7.0\n")


class _Sums:
    def predict(self, rows: Any) -> Any:
        return np.asarray(rows).sum(axis=1)


def test_batches_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BATCH_ROWS", 7)
    frame = pd.DataFrame({"a": np.arange(100), "b": np.arange(100) * 0.5})
    told: list[tuple[int, int]] = []
    signature = Signature((Column("a", "integer"), Column("b", "float")))
    done = predict_file(
        _Sums(),
        signature,
        write(tmp_path / "in.csv", frame),
        tmp_path / "out.parquet",
        keep=["a"],
        progress=lambda done, rows: told.append((done, rows)),
    )
    found = pd.read_parquet(done.path)
    assert found["a"].tolist() == list(range(100))
    assert found["prediction"].tolist() == (frame["a"] + frame["b"]).tolist()
    assert told == [*((min(100, done), 100) for done in range(0, 105, 7)), (100, 100)][:16]


# -- answers of every kind ----------------------------------------------------------------------


class _Answers:
    """A model that answers with given values, some at a time."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def predict(self, rows: Any) -> Any:
        answers, self.values = self.values[: len(rows)], self.values[len(rows) :]
        return answers


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        (np.array([1, 2, 3, 4]), ["1", "2", "3", "4"]),
        (np.array([1.0, 0.1, np.nan, 4]), ["1.0", "0.1", '""', "4.0"]),
        (np.array(["a", "b,c", "", "001"]), ["a", '"b,c"', '""', "001"]),
        (np.array([True, False, True, False]), ["true", "false", "true", "false"]),
        ([None, "a", "b", None], ['""', "a", "b", '""']),
        ([1, 2, 0.5, 4], ["1.0", "2.0", "0.5", "4.0"]),
        ([1, 2, "x", True], ["1", "2", "x", "True"]),
        (["x", "y", 3, 4], ["x", "y", "3", "4"]),
        ([{"a": 1}, [2], None, "x"], ["{'a': 1}", "[2]", '""', "x"]),
    ],
    ids=str,
)
def test_answers_of_every_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: Any, lines: list[str]
) -> None:
    monkeypatch.setattr(files, "BATCH_ROWS", 2)
    source = tmp_path / "in.csv"
    source.write_text("a\n1\n2\n3\n4\n")
    signature = Signature((Column("a", "float"),))
    objects = np.empty(4, object)
    objects[:] = values
    given = values if isinstance(values, np.ndarray) else objects
    predict_file(_Answers(given), signature, source, tmp_path / "out.csv")
    found = (tmp_path / "out.csv").read_text().splitlines()
    assert found[0] == "prediction"
    assert [line or '""' for line in found[1:]] == lines


def test_several_answers_are_several_columns(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a\n1\n2\n")
    signature = Signature((Column("a", "float"),))
    done = predict_file(
        _Answers(np.array([[1, 2], [3, 4]])), signature, source, tmp_path / "out.csv"
    )
    assert done.columns == ("prediction_0", "prediction_1")
    assert (tmp_path / "out.csv").read_text() == "prediction_0,prediction_1\n1,2\n3,4\n"


def test_no_rows_are_no_answers_of_the_right_types(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("age,income,plan,vip,since\n")
    done = predict(source, tmp_path / "out.parquet", probabilities=True)
    assert done.rows == 0
    found = pd.read_parquet(done.path)
    assert list(found.columns) == ["prediction", "probability_no", "probability_yes"]
    assert [str(kind) for kind in found.dtypes] == ["str", "float64", "float64"]


def test_a_model_of_texts_takes_a_file_of_one_column(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "good"}\n{"text": "bad"}\n')
    signature = Signature(tensor=Tensor("text"))
    predict_file(_Answers(np.array([1, 0])), signature, source, tmp_path / "out.csv", keep=None)
    assert (tmp_path / "out.csv").read_text() == "text,prediction\ngood,1\nbad,0\n"


# -- refusals -----------------------------------------------------------------------------------

HEADER = "age,income,plan,vip,since\n"
GOOD = "1,2,a,true,2026-01-31\n"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("x,2,a,true,\n", "row 3: age is 'x'; expected a whole number."),
        ("1.5,2,a,true,\n", "row 3: age is 1.5; expected a whole number."),
        ("9007199254740993,2,a,true,\n", "row 3: age is '9007199254740993'; expected a whole"),
        ("1_0,2,a,true,\n", "row 3: age is '1_0'; expected a whole number."),
        ("1,,a,true,\n", "row 3: income is nan; expected a number."),
        ("1,inf,a,true,\n", "row 3: income is inf; expected a finite number."),
        ("1,2,a,1,\n", "row 3: vip is '1'; expected true or false."),
        ("1,2,a,true,monday\n", "row 3: since is 'monday'; expected a time such as"),
        ("1,2,a,true,2026-13-01\n", "row 3: since is '2026-13-01'; expected a time such as"),
        ("x,y,a,z,\n", "row 3: age is 'x'; expected a whole number. row 3: income is 'y'"),
    ],
)
def test_values_that_do_not_fit_are_named_by_their_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, text: str
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(HEADER + 2 * GOOD + line + GOOD)
    for size in (1, 2, 3, 100):
        monkeypatch.setattr(files, "BATCH_ROWS", size)
        with pytest.raises(InvalidRows) as error:
            predict(source, target)
        assert str(error.value).startswith(f"{source} (rows count from 1): {text}")
        assert error.value.problems[0].row == 3
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["in.csv"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"plan": 1}, "row 2: plan is 1; expected a text."),
        ({"age": "41"}, "row 2: age is '41'; expected a whole number."),
        ({"age": 2**53 + 2}, "row 2: age is 9007199254740994; expected a whole number of at most"),
        ({"age": 1.5}, "row 2: age is 1.5; expected a whole number."),
        ({"vip": 1}, "row 2: vip is 1; expected true or false."),
        ({"vip": None}, "row 2: vip is null; expected true or false."),
        ({"income": True}, "row 2: income is True; expected a number."),
        ({"income": [1]}, "row 2: income is [1]; expected a number."),
        ({"since": 5}, "row 2: since is 5; expected a time"),
    ],
)
def test_values_of_json_keep_their_types(
    tmp_path: Path, changed: dict[str, Any], text: str
) -> None:
    good = {"age": 1, "income": 2, "plan": "a", "vip": True, "since": "2026-01-31"}
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in (good, good | changed, good)))
    with pytest.raises(InvalidRows) as error:
        predict(source, tmp_path / "out.csv")
    assert str(error.value).startswith(f"{source} (rows count from 1): {text}")


@pytest.mark.parametrize(
    ("column", "values", "text"),
    [
        ("plan", [1, 2], "row 1: plan is 1; expected a text."),
        ("age", ["1", "2"], "row 1: age is '1'; expected a whole number."),
        ("age", [1.0, 2.5], "row 2: age is 2.5; expected a whole number."),
        ("age", [1, 2**60], f"row 2: age is {2**60}; expected a whole number of at most"),
        ("income", [True, False], "row 1: income is True; expected a number."),
        ("vip", [0, 1], "row 1: vip is 0; expected true or false."),
        ("since", [1, 2], "row 1: since is 1; expected a time"),
    ],
)
def test_columns_of_parquet_keep_their_types(
    tmp_path: Path, column: str, values: list[Any], text: str
) -> None:
    frame = FRAME.iloc[:2].assign(**{column: values})
    with pytest.raises(InvalidRows) as error:
        predict(write(tmp_path / "in.parquet", frame), tmp_path / "out.csv")
    assert (
        str(error.value)
        .removeprefix(str(tmp_path))
        .startswith(f"/in.parquet (rows count from 1): {text}")
    )


@pytest.mark.parametrize(
    ("name", "data", "options", "text"),
    [
        ("in.csv", "age,income,vip,since\n", {}, "lacks the column 'plan', which the model takes"),
        ("in.csv", "Age,income,plan,vip,since\n", {}, "lacks the column 'age', which the model"),
        ("in.csv", "", {}, "in.csv is empty."),
        ("in.csv", HEADER.replace("since", "age,since") + "1,2,a,true,1,\n", {}, "two columns of"),
        ("in.csv", HEADER + GOOD + "1,2\n", {}, "cannot be read as a table"),
        ("in.csv", b"\xff\xfe" + HEADER.encode(), {}, "in.csv"),
        ("in.parquet", "PAR1nothing", {}, "cannot be read as a table"),
        ("in.jsonl", "[1, 2]\n{\n", {}, "cannot be read as a table"),
        ("in.txt", "a", {}, "the ending of its name tells no format"),
        ("in*.csv", HEADER + GOOD, {}, "the characters * ? [ in the name"),
        ("in.csv", HEADER + GOOD, {"keep": ["agee"]}, "no column 'agee' to keep. Did you mean"),
        ("in.csv", "Prediction," + HEADER + "1," + GOOD, {"keep": None}, "'Prediction' and 'pred"),
    ],
)
def test_files_that_cannot_be_used_write_nothing(
    tmp_path: Path, name: str, data: str | bytes, options: dict[str, Any], text: str
) -> None:
    source, target = tmp_path / name, tmp_path / "out.csv"
    source.write_bytes(data if isinstance(data, bytes) else data.encode())
    target.write_text("of before")
    with pytest.raises(Invalid) as error:
        predict(source, target, **options)
    assert text in str(error.value)
    assert target.read_text() == "of before"
    assert sorted(path.name for path in tmp_path.iterdir() if "work" not in path.name) == sorted(
        [name, "out.csv"]
    )


def test_what_cannot_be_asked_is_told(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a\n1\n2\n")
    os.mkfifo(tmp_path / "pipe.csv")
    signature = Signature((Column("a", "float"),))
    cases: list[tuple[Any, Signature, str, dict[str, Any], str]] = [
        (_Sums(), signature, "out.csv", {"probabilities": True}, "this model has no probabilities"),
        (_Answers(np.array([1])), signature, "out.csv", {}, "the model gave 1 answers to 2 rows"),
        (_Sums(), Signature(tensor=Tensor("float", (2, 2))), "out.csv", {}, "the shape (2, 2)"),
        (_Sums(), signature, "none/out.csv", {}, "cannot be written: No such file"),
        (_Sums(), signature, "in.csv", {}, "is the file that is read"),
        (_Sums(), signature, "pipe.csv", {}, "is no plain file that could be replaced"),
        (_Sums(), signature, "out.xlsx", {}, "the ending of its name tells no format"),
    ]
    for model, signed, target, options, text in cases:
        with pytest.raises(Invalid) as error:
            predict_file(model, signed, source, tmp_path / target, **options)
        assert text in str(error.value)
    with pytest.raises(Invalid, match=r"There is no file 'none\.csv'"):
        predict_file(_Sums(), signature, Path("none.csv"), tmp_path / "out.csv")
    assert source.read_text() == "a\n1\n2\n"


CELLS: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
    "integer": lambda: st.none() | st.integers(-(2**53) + 1, 2**53 - 1),
    "float": lambda: st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "text": lambda: st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    "boolean": lambda: st.none() | st.booleans(),
}


@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_file_holds_is_what_the_signature_sees(tmp_path: Path, data: st.DataObject) -> None:
    """Rows of JSON lines come to the model as the same rows do that are passed in Python."""
    kinds = data.draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    columns = tuple(
        Column(f"{kind} {place}", kind, missing=True)  # type: ignore[arg-type]
        for place, kind in enumerate(kinds)
    )
    row = st.fixed_dictionaries({column.name: CELLS[column.type]() for column in columns})
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    signature = Signature(columns, framed=True)
    expected = signature.validate(rows).frame()
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in rows))
    model = _Seen()
    predict_file(model, signature, source, tmp_path / "out.parquet")
    assert model.rows is not None
    pd.testing.assert_frame_equal(model.rows, expected, check_dtype=False)


class _Seen:
    rows: Any = None

    def predict(self, rows: Any) -> Any:
        self.rows = rows
        return np.zeros(len(rows))


@pytest.mark.slow
def test_a_file_larger_than_its_memory(tmp_path: Path) -> None:
    """A million rows pass through a database of 64 MB, and the process stays small."""
    code = """
import resource, sys
from pathlib import Path
import numpy as np
import sklearn.linear_model
from lite_mlops.models import Column, Signature
from lite_mlops.serving import predict_file
from lite_mlops.settings import Settings
class Sums:
    def predict(self, rows):
        return rows.sum(axis=1)
signature = Signature(tuple(Column(f"x{place}", "float") for place in range(8)))
folder = Path(sys.argv[1])
row = ",".join(["0.123456789012345"] * 8) + "\\n"
def write(rows):
    with (folder / "in.csv").open("w") as file:
        file.write(",".join(signature.features) + "\\n")
        for _ in range(rows // 1000):
            file.write(row * 1000)
peaks = []
for rows in (1000, int(sys.argv[2])):
    write(rows)
    settings = Settings(database_memory_mb=128)
    done = predict_file(
        Sums(), signature, folder / "in.csv", folder / "out.parquet", settings=settings
    )
    assert done.rows == rows
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(*peaks, (folder / "in.csv").stat().st_size)
"""
    script = tmp_path / "sums.py"  # code without a file counts as interactive: DuckDB draws bars
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "400000"],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    small, large, size = map(int, done.stdout.split())
    assert size > 50_000_000
    assert large - small < 250_000  # kilobytes: the memory of the database and a batch
    assert [path.name for path in tmp_path.iterdir()] != []
    assert not list(tmp_path.glob(".predict-*"))
