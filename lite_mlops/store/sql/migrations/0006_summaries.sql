-- A run that is over as a page of runs shows it, in one row: what a search finds lies apart in the
-- file, and looking into one table for it takes half the time of looking into four. Params, latest
-- metrics ([step, time, value, low, high, points]) and tags are the members of a JSON object each.
-- Every fold makes the rows of the runs anew of which it brought something: rows are taken away and
-- added, never changed, as only that leaves all others where they are.
CREATE TABLE summaries (
    run_hash UBIGINT, run_id VARCHAR, name VARCHAR, experiment VARCHAR, status VARCHAR,
    actor VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP, parent_id VARCHAR, note VARCHAR,
    deleted BOOLEAN, params VARCHAR, metrics VARCHAR, tags VARCHAR
);

INSERT INTO summaries
WITH told_params AS (
    SELECT run_hash, string_agg(to_json(key) || ':' || to_json(value), ',' ORDER BY key) AS told
    FROM params GROUP BY run_hash
), told_metrics AS (
    SELECT run_hash, string_agg(to_json(key) || ':' || json_array(
               step, epoch_us(time), value, low, high, points), ',' ORDER BY key) AS told
    FROM latest GROUP BY run_hash
), told_tags AS (
    SELECT run_hash, string_agg(to_json(key) || ':' || to_json(value), ',' ORDER BY key) AS told
    FROM tags WHERE value IS NOT NULL GROUP BY run_hash
)
SELECT r.run_hash, r.run_id, r.name, r.experiment, r.status, r.actor, r.started_at, r.ended_at,
       r.parent_id, r.note, coalesce(r.deleted, false), p.told, m.told, t.told
FROM runs r LEFT JOIN told_params p USING (run_hash) LEFT JOIN told_metrics m USING (run_hash)
LEFT JOIN told_tags t USING (run_hash)
WHERE r.started_at IS NOT NULL AND r.status <> 'running'
ORDER BY r.started_at, r.run_id;
