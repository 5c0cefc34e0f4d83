-- What is here already of runs and versions that are imported again.

-- name: runs_here
-- With whether and why they were put away or brought back last.
SELECT r.run_id, r.status, r.started_at, r.deleted, r.note, epoch_us(r.note_at) AS note_at,
       d.number AS decision, d.record ->> 'reason' AS reason
FROM runs r LEFT JOIN decisions d ON d.number = r.deleted_by
WHERE r.run_id IN (SELECT unnest($runs::VARCHAR[])) AND r.started_at IS NOT NULL;

-- name: purged_here
SELECT run_id FROM purged WHERE run_id IN (SELECT unnest($runs::VARCHAR[]));

-- name: params_here
SELECT run_id, key FROM params WHERE run_id IN (SELECT unnest($runs::VARCHAR[]));

-- name: tags_here
-- Also those that were taken away.
SELECT run_id, key, value, epoch_us(ts) FROM tags
WHERE run_id IN (SELECT unnest($runs::VARCHAR[]));

-- name: points_here
SELECT run_id, key, points FROM latest WHERE run_id IN (SELECT unnest($runs::VARCHAR[]));

-- name: files_here
SELECT run_id, path, sha256, size, epoch_us(ts) FROM artifacts
WHERE run_id IN (SELECT unnest($runs::VARCHAR[]));

-- name: history_here
SELECT step, epoch_us(time), value FROM metrics WHERE run_id = $run AND key = $key;

-- name: versions_here
-- Also the removed ones.
SELECT model, version, reason FROM model_versions
WHERE model IN (SELECT unnest($models::VARCHAR[])) ORDER BY model, version;

-- name: version_tags_here
-- Also those that were taken away.
SELECT version, key, value FROM version_tags WHERE model = $model;

-- name: alias_reason
-- Why an alias was moved or taken away last.
SELECT reason FROM aliases WHERE model = $model AND alias = $alias;
