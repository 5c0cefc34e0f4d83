"""Metrics of an active run: values, steps and times as they come back from the store."""

from __future__ import annotations

import json
import math
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.project import Project
from lite_mlops.store import now

ODD = [math.nan, math.inf, -math.inf, -0.0, 5e-324, -1.7976931348623157e308, 0.1, 1 / 3, 1e22]
few_examples = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def bits(values: Any) -> list[bytes]:
    """The values as bytes, so that NaN equals NaN and -0.0 differs from 0.0."""
    return [struct.pack("d", value) for value in values]


def steps_of(project: Project, key: str) -> list[int]:
    steps: list[int] = project.runs.history("m", key).steps.tolist()
    return steps


# -- values --------------------------------------------------------------------------------------


@few_examples
@given(st.lists(st.floats(width=64), min_size=1, max_size=50))
def test_every_float_comes_back_bit_by_bit(project: Project, values: list[float]) -> None:
    values = [math.nan if math.isnan(value) else value for value in values + ODD]
    with project.start_run() as run:
        for value in values:
            run.log_metric("single", value)
    history = project.runs.history(run.id, "single")
    assert bits(history.values) == bits(values)
    assert history.steps.tolist() == list(range(len(values)))


def test_several_values_at_once_come_back_bit_by_bit(project: Project) -> None:
    with project.start_run() as run:
        run.log_metrics({f"m{number}": value for number, value in enumerate(ODD)})
        run.log_metrics({"huge": 1.7e308, "other": 1.7e308})
    for number, value in enumerate(ODD):
        assert bits(project.runs.history(run.id, f"m{number}").values) == bits([value])
    metrics = project.runs.get(run.id).metrics
    assert math.isnan(metrics["m0"].value)
    assert [metrics[f"m{number}"].value for number in range(1, len(ODD))] == ODD[1:]
    assert (metrics["huge"].value, metrics["other"].value) == (1.7e308, 1.7e308)


def test_what_is_logged_is_json_line_by_line(project: Project) -> None:
    with project.start_run() as run:
        for value in ODD:
            run.log_metric("one", value)
        run.log_metrics({f"m{number}": value for number, value in enumerate(ODD)})
    (journal,) = project.store.layout.journal.glob("*.ndjson")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    logged = [line["value"] for line in lines if line["k"] == "metric"]
    (together,) = [line["numbers"] for line in lines if line["k"] == "metrics"]
    assert bits(logged) == bits(together) == bits(ODD)


@pytest.mark.parametrize(
    "value",
    [3, True, Decimal("0.25"), Fraction(1, 4), np.float32(0.1), np.int64(-3), np.array(0.5)],
    ids=repr,
)
def test_every_kind_of_number_can_be_logged(project: Project, value: Any) -> None:
    with project.start_run() as run:
        run.log_metric("one", value)
        run.log_metrics({"many": value})
        run.log({"w": value})
    metrics = project.runs.get(run.id).metrics
    assert {key: metric.value for key, metric in metrics.items()} == {
        "one": float(value),
        "many": float(value),
        "w": float(value),
    }


def test_the_range_of_a_metric_leaves_nan_out(project: Project) -> None:
    with project.start_run() as run:
        for value in (2.0, math.nan, -1.0, math.nan):
            run.log_metric("loss", value)
        run.log_metric("broken", math.nan)
    metrics = project.runs.get(run.id).metrics
    loss, broken = metrics["loss"], metrics["broken"]
    assert (loss.low, loss.high, loss.points) == (-1.0, 2.0, 4)
    assert math.isnan(loss.value)
    assert (broken.low, broken.high, broken.points) == (None, None, 1)


@few_examples
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).filter(
            str.strip
        ),
        st.floats(allow_nan=False),
        min_size=1,
        max_size=20,
    )
)
def test_every_name_comes_back_as_it_was(project: Project, metrics: dict[str, float]) -> None:
    with project.start_run() as run:
        run.log_metrics(metrics)
        run.log_params(metrics)
        run.set_tags(metrics)
    found = project.runs.get(run.id)
    assert {key: metric.value for key, metric in found.metrics.items()} == metrics
    texts = {key: str(value) for key, value in metrics.items()}
    assert found.params == texts
    assert found.tags == texts


# -- steps ---------------------------------------------------------------------------------------


def test_steps_count_from_zero_by_themselves(project: Project) -> None:
    with project.start_run("m") as run:
        for value in (1.0, 0.5, 0.25):
            run.log_metric("loss", value)
        run.log_metric("auc", 0.9)
    assert steps_of(project, "loss") == [0, 1, 2]
    assert steps_of(project, "auc") == [0]


def test_a_step_that_is_not_given_follows_the_highest(project: Project) -> None:
    with project.start_run("m") as run:
        run.log_metric("loss", 1.0, step=10)
        run.log_metric("loss", 2.0, step=3)
        run.log_metric("loss", 3.0)
        run.log_metric("loss", 4.0, step=-7)
        run.log_metric("loss", 5.0)
    history = project.runs.history("m", "loss")
    assert history.steps.tolist() == [-7, 3, 10, 11, 12]
    assert history.values.tolist() == [4.0, 2.0, 1.0, 3.0, 5.0]


