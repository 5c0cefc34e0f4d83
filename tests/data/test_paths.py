"""Files, folders and queries as data: versions, copies, what changed, and clear refusals."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lite_mlops.data import Query, datasets
from lite_mlops.data.sources import folder_hash
from lite_mlops.errors import Conflict, Damaged, Invalid, NotFound
from lite_mlops.project import Project
from lite_mlops.store.chunks import read_manifest
from lite_mlops.store.cleaning import clean

PEOPLE = "age,sex\n41,f\n38,m\n"
ROWS = {"age": [41, 38], "sex": ["f", "m"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work" / "images"
    (made / "cats").mkdir(parents=True)
    (made / "cats" / "1.png").write_bytes(b"cat")
    (made / "dog.png").write_bytes(b"dog")
    return made


def old(path: Path, seconds: float = 10) -> Path:
    """Have a file look as if it was written some time ago."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))
    return path


def people(tmp_path: Path, text: str = PEOPLE) -> Path:
    path = tmp_path / "work" / "people.csv"
    path.write_text(text)
    return old(path)


def states(project: Project, chosen: str | None = None) -> dict[str, str]:
    return {Path(one.path).name: one.state for one in project.datasets.states(chosen)}


def test_a_file_is_the_same_version_as_its_rows(project: Project, tmp_path: Path) -> None:
    version = project.datasets.add(people(tmp_path), "people")
    assert version.sha256 == project.datasets.add(ROWS, "rows").sha256
    assert (version.form, version.rows, version.size) == ("table", 2, 18)
    assert version.source is not None
    assert version.source["path"] == "people.csv"
    assert version.source["sha256"] == hashlib.sha256(PEOPLE.encode()).hexdigest()
    assert project.datasets.get("people").profile == version.profile
    assert repr(version) == f"<DatasetVersion people {version.sha256[:12]} 2x2>"


