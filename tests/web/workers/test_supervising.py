"""Workers as processes: they grow and shrink with their load, die, and end, and lose nothing."""

from __future__ import annotations

import itertools
import queue
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from sklearn.neighbors import KNeighborsClassifier

from lite_mlops.project import Project
from lite_mlops.web.kernel.port import bound
from lite_mlops.web.workers.messages import Asked
from lite_mlops.web.workers.process import Process, Told
from tests.conftest import Prepared, wait_until
from tests.web.served import ask, register
from tests.web.workers.conftest import Group, Load, story

Start = Callable[..., Group]
ROW = b"[[1.0]]"
ROWS = 500
MANY = b"[%s]" % b",".join([b"[1.0]"] * ROWS)  # that keep a worker busy for milliseconds


def _make_churn(project: Project) -> None:
    register(project, "a", alias="champion")


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_churn)


def port_of(group: Group) -> int:
    return int(group.address.rpartition(":")[2])


# -- as many as the load needs ------------------------------------------------------------------


def test_load_makes_it_grow_and_idleness_makes_it_shrink_and_nothing_is_lost(
    churn: Project, start: Start
) -> None:
    group = start("1..2", options={"sample": 0.0})
    with Load(group.address, MANY, clients=3) as load:
        group.wait_for(2)
        # Connections go over to the new one, as the answers of the old one end them.
        wait_until(lambda: sorted(connected(group)) == [1, 2])
    with Load(group.address, ROW, clients=2, pause=0.1) as little:
        wait_until(lambda: len(group.workers()) == 1)
    assert load.broken == little.broken == []
    assert set(load.statuses() + little.statuses()) == {200}
    answered = ROWS * len(load.answers) + len(little.answers)
    code, last, errors = group.end()
    assert (code, errors) == (0, "")
    assert last == f"Stopped. {answered:,} rows answered, 0 recorded.\n"
    told = [detail for what, detail in story(churn, "workers")]
    assert [one["workers"] for one in told] == [1, 2, 1]
    assert re.fullmatch(
        r"2 workers from now on, as the (queue delay was \d+ ms|workers were busy \d+ % of .*)\.",
        told[1]["why"],
    )
    assert re.fullmatch(
        r"1 worker from now on, as the workers were busy \d+ % of the time for \d+ s.",
        told[2]["why"],
    )


def connected(group: Group) -> list[int]:
    """How many connections of clients each worker has."""
    port = port_of(group)
    return [
        sum(
            one.status == psutil.CONN_ESTABLISHED and bool(one.raddr) and one.laddr.port == port
            for one in worker.net_connections("tcp")
        )
        for worker in group.workers()
    ]


def test_a_worker_that_is_told_to_end_before_it_was_heard_answers_what_it_was_asked(
    churn: Project, tmp_path: Path
) -> None:
    told: queue.SimpleQueue[Told] = queue.SimpleQueue()
    asked = Asked(references=("churn@champion",), project=str(churn.folder), host="127.0.0.1")
    with bound("127.0.0.1", 0) as port:
        port.listen()
        worker = Process(1, port, asked, str(tmp_path), told, 0.0)
        with Load(f"127.0.0.1:{port.getsockname()[1]}", ROW, clients=2) as load:
            wait_until(lambda: len(load.answers) > 20)
            assert not worker.ready
            worker.end()
        heard = list(
            itertools.takewhile(bool, (told.get(timeout=30)[1] for _ in itertools.count()))
        )
    assert worker.code(30) == 0
    worker.close()
    assert heard[-1] is not None
    assert heard[-1]["rows"] == len(load.answers)


def test_a_worker_that_is_told_to_end_while_it_begins_ends(churn: Project, tmp_path: Path) -> None:
    told: queue.SimpleQueue[Told] = queue.SimpleQueue()
    asked = Asked(references=("churn@champion",), project=str(churn.folder), host="127.0.0.1")
    with bound("127.0.0.1", 0) as port:
        worker = Process(1, port, asked, str(tmp_path), told, 0.0)
        worker.end()
        assert worker.code(30) == 0
    worker.close()


# -- workers that die ---------------------------------------------------------------------------


