"""Labels that come late, again, wrong or for nobody: stated rules, and nothing half recorded."""

# ruff: noqa: DTZ001  the tables hold UTC without saying so

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import lite_mlops as lm
from lite_mlops import verbs
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.monitoring.labels import LeftOut, Received
from lite_mlops.project import Project
from tests.monitoring.asked import START, asked


def standing(project: Project) -> dict[str, str]:
    """The labels that stand, by prediction."""
    return dict(project.sql("SELECT prediction_id, label FROM feedback").rows)


def earlier(project: Project) -> list[tuple[str, ...]]:
    return sorted(project.sql("SELECT prediction_id, label FROM earlier_labels").rows)


# -- by ids -------------------------------------------------------------------------------------


def test_a_later_label_stands_and_the_earlier_one_is_kept(models: Project) -> None:
    one, two = asked(models, ["yes", "no"])
    assert models.monitoring.feedback(one, "yes") == Received(1, 1, 1)
    again = models.monitoring.feedback([one, two], ["no", "no"])
    assert (again.recorded, again.replaced, again.repeated) == (2, 1, 0)
    assert standing(models) == {one: "no", two: "no"}
    assert earlier(models) == [(one, "yes")]


def test_what_is_said_again_is_not_stored_again(models: Project) -> None:
    ids = asked(models, ["yes", "no"])
    models.monitoring.feedback(ids, ["yes", "no"])
    again = models.monitoring.feedback(ids, ["yes", "no"])
    assert (again.recorded, again.repeated, again.replaced) == (2, 2, 0)
    assert earlier(models) == []
    assert str(again) == "2 of 2 labels recorded.\n2 said again what was known."


def test_the_label_that_was_known_last_stands_whenever_it_arrives(models: Project) -> None:
    (one,) = asked(models, ["yes"])
    models.monitoring.feedback(one, "no", START + timedelta(days=9))
    late = models.monitoring.feedback(one, "yes", "2026-03-05T00:00:00Z")
    assert (late.recorded, late.outdated, late.replaced) == (1, 1, 0)
    assert standing(models) == {one: "no"}
    assert earlier(models) == [(one, "yes")]
    models.monitoring.feedback(one, "yes")  # known now
    assert standing(models) == {one: "yes"}
    (known,) = models.sql("SELECT known_at FROM earlier_labels WHERE label = 'no'").rows[0]
    assert known == datetime(2026, 3, 11)


def test_rows_that_contradict_each_other_are_counted_and_the_last_one_stands(
    models: Project,
) -> None:
    one, two = asked(models, ["yes", "no"])
    told = {"id": [one, two, one, one, two], "label": ["yes", "no", "no", "yes", "no"]}
    received = models.monitoring.feedback_table(told)
    assert (received.rows, received.recorded, received.labels) == (5, 5, 2)
    assert (received.contradictory, received.repeated) == (1, 1)
    assert standing(models) == {one: "yes", two: "no"}
    assert earlier(models) == [(one, "no"), (one, "yes")]
    assert "Of 1 prediction the rows say different things; the last one stands." in str(received)


@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.integers(0, 3)), max_size=8))
def test_rules_hold_for_any_order(models: Project, told: list[tuple[int, str, int]]) -> None:
    """Against the rule in plain Python; labels of one time follow each other as they were told."""
    ids = asked(models, ["yes"] * 3)
    for place, label, day in told:
        models.monitoring.feedback(ids[place], label, START + timedelta(days=day))
    expected: dict[str, tuple[int, str]] = {}
    for place, label, day in told:
        if ids[place] not in expected or day >= expected[ids[place]][0]:
            expected[ids[place]] = (day, label)
    found = {one: label for one, label in standing(models).items() if one in ids}
    assert found == {one: label for one, (_, label) in expected.items()}


