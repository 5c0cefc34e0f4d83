"""An ordinary scikit-learn script with one line more: every fit is a run that can be looked up.

    python examples/autolog_script.py [FOLDER]

Nothing after `lm.autolog()` knows of tracking. At the end the project is asked what it has.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lite_mlops as lm

FOUND = """
SELECT t.value AS estimator, l.key AS metric, l.value AS value
FROM runs r
JOIN tags t ON t.run_id = r.run_id AND t.key = 'estimator'
JOIN latest l ON l.run_id = r.run_id AND l.key LIKE '%X_test'
ORDER BY r.started_at, l.key
"""


def script() -> None:
    """Train and compare two models, as anyone would."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

    scaled = make_pipeline(StandardScaler(), LogisticRegression(C=0.5))
    scaled.fit(X_train, y_train)
    print(f"logistic regression: {accuracy_score(y_test, scaled.predict(X_test)):.3f}")

    forest = RandomForestClassifier(n_estimators=50, random_state=0)
    forest.fit(X_train, y_train)
    print(f"forest: {accuracy_score(y_test, forest.predict(X_test)):.3f}")
    roc_auc_score(y_test, forest.predict_proba(X_test)[:, 1])


def main(folder: Path) -> None:
    """Run the script in `folder` and print what was logged without its doing."""
    folder.mkdir(parents=True, exist_ok=True)
    project = lm.use_project(folder)
    lm.autolog()  # the one line

    script()

    for row in lm.sql(FOUND).to_dicts():
        print(f"{row['estimator']:<24} {row['metric']:<24} {row['value']:.4f}")
    newest = lm.get_run(project.runs.page(count=1)[0].id)
    print(f"{len(newest.params)} params, {len(newest.metrics)} metrics")
    for artifact in newest.artifacts:
        print(f"    {artifact.path}")
    project.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "autolog-script"))