def kill_one(group: Group, *spared: int) -> int:
    """Kill a worker that is none of `spared`, once there is one; return its process."""

    def others() -> list[psutil.Process]:
        return [one for one in group.workers() if one.pid not in spared]

    wait_until(lambda: bool(others()))
    worker = others()[-1]
    worker.kill()
    return int(worker.pid)


def test_a_worker_that_dies_is_replaced_and_only_its_own_connections_break(
    churn: Project, start: Start
) -> None:
    group = start("2")
    group.wait_for(2)
    seen = [group.metrics()]
    with Load(group.address, ROW, clients=6, pause=0.005) as load:
        wait_until(lambda: len(load.answers) > 100)
        wait_until(lambda: connected(group) == [3, 3])
        # Held up first, it has just what clients wait for, and nobody goes over to the other.
        victim = group.workers()[1]
        victim.suspend()
        count = len(load.answers)
        wait_until(lambda: len(load.answers) > count + 50)
        held = connected(group)[1]
        killed = kill_one(group, group.workers()[0].pid)
        killed_at = time.monotonic()
        wait_until(lambda: group.heard("died"))
        while seen[-1]["lite_mlops_workers"] < 2 or seen[-1]["lite_mlops_worker_deaths_total"] < 1:
            time.sleep(0.02)
            seen.append(group.metrics())
        count = len(load.answers)
        wait_until(lambda: len(load.answers) > count + 100)
        seen.append(group.metrics())
        assert ask(group.address, "GET", "/readyz") == (200, {"status": "ready"})
    assert len(load.broken) == held > 0  # what its own connections were asked at that moment
    assert set(load.statuses()) == {200}
    assert group.heard("died (signal 9 (SIGKILL)) and is replaced.")
    # No counter ever goes back, whichever worker is asked.
    for earlier, later in itertools.pairwise(seen):
        for name, value in earlier.items():
            if "_total" in name or "_bucket" in name or "_count" in name or "_sum" in name:
                assert later[name] >= value, name
    code, last, errors = group.end()
    assert (code, errors) == (0, "")
    # An answer that was sent and not yet written down, and a count not yet told, can be lost.
    told = [int(one.replace(",", "")) for one in re.findall(r"[\d,]+(?= row| rec)", last)]
    recorded = {row[0] for row in churn.sql("SELECT prediction_id FROM predictions").rows}
    assert told[0] <= len(load.answers) + len(load.broken)
    assert len(recorded) <= len(load.answers) + len(load.broken)
    afterwards = [one for one in load.answers if one.began > killed_at + 0.5]
    assert len(afterwards) > 50
    assert {one.told["predictions"][0]["id"] for one in afterwards} <= recorded
    ((_, died),) = story(churn, "worker died")
    assert died == {
        "why": "Worker 2 died (signal 9 (SIGKILL)) and is replaced.",
        "worker": 2,
        "pid": killed,
        "replaced": True,
    }


@pytest.mark.slow
def test_workers_that_die_again_and_again_are_not_started_for_ever(
    churn: Project, start: Start
) -> None:
    group = start("2")
    group.wait_for(2)
    known = [group.workers()[0].pid]
    for _ in range(6):
        known.append(kill_one(group, *known))
    wait_until(lambda: ask(group.address, "GET", "/readyz")[0] == 503)
    reason = ask(group.address, "GET", "/readyz")[1]["status"]
    assert reason == (
        "6 workers died within 60 s, the last of signal 9 (SIGKILL); no more is started. Look for "
        "the cause, and start the server again."
    )
    assert len(group.workers()) == 1
    assert ask(group.address, "POST", "/predict", ROW)[0] == 200  # those that live go on
    assert group.metrics()["lite_mlops_worker_deaths_total"] == 6
    assert group.heard(reason)
    assert story(churn, "not ready") == [("not ready", {"why": reason})]
    assert [one["replaced"] for _, one in story(churn, "worker died")] == [True] * 5 + [False]
    group.workers()[0].kill()  # now nobody is left who could answer
    group.process.wait(timeout=15)
    code, _, errors = group.end()
    assert code == 1
    assert "LiteMlopsError: 7 workers died within 60 s" in errors