@hypothesis_settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.integers(0, 3)), max_size=8))
def test_a_table_gives_what_its_rows_give(
    models: Project, told: list[tuple[int, str, int]]
) -> None:
    first, second = asked(models, ["yes"] * 3), asked(models, ["yes"] * 3)
    for place, label, day in told:
        models.monitoring.feedback(first[place], label, START + timedelta(days=day))
    table = {
        "id": [second[place] for place, _, _ in told],
        "label": [label for _, label, _ in told],
        "at": [f"2026-03-{2 + day:02}T00:00:00" for _, _, day in told],
    }
    if told:
        assert models.monitoring.feedback_table(table, time="at").recorded == len(told)
    labels = standing(models)
    assert [labels.get(one) for one in second] == [labels.get(one) for one in first]


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("2026-03-05T12:00:00+02:00", datetime(2026, 3, 5, 10)),
        ("2026-03-05 12:00:00.5-05:30", datetime(2026, 3, 5, 17, 30, 0, 500_000)),
        ("2026-03-05T12:00:00Z", datetime(2026, 3, 5, 12)),
        ("2026-03-05 12:00", datetime(2026, 3, 5, 12)),
        ("2026-03-05", datetime(2026, 3, 5, 23, 59, 59, 999_999)),
        (datetime(2026, 3, 5, 12, tzinfo=timezone(timedelta(hours=3))), datetime(2026, 3, 5, 9)),
        (pd.Timestamp("2026-03-05 12:00", tz="Asia/Tokyo"), datetime(2026, 3, 5, 3)),
        (np.datetime64("2026-03-05T12:00"), datetime(2026, 3, 5, 12)),
    ],
)
def test_times_of_any_zone_are_told(models: Project, told: object, known: datetime) -> None:
    (one,) = asked(models, ["yes"])
    models.monitoring.feedback(one, "no", told)
    assert models.sql("SELECT known_at FROM feedback").rows == ((known,),)


@pytest.mark.parametrize(
    "told",
    ["soon", "31.01.2026", "2026-01-31 10:00 Europe/Berlin", "2026-13-01", "2026-01-31T25:00"],
)
def test_what_is_no_time_is_refused(models: Project, told: str) -> None:
    ids = asked(models, ["yes"] * 2)
    with pytest.raises(Invalid, match=r"is no time \(and 1 more\); expected one such as"):
        models.monitoring.feedback(ids, ["yes", "no"], [told, told])
    assert standing(models) == {}


# -- what labels mean ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "meant"),
    [(1, "1"), (1.0, "1"), ("1", "1"), ("1.0", "1"), (True, "1"), ("true", "1"), (np.int8(0), "0")],
)
def test_a_class_is_meant_by_its_name_or_its_number(
    models: Project, label: object, meant: str
) -> None:
    (one,) = asked(models, [1], model="fault")
    models.monitoring.feedback(one, label)
    assert standing(models) == {one: meant}


def test_flags_are_classes(models: Project) -> None:
    ids = asked(models, [True, False, True], model="people", texts=[["x"] * 3] * 3)
    models.monitoring.feedback(ids, ["true", 0, "TRUE"])
    assert sorted(standing(models).values()) == ["False", "True", "True"]


def test_a_class_that_was_never_seen_is_taken_and_told(models: Project) -> None:
    ids = asked(models, ["yes"] * 3)
    received = models.monitoring.feedback(ids, ["maybe", "no", "maybe"])
    assert received.unseen == {"maybe": 2}
    assert "Never seen in training, and taken all the same: 'maybe' (2)." in str(received)
    assert sorted(standing(models).values()) == ["maybe", "maybe", "no"]


@pytest.mark.parametrize("model", ["price", "fault"])
def test_a_text_where_a_number_belongs_is_left_out(models: Project, model: str) -> None:
    ids = asked(models, [1, 0, 1], model=model)
    told = {"id": ids, "label": ["1", "high", "0"]}
    with pytest.raises(Invalid) as error:
        models.monitoring.feedback_table(told, strict=True)
    assert str(error.value) == (
        f"Nothing was recorded: {model}/1 answers with numbers, and 1 label of 3 is none ('high')."
    )
    assert standing(models) == {}
    received = models.monitoring.feedback_table(told)
    assert (received.recorded, received.unreadable) == (2, LeftOut(1, ("'high'",)))
    assert standing(models) == {ids[0]: "1", ids[2]: "0"}


