"""Reports: what it costs to gather one and to write its page, and how large the page is.

The page is of 100 columns in twelve windows. Writing it is measured beside writing the same facts
as JSON; gathering them beside the drift of the whole time alone, of which a report needs one more
for each window. All is processor time.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lite_mlops.monitoring.reports import write
from lite_mlops.project import Project
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch
from tests.benchmarks.performance import processor_seconds
from tests.monitoring.reports.clinic import DAYS, ask, tell, train
from tests.monitoring.reports.samples import facts_of

_COLUMNS = 100


def _pages(turns: int) -> list[Figure]:
    facts = facts_of(columns=_COLUMNS)
    times = interleaved(
        turns,
        lambda: processor_seconds(lambda: write(facts, "html")),
        lambda: processor_seconds(lambda: json.dumps(facts.to_dict())),
    )
    size = float(len(write(facts, "html").encode()))
    what = f"{_COLUMNS} columns, 12 windows"
    return [
        compared(f"write the page of {what}", *times, floor_is="the same facts as JSON"),
        Figure(f"size of the page of {what}", size, unit="bytes", at_most=500_000),
    ]


def _gathered(folder: Path, columns: int, turns: int) -> Figure:
    project = Project(folder, capture_code=False, capture_environment=False)
    chance = np.random.default_rng(8)
    model = train(project, chance, columns - 5)
    tell(project, *ask(project, model, chance, columns - 5))
    project.store.fold()
    monitoring = project.monitoring
    times = interleaved(
        turns,
        lambda: processor_seconds(lambda: write(monitoring.report("readmission"), "html")),
        lambda: processor_seconds(lambda: monitoring.drift("readmission")),
    )
    project.close()
    what = f"report on {columns} columns in {DAYS} windows, with its page"
    return compared(what, *times, floor_is="drift of the whole time", within=DAYS + 5.0)


def measure(*, quick: bool) -> list[Figure]:
    """Measure writing pages, then gathering what they say."""
    columns, turns = (20, 2) if quick else (_COLUMNS, 5)
    with scratch() as folder:
        return [*_pages(turns), _gathered(folder, columns, turns)]
