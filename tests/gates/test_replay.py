"""Replay: recorded requests of every kind are asked again, and what changed is found."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lite_mlops.errors import Busy, Invalid, NotFound
from lite_mlops.gates.checks.replaying import judge_replay
from lite_mlops.gates.replay import ChangedRow, Replayed, recorded_requests, replay
from lite_mlops.models import ModelContext, PythonModel, open_asking
from lite_mlops.monitoring.windows import Window
from lite_mlops.project import Project
from lite_mlops.store.events import Predictions
from tests.gates.conftest import Flipping, customers, fitted, judged, register


def answered(project: Project, rows: pd.DataFrame, reference: str = "churn@champion") -> list[str]:
    """Have a version answer rows, in requests of a hundred; return the ids."""
    endpoint = project.endpoint(reference)
    features = list(endpoint.version.signature.features)
    ids: list[str] = []
    for start in range(0, len(rows), 100):
        ids += endpoint.predict(rows[features][start : start + 100]).ids()
    assert endpoint.current.recording is not None
    endpoint.current.recording.flush()
    return ids


def test_a_replay_is_of_a_time(churn: Project) -> None:
    with pytest.raises(Invalid, match=r"A replay is of a time; the window 'last 5' is a count"):
        churn.gates.replay("churn/2", "last 5")
    with pytest.raises(Invalid, match=r"'soon' is no window of predictions; write '2026-11-01"):
        churn.gates.replay("churn/2", "soon")


# -- real requests --------------------------------------------------------------------------------


def test_an_equal_version_answers_the_same(churn: Project) -> None:
    answered(churn, customers(seed=3))
    found = churn.gates.replay("churn/2", "all")
    assert (found.recorded, found.rows, found.changed, found.failed) == (600, 600, 0, 0)
    assert (found.labelled, found.compared, found.largest) == (0, (), ())
    assert dict(found.versions) == {"churn/1": 600}
    assert found.rows_per_second > 0
    assert found.latency_then_us is not None


def test_what_changed_is_found_with_the_requests_and_by_the_labels(churn: Project) -> None:
    train, asked = customers(), customers(seed=3)
    register(churn, Flipping(0.1).fit(train[["visits", "age"]], train["left"]), train)
    ids = answered(churn, asked)
    churn.monitoring.feedback_all(list(zip(ids[:200], asked["left"][:200], strict=True)))
    then = dict(
        zip(ids, churn.models.load("churn/1").predict(asked[["visits", "age"]]), strict=True)
    )
    found = churn.gates.replay("churn/3", "7d")
    assert (found.rows, found.labelled) == (600, 200)
    assert found.changed == pytest.approx(60, abs=25)
    assert len(found.largest) == 20
    for one in found.largest:
        assert one.then == then[one.prediction_id] != one.now
        assert one.change is not None
    sizes = [abs(one.change or 0) for one in found.largest]
    assert sizes == sorted(sizes, reverse=True)
    accuracy = found.compared[0]
    assert accuracy.metric == "accuracy"
    right = np.mean(
        [then[one] == label for one, label in zip(ids[:200], asked["left"], strict=False)]
    )
    assert accuracy.first == pytest.approx(right)
    assert accuracy.second < accuracy.first
    assert {one.metric for one in found.compared} >= {"ROC AUC", "macro F1"}


def test_a_sample_is_drawn_by_its_seed(churn: Project) -> None:
    train = customers()
    register(churn, Flipping(0.5).fit(train[["visits", "age"]], train["left"]), train)
    answered(churn, customers(seed=3))
    answered(churn, customers(rows=200, seed=4), "churn/2")
    one, same, other = (
        churn.gates.replay("churn/3", "all", rows=80, seed=seed) for seed in (1, 1, 2)
    )
    assert (one.recorded, one.rows, dict(one.versions)) == (800, 80, {"churn/1": 60, "churn/2": 20})
    assert [row.prediction_id for row in one.largest] == [row.prediction_id for row in same.largest]
    assert [row.prediction_id for row in one.largest] != [
        row.prediction_id for row in other.largest
    ]


def test_only_requests_of_the_window_are_asked(churn: Project) -> None:
    answered(churn, customers(rows=100, seed=3))
    between = datetime.now(UTC)
    answered(churn, customers(rows=50, seed=4))
    until = churn.gates.replay("churn/2", f"..{between.isoformat()}")
    since = churn.gates.replay("churn/2", f"{between.isoformat()}..")
    assert (until.rows, since.rows) == (100, 50)
    with pytest.raises(NotFound, match=r"no request to churn was recorded \(\.\.2020-01-01\)"):
        churn.gates.replay("churn/2", "..2020-01-01")


def test_rows_that_the_candidate_cannot_answer_are_counted(churn: Project) -> None:
    train, asked = customers(), customers(seed=3)
    asked.loc[[5, 250, 599], "visits"] = 50.0
    careful = make_pipeline(FunctionTransformer(_refuse_many_visits), fitted(train))
    careful.fit(train[["visits", "age"]], train["left"])
    churn.models.register(careful, "churn", input_example=train[["visits", "age"]][:3], trust=True)
    answered(churn, asked)
    found = churn.gates.replay("churn/3", "all")
    assert (found.rows, found.failed, found.answered) == (600, 3, 597)
    assert found.changed == 0
    assert found.why_failed == "the model cannot answer these rows: too many visits."


def _refuse_many_visits(rows: pd.DataFrame) -> pd.DataFrame:
    if (np.asarray(rows)[:, 0] > 40).any():
        raise ValueError("too many visits")
    return rows


def test_a_candidate_that_asks_for_what_nobody_sent_answers_nothing(churn: Project) -> None:
    train = customers()
    train["tenure"] = train["age"] / 10
    register(churn, fitted(train, ["visits", "tenure"]), train)
    answered(churn, customers(seed=3))
    found = churn.gates.replay("churn/3", "all")
    assert (found.failed, found.answered, found.changed_share) == (600, 0, 0.0)
    assert "tenure" in str(found.why_failed)


class Repeating(PythonModel):
    """Says what it was given, to see that it comes back as it was sent."""

    def predict(self, context: ModelContext, rows: pd.DataFrame) -> Any:  # noqa: ARG002
        """Return each row as a text."""
        return [
            "|".join("none" if pd.isna(one) else str(one) for one in row)
            for row in rows.itertuples(index=False)
        ]


def test_values_of_every_type_come_back_as_they_were_sent(project: Project) -> None:
    rows = pd.DataFrame(
        {
            "count": [1, 2, 3, 4],
            "share": [0.1, None, -3.5, 1e300],
            "paid": [True, False, True, None],
            "plan": ["basic", None, "pro", "a'b"],
            "since": pd.to_datetime(
                ["2026-01-01", None, "2026-01-02T03:04:05.000006", "2020-02-29"],
                utc=True,
                format="ISO8601",
            ),
        }
    )
    for _ in range(2):
        project.models.register(Repeating(), "echo", input_example=rows, trust=True)
    project.models.set_alias("echo", "champion", 1)
    answered(project, rows, "echo@champion")
    found = project.gates.replay("echo/2", "all")
    assert (found.rows, found.failed, found.unknown) == (4, 0, 0), found.why_failed
    assert found.changed == 0, found.largest


def test_numbers_change_by_more_than_a_tolerance(project: Project) -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"size": random.normal(size=300), "rooms": random.normal(size=300)})
    price = 3 * rows["size"] + rows["rooms"]
    for push in (0.0, 0.5):
        project.models.register(
            LinearRegression().fit(rows, price + push), "price", input_example=rows[:3]
        )
    project.models.set_alias("price", "champion", 1)
    ids = answered(project, rows, "price@champion")
    project.monitoring.feedback_all(list(zip(ids[:100], price[:100], strict=True)))
    same = project.gates.replay("price/1", "all")
    assert (same.changed, same.labelled) == (0, 100)
    found = project.gates.replay("price/2", "all")
    assert (found.changed, found.changed_share) == (300, 1.0)
    assert found.largest[0].change == pytest.approx(0.5)
    assert project.gates.replay("price/2", "all", tolerance=0.6).changed == 0
    errors = {one.metric: one for one in found.compared}
    assert errors["MAE"].second == pytest.approx(0.5)


def test_pseudonyms_and_what_was_not_kept_cannot_be_asked_again(churn: Project) -> None:
    rows = customers(rows=60, seed=3)
    for inputs in ("hash", "none"):
        with churn.predictor("churn@champion", inputs=inputs) as predictor:
            predictor.predict(rows[["visits", "age"]])
    with pytest.raises(Invalid) as error:
        churn.gates.replay("churn/2", "all")
    assert str(error.value) == (
        "none of 120 requests to churn was recorded with its inputs as they were; pseudonyms "
        "cannot be asked again."
    )
    answered(churn, rows)
    found = churn.gates.replay("churn/2", "all")
    assert (found.recorded, found.rows, found.unknown, found.changed) == (180, 60, 120, 0)


def test_texts_that_were_kept_as_pseudonyms_are_known(project: Project) -> None:
    rows = pd.DataFrame({"plan": ["basic", "pro"] * 20})
    project.models.register(Repeating(), "echo", input_example=rows, trust=True)
    project.models.set_alias("echo", "champion", 1)
    with project.predictor("echo@champion", inputs="hash") as predictor:
        predictor.predict(rows)
    with pytest.raises(Invalid, match="pseudonyms cannot be asked again"):
        project.gates.replay("echo/1", "all")


def test_requests_that_a_removed_version_answered_count_as_well(churn: Project) -> None:
    answered(churn, customers(rows=100, seed=3), "churn/1")
    churn.models.set_alias("churn", "champion", 2)
    churn.close()
    churn.models.remove("churn/1")
    assert dict(churn.gates.replay("churn/2", "all").versions) == {"churn/1": 100}


class Widening(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Answers with two values a row."""

    def fit(self, x: Any, _: Any = None) -> Widening:
        """Remember how many columns there are."""
        self.n_features_in_ = np.asarray(x).shape[1]
        return self

    def predict(self, x: Any) -> Any:
        """Answer with zeros."""
        return np.zeros((len(x), 2))