def test_other_files_are_known_by_their_bytes(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\0\1")
    version = project.datasets.add(path, "x")
    assert version.sha256 == hashlib.sha256(b"\0\1").hexdigest()
    assert (version.form, version.rows, version.columns) == ("file", 0, 0)


def test_a_folder_is_known_by_its_names_and_bytes(project: Project, folder: Path) -> None:
    version = project.datasets.add(folder, "images")
    hashes = {"cats/1.png": b"cat", "dog.png": b"dog"}
    assert version.sha256 == folder_hash(
        {name: hashlib.sha256(content).hexdigest() for name, content in hashes.items()}
    )
    (folder / "dog.png").rename(folder / "hound.png")
    assert project.datasets.add(folder, "images").sha256 != version.sha256


def test_the_latest_version_is_the_one_seen_last(project: Project) -> None:
    first = project.datasets.add({"a": [1]}, "d")
    second = project.datasets.add({"a": [2]}, "d")
    assert project.datasets.get("d") == second
    project.datasets.add({"a": [1]}, "d")
    assert [one.sha256 for one in project.datasets.all("d")] == [first.sha256, second.sha256]
    assert project.datasets.get(f"d@{second.sha256[:6]}").sha256 == second.sha256


def test_lineage_leads_from_data_to_runs_and_models(project: Project) -> None:
    from sklearn.linear_model import LogisticRegression

    with project.start_run("one") as run:
        version = run.log_dataset({"x": [0.0, 1.0]}, "d")
        model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
        project.log_model(model, "m", input_example={"x": 0.0})
    with project.start_run("two") as other:
        other.log_dataset({"x": [0.0, 1.0]}, "d", role="test")
    uses = project.datasets.used_in(version)
    assert [(use.run_name, use.role, use.models) for use in uses] == [
        ("two", "test", ()),
        ("one", "training", ("m/1",)),
    ]


# -- copies -------------------------------------------------------------------------------------


def test_a_copy_comes_back_byte_by_byte(project: Project, tmp_path: Path, folder: Path) -> None:
    path = people(tmp_path)
    version = project.datasets.add(path, "people", snapshot=True)
    project.datasets.add(folder, "images", snapshot=True)
    path.unlink()
    assert project.datasets.checkout("people", path) == path
    assert path.read_text() == PEOPLE
    with pytest.raises(Conflict, match=r"people\.csv exists already; --force replaces it"):
        project.datasets.checkout(version.reference, path)
    project.datasets.checkout("images@latest", tmp_path / "back")
    assert (tmp_path / "back" / "cats" / "1.png").read_bytes() == b"cat"


def test_a_copy_of_a_table_in_memory_is_parquet(project: Project, tmp_path: Path) -> None:
    table = {"n": [1, None], "t": ["a", None], "x": [0.5, 1.5], "l": [{"a": 1}, None]}
    version = project.datasets.add(table, "d", snapshot=True)
    project.datasets.checkout("d", tmp_path / "back.parquet")
    assert project.datasets.add(tmp_path / "back.parquet", "again").sha256 == version.sha256


def test_without_a_copy_checkout_says_so(project: Project, tmp_path: Path) -> None:
    project.datasets.add(people(tmp_path), "people")
    with pytest.raises(NotFound, match=r"No copy of people@\w{12} was kept.* from people.csv"):
        project.datasets.checkout("people", tmp_path / "back")


def test_copies_are_kept_by_cleaning_and_known_to_doctor_and_backup(
    project: Project, tmp_path: Path
) -> None:
    version = project.datasets.add(people(tmp_path), "people", snapshot=True)
    project.store.objects.put_bytes(b"nobody wants me")
    assert clean(project.store, grace_seconds=-1).objects == 1
    assert project.examine() == []
    backup = project.backup(tmp_path / "backup")
    assert backup.objects == 2
    assert version.snapshot is not None
    ((chunk, _),) = read_manifest(project.store.objects, version.snapshot, "it").chunks
    project.store.objects.path(chunk).unlink()  # the backup holds a link to it
    project.store.objects.path(chunk).write_bytes(b"damaged")
    (finding,) = project.examine()
    assert finding.text == f"the object of snapshot of {version.reference} is damaged"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    restored = Project(elsewhere)
    restored.restore(tmp_path / "backup")
    restored.datasets.checkout("people", tmp_path / "back.csv")
    restored.close()
    assert (tmp_path / "back.csv").read_text() == PEOPLE


def test_cleaning_frees_nothing_while_a_list_of_chunks_is_damaged(
    project: Project, tmp_path: Path
) -> None:
    version = project.datasets.add(people(tmp_path), "people", snapshot=True)
    assert version.snapshot is not None
    project.store.objects.path(version.snapshot).write_bytes(b"damaged")
    before = list(project.store.objects.all())
    with pytest.raises(Damaged, match=f"snapshot of {version.reference} is damaged"):
        clean(project.store, grace_seconds=-1)
    assert list(project.store.objects.all()) == before


# -- what changed -------------------------------------------------------------------------------


def test_files_are_compared_with_the_latest_version(
    project: Project, tmp_path: Path, folder: Path
) -> None:
    for path in folder.rglob("*.png"):
        old(path)
    project.datasets.add(people(tmp_path), "people")
    project.datasets.add(folder, "images")
    assert set(states(project).values()) == {"unchanged"}
    (folder / "dog.png").write_bytes(b"god")  # the same size
    (folder / "cats" / "1.png").unlink()
    (folder / "cats" / "2.png").write_bytes(b"")
    changed = {"1.png": "missing", "2.png": "new", "dog.png": "changed"}
    assert states(project, "images") == changed
    assert states(project, str(folder)) == changed
    assert states(project) == changed | {"people.csv": "unchanged"}
    with pytest.raises(NotFound, match="No dataset has the name or the files 'nothing'"):
        project.datasets.states("nothing")


def test_a_touched_file_is_hashed_and_found_unchanged(project: Project, tmp_path: Path) -> None:
    path = people(tmp_path)
    version = project.datasets.add(path, "people")
    old(path, 100)
    assert states(project) == {"people.csv": "unchanged"}
    assert project.datasets.source_state(version) == "unchanged"
    people(tmp_path, PEOPLE.replace("41", "42"))
    assert project.datasets.source_state(version) == "changed"
    path.unlink()
    assert project.datasets.source_state(version) == "missing"


def test_a_file_that_changed_just_before_it_was_read_is_in_doubt(
    project: Project, tmp_path: Path
) -> None:
    path = people(tmp_path)
    os.utime(path)
    project.datasets.add(path, "people")
    status = path.stat()
    path.write_text(PEOPLE.replace("41", "42"))
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))  # as a coarse clock would do
    assert states(project) == {"people.csv": "changed"}


def test_unchanged_files_are_not_read_again(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = people(tmp_path)
    first = project.datasets.add(path, "people")
    monkeypatch.setattr(datasets.Datasets, "_read", None)
    with project.start_run() as run:
        assert run.log_dataset(path, "people") == first
    assert project.datasets.used_by(run.id, "training") == first


# -- queries and relations ----------------------------------------------------------------------


def databases(tmp_path: Path) -> list[Path]:
    with duckdb.connect(tmp_path / "q.duckdb") as one:
        one.execute("CREATE TABLE p (age BIGINT, sex VARCHAR)")
        one.execute("INSERT INTO p VALUES (41, 'f'), (38, 'm')")
    with closing(sqlite3.connect(tmp_path / "q.sqlite")) as other, other:
        other.execute("CREATE TABLE p (age INT, sex TEXT)")
        other.execute("INSERT INTO p VALUES (41, 'f'), (38, 'm')")
    return [tmp_path / "q.duckdb", tmp_path / "q.sqlite"]


def test_queries_and_relations_are_the_same_as_their_rows(project: Project, tmp_path: Path) -> None:
    expected = project.datasets.add(ROWS, "rows").sha256
    for path in databases(tmp_path):
        query = Query(path, "SELECT * FROM p ORDER BY age DESC;")
        assert project.datasets.add(query, "q", snapshot=True).sha256 == expected
        target = tmp_path / f"{path.name}.parquet"
        project.datasets.checkout("q", target, force=True)
        assert project.datasets.add(target, "back").sha256 == expected
    with duckdb.connect(tmp_path / "q.duckdb", read_only=True) as connection:
        relation = connection.sql("FROM p ORDER BY age DESC")
        assert project.datasets.add(relation, "r", snapshot=True).sha256 == expected
    assert list(project.store.layout.tmp.iterdir()) == []


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("DROP TABLE p", "has to be one SELECT|readonly database"),
        ("SELECT * FROM nix", "nix does not exist|no such table: nix"),
        ("SELECT", "has to be one SELECT|incomplete input|SELECT clause"),
        ("SELECT 1 AS a, 2 AS a", "two columns with the same name: 'a'"),
        ("SELECT * FROM read_csv('/etc/passwd')", "Cannot access file|no such table|syntax error"),
    ],
)
def test_a_refused_query_stores_nothing(
    project: Project, tmp_path: Path, sql: str, text: str
) -> None:
    project.create()
    for path in databases(tmp_path):
        with pytest.raises(Invalid, match=text):
            project.datasets.add(Query(path, sql), "q")
    assert project.datasets.all() == []
    assert list(project.store.layout.tmp.iterdir()) == []


