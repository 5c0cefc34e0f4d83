"""A model that learns piece by piece: one run, a step for each piece, and not too many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from tests.autologging.conftest import Logged, Table


def _steps(logged: Logged, name: str) -> tuple[list[int], list[float]]:
    history = logged.project.runs.history(logged.run().id, name)
    return history.steps.tolist(), history.values.tolist()


def test_the_pieces_are_steps_of_one_run(logged: Logged, classes: Table) -> None:
    features, labels = classes
    model = SGDClassifier(alpha=0.01, random_state=0)
    accuracies = []
    for start in range(0, 80, 20):
        piece = slice(start, start + 20)
        model.partial_fit(features[piece], labels[piece], classes=[0, 1])
        accuracies.append(np.mean(model.predict(features[piece]) == labels[piece]))
    run = logged.run()
    assert (run.status, run.params["alpha"]) == ("finished", "0.01")
    assert _steps(logged, "rows_seen") == ([1, 2, 3, 4], [20, 40, 60, 80])
    assert _steps(logged, "batch_accuracy_score") == ([1, 2, 3, 4], accuracies)
    assert logged.paths() == []
    model.score(features, labels)
    assert "score_features" in logged.metrics()


def test_many_calls_are_few_steps(logged: Logged) -> None:
    model = SGDRegressor()
    for _ in range(1_000):
        model.partial_fit([[0.0], [1.0]], [0.0, 1.0])
    steps, rows = _steps(logged, "rows_seen")
    assert steps[:11] == list(range(1, 12))
    assert len(steps) < 80
    assert steps[-1] > 900
    assert rows == [2 * step for step in steps]


def test_the_loss_of_a_network(logged: Logged, numbers: Table) -> None:
    features, target = numbers
    model = MLPRegressor(hidden_layer_sizes=(4,), random_state=0)
    losses = []
    for _ in range(3):
        model.partial_fit(features, target)
        losses.append(model.loss_)
    assert _steps(logged, "loss")[1] == losses
    assert len(_steps(logged, "batch_r2_score")[1]) == 3


def test_pieces_after_a_fit_belong_to_its_run(logged: Logged, classes: Table) -> None:
    model = SGDClassifier().fit(*classes)
    model.partial_fit(*classes)
    assert logged.metrics()["rows_seen"] == 80
    assert logged.metrics()["training_rows"] == 80
    model.fit(*classes).partial_fit(*classes)
    assert [run.metrics["rows_seen"].value for run in logged.runs()] == [80, 80]


def test_each_model_has_its_own_run(logged: Logged, classes: Table) -> None:
    first, second = SGDClassifier(), SGDClassifier(alpha=0.5)
    for model in (first, second, first):
        model.partial_fit(*classes, classes=[0, 1])
    seen = [run.metrics["rows_seen"].value for run in logged.runs()]
    assert seen == [160, 80]


def test_pieces_join_the_active_run(logged: Logged, classes: Table) -> None:
    with logged.project.start_run("mine") as run:
        scaler, model = StandardScaler(), SGDClassifier()
        for _ in range(2):
            scaler.partial_fit(classes[0])
            model.partial_fit(scaler.transform(classes[0]), classes[1], classes=[0, 1])
        assert run.status == "running"
    found = logged.metrics()
    assert (found["rows_seen"], found["StandardScaler.rows_seen"]) == (160, 160)


def test_what_a_fit_learns_in_pieces_is_no_step(logged: Logged, classes: Table) -> None:
    StandardScaler().fit(classes[0])
    assert "rows_seen" not in logged.metrics()


def test_a_piece_that_fails(logged: Logged, classes: Table) -> None:
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        SGDClassifier().partial_fit(*classes)
    assert logged.run().status == "failed"
    model = SGDClassifier().partial_fit(*classes, classes=[0, 1])
    with pytest.raises(ValueError, match="X has 1 features"):
        model.partial_fit([[1.0]], [1])
    ended = logged.runs()[-1]
    assert (ended.status, ended.metrics["rows_seen"].value) == ("finished", 80)


def test_a_step_that_cannot_be_logged_is_told_once(
    logged: Logged, classes: Table, monkeypatch: Any, warnings_of: Any
) -> None:
    from lite_mlops.autologging.steps import Steps

    monkeypatch.setattr(Steps, "take", lambda *_: 1 / 0)
    model = SGDClassifier()
    for _ in range(3):
        assert model.partial_fit(*classes, classes=[0, 1]) is model
    assert sum("log the step" in warning for warning in warnings_of()) <= 1
    assert model.predict(classes[0]).shape == (80,)
