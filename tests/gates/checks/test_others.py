"""Speed, size, data, origin and own checks: what passes, what fails, and what cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lite_mlops.errors import Invalid
from lite_mlops.gates.checks.data import judge_age
from lite_mlops.gates.checks.origin import judge_reproduced
from lite_mlops.gates.checks.own import judge_own
from lite_mlops.gates.checks.speed import Latency, judge_latency, judge_megabytes
from lite_mlops.project import Project
from tests.gates.conftest import customers, fitted, judged, register

# -- speed and size -------------------------------------------------------------------------------

FAST, SLOW = Latency(1.0, 0.5, 10.0, 1000), Latency(3.0, 1.5, 15.0, 1000)


@pytest.mark.parametrize(
    ("latency", "current", "limits", "outcome"),
    [
        (FAST, None, {"one_row_ms": 1.0}, "passed"),
        (SLOW, None, {"one_row_ms": 1.0}, "failed"),
        (SLOW, None, {"batch_ms": 14.0}, "failed"),
        (SLOW, FAST, {"times": 3.0}, "passed"),
        (SLOW, FAST, {"times": 2.5}, "failed"),
        (SLOW, None, {"times": 2.5}, "passed"),
    ],
)
def test_latency(latency: Latency, current: Any, limits: dict[str, float], outcome: str) -> None:
    assert judge_latency(latency, current, **limits).outcome == outcome


def test_latency_tells_both_versions() -> None:
    found = judge_latency(SLOW, FAST, one_row_ms=2, times=2)
    assert found.reason == (
        "95 of 100 single rows take 3 ms, a batch of 1,000 15 ms (before: 1 ms, 10 ms); 2 ms are "
        "allowed for a row, 2 times the present version is allowed."
    )
    assert found.evidence["ratios"] == {"one_row": 3.0, "batch": 1.5}


def test_megabytes() -> None:
    assert judge_megabytes("it takes", 2 << 20, at_most_mb=2).outcome == "passed"
    found = judge_megabytes("it takes", 3 << 20, at_most_mb=2)
    assert (found.outcome, found.reason) == ("failed", "it takes 3 MB; at most 2 are allowed.")


def test_speed_and_size_are_measured_here(churn: Project) -> None:
    found = judged(churn, check="latency", one_row_ms=60_000, batch_rows=100)
    assert found.outcome == "passed"
    assert found.evidence["candidate"]["batch_rows"] == 100
    assert found.evidence["current"]["one_row_ms"] > 0
    assert judged(churn, check="latency", one_row_ms=1e-9, batch_rows=10).outcome == "failed"
    size = churn.models.get("churn/2").size / (1 << 20)
    assert judged(churn, check="size", at_most_mb=size).value == pytest.approx(size)
    assert judged(churn, check="size", at_most_mb=size / 2).outcome == "failed"


def test_memory_is_that_of_a_process_of_its_own(churn: Project) -> None:
    ballast = np.ones(64 << 20, np.uint8)  # what this process has does not count
    found = judged(churn, check="memory", at_most_mb=4000)
    assert found.outcome == "passed"
    assert found.value is not None
    assert 10 < found.value < 400
    assert ballast.nbytes == 64 << 20
    assert "a process that answers with it (a plan, as the model would bit for bit) takes" in (
        found.reason
    )


# -- data -----------------------------------------------------------------------------------------


def test_age() -> None:
    now = datetime(2026, 3, 8, tzinfo=UTC)
    week = timedelta(days=7)
    found = judge_age("the data", now - timedelta(days=8), now, at_most=week)
    assert found.reason == (
        "the data is from 2026-02-28 00:00 UTC, 8 days old; at most 7 are allowed."
    )
    assert found.outcome == "failed"
    assert judge_age("the data", now - week, now, at_most=week).outcome == "passed"


def test_freshness_of_the_training_data_and_of_a_column(churn: Project) -> None:
    assert judged(churn, check="freshness", at_most="1h").outcome == "passed"
    rows = customers(seed=1)
    rows["seen"] = np.datetime64("2020-01-01T00:00:00", "us")
    churn.datasets.add(rows, "holdout", snapshot=True)
    found = judged(churn, check="freshness", at_most="30d", column="seen")
    assert found.outcome == "failed"
    assert found.reason.startswith("the newest 'seen' is from 2020-01-01 00:00 UTC, ")
    assert judged(churn, check="freshness", at_most="30d", column="plan").reason == (
        "'plan' holds no times."
    )
    churn.models.register(fitted(rows), "churn", input_example=rows[["visits", "age"]][:3])
    assert (
        "the run of churn/3 logged no training data"
        in judged(churn, "churn/3", check="freshness", at_most="1h").reason
    )


def test_data_that_was_trained_on_is_a_leak(churn: Project) -> None:
    found = judged(churn, check="leakage")
    assert (found.outcome, found.rows) == ("passed", 600)
    churn.datasets.add(customers(), "holdout", snapshot=True)  # the training data itself
    found = judged(churn, check="leakage")
    assert found.outcome == "failed"
    assert "600" in found.reason


def test_data_that_is_not_as_expected(churn: Project) -> None:
    assert judged(churn, check="expectations").reason.startswith(
        "Nothing is expected of the dataset 'holdout' yet."
    )
    churn.datasets.expect("holdout", {"columns": {"age": {"lowest": 18, "highest": 90}}})
    assert judged(churn, check="expectations").outcome == "passed"
    churn.datasets.expect("holdout", {"columns": {"age": {"lowest": 18, "highest": 50}}})
    found = judged(churn, check="expectations")
    assert found.outcome == "failed"
    assert "1 of 1 expectation not met: age: expected 18 to 50, found" in found.reason


# -- origin ---------------------------------------------------------------------------------------


def test_a_version_that_breaks_clients_fails(churn: Project) -> None:
    assert judged(churn, check="signature").reason == "it takes what churn/1 takes."
    rows = customers()
    rows["tenure"] = rows["age"] / 10
    register(churn, fitted(rows, ["visits", "tenure"]), rows)
    found = judged(churn, "churn/3", check="signature")
    assert (found.outcome, found.value) == ("failed", 2.0)
    assert found.reason == (
        "it breaks clients of churn/1: age: is not taken any more; tenure: is asked for now."
    )


@pytest.mark.parametrize(
    ("outcome", "exactly", "expected"),
    [
        ("identical", True, "passed"),
        ("within tolerance", False, "passed"),
        ("within tolerance", True, "failed"),
        ("different", False, "failed"),
        (None, False, "cannot tell"),
    ],
)
def test_reproduced(outcome: str | None, exactly: Any, expected: str) -> None:
    assert judge_reproduced(outcome, exactly=exactly).outcome == expected


def test_the_verdict_of_a_reproduction_is_that_on_record(churn: Project) -> None:
    assert judged(churn, check="reproducible").reason == (
        "its run was not run again; `lite-mlops reproduce RUN` does."
    )
    run = churn.models.get("churn/2").run_id
    assert run is not None
    churn.runs.tag(run, "reproduction", "identical")
    assert judged(churn, check="reproducible", exactly=True).outcome == "passed"


def test_a_file_that_imports_what_nobody_confirmed_is_not_safe(churn: Project) -> None:
    assert judged(churn, check="safe").outcome == "passed"
    rows = customers()
    data = rows[["visits", "age"]].abs()
    own = make_pipeline(FunctionTransformer(_halved), fitted(rows)).fit(data, rows["left"])
    churn.models.register(own, "churn", input_example=data[:3])
    found = judged(churn, "churn/3", check="safe")
    assert found.outcome == "failed"
    assert "tests.gates.checks.test_others:_halved, which nobody confirmed;" in found.reason
    assert judged(churn, "churn/3", check="metric", metric="accuracy", at_least=0.5).outcome == (
        "failed"
    )
    churn.models.trust("churn/3")
    found = judged(churn, "churn/3", check="safe")
    assert (found.outcome, found.warning) == ("passed", "1 import confirmed by the owner")


def _halved(rows: Any) -> Any:
    return rows / 2


# -- own checks -----------------------------------------------------------------------------------

OWN = """
def fine(evidence):
    return True