# -- what is left out ---------------------------------------------------------------------------


def test_rows_for_nobody_and_without_a_label_are_left_out_and_told(models: Project) -> None:
    (one,) = asked(models, ["yes"])
    told = {
        "id": [one, "nope", *(f"gone{row}" for row in range(9)), one, None],
        "label": ["no", *["yes"] * 10, None, "yes"],
    }
    received = models.monitoring.feedback_table(told)
    assert (received.rows, received.recorded, received.complete) == (13, 1, False)
    assert received.unknown.count == 10
    assert received.unknown.examples == ("'nope'", "'gone0'", "'gone1'", "'gone2'", "'gone3'")
    assert received.unlabelled == LeftOut(2, ("row 11", "row 12"))
    assert "left out: 10 rows ('nope', 'gone0', 'gone1', 'gone2', 'gone3' and 5 more)" in str(
        received
    )
    assert received.to_dict()["unknown"]["count"] == 10
    assert "<td" in received._repr_html_()


def test_strict_refuses_all_of_a_table(models: Project) -> None:
    (one,) = asked(models, ["yes"])
    for told, error, text in (
        ({"id": [one, "a", "b"], "label": ["no"] * 3}, NotFound, "'a', 'b', 2 of 3 rows."),
        ({"id": [one, "a"], "label": ["no"] * 2}, NotFound, "There is no prediction 'a'."),
        ({"id": [one, one], "label": ["no", None]}, Invalid, "1 row of 2 has no label"),
    ):
        with pytest.raises(error, match=text):
            models.monitoring.feedback_table(told, strict=True)
    assert standing(models) == {}


@pytest.mark.parametrize(
    ("ids", "labels", "times", "text"),
    [
        (["a", "b"], ["yes"], None, "feedback has 2 ids and 1 labels."),
        (["a"], ["yes"], ["2026-01-01"] * 2, "feedback has 1 ids and 2 times."),
        ([7], ["yes"], None, "the id of a prediction is a text; 7 is a int."),
        (["a"], [float("nan")], None, "feedback to 'a' needs the true label."),
        (["a"], [pd.NA], None, "feedback to 'a' needs the true label."),
        (["a"], ["yes"], ["soon"], "'soon' is no time; expected one such as '2026-01-31'"),
        (["a"], ["x" * 1_001], None, "the label of 'a' has 1,001 characters; at most 1,000"),
    ],
)
def test_what_cannot_be_a_label_is_refused(
    models: Project, ids: Any, labels: Any, times: Any, text: str
) -> None:
    with pytest.raises(Invalid) as error:
        models.monitoring.feedback(ids, labels, times)
    assert text in str(error.value)


def test_no_labels_are_no_labels(models: Project) -> None:
    assert models.monitoring.feedback([], []) == Received(0, 0, 0)
    assert models.monitoring.feedback_table({"id": [], "label": []}).rows == 0


# -- by a key -----------------------------------------------------------------------------------


def people(
    project: Project, customers: list[str], days: list[float], version: int = 1
) -> list[str]:
    """Record what `people` was asked, through pseudonyms as an endpoint does."""
    from lite_mlops.security.pseudonyms import Pseudonyms

    pseudonyms = Pseudonyms(project.store.layout.pseudonyms)
    return asked(
        project,
        [True] * len(customers),
        model="people",
        version=version,
        days=days,
        inputs=[[40.0, None, None]] * len(customers),
        texts=[[None, "Rome", pseudonyms.of("customer", one)] for one in customers],
    )


def test_a_key_names_the_latest_prediction_before_the_label_was_known(models: Project) -> None:
    ids = people(models, ["c1", "c1", "c1", "c2"], [0, 5, 10, 1])
    told = {"customer": ["c1", "c2"], "left": [True, False], "on": ["2026-03-08", "2026-03-08"]}
    by_key: dict[str, Any] = {"label": "left", "key": "customer", "model": "people"}
    received = models.monitoring.feedback_table(told, time="on", **by_key)
    assert (received.recorded, received.labels) == (2, 2)
    assert standing(models) == {ids[1]: "True", ids[3]: "False"}
    models.monitoring.feedback_table(told, **by_key)  # known now: of the last one
    assert set(standing(models)) == {ids[1], ids[2], ids[3]}
    every = models.monitoring.feedback_table(told, every=True, **by_key)
    assert (every.recorded, every.labels) == (2, 4)
    assert set(standing(models)) == set(ids)
    assert "They are labels of 4 predictions." in str(every)