# -- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("e.csv", b"", "e.csv is empty: a CSV file has at least a line with the column names"),
        ("d.csv", b"a,b,a\n1,2,3\n", "d.csv has two columns with the same name: 'a'"),
        ("u.csv", b"a,b\n1,\xff\n", "not utf-8 encoded"),
        ("r.csv", b"a,b\n1,2\n1,2,3\n", "do not have the same number of values as its first line"),
        ("l.csv", b"a,b\n" + b"1,2\n" * 30_000 + b"1\n", "Line: 30002"),
        ("e.parquet", b"", "too small to be a Parquet file"),
        ("e.jsonl", b"", "e.jsonl is empty: there is no record in it"),
        ("b.jsonl", b'{"a":1}\n{"a":\n', "Malformed JSON"),
        ("a.jsonl", b"[1]\n", "expected records"),
        ("x*.csv", b"a\n1\n", "are not read"),
    ],
)
def test_a_file_that_is_no_table_stores_nothing(
    project: Project, tmp_path: Path, name: str, content: bytes, text: str
) -> None:
    project.create()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Invalid, match=text):
        project.datasets.add(tmp_path / name, "x", snapshot=False)
    assert project.datasets.all() == []
    assert project.datasets.states() == []


def test_a_csv_file_without_rows_is_an_empty_table(project: Project, tmp_path: Path) -> None:
    version = project.datasets.add(people(tmp_path, "age,sex\n"), "people")
    assert (version.rows, version.columns) == (0, 2)
    assert list(version.profile) == ["age", "sex"]


def test_a_column_is_never_judged_by_its_first_rows(project: Project, tmp_path: Path) -> None:
    for last, kind in (("1.5", "float"), ("15e-1", "float"), ("one", "text")):
        text = "a,b\n" + "1,1\n" * 30_000 + f"{last},1\n"
        profile = project.datasets.add(people(tmp_path, text), "people").profile
        assert (profile["a"]["type"], profile["b"]["type"]) == (kind, "integer")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "a table has at least one column"),
        ({"a": [object()]}, "holds Python objects of the type object"),
        ({"a": [{"x": object()}]}, "nested values that are no data: a object"),
        (Query("nowhere.duckdb", "SELECT 1"), "no file or folder nowhere.duckdb"),
        ("nowhere.csv", "There is no file or folder nowhere.csv"),
    ],
)
def test_what_is_no_data_stores_nothing(project: Project, data: Any, text: str) -> None:
    project.create()
    with pytest.raises((Invalid, NotFound), match=text):
        project.datasets.add(data, "x")
    assert project.datasets.all() == []


def test_a_folder_with_what_is_no_file_is_refused(project: Project, folder: Path) -> None:
    (folder / "broken").symlink_to("nowhere")
    with pytest.raises(Invalid, match="broken is neither a file nor a folder"):
        project.datasets.add(folder, "images")
    empty = folder / "empty"
    empty.mkdir()
    with pytest.raises(Invalid, match="empty holds no files"):
        project.datasets.add(empty, "images")


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_file_that_changes_while_it_is_read_is_noticed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, snapshot: bool
) -> None:
    project.create()
    path = people(tmp_path)
    examined: Callable[..., Any] = datasets.Datasets._examined

    def changing(self: Any, *arguments: Any) -> Any:
        found = examined(self, *arguments)
        path.write_text(PEOPLE.replace("41", "42"))
        return found

    monkeypatch.setattr(datasets.Datasets, "_examined", changing)
    with pytest.raises(Conflict, match=r"people\.csv changed while it was read\. Nothing was rec"):
        project.datasets.add(path, "people", snapshot=snapshot)
    assert project.datasets.all() == []
    assert project.datasets.states() == []
