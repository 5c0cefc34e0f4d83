"""Everything at once on one project: no error reaches anybody, nothing is lost or doubled."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from lite_mlops.settings import Settings
from lite_mlops.store import Store
from lite_mlops.store.backup import make_backup
from lite_mlops.store.cleaning import clean
from lite_mlops.store.clock import new_id
from lite_mlops.store.doctor import examine
from lite_mlops.store.events import (
    Metric,
    Params,
    Prediction,
    RunDeleted,
    RunEnded,
    RunStarted,
    Tags,
)

WRITERS, POINTS = 8, 8000
READERS, READS = 2, 20
PREDICTIONS = 4000
DECISIONS = 8


def write(store: Store) -> None:
    run = new_id()
    store.append(
        RunStarted(run=run, experiment="e", name=run, writer=store.journal.writer, actor="me")
    )
    store.append(Params(run=run, keys=["a", "b"], texts=["1", "2"]))
    for step in range(POINTS):
        store.append(Metric(run=run, key="k", step=step, value=step * 0.5))
    store.append(Tags(run=run, keys=["done"], texts=["yes"]))
    store.append(RunEnded(run=run, status="finished"))


def read(store: Store) -> None:
    seen = 0
    for _ in range(READS):
        with store.reading() as database:
            points = database.rows("row_counts")[0][0]
            summed = database.cursor.execute("SELECT sum(points) FROM latest").fetchall()[0][0]
        assert points == (summed or 0), "a reader saw half a fold"
        assert points >= seen, "what was seen once is there for good"
        seen = points


def serve(store: Store) -> None:
    for _ in range(PREDICTIONS):
        store.append(
            Prediction(
                prediction=new_id(),
                model="m",
                version=1,
                numbers=[1.0, None, 2.5],
                text="yes",
                scores=[0.25, 0.75],
                latency_us=12,
            )
        )


def maintain(store: Store) -> None:
    for _ in range(2):
        make_backup(store)
        clean(store)
        assert not [f for f in examine(store) if f.kind != "orphans"]


def decide(store: Store) -> None:
    for number in range(DECISIONS):
        with store.deciding() as decisions:
            decisions.record(RunDeleted(run="nobody", reason=str(number)))


def child(folder: Path, life: Callable[[Store], None]) -> int:
    """Live `life` in a process of its own; it exits with 0 if nothing went wrong."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            store = Store(folder, Settings())
            life(store)
            store.close()
            code = 0
        except BaseException:  # noqa: BLE001  whatever it is, the test must hear of it
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


@pytest.mark.slow
def test_writers_readers_a_server_and_upkeep_at_once(open_store: Callable[..., Store]) -> None:
    store = open_store()  # a project that does not exist yet
    folder = store.layout.folder
    lives = [write] * WRITERS + [serve, maintain, decide]
    store.append(Tags(run="none", keys=["k"], texts=["v"]))
    children = [child(folder, life) for life in [*lives, *[read] * READERS]]
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    assert codes == [0] * len(children)

    with store.reading() as database:
        runs = database.cursor.execute(
            "SELECT status, count(*) FROM runs WHERE started_at IS NOT NULL GROUP BY status"
        ).fetchall()
        points = database.cursor.execute(
            "SELECT run_id, count(*), count(DISTINCT step), max(step) FROM metrics GROUP BY run_id"
        ).fetchall()
        predictions = database.cursor.execute(
            "SELECT count(*), count(DISTINCT prediction_id) FROM predictions"
        ).fetchall()
        decided = [number for number, *_ in database.rows("audit_log")]
        problems = database.rows("all_problems")
    assert runs == [("finished", WRITERS)]
    assert len(points) == WRITERS
    assert {tuple(counts) for _, *counts in points} == {(POINTS, POINTS, POINTS - 1)}
    assert predictions == [(PREDICTIONS, PREDICTIONS)]
    assert decided == list(range(1, DECISIONS + 1))
    assert problems == []