def test_answers_of_several_values_are_not_compared(churn: Project) -> None:
    answered(churn, customers(rows=50, seed=3))
    rows = customers()[["visits", "age"]]
    churn.models.register(Widening().fit(rows), "churn", input_example=rows[:3], trust=True)
    with pytest.raises(Invalid, match="does not answer with one value for each row"):
        churn.gates.replay("churn/3", "all")


# -- the check ------------------------------------------------------------------------------------


def replayed(**more: Any) -> Replayed:
    about: dict[str, Any] = {
        "candidate": "churn/2",
        "window": Window(),
        "recorded": 1000,
        "rows": 1000,
        "seed": 0,
        "unknown": 0,
        "failed": 0,
        "why_failed": None,
        "changed": 50,
        "largest": (ChangedRow("p1", "no", "yes", 0.2, 0.9),),
        "compared": (),
        "labelled": 0,
        "rows_per_second": 1e5,
        "seconds": 0.1,
        "latency_then_us": 500.0,
    }
    return Replayed(**{**about, **more})


@pytest.mark.parametrize(
    ("found", "limits", "outcome"),
    [
        ({}, {}, "passed"),
        ({}, {"changed": 0.05}, "passed"),
        ({}, {"changed": 0.04}, "failed"),
        ({"failed": 1, "why_failed": "it broke."}, {}, "failed"),
        ({"failed": 1, "why_failed": "it broke."}, {"failed_share": 0.01}, "passed"),
        ({}, {"worse": 0.01}, "cannot tell"),
        ({}, {"times": 2.0, "one_row_us": 900.0}, "passed"),
        ({}, {"times": 2.0, "one_row_us": 1100.0}, "failed"),
        ({}, {"times": 2.0}, "cannot tell"),
        ({"rows": 20, "changed": 0}, {}, "cannot tell"),
        ({"rows": 20, "changed": 20}, {"changed": 0.1}, "failed"),
    ],
)
def test_a_replay_is_judged(found: dict[str, Any], limits: dict[str, Any], outcome: str) -> None:
    assert judge_replay(replayed(**found), **limits).outcome == outcome


