"""Several fits at once: threads, worker processes, forked processes."""

from __future__ import annotations

import io
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import pytest
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from lite_mlops.project import Project
from tests.autologging.conftest import Logged, Table


@pytest.mark.slow
def test_fits_in_threads_are_a_run_each(logged: Logged, classes: Table) -> None:
    features, labels = classes
    together = threading.Barrier(4)

    def fit(c: int) -> None:
        together.wait()
        for number in range(5):
            model = LogisticRegression(C=c + number / 10).fit(features, labels)
            model.score(features, labels)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fit, range(1, 5)))
    runs = logged.runs()
    expected = {str(c + number / 10) for c in range(1, 5) for number in range(5)}
    assert {run.params["C"] for run in runs} == expected
    assert len(runs) == 20
    assert all(run.status == "finished" for run in runs)
    assert all(run.metrics["score_features"].points == 1 for run in runs)


def test_threads_inside_a_run_join_it(logged: Logged, classes: Table) -> None:
    with logged.project.start_run("pool"), ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda c: LogisticRegression(C=c).fit(*classes), (1, 2)))
    run = logged.run()
    assert {"C", "LogisticRegression-2.C"} <= set(run.params)


def test_fits_that_joblib_runs_in_threads_are_a_run_each(logged: Logged, classes: Table) -> None:
    calls = [delayed(LogisticRegression(C=c).fit)(*classes) for c in (1, 2, 3)]
    Parallel(n_jobs=2, backend="threading")(calls)
    assert sorted(run.params["C"] for run in logged.runs()) == ["1", "2", "3"]


def test_worker_processes_do_not_log(logged: Logged, classes: Table) -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, cv=2, n_jobs=2)
    search.fit(*classes)
    cross_val_score(LogisticRegression(), *classes, cv=2, n_jobs=2)
    Parallel(n_jobs=2)(delayed(LogisticRegression().fit)(*classes) for _ in range(2))
    assert len(logged.runs()) == 3
    assert len(list(logged.project.store.layout.journal.glob("*.ndjson"))) <= 1


def _fit_in_child(classes: Any, folder: Path) -> None:
    model = LogisticRegression(C=7).fit(*classes)
    model.score(*classes)
    Project(folder).close()


def test_a_forked_process_logs_runs_of_its_own(logged: Logged, classes: Table) -> None:
    LogisticRegression(C=6).fit(*classes)
    child = multiprocessing.get_context("fork").Process(
        target=_fit_in_child, args=(classes, logged.project.folder.parent)
    )
    child.start()
    child.join(60)
    assert child.exitcode == 0
    runs = logged.runs()
    assert [run.params["C"] for run in runs] == ["6", "7"]
    assert [run.status for run in runs] == ["finished", "finished"]


_LAST_FIT = """
import lite_mlops as lm
from sklearn.linear_model import LogisticRegression

lm.autolog(budget_seconds=50)
X, y = [[0.0], [1.0]] * 20, [0, 1] * 20
LogisticRegression().fit(X, y)
"""


@pytest.mark.slow
def test_what_the_last_fit_left_to_the_background_is_written(
    project: Project, python: Callable[..., Any]
) -> None:
    assert python(_LAST_FIT).stderr == ""
    logged = Logged(project)
    assert logged.run().status == "finished"
    assert {"model/model.joblib", "model/signature.json", "plots/roc.json"} <= set(logged.paths())
    dataset = project.datasets.used_by(logged.run().id, "training")
    assert dataset is not None
    assert dataset.rows == 40


_HANGING_DISK = """
import os, threading
sync = os.fsync
def hang(fd):
    in_background = threading.current_thread().name == "lite-mlops-background"
    return threading.Event().wait(50) if in_background else sync(fd)
os.fsync = hang
import lite_mlops as lm
from sklearn.linear_model import LogisticRegression

lm.autolog(budget_seconds=0.2)
X, y = [[0.0], [1.0]] * 20, [0, 1] * 20
LogisticRegression().fit(X, y)
"""


@pytest.mark.slow
def test_a_disk_that_hangs_holds_up_neither_the_fit_nor_the_end(
    project: Project, python: Callable[..., Any]
) -> None:
    said = python(_HANGING_DISK).stderr
    assert "still to be written 0.2 s after the program had ended; they are lost" in said
    logged = Logged(project)
    assert logged.run().status == "finished"
    assert "training_accuracy_score" in logged.metrics()


def test_data_that_changes_right_after_the_fit_is_logged_as_it_was(
    logged: Logged, classes: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    background = logged.project.store.background
    features, labels = classes[0].copy(), classes[1].copy()
    background.do(lambda: _wait(gate), size=1, seconds=1)
    model = LogisticRegression().fit(features, labels)
    expected = float(model.coef_[0, 0])
    features[:] = 0
    labels[:] = 0
    model.coef_[:] = 7
    gate.set()
    dataset = logged.project.datasets.used_by(logged.run().id, "training")
    assert dataset is not None
    assert dataset.profile["x0"]["max"] == classes[0][:, 0].max()
    data = logged.project.runs.read_artifact(logged.run().id, "model/model.joblib")
    assert joblib.load(io.BytesIO(data)).coef_[0, 0] == expected
    counts = logged.json("plots/confusion_matrix.json")["series"]
    assert sum(counts[1]["y"]) == classes[1].sum()


def _wait(gate: threading.Event) -> None:
    gate.wait(10)
