"""A project with a loop whose training takes a moment, and a server that is asked all the time."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from lite_mlops.project import Project
from lite_mlops.web import serve_references
from tests.web.served import ask

TABLES = """
[[step]]
name = "train"
command = [{python}, "train.py"]
inputs = ["train.py", "candidate.lmz"]

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
# What was trained elsewhere comes as a bundle: nothing of it has to be run, so that it is quick.
TRAIN = """
import lite_mlops as lm

lm.current_project().models.import_bundle("candidate.lmz")
"""
ROW = b"[[1.0, 0.5]]"


DELIVERIES = 12


def rows_of(seed: int, *, right: bool = True) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return rows, and labels that the first column tells, or that nothing does."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(200, 2)).round(3)
    return x, ((x[:, 0] > 0) if right else random.random(200) > 0.5).astype(np.int64)


def write_rows(path: Path, seed: int) -> None:
    """Write rows with their labels."""
    lines = [
        f"{a},{b},{c}" for (a, b), c in zip(*(one.tolist() for one in rows_of(seed)), strict=True)
    ]
    path.write_text("\n".join(["x0,x1,y", *lines, ""]))


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models that were trained on deliveries, of right labels and of wrong ones."""
    folder = tmp_path_factory.mktemp("bundles")
    project = Project(folder, capture_code=False, capture_environment=False)
    for number in range(1, DELIVERIES):
        for right in (True, False):
            x, y = rows_of(number, right=right)
            model = LogisticRegression().fit(x, y)
            version = project.models.register(model, "churn", input_example=x[:5])
            project.models.export(version.name, folder / f"{number}-{right}.lmz")
    project.close()
    return folder


@pytest.fixture
def looped(project: Project, bundles: Path) -> Project:
    """A project with the loop `churn`, which waits for new versions of the dataset `rows`."""
    folder = project.folder.parent
    (folder / "lite-mlops.toml").write_text(TABLES.format(python=json.dumps(sys.executable)))
    (folder / "train.py").write_text(TRAIN)
    (folder / "bundles").symlink_to(bundles)
    write_rows(folder / "recent.csv", 99)
    deliver(project, 1)
    project.loops.run()  # from now on it watches
    return project


def deliver(project: Project, number: int, *, right: bool = True) -> None:
    """Have new rows come, a version of the dataset, with the model that training on them makes."""
    folder = project.folder.parent
    shutil.copy(folder / "bundles" / f"{number}-{right}.lmz", folder / "candidate.lmz")
    write_rows(folder / "rows.csv", number)
    project.datasets.add(folder / "rows.csv", "rows")


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
