"""Watching a served model: the same bins in SQL as in NumPy, windows of time, late labels."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

import lite_mlops
from lite_mlops import verbs
from lite_mlops.data import typed
from lite_mlops.errors import Invalid, LiteMlopsError, NotFound
from lite_mlops.monitoring.drift import ColumnDrift, judge_columns
from lite_mlops.monitoring.drift.known import measure_known
from lite_mlops.monitoring.drift.samples import sample
from lite_mlops.monitoring.drift.tables import with_examples
from lite_mlops.project import Project
from lite_mlops.store import as_datetime, new_id
from lite_mlops.store.events import Prediction
from tests.conftest import Prepared
from tests.store.journals import dump

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]

FEATURES = ("age", "visits")
TRAINING = np.random.default_rng(8).normal(size=(300, 2)).round(1)  # rounded: many on an edge


def _make_watched(project: Project) -> None:
    labels = np.where(TRAINING[:, 0] > 0, "yes", "no")
    with project.start_run():
        project.log_dataset(TRAINING, "customers", column_names=FEATURES)
        model = LogisticRegression().fit(TRAINING, labels)
        project.log_model(model, "churn", input_example=dict.fromkeys(FEATURES, 0.0))


@pytest.fixture
def watched(project: Project, prepared: Prepared) -> Project:
    """A project with a model and the data it was trained on."""
    return prepared(project, _make_watched)


@pytest.fixture
def tables(project: Project) -> Tables:
    def read() -> dict[str, list[tuple[Any, ...]]]:
        with project.store.reading() as database:
            return dump(database)

    return read


def record(
    project: Project, rows: Sequence[Sequence[float | None]], text: str = "yes", version: int = 1
) -> tuple[list[str], datetime]:
    """Record predictions as an endpoint does; return their ids and the time of the last one."""
    ids, moment = [new_id() for _ in rows], 0
    for number, (prediction, row) in enumerate(zip(ids, rows, strict=True)):
        moment = project.store.append(
            Prediction(
                prediction=prediction,
                model="churn",
                version=version,
                numbers=list(row),
                text=text,
                latency_us=100 + number,
            )
        )
    return ids, as_datetime(moment)


def expected_drift(project: Project, rows: NDArray[np.float64]) -> list[ColumnDrift]:
    """The drift of the rows by NumPy alone."""
    run = project.models.get("churn").run_id
    assert run is not None
    dataset = project.datasets.used_by(run, "training")
    assert dataset is not None
    found = []
    for place, name in enumerate(FEATURES):
        one = typed(rows[:, place].astype(np.float64))
        measured = measure_known(name, dataset.profile[name], 300, sample(one))
        found.append(with_examples(measured, one))
    return judge_columns(found, importances=project.models.importances(project.models.get("churn")))


# -- drift --------------------------------------------------------------------------------------


@pytest.mark.slow
@hypothesis_settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(*[st.floats(-3, 3).map(lambda value: round(value, 1)) | st.floats()] * 2),
        min_size=1,
        max_size=20,
    )
)
@example([(math.inf, 1.0), (math.nan, -100.0), (100.0, 1.0), (-1.0, 2.0)] * 15)
def test_the_bins_of_sql_are_those_of_numpy(
    watched: Project, rows: list[tuple[float, float]]
) -> None:
    _, since = record(watched, [TRAINING[0]])
    record(watched, rows)
    found = watched.monitoring.drift("churn", since=since + timedelta(microseconds=1))
    expected = expected_drift(watched, np.array(rows, np.float64))
    assert (found.reference_rows, found.current_rows) == (300, len(rows))
    for one, other in zip(found, expected, strict=True):
        assert replace(one, examples={}, since=None) == replace(other, examples={})
        # The same rows, which are told by their ids; those are given in the order of time.
        lengths = {rule: len(places) for rule, places in other.examples.items()}
        assert {rule: len(ids) for rule, ids in one.examples.items()} == lengths


def test_values_on_the_edges_are_counted_as_in_training(watched: Project) -> None:
    record(watched, TRAINING.tolist())
    for drift in watched.monitoring.drift("churn"):
        assert (drift.psi, drift.score, drift.p_value) == (0.0, 0.0, 1.0)
        assert (drift.reference_rows, drift.current_rows) == (300, 300)
        assert (drift.severity, drift.reasons) == ("none", ())


def test_the_farthest_feature_comes_first_and_says_why(watched: Project) -> None:
    record(watched, (TRAINING + np.array([0.01, 2.0])).tolist())
    report = watched.monitoring.drift("churn")
    first, second = report
    assert (first.column, first.verdict, first.severity) == ("visits", "drifted", "alert")
    assert (second.column, second.verdict) == ("age", "stable")
    assert report.moved == (first,)
    (reason,) = first.reasons
    words = r"above 1\.\d: [89]\.\d+ % -> 7\d\.?\d* % \(KS 0\.\d+, .*\)"
    assert re.fullmatch(words, reason), reason
    assert str(report) == "1 of 2 columns has drifted."


def test_what_is_missing_infinite_or_far_out_is_told_apart(watched: Project) -> None:
    rows = TRAINING.copy()
    rows[:60, 0] = np.nan
    rows[:60, 1] = np.inf
    rows[60:90, 1] *= 1000
    record(watched, rows.tolist())
    age, visits = sorted(watched.monitoring.drift("churn"), key=lambda one: one.column)
    assert (age.current_missing, age.broken) == (0.2, ("missing",))
    assert age.reasons[0] == "missing in 20 % of the rows, 0 % in the reference"
    assert (visits.current_missing, visits.broken) == (0.0, ("infinite", "range"))
    assert visits.reasons[0] == "infinite in 20 % of the rows, never before"
    assert visits.severity == "alert"


def test_a_few_predictions_are_no_ground_for_a_verdict(watched: Project) -> None:
    record(watched, [[100.0, 100.0]] * 49)
    report = watched.monitoring.drift("churn")
    assert {one.severity for one in report} == {"unknown"}
    reason = (
        "the present has 49 of the 50 values that a verdict needs; so few could show a shift of "
        "0.64 standard deviations at best"
    )
    assert {one.reasons for one in report} == {(reason,)}
    assert str(report) == "0 of 2 columns have drifted, 2 cannot be judged."
    record(watched, [[100.0, 100.0]])
    assert len(watched.monitoring.drift("churn").moved) == 2


def test_how_small_a_change_counts_can_be_chosen(watched: Project) -> None:
    record(watched, (TRAINING + 0.25).tolist() * 10)
    calm, balanced, sensitive = (
        watched.monitoring.drift("churn", preset=preset)["age"].effect
        for preset in ("calm", "balanced", "sensitive")
    )
    assert calm is not None
    assert balanced is not None
    assert sensitive is not None
    assert calm < balanced < sensitive
    with pytest.raises(Invalid) as error:
        watched.monitoring.drift("churn", preset="calmly")
    assert str(error.value) == (
        "There is no preset 'calmly' of what counts as drift: balanced, sensitive, calm. "
        "Did you mean 'calm'?"
    )


def test_values_that_are_not_kept_are_not_missing(watched: Project) -> None:
    model = watched.models.load("churn")
    with watched.start_run():
        watched.log_dataset(TRAINING, "customers", column_names=FEATURES)
        watched.log_model(
            model, "private", input_example=dict.fromkeys(FEATURES, 0.0), personal=["age"]
        )
    endpoint = watched.endpoint("private")
    endpoint.predict(TRAINING.tolist())
    watched.store.background.wait()
    (visits,) = watched.monitoring.drift("private")
    assert (visits.column, visits.current_rows, visits.severity) == ("visits", 300, "none")


def test_a_window_of_time_is_looked_at(watched: Project) -> None:
    moments = [record(watched, TRAINING[:count].tolist())[1] for count in (1, 2, 4)]
    after = [moment + timedelta(microseconds=1) for moment in moments]

    def rows(**window: Any) -> int:
        report = watched.monitoring.drift("churn", **window)
        (count,) = {drift.current_rows for drift in report}
        counted = watched.monitoring.performance("churn", **window)
        assert counted.predictions == count == report.current_rows
        return count

    assert rows() == 7
    assert rows(since=after[0]) == 6
    assert rows(until=after[1]) == 3
    assert rows(since=after[0], until=after[1]) == 2
    assert rows(since=moments[2]) == 1  # `since` belongs to the window
    assert rows(until=moments[0]) == 0  # and `until` does not
    abroad = after[0].astimezone(timezone(timedelta(hours=-7)))
    assert rows(since=abroad) == 6
    assert rows(since=after[2]) == 0


def test_versions_are_watched_apart(watched: Project) -> None:
    model = watched.models.load("churn")
    with watched.start_run():
        watched.log_dataset(TRAINING, "customers", column_names=FEATURES)
        watched.log_model(model, "churn", input_example=dict.fromkeys(FEATURES, 0.0))
    record(watched, TRAINING[:5].tolist(), version=1)
    record(watched, TRAINING[:9].tolist(), version=2)
    for reference, count in (("churn/1", 5), ("churn/2", 9), ("churn", 9)):
        assert watched.monitoring.drift(reference).current_rows == count
        assert watched.monitoring.performance(reference).predictions == count


def test_without_training_data_there_is_nothing_to_compare_with(watched: Project) -> None:
    model = watched.models.load("churn")
    watched.models.register(model, "bare", input_example=dict.fromkeys(FEATURES, 0.0))
    with watched.start_run():
        watched.log_dataset(TRAINING, "customers", role="test", column_names=FEATURES)
        watched.log_model(model, "tested", input_example=dict.fromkeys(FEATURES, 0.0))
    for name in ("bare", "tested"):
        with pytest.raises(NotFound) as error:
            watched.monitoring.drift(name)
        assert str(error.value) == (
            f"There is nothing to compare {name}/1 with: its run logged no training data. Call "
            "log_dataset(data, name) in the run that trains. Or compare it with a dataset or a "
            "past window."
        )


def test_what_the_reference_holds_in_another_type_cannot_be_judged(watched: Project) -> None:
    model = watched.models.load("churn")
    with watched.start_run():
        watched.log_dataset({"age": TRAINING[:, 0], "sex": ["f"] * 300}, "people")
        watched.log_model(model, "other", input_example={"age": 0.0, "sex": 0.0})
    endpoint = watched.endpoint("other")
    endpoint.predict(TRAINING.tolist())
    watched.store.background.wait()
    report = watched.monitoring.drift("other")
    assert (report["age"].severity, report["sex"].severity) == ("none", "unknown")
    assert report["sex"].reasons == (
        "the reference has other types here than the numbers it takes",
    )


# -- performance --------------------------------------------------------------------------------


def test_labels_come_late_and_again(watched: Project) -> None:
    ids, _ = record(watched, TRAINING[:5].tolist(), text="yes")
    performance = watched.monitoring.performance("churn")
    assert (performance.model, performance.predictions) == ("churn/1", 5)
    assert (performance.labelled, performance.right, performance.accuracy) == (0, 0, None)
    assert performance.median_latency_us == 102
    watched.monitoring.feedback(ids[0], "no")
    watched.monitoring.feedback_all([(ids[1], "yes"), (ids[2], "no")])
    performance = watched.monitoring.performance("churn")
    assert (performance.labelled, performance.right) == (3, 1)
    watched.monitoring.feedback(ids[0], "yes")  # the later one stands
    watched.monitoring.feedback_all([(ids[1], "no"), (ids[1], "yes")])
    performance = watched.monitoring.performance("churn")
    assert (performance.labelled, performance.right) == (3, 2)
    assert performance.accuracy == 2 / 3
    assert performance.to_dict() == vars(performance) | {"accuracy": 2 / 3}


def test_labels_that_are_no_texts_are_compared_as_texts(watched: Project) -> None:
    ids, _ = record(watched, TRAINING[:2].tolist(), text="1")
    watched.monitoring.feedback(ids[0], 1)
    watched.monitoring.feedback(ids[1], np.int64(1))
    assert watched.monitoring.performance("churn").accuracy == 1.0


def test_a_version_without_predictions_has_no_figures(watched: Project) -> None:
    performance = watched.monitoring.performance("churn")
    assert (performance.predictions, performance.labelled) == (0, 0)
    assert (performance.accuracy, performance.median_latency_us) == (None, None)


def test_the_module_functions_act_on_the_current_project(
    watched: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs._Current, "project", watched)
    (prediction,), _ = record(watched, [TRAINING[0].tolist()])
    lite_mlops.feedback(prediction, "yes")
    assert watched.monitoring.performance("churn").right == 1
    assert lite_mlops.drift("churn") == watched.monitoring.drift("churn")
    old, new = {"age": TRAINING[:, 0]}, {"age": TRAINING[:, 0] + 1}
    report = lite_mlops.drift(old, new, joint=False)
    assert report == watched.monitoring.compare(old, new, joint=False)
    assert (report.reference, report.current) == ("reference", "present")
    assert [one.column for one in report.moved] == ["age"]


def test_tables_of_any_kind_are_compared(watched: Project, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("\n".join(["age", *map(str, TRAINING[:, 0].tolist())]))
    version = watched.datasets.add(path, "people").reference
    for reference in (str(path), path, version, {"age": TRAINING[:, 0]}):
        report = watched.monitoring.compare(reference, version, preset="sensitive")
        assert (report.drifted, report["age"].score, report["age"].p_value) == (False, 0.0, 1.0)
    path.unlink()
    report = watched.monitoring.compare(version, {"age": TRAINING[:, 0]})
    assert (report["age"].score, report["age"].p_value, report.joint) == (0.0, 1.0, None)
    assert report.notes == (
        f"Of {version} only the profile is kept: its columns are compared by that, each alone.",
    )
    with pytest.raises(NotFound, match="people@"):
        watched.monitoring.compare({"age": TRAINING[:, 0]}, version)
    with pytest.raises(Invalid, match="a table is a DataFrame"):
        watched.monitoring.compare({"age": TRAINING[:, 0]}, 7)


@pytest.mark.parametrize(
    ("labels", "kind", "text"),
    [
        ([("nope", "yes")], NotFound, "There is no prediction 'nope'."),
        ([("known", "yes"), ("nope", "yes")], NotFound, "There is no prediction 'nope'."),
        ([("\x1b[31m", "yes")], NotFound, r"There is no prediction '\x1b[31m'."),
        ([("known", None)], Invalid, "feedback to 'known' needs the true label."),
        ([("known", "yes"), ("known", "")], Invalid, "feedback to 'known' needs the true label."),
        ([("\udcff", "yes")], NotFound, r"There is no prediction '\udcff'."),
        (
            [("known", "yes"), ("known", "x" * 1_001)],
            Invalid,
            "the label of 'known' has 1,001 characters; at most 1,000 are kept.",
        ),
        (
            [("known", {"a": 1})],
            Invalid,
            "feedback to 'known' needs one label; {'a': 1} is a dict.",
        ),
        ([("known", ["yes"])], Invalid, "feedback to 'known' needs one label; ['yes'] is a list."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused_feedback_records_nothing(
    watched: Project,
    tables: Tables,
    labels: list[tuple[str, Any]],
    kind: type[LiteMlopsError],
    text: str,
) -> None:
    (known,), _ = record(watched, [TRAINING[0].tolist()])
    before = tables()
    with pytest.raises(kind) as error:
        watched.monitoring.feedback_all(
            [
                (known if prediction == "known" else prediction, label)
                for prediction, label in labels
            ]
        )
    assert str(error.value) == text.replace("'known'", repr(known))
    assert tables() == before


def test_a_version_that_does_not_exist_is_not_watched(watched: Project) -> None:
    for reference, text in {
        "chrun": "There is no model 'chrun'. Did you mean 'churn'?",
        "churn@best": "The model 'churn' has no alias 'best'.",
        "churn/2": "The model 'churn' has no version 2; its newest is 1.",
    }.items():
        for ask in (watched.monitoring.drift, watched.monitoring.performance):
            with pytest.raises(NotFound) as error:
                ask(reference)
            assert str(error.value) == text
