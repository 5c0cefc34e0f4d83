-- Pipelines: the questions.

-- name: step_results
-- The results that are kept of each step of a pipeline, the latest first.
SELECT step, key, ts, run_id, outputs, detail, seconds FROM step_results
WHERE pipeline = $pipeline
QUALIFY row_number() OVER (PARTITION BY step ORDER BY ts DESC, key) <= 20
ORDER BY step, ts DESC, key;
