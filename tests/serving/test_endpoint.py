"""An endpoint: answers in the order of the rows, each of them recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.models import InvalidRows
from lite_mlops.project import Project
from lite_mlops.serving import Endpoint
from tests.conftest import Prepared
from tests.store.journals import dump

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]

ROWS = np.random.default_rng(9).normal(size=(100, 2))
LABELS = np.where(ROWS[:, 0] > 0, "yes", "no")
EXAMPLE = {"age": 0.0, "visits": 0.0}


def served(project: Project, model: Any, example: Any = EXAMPLE) -> Endpoint:
    """Register a model and return its endpoint."""
    version = project.models.register(model, "churn", input_example=example, trust=True)
    return project.endpoint(version.name)


def _make_churn(project: Project) -> None:
    served(project, LogisticRegression().fit(ROWS, LABELS))


@pytest.fixture
def endpoint(project: Project, prepared: Prepared) -> Endpoint:
    return prepared(project, _make_churn).endpoint("churn")


@pytest.fixture
def tables(project: Project) -> Tables:
    def read() -> dict[str, list[tuple[Any, ...]]]:
        with project.store.reading() as database:
            return dump(database)

    return read


def test_answers_are_those_of_the_model_in_the_order_of_the_rows(
    project: Project, endpoint: Endpoint
) -> None:
    answers = endpoint.predict(ROWS.tolist())
    model = project.models.load("churn")
    assert [answer.prediction for answer in answers] == model.predict(ROWS).tolist()
    scores = [list((answer.probabilities or {}).values()) for answer in answers]
    np.testing.assert_array_equal(scores, model.predict_proba(ROWS))
    assert all(list(answer.probabilities or {}) == ["no", "yes"] for answer in answers)
    assert len({answer.id for answer in answers}) == 100


def test_rows_by_name_and_in_order_are_answered_alike(endpoint: Endpoint) -> None:
    one, other = endpoint.predict([{"visits": -1.0, "age": 2.0}, [2.0, -1.0]])
    assert (one.prediction, one.probabilities) == (other.prediction, other.probabilities)
    assert one.to_dict() == {
        "id": one.id,
        "prediction": "yes",
        "probabilities": one.probabilities,
        "quality": "ok",
    }


def test_every_answer_is_recorded(project: Project, endpoint: Endpoint) -> None:
    answers = endpoint.predict([[2.0, 0.5], {"age": -2.0, "visits": 0.25}])
    rows = project.sql(
        "SELECT prediction_id, model, version, numbers, value, scores, latency_us >= 0 "
        "FROM predictions ORDER BY ts"
    ).rows
    assert rows == (
        (answers[0].id, "churn", 1, [2.0, 0.5], "yes", _scores(answers[0].probabilities), True),
        (answers[1].id, "churn", 1, [-2.0, 0.25], "no", _scores(answers[1].probabilities), True),
    )


def _scores(scores: Mapping[Any, float] | None) -> list[float]:
    assert scores is not None
    return list(scores.values())


def test_a_version_goes_on_answering_when_the_alias_moves(project: Project) -> None:
    served(project, LogisticRegression().fit(ROWS, LABELS))
    project.models.set_alias("churn", "champion", 1)
    endpoint = project.endpoint("churn@champion")
    served(project, LogisticRegression().fit(ROWS, LABELS[::-1]))
    project.models.set_alias("churn", "champion", 2)
    endpoint.predict([[1.0, 1.0]])
    assert endpoint.version.version == 1
    assert project.sql("SELECT version FROM predictions").rows == ((1,),)


def test_no_rows_are_refused(project: Project, endpoint: Endpoint, tables: Tables) -> None:
    before = tables()
    with pytest.raises(Invalid, match="there are no rows to answer"):
        endpoint.predict([])
    assert tables() == before


# -- kinds of models ----------------------------------------------------------------------------


def test_a_regressor_answers_numbers_without_scores(project: Project) -> None:
    endpoint = served(project, LinearRegression().fit(ROWS, ROWS[:, 0] * 2))
    (answer,) = endpoint.predict([[1.0, 0.0]])
    assert float(answer.prediction) == pytest.approx(2.0)
    assert answer.probabilities is None
    assert set(answer.to_dict()) == {"id", "prediction", "quality"}


def test_a_classifier_without_probabilities_has_no_scores(project: Project) -> None:
    (answer,) = served(project, LinearSVC().fit(ROWS, LABELS)).predict([[3.0, 0.0]])
    assert (answer.prediction, answer.probabilities) == ("yes", None)


@pytest.mark.parametrize("labels", [[0, 1], [False, True], [1.5, 2.5]], ids=str)
def test_classes_of_any_type_become_texts(project: Project, labels: list[Any]) -> None:
    model = LogisticRegression().fit(
        ROWS, np.where(LABELS == "yes", labels[1], labels[0]).astype(str)
    )
    endpoint = served(project, model)
    (answer,) = endpoint.predict([[3.0, 0.0]])
    assert answer.prediction == str(labels[1])
    assert list(answer.probabilities or {}) == [str(label) for label in labels]


def test_a_model_that_takes_missing_values_gets_them(project: Project) -> None:
    model = HistGradientBoostingRegressor(max_iter=2).fit(ROWS, ROWS[:, 0])
    endpoint = served(project, model)
    assert math.isfinite(float(endpoint.predict([{"age": None, "visits": 1}])[0].prediction))
    ((numbers,),) = project.sql("SELECT numbers FROM predictions").rows
    assert numbers[1] == 1.0
    assert numbers[0] is None or math.isnan(numbers[0])


def test_a_model_that_was_fitted_on_a_frame_answers_without_a_warning(project: Project) -> None:
    frame = pd.DataFrame(ROWS, columns=["age", "visits"])
    model = LogisticRegression().fit(frame, LABELS)
    assert served(project, model, None).predict([[2.0, 0.0]])[0].prediction == "yes"


def test_a_model_of_mixed_columns_is_asked_and_recorded(project: Project) -> None:
    since = pd.date_range("2024-01-01", periods=100)
    frame = pd.DataFrame(
        {
            "age": np.arange(100),
            "city": ["Rome", "001"] * 50,
            "member": [True, False] * 50,
            "since": since,
        }
    )
    columns = make_column_transformer(
        (StandardScaler(), ["age"]),
        (OneHotEncoder(handle_unknown="ignore"), ["city", "member"]),
        (FunctionTransformer(_days), ["since"]),
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, ["no", "yes"] * 50)
    endpoint = served(project, model, frame.head(3))
    row = {"age": 7, "city": "001", "member": False, "since": "2024-01-08T00:00:00+00:00"}
    (answer,) = endpoint.predict([row])
    assert answer.prediction == "yes"
    assert answer.probabilities == dict(
        zip(["no", "yes"], model.predict_proba(frame.iloc[[7]])[0], strict=True)
    )
    ((numbers, texts),) = project.sql("SELECT numbers, texts FROM predictions").rows
    assert numbers == [7.0, None, 0.0, None]
    assert texts == [None, "001", None, "2024-01-08T00:00:00.000000"]
    with pytest.raises(InvalidRows) as error:
        endpoint.predict([row | {"city": 1, "member": 1, "age": 7.5, "since": "monday"}])
    assert [str(problem) for problem in error.value.problems] == [
        "row 0: age is 7.5; expected a whole number.",
        "row 0: city is 1; expected a text.",
        "row 0: member is 1; expected true or false.",
        "row 0: since is 'monday'; expected a time such as '2026-01-31T12:00:00Z'.",
    ]


def _days(frame: Any) -> Any:
    """Return times as days of the week."""
    return frame.apply(lambda column: column.dt.day_of_week)


def test_a_model_of_texts_is_asked_with_texts(project: Project) -> None:
    texts = ["good film", "bad film", "good play", "bad play"]
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, [1, 0, 1, 0])
    endpoint = served(project, model, texts)
    answers = endpoint.predict(["a good one", "bad"])
    assert [answer.prediction for answer in answers] == [1, 0]
    with pytest.raises(InvalidRows, match="row 1 is 5; expected a text"):
        endpoint.predict(["good", 5])


# -- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"age": 1.0}, "row 1: visits is missing; expected a number"),
        ([1.0], "row 1 is of length 1; expected length 2"),
        ([1.0, "x"], "row 1: visits is 'x'; expected a number"),
        ([None, 1.0], "row 1: age is null; expected a number"),
        ([float("inf"), 1.0], "row 1: age is inf; expected a finite number"),
    ],
)
def test_a_row_that_does_not_fit_stops_all_and_records_nothing(
    endpoint: Endpoint, tables: Tables, row: Any, text: str
) -> None:
    before = tables()
    with pytest.raises(InvalidRows, match=text) as error:
        endpoint.predict([[1.0, 1.0], row])
    assert [problem.row for problem in error.value.problems] == [1]
    assert tables() == before


def test_a_number_too_large_for_a_forest_is_refused(project: Project) -> None:
    model = RandomForestClassifier(n_estimators=2).fit(ROWS, LABELS)
    with pytest.raises(Invalid, match="the model cannot answer these rows"):
        served(project, model).predict([[1e39, 0.0]])


def test_a_version_that_does_not_exist_is_not_served(project: Project) -> None:
    served(project, LinearRegression().fit(ROWS, ROWS[:, 0]))
    with pytest.raises(NotFound, match="Did you mean 'churn'"):
        project.endpoint("chrun")
    with pytest.raises(Invalid, match="does not name a model version"):
        project.endpoint("churn/x/y")
