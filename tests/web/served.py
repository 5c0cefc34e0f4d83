"""A model that always says the same, and a client without any library."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier

from lite_mlops.models import ModelVersion
from lite_mlops.project import Project

ROWS = np.arange(6.0)[:, None]


def register(project: Project, answer: str, **options: Any) -> ModelVersion:
    model = DummyClassifier(strategy="constant", constant=answer)
    model.fit(ROWS, ["a", "b", "c"] * 2)
    return project.models.register(model, "churn", input_example=ROWS, **options)


def register_champion(project: Project) -> None:
    """The champion says `a`."""
    register(project, "a", alias="champion")


def ask(
    address: str,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, path, body or None, dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else text.decode()
