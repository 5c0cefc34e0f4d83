"""A clinic's model whose labels arrive weeks later, after a device has been replaced.

    python examples/late_labels.py [FOLDER]

Who will be back within a month? The answer is known a month later, in a file of the clinic that
knows patients, not predictions. Four hundred predictions stand for a week. A monitor judges the
last week whose labels have come. The project is made in FOLDER, default: a temporary one. The same
from a terminal: `lite-mlops feedback month1.csv --key patient --model readmission --label back`,
then `lite-mlops performance readmission --window 400`, and `lite-mlops monitor run readmission`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import lite_mlops as lm

WEEK = 400

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
project = lm.use_project(folder)
random = np.random.default_rng(0)


def admit(count: int, first: int) -> tuple[pd.DataFrame, pd.Series]:
    """Return patients with all that is known of them, and whether they will be back."""
    patients = pd.DataFrame(
        {
            "patient": [f"P{number:06}" for number in range(first, first + count)],
            "age": random.normal(62, 14, count).clip(18, 99).round(),
            "crp": random.lognormal(2.5, 0.8, count).round(1),
            "ward": random.choice(["cardiology", "medicine", "surgery"], count),
        }
    )
    risk = (patients["age"] - 62) / 8 + (np.log(patients["crp"]) - 2.5) * 2.5 - 0.5
    back = random.random(count) < 1 / (1 + np.exp(-risk))
    return patients, pd.Series(np.where(back, "back", "home"), name="back")


# -- training: what the evaluation says is what the months to come are compared with -------------

train, train_back = admit(2_000, first=0)
test, test_back = admit(1_500, first=500_000)
with lm.start_run("logistic"):
    columns = make_column_transformer(
        (StandardScaler(), ["age", "crp"]), (OneHotEncoder(), ["ward"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(train, train_back)
    lm.log_evaluation(test_back, model.predict(test), y_score=model.predict_proba(test)[:, 1])
    lm.log_model(
        model, "readmission", input_example=train.head(20), training=train, personal=["patient"]
    )

# -- eight weeks of answers; in the fifth a device is replaced, which reads three times as much --

weeks = [admit(WEEK, first=1_000_000 + WEEK * week) for week in range(8)]
with lm.predictor("readmission") as predictor:
    for week, (patients, _) in enumerate(weeks):
        scale = 3.0 if week >= 4 else 1.0
        predictor.predict(patients.assign(crp=patients["crp"] * scale))


def labels_of(first: int, last: int) -> Path:
    """Write the file that the clinic sends at the end of a month, and return where it lies."""
    path = folder / f"month{last // 4}.csv"
    month = weeks[first:last]
    patients = pd.concat([patients["patient"] for patients, _ in month])
    back = pd.concat([back for _, back in month])
    pd.DataFrame({"patient": patients, "back": back}).to_csv(path, index=False)
    return path


lm.monitor("readmission", window=f"{WEEK} rows", checks=["performance", "calibration"])


def look() -> None:
    """Print the accuracy of each week, and what the monitor finds."""
    report = project.monitoring.performance_of("readmission", window=WEEK, positive="back")
    for number, window in enumerate(report.windows, start=1):
        accuracy = window.metrics.get("accuracy")
        told = "no labels yet" if accuracy is None else f"accuracy {accuracy.value:.2f}"
        print(f"  week {number}: {window.labelled} of {window.predictions} labels, {told}")
    (run,) = project.monitors.run("readmission")
    for finding in run.firing:
        print(f"  {finding.severity}: {finding.sentence}")
    fired = sorted(one.subject or one.check for one in run.firing)
    print("  fired:", ", ".join(fired) or "nothing")


by_patient = {"label": "back", "key": "patient", "model": "readmission"}
print("after the first month")
print(" ", lm.feedback(labels_of(0, 4), **by_patient))
look()

print("after the second month")
print(" ", lm.feedback(labels_of(4, 8), **by_patient))
look()

# -- a late correction: what was wrong is kept, and the last word stands -------------------------

patient = weeks[0][0]["patient"].iloc[0]
right = {"home": "back", "back": "home"}[weeks[0][1].iloc[0]]
lm.feedback({"patient": [patient], "back": [right]}, **by_patient)
print("corrected labels on record:", lm.sql("SELECT count(*) FROM earlier_labels").rows[0][0])
project.close()
