"""One run is logged to from several processes and threads, and nothing is lost."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from lite_mlops.errors import Conflict
from lite_mlops.project import Project
from lite_mlops.tracking import ActiveRun

Python = Callable[..., subprocess.CompletedProcess[str]]


def writers(project: Project) -> set[str]:
    """The processes that have a journal of their own in the project."""
    journal = project.store.layout.journal
    return {path.name.rpartition("-")[0] for path in journal.rglob("*.ndjson")}


def values(project: Project, run: ActiveRun, key: str) -> list[float]:
    return sorted(project.runs.history(run.id, key).values.tolist())


@pytest.fixture
def _no_workers_left() -> Iterator[None]:
    yield
    get_reusable_executor().shutdown(wait=True)


def test_a_spawned_process_logs_to_the_run_it_is_handed(project: Project) -> None:
    spawn = multiprocessing.get_context("spawn")
    run = project.start_run("shared")
    run.log_metric("loss", 0.0)
    workers = [
        spawn.Process(target=run.log_metric, args=("loss", 1.0)),
        spawn.Process(target=run.log_params, args=({"depth": 3},)),
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert project.runs.get(run.id).status == "running"  # the end of a worker is not its end
    run.end()
    found = project.runs.get(run.id)
    assert (found.status, found.params) == ("finished", {"depth": "3"})
    assert values(project, run, "loss") == [0.0, 1.0]
    assert len(writers(project)) == 3


@pytest.mark.usefixtures("_no_workers_left")
def test_workers_of_joblib_log_to_the_run_they_are_handed(project: Project) -> None:
    with project.start_run("shared") as run:
        logging = (delayed(run.log_metric)("loss", float(number), number) for number in range(40))
        Parallel(n_jobs=2, backend="loky")(logging)
        run.log_metric("loss", 40.0, step=40)
    assert values(project, run, "loss") == [float(number) for number in range(41)]
    assert project.runs.get(run.id).status == "finished"
    assert len(writers(project)) >= 2


AGAIN = """
import os, pickle, sys

data = bytes.fromhex(sys.argv[1])
for number in range(20):
    pickle.loads(data).log_metric("loss", float(number), number)
print(len(os.listdir("/proc/self/fd")))
"""


def test_a_worker_that_is_handed_the_run_again_goes_on_with_its_journal(
    project: Project, python: Python
) -> None:
    with project.start_run() as run:
        opened = int(python(AGAIN, pickle.dumps(run).hex()).stdout)
    assert len(values(project, run, "loss")) == 20
    assert opened < 15
    assert len(writers(project)) == 2


def test_a_run_that_was_handed_over_does_not_end_the_run(project: Project) -> None:
    run = project.start_run("shared")
    other: ActiveRun = pickle.loads(pickle.dumps(run))  # noqa: S301
    assert (other.id, other.name, other.experiment) == (run.id, "shared", "default")
    with other:
        other.set_tag("from", "the worker")
    with pytest.raises(Conflict, match=r"has finished; nothing more can be logged to it"):
        other.set_tag("from", "nobody")
    found = project.runs.get(run.id)
    assert (found.status, found.tags) == ("running", {"from": "the worker"})


FORKED = """
import os
import warnings
from lite_mlops.project import Project

warnings.simplefilter("ignore", DeprecationWarning)  # of forking a process that has threads
project = Project(capture_code=False, capture_environment=False)
with project.start_run("forked") as run:
    run.log_metric("parent", 1.0)
    child = os.fork()
    if child == 0:
        run.log_metric("child", 2.0)
        run.end()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert project.runs.get(run.id).status == "running"
    run.log_metric("parent", 3.0)
"""


def test_a_forked_process_logs_to_the_run_and_does_not_end_it(
    project: Project, python: Python
) -> None:
    python(FORKED)
    found = project.runs.get("forked")
    assert found.status == "finished"
    assert project.runs.history(found.id, "parent").values.tolist() == [1.0, 3.0]
    assert project.runs.history(found.id, "child").values.tolist() == [2.0]
    assert len(writers(project)) == 2


def test_threads_that_log_at_once_lose_nothing(project: Project) -> None:
    count, threads = 250, 8
    start = threading.Barrier(threads)

    def work(number: int) -> None:
        start.wait()
        for step in range(count):
            run.log_metric("shared", float(step))
            run.log_metrics({f"own {number}": float(step), "both": float(number)}, step=step)
        run.log_params({f"param {number}": number, "same": 1})
        run.set_tag(f"tag {number}", number)
        run.log_text(str(number), f"{number}.txt")

    with project.start_run() as run, ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    found = project.runs.get(run.id)
    assert values(project, run, "shared") == sorted(list(map(float, range(count))) * threads)
    assert found.metrics["both"].points == count * threads
    assert all(found.metrics[f"own {number}"].points == count for number in range(threads))
    assert len(found.params) == threads + 1
    assert len(found.tags) == len(found.artifacts) == threads


def test_a_thread_that_ends_the_run_ends_it_for_all(project: Project) -> None:
    run = project.start_run()
    thread = threading.Thread(target=run.end)
    thread.start()
    thread.join()
    assert project.active_run() is None
    with pytest.raises(Conflict, match="has finished"):
        run.log_metric("loss", 1.0)
