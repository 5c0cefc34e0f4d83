"""Models of a user, in a module that can be imported."""

from __future__ import annotations

import json
from typing import Any

import lite_mlops as lm


class Rules(lm.PythonModel):
    """Answers from a table that is kept beside the model."""

    def __init__(self, otherwise: float) -> None:
        self.otherwise = otherwise

    def load_context(self, context: lm.ModelContext) -> None:
        path = context.artifacts.get("table.json")
        self.table = {} if path is None else json.loads(path.read_text(encoding="utf-8"))

    def predict(self, context: lm.ModelContext, rows: Any) -> Any:  # noqa: ARG002
        return [self.table.get(row["kind"], self.otherwise) for row in rows]


class Nothing(lm.PythonModel):
    """A model that forgot to predict."""


NAME = "tests.models.loading.rules:Rules"
