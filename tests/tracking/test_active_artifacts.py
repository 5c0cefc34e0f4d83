"""Artifacts of an active run: texts, tables, files and folders come back as they were logged."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project
from lite_mlops.tracking import ActiveRun


@pytest.fixture
def logged(project: Project) -> Callable[[Callable[[ActiveRun], object]], dict[str, bytes]]:
    """Logs to a new run and returns the bytes of all its artifacts by their paths."""

    def log(call: Callable[[ActiveRun], object]) -> dict[str, bytes]:
        with project.start_run() as run:
            call(run)
        found = project.runs.get(run.id).artifacts
        return {one.path: project.runs.read_artifact(run.id, one.path) for one in found}

    return log


Logged = Callable[[Callable[[ActiveRun], object]], dict[str, bytes]]


def strict_json(data: bytes) -> Any:
    """What JSON says, as every reader of JSON takes it: NaN is not JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(data, parse_constant=refuse)


# -- texts and dictionaries ----------------------------------------------------------------------


def test_a_text_is_kept_as_utf8(logged: Logged) -> None:
    found = logged(lambda run: run.log_text("Übung\r\n😀 \ud800", "notes/first.md"))
    assert found == {"notes/first.md": "Übung\r\n😀 ?".encode()}


def test_what_is_recorded_of_a_file_is_its_size_media_type_and_hash(project: Project) -> None:
    with project.start_run() as run:
        run.log_text("abc", "a.txt")
        run.log_text("", "no ending")
    text, empty = project.runs.get(run.id).artifacts
    assert text.to_dict() == {
        "path": "a.txt",
        "size": 3,
        "media": "text/plain",
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
    assert (empty.size, empty.media) == (0, "application/octet-stream")


def test_the_latest_file_at_a_path_stands(logged: Logged) -> None:
    def twice(run: ActiveRun) -> None:
        run.log_text("first", "a.txt")
        run.log_text("second", "./a.txt")

    assert logged(twice) == {"a.txt": b"second"}


def test_a_dictionary_is_kept_as_json(logged: Logged) -> None:
    value = {"a": [1, 2.5, None, True], "ü": {"b": "😀"}}
    assert strict_json(logged(lambda run: run.log_dict(value, "a.json"))["a.json"]) == value


def test_what_json_has_no_word_for_is_kept_as_text(logged: Logged) -> None:
    found = logged(lambda run: run.log_dict({"path": Path("a/b")}, "a.json"))
    assert strict_json(found["a.json"]) == {"path": "a/b"}


def test_numbers_of_numpy_are_kept_as_numbers(logged: Logged) -> None:
    value = {"classes": np.int64(3), "share": np.float32(0.5), "counts": np.array([1, 2])}
    found = logged(lambda run: run.log_dict(value, "a.json"))
    assert strict_json(found["a.json"]) == {"classes": 3, "share": 0.5, "counts": [1, 2]}


def test_a_dictionary_with_nan_is_still_json(logged: Logged) -> None:
    found = logged(lambda run: run.log_dict({"auc": float("nan"), "n": 3}, "a.json"))
    assert strict_json(found["a.json"])["n"] == 3


# -- tables --------------------------------------------------------------------------------------

ROWS = [{"name": "ann", "score": 0.5}, {"name": 'b,o\n"b"', "age": 7}]


def test_rows_are_kept_as_json(logged: Logged) -> None:
    found = logged(lambda run: run.log_table(ROWS, "t.json"))
    assert strict_json(found["t.json"]) == {
        "columns": ["name", "score", "age"],
        "data": [["ann", 0.5, None], ['b,o\n"b"', None, 7]],
    }


def test_rows_are_kept_as_csv(logged: Logged) -> None:
    found = logged(lambda run: run.log_table(ROWS, "t.csv"))
    assert list(csv.reader(io.StringIO(found["t.csv"].decode(), newline=""))) == [
        ["name", "score", "age"],
        ["ann", "0.5", ""],
        ['b,o\n"b"', "", "7"],
    ]


@pytest.mark.parametrize(
    "table",
    [
        {"a": [1, 2], "b": ["x", "y"]},
        {"a": np.array([1, 2]), "b": ("x", "y")},
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    ],
    ids=["columns", "arrays", "frame", "rows"],
)
def test_a_table_may_have_several_forms(logged: Logged, table: Any) -> None:
    def both(run: ActiveRun) -> None:
        run.log_table(table, "t.json")
        run.log_table(table, "T.CSV")

    found = logged(both)
    assert strict_json(found["t.json"]) == {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}
    assert found["T.CSV"] == b"a,b\n1,x\n2,y\n"


def test_a_frame_with_times_is_kept(logged: Logged) -> None:
    frame = pd.DataFrame({"at": pd.to_datetime(["2024-05-01 12:30"]), 5: [True]})
    found = logged(lambda run: run.log_table(frame, "t.json"))
    assert strict_json(found["t.json"]) == {
        "columns": ["at", "5"],
        "data": [["2024-05-01 12:30:00", True]],
    }


def test_empty_cells_of_a_frame_are_null(logged: Logged) -> None:
    frame = pd.DataFrame({"name": ["ann", None], "score": [0.5, float("nan")]})
    found = logged(lambda run: run.log_table(frame, "t.json"))
    assert strict_json(found["t.json"])["data"] == [["ann", 0.5], [None, None]]


def test_rows_whose_keys_are_not_texts_keep_their_cells(logged: Logged) -> None:
    found = logged(lambda run: run.log_table([{1: "x", "b": "y"}], "t.json"))
    assert strict_json(found["t.json"]) == {"columns": ["1", "b"], "data": [["x", "y"]]}


def test_an_array_in_a_cell_is_a_list(logged: Logged) -> None:
    found = logged(lambda run: run.log_table([{"a": np.array([1, 2])}], "t.json"))
    assert strict_json(found["t.json"])["data"] == [[[1, 2]]]


# -- files and folders ---------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with some files."""
    made = tmp_path / "data"
    (made / "deep" / "empty").mkdir(parents=True)
    (made / "a.bin").write_bytes(bytes(range(256)) * 10_000)
    (made / "deep" / ".hidden").write_text("h")
    return made


def test_a_file_is_kept_with_its_bytes(logged: Logged, folder: Path) -> None:
    file = folder / "a.bin"

    def log_three_times(run: ActiveRun) -> None:
        run.log_artifact(file)
        run.log_artifact(str(file), "raw/x")
        run.log_artifact(file, artifact_path="raw\\y")

    data = file.read_bytes()
    found = logged(log_three_times)
    assert found == {"a.bin": data, "raw/x/a.bin": data, "raw/y/a.bin": data}


def test_a_folder_is_kept_with_everything_in_it(logged: Logged, folder: Path) -> None:
    data = (folder / "a.bin").read_bytes()
    found = logged(lambda run: run.log_artifacts(folder, "in"))
    assert found == {"in/a.bin": data, "in/deep/.hidden": b"h"}


def test_a_folder_logged_as_an_artifact_keeps_its_name(logged: Logged, folder: Path) -> None:
    found = logged(lambda run: run.log_artifact(folder / "deep"))
    assert found == {"deep/.hidden": b"h"}


def test_a_file_changed_afterwards_stays_as_it_was_logged(logged: Logged, folder: Path) -> None:
    file = folder / "deep" / ".hidden"

    def log_and_change(run: ActiveRun) -> None:
        run.log_artifact(file)
        file.write_text("changed")

    assert logged(log_and_change) == {".hidden": b"h"}


@pytest.mark.parametrize("call", ["log_artifact", "log_artifacts"])
def test_what_is_not_there_is_told(project: Project, tmp_path: Path, call: str) -> None:
    missing = str(tmp_path / "none")
    run = project.start_run()
    with pytest.raises(NotFound, match=r"^There is no (file|folder) ") as error:
        getattr(run, call)(missing)
    assert repr(missing)[:50] in str(error.value)
    assert project.runs.get(run.id).artifacts == ()


def test_the_files_that_can_be_read_are_kept(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "b.txt").symlink_to("nowhere")
    (folder / os.fsdecode(b"c\xff.txt")).write_text("odd name")
    with socket.socket(socket.AF_UNIX) as unreadable, project.start_run() as run:
        unreadable.bind("d.sock")
        with pytest.raises((Invalid, NotFound)) as error:
            run.log_artifacts(".")
    text = str(error.value)
    assert "There is no file 'b.txt' to log as artifact." in text
    assert "'c\\udcff.txt' must have at most 1,000 characters, none of them a control" in text
    assert "'d.sock' is no regular file and cannot be kept." in text
    assert [one.path for one in project.runs.get(run.id).artifacts] == ["a.bin", "deep/.hidden"]


def test_a_file_that_fails_while_it_is_read_is_refused(project: Project) -> None:
    run = project.start_run()
    with pytest.raises(Invalid, match=r"^'/proc/self/mem' cannot be read: "):
        run.log_artifact("/proc/self/mem")
