"""What goes wrong: in the fit, which fails as it would have, or in logging, which is told once."""

from __future__ import annotations

import errno
import json
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC

from lite_mlops.autologging import autolog, fits, training
from lite_mlops.project import Project
from lite_mlops.store import Objects
from lite_mlops.store.journal import Journal
from lite_mlops.tracking import context
from tests.autologging.conftest import Logged, Table


class Breaking(BaseEstimator):
    def __init__(self, error: type[BaseException] = RuntimeError) -> None:
        self.error = error

    def fit(self, X: Any, y: Any = None) -> Breaking:
        raise self.error("in the midst of it")


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError, "failed"), (KeyboardInterrupt, "killed")]
)
def test_a_failed_fit(logged: Logged, error: type[BaseException], status: str) -> None:
    with pytest.raises(error, match="in the midst of it"):
        Breaking(error).fit([[1]])
    run = logged.run()
    assert run.status == status
    assert run.tags["fit_error"] == f"{error.__name__}: in the midst of it"
    assert context.active() is None


def test_a_failed_fit_leaves_the_run_of_the_user_going(logged: Logged, classes: Table) -> None:
    with logged.project.start_run() as run:
        with pytest.raises(RuntimeError):
            Breaking().fit([[1]])
        assert run.status == "running"
        LogisticRegression().fit(*classes)
    assert logged.run().status == "finished"


def test_a_wrong_call_is_the_estimators_own_error(logged: Logged) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        LogisticRegression().fit([[1]])
    with pytest.raises(ValueError, match="Found input variables with inconsistent numbers"):
        LogisticRegression().fit([[1], [2]], [1])
    assert [run.status for run in logged.runs()] == ["failed", "failed"]


