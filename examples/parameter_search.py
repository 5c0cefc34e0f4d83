"""Sixteen trainings in parallel, all in one project: no server, no lock to wait for.

    python examples/parameter_search.py [FOLDER]

Every worker process logs to a run of its own, nested in the run of the search. The best one is
found by SQL over everything that was logged.
"""

from __future__ import annotations

import sys
from pathlib import Path

from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

import lite_mlops as lm

BEST = """
SELECT r.name, l.value AS accuracy, c.value AS c, g.value AS gamma
FROM runs r
JOIN latest l ON l.run_id = r.run_id AND l.key = 'accuracy'
JOIN params c ON c.run_id = r.run_id AND c.key = 'C'
JOIN params g ON g.run_id = r.run_id AND g.key = 'gamma'
WHERE r.parent_id = '{parent}'
ORDER BY accuracy DESC LIMIT 3
"""


def fit(folder: str, parent: str, c: float, gamma: float) -> None:
    """Train one candidate; runs in a worker process."""
    project = lm.Project(folder)
    features, labels = load_digits(return_X_y=True)
    params = {"C": c, "gamma": gamma}
    with project.start_run(f"C={c} gamma={gamma}", parent=parent, params=params) as run:
        scores = cross_val_score(SVC(C=c, gamma=gamma), features[:600], labels[:600], cv=3)
        for fold, score in enumerate(scores):
            run.log_metric("fold_accuracy", score, step=fold)
        run.log_metric("accuracy", scores.mean())


def main(folder: Path) -> None:
    """Search in `folder` and print the three best."""
    folder.mkdir(parents=True, exist_ok=True)
    project = lm.use_project(folder)
    grid = [(c, gamma) for c in (0.1, 1, 10, 100) for gamma in (1e-4, 5e-4, 1e-3, 5e-3)]
    with lm.start_run("search", params={"candidates": len(grid)}) as search:
        Parallel(n_jobs=2)(delayed(fit)(str(folder), search.id, c, gamma) for c, gamma in grid)
    for row in lm.sql(BEST.format(parent=search.id)).to_dicts():
        print(f"{row['accuracy']:.4f}  C={row['c']}  gamma={row['gamma']}")
    print(f"{len(project.runs.page(parent=search.id))} runs below {search.name}")
    project.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "parameter-search"))
