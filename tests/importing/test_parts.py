"""The parts of an import: places, names, remarks, the journal of the past."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.importing.fitting import fitting_model_name, fitting_name
from lite_mlops.importing.mlflow.places import Places, Remote
from lite_mlops.importing.told import Told
from lite_mlops.models import checked_model_name
from lite_mlops.store import PastJournal, Store, id_at, is_id
from lite_mlops.store.events import Note, RunStarted

RUN = "6b1f0c0e7ddc2f4d1d6e3f2f4cf1c1b8"


@pytest.mark.parametrize(
    "uri",
    [
        f"/somewhere/mlruns/1/{RUN}/artifacts",
        f"file:///some%20where/mlruns/1/{RUN}/artifacts",
        f"file:mlruns/1/{RUN}/artifacts",
        f"./mlruns/1/{RUN}/artifacts",
        f"mlflow-artifacts:/1/{RUN}/artifacts",
        f"mlflow-artifacts://host:5000/1/{RUN}/artifacts",
        f"C:\\work\\mlruns\\1\\{RUN}\\artifacts",
        f"file:///C:/work/mlruns/1/{RUN}/artifacts",
    ],
)
def test_a_place_is_found_where_the_store_was_moved(tmp_path: Path, uri: str) -> None:
    for root in (tmp_path / "a" / "mlruns", tmp_path / "b" / "mlartifacts", tmp_path / "c"):
        (root / "1" / RUN / "artifacts").mkdir(parents=True)
    for root in (tmp_path / "a", tmp_path / "b", tmp_path / "c"):
        found = Places(root).find(uri, RUN)
        assert found.name == "artifacts"
        assert found.is_relative_to(root)


def test_a_folder_of_the_same_name_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    with pytest.raises(NotFound, match="is not below"):
        Places(tmp_path).find(f"/old/1/{RUN}/artifacts", RUN)
    with pytest.raises(Remote, match=r"the files lie in s3://, not on this machine"):
        Places(tmp_path).find(f"s3://bucket/{RUN}/artifacts", RUN)


PARTS = st.sampled_from(["..", ".", "", "a", "link", "%2e%2e", RUN, "etc", "\\", "\0", "file:"])


@settings(max_examples=60)
@given(st.lists(PARTS, max_size=8))
def test_whatever_a_store_says_is_inside_or_refused(parts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve() / "root"
        (root / "a" / RUN).mkdir(parents=True)
        (root.parent / "out" / RUN).mkdir(parents=True)
        (root / "link").symlink_to(root.parent / "out")
        for uri in ("/".join(parts), "file:///" + "/".join(parts)):
            try:
                found = Places(root).find(uri, RUN)
            except (Invalid, NotFound):
                continue
            assert found.is_relative_to(root)
            assert found != root


@given(st.text(max_size=300))
def test_names_fit(name: str) -> None:
    fit = fitting_name(name, "tag name", Told(), "a run")
    assert fitting_name(fit, "tag name", Told(), "a run") == fit
    assert checked_model_name(fitting_model_name(name)) == fitting_model_name(name)


def test_different_names_stay_different() -> None:
    names = ["my model", "my-model", "my/model", "my  model", "_", "-", ""]
    assert len({fitting_model_name(name) for name in names}) == len(names)
    assert fitting_model_name("churn.v2_B-1") == "churn.v2_B-1"


def test_remarks_are_gathered() -> None:
    told = Told()
    for number in range(30):
        told.add("Left out, because it is a link", f"file {number}")
        told.add("Left out, because it is a link", "file 0")
    line = "Left out, because it is a link: file 0, file 1, file 2 and 27 more."
    assert told.lines() == [line]
    assert told.to_list()[0]["count"] == 30


def test_ids_follow_from_time_and_text() -> None:
    found = id_at(1_750_000_000_123_456, RUN)
    assert found == id_at(1_750_000_000_999_999, RUN)
    assert found.startswith(f"{1_750_000_000:08x}")
    assert is_id(found)
    assert is_id(id_at(-5, RUN))
    assert is_id(id_at(10**18, RUN))
    assert id_at(0, "a") != id_at(0, "b")


def test_the_past_appears_whole_or_not_at_all(store: Store) -> None:
    store.fold()
    journal = PastJournal(store.layout)
    started = RunStarted(
        run="0" * 20, experiment="old", name="then", writer=journal.writer, actor="me"
    )
    with journal.whole():
        journal.append(5_000_000, started.body())
    size = journal.size
    with suppress(RuntimeError), journal.whole():
        journal.append(6_000_000, Note(run="0" * 20, text="never said").body())
        raise RuntimeError
    assert journal.size == size
    with store.reading() as database:
        assert database.rows("runs_here", runs=["0" * 20]) == []
    journal.publish()
    with store.reading() as database:
        row = database.one("runs_here", runs=["0" * 20])
    assert row is not None
    assert (row["status"], row["note"], row["started_at"].year) == ("crashed", None, 1970)
    assert list(store.layout.tmp.iterdir()) == []


def test_an_empty_or_discarded_past_leaves_nothing(store: Store) -> None:
    store.fold()
    PastJournal(store.layout).publish()
    discarded = PastJournal(store.layout)
    discarded.append(5, Note(run="0" * 20, text="x").body())
    discarded.discard()
    assert list(store.layout.tmp.iterdir()) == []
    assert [path for path in store.layout.journal.iterdir() if path.is_file()] == []