def test_several_metrics_follow_their_highest_step_too(project: Project) -> None:
    with project.start_run("m") as run:
        run.log_metrics({"loss": 1.0, "auc": 0.5}, step=10)
        run.log_metrics({"loss": 2.0}, step=3)
        run.log_metrics({"loss": 3.0})
        run.log_metric("auc", 0.6)
    assert steps_of(project, "loss") == [3, 10, 11]
    assert steps_of(project, "auc") == [10, 11]


def test_the_latest_value_is_that_of_the_highest_step(project: Project) -> None:
    with project.start_run() as run:
        run.log_metric("loss", 0.1, step=9)
        run.log_metric("loss", 0.7, step=2)
    loss = project.runs.get(run.id).metrics["loss"]
    assert (loss.value, loss.step) == (0.1, 9)


@pytest.mark.parametrize("step", [2**63 - 1, -(2**63), np.int32(5), np.array(5)], ids=repr)
def test_steps_may_be_any_whole_number_of_64_bits(project: Project, step: Any) -> None:
    with project.start_run("m") as run:
        run.log_metric("one", 1.0, step=step)
        run.log_metrics({"many": 1.0}, step=step)
    assert steps_of(project, "one") == steps_of(project, "many") == [int(step)]


def test_after_the_highest_step_of_all_a_step_has_to_be_given(project: Project) -> None:
    with project.start_run("m") as run:
        run.log_metric("loss", 1.0, step=2**63 - 1)
        with pytest.raises(Invalid) as error:
            run.log_metric("loss", 2.0)
        run.log_metric("loss", 3.0, step=0)
    assert str(error.value) == (
        "the step 9223372036854775808 of metric 'loss' does not fit into 64 bits."
    )
    assert steps_of(project, "loss") == [0, 2**63 - 1]


def test_metrics_logged_together_share_the_step_after_the_highest_of_them(
    project: Project,
) -> None:
    with project.start_run("m") as run:
        run.log_metric("a", 1.0, step=4)
        run.log_metrics({"a": 1.0, "b": 2.0})
        run.log_metrics({"b": 2.0})
    assert steps_of(project, "a") == [4, 5]
    assert steps_of(project, "b") == [5, 6]


def test_log_counts_its_calls_as_steps(project: Project) -> None:
    with project.start_run("m") as run:
        run.log({"loss": 1.0})
        run.log({"auc": 0.5})
        run.log({"loss": 2.0}, step=10)
        run.log({"loss": 3.0, "auc": 0.6})
    assert steps_of(project, "loss") == [0, 10, 11]
    assert steps_of(project, "auc") == [1, 11]


def test_log_goes_on_counting_after_a_refused_value(project: Project) -> None:
    with project.start_run("m") as run:
        with pytest.raises(Invalid, match="'note' needs a number; 'good' is a str"):
            run.log({"loss": 1.0, "note": "good"})
        run.log({"loss": 2.0})
    assert steps_of(project, "loss") == [0, 1]


# -- times ---------------------------------------------------------------------------------------

MOMENT = datetime(2024, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("stamp", [MOMENT, 1_714_566_615_250, 1_714_566_615.25], ids=repr)
def test_a_time_may_be_given_in_three_forms(project: Project, stamp: Any) -> None:
    with project.start_run() as run:
        run.log_metric("one", 1.0, timestamp=stamp)
        run.log_metrics({"many": 1.0}, timestamp=stamp)
    metrics = project.runs.get(run.id).metrics
    assert metrics["one"].time == metrics["many"].time == MOMENT


def test_a_time_that_is_not_given_is_now(project: Project) -> None:
    before = now()
    with project.start_run() as run:
        run.log_metric("one", 1.0)
        run.log_metrics({"many": 1.0})
    after = now()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    times = [metric.time - epoch for metric in project.runs.get(run.id).metrics.values()]
    assert all(before <= time // timedelta(microseconds=1) <= after for time in times)


# -- partial success -----------------------------------------------------------------------------


def test_the_right_values_of_a_call_are_kept(project: Project) -> None:
    with project.start_run() as run:
        with pytest.raises(Invalid) as error:
            run.log_metrics({"a": 1.0, "b": "x", "c": 2, "": 3.0}, step=4)  # type: ignore[dict-item]
        assert str(error.value) == (
            "metric 'b' needs a number; 'x' is a str. Texts belong into params or tags. "
            "metric name is empty."
        )
    metrics = project.runs.get(run.id).metrics
    assert {key: (metric.value, metric.step) for key, metric in metrics.items()} == {
        "a": (1.0, 4),
        "c": (2.0, 4),
    }


def test_a_refused_value_does_not_use_up_a_step(project: Project) -> None:
    with project.start_run("m") as run:
        run.log_metric("loss", 1.0)
        with pytest.raises(Invalid, match="needs a number"):
            run.log_metric("loss", "high")  # type: ignore[arg-type]
        with pytest.raises(Invalid, match="a timestamp is a datetime"):
            run.log_metric("loss", 2.0, step=7, timestamp="now")
        run.log_metric("loss", 3.0)
    assert steps_of(project, "loss") == [0, 1]
