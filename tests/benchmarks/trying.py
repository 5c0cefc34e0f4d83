"""What a trial costs a request: a canary, a canary by a key, and a shadow, beside no trial.

Two equal versions of a small model answer one row from an app in this process, so that nothing but
the way of a request is measured. The floor is the same app while nothing is tried.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from lite_mlops.project import Project
from lite_mlops.serving.trials import percent
from lite_mlops.web import Request, serve_references
from lite_mlops.web.serving import Serving
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.projects import new_project

_CHAMPION, _SHARE, _COLUMN = "churn@champion", 0.1, "x0"
_HEAD = {"host": "localhost", "content-type": "application/json", "x-canary-key": "customer 41"}
_NONE = "the same, nothing tried"


def _registered(folder: Path) -> Project:
    project = new_project(folder)
    rows = np.random.default_rng(0).normal(size=(500, 12))
    model = LogisticRegression().fit(rows, rows[:, 0] > 0)
    for alias in ("champion", None):
        project.models.register(model, "churn", input_example=rows[:3], training=rows, alias=alias)
    return project


def _asking(serving: Serving, requests: int) -> Callable[[], float]:
    """Return what asks so often and returns the seconds of one request."""
    body = json.dumps([[0.5] * 12]).encode()
    app, request = serving.app, Request("POST", "/predict", _HEAD, body)

    def ask() -> None:
        for _ in range(requests):
            app(request)

    return lambda: seconds_of(ask) / requests


def _side(
    folder: Path, *, canary: bool = False, key: str | None = None, shadow: bool = False
) -> Serving:
    project = _registered(folder)
    if canary:
        project.endpoints.canary(_CHAMPION, "churn/2", _SHARE, key=key)
    if shadow:
        project.endpoints.shadow(_CHAMPION, "churn/2")
    serving = serve_references(project, [_CHAMPION], record=False)
    assert serving.opened.following is not None
    serving.opened.following.look()
    return serving


def measure(*, quick: bool = False) -> list[Figure]:
    """Measure requests with and without a trial."""
    requests, repetitions = (200, 3) if quick else (3_000, 15)
    with scratch() as folder:
        sides = {
            "none": _side(folder),
            f"a canary of {percent(_SHARE)}, by a header": _side(folder, canary=True),
            f"a canary of {percent(_SHARE)}, by a column": _side(folder, canary=True, key=_COLUMN),
            "a shadow": _side(folder, shadow=True),
        }
        none, *others = interleaved(
            repetitions, *(_asking(one, requests) for one in sides.values())
        )
        for one in sides.values():
            one.opened.end()
    return [
        compared(f"a request of one row beside {name}", ours, none, floor_is=_NONE, within=1.1)
        for name, ours in zip(list(sides)[1:], others, strict=True)
    ]
