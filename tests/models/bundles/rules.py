"""A model of one's own with a file beside it, for bundles."""

from __future__ import annotations

from typing import Any

import numpy as np

from lite_mlops.models.loading import ModelContext, PythonModel


class Rules(PythonModel):
    """Answers whether a value is above a limit that lies in a file."""

    def __init__(self) -> None:
        self.limit = 0.0

    def load_context(self, context: ModelContext) -> None:
        self.limit = float(context.artifacts["limit.txt"].read_text())

    def predict(self, context: ModelContext, rows: Any) -> Any:  # noqa: ARG002
        return np.asarray(rows)[:, 0] > self.limit
