"""A shop's churn model that is retrained by itself when its customers change.

    python examples/closed_loop.py [FOLDER]

The project is made in FOLDER, default: a temporary one. Requests go on all the time, and none of
them fails. The customers change: a monitor alerts, the loop trains on newer rows, the gate compares
the new version with the present one, a tenth of the requests try it, and it is promoted. Then a
version that was trained on wrong labels is stopped by the gate; and one that passes the gate but
cannot handle what comes is rolled back. A server does the same by itself with
`lite-mlops serve churn@champion --loop`, and cron with `lite-mlops loop run --once`.
"""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import lite_mlops as lm

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
python = json.dumps(sys.executable)

(folder / "lite-mlops.toml").write_text(f"""
[[step]]
name = "train"
command = [{python}, "train.py"]
inputs = ["train.py", "rows.csv"]

[gate.churn]
data = "recent.csv"
label = "left"
[[gate.churn.check]]
check = "not worse"
metric = "accuracy"
margin = 0.02
[[gate.churn.check]]
check = "signature"

[monitor.churn]
window = "300 rows"
checks = {{ drift = {{}}, service = false }}

[loop.churn]
alerts = "churn"
pipeline = "train"
canary = "10%"
requests = 60
within = "10m"
""")

TRAIN = """
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import lite_mlops as lm

rows = pd.read_csv("rows.csv")
features = rows[["age", "spend", "plan"]]
columns = make_column_transformer(
    (StandardScaler(), ["age", "spend"]), (OneHotEncoder(handle_unknown="ignore"), ["plan"])
)
model = make_pipeline(columns, LogisticRegression()).fit(features, rows["left"])
with lm.start_run("train"):
    lm.log_dataset(features, "customers")
    lm.log_model(model, "churn", input_example=features.head(20), training=features)
"""
random = np.random.default_rng(7)


def customers(count: int, *, changed: bool) -> pd.DataFrame:
    """Return customers as they are at first, or as they are later: they spend twice as much."""
    spend = random.gamma(6, 10, count) * (2 if changed else 1)
    leave = spend + random.normal(0, 8, count) < (110 if changed else 55)
    return pd.DataFrame(
        {
            "age": random.integers(18, 90, count),
            "spend": spend.round(1),
            "plan": random.choice(["basic", "pro"], count),
            "left": np.where(leave, "yes", "no"),
        }
    )


def labelled(*, changed: bool) -> None:
    """Write down labelled customers: to train on, and newer ones to judge by."""
    customers(800, changed=changed).to_csv(folder / "rows.csv", index=False)
    customers(600, changed=changed).to_csv(folder / "recent.csv", index=False)


class Shop:
    """Asks about one customer after the other, as long as the example runs."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
        self.statuses: Counter[int] = Counter()
        self.come(customers(400, changed=False))
        self.open = True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def come(self, rows: pd.DataFrame) -> None:
        """Have these customers come from now on, again and again."""
        known = rows.drop(columns="left").to_dict("records")
        self.customers = itertools.cycle([json.dumps(one) for one in known])

    def run(self) -> None:
        """Ask until the shop closes."""
        while self.open:
            self.connection.request(
                "POST", "/predict", next(self.customers), {"Content-Type": "application/json"}
            )
            answer = self.connection.getresponse()
            answer.read()
            self.statuses[answer.status] += 1
            time.sleep(0.003)
        self.connection.close()

    def close(self) -> None:
        """Ask nothing more."""
        self.open = False
        self.thread.join()


def looked(until: Callable[[], bool]) -> None:
    """Take the loop further until something has happened, as a server with --loop does."""
    while not until():
        project.loops.run("churn")
        time.sleep(0.2)


def state() -> str:
    """Return what the loop came to last."""
    return project.loops.history("churn")[-1].state


(folder / "train.py").write_text(TRAIN)
project = lm.use_project(folder)
labelled(changed=False)
project.loops.run("churn", wanted="the first version")
print("live:", project.models.get("churn@champion").name)

with lm.serve("churn@champion", port=0) as server:
    shop = Shop(server.url)
    try:
        # The customers change, and newer ones have been labelled.
        shop.come(customers(400, changed=True))
        labelled(changed=True)
        answered = shop.statuses[200]
        while shop.statuses[200] < answered + 400:
            time.sleep(0.01)
        (watched,) = project.monitors.run("churn")
        print("monitor:", watched.verdict)
        looked(lambda: state() == "promoted" and project.models.get("churn@champion").version == 2)
        print("live:", project.models.get("churn@champion").name)

        # Somebody mixes up the labels.
        rows = pd.read_csv(folder / "rows.csv")
        wrong = rows.assign(left=random.permutation(rows["left"]))
        wrong.to_csv(folder / "rows.csv", index=False)
        project.loops.run("churn", wanted="new labels")
        print("stopped:", state())

        # Somebody forgets that there may be other plans, which the recent rows do not show.
        rows.to_csv(folder / "rows.csv", index=False)
        (folder / "train.py").write_text(TRAIN.replace('"ignore"', '"error"'))
        other = customers(400, changed=True)
        other.loc[::2, "plan"] = "gold"
        shop.come(other)
        project.loops.run("churn", wanted="a simpler encoder")
        looked(lambda: state() != "trying")
        print("stopped:", state())
    finally:
        shop.close()

print("live:", project.models.get("churn@champion").name)
print("requests:", "all answered" if set(shop.statuses) == {200} else shop.statuses)
for line in project.loops.history("churn"):
    print(f"{line.state:>22}  {line.why}")
print(lm.sql("SELECT state, count(*) FROM loop_story GROUP BY state ORDER BY min(ts)").rows)
