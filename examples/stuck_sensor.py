"""A delivery van whose coolant sensor gets stuck, and after its repair drifts.

    python examples/stuck_sensor.py [FOLDER]

The project is made in FOLDER, default: a temporary one. A model warns of an overheating engine from
four sensors. First one of them gives the same value for hours: a rule of quality names it, although
its value is an ordinary one. Then it is replaced by one that reads warmer every hour: its
distribution moves, and the stream of its values says since when.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lite_mlops as lm
from lite_mlops.monitoring.streams import Shape, Stream

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
project = lm.use_project(folder)

random = np.random.default_rng(7)


def driven(minutes: int) -> pd.DataFrame:
    """Return what the sensors read, a row a minute in stop and go: heat follows load."""
    load = random.normal(50, 15, minutes).clip(0, 100)
    return pd.DataFrame(
        {
            "load": load.round(1),
            "speed": (load * 1.1 + random.normal(0, 10, minutes)).clip(0).round(1),
            "outside": random.normal(18, 5, minutes).round(1),
            "coolant": (70 + 0.25 * load + random.normal(0, 3, minutes)).round(2),
        }
    )


def overheats(sensors: pd.DataFrame) -> np.ndarray:
    """Return whether the engine overheated in the hour after each minute."""
    heat = sensors["coolant"] + 0.2 * sensors["outside"] + random.normal(0, 3, len(sensors))
    return np.where(heat > 92, "hot", "fine")


def tell(what: str, sensors: pd.DataFrame) -> None:
    """Print what changed from the months of training to these sensors."""
    report = lm.drift(months, sensors)
    for column in report.moved:
        print(f"{what}: {column.column} {column.severity}: {'; '.join(column.reasons)}")
    if not report.drifted:
        print(f"{what}: {report}")


months = driven(6_000)
with lm.start_run("engine"):
    lm.log_dataset(months, "van")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(months, overheats(months))
    lm.log_model(model, "engine", input_example=months.head(20), training=months, alias="champion")

day = driven(1_500)
tell("a good day", day)

stuck = driven(1_500)
stuck.loc[600:1_099, "coolant"] = stuck.loc[600, "coolant"]  # an ordinary value, for eight hours
tell("the sensor is stuck", stuck)

replaced = driven(3_000)
minutes = np.arange(3_000)
replaced["coolant"] += ((minutes - 1_000) / 250).clip(0)  # from then on 1 degree in 250
tell("the new sensor drifts", replaced)

# The same as it arrives, minute by minute: what the model was trained on is known to the streams.
mean, shape = Stream(), Shape(months["coolant"])
mean.update(months["coolant"])
for begin in range(0, 3_000, 60):
    hour = replaced["coolant"][begin : begin + 60]
    found = mean.update(hour)
    mean = Stream.from_dict(mean.to_dict())  # the state is JSON, to go on with whenever
    if found:
        since = found[0].position - len(months)
        print(f"by its mean in minute {begin + 60:,}: other since minute {since:,}")
        break
for begin in range(0, 3_000, 60):
    changed = shape.update(replaced["coolant"][begin : begin + 60])
    if changed:
        since = changed[0].position
        print(f"by its shape in minute {begin + 60:,}: other since minute {since:,}")
        break

with lm.predictor("engine@champion") as predictor:
    predictor.predict(day)
    predictor.predict(replaced)
(score, *_) = project.monitoring.streams("engine@champion").findings()
print(f"its answers, {score.severity}: {score.sentence}")
