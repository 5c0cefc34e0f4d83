-- Models, versions and aliases: the questions.

-- name: versions_of_run
SELECT model, version FROM model_versions WHERE run_id = $run ORDER BY model, version;
