"""The points of a metric, all of them or down-sampled so that no extreme is lost."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project
from lite_mlops.tracking import History

Point = tuple[int, int, float]  # step, microseconds, value
BASE = 1_714_566_615_000  # milliseconds

few_examples = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def log_points(project: Project, points: list[tuple[int, int, float]]) -> str:
    """Log points as a step, milliseconds and a value; return the id of the run."""
    with project.start_run() as run:
        for step, moment, value in points:
            run.log_metric("loss", value, step, BASE + moment)
    return run.id


def rows(history: History) -> list[tuple[Any, ...]]:
    """The points, with NaN as a word so that it equals itself."""
    values = ["nan" if math.isnan(value) else value for value in history.values.tolist()]
    return list(zip(history.steps.tolist(), history.times.tolist(), values, strict=True))


def assert_sampled(whole: History, part: History, max_points: int) -> None:
    """Everything that a down-sampled history promises."""
    everything, kept = rows(whole), rows(part)
    assert len(kept) <= max_points
    assert set(kept) <= set(everything)
    assert [row[:2] for row in kept] == sorted(row[:2] for row in kept)
    assert (kept[0][:2], kept[-1][:2]) == (everything[0][:2], everything[-1][:2])
    numbers = [value for value in whole.values.tolist() if not math.isnan(value)]
    sampled = [value for value in part.values.tolist() if not math.isnan(value)]
    if numbers:
        assert (min(sampled), max(sampled)) == (min(numbers), max(numbers))
    assert part.points == whole.points == len(everything)


numbers = st.floats(allow_nan=False)
moments = st.integers(0, 10**7)


@few_examples
@given(
    st.lists(st.tuples(st.integers(-50, 50), moments, numbers), min_size=1, max_size=60),
    st.integers(4, 30),
)
def test_a_sampled_history_keeps_the_extremes(
    project: Project, points: list[tuple[int, int, float]], max_points: int
) -> None:
    run = log_points(project, points)
    whole = project.runs.history(run, "loss")
    assert_sampled(whole, project.runs.history(run, "loss", max_points), max_points)


@few_examples
@given(
    st.lists(st.tuples(st.integers(0, 50), moments, st.floats()), min_size=1, max_size=60),
    st.integers(4, 30),
)
@example([(step, 0, math.nan if step % 2 else float(step)) for step in range(60)], 10)
def test_a_sampled_history_with_nan_is_not_longer(
    project: Project, points: list[tuple[int, int, float]], max_points: int
) -> None:
    run = log_points(project, points)
    whole = project.runs.history(run, "loss")
    assert_sampled(whole, project.runs.history(run, "loss", max_points), max_points)


def test_a_sampled_history_of_very_large_steps_is_not_longer(project: Project) -> None:
    steps = [0, 1, 2, 2**62 - 2, 2**62 - 1, 2**62]
    values = [0.0, 5.0, -5.0, 7.0, -7.0, 0.0]
    run = log_points(project, [(s, 0, v) for s, v in zip(steps, values, strict=True)])
    whole = project.runs.history(run, "loss")
    assert_sampled(whole, project.runs.history(run, "loss", 4), 4)


@pytest.mark.slow
def test_a_million_points_come_back_as_a_thousand_with_the_same_extremes(
    project: Project,
) -> None:
    with project.start_run() as run:
        for step in range(1_000_000):
            run.log_metric("loss", (step * 7_919) % 1_000_003 / 3)
    whole = project.runs.history(run.id, "loss")
    sampled = project.runs.history(run.id, "loss", max_points=1_000)
    assert (len(whole), whole.points, sampled.points) == (1_000_000,) * 3
    assert 600 <= len(sampled) <= 1_000
    assert sampled.values.min() == whole.values.min()
    assert sampled.values.max() == whole.values.max()
    assert sampled.steps[[0, -1]].tolist() == [0, 999_999]
    assert np.array_equal(whole.values[sampled.steps], sampled.values)
    assert np.array_equal(whole.times[sampled.steps], sampled.times)


def test_every_part_of_the_steps_is_shown(project: Project) -> None:
    run = log_points(project, [(step, 0, float(step % 7)) for step in range(1_000)])
    sampled = project.runs.history(run, "loss", 100)
    assert len(sampled) <= 100
    assert np.diff(sampled.steps).max() <= 70


def test_points_of_one_step_are_parted_by_time(project: Project) -> None:
    run = log_points(project, [(0, moment * 1_000, float(moment)) for moment in range(500)])
    sampled = project.runs.history(run, "loss", 50)
    assert 30 <= len(sampled) <= 50
    seconds = (sampled.times - sampled.times[0]) // np.timedelta64(1, "s")
    assert np.diff(seconds).max() <= 70
    assert seconds[-1] == 499


def test_a_history_of_nan_alone_is_shown(project: Project) -> None:
    run = log_points(project, [(step, step, math.nan) for step in range(100)])
    sampled = project.runs.history(run, "loss", 20)
    assert 5 <= len(sampled) <= 20
    assert np.isnan(sampled.values).all()
    assert sampled.steps[[0, -1]].tolist() == [0, 99]


def test_a_history_that_is_short_enough_is_whole(project: Project) -> None:
    points = [(2, 0, 1.0), (0, 5, 2.0), (0, 3, 4.0), (0, 3, 3.0)]
    run = log_points(project, points)
    history = project.runs.history(run, "loss", 4)
    assert history.steps.tolist() == [0, 0, 0, 2]
    assert history.values.tolist() == [3.0, 4.0, 2.0, 1.0]
    assert len(history) == history.points == 4


def test_max_points_below_four_is_refused(project: Project) -> None:
    run = log_points(project, [(0, 0, 1.0)])
    with pytest.raises(Invalid) as error:
        project.runs.history(run, "loss", 3)
    assert str(error.value) == "max_points is at least 4; it is 3."


def test_an_unknown_metric_is_told_with_those_near_to_it(project: Project) -> None:
    run = log_points(project, [(0, 0, 1.0)])
    with pytest.raises(NotFound) as error:
        project.runs.history(run, "los")
    assert str(error.value) == f"Run {run} has no metric 'los'. Did you mean 'loss'?"


def test_the_history_of_an_unknown_run_is_refused(project: Project) -> None:
    project.create()
    with pytest.raises(NotFound, match=r"^There is no run 'none'\."):
        project.runs.history("none", "loss")


def test_a_history_says_how_much_of_it_is_shown(project: Project) -> None:
    run = log_points(project, [(step, 0, float(step)) for step in range(2_000)])
    whole, part = project.runs.history(run, "loss"), project.runs.history(run, "loss", 4)
    assert repr(whole) == f"<History 'loss' of run {run}: 2,000 points>"
    assert repr(part) == f"<History 'loss' of run {run}: {len(part)} of 2,000 points>"


def test_a_history_can_be_written_as_json(project: Project) -> None:
    run = log_points(project, [(0, 0, math.nan), (1, 250, math.inf), (2, 500, 0.5)])
    found = json.loads(json.dumps(project.runs.history(run, "loss").to_dict(), allow_nan=False))
    assert found == {
        "run_id": run,
        "key": "loss",
        "points": 3,
        "steps": [0, 1, 2],
        "times": [
            "2024-05-01T12:30:15.000000+00:00",
            "2024-05-01T12:30:15.250000+00:00",
            "2024-05-01T12:30:15.500000+00:00",
        ],
        "values": ["NaN", "Infinity", 0.5],
    }


def test_several_histories_come_at_once(project: Project) -> None:
    with project.start_run("baseline") as run:
        for step in range(50):
            run.log_metrics({"loss": 1 / (step + 1), "acc": step}, step=step)
    loss, acc = project.runs.histories("baseline", ["loss", "none", "acc"], max_points=20)
    assert [history.key for history in (loss, acc)] == ["loss", "acc"]
    for history in (loss, acc):
        assert rows(history) == rows(project.runs.history(run.id, history.key, 20))
        assert (len(history) <= 20, history.points) == (True, 50)
    with pytest.raises(NotFound, match=r"^There is no run 'x'\."):
        project.runs.histories("x", ["loss"], 20)
