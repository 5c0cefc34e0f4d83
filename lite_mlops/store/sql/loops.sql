-- Loops: what they did, and what they see.

-- name: loop_story
-- What a loop did, the latest first.
SELECT * FROM loop_story WHERE loop = $loop ORDER BY decision DESC LIMIT $rows;

-- name: loop_switch
SELECT how, decided_at, actor, reason FROM loop_switches WHERE loop = $loop;

-- name: loop_newest_version
SELECT max(version) FROM model_versions WHERE model = $model;

-- name: loop_labels
-- How many recorded predictions of a model have a label.
SELECT count(DISTINCT f.prediction_id)
FROM feedback f JOIN predictions p USING (prediction_id)
WHERE p.model = $model;

-- name: loop_data
-- The newest version of a dataset: the one that was recorded last.
SELECT sha256 FROM datasets WHERE name = $name ORDER BY last_at DESC, sha256 LIMIT 1;

-- name: loop_data_of_run
-- The version of a dataset that a run recorded, or that was recorded last if there is no run.
SELECT d.sha256 FROM datasets d
WHERE d.name = $name
  AND ($run IS NULL
       OR d.sha256 IN (SELECT u.sha256 FROM dataset_uses u WHERE u.run_id = $run AND u.name = $name))
ORDER BY d.last_at DESC, d.sha256 LIMIT 1;

-- name: loop_canary
-- What a canary has answered, as all processes together count it.
SELECT CAST(coalesce(sum(requests), 0) AS BIGINT) FROM endpoint_evidence
WHERE trial = $trial AND role = 'canary';
