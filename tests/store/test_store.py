"""The store: reading sees everything that was logged, deciding is alone, others may do anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lite_mlops.errors import Busy, Conflict, Damaged, Denied, NotFound
from lite_mlops.settings import Settings
from lite_mlops.store import Store, open_store
from lite_mlops.store.clock import new_id
from lite_mlops.store.events import Metric, Note, RunDeleted, RunEnded, RunStarted

RUN = "68000001aaaaaaaaaaaa"


def start(store: Store, run: str = RUN) -> None:
    store.append(
        RunStarted(run=run, experiment="e", name="n", writer=store.journal.writer, actor="me")
    )


def count(store: Store) -> int:
    with store.reading() as database:
        return int(database.rows("row_counts")[0][0])


def test_reading_sees_what_was_just_logged(store: Store) -> None:
    for i in range(3):
        store.append(Metric(run=RUN, key="k", step=i, value=0.5))
        assert count(store) == i + 1


def test_everything_is_made_by_the_first_write_and_only_the_owner_may_look(store: Store) -> None:
    assert not store.layout.folder.exists()
    start(store)
    assert not store.layout.database.exists()  # logging alone needs no database
    count(store)
    assert store.layout.database.exists()
    assert store.layout.folder.stat().st_mode & 0o777 == 0o700
    assert (store.layout.folder / ".gitignore").read_text() == "*\n"


def test_two_stores_of_one_folder_see_each_other(open_store: Callable[..., Store]) -> None:
    one, two = open_store(), open_store()
    start(one)
    with two.reading() as database:
        assert database.one("one_run", run=RUN) is not None
    two.append(RunEnded(run=RUN, status="finished"))
    with one.reading() as database:
        run = database.one("one_run", run=RUN)
    assert run is not None
    assert run["status"] == "finished"


def test_reading_inside_deciding_is_the_same_database(store: Store) -> None:
    start(store)
    with store.deciding() as decisions, store.reading() as database:
        assert database is decisions.database


def test_decisions_are_numbered_in_one_row_across_processes(
    open_store: Callable[..., Store],
) -> None:
    one, two = open_store(), open_store()
    start(one)
    numbers = []
    for store in (one, two, two, one):
        with store.deciding() as decisions:
            recorded = decisions.record(RunDeleted(run=RUN, reason="x"))
        numbers.append(recorded.decision)
    assert numbers == [1, 2, 3, 4]
    with two.reading() as database:
        log = database.dicts("audit_log")
    assert [decision["number"] for decision in log] == [1, 2, 3, 4]


def test_a_decision_that_is_not_taken_leaves_nothing(store: Store) -> None:
    start(store)
    with pytest.raises(Conflict), store.deciding():
        raise Conflict("no")
    with store.reading() as database:
        assert database.rows("audit_log") == []


@pytest.mark.slow
def test_threads_read_decide_and_log_at_once(store: Store) -> None:
    start(store)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(10):
                store.append(Metric(run=RUN, key=f"k{number}", step=i, value=1.0))
                count(store)
                with store.deciding() as decisions:
                    decisions.record(RunDeleted(run=RUN, reason=f"{number}"))
        except BaseException as error:  # noqa: BLE001  whatever it is, the test must see it
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert count(store) == 40
    with store.reading() as database:
        assert database.value("last_decision") == 40


def test_folded_journals_of_dead_writers_are_put_away(open_store: Callable[..., Store]) -> None:
    one, two = open_store(), open_store()
    start(one)
    name = one.journal.path.name
    one.close()
    count(two)
    assert not (two.layout.journal / name).exists()
    assert (two.layout.folded / name).exists()
    with two.reading() as database:
        run = database.one("one_run", run=RUN)
    assert run is not None
    assert run["status"] == "crashed"


def test_many_batches_are_folded_before_reading(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lite_mlops.store import store as module

    monkeypatch.setattr(module, "BATCH_BYTES", 5_000)
    for i in range(500):
        store.append(Metric(run=RUN, key="k", step=i, value=1.0))
    assert count(store) == 500


def test_one_process_has_one_store_for_a_folder(tmp_path: Path) -> None:
    settings = Settings()
    assert open_store(tmp_path, settings) is open_store(tmp_path, settings)


# -- others hold something ----------------------------------------------------------------------

HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reading")
connection.execute("SELECT count(*) FROM runs").fetchall()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def foreign_shell() -> object:
    """Opens the database file as a DuckDB shell does, in a process of its own."""
    processes = []

    def hold(path: Path, mode: str = "writing") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        processes.append(process)
        return process

    def release(process: subprocess.Popen[bytes]) -> None:
        process.communicate()

    hold.release = release  # type: ignore[attr-defined]
    yield hold
    for process in processes:
        process.communicate() if process.poll() is None else None


def test_a_shell_that_holds_the_file_delays_reading_and_is_named(
    open_store: Callable[..., Store], foreign_shell: Callable[..., subprocess.Popen[bytes]]
) -> None:
    store = open_store(wait_seconds=0.3)
    start(store)
    count(store)
    shell = foreign_shell(store.layout.database)
    for i in range(100):
        store.append(Metric(run=RUN, key="k", step=i, value=1.0))  # logging goes on
    with pytest.raises(Busy, match=rf"is open in .*\(process {shell.pid}\).*Close it there"):
        count(store)
    with pytest.raises(Busy, match=f"process {shell.pid}"), store.deciding():
        pass
    shell.communicate()
    assert count(store) == 100


def test_reading_goes_on_as_soon_as_the_shell_is_closed(
    open_store: Callable[..., Store], foreign_shell: Callable[..., subprocess.Popen[bytes]]
) -> None:
    store = open_store(wait_seconds=30)
    start(store)
    count(store)
    shell = foreign_shell(store.layout.database)
    store.append(Metric(run=RUN, key="k", step=1, value=1.0))
    closing = threading.Timer(0.2, shell.communicate)
    closing.start()
    assert count(store) == 1
    closing.join()


def test_a_shell_that_only_reads_does_not_keep_us_from_reading(
    open_store: Callable[..., Store], foreign_shell: Callable[..., subprocess.Popen[bytes]]
) -> None:
    store = open_store(wait_seconds=0.2)
    start(store)
    assert count(store) == 0
    shell = foreign_shell(store.layout.database, "reading")
    assert count(store) == 0
    shell.communicate()


def test_who_waits_for_our_own_lock_is_told_who_has_it(open_store: Callable[..., Store]) -> None:
    one, two = open_store(), open_store(wait_seconds=0.1)
    start(one)
    with (
        one.deciding(),
        pytest.raises(Busy, match=rf"is held by process {os.getpid()} \(folding\)"),
        two.deciding(),
    ):
        pass


# -- the disk -----------------------------------------------------------------------------------


def nearly_full(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))


def test_a_nearly_full_disk_pauses_folding_and_deciding_and_not_logging(
    store: Store, monkeypatch: pytest.MonkeyPatch, warnings_of: Callable[[], list[str]]
) -> None:
    start(store)
    count(store)
    store.append(Metric(run=RUN, key="k", step=1, value=1.0))
    nearly_full(monkeypatch, 10_000_000)
    assert count(store) == 0
    assert count(store) == 0
    assert len(warnings_of()) == 1
    assert "Only 10 MB are free" in warnings_of()[0]
    with pytest.raises(Denied, match="nearly full: decisions wait"), store.deciding():
        pass
    monkeypatch.undo()
    assert count(store) == 1


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / ".lite-mlops", Settings())
    with pytest.raises(NotFound, match=r"There is no project in .*/file yet"):
        count(store)
    with pytest.raises(Denied, match="cannot be written to"):
        store.fold()


def test_a_file_that_is_no_database_is_told_with_the_remedy(store: Store) -> None:
    start(store)
    count(store)
    store.layout.database.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(Damaged, match=r"cannot be opened as a database.*doctor --repair"):
        count(store)


# -- processes ----------------------------------------------------------------------------------


def test_a_forked_child_reads_and_logs_like_any_other(store: Store) -> None:
    start(store)
    count(store)  # the parent has its database instance
    pid = os.fork()
    if pid == 0:
        try:
            store.append(Metric(run=RUN, key="child", step=0, value=1.0))
            ok = count(store) == 1
            store.close()
        finally:
            os._exit(0 if ok else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert count(store) == 1


def test_the_clock_may_be_set_back_between_two_processes(
    open_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lite_mlops.store import journal

    one, two = open_store(), open_store()
    one.append(Note(run=RUN, text="first"))
    monkeypatch.setattr(journal, "time_ns", lambda: 1_000_000_000)
    two.append(Note(run=RUN, text="second, by a clock of 1970"))
    with one.reading() as database:
        assert database.cursor.execute("SELECT note FROM runs").fetchall() == [("first",)]


def test_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert [i[:8] for i in ids] == sorted(i[:8] for i in ids)


SIZE_LIMIT = """
import random, resource, sys
from pathlib import Path
from lite_mlops.settings import Settings
from lite_mlops.store import Store
from lite_mlops.store.events import Metric

