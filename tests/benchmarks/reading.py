"""Reading a project of ten million points: one run, pages of runs, histories, the best ten.

Warm figures repeat a question in one process, about another run each time where it is about a run.
First figures are those of a new process that has imported everything and has entered the database
once. Both are measured against the plain SQL for the same answer on a database that is entered
already: no lock, no look at the journals, no attaching, no objects.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from lite_mlops.project import Project
from lite_mlops.store.clock import new_id
from lite_mlops.store.events import Metric, RunStarted
from lite_mlops.store.journal import Journal
from tests.benchmarks.large_project import LargeProject, make
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.processes import in_new_process
from tests.benchmarks.projects import plain_project

_FLOOR = "plain SQL for the same answer on a database that is entered already"
_PAGE_SQL = """
    SELECT r.run_id, r.name, r.status, r.started_at, l.key, l.step, l.value
    FROM (SELECT * FROM runs ORDER BY started_at DESC LIMIT 50 OFFSET ?) r
    JOIN latest l USING (run_id)
"""
_SAMPLED_SQL = """
    SELECT arg_min(step, value), min(value), arg_max(step, value), max(value) FROM metrics
    WHERE run_id = ? AND key = 'loss' GROUP BY step * 500 // (SELECT points FROM latest
                                                              WHERE run_id = ? AND key = 'loss')
"""
_BEST_SQL = """
    SELECT r.run_id, r.name, best.value
    FROM (SELECT run_id, value FROM latest
          WHERE key = 'metric_3'
            AND run_id IN (SELECT run_id FROM params WHERE key = 'param_4' AND number = 2)
            AND run_id NOT IN (SELECT run_id FROM runs WHERE deleted)
          ORDER BY value DESC LIMIT 10) best
    JOIN runs r USING (run_id) ORDER BY best.value DESC
