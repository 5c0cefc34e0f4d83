"""How a project stands: what it holds, who is logging to it, what it takes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_mlops.store.intake import sizes
from lite_mlops.store.usage import usage

if TYPE_CHECKING:
    from lite_mlops.store.store import Store


@dataclass(frozen=True)
class Writer:
    """A process that is logging."""

    pid: int | None
    program: str | None
    host: str | None
    bytes: int


@dataclass(frozen=True)
class Status:
    """What a project holds, and how it stands."""

    folder: str
    runs: dict[str, int]  # by status
    metric_points: int
    model_versions: int
    predictions: int
    problems: int
    writers: tuple[Writer, ...]
    bytes: int
    free_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the status as JSON can hold it."""
        return vars(self) | {"writers": [dict(vars(writer)) for writer in self.writers]}


def standing(store: Store) -> Status:
    """Return how a project stands."""
    with store.reading() as database:
        runs = dict(database.rows("runs_by_status"))
        points, versions, predictions, problems = database.rows("row_counts")[0]
        # What is still in this folder after folding is being written by somebody.
        names = list(sizes(store.layout.journal))
        writers = database.dicts("journal_writers", names=names)
    return Status(
        folder=str(store.layout.folder),
        runs=runs,
        metric_points=points,
        model_versions=versions,
        predictions=predictions,
        problems=problems,
        writers=tuple(
            Writer(row["pid"], row["program"], row["host"], int(row["bytes"]))
            for row in writers
            if row["writer"] != store.journal.writer
        ),
        bytes=sum(part.bytes for part in usage(store.layout)),
        free_bytes=shutil.disk_usage(store.layout.folder).free,
    )