def test_a_date_is_over_when_its_day_is(models: Project) -> None:
    (one,) = people(models, ["c1"], [0.75])
    told = {"customer": ["c1"], "label": [True], "on": ["2026-03-02"]}
    by_key: dict[str, Any] = {"key": "customer", "model": "people", "time": "on"}
    assert models.monitoring.feedback_table(told, **by_key).recorded == 1
    assert set(standing(models)) == {one}
    noon = told | {"on": ["2026-03-02T12:00:00"]}
    assert models.monitoring.feedback_table(noon, **by_key).unknown.count == 1


@pytest.mark.parametrize("keys", [[2, 0], [2.0, 0.0], ["2", "0"], np.array([2, 0], np.int16)])
def test_a_key_of_numbers_is_the_same_in_any_form(models: Project, keys: Any) -> None:
    ids = asked(models, ["yes"] * 3)  # the age is 0, 1 and 2
    told = {"age": keys, "label": ["no", "yes"]}
    assert models.monitoring.feedback_table(told, key="age", model="churn").recorded == 2
    assert standing(models) == {ids[2]: "no", ids[0]: "yes"}


def test_a_key_is_of_every_version_that_answered(models: Project) -> None:
    model = models.models.load("churn")
    models.models.register(model, "churn", input_example={"visits": 0.0, "age": 0.0})
    first = asked(models, ["yes"], version=1, inputs=[[7.0, 1.0]])
    second = asked(models, ["no"], version=2, inputs=[[1.0, 7.0]])  # the columns changed places
    told = {"age": [7], "label": ["yes"]}
    received = models.monitoring.feedback_table(told, key="age", model="churn@champion")
    assert (received.recorded, received.labels) == (1, 2)
    assert set(standing(models)) == {*first, *second}


def test_keys_that_cannot_be_are_refused(models: Project) -> None:
    asked(models, ["yes"])
    told = {"age": [0], "aeg": [0], "label": ["yes"]}
    refusals: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"key": "age", "model": "chrun"}, NotFound, "no model 'chrun'. Did you mean 'churn'?"),
        ({"key": "aeg", "model": "churn"}, Invalid, "'aeg' is no column that churn is asked with"),
        ({"key": "age"}, Invalid, "a key needs the model whose predictions are meant"),
        ({"model": "churn"}, Invalid, "a model is needed only for a key"),
        ({"key": "age", "model": "churn", "prediction_id": "x"}, Invalid, "by ids or by a key"),
        ({"label": "truth", "prediction_id": "age"}, Invalid, "has no column 'truth' for the lab"),
        ({}, Invalid, "the table has no column 'id' for the ids; it has 'age', 'aeg', 'label'."),
    ]
    for options, error, text in refusals:
        with pytest.raises(error) as refused:
            models.monitoring.feedback_table(told, **options)
        assert text in str(refused.value)
    with pytest.raises(NotFound, match=r"There is no prediction whose age is '9'\."):
        models.monitoring.feedback_table(
            {"age": [9], "label": ["no"]}, key="age", model="churn", strict=True
        )


# -- tables and files ---------------------------------------------------------------------------


def _frames(ids: list[str]) -> dict[str, Any]:
    columns = {"id": ids, "label": [1.0, 0.0, float("nan")]}
    frame = pd.DataFrame(columns)
    return {
        "columns": columns,
        "pandas": frame,
        "nullable": frame.astype({"label": "Int64"}),
        "polars": pl.DataFrame(columns).fill_nan(None),
        "arrow": pl.DataFrame(columns).fill_nan(None).to_arrow(),
        "rows": [{"id": one, "label": label} for one, label in zip(*columns.values(), strict=True)],
    }


