-- Models, versions and aliases: the questions.

-- name: versions_of_run
SELECT model, version FROM model_versions WHERE run_id = $run ORDER BY model, version;

-- name: run_is_known
SELECT count(*) > 0 FROM runs WHERE run_id = $run AND started_at IS NOT NULL;

-- name: model_names
SELECT DISTINCT model FROM model_versions ORDER BY model;

-- name: last_version
SELECT max(version) FROM model_versions WHERE model = $model;

-- name: model_version_list
-- Versions with their aliases and the latest metrics of the runs they come from.
SELECT v.model, v.version, v.sha256, v.size, v.run_id, v.signature, v.requirements, v.created_at,
       v.actor,
       (SELECT list(a.alias ORDER BY a.alias) FROM aliases a
        WHERE a.model = v.model AND a.version = v.version) AS aliases,
       (SELECT map_from_entries(list((l.key, l.value) ORDER BY l.key)) FROM latest l
        WHERE l.run_id = v.run_id AND NOT starts_with(l.key, 'system/')) AS metrics
FROM model_versions v
WHERE $model IS NULL OR v.model = $model
ORDER BY v.model, v.version DESC;

-- name: alias_version
SELECT version FROM aliases WHERE model = $model AND alias = $alias;

-- name: alias_names
SELECT alias FROM aliases WHERE model = $model AND version IS NOT NULL ORDER BY alias;

-- name: alias_moves
-- Every move, the oldest first; null parameters do not filter.
SELECT number, record ->> 'model' AS model, record ->> 'alias' AS alias,
       (record ->> 'version')::BIGINT AS version,
       lag((record ->> 'version')::BIGINT) OVER
           (PARTITION BY record ->> 'model', record ->> 'alias' ORDER BY number) AS previous,
       ts AS moved_at, actor, record ->> 'reason' AS reason, record ->> 'how' AS how,
       record -> 'evidence' AS evidence
FROM decisions
WHERE kind IN ('alias_set', 'alias_removed')
  AND ($model IS NULL OR record ->> 'model' = $model)
  AND ($alias IS NULL OR record ->> 'alias' = $alias)
ORDER BY number;
