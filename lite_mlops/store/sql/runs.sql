-- Runs and experiments: the questions.

-- name: run_ids
-- Ids that answer to a word: the id itself, its beginning or its end, or the name of a run.
SELECT run_id, name, count(*) OVER () AS found FROM runs
WHERE started_at IS NOT NULL
  AND (run_id = $word OR name = $word
       OR (length($word) >= 4 AND (starts_with(run_id, $word) OR ends_with(run_id, $word))))
ORDER BY run_id = $word DESC, started_at DESC
LIMIT 20;

-- name: recent_run_words
SELECT run_id, name FROM runs WHERE started_at IS NOT NULL ORDER BY started_at DESC LIMIT 1000;

-- name: one_run
SELECT r.run_id, r.name, coalesce(e.leads_to, r.experiment) AS experiment, r.status, r.actor,
       r.started_at, r.ended_at, r.parent_id, r.note, coalesce(r.deleted, false) AS deleted,
       r.source
FROM runs r LEFT JOIN experiments e ON e.name = r.experiment
WHERE r.run_id = $run AND r.started_at IS NOT NULL;

-- name: unsummed_runs
-- The first and the last id of the runs without a summary: those that are going on, or all.
SELECT min(run_id), max(run_id) FROM runs
WHERE started_at IS NOT NULL AND (NOT $summed OR (status <> 'running') IS NOT TRUE);

-- name: run_page
-- One page of runs, the newest first; null parameters do not filter.
SELECT r.run_id, r.name, coalesce(e.leads_to, r.experiment) AS experiment, r.status, r.actor,
       r.started_at, r.ended_at, r.parent_id, r.note, coalesce(r.deleted, false) AS deleted
FROM runs r LEFT JOIN experiments e ON e.name = r.experiment
WHERE r.started_at IS NOT NULL AND coalesce(r.deleted, false) = $deleted
  AND ($experiment IS NULL OR e.leads_to = $experiment)
  AND ($status IS NULL OR r.status = $status)
  AND ($parent IS NULL OR r.parent_id = $parent)
ORDER BY r.started_at DESC, r.run_id DESC
LIMIT $count OFFSET $skip;

-- name: parts_of_runs
-- Params, latest metrics and tags of several runs: one query, as each costs a millisecond before it
-- reads anything. The range lets the database skip all other row groups: ids grow with time. It
-- is enough where $runs is null: looking for each id in a list costs as much as the rest.
SELECT * FROM (
    SELECT run_id, 'param' AS part, key, value AS text, NULL::BIGINT AS step,
           NULL::TIMESTAMP AS time, NULL::DOUBLE AS value, NULL::DOUBLE AS low,
           NULL::DOUBLE AS high, NULL::BIGINT AS points
    FROM params WHERE run_id >= $first AND run_id <= $last
    UNION ALL
    SELECT run_id, 'metric', key, NULL, step, time, value, low, high, points
    FROM latest WHERE run_id >= $first AND run_id <= $last
    UNION ALL
    SELECT run_id, 'tag', key, value, NULL, NULL, NULL, NULL, NULL, NULL
    FROM tags WHERE run_id >= $first AND run_id <= $last AND value IS NOT NULL
) WHERE $runs::VARCHAR[] IS NULL OR list_contains($runs::VARCHAR[], run_id);

-- name: summaries_at
-- Of runs that are over, with all their parts: those in some rows of the table, by their numbers.
SELECT s.rowid AS row, s.run_id, s.name, coalesce(e.leads_to, s.experiment) AS experiment,
       s.status, s.actor, s.started_at, s.ended_at, s.parent_id, s.note, s.deleted, s.params,
       s.metrics, s.tags
FROM summaries s LEFT JOIN experiments e ON e.name = s.experiment
WHERE s.rowid IN (SELECT unnest($rows::BIGINT[]));

-- name: runs_by_hash
SELECT r.run_id, r.run_hash, r.name, coalesce(e.leads_to, r.experiment) AS experiment, r.status,
       r.actor, r.started_at, r.ended_at, r.parent_id, r.note,
       coalesce(r.deleted, false) AS deleted
FROM runs r LEFT JOIN experiments e ON e.name = r.experiment
WHERE r.run_hash IN (SELECT unnest($hashes::UBIGINT[]));

-- name: artifacts_of_run
SELECT path, size, media, sha256 FROM artifacts WHERE run_id = $run ORDER BY path;

-- name: latest_metrics
SELECT key, step, time, value, low, high, points FROM latest WHERE run_id = $run ORDER BY key;

-- name: metric_keys
SELECT key FROM latest WHERE run_id = $run ORDER BY key;

-- name: metric_points
SELECT points FROM latest WHERE run_id = $run AND key = $key;

-- name: metric_history
SELECT step, time, value FROM metrics WHERE run_id = $run AND key = $key;

-- name: sampled_history
-- Of equal parts of the steps, or of the time if there are fewer steps than parts, the lowest and
-- the highest point and one that is not a number, so that no spike is lost; and the first and the
-- last of all. The number of parts is such that no more than $points come out.
WITH points AS (
    SELECT step, time, value, epoch_us(time) AS moment
    FROM metrics WHERE run_id = $run AND key = $key
), range AS (
    SELECT min(step)::DOUBLE AS low_step, max(step)::DOUBLE - min(step) + 1 AS steps,
           min(moment) AS low_moment, max(moment) - min(moment) + 1 AS moments,
           if(bool_or(isnan(value)), greatest(($points - 2) // 3, 1), ($points - 2) // 2) AS parts
    FROM points
), placed AS (
    SELECT (step, time, value) AS point, value,
           least(parts - 1, floor(
               if(steps >= parts, (step - low_step) / steps, (moment - low_moment) / moments)
               * parts)) AS part
    FROM points, range
), chosen AS (
    SELECT unnest([arg_min(point, value) FILTER (NOT isnan(value)),
                   arg_max(point, value) FILTER (NOT isnan(value)),
                   any_value(point) FILTER (isnan(value) AND $points > 4)]) AS point
    FROM placed GROUP BY part
    UNION
    SELECT unnest([min(point), max(point)]) FROM placed
)
SELECT point[1] AS step, point[2] AS time, point[3] AS value FROM chosen
WHERE point IS NOT NULL ORDER BY point;

-- name: experiment_list
SELECT e.leads_to AS name, min(e.created_at) AS created_at,
       count(r.run_id) AS runs, count(r.run_id) FILTER (r.status = 'running') AS running,
       max(r.started_at) AS last_run_at,
       list(DISTINCT e.name ORDER BY e.name) FILTER (e.name <> e.leads_to) AS former_names
FROM experiments e
LEFT JOIN runs r ON r.experiment = e.name AND r.started_at IS NOT NULL
    AND NOT coalesce(r.deleted, false)
GROUP BY e.leads_to
HAVING count(r.run_id) > 0 OR $all
ORDER BY last_run_at DESC NULLS LAST, name;

-- name: experiment_leads_to
SELECT leads_to FROM experiments WHERE name = $name;

-- name: runs_of_experiment
SELECT r.run_id FROM runs r JOIN experiments e ON e.name = r.experiment
WHERE e.leads_to = $experiment AND NOT coalesce(r.deleted, false)
ORDER BY r.run_id;

-- name: param_conflicts_of_run
SELECT detail FROM problems WHERE kind = 'param' AND subject = $run ORDER BY detail;

-- name: running_in_experiment
SELECT r.run_id FROM runs r JOIN experiments e ON e.name = r.experiment
WHERE e.leads_to = $experiment AND r.status = 'running' AND NOT coalesce(r.deleted, false)
ORDER BY r.run_id;
