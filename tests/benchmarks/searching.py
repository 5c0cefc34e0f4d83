"""Searching 1000, 10,000 and 100,000 runs with 10 params and 5 metrics each: a page of 50.

Measured warm, in a process that has entered the database before, against the plain SQL for the same
runs and their latest metrics on a database that is entered already: no attaching, no params and
tags, no objects. All runs are over and have their summaries, as after a fold. The last project has
10,000 runs whose metrics have 12,000 different names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lite_mlops.project import Project
from lite_mlops.store.database import attached
from lite_mlops.store.summaries import sum_up_all
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.projects import new_project

_GOAL = 20e-3
_FLOOR = "plain SQL for the same runs and their metrics on a database that is entered already"

_ID = "lower(printf('%08x', 1760000000::BIGINT + 60 * i)) || left(md5(i::VARCHAR), 12)"
# Only fixed texts and numbers of this module are put into SQL.
# ruff: noqa: S608
_MAKE = f"""
INSERT INTO runs (run_id, run_hash, experiment, name, actor, started_at, source, status, status_at,
                  ended_at)
SELECT {_ID}, md5_number_lower({_ID}), 'experiment-' || i % 5, 'run-' || i, 'ann', t, '{{{{}}}}',
       if(i % 10 = 0, 'failed', 'finished'), t, t + INTERVAL 50 SECOND
FROM (SELECT range AS i, make_timestamp((1760000000::BIGINT + 60 * range) * 1000000) AS t
      FROM range({{runs}})) ORDER BY i;
INSERT INTO experiments SELECT experiment, experiment, min(started_at) FROM runs
GROUP BY experiment;
INSERT INTO params
SELECT run_id, 'param_' || p, v::VARCHAR, v, started_at, run_hash
FROM (SELECT run_id, run_hash, started_at, p, (hash(run_id || p) % (p + 2))::DOUBLE AS v
      FROM runs, (SELECT range AS p FROM range(10))) ORDER BY run_id, p;
INSERT INTO tags SELECT run_id, 'team', 'team-' || hash(run_id) % 20, started_at, run_hash
FROM runs ORDER BY run_id;
INSERT INTO latest
SELECT run_id, 'metric_' || k, 100, started_at, (hash(run_id || k) % 1000000) / 1000000.0, 0, 1,
       100, started_at, run_hash
FROM runs, (SELECT range AS k FROM range(5)) ORDER BY runs.rowid // 600, hash(run_id || k);
INSERT INTO latest
SELECT run_id, 'layer_' || hash(run_id || k) % greatest({{names}}, 1), 100, started_at, 0.5, 0, 1,
       100, started_at, run_hash
FROM runs, (SELECT range AS k FROM range(if({{names}} = 0, 0, 12))) ORDER BY runs.rowid, k
"""

_METRIC_3 = "SELECT run_id, value FROM latest WHERE key = 'metric_3'"
_ALL_OF = "SELECT l.run_id, l.key, l.value FROM latest l JOIN ({found}) USING (run_id)"


@dataclass(frozen=True)
class Question:
    """What is asked: the arguments of `search_runs`, and in plain SQL."""

    what: str
    sql: str
    asked: dict[str, Any] = field(default_factory=dict)


_QUESTIONS = (
    Question(
        "the newest",
        "SELECT run_id FROM runs WHERE deleted IS NOT TRUE ORDER BY started_at DESC LIMIT 50",
    ),
    Question(
        "sorted by a metric",
        f"{_METRIC_3} ORDER BY value DESC LIMIT 50",
        {"order_by": "metrics.metric_3 DESC"},
    ),
    Question(
        "sorted by a param",
        "SELECT run_id FROM params WHERE key = 'param_9' ORDER BY number LIMIT 50",
        {"order_by": "params.param_9"},
    ),
    Question(
        "one metric, sorted by it",
        f"{_METRIC_3} AND value < 0.5 ORDER BY value DESC LIMIT 50",
        {"filter": "metrics.metric_3 < 0.5", "order_by": "metrics.metric_3 DESC"},
    ),
    Question(
        "metric AND param, sorted by another metric",
        f"""{_METRIC_3} AND run_id IN (SELECT run_id FROM params
                                       WHERE key = 'param_4' AND number = 2)
            AND run_id IN (SELECT run_id FROM latest WHERE key = 'metric_1' AND value > 0.5)
            ORDER BY value DESC LIMIT 50""",
        {
            "filter": "metrics.metric_1 > 0.5 AND params.param_4 = 2",
            "order_by": "metrics.metric_3 DESC",
        },
    ),
    Question(
        "metric OR param, sorted by another metric",
        f"""{_METRIC_3} AND (run_id IN (SELECT run_id FROM params
                                        WHERE key = 'param_4' AND number = 2)
            OR run_id IN (SELECT run_id FROM latest WHERE key = 'metric_1' AND value > 0.5))
            ORDER BY value DESC LIMIT 50""",
        {
            "filter": "metrics.metric_1 > 0.5 OR params.param_4 = 2",
            "order_by": "metrics.metric_3 DESC",
        },
    ),
)


def _made(folder: Path, runs: int, names: int = 0) -> Project:
    project = new_project(folder)
    project.create()
    with attached(project.store.layout.database, project.settings) as database:
        for command in _MAKE.format(runs=runs, names=names).split(";\n"):
            database.execute(command)
        sum_up_all(database)
    return project


def _ours(project: Project, question: Question) -> float:
    return seconds_of(lambda: project.search_runs(**question.asked))


def _plain(project: Project, question: Question) -> float:
    sql = _ALL_OF.format(found=question.sql)
    with project.store.reading() as database:
        return seconds_of(lambda: database.cursor.execute(sql).fetchall())


def _measured(project: Project, which: str, turns: int) -> list[Figure]:
    figures = []
    for question in _QUESTIONS:
        assert len(project.search_runs(**question.asked)) == 50
        sides = (partial(side, project, question) for side in (_ours, _plain))
        ours, floor = interleaved(turns, *sides)
        what = f"{which}: {question.what}"
        figures.append(compared(what, ours, floor, floor_is=_FLOOR, at_most=_GOAL))
    project.close()
    return figures


def measure(*, quick: bool) -> list[Figure]:
    """Make projects of each size, and ask each question both ways."""
    figures = []
    with scratch() as folder:
        for runs in (1000,) if quick else (1000, 10_000, 100_000):
            figures += _measured(_made(folder, runs), f"{runs:,}", 5 if quick else 21)
        runs, names = (1000, 1200) if quick else (10_000, 12_000)
        many = _made(folder, runs, names)
        figures += _measured(many, f"{runs:,}, {names:,} names", 5 if quick else 21)
    return figures
