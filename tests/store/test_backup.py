"""Backups: consistent while others write, verified when made, refused when damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.errors import Busy, Conflict, Damaged, NotFound
from lite_mlops.store import Store
from lite_mlops.store.backup import make_backup, newest_backup, open_backup, restore_backup
from lite_mlops.store.events import Artifact, Metric, Note, RunEnded, RunStarted
from lite_mlops.store.filelock import held_if_free
from tests.store.journals import dump

RUN = "68000001aaaaaaaaaaaa"


def fill(store: Store, run: str = RUN, points: int = 20) -> str:
    """Log a finished run with an artifact; return the hash of its object."""
    writer = store.journal.writer
    store.append(RunStarted(run=run, experiment="e", name="n", writer=writer, actor="me"))
    for step in range(points):
        store.append(Metric(run=run, key="k", step=step, value=step / 2))
    stored = store.objects.put_bytes(f"bytes of {run}".encode())
    store.append(
        Artifact(run=run, path="a.txt", sha256=stored.sha256, size=stored.size, media="text/plain")
    )
    store.append(RunEnded(run=run, status="finished"))
    return stored.sha256


def tables(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with store.reading() as database:
        return dump(database)


def test_a_backup_restores_to_the_same_content(
    open_store: Callable[..., Store], tmp_path: Path
) -> None:
    store = open_store()
    sha256 = fill(store)
    expected = tables(store)
    backup = make_backup(store, tmp_path / "copy")
    assert backup.objects == 1
    assert not backup.missing
    fill(store, "68000002bbbbbbbbbbbb")
    assert tables(store) != expected

    restored = restore_backup(store, tmp_path / "copy")

    assert restored.database_sha256 == backup.database_sha256
    assert tables(store) == expected
    assert store.objects.read(sha256, "it") == f"bytes of {RUN}".encode()
    (aside,) = store.layout.set_aside.iterdir()
    assert (aside / store.layout.database.name).exists()  # what was there is not deleted


def test_a_backup_restores_to_another_folder(store: Store, tmp_path: Path) -> None:
    sha256 = fill(store)
    make_backup(store, tmp_path / "copy")
    elsewhere = Store(tmp_path / "elsewhere" / ".lite-mlops", store.settings)
    restore_backup(elsewhere, tmp_path / "copy")
    assert tables(elsewhere) == tables(store)
    assert elsewhere.objects.read(sha256, "it")
    elsewhere.close()


WRITER = """
import sys
from pathlib import Path
from lite_mlops.settings import Settings
from lite_mlops.store import Store
from lite_mlops.store.events import Metric
store = Store(Path(sys.argv[1]), Settings())
step = 0
print("logging", flush=True)
while True:
    store.append(Metric(run="68000001aaaaaaaaaaaa", key="live", step=step, value=1.0))
    step += 1
