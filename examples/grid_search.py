"""A grid search of 200 fits: one run with the whole table, a run for each good candidate.

    python examples/grid_search.py [FOLDER]

The folds and clones inside leave nothing behind; what they measured is in the table of the search.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

import lite_mlops as lm

GRID = {
    "max_depth": [2, 4, 6, 8, 10],
    "min_samples_leaf": [1, 2, 3, 5, 8, 12, 16, 24, 32, 48],
}  # 50 candidates, 4 folds each
BEST = """
SELECT r.name, l.value AS score, d.value AS deviation
FROM runs r
JOIN latest l ON l.run_id = r.run_id AND l.key = 'mean_test_score'
JOIN latest d ON d.run_id = r.run_id AND d.key = 'std_test_score'
WHERE r.parent_id = '{parent}'
ORDER BY score DESC LIMIT 3
"""


def main(folder: Path) -> None:
    """Search in `folder` and print the three best candidates."""
    folder.mkdir(parents=True, exist_ok=True)
    project = lm.use_project(folder)
    digits, labels = load_digits(return_X_y=True)
    model = DecisionTreeClassifier(random_state=0)

    with lm.autolog(max_child_runs=20):
        search = GridSearchCV(model, GRID, cv=4).fit(digits[:600], labels[:600])
        search.score(digits[600:], labels[600:])

    (parent,) = [run for run in project.runs.page(count=100) if run.parent_id is None]
    for row in lm.sql(BEST.format(parent=parent.id)).to_dicts():
        print(f"{row['score']:.4f} +- {row['deviation']:.4f}  {row['name']}")
    found = lm.get_run(parent.id)
    print(f"best depth: {found.params['best_max_depth']}")
    children = project.runs.page(parent=parent.id, count=100)
    fits = int(found.metrics["candidates"].value) * 4
    print(f"{fits} fits, {len(children)} runs below {found.tags['estimator']}")
    project.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "grid-search"))
