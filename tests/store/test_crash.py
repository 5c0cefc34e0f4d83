"""kill -9 at any moment: nothing acknowledged is lost, nothing is doubled, everything opens."""

from __future__ import annotations

import os
import random
import select
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lite_mlops.settings import Settings
from lite_mlops.store import Store
from lite_mlops.store.clock import new_id
from lite_mlops.store.doctor import examine
from lite_mlops.store.events import Metric, RunDeleted, RunStarted

ROUNDS = int(os.environ.get("LITE_MLOPS_TEST_CRASHES", "10"))
WRITERS = 2
_COUNT = struct.Struct("q")


@dataclass
class Victim:
    """A child that is going to be killed, and what it had acknowledged by then."""

    pid: int
    pipe: int
    run: str
    acknowledged: int = field(default=-1)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        data = b""
        while chunk := os.read(self.pipe, 1 << 16):
            data += chunk
        os.close(self.pipe)
        whole = len(data) // _COUNT.size * _COUNT.size
        if whole:
            self.acknowledged = _COUNT.unpack_from(data, whole - _COUNT.size)[0]


def born(folder: Path, life: Callable[[Store, str, Callable[[int], None]], None]) -> Victim:
    """Fork a child that lives `life` until it is killed."""
    run = new_id()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            store = Store(folder, Settings(rotate_mb=0.02, keep_journals_mb=0.3))
            life(store, run, lambda number: os.write(writing, _COUNT.pack(number)))  # type: ignore[arg-type]
        finally:
            os._exit(1)
    os.close(writing)
    return Victim(pid, reading, run)


def log(store: Store, run: str, acknowledge: Callable[[int], None]) -> None:
    """Log one metric after the other, as a training does."""
    store.append(
        RunStarted(run=run, experiment="e", name="n", writer=store.journal.writer, actor="me")
    )
    step = 0
    while True:
        store.append(Metric(run=run, key="k", step=step, value=float(step)))
        acknowledge(step)
        step += 1


def fold_and_decide(store: Store, run: str, acknowledge: Callable[[int], None]) -> None:
    """Fold again and again, and make decisions in between."""
    number = 0
    while True:
        store.fold()
        with store.deciding() as decisions:
            decisions.record(RunDeleted(run=run, reason=str(number)))
        acknowledge(number)
        number += 1


def check_metrics(store: Store, writers: list[Victim]) -> None:
    with store.reading() as database:
        rows = database.cursor.execute(
            "SELECT run_id, count(*), count(DISTINCT step), min(step), max(step) "
            "FROM metrics GROUP BY run_id"
        ).fetchall()
        statuses = dict(database.cursor.execute("SELECT run_id, status FROM runs").fetchall())
    found = {run: counts for run, *counts in rows}
    for writer in writers:
        if writer.acknowledged < 0:
            continue
        points, steps, first, last = found[writer.run]
        assert points == steps, "an event was doubled"
        assert first == 0
        assert points == last + 1, "an event is missing in the middle"
        # The very last one may have been written and not acknowledged before the kill.
        assert writer.acknowledged <= last <= writer.acknowledged + 1
        assert statuses[writer.run] == "crashed"


def check_decisions(store: Store, folders: list[Victim]) -> None:
    with store.reading() as database:
        numbers = [number for (number, *_) in database.rows("audit_log")]
        rows = database.cursor.execute(
            "SELECT record ->> 'run', count(*), count(DISTINCT record ->> 'reason') "
            "FROM decisions GROUP BY ALL"
        ).fetchall()
    assert numbers == list(range(1, len(numbers) + 1)), "the audit log has a hole"
    found = {run: (count, distinct) for run, count, distinct in rows}
    for folder in folders:
        count, distinct = found.get(folder.run, (0, 0))
        assert count == distinct, "a decision was doubled"
        assert folder.acknowledged + 1 <= count <= folder.acknowledged + 2


def test_nothing_is_lost_or_doubled_by_kills_at_any_moment(
    open_store: Callable[..., Store],
) -> None:
    store = open_store()
    folder = store.layout.folder
    chance = random.Random(20_240_229)
    writers: list[Victim] = []
    folders: list[Victim] = []
    for number in range(ROUNDS):
        victims = [born(folder, log) for _ in range(WRITERS)]
        folding = born(folder, fold_and_decide)
        writers += victims
        folders.append(folding)
        # Wait until they are at work, then a random while, which is the point of this test.
        select.select([victims[0].pipe], [], [], 10)
        if number % 3:  # every third folder is killed while it is still beginning
            select.select([folding.pipe], [], [], 10)
        select.select([], [], [], chance.uniform(0, 0.08))
        for victim in chance.sample([*victims, folding], k=WRITERS + 1):
            victim.kill()
        check_metrics(store, writers[-WRITERS:])
    check_metrics(store, writers)
    check_decisions(store, folders)
    assert len(writers) + len(folders) == 3 * ROUNDS
    assert sum(folder.acknowledged + 1 for folder in folders) > ROUNDS / 2
    assert [f for f in examine(store) if f.kind != "journal"] == []
    torn = [f.text for f in examine(store)]
    assert all("in the middle of it" in text for text in torn)
