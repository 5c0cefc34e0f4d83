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