def test_a_replay_tells_which_requests_changed() -> None:
    told = judge_replay(replayed(unknown=3), changed=0.04)
    assert told.reason == (
        "of 1,000 recorded requests (all) 5 % get another answer (p1: no -> yes); at most "
        "4 % may. It answers all of them."
    )
    assert told.warning == "3 requests without inputs left out"
    assert told.evidence["largest"][0]["prediction_id"] == "p1"


def test_the_check_holds_a_candidate_against_what_was_recorded(churn: Project) -> None:
    train, asked = customers(), customers(seed=3)
    assert judged(churn, check="replay", window="7d").reason.startswith(
        "no request to churn was recorded ("
    )
    assert "which requests to replay is not said" in judged(churn, check="replay").reason
    register(churn, Flipping(0.3).fit(train[["visits", "age"]], train["left"]), train)
    ids = answered(churn, asked)
    churn.monitoring.feedback_all(list(zip(ids, asked["left"], strict=True)))
    good: dict[str, Any] = {"check": "replay", "window": "all", "changed": 0.1, "worse": 0.05}
    found = judged(churn, **good, times=1000)
    assert found.outcome == "passed", found.reason
    assert "times what was recorded; 1000 times are allowed." in found.reason
    bad = judged(churn, "churn/3", **good)
    assert bad.outcome == "failed"
    assert bad.value == pytest.approx(0.3, abs=0.1)