def told(evidence, least=1):
    return len(evidence.labels) >= least, f"{len(evidence.labels)} rows, {evidence.current.name}"

def wrong(evidence):
    return 0.9

def broken(evidence):
    return 1 / 0

def asks(evidence):
    found = evidence.ask({"visits": [-3.0, 3.0], "age": [30.0, 30.0]})
    return list(found.predicted) == ["yes", "no"]
"""


@pytest.mark.parametrize(
    ("function", "options", "outcome", "reason"),
    [
        ("fine", None, "passed", "own:fine holds."),
        ("told", {"least": 600}, "passed", "600 rows, churn/1"),
        ("told", {"least": 601}, "failed", "600 rows, churn/1"),
        ("asks", None, "passed", "own:asks holds."),
        ("broken", None, "failed", "own:broken raised ZeroDivisionError: division by zero"),
        (
            "wrong",
            None,
            "cannot tell",
            "own:wrong returned 0.9; a check returns true or false, or ",
        ),
        ("fin", None, "cannot tell", "own has no function 'fin'. Did you mean 'fine'?"),
    ],
)
def test_own_checks(churn: Project, function: str, options: Any, outcome: str, reason: str) -> None:
    (churn.folder.parent / "own.py").write_text(OWN, encoding="utf-8")
    more = {} if options is None else {"options": options}
    found = judged(churn, check="python", function=f"own:{function}", **more)
    assert found.outcome == outcome
    assert found.reason.startswith(reason)
    if outcome == "passed":
        assert len(found.evidence["sha256"]) == 64


def test_an_own_check_is_read_anew_and_needs_no_data(
    churn: Project, settings_file: Callable[[str], None]
) -> None:
    file: Path = churn.folder.parent / "own.py"
    wanted: dict[str, Any] = {"check": "python", "function": "own:has_none", "head": {"data": None}}
    file.write_text("def has_none(evidence):\n    return evidence.labels is None\n")
    assert judged(churn, **wanted).outcome == "passed"
    file.write_text("def has_none(evidence):\n    return False, 'changed'\n")
    assert judged(churn, **wanted).reason == "changed"
    file.unlink()
    assert "there is no module 'own' in" in judged(churn, **wanted).reason


def test_what_a_function_may_return() -> None:
    assert judge_own(np.True_, "a:b").outcome == "passed"
    assert judge_own((False, "too few"), "a:b").reason == "too few"
    for returned in (None, 1, (True, 3), (True, "a", "b")):
        with pytest.raises(Invalid, match="a check returns true or false, or that and a reason"):
            judge_own(returned, "a:b")