@pytest.mark.slow
def test_a_worker_that_is_stuck_is_replaced(churn: Project, start: Start) -> None:
    group = start("2", pace={"look": 0.1, "silent": 1.0})
    group.wait_for(2)
    stuck = group.workers()[-1]
    stuck.suspend()
    wait_until(lambda: group.heard("died (it told nothing for 1 s) and is replaced."))
    wait_until(lambda: not stuck.is_running() and len(group.workers()) == 2)
    wait_until(lambda: bool(story(churn, "ready")))
    ((_, told),) = story(churn, "not ready")
    assert told == {"why": "worker 2 told nothing for 1 s; it is replaced."}
    assert ask(group.address, "GET", "/readyz")[0] == 200
    assert group.end()[0] == 0


# -- the end ------------------------------------------------------------------------------------


def test_no_request_is_lost_when_it_is_told_to_end(churn: Project, start: Start) -> None:
    group = start("2")
    group.wait_for(2)
    with Load(group.address, ROW, clients=6, pause=0.005) as load:
        wait_until(lambda: len(load.answers) > 200)
        code, last, errors = group.end(signal.SIGTERM)
    answered = len(load.answers)
    assert (code, errors) == (0, "")
    assert last == f"Stopped. {answered:,} rows answered, {answered:,} recorded.\n"
    assert load.broken == []
    assert set(load.statuses()) == {200}
    assert load.refused == 6
    assert churn.sql("SELECT count(*) FROM predictions").rows == ((answered,),)


def test_workers_without_a_supervisor_end_and_hold_no_port(churn: Project, start: Start) -> None:
    group = start("2")
    group.wait_for(2)
    workers = group.workers()
    group.process.kill()
    wait_until(lambda: not any(one.is_running() for one in workers))
    with socket.create_server(("127.0.0.1", port_of(group))):
        pass  # it is free


# -- what they share ----------------------------------------------------------------------------


@pytest.mark.slow
def test_every_request_is_answered_by_one_version_while_the_alias_moves(
    churn: Project, start: Start
) -> None:
    register(churn, "b")
    group = start("2")
    group.wait_for(2)
    with Load(group.address, ROW, clients=4, pause=0.005) as load:
        for number in range(1, 7):
            version = number % 2 + 1
            churn.models.set_alias("churn", "champion", version)
            wait_until(lambda v=version: set(load.latest.values()) == {v})  # type: ignore[misc]
        code, last, errors = group.end(signal.SIGINT)
    assert load.broken == []
    assert set(load.statuses()) == {200}
    for one in load.answers:  # the answer is that of the version that it names
        assert one.told["predictions"][0]["prediction"] == "ab"[one.told["version"] - 1]
    assert (code, errors) == (0, "")
    assert sum("champion is churn/" in line for line in group.said) == 6  # not once by each
    assert f"{len(load.answers):,} recorded." in last


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells it")
def test_the_arrays_of_a_model_are_in_memory_once(project: Project, start: Start) -> None:
    rows = np.random.default_rng(1).normal(size=(80_000, 30))
    model = KNeighborsClassifier(3, algorithm="brute").fit(rows, rows[:, 0] > 0)
    version = project.models.register(model, "near", input_example=rows[:3], alias="champion")
    group = start("2", "near@champion")
    group.wait_for(2)
    path = str(project.store.objects.path(version.sha256))
    for worker in group.workers():
        found = mapped(worker.pid, path)
        assert found["Rss"] >= rows.nbytes / 1024  # all of it was asked for
        assert found["Private_Dirty"] == 0  # and nothing of it copied
        assert found["Pss"] < 0.75 * found["Rss"]  # the other worker has the same pages
    maps = " ".join(one.path for one in psutil.Process(group.process.pid).memory_maps())
    assert not re.search("numpy|duckdb|sklearn", maps)  # who looks after them needs little
    assert group.end()[0] == 0


def mapped(pid: int, path: str) -> dict[str, int]:
    """How much of a file is mapped, in kB, by kind."""
    found: dict[str, int] = {}
    here = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            here = line.endswith(path)
        elif here and line.endswith(" kB"):
            name, size, _ = line.split()
            found[name.rstrip(":")] = found.get(name.rstrip(":"), 0) + int(size)
    return found