# -- what is looked up later ----------------------------------------------------------------------


def test_answers_that_are_no_class_are_compared_as_texts(churn: Project) -> None:
    version = churn.models.get("churn/1")
    churn.store.append(
        Predictions(
            model="churn",
            version=version.version,
            ids=["a", "b"],
            times=[1_700_000_000_000_000] * 2,
            inputs=[[0.0, 30.0]] * 2,
            answers=["no", "perhaps"],
            shares=[[0.5, 0.5]] * 2,
            latencies=[500] * 2,
        )
    )
    churn.monitoring.feedback("b", "no")
    found = churn.gates.replay("churn/2", "all")
    assert (found.rows, found.labelled) == (2, 1)
    told = {one.prediction_id: one.then for one in found.largest if one.then != one.now}
    assert told["b"] == "perhaps"


def test_a_database_that_is_replaced_meanwhile_is_told(churn: Project) -> None:
    train = customers()
    register(churn, Flipping(0.5).fit(train[["visits", "age"]], train["left"]), train)
    answered(churn, customers(rows=20, seed=3))
    version = churn.models.get("churn/3")
    requests = recorded_requests(churn.store, version, Window())
    asking = open_asking(churn.store, version, churn.models.plan_of(version))
    database = churn.store.layout.database
    shutil.copyfile(database, database.with_suffix(".other"))
    database.with_suffix(".other").replace(database)
    with pytest.raises(Busy, match=r"The database was replaced while requests were replayed; run"):
        replay(churn.store, asking, requests)


# -- as one by one --------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([True, False]), min_size=1, max_size=40), st.integers(1, 5))
def test_halving_finds_exactly_the_rows_that_fail(bad: list[bool], batch: int) -> None:
    from lite_mlops.gates.replay import asking as module
    from lite_mlops.models import Asking, infer_signature

    class Refusing:
        n_features_in_ = 1

        def predict(self, rows: Any) -> Any:
            if (np.asarray(rows) > 0).any():
                raise ValueError("no")
            return np.zeros(len(rows))

    signature = infer_signature(Refusing(), [{"x": 0.0}])
    values = np.array(bad, float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_ROWS", batch)
        asker = module.Asker(Asking(Refusing(), signature), {"x": values}, len(values))
        asked = asker.ask()
    assert asked.failed.tolist() == bad
    assert len(asked.predicted) == bad.count(False)
