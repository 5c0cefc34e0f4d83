-- Backups, repairs, cleaning and the status of a project.

-- name: table_names
SELECT table_name FROM duckdb_tables()
WHERE database_name = current_database() ORDER BY table_name;

-- name: referenced_objects
-- Every object that something refers to; whatever stores objects adds its line here. The objects of
-- removed versions are not kept.
SELECT sha256 FROM artifacts
UNION
SELECT unnest([v.sha256, v.example] || coalesce(json_extract_string(v.members, '$.*.sha256'), []))
FROM model_versions v LEFT JOIN version_removals r USING (model, version)
WHERE r.removed IS NOT TRUE
UNION
SELECT p.plan FROM plans p LEFT JOIN version_removals r USING (model, version)
WHERE r.removed IS NOT TRUE
UNION SELECT manifest FROM dataset_snapshots
UNION
-- Of each step the outputs of its twenty latest results are kept.
SELECT unnest([outputs->>'$.value.sha256'] || json_extract_string(outputs, '$.files[*].object'))
FROM (SELECT outputs FROM step_results
      QUALIFY row_number() OVER (PARTITION BY pipeline, step ORDER BY ts DESC, key) <= 20)
ORDER BY sha256;

-- name: snapshot_manifests
-- The objects that list chunks, each with the versions of data that they hold a copy of.
SELECT manifest, string_agg(name || '@' || left(sha256, 12), ', ' ORDER BY name, sha256) AS referrer
FROM (
    SELECT manifest, name, sha256 FROM dataset_snapshots
    UNION
    SELECT file->>'$.object', 'output ' || (file->>'$.path') || ' of step ' || step,
           file->>'$.sha256'
    FROM (SELECT step, unnest(json_extract(outputs, '$.files[*]')) AS file
          FROM (SELECT step, outputs FROM step_results
                QUALIFY row_number() OVER (PARTITION BY pipeline, step ORDER BY ts DESC, key) <= 20))
    WHERE file->>'$.form' = 'folder'
) GROUP BY manifest ORDER BY manifest;

-- name: object_referrers
SELECT sha256, 'artifact ' || path || ' of run ' || run_id AS referrer FROM artifacts
UNION ALL
SELECT unnest([sha256, example] || coalesce(json_extract_string(members, '$.*.sha256'), [])),
       'version ' || version || ' of model ' || model
FROM model_versions v LEFT JOIN version_removals r USING (model, version)
WHERE r.removed IS NOT TRUE
UNION ALL
SELECT p.plan, 'plan of version ' || p.version || ' of model ' || p.model
FROM plans p LEFT JOIN version_removals r USING (model, version)
WHERE r.removed IS NOT TRUE AND p.plan IS NOT NULL
UNION ALL
SELECT manifest, 'snapshot of ' || name || '@' || left(sha256, 12) FROM dataset_snapshots
UNION ALL
SELECT unnest([outputs->>'$.value.sha256'] || json_extract_string(outputs, '$.files[*].object')),
       'outputs of step ' || step || ' of pipeline ' || pipeline
FROM (SELECT pipeline, step, outputs FROM step_results
      QUALIFY row_number() OVER (PARTITION BY pipeline, step ORDER BY ts DESC, key) <= 20)
ORDER BY sha256, referrer;

-- name: closed_journals
SELECT name FROM journals WHERE closed;

-- name: damaged_journals
SELECT DISTINCT subject FROM problems WHERE kind = 'journal';

-- name: all_problems
SELECT kind, subject, line, detail FROM problems ORDER BY kind, subject, line, detail;

-- name: audit_log
SELECT number, ts, actor, kind, record, hash FROM decisions ORDER BY number;

-- name: wrong_summaries
-- Summaries that do not agree with the points they sum up.
WITH counted AS (SELECT run_id, key, count(*) AS points, max((step, time, value)) AS top
                 FROM metrics GROUP BY run_id, key)
SELECT count(*) FROM counted c FULL JOIN latest l USING (run_id, key)
WHERE l.points IS DISTINCT FROM c.points OR (l.step, l.time, l.value) IS DISTINCT FROM c.top;

-- name: summarise_anew
CREATE OR REPLACE TEMP TABLE logged AS SELECT run_id, key, logged_at FROM latest;
DELETE FROM latest;
INSERT INTO latest
SELECT m.run_id, m.key, top[1], top[2], top[3], low, high, points, coalesce(l.logged_at, top[2]),
       md5_number_lower(m.run_id)
FROM (SELECT run_id, key, max((step, time, value)) AS top, count(*) AS points,
             min(value) FILTER (NOT isnan(value)) AS low,
             max(value) FILTER (NOT isnan(value)) AS high
      FROM metrics GROUP BY run_id, key) m
LEFT JOIN logged l USING (run_id, key);
DROP TABLE logged;

-- name: stale_summaries
-- Runs whose row of `summaries` is another than the one just made of the other tables, in `summed`.
SELECT count(DISTINCT run_hash) FROM (
    (FROM summaries WHERE run_hash % $pieces = $piece EXCEPT ALL FROM summed)
    UNION ALL (FROM summed EXCEPT ALL FROM summaries));

-- name: file_blocks
SELECT block_size, total_blocks, free_blocks FROM pragma_database_size()
WHERE database_name = 'project';

-- name: runs_by_status
SELECT status, count(*) FROM runs
WHERE started_at IS NOT NULL AND NOT coalesce(deleted, false) GROUP BY status ORDER BY status;

-- name: row_counts
SELECT (SELECT count(*) FROM metrics), (SELECT count(*) FROM model_versions),
       (SELECT count(*) FROM predictions), (SELECT count(*) FROM problems);

-- name: journal_writers
SELECT writer, any_value(pid) AS pid, any_value(host) AS host, any_value(program) AS program,
       sum(pos)::BIGINT AS bytes
FROM journals WHERE name IN (SELECT unnest($names::VARCHAR[])) AND NOT closed
GROUP BY writer ORDER BY writer;
