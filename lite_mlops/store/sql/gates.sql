-- Gates: what aliases need before they move, what gates said, and who approved what.

-- name: gate_definitions
-- Gates that were defined in code, as they stand now.
SELECT gate, definition FROM gates WHERE definition IS NOT NULL ORDER BY gate;

-- name: gate_verdicts
-- What gates said, the latest first; null parameters do not filter.
SELECT * FROM gate_verdicts
WHERE ($model IS NULL OR model = $model) AND ($version IS NULL OR version = $version)
  AND ($alias IS NULL OR alias = $alias) AND ($gate IS NULL OR gate = $gate)
ORDER BY decision DESC LIMIT $rows;

-- name: gate_verdict
SELECT * FROM gate_verdicts WHERE decision = $decision;

-- name: approvals
-- The approvals of a version for an alias, the oldest first; null means all aliases.
SELECT * FROM approvals
WHERE model = $model AND version = $version AND ($alias IS NULL OR alias = $alias)
ORDER BY decision;

-- name: gate_overrides
-- What stood against moves to a version that were made past their gates, by their decisions.
SELECT decision, why FROM gate_overrides WHERE model = $model AND version = $version;

-- name: reproduced
-- What came of running a run again, if that was done.
SELECT value FROM tags WHERE run_id = $run AND key = 'reproduction' AND value IS NOT NULL;

-- name: replay_versions
-- The versions of a model that answered in a window, and how many rows of each were recorded.
SELECT version, count(*) AS row_count
FROM predictions
WHERE model = $model AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
GROUP BY version ORDER BY version;

-- name: replayed_ids
-- The ids of predictions by the places of their rows, which stay the same in one file.
SELECT rowid, prediction_id FROM predictions WHERE rowid IN (SELECT unnest($places::BIGINT[]));
