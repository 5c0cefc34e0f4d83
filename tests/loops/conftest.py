"""A project with a loop whose training takes a moment, and a server that is asked all the time."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from lite_mlops.project import Project
from lite_mlops.web import serve_references
from tests.web.served import ask

TABLES = """
[[step]]
name = "train"
command = [{python}, "train.py"]
inputs = ["train.py", "rows.csv"]

[gate.churn]
data = "recent.csv"
label = "y"
[[gate.churn.check]]
check = "metric"
metric = "accuracy"
at_least = 0.8

[loop.churn]
data = "rows"
pipeline = "train"
canary = "50%"
requests = 20
within = "10m"
per_day = 1000
pause = "1s"
longest_pause = "1s"
"""
TRAIN = """
import numpy as np
from sklearn.linear_model import LogisticRegression

import lite_mlops as lm

rows = np.loadtxt("rows.csv", delimiter=",", skiprows=1)
with lm.start_run("train"):
    model = LogisticRegression().fit(rows[:, :2], rows[:, 2])
    lm.log_model(model, "churn", input_example=rows[:5, :2])
"""
ROW = b"[[1.0, 0.5]]"


def write_rows(path: Path, seed: int, *, right: bool = True) -> None:
    """Write rows of which the first column tells the label, or none does."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(200, 2)).round(3)
    y = (x[:, 0] > 0) if right else random.random(200) > 0.5
    lines = [f"{a},{b},{int(c)}" for (a, b), c in zip(x.tolist(), y.tolist(), strict=True)]
    path.write_text("\n".join(["x0,x1,y", *lines, ""]))


@pytest.fixture
def looped(project: Project) -> Project:
    """A project with the loop `churn`, which waits for new versions of the dataset `rows`."""
    folder = project.folder.parent
    (folder / "lite-mlops.toml").write_text(TABLES.format(python=json.dumps(sys.executable)))
    (folder / "train.py").write_text(TRAIN)
    write_rows(folder / "recent.csv", 99)
    deliver(project, 1)
    project.loops.run()  # from now on it watches
    return project


def deliver(project: Project, seed: int, *, right: bool = True) -> None:
    """Have new rows come, and record them as a version of the dataset."""
    path = project.folder.parent / "rows.csv"
    write_rows(path, seed, right=right)
    project.datasets.add(path, "rows")


def states(project: Project) -> list[str]:
    """What the loop came to, in order."""
    return [one.state for one in project.loops.history("churn")]


class Asking:
    """Asks a server all the time, and keeps what it answered with."""

    def __init__(self, address: str) -> None:
        self.statuses: Counter[int] = Counter()
        self._address = address
        self._open = True
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while self._open:
            self.statuses[ask(self._address, "POST", "/predict", ROW)[0]] += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()


@pytest.fixture
def asked(looped: Project) -> Iterator[Callable[[], Asking]]:
    """Serves the champion, and asks it all the time from the first call on."""
    servers = []

    def begin() -> Asking:
        server = serve_references(looped, ["churn@champion"]).on(0)
        servers.append(server)
        server.start()
        return Asking(server.url.removeprefix("http://"))

    yield begin
    for server in servers:
        server.stop()
