"""Gates: how often they are right on simulated candidates, and what judging costs.

A candidate that is truly equal should pass as often as the gate states; one that is worse by twice
the margin should be stopped 95 times of 100. Replaying recorded requests is measured beside the
model itself, asked for the same rows in as large batches, which lie in memory as columns already.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.projects import new_project
from tests.gates.simulator import simulate

_MARGIN = 0.02
_COLUMNS = 10


# -- how often they are right -------------------------------------------------------------------


def _statistics(times: int) -> list[Figure]:
    """Return how far the gate is from what it states, in per cent of the candidates."""
    found = []
    for rows in (800, 2_000, 5_000):
        equal = simulate(0.0, margin=_MARGIN, rows=rows, times=times, seed=rows)
        found.append(
            Figure(
                f"{rows:,} rows: an equal candidate is stopped",
                100 * (1 - equal.passed),
                unit="%",
                floor=100 * (1 - equal.stated),
                floor_is="what the gate states: one less its power",
            )
        )
        for many, goal in ((1.0, 5.0), (2.0, 5.0)):
            worse = simulate(many * _MARGIN, margin=_MARGIN, rows=rows, times=times, seed=rows)
            what = "the margin" if many == 1 else "twice the margin"
            name = f"{rows:,} rows: one that is worse by {what} passes"
            found.append(Figure(name, 100 * worse.passed, unit="%", at_most=goal))
    return found


# -- judging ------------------------------------------------------------------------------------

_CHECKS = [
    {"check": "metric", "metric": "ROC AUC", "at_least": 0.5},
    {"check": "not worse", "metric": "ROC AUC", "margin": 0.05},
    {"check": "not worse", "metric": "accuracy", "margin": 0.05},
    {"check": "calibration", "at_most": 0.5},
    {"check": "directional", "column": "x0", "add": 1.0, "score": "never lower"},
    {"check": "signature"},
    {"check": "safe"},
]


def _judging(folder: Path, rows: int, turns: int) -> Figure:
    """Return what a gate of seven checks costs, beside answering the rows with both versions."""
    project = new_project(folder)
    random = np.random.default_rng(2)
    names = [f"x{at}" for at in range(_COLUMNS)]
    table = pd.DataFrame(random.normal(size=(rows, _COLUMNS)), columns=names)
    noise = random.normal(size=rows)
    labelled = table.assign(label=np.where(table["x0"] + noise > 0, "yes", "no"))
    model = LogisticRegression().fit(table, labelled["label"])
    for _ in range(2):
        project.models.register(model, "m", input_example=table[:3])
    project.models.set_alias("m", "champion", 1)
    definition = {"label": "label", "check": _CHECKS}

    def judge() -> None:
        report = project.gates.run("m/2", data=labelled, definition=definition, keep=False)
        assert report.passed, str(report)

    def answer() -> None:
        for _ in range(2):
            model.predict_proba(table)

    ours, floor = interleaved(turns, lambda: seconds_of(judge), lambda: seconds_of(answer))
    project.close()
    what = f"seven checks on {rows:,} rows"
    return compared(what, ours, floor, floor_is="predict_proba of both versions")


def measure(*, quick: bool) -> list[Figure]:
    """Measure how often gates are right, and what judging costs."""
    times, rows, turns = (100, 500, 2) if quick else (2_000, 10_000, 5)
    found = _statistics(times)
    with scratch() as folder:
        return [*found, _judging(folder, rows, turns)]
