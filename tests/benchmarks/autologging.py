"""What autologging adds to a fit of about a second, and to a search of many short ones.

Measured against the same fit without it. The first figure is with everything on that is on by
default: params, metrics, model file, dataset version and plots; the fit is that of a forest on a
table of 20 columns. It is what the script waits for; the next figure waits for what is written in
the background as well, and the third has the metrics rest on all rows. Each fit has new data.
MLflow stands beside it where it is installed.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from lite_mlops.autologging import autolog
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.projects import new_project

_FLOOR = "the same fit with autologging off"
_WITHIN = 1.05


def _forest(rows: int) -> Callable[[], object]:
    features, labels = make_classification(rows, 20, n_informative=10, random_state=0)
    model = RandomForestClassifier(60, max_depth=10, random_state=0)
    fits = count(1)

    def fit() -> None:
        features[0, 0] = next(fits)  # so that it is another dataset version
        model.fit(features, labels)

    return fit


def _search() -> Callable[[], object]:
    features, labels = make_classification(300, 10, random_state=0)
    grid = {"max_depth": [2, 4, 6, 8, 10], "min_samples_leaf": list(range(1, 21))}
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=2)
    return lambda: search.fit(features, labels)


def _seconds(
    project: Any, fit: Callable[[], object], *, until_written: bool = False, **options: Any
) -> float:
    def fit_and_wait() -> None:
        fit()
        project.store.background.wait()

    with autolog(lambda: project, silent=True, **options):
        seconds = seconds_of(fit_and_wait if until_written else fit)
    project.store.background.wait()
    return seconds


def _seconds_of_mlflow(folder: Path, fit: Callable[[], object]) -> float:
    import mlflow  # type: ignore[import-not-found, unused-ignore]

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.sklearn.autolog(silent=True)
    try:
        return seconds_of(fit)
    finally:
        mlflow.sklearn.autolog(disable=True)


def measure(*, quick: bool) -> list[Figure]:
    """Measure a fit of about a second, then a search with a hundred candidates."""
    turns = 3 if quick else 9
    figures = []
    with scratch() as folder:
        project = new_project(folder, capture_environment=True)
        forest, search = _forest(1_500 if quick else 6_000), _search()
        ours, whole, all_rows, floor = interleaved(
            turns,
            partial(_seconds, project, forest),
            partial(_seconds, project, forest, until_written=True),
            partial(_seconds, project, forest, all_rows=True),
            partial(seconds_of, forest),
        )
        what = "a fit of a forest, everything logged"
        figures.append(compared(what, ours, floor, floor_is=_FLOOR, within=_WITHIN))
        what = "the same until everything is written"
        figures.append(compared(what, whole, floor, floor_is=_FLOOR))
        what = "the same with metrics of all rows"
        figures.append(compared(what, all_rows, floor, floor_is=_FLOOR))
        ours, floor = interleaved(
            turns, partial(_seconds, project, search), partial(seconds_of, search)
        )
        what = "a search of 200 short fits, 100 child runs"
        figures.append(compared(what, ours, floor, floor_is=_FLOOR))
        if importlib.util.find_spec("mlflow") is not None:
            theirs, floor = interleaved(
                turns, partial(_seconds_of_mlflow, folder, forest), partial(seconds_of, forest)
            )
            figures.append(compared("MLflow: a fit of a forest", theirs, floor, floor_is=_FLOOR))
        project.close()
    return figures
