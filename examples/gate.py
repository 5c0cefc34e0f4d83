"""A bank's scoring model, and candidates that have to pass its gate before they are live.

    python examples/gate.py [FOLDER]

The project is made in FOLDER, default: a temporary one. The gate stands in `lite-mlops.toml`. A
candidate that learned from prejudiced labels is stopped; one with newer data passes, is
approved by a second person, and is promoted. From a terminal it is `lite-mlops gate run
scoring/3 --against scoring@champion --replay 7d`, then `lite-mlops approve` and `promote`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

import lite_mlops as lm

GATE = """
[gate.scoring]
data = "holdout@latest"
label = "repaid"
approvals = 1

[[gate.scoring.check]]
check = "metric"
metric = "ROC AUC"
at_least = 0.7

[[gate.scoring.check]]
check = "not worse"
metric = "ROC AUC"
margin = 0.02

[[gate.scoring.check]]
check = "fairness"
group = "sex"
measure = "demographic parity"
at_most = 0.1

[[gate.scoring.check]]
check = "directional"
column = "income"
add = 1.0
score = "never lower"

[[gate.scoring.check]]
check = "signature"

[[gate.scoring.check]]
check = "latency"
times = 50.0

[[gate.scoring.check]]
check = "python"
function = "rules:never_all_refused"

[[gate.scoring.check]]
check = "replay"
window = "7d"
changed = 0.2
"""
RULES = '''
def never_all_refused(evidence):
    """Somebody has to get a loan."""
    share = (evidence.predicted == "yes").mean()
    return bool(share > 0.1), f"{share:.0%} of the applicants get a loan"
'''

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
(folder / "lite-mlops.toml").write_text(GATE, encoding="utf-8")
(folder / "rules.py").write_text(RULES, encoding="utf-8")
project = lm.use_project(folder, actor="ann")


def applicants(rows: int, seed: int) -> pd.DataFrame:
    """Return people who asked for a loan, and whether they paid it back."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"income": random.normal(3, 1, rows), "debt": random.normal(1, 1, rows)})
    frame["code"] = random.integers(0, 2, rows).astype(float)  # which gives the sex away
    frame["sex"] = np.where(frame["code"] == 1, "f", "m")
    luck = random.normal(0, 1, rows)
    frame["repaid"] = np.where(frame["income"] - frame["debt"] + luck > 1.5, "yes", "no")
    return frame


train = applicants(1_500, seed=0)
project.datasets.add(applicants(1_500, seed=1), "holdout", snapshot=True)
FEATURES = ["income", "debt", "code"]


def register(rows: pd.DataFrame) -> None:
    """Fit a model and register it as the next version."""
    model = LogisticRegression().fit(rows[FEATURES], rows["repaid"])
    lm.log_model(model, "scoring", input_example=rows[FEATURES][:5], training=rows[FEATURES])


register(train)
doubted = (train["sex"] == "f") & (train["debt"] > 1)  # as a clerk once noted it
register(train.assign(repaid=train["repaid"].mask(doubted, "no")))
register(pd.concat([train, applicants(1_500, seed=3)]))

lm.gate("scoring/1", against="scoring@champion")
print("first:", project.models.hindrance("scoring/1"))
lm.promote("scoring/1", override=True, reason="nothing is live yet")

with lm.predictor("scoring@champion") as predictor:  # the traffic of a day
    for _, day in applicants(600, seed=2).groupby(np.arange(600) // 20):
        predictor.predict(day[FEATURES])

report = lm.gate("scoring/2", against="scoring@champion")
print(report)
try:
    lm.promote("scoring/2", reason="it is newer")
except lm.Denied as error:
    print("refused:", error)

report = lm.gate("scoring/3", against="scoring@champion")
print(report)
print("still missing:", project.models.hindrance("scoring/3"))
colleague = lm.Project(folder, actor="bob")
colleague.models.approve("scoring/3", reason="read the report")
lm.promote("scoring/3", reason="no worse, and trained on newer data")
print("champion:", project.models.get("scoring@champion").name)

OVERRIDDEN = "SELECT version, actor, reason FROM gate_overrides"
print("overridden:", lm.sql(OVERRIDDEN).to_dicts())
project.models.rollback("scoring", reason="an exercise")  # goes back without a gate
print("champion:", project.models.get("scoring@champion").name)
for one in (colleague, project):
    one.close()