store = Store(Path(sys.argv[1]), Settings(rotate_mb=0.5))
logged = 0

def log(count):
    global logged
    for step in range(count):
        store.append(Metric(run=f"r{step % 50}", key="k", step=step, value=random.random()))
    logged += count

def points():
    with store.reading() as database:
        return database.rows("row_counts")[0][0]

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

log(200_000)
assert points() == logged
store.close()
for room in (1_000, 70_000, 300_000):
    limit(store.layout.database.stat().st_size + room)
    log(40_000)
    before = logged - 40_000
    assert points() in (logged, before)  # the newest state or the one before, never a part
    limit(resource.RLIM_INFINITY)
    assert points() == logged, (points(), logged)
print("held")
"""


@pytest.mark.slow
def test_a_disk_that_fills_up_while_folding_harms_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIZE_LIMIT, str(tmp_path / "work" / ".lite-mlops")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout == "held\n", done.stderr
    assert "make space" in done.stderr


def test_commands_are_parsed_once_and_not_kept_without_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: dict[str, object] = {}
    monkeypatch.setattr("lite_mlops.store.database._parsed", parsed)
    monkeypatch.setattr("lite_mlops.store.database._MOST_PARSED", 2)
    store.fold()
    with store.reading() as database:
        parsed.clear()
        for number in range(5):
            database.command("SELECT $1 + 1", [number])
            assert database.cursor.fetchall() == [(number + 1,)]
        assert list(parsed) == ["SELECT $1 + 1"]
        for number in range(5):
            database.command(f"SELECT $1 + {number}", [1])
            assert database.cursor.fetchall() == [(number + 1,)]
            assert len(parsed) <= 2
