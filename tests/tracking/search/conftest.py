"""A project of runs that have all kinds of values, and lack some."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lite_mlops.project import Project
from lite_mlops.store import summaries
from lite_mlops.store.events import (
    ExperimentRenamed,
    Metrics,
    Note,
    Params,
    RunDeleted,
    RunEnded,
    RunStarted,
    Tags,
)
from tests.store.journals import journal_bytes

COUNT = 40
_NUMBERS = [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, float("nan"), float("inf"), float("-inf"), 1e300]
_TEXTS = ["rf", "RF", "svm", "3", "2.0", "1e300", "a%", "it's", "Änne", "nan", "x" * 300, "x" * 299]


def _events() -> list[tuple[int, object]]:
    choose = random.Random(7)
    found: list[tuple[int, object]] = []
    begin = 1_700_000_000_000_000
    for number in range(COUNT):
        run = f"6553f{number // 4:03x}{number:012x}"
        start = begin + (number // 3) * 60_000_000 + number % 2 * 500  # some start at once
        found.append(
            (
                start,
                RunStarted(
                    run=run,
                    experiment=choose.choice(["one", "two", "Änne"]),
                    name=choose.choice(["rf", "RF", "svm", "it's"]),
                    writer="w1",
                    actor=choose.choice(["ann", "bob"]),
                    parent=choose.choice([None, "rf"]),
                ),
            )
        )
        metrics = choose.sample(["auc", "val loss", "train/loss", "step`s"], choose.randint(0, 4))
        if metrics:
            numbers = [choose.choice(_NUMBERS) for _ in metrics]
            found.append((start + 1, Metrics(run=run, keys=metrics, numbers=numbers, step=1)))
        keys = choose.sample(["depth", "model", "a b"], choose.randint(0, 3))
        texts = choose.choices(_TEXTS, k=len(keys))
        found.append((start + 2, Params(run=run, keys=keys, texts=texts)))
        keys = choose.sample(["team", "ünïcode"], choose.randint(0, 2))
        texts = choose.choices(_TEXTS, k=len(keys))
        found.append((start + 2, Tags(run=run, keys=keys, texts=[*texts])))
        if choose.random() < 0.2:
            found.append((start + 3, Tags(run=run, keys=["team"], texts=[None])))
        if choose.random() < 0.3:
            found.append((start + 3, Note(run=run, text=choose.choice(_TEXTS))))
        if choose.random() < 0.8:
            ending = choose.choice(["finished", "failed", "killed"])
            end = start + choose.choice([1_000_000, 2_000_000, 60_000_000])
            found.append((end, RunEnded(run=run, status=ending)))
        if number in (5, 6):
            found.append((start + 9, RunDeleted(run=run, decision=number, actor="ann")))
    found.append((begin, ExperimentRenamed(experiment="two", name="rf", decision=9, actor="ann")))
    return sorted(found, key=lambda pair: pair[0])


def _with_columns(project: Project) -> None:
    """Give every common key a column, and have a third of the runs go on, without summary."""
    with pytest.MonkeyPatch.context() as patch, project.store.deciding() as decisions:
        patch.setattr(summaries, "MANY", COUNT // 2)
        database = decisions.database
        summaries.sum_up_all(database)
        assert len(summaries.columns_of(database).columns) == 9
        for change in (
            "UPDATE runs SET status = 'running', ended_at = NULL WHERE run_hash % 3 = 0",
            "DELETE FROM summaries WHERE run_hash % 3 = 0",
        ):
            database.execute(change)


def _unsummed(project: Project) -> None:
    """Leave it as a migration does until the next fold."""
    with project.store.deciding() as decisions:
        for table in ("summaries", "summary_columns"):
            decisions.database.execute(f"DELETE FROM {table}")  # noqa: S608


_KINDS: dict[str, Callable[[Project], None]] = {
    "few": lambda project: project.store.fold(),
    "columns": _with_columns,
    "unsummed": _unsummed,
}


@pytest.fixture(scope="session", params=_KINDS)
def varied(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A project of 38 runs and two that are deleted; only to be read."""
    folder: Path = tmp_path_factory.mktemp("varied")
    project = Project(folder, capture_code=False, capture_environment=False)
    project.store.layout.make()
    path = project.store.layout.journal / "w1-1.ndjson"
    path.write_bytes(journal_bytes("w1", _events()))  # type: ignore[arg-type]
    _KINDS[request.param](project)
    yield project
    project.close()