"""

Plain = Callable[[Any], object]  # given a cursor of the database


@dataclass(frozen=True)
class Question:
    """What is asked, of the package and in plain SQL; goals in seconds."""

    what: str
    ours: Callable[[Project], object]
    plain: Plain
    warm_goal: float | None = None
    first_goal: float | None = None


def _rows(sql: str, *values: object) -> Plain:
    return lambda cursor: cursor.execute(sql, list(values)).fetchall()


def _arrays(sql: str, *values: object) -> Plain:
    return lambda cursor: cursor.execute(sql, list(values)).fetchnumpy()


def _best(project: Project) -> object:
    with project.store.reading() as database:
        return database.cursor.execute(_BEST_SQL).fetchall()


def _page(skip: int, project: Project) -> object:
    return project.runs.page(count=50, skip=skip)


def _questions(large: LargeProject) -> dict[str, Question]:
    some = random.Random().choice
    last_page = len(large.runs) // 50 * 50 - 50
    history = "SELECT step, time, value FROM metrics WHERE run_id = ? AND key = 'loss'"
    latest = "SELECT key, step, time, value FROM latest WHERE run_id = ?"
    long, longest = large.long_run, large.longest_run
    points = len(large.runs)
    found = {
        "latest": Question(
            "last values of one run",
            lambda project: project.runs.latest_metrics(some(large.runs)),
            lambda cursor: _rows(latest, some(large.runs))(cursor),
            warm_goal=5e-3,
        ),
        "one": Question(
            "everything recorded of one run",
            lambda project: project.runs.get(some(large.runs)),
            lambda cursor: _rows(latest, some(large.runs))(cursor),
        ),
        "history": Question(
            f"history of {points * 10:,} points as columns",
            lambda project: project.runs.history(long, "loss"),
            _arrays(history, long),
            warm_goal=6e-3,
            first_goal=15e-3,
        ),
        "sampled": Question(
            f"history of {points * 100:,} points as 1000",
            lambda project: project.runs.history(longest, "loss", max_points=1000),
            _arrays(_SAMPLED_SQL, longest, longest),
        ),
        "best": Question(
            f"top 10 of {points:,} runs by a metric, a param given",
            _best,
            _rows(_BEST_SQL),
            warm_goal=4e-3,
            first_goal=12e-3,
        ),
    }
    pages = {"first": 0, "middle": last_page // 100 * 50, "last": last_page}
    for page, skip in pages.items():
        found[f"{page}_page"] = Question(
            f"{page} page of 50 runs",
            partial(_page, skip),
            _rows(_PAGE_SQL, skip),
            warm_goal=20e-3,
        )
    return found


def _our_seconds(project: Project, question: Question) -> float:
    return seconds_of(lambda: question.ours(project))


def _plain_seconds(project: Project, question: Question) -> float:
    with project.store.reading() as database:
        return seconds_of(lambda: question.plain(database.cursor))


def _first(large: LargeProject, name: str, side: str) -> float:
    """Return the seconds of a question in this process, which asks it first of all."""
    import numpy as np  # noqa: F401

    project, question = plain_project(large.place), _questions(large)[name]
    if side == "connecting":  # and the engine has still to be made
        import duckdb  # noqa: F401

        return _our_seconds(project, question)
    with project.store.reading():
        pass
    return (_plain_seconds if side == "plain" else _our_seconds)(project, question)


class _Writers:
    """Sixteen writers that go on, each with a journal of its own and a run."""

    def __init__(self, project: Project, count: int = 16) -> None:
        self.journals = [Journal(project.store.layout.journal) for _ in range(count)]
        self.runs = [new_id() for _ in self.journals]
        self.step = 0
        for journal, run in zip(self.journals, self.runs, strict=True):
            started = RunStarted(
                run=run, experiment="live", name=run, writer=journal.writer, actor="ann"
            )
            journal.append(started.body())

    def log(self, events: int) -> None:
        for journal, run in zip(self.journals, self.runs, strict=True):
            for step in range(self.step, self.step + events):
                journal.append(f'{Metric.prefix(run, "loss")}{step},"value":{step * 0.5!r}')
        self.step += events

    def close(self) -> None:
        for journal in self.journals:
            journal.close()


def _while_others_log(project: Project, run: str, turns: int) -> Figure:
    writers = _Writers(project)

    def with_news() -> float:
        writers.log(100)
        time.sleep(0.05)  # what it wrote settles
        return seconds_of(lambda: project.runs.get(run))

    def without() -> float:
        return seconds_of(lambda: project.runs.get(run))

    news, quiet = interleaved(turns, with_news, without)
    writers.close()
    return compared(
        "one run, 16 journals x 100 new events folded first",
        news,
        quiet,
        floor_is="the same read with 16 journals of live writers and nothing new in them",
    )


def _measured(large: LargeProject, turns: int, first_turns: int) -> list[Figure]:
    project, figures = plain_project(large.place), []
    for name, question in _questions(large).items():
        ours, floor = interleaved(
            turns,
            partial(_our_seconds, project, question),
            partial(_plain_seconds, project, question),
        )
        about: dict[str, Any] = {"floor_is": _FLOOR, "at_most": question.warm_goal}
        figures.append(compared(f"{question.what}, warm", ours, floor, **about))
        sides = [
            partial(in_new_process, _first, large, name, side)
            for side in ("ours", "plain", "connecting")
        ]
        ours, floor, connecting = interleaved(first_turns, *sides, warm_up=False)
        about["at_most"] = question.first_goal
        figures.append(compared(f"{question.what}, first", ours, floor, **about))
        figures.append(compared(f"{question.what}, first, engine made", connecting))
    figures.append(_while_others_log(project, large.runs[7], turns // 2))
    project.close()
    return figures


def measure(*, quick: bool) -> list[Figure]:
    """Make the project, then ask each question both ways."""
    runs, turns, first_turns = (500, 4, 2) if quick else (10_000, 41, 9)
    with scratch() as folder:
        return _measured(make(folder, runs), turns, first_turns)
