"""Cleaning: frees what nothing refers to, and nothing else."""

from __future__ import annotations

import os

from lite_mlops.store import Store
from lite_mlops.store.cleaning import clean, compact, erase
from lite_mlops.store.events import Metric, RunDeleted, RunPurged
from lite_mlops.store.usage import usage
from tests.store.test_backup import RUN, fill, tables


def test_what_nothing_refers_to_is_freed(store: Store) -> None:
    sha256 = fill(store)
    store.objects.put_bytes(b"nobody's")
    planned = clean(store, dry_run=True, grace_seconds=-1)
    assert (planned.objects, planned.object_bytes) == (1, 8)
    cleaned = clean(store, grace_seconds=-1)
    assert (cleaned.objects, cleaned.object_bytes) == (1, 8)
    assert store.objects.is_good(sha256)
    assert clean(store, grace_seconds=-1).total_bytes == 0


def test_what_was_just_written_is_left_alone(store: Store) -> None:
    store.objects.put_bytes(b"its event is logged in a moment")
    assert clean(store).objects == 0
    assert len(list(store.objects.all())) == 1


def test_what_is_already_gone_is_no_error(store: Store) -> None:
    fill(store)
    gone = store.objects.put_bytes(b"gone").sha256
    original = store.objects.all

    def all_then_gone() -> object:
        found = list(original())
        store.objects.path(gone).unlink()
        return iter(found)

    store.objects.all = all_then_gone  # type: ignore[method-assign, assignment]
    assert clean(store, grace_seconds=-1).object_bytes == 0


def test_leftovers_of_killed_processes_are_freed(store: Store) -> None:
    fill(store)
    tables(store)
    left = store.layout.tmp / "stage-old.ndjson"
    left.write_bytes(b"12345")
    os.utime(left, (0, 0))
    empty = store.layout.journal / "6800000aaaaaaaaaaaaa-1.new"
    empty.touch()
    os.utime(empty, (0, 0))
    assert clean(store).leftover_bytes == 5
    assert not left.exists()
    assert not empty.exists()


def test_empty_space_of_the_database_is_given_back(store: Store) -> None:
    fill(store)
    for run in range(40):
        for step in range(300):
            store.append(Metric(run=f"{run:020x}", key="k", step=step, value=step * 0.123456789))
    expected = tables(store)
    with store.deciding() as decisions:
        decisions.database.execute("DELETE FROM metrics WHERE run_id <> ?", RUN)
    before = store.layout.database.stat().st_size
    assert compact(store) > 0
    assert store.layout.database.stat().st_size < before
    assert tables(store)["runs"] == expected["runs"]


def test_nothing_of_a_purged_run_is_left_in_any_file(store: Store) -> None:
    mark = "marked-secret-of-a-patient"
    fill(store)
    store.append(Metric(run=RUN, key=mark, step=0, value=1.0))
    tables(store)
    for decision in (RunDeleted(run=RUN), RunPurged(run=RUN)):
        with store.deciding() as decisions:
            decisions.record(decision)
    erase(store)
    clean(store, grace_seconds=-1)
    for path in store.layout.folder.rglob("*"):
        if path.is_file():
            assert mark.encode() not in path.read_bytes(), path


def test_each_part_of_the_project_is_measured(store: Store) -> None:
    fill(store)
    tables(store)
    parts = {part.part: part for part in usage(store.layout)}
    assert parts["database"].bytes == store.layout.database.stat().st_size
    assert parts["objects"].files == 1
    assert parts["journal"].files == 1
    assert sum(part.bytes for part in parts.values()) > 0
