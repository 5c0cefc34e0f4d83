"""The verdict on two runs: identical, within tolerance, different, and what is not the same."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.jsontext import json_text
from lite_mlops.pipelines.reproduction.verdict import (
    Compared,
    Reproduction,
    Tolerance,
    compare_data,
    compare_files,
    compare_metrics,
    compare_packages,
    compare_surroundings,
    judge,
)
from lite_mlops.tracking import Artifact, Metric, Run

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
TOLERANCE = Tolerance(relative=1e-3, absolute=1e-9)


def metric(key: str, value: float, **about: Any) -> Metric:
    usual: dict[str, Any] = {"step": 0, "low": value, "high": value, "points": 1}
    return Metric(key=key, value=value, time=MOMENT, **(usual | about))


def run_with(
    values: dict[str, float] | None = None, files: dict[str, str] | None = None, **about: Any
) -> Run:
    usual: dict[str, Any] = {
        "id": "6800000aaaaaaaaaaaaa",
        "name": "first",
        "experiment": "default",
        "status": "finished",
        "actor": "ann",
        "started_at": MOMENT,
        "ended_at": MOMENT,
        "parent_id": None,
        "note": None,
        "deleted": False,
        "metrics": {key: metric(key, value) for key, value in (values or {}).items()},
        "artifacts": tuple(Artifact(path, 1, "x", sha) for path, sha in (files or {}).items()),
    }
    return Run(**(usual | about))


def verdict_on(recorded: Run, again: Run, *causes: str, models: Any = ()) -> Reproduction:
    return judge(recorded, again, models=models, causes=causes, by=TOLERANCE)


@pytest.mark.parametrize(
    ("recorded", "again", "outcome"),
    [
        (1.0, 1.0, "identical"),
        (math.nan, math.nan, "identical"),
        (math.inf, math.inf, "identical"),
        (0.0, -0.0, "identical"),
        (1.0, 1.0005, "within tolerance"),
        (0.0, 1e-10, "within tolerance"),
        (1.0, 1.01, "different"),
        (0.0, 1e-8, "different"),
        (math.inf, -math.inf, "different"),
        (1.0, math.nan, "different"),
        (1e308, math.inf, "different"),
    ],
)
def test_two_numbers(recorded: float, again: float, outcome: str) -> None:
    assert TOLERANCE.judge(recorded, again) == outcome
    assert TOLERANCE.judge(again, recorded) == outcome


@given(st.floats(), st.floats())
def test_numbers_are_judged_the_same_both_ways(one: float, other: float) -> None:
    assert TOLERANCE.judge(one, other) == TOLERANCE.judge(other, one)
    assert TOLERANCE.judge(one, one) == "identical"


@pytest.mark.parametrize(
    ("about", "outcome"),
    [
        ({}, "identical"),
        ({"low": 0.4}, "different"),
        ({"high": 0.5001}, "within tolerance"),
        ({"points": 2}, "different"),
        ({"step": 1}, "different"),
        ({"low": None}, "different"),
    ],
)
def test_a_metric_is_more_than_its_latest_value(about: dict[str, Any], outcome: str) -> None:
    (found,) = compare_metrics(
        {"auc": metric("auc", 0.5)}, {"auc": metric("auc", 0.5, **about)}, TOLERANCE
    )
    assert found.outcome == outcome


def test_a_metric_that_was_never_a_number_is_like_another() -> None:
    nan = metric("loss", math.nan, low=None, high=None)
    (found,) = compare_metrics({"loss": nan}, {"loss": nan}, TOLERANCE)
    assert found == Compared("metric loss", "nan", "nan", "identical")


def test_a_metric_that_only_one_has_differs() -> None:
    found = compare_metrics({"a": metric("a", 1.0)}, {"b": metric("b", 2.0)}, TOLERANCE)
    assert found == [
        Compared("metric a", "1.0", "missing", "different"),
        Compared("metric b", "missing", "2.0", "different"),
    ]


@pytest.mark.parametrize("key", ["system/cpu", "fit_time", "Seconds", "latency_ms", "Duration"])
def test_clocks_and_machines_are_not_compared(key: str) -> None:
    assert compare_metrics({key: metric(key, 1.0)}, {}, Tolerance()) == []
    assert compare_metrics({key: metric(key, 1.0)}, {}, Tolerance(ignored=()))


def test_files_are_compared_but_those_of_each_run() -> None:
    recorded = run_with(files={"a": "1", "b": "1", "c": "1", "source/x": "1", "output.log": "1"})
    again = run_with(files={"a": "1", "b": "2", "d": "1", "source/x": "2"})
    assert compare_files(recorded, again) == {
        "b": "has other bytes",
        "c": "was not made again",
        "d": "was not there before",
    }


def test_packages_data_and_surroundings_that_differ_are_told() -> None:
    assert compare_packages({"a": "1", "b": "1"}, {"a": "2", "c": "1"}) == [
        "package a: 1 before, 2 now",
        "package b: 1 before, none now",
        "package c: none before, 1 now",
    ]
    assert compare_data({"training x": "a" * 64}, {"training x": "b" * 64, "test y": "c" * 64}) == [
        f"data test y: none before, {'c' * 12} now",
        f"data training x: {'a' * 12} before, {'b' * 12} now",
    ]
    recorded = {"python": "3.12.1", "git": {"commit": "abc", "untracked": ["x.py"]}}
    assert compare_surroundings(recorded, {"python": "3.13.0", "git": {"commit": "abc"}}) == [
        "Python: 3.12.1 before, 3.13.0 now",
        "code: 1 untracked files were not there now: x.py",
    ]


def test_the_worst_decides() -> None:
    recorded = run_with({"a": 1.0, "b": 1.0, "c": 1.0})
    assert verdict_on(recorded, recorded).outcome == "identical"
    near = run_with({"a": 1.0, "b": 1.0001, "c": 1.0})
    assert verdict_on(recorded, near).outcome == "within tolerance"
    far = run_with({"a": 1.0, "b": 1.0001, "c": 2.0})
    assert verdict_on(recorded, far).outcome == "different"
    assert [one.what for one in verdict_on(recorded, far).differing] == ["metric b", "metric c"]
    model = Compared("model x", "1", "2", "different")
    assert verdict_on(recorded, recorded, models=[model]).outcome == "different"
    failed = replace(recorded, status="failed")
    assert verdict_on(recorded, failed).outcome == "different"


def test_the_seed_is_named_where_nothing_else_explains_it() -> None:
    unseeded, far = run_with({"a": 1.0}), run_with({"a": 2.0})
    assert verdict_on(unseeded, unseeded).causes == ()
    assert verdict_on(unseeded, far).causes[0].startswith("seed: no param is one;")
    seeded = run_with({"a": 1.0}, params={"random_state": "1"})
    (cause,) = verdict_on(seeded, far).causes
    assert "the param random_state are the same" in cause
    assert verdict_on(seeded, far, "package a: 1 before, 2 now").causes == (
        "package a: 1 before, 2 now",
    )


def test_a_verdict_shows_itself() -> None:
    verdict = verdict_on(run_with({"<b>": 1.0}), run_with({"<b>": 2.0}))
    assert repr(verdict).startswith("<Reproduction different: run 6800000aaaaaaaaaaaaa again")
    assert "&lt;b&gt;" in verdict._repr_html_()
    assert '"different"' in json_text(verdict.to_dict())
