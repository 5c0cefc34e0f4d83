"""What a parameter search found: the best params, the whole table, a run for each good candidate.

GridSearchCV, RandomizedSearchCV, successive halving, and whatever has `cv_results_` and
`best_index_` as they do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lite_mlops.autologging.texts import text_of
from lite_mlops.store import Store
from lite_mlops.tracking import finished_run

TABLE_PATH = "search/cv_results.json"
_NAME_LENGTH = 100


def best_of(search: Any) -> tuple[dict[str, str], dict[str, float]]:
    """Return the best params (`best_C`), and the best score where there is one."""
    results = search.cv_results_
    params = {
        f"best_{name}": text_of(value)
        for name, value in results["params"][search.best_index_].items()
    }
    score = getattr(search, "best_score_", None)
    metrics = {} if score is None else {"best_cv_score": float(score)}
    return params, metrics | {"candidates": float(len(results["params"]))}


def table_of(search: Any) -> dict[str, list[Any]]:
    """Return the table of all candidates, as columns; None where a candidate lacks a param."""
    return {name: _column(values) for name, values in search.cv_results_.items()}


def _column(values: Any) -> list[Any]:
    if isinstance(values, np.ndarray):  # a masked one as well; numbers become those of Python
        values = values.tolist()
    plain = (int, float, str, bool, type(None))
    return [value if isinstance(value, plain) else text_of(value) for value in values]


def _order(search: Any) -> list[int]:
    """Return the candidates from the best to the worst; those that failed come last."""
    results = search.cv_results_
    refit = search.refit if isinstance(getattr(search, "refit", None), str) else None
    names = [f"rank_test_{refit}", "rank_test_score"]
    names += [name for name in results if name.startswith("rank_test_")]
    ranks = next((results[name] for name in names if name in results), None)
    if ranks is None:
        return list(range(len(results["params"])))
    order = np.argsort(np.asarray(ranks), kind="stable")
    return [int(place) for place in order]


def log_candidates(search: Any, store: Store, experiment: str, parent: str, most: int) -> list[str]:
    """Give the best candidates a run each, below `parent`; return their ids."""
    results = search.cv_results_
    measured = [
        name
        for name in results
        if name.startswith(("mean_", "std_", "rank_")) or name in ("iter", "n_resources")
    ]
    ids = []
    for place in _order(search)[:most]:
        params = {name: text_of(value) for name, value in results["params"][place].items()}
        name = ", ".join(f"{key.split('__')[-1]}={value}" for key, value in params.items())
        name = "".join(c if c.isprintable() else " " for c in name) or "without params"
        if len(name) > _NAME_LENGTH:
            name = f"{name[:_NAME_LENGTH]}..."
        metrics = {key: float(results[key][place]) for key in measured}
        ids.append(
            finished_run(store, experiment, name, parent=parent, params=params, metrics=metrics)
        )
    return ids