@pytest.mark.parametrize("kind", ["columns", "pandas", "nullable", "polars", "arrow", "rows"])
def test_a_table_of_any_kind_says_the_same(models: Project, kind: str) -> None:
    ids = asked(models, [1, 0, 1], model="fault")
    received = models.monitoring.feedback_table(_frames(ids)[kind])
    assert (received.recorded, received.unlabelled.count) == (2, 1)
    assert standing(models) == {ids[0]: "1", ids[1]: "0"}


Write = Callable[[pd.DataFrame, Path], object]
FILES: dict[str, Write] = {
    "labels.csv": lambda frame, path: frame.to_csv(path, index=False),
    "labels.tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "labels.csv.gz": lambda frame, path: frame.to_csv(path, index=False),
    "labels.parquet": lambda frame, path: frame.to_parquet(path),
    "labels.jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_any_kind_says_the_same(models: Project, tmp_path: Path, name: str) -> None:
    ids = asked(models, [1, 0, 1], model="fault")
    frame = pd.DataFrame({"who": ids, "truth": [1.0, 0.0, None], "on": ["2026-03-03"] * 3})
    FILES[name](frame, tmp_path / name)
    received = models.monitoring.feedback_table(
        str(tmp_path / name), label="truth", prediction_id="who", time="on"
    )
    assert (received.rows, received.recorded, received.unlabelled.count) == (3, 2, 1)
    assert standing(models) == {ids[0]: "1", ids[1]: "0"}
    (known,) = models.sql("SELECT DISTINCT known_at FROM feedback").rows[0]
    assert known == datetime(2026, 3, 3, 23, 59, 59, 999_999)


def test_ids_that_look_like_numbers_stay_as_they_are(models: Project, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n00012345678901234567,yes\n6900000000000000e123,no\n")
    received = models.monitoring.feedback_table(path)
    assert received.unknown.examples == ("'00012345678901234567'", "'6900000000000000e123'")


@pytest.mark.parametrize(
    ("name", "content", "error", "text"),
    [
        ("labels.csv", b"", Invalid, "is empty: it has not even a header."),
        ("labels.csv", b"id,truth\na,b\n", Invalid, "has no column 'label' for the labels; it has"),
        ("labels.parquet", b"id,label\n", Invalid, "labels.parquet cannot be read as a table"),
        ("labels.jsonl", b'{"id": \n', Invalid, "labels.jsonl cannot be read as a table"),
        ("labels.xlsx", b"x", Invalid, "is not known by its ending; these are: .csv"),
        (None, b"", NotFound, "There is no file "),
    ],
)
def test_files_that_cannot_be_read_are_refused(
    models: Project, tmp_path: Path, name: str | None, content: bytes, error: type, text: str
) -> None:
    path = tmp_path / (name or "gone.csv")
    if name:
        path.write_bytes(content)
    with pytest.raises(error) as refused:
        models.monitoring.feedback_table(path)
    assert text in str(refused.value)


def test_many_labels_are_recorded_together(models: Project) -> None:
    ids = asked(models, ["yes"] * 2_000)
    models.monitoring.feedback(ids, ["x" * 1_000] * 2_000)  # more than one line of a journal holds
    assert set(standing(models).values()) == {"x" * 1_000}
    assert len(standing(models)) == 2_000


# -- the doors ----------------------------------------------------------------------------------


def test_the_module_function_takes_ids_and_tables(
    models: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verbs._Current, "project", models)
    one, two, three = asked(models, ["yes"] * 3)
    assert lm.feedback(one, "no").recorded == 1
    assert lm.feedback([one, two], ["yes", "no"]).replaced == 1
    assert lm.feedback({"id": [three], "left": ["no"]}, label="left").recorded == 1
    assert lm.feedback({"age": [0], "label": ["no"]}, key="age", model="churn").replaced == 1
    path = tmp_path / "labels.csv"
    path.write_text(f"id,left\n{three},yes\n")
    assert lm.feedback(path, label="left").replaced == 1
    assert standing(models) == {one: "no", two: "no", three: "yes"}
    with pytest.raises(Invalid, match="needs the true label"):
        lm.feedback(one, None)
