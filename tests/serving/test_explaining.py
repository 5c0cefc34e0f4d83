"""Explaining answers through an endpoint; what cannot be explained is not asked either."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Invalid
from lite_mlops.project import Project
from lite_mlops.web import Request, serve_references

ROWS = np.random.default_rng(1).normal(size=(200, 2))


def register(project: Project, name: str, model: object) -> None:
    project.models.register(
        model, name, input_example={"age": 0.0, "visits": 0.0}, training=ROWS, alias="champion"
    )


def test_contributions_add_up_and_the_answers_are_recorded(project: Project) -> None:
    model = LogisticRegression().fit(ROWS, np.where(ROWS[:, 0] > 0, "yes", "no"))
    register(project, "churn", model)
    with project.predictor("churn@champion") as predictor:
        (one,) = predictor.explain([[2.0, 0.5]])
    assert one.method == "exact linear"
    total = one.baseline + sum(part.contribution for part in one.contributions)
    assert total == pytest.approx(model.decision_function([[2.0, 0.5]])[0])
    assert len(project.sql("SELECT 1 FROM predictions").rows) == 1


def test_over_http_each_row_has_its_own_and_too_many_are_refused(project: Project) -> None:
    model = LogisticRegression().fit(ROWS, np.where(ROWS[:, 0] > 0, "yes", "no"))
    register(project, "churn", model)
    app = serve_references(project, ["churn@champion"]).app

    def ask(rows: int) -> tuple[int, dict[str, object]]:
        body = json.dumps([[1.0, 2.0]] * rows).encode()
        answer = app(Request("POST", "/predict", {}, body, "explain=1"))
        return answer.status, json.loads(answer.body)

    status, told = ask(3)
    assert status == 200
    assert [one["explanation"]["method"] for one in told["predictions"]] == ["exact linear"] * 3  # type: ignore[attr-defined]
    status, told = ask(101)
    assert status == 422
    assert "101 rows are too many to explain at once" in str(told["error"])
    assert len(project.sql("SELECT 1 FROM predictions").rows) == 3


def test_what_has_no_contributions_is_refused_and_not_asked(project: Project) -> None:
    register(project, "groups", KMeans(2, n_init=1, random_state=0).fit(ROWS))
    with project.predictor("groups") as predictor:
        with pytest.raises(Invalid, match="cannot be explained: the model answers with a cluster"):
            predictor.explain([[1.0, 2.0]])
        assert len(predictor.predict([[1.0, 2.0]])) == 1
    assert len(project.sql("SELECT 1 FROM predictions").rows) == 1
