"""Labels that come later, by the id of the prediction: all of a request, or none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.web.predicting.conftest import ONE, Ask, Journalled, Site


def test_labels_come_later_by_the_id_of_the_answer(ask: Ask, site: Site) -> None:
    start = datetime.now(UTC)
    ids = [answer["id"] for answer in ask("/predict", [ONE] * 4).json["predictions"]]
    assert ask("/feedback", {"id": ids[0], "label": "yes"}).json == {"recorded": 1}
    several = [{"id": ids[1], "label": "no"}, {"id": ids[2], "label": "yes"}]
    assert ask("/feedback", several).json == {"recorded": 2}
    assert ask("/feedback", []).json == {"recorded": 0}
    performance = site.project.monitoring.performance("churn", since=start)
    assert (performance.predictions, performance.labelled, performance.right) == (4, 3, 2)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"id": "nope", "label": "yes"}, 404, "There is no prediction 'nope'."),
        ({"id": "\ud800", "label": "yes"}, 400, r"the JSON has \ud800 alone, which is half of a"),
        ({"id": 5, "label": "yes"}, 422, "feedback is {'id': ..., 'label': ...}, or a list of"),
        ({"label": "yes"}, 422, "feedback is {'id': ..., 'label': ...}, or a list of these; or"),
        ("yes", 422, "feedback is {'id': ..., 'label': ...}, or a list of these; or"),
        ({"id": "known"}, 422, "the feedback to 'known' has no label."),
        ({"id": "known", "label": None}, 422, "feedback to 'known' needs the true label."),
        ({"id": "known", "label": ""}, 422, "feedback to 'known' needs the true label."),
        ({"id": "known", "label": {}}, 422, "feedback to 'known' needs one label; {} is a dict."),
        (
            [{"id": "known", "label": "yes"}, {"id": "nope", "label": "yes"}],
            404,
            "There is no prediction 'nope'.",
        ),
        ([{"id": "known", "label": 1}] * 10_001, 413, "10,001 rows are too many"),
    ],
)
def test_refused_feedback_records_nothing(
    ask: Ask, journalled: Journalled, body: Any, status: int, text: str
) -> None:
    known = ask("/predict", ONE).json["predictions"][0]["id"]
    before = journalled()
    told = ask("/feedback", json.dumps(body).replace("known", known).encode())
    assert told.status == told.json["error"]["status"] == status
    assert told.json["error"]["message"].startswith(text.replace("known", known))
    assert journalled() == before


def test_feedback_is_json(ask: Ask, journalled: Journalled) -> None:
    before = journalled()
    told = ask("/feedback", {"id": "x", "label": "y"}, content_type="text/plain")
    assert told.status == 415
    assert journalled() == before


def test_labels_come_in_columns(ask: Ask, site: Site) -> None:
    ids = [answer["id"] for answer in ask("/predict", [ONE] * 3).json["predictions"]]
    assert ask("/feedback", {"ids": ids, "labels": ["yes", "no", "no"]}).json == {"recorded": 3}
    times = ["2030-01-01", "2030-01-01T00:00:00Z", "2020-01-01"]
    again = {"ids": ids, "labels": ["no", "maybe", "yes"], "times": times}
    assert ask("/feedback", again).json == {
        "recorded": 3, "replaced": 2, "outdated": 1, "unseen": 1,
    }  # fmt: skip
    rows = site.project.sql("SELECT prediction_id, label FROM feedback").rows
    assert [dict(rows)[one] for one in ids] == ["no", "maybe", "no"]


def test_labels_come_by_a_column_of_the_model(ask: Ask) -> None:
    for age in (701, 702, 702):
        ask("/predict", {"age": age, "visits": 0})
    told = {"model": "churn", "key": "age", "values": [701, 702, 9e9], "labels": ["no"] * 3}
    assert ask("/feedback", told).json == {"recorded": 2, "unknown": 1}
    assert ask("/feedback", told).json == {"recorded": 2, "repeated": 2, "unknown": 1}


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"ids": ["a"], "labels": []}, 422, "ids, labels and times are lists of the same length"),
        ({"ids": ["a"], "labels": "yes"}, 422, "feedback is {'id': ..., 'label': ...}"),
        ({"ids": [7], "labels": ["yes"]}, 422, "the id of a prediction is a text; 7 is a int."),
        ({"ids": ["a"], "labels": ["yes"]}, 404, "There is no prediction 'a'."),
        ({"ids": ["a"], "labels": ["x"], "times": [1]}, 422, "times are texts such as"),
        ({"ids": ["a"], "labels": ["x"], "times": ["soon"]}, 422, "'soon' is no time; expected"),
        ({"id": "a", "label": "x", "time": 7}, 422, "a time is a text such as"),
        ({"key": "age", "values": [1], "labels": ["x"]}, 422, "feedback is {'id': ..."),
        ({"key": 7, "model": "churn", "values": [1], "labels": ["x"]}, 422, "feedback is {'id'"),
        (
            {"key": "age", "model": "nope", "values": [1], "labels": ["x"]},
            404,
            "There is no model 'nope'.",
        ),
        (
            {"key": "weight", "model": "churn", "values": [1], "labels": ["x"]},
            422,
            "'weight' is no column that churn is asked with; these are: age, visits.",
        ),
        ({"ids": ["a"] * 10_001, "labels": ["x"] * 10_001}, 413, "10,001 rows are too many"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_columns_that_cannot_be_record_nothing(
    ask: Ask, journalled: Journalled, body: Any, status: int, text: str
) -> None:
    ask("/predict", ONE)
    before = journalled()
    told = ask("/feedback", body)
    assert told.status == status
    assert told.json["error"]["message"].startswith(text)
    assert journalled() == before
