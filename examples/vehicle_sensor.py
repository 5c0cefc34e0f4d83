"""A vehicle's sensor that gets stuck, is replaced, and then drifts: who is told, and since when.

    python examples/vehicle_sensor.py [FOLDER]

The project is made in FOLDER, default: a temporary one. The monitor and its channel stand in
`lite-mlops.toml` there; from a terminal it is `lite-mlops monitor run`, `lite-mlops monitor status`
and `lite-mlops alerts ls`. While `lite-mlops serve` runs, the monitor looks by itself. At the end
the stream of the sensor's values, minute by minute, says since when it drifts.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import lite_mlops as lm
from lite_mlops.monitoring.streams import Shape, Stream

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
(folder / "lite-mlops.toml").write_text(
    """
[monitor.brakes]
window = "500 rows"
checks = ["drift", "quality"]
cooldown = "0.001s"                # as the days of this example take no time

[channel.workshop]
type = "log"
path = "workshop.ndjson"
""",
    encoding="utf-8",
)
project = lm.use_project(folder)
random = np.random.default_rng(7)


def day(rows: int = 500) -> pd.DataFrame:
    """What one vehicle measures in a day."""
    speed = random.normal(80, 25, rows).clip(5)
    return pd.DataFrame(
        {
            "speed": speed.round(1),
            "load": random.normal(900, 200, rows).round(),
            "temperature": (120 + 1.5 * speed + random.normal(0, 30, rows)).round(1),
        }
    )


past = day(5_000)
wear = 0.01 * past["temperature"] + 0.002 * past["load"] + random.normal(0, 0.1, len(past))
with lm.start_run("wear of brakes"):
    lm.log_dataset(past, "drives")
    model = LinearRegression().fit(past, wear)
    lm.log_model(model, "brakes", input_example=past.head(3), alias="champion")


def drive(measured: pd.DataFrame, what: str) -> None:
    """Have a day's rows answered and recorded, and the monitor look at them."""
    with lm.predictor("brakes@champion") as predictor:
        predictor.predict(measured)
    (run,) = project.monitors.run()
    changed = [f"{one['how']} {one['check']} of {one['subject']}" for one in run.decided]
    print(f"{what}: {', '.join(changed) or 'nothing new'}")


drive(day(), "an ordinary day")
stuck = day()
stuck.loc[100:299, "temperature"] = 231.5  # an ordinary value, but for hours
drive(stuck, "the sensor is stuck")
(incident,) = [one for one in project.alerts.all() if one.check == "quality"]
print(f"  {incident.severity}: {incident.sentence}")
project.alerts.acknowledge(incident.id, reason="a new sensor is ordered")
for _ in range(2):
    drive(day(), "a new sensor")

drifting = [day() for _ in range(4)]
for number, measured in enumerate(drifting, start=1):  # it shows more and more each day
    measured["temperature"] += 8 * number
    drive(measured, f"day {number}")
for state in project.monitors.status():
    print(f"{state.monitor.name}: {state.verdict}")
told = (folder / "workshop.ndjson").read_text(encoding="utf-8").splitlines()
print(f"the workshop was told {len(told)} times")

# The same as it arrives, minute by minute: since when is it another sensor?
mean, shape = Stream(), Shape(past["temperature"])
mean.update(past["temperature"])
values = pd.concat([day(), *drifting])["temperature"].to_numpy()
for name, stream, before in (("mean", mean, len(past)), ("shape", shape, 0)):
    for begin in range(0, len(values), 60):
        if found := stream.update(values[begin : begin + 60]):
            since = found[0].position - before
            print(f"by its {name} in minute {begin + 60:,}: other since minute {since:,}")
            break
project.close()
