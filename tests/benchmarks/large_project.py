"""A project with ten million metric points, for reading.

It is not logged but made in SQL, straight into the tables, which takes seconds where logging and
folding take minutes. The rows have the form that folds leave: points in the order of their time,
run after run and within a run step by step, ids that grow with time, and the summaries in the order
of the runs, mixed within pieces as large as one fold takes (some 600 runs of 1000 points).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lite_mlops.store.database import attached
from lite_mlops.store.summaries import sum_up_all
from tests.benchmarks.projects import plain_project

_BEGIN = "1760000000::BIGINT"  # seconds; one run is started every minute from then on
_KEYS, _PARAMS, _STEPS = 10, 10, 100

_RUN_ID = "lower(printf('%08x', {begin} + 60 * {i})) || left(md5({i}::VARCHAR), 12)"
_RUNS = """
INSERT INTO runs (run_id, experiment, name, actor, started_at, source, status, status_at, ended_at,
                  writer, writer_at, run_hash)
SELECT {run_id}, 'experiment-' || i % 5, 'run-' || i, 'ann', t, '{{}}', 'finished',
       t + INTERVAL 50 SECOND, t + INTERVAL 50 SECOND, md5(i::VARCHAR), t,
       md5_number_lower({run_id})
FROM (SELECT range AS i, make_timestamp(({begin} + 60 * range) * 1000000) AS t
      FROM range({runs})) ORDER BY i
"""
_EXPERIMENTS = """
INSERT INTO experiments SELECT experiment, experiment, min(started_at) FROM runs GROUP BY experiment
"""
_PARAMS_OF_RUNS = """
INSERT INTO params
SELECT run_id, 'param_' || p, v::VARCHAR, v, t, md5_number_lower(run_id)
FROM (SELECT run_id, started_at AS t, p, (hash(run_id || p) % (p + 2))::DOUBLE AS v
      FROM runs, (SELECT range AS p FROM range({params}))) ORDER BY run_id, p
"""
_TAGS = """
INSERT INTO tags
SELECT run_id, 'team', 'blue', started_at, run_hash FROM runs ORDER BY run_id
"""
_METRICS = """
INSERT INTO metrics
SELECT run_id, 'metric_' || k, step, started_at + to_microseconds(step * 500000 + k * 4),
       (hash(run_id || k) % 1000000 + step) / 1000000.0
FROM runs, (SELECT range AS step FROM range({steps})), (SELECT range AS k FROM range({keys}))
WHERE runs.rowid BETWEEN {first} AND {last}
ORDER BY run_id, step, k
"""
_LONG_RUN = """
INSERT INTO runs (run_id, experiment, name, actor, started_at, source, status, status_at, ended_at,
                  run_hash)
SELECT {run_id}, 'long', 'long-' || {i}, 'ann', t, '{{}}', 'finished', t, t,
       md5_number_lower({run_id})
FROM (SELECT make_timestamp(({begin} + 60 * {i}) * 1000000) AS t)
"""
_LONG_SERIES = """
INSERT INTO metrics
SELECT {run_id}, 'loss', range, make_timestamp(({begin} + 60 * {i}) * 1000000 + range * 500),
       sin(range / 1000.0) + (hash(range) % 1000) / 10000.0
FROM range({points}) ORDER BY range
"""
_MIX_SUMMARIES = """
CREATE TEMP TABLE mixed AS SELECT * FROM latest;
DELETE FROM latest;
INSERT INTO latest SELECT m.* FROM mixed m JOIN runs r USING (run_id)
ORDER BY r.rowid // 600, hash(m.run_id || m.key);
DROP TABLE mixed
"""
_PIECE = 1000  # runs whose points are made by one statement, so that sorting fits into memory


@dataclass(frozen=True)
class LargeProject:
    """Where it lies, and what to ask for."""

    place: Path
    runs: tuple[str, ...]
    long_run: str  # with one metric `loss` of a hundredth of all points
    longest_run: str  # with one metric `loss` of a tenth of all points


def make(place: Path, runs: int) -> LargeProject:
    """Make a project of `runs` runs with ten metrics of a hundred steps, and two long runs."""
    project = plain_project(place)
    project.create()
    known = {"begin": _BEGIN, "runs": runs, "keys": _KEYS, "params": _PARAMS, "steps": _STEPS}
    long = {"i": runs, "points": runs * 10, "begin": _BEGIN}
    longest = {"i": runs + 1, "points": runs * 100, "begin": _BEGIN}
    commands = [_RUNS.format(run_id=_RUN_ID.format(begin=_BEGIN, i="i"), **known)]
    commands += [_EXPERIMENTS, _PARAMS_OF_RUNS.format(**known), _TAGS]
    for first in range(0, runs, _PIECE):
        commands.append(_METRICS.format(first=first, last=first + _PIECE - 1, **known))
    for about in (long, longest):
        run_id = _RUN_ID.format(**about)
        commands += [text.format(run_id=run_id, **about) for text in (_LONG_RUN, _LONG_SERIES)]
    with attached(project.store.layout.database, project.settings) as database:
        for command in commands:
            database.execute(command)
        database.run("summarise_anew")
        for command in _MIX_SUMMARIES.split(";"):
            database.execute(command)
        sum_up_all(database)
        database.execute("SELECT run_id FROM runs ORDER BY run_id")
        ids = [run_id for (run_id,) in database.cursor.fetchall()]
    project.close()
    return LargeProject(place, tuple(ids[:-2]), ids[-2], ids[-1])