def test_a_part_that_fails_is_told_once_and_stops_no_other(
    logged: Logged, classes: Table, warnings_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> Any:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(training, "metrics_of", fail)
    for _ in range(2):
        model = LogisticRegression().fit(*classes)
        assert model.predict(classes[0]).shape == (80,)
    for run in logged.runs():
        assert run.status == "finished"
        assert "model/model.joblib" in [artifact.path for artifact in run.artifacts]
    (warning,) = warnings_of()
    assert warning == (
        "Autologging could not log the training metrics (ZeroDivisionError: broken). The fit is "
        "as it would be without."
    )


def test_a_project_that_cannot_be(tmp_path: Path, classes: Table, warnings_of: Any) -> None:
    autolog(lambda: Project(tmp_path / "no" / "such" / "folder"))
    assert LogisticRegression().fit(*classes).score(*classes) > 0.5
    (warning,) = warnings_of()
    assert warning.startswith("Autologging could not log the start of a fit (Invalid: ")


@pytest.mark.parametrize("name", ["log_params", "set_tags", "log_metrics", "behind", "end"])
def test_any_call_of_ours_may_fail(
    logged: Logged, classes: Table, monkeypatch: pytest.MonkeyPatch, warnings_of: Any, name: str
) -> None:
    from lite_mlops.tracking import ActiveRun

    end = ActiveRun.end

    def fail(run: Any, *args: Any, **kwargs: Any) -> Any:
        if name == "end":
            end(run)
        raise MemoryError(name)

    monkeypatch.setattr(ActiveRun, name, fail)
    model = LogisticRegression()
    assert model.fit(*classes) is model
    monkeypatch.undo()
    if name in ("log_params", "set_tags"):  # starting a run needs them too
        assert not logged.project.exists
    else:
        assert logged.run().status == "finished"
    assert [warning for warning in warnings_of() if "MemoryError" in warning]


def test_a_full_disk(
    logged: Logged, classes: Table, monkeypatch: pytest.MonkeyPatch, warnings_of: Any
) -> None:
    def full(*args: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Objects, "put_blocks", full)
        patched.setattr("os.write", full)
        model = LogisticRegression().fit(*classes)
        assert model.score(*classes) > 0.5
        logged.project.store.background.wait()
    assert any("No space left on device" in warning for warning in warnings_of())


def test_a_journal_that_raises(
    logged: Logged, classes: Table, monkeypatch: pytest.MonkeyPatch, warnings_of: Any
) -> None:
    def fail(*args: Any) -> Any:
        raise RuntimeError("no journal")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", fail)
        model = LogisticRegression().fit(*classes)
        assert model.score(*classes) > 0.5
    assert any("RuntimeError: no journal" in warning for warning in warnings_of())
    assert context.active() is None


def test_a_model_that_cannot_be_written(logged: Logged, numbers: Table, warnings_of: Any) -> None:
    SVC(kernel=lambda a, b: a @ b.T).fit(numbers[0], numbers[1] > 0)
    assert "model/model.joblib" not in logged.paths()
    assert logged.metrics()["training_accuracy_score"] > 0.5
    (warning,) = warnings_of()
    assert warning.startswith("Autologging could not log the model (Invalid: this SVC cannot be")


def test_silence(
    switch: Any,
    numbers: Table,
    warnings_of: Any,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
) -> None:
    switch(silent=True, budget_seconds=0)
    monkeypatch.setattr(fits, "iterations_of", lambda _: 1 / 0)
    Ridge().fit(*numbers)
    assert warnings_of() == []
    assert logged.run().status == "finished"


# -- the budget ----------------------------------------------------------------------------------


def test_dear_parts_are_left_out_when_the_budget_is_over(
    switch: Any,
    logged: Logged,
    classes: Table,
    warnings_of: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = count()
    monkeypatch.setattr("time.perf_counter", lambda: float(next(seconds)))
    switch(budget_seconds=0)
    model = LogisticRegression().fit(*classes)
    assert model.score(*classes) > 0.5
    assert set(logged.metrics()) >= {"fit_seconds", "training_rows"}
    assert logged.run().params["C"] == "1.0"
    assert logged.paths() == []
    (warning,) = warnings_of()
    assert warning == (
        "Autologging of LogisticRegression left out: training metrics, model, dataset, plots, "
        "importances. It would take longer than 0.05 s (budget_seconds)."
    )


class Slow(LogisticRegression):
    """Answers slowly: 200 rows take a tenth of a second."""

    asked: int

    def predict(self, X: Any) -> Any:
        self.asked = len(X)
        time_for(len(X))
        return super().predict(X)


def time_for(rows: int) -> None:
    Clock.now += rows / 2_000


class Clock:
    now = 0.0


def test_a_slow_model_is_asked_for_a_sample(
    switch: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock.now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: Clock.now)
    features = np.random.default_rng(0).normal(size=(20_000, 2))
    for all_rows in (False, True):
        switch(budget_seconds=10, log_datasets=False, all_rows=all_rows)
        Slow().fit(features, features[:, 0] > 0)
    few, more = logged.runs()
    assert few.metrics["training_rows"].value == 20_000
    assert few.metrics["training_rows_sampled"].value == 100
    assert 3_000 < more.metrics["training_rows_sampled"].value < 20_000
    plot = json.loads(logged.project.runs.read_artifact(few.id, "plots/roc.json"))
    assert plot["title"] == "ROC, 100 of 20,000 rows"
    assert Clock.now < 10


def test_all_rows_are_asked_for_where_there_is_time(
    switch: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock.now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: Clock.now)
    monkeypatch.setattr(training, "_MOST_ROWS", 200)
    switch(budget_seconds=10, log_datasets=False, all_rows=True)
    features = np.random.default_rng(0).normal(size=(3_000, 2))
    model = Slow().fit(features, features[:, 0] > 0)
    found = logged.metrics()
    assert "training_rows_sampled" not in found
    assert found["training_accuracy_score"] == np.mean(
        model.predict(features) == (features[:, 0] > 0)
    )
    assert logged.json("plots/roc.json")["title"] == "ROC"


def test_metrics_are_computed_on_a_bounded_number_of_rows(
    switch: Any, logged: Logged, classes: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_FIRST_ROWS", 20)
    monkeypatch.setattr(training, "_MOST_ROWS", 50)
    switch(budget_seconds=60)
    LogisticRegression().fit(*classes)
    found = logged.metrics()
    assert (found["training_rows"], found["training_rows_sampled"]) == (80, 50)
    counts = [row["y"] for row in logged.json("plots/confusion_matrix.json")["series"]]
    assert sum(map(sum, counts)) == 50


class Heavy(LogisticRegression):
    """Takes long to be written."""

    def __getstate__(self) -> Any:
        Clock.now += 100
        return super().__getstate__()


def test_a_model_file_is_given_up_in_the_midst_of_writing(
    switch: Any, logged: Logged, classes: Table, warnings_of: Any
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        Clock.now = 0.0
        patched.setattr("time.perf_counter", lambda: Clock.now)
        switch(budget_seconds=10, log_datasets=False, log_plots=False)
        Heavy().fit(*classes)
    assert "left out: model." in warnings_of()[0]
    assert logged.metrics()["training_accuracy_score"] > 0.5
