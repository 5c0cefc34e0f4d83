"""A served model over real HTTP: answers, refusals that name the fault, labels, and the record."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lite_mlops.models import Signature
from lite_mlops.project import Project
from lite_mlops.web import Server, prediction_app
from lite_mlops.web.predicting import MAX_ROWS
from tests.store.journals import dump

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]
Ask = Callable[..., tuple[int, Any]]

ROWS = np.random.default_rng(10).normal(size=(100, 2))
MODEL = LogisticRegression().fit(ROWS, np.where(ROWS[:, 0] > 0, "yes", "no"))
ONE = {"age": 2.0, "visits": 0.5}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, str]]:
    """A project with a served model, and the address of its server."""
    folder = tmp_path_factory.mktemp("served")
    project = Project(folder, capture_code=False, capture_environment=False)
    project.models.register(MODEL, "churn", input_example=ONE)
    with Server(prediction_app(project.endpoint("churn"), project.monitoring)) as server:
        yield project, server.url
    project.close()


@pytest.fixture
def asked(served: tuple[Project, str]) -> Project:
    """The project whose model is served."""
    return served[0]


@pytest.fixture
def ask(served: tuple[Project, str]) -> Iterator[Ask]:
    """Asks the served model over one connection; returns the status and the JSON of the answer."""
    connection = http.client.HTTPConnection(served[1].removeprefix("http://"), timeout=30)

    def send(path: str, body: Any = None, media: str = "application/json") -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, raw, {"Content-Type": media})
        response = connection.getresponse()
        return response.status, json.load(response)

    yield send
    connection.close()


@pytest.fixture
def tables(asked: Project) -> Tables:
    def read() -> dict[str, list[tuple[Any, ...]]]:
        with asked.store.reading() as database:
            return dump(database)

    return read


# -- predict ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (ONE, 1),
        ([ONE, ONE], 2),
        ([[2.0, 0.5]], 1),
        ({"rows": [ONE, [2.0, 0.5], {"visits": 0.5, "age": 2}]}, 3),
        ({"rows": ONE}, 1),
        ({"rows": []}, 0),
        ([], 0),
    ],
)
def test_rows_are_answered_in_every_form(ask: Ask, body: Any, count: int) -> None:
    status, told = ask("/predict", body)
    assert (status, told["model"]) == (200, "churn/1")
    assert [answer["prediction"] for answer in told["predictions"]] == ["yes"] * count
    for answer in told["predictions"]:
        assert set(answer) == {"id", "prediction", "scores"}
        assert list(answer["scores"]) == ["no", "yes"]
        assert sum(answer["scores"].values()) == pytest.approx(1)


def test_every_answer_is_recorded_as_it_was_given(ask: Ask, asked: Project) -> None:
    answers = []
    for start in range(0, 100, 20):
        _, told = ask("/predict", {"rows": ROWS[start : start + 20].tolist()})
        answers += told["predictions"]
    rows = asked.sql(
        "SELECT prediction_id, model, version, numbers, value, scores FROM predictions ORDER BY ts"
    ).rows
    assert rows[-100:] == tuple(
        (
            answer["id"],
            "churn",
            1,
            row,
            answer["prediction"],
            [answer["scores"]["no"], answer["scores"]["yes"]],
        )
        for answer, row in zip(answers, ROWS.tolist(), strict=True)
    )


ONLY = "expected only the columns age, visits."
ROW = "expected an object of the columns, or a list of 2 values."
REFUSED: list[tuple[Any, str]] = [
    ({"age": 1}, "row 0: visits is missing; expected a number."),
    (ONE | {"sex": 1}, f"row 0: sex is not known; {ONLY}"),
    (
        [ONE, {"age": 1, "visit": 2}],
        f"row 1: visits is missing; expected a number. row 1: visit is not known; {ONLY}",
    ),
    (
        {},
        "row 0: age is missing; expected a number. row 0: visits is missing; expected a number.",
    ),
    ([[1]], "row 0 is of length 1; expected length 2."),
    ([1, 2], f"row 0 is 1; {ROW} row 1 is 2; {ROW}"),
    ([ONE, ONE | {"age": "x"}], "row 1: age is 'x'; expected a number."),
    (ONE | {"age": True}, "row 0: age is True; expected a number."),
    (ONE | {"age": [1]}, "row 0: age is [1]; expected a number."),
    (ONE | {"age": {}}, "row 0: age is {}; expected a number."),
    ("x", "the body must be an object of features, a list of them, or {'rows': [...]}."),
    (5, "the body must be an object of features, a list of them, or {'rows': [...]}."),
    ({"rows": 5}, "the body must be an object of features, a list of them, or {'rows': [...]}."),
    ([0] * (MAX_ROWS + 1), "10,001 rows are too many for one request; at most 10,000."),
    (ONE | {"age": None}, "row 0: age is null; expected a number."),
    (b'{"age": 1e400, "visits": 0}', "row 0: age is inf; expected a finite number."),
    (
        b'{"age": 1%b, "visits": 0}' % (b"0" * 400),
        "row 0: age is a number of more than 30 digits; expected a ",
    ),
    (b'{"age": NaN, "visits": 0}', "the body is not valid JSON: NaN is not a number of JSON."),
    (b"{", "the body is not valid JSON: "),
]


@pytest.mark.parametrize(("body", "text"), REFUSED, ids=range(len(REFUSED)))
def test_a_row_that_does_not_fit_is_named_and_nothing_is_recorded(
    ask: Ask, tables: Tables, body: Any, text: str
) -> None:
    before = tables()
    status, told = ask("/predict", body)
    assert status == 422
    assert told["error"]["status"] == 422
    assert told["error"]["message"].startswith(text)
    assert tables() == before
    assert ask("/health")[0] == 200  # the connection goes on


NUMBERS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3)
BODIES = st.recursive(
    NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["age", "visits", "rows"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, path=st.sampled_from(["/predict", "/feedback"]))
def test_no_body_makes_the_server_fail(ask: Ask, body: Any, path: str) -> None:
    status, told = ask(path, json.dumps(body).encode())
    assert status in (200, 404, 422), told


# -- feedback -----------------------------------------------------------------------------------


def test_labels_come_later_by_the_id_of_the_answer(ask: Ask, asked: Project) -> None:
    start = datetime.now(UTC)
    _, told = ask("/predict", [ONE] * 4)
    ids = [answer["id"] for answer in told["predictions"]]
    assert ask("/feedback", {"id": ids[0], "label": "yes"}) == (200, {"recorded": 1})
    several = [{"id": ids[1], "label": "no"}, {"id": ids[2], "label": "yes"}]
    assert ask("/feedback", several) == (200, {"recorded": 2})
    assert ask("/feedback", []) == (200, {"recorded": 0})
    performance = asked.monitoring.performance("churn", since=start)
    assert (performance.predictions, performance.labelled, performance.right) == (4, 3, 2)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"id": "nope", "label": "yes"}, 404, "There is no prediction 'nope'."),
        ({"id": "\ud800", "label": "yes"}, 404, r"There is no prediction '\ud800'."),
        ({"id": 5, "label": "yes"}, 422, "feedback is {'id': ..., 'label': ...}, or a list of"),
        ({"label": "yes"}, 422, "feedback is {'id': ..., 'label': ...}, or a list of these."),
        ("yes", 422, "feedback is {'id': ..., 'label': ...}, or a list of these."),
        ({"id": "known"}, 422, "the feedback to 'known' has no label."),
        ({"id": "known", "label": None}, 422, "feedback to 'known' needs the true label."),
        ({"id": "known", "label": ""}, 422, "feedback to 'known' needs the true label."),
        ({"id": "known", "label": {}}, 422, "feedback to 'known' needs one label; {} is a dict."),
        (
            [{"id": "known", "label": "yes"}, {"id": "nope", "label": "yes"}],
            404,
            "There is no prediction 'nope'.",
        ),
    ],
)
def test_refused_feedback_records_nothing(
    ask: Ask, tables: Tables, body: Any, status: int, text: str
) -> None:
    _, told = ask("/predict", ONE)
    known = told["predictions"][0]["id"]
    before = tables()
    found, told = ask("/feedback", json.dumps(body).replace("known", known).encode())
    assert (found, told["error"]["status"]) == (status, status)
    assert told["error"]["message"].startswith(text.replace("known", known))
    assert tables() == before


def test_a_label_that_no_encoding_has_is_kept_as_far_as_it_goes(ask: Ask, asked: Project) -> None:
    _, told = ask("/predict", ONE)
    prediction = told["predictions"][0]["id"]
    label = {"id": prediction, "label": "a\ud800b"}
    assert ask("/feedback", label) == (200, {"recorded": 1})
    ((kept,),) = asked.sql(
        f"SELECT label FROM feedback WHERE prediction_id = '{prediction}'"  # noqa: S608
    ).rows
    assert kept[0] + kept[-1] == "ab"


# -- what else it answers -----------------------------------------------------------------------


def test_the_server_tells_what_it_takes(ask: Ask, asked: Project) -> None:
    status, told = ask("/schema")
    assert (status, told.pop("model")) == (200, "churn/1")
    assert Signature.from_dict(told) == asked.models.get("churn").signature
    assert [column["name"] for column in told["columns"]] == ["age", "visits"]
    assert told["outputs"][0]["classes"] == ["no", "yes"]
    assert ask("/health") == (200, {"status": "ok", "model": "churn/1"})
    status, index = ask("/")
    assert (status, index["model"]) == (200, "churn/1")
    assert index["routes"] == [
        *("GET /", "GET /health", "GET /schema", "POST /predict", "POST /feedback"),
    ]


def test_a_body_of_another_type_is_refused(ask: Ask, tables: Tables) -> None:
    before = tables()
    for path in ("/predict", "/feedback"):
        status, told = ask(path, ONE, media="text/plain")
        assert (status, told["error"]["status"]) == (422, 422)
    assert tables() == before