"""


@pytest.fixture
def writing(tmp_path: Path) -> Any:
    """A process that logs as fast as it can."""
    folder = tmp_path / "work" / ".lite-mlops"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"logging\n"
    yield process
    process.kill()
    process.communicate()


def test_a_backup_is_consistent_while_others_write(
    store: Store, tmp_path: Path, writing: subprocess.Popen[bytes]
) -> None:
    fill(store)
    for number in range(3):
        backup = make_backup(store, tmp_path / f"copy-{number}")
        elsewhere = Store(tmp_path / f"elsewhere-{number}" / ".lite-mlops", store.settings)
        restore_backup(elsewhere, backup.path)
        with elsewhere.reading() as database:
            (row,) = database.cursor.execute(
                "SELECT count(*), max(step) FROM metrics WHERE key = 'live'"
            ).fetchall()
        assert row[0] == row[1] + 1  # a state between two calls: no hole, nothing twice
        elsewhere.close()


def test_restoring_waits_for_nobody_who_is_logging(
    store: Store, tmp_path: Path, writing: subprocess.Popen[bytes]
) -> None:
    fill(store)
    make_backup(store, tmp_path / "copy")
    with pytest.raises(Busy, match=r"1 processes are logging to .*--to"):
        restore_backup(store, tmp_path / "copy")
    assert tables(store)["runs"]


def test_a_backup_never_overwrites(store: Store, tmp_path: Path) -> None:
    fill(store)
    (tmp_path / "copy").mkdir()
    with pytest.raises(Conflict, match="exists already"):
        make_backup(store, tmp_path / "copy")


def test_what_is_no_backup_is_refused(store: Store, tmp_path: Path) -> None:
    fill(store)
    expected = tables(store)
    with pytest.raises(NotFound, match=r"There is no backup in .*: it has no manifest\.json"):
        restore_backup(store, tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(Damaged, match=r"unreadable manifest\.json"):
        restore_backup(store, tmp_path)
    assert tables(store) == expected


@pytest.mark.parametrize("hurt", ["database", "object", "missing object", "manifest"])
def test_a_damaged_backup_is_refused_and_changes_nothing(
    store: Store, tmp_path: Path, hurt: str
) -> None:
    sha256 = fill(store)
    expected = tables(store)
    copy = make_backup(store, tmp_path / "copy").path
    if hurt == "database":
        data = bytearray((copy / "lite-mlops.duckdb").read_bytes())
        data[len(data) // 2] ^= 1
        (copy / "lite-mlops.duckdb").write_bytes(data)
    elif hurt == "manifest":
        manifest = json.loads((copy / "manifest.json").read_text())
        del manifest["database_sha256"]
        (copy / "manifest.json").write_text(json.dumps(manifest))
    else:
        path = copy / "objects" / sha256[:2] / sha256[2:]
        path.unlink() if hurt == "missing object" else path.write_bytes(b"other")
    with pytest.raises(Damaged):
        restore_backup(store, copy)
    assert tables(store) == expected


def test_an_object_that_was_damaged_before_is_listed(store: Store, tmp_path: Path) -> None:
    sha256 = fill(store)
    store.objects.path(sha256).write_bytes(b"rotten")
    backup = make_backup(store, tmp_path / "copy")
    assert backup.missing == (sha256,)
    assert open_backup(store, backup.path).missing == (sha256,)


def test_a_killed_backup_leaves_nothing_that_looks_like_one(store: Store, tmp_path: Path) -> None:
    fill(store)
    (tmp_path / "copy").mkdir(parents=True)
    (tmp_path / "copy" / "lite-mlops.duckdb").write_bytes(b"half")
    with pytest.raises(NotFound):
        open_backup(store, tmp_path / "copy")


@pytest.mark.slow
def test_kept_journals_are_replaced_by_a_backup_when_they_are_many(
    open_store: Callable[..., Store],
) -> None:
    store = open_store(keep_journals_mb=0.01, rotate_mb=0.005)
    for number in range(8):
        fill(store, f"6800000{number}aaaaaaaaaaaa", points=100)
        store.close()
        tables(store)
    kept = sum(path.stat().st_size for path in store.layout.folded.iterdir())
    assert kept < 40_000
    assert len(list(store.layout.backups.glob("auto-*"))) == 1
    backup = newest_backup(store)
    assert backup is not None
    assert not backup.with_objects


def test_only_one_process_at_a_time_replaces_the_kept_journals(
    open_store: Callable[..., Store], caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(keep_journals_mb=0.01, rotate_mb=0.005)

    def folded(number: int) -> None:
        fill(store, f"6800000{number}aaaaaaaaaaaa", points=300)
        store.close()
        tables(store)

    folded(0)
    with held_if_free(store.layout.protecting) as held:  # as another process that is at it
        assert held
        before = list(store.layout.backups.glob("auto-*"))
        folded(1)
        assert list(store.layout.backups.glob("auto-*")) == before
    folded(2)
    (after,) = store.layout.backups.glob("auto-*")
    assert [after] != before
    assert caplog.messages == []


def test_journals_with_damage_are_set_aside_and_not_deleted(
    open_store: Callable[..., Store],
) -> None:
    store = open_store()
    fill(store)
    path = store.journal.path
    store.close()
    path.write_bytes(path.read_bytes().replace(b'"step":5', b'"step":6'))
    tables(store)
    make_backup(store)
    assert not (store.layout.folded / path.name).exists()
    assert (store.layout.set_aside / path.name).exists()


def test_objects_of_a_backup_inside_the_project_take_no_space(store: Store) -> None:
    sha256 = fill(store)
    backup = make_backup(store)
    assert backup.path.parent == store.layout.backups
    linked = backup.path / "objects" / sha256[:2] / sha256[2:]
    assert os.path.samefile(linked, store.objects.path(sha256))


def test_notes_survive_the_whole_circle(store: Store, tmp_path: Path) -> None:
    fill(store)
    store.append(Note(run=RUN, text="ünïcödé 🚀"))
    make_backup(store, tmp_path / "copy")
    restore_backup(store, tmp_path / "copy")
    with store.reading() as database:
        run = database.one("one_run", run=RUN)
    assert run is not None
    assert run["note"] == "ünïcödé 🚀"
