-- Models, versions and aliases: the questions.

-- name: versions_of_run
SELECT model, version FROM model_versions WHERE run_id = $run ORDER BY model, version;

-- name: model_names
SELECT DISTINCT model FROM model_versions ORDER BY model;

-- name: last_version
-- Also of the removed ones: a number is never given twice.
SELECT max(version) FROM model_versions WHERE model = $model;

-- name: newest_version
SELECT max(version) FROM model_versions v
ANTI JOIN (FROM version_removals WHERE removed) r USING (model, version) WHERE v.model = $model;

-- name: model_version_row
SELECT v.*, coalesce(r.removed, false) AS removed, r.decided_at
FROM model_versions v LEFT JOIN version_removals r USING (model, version)
WHERE v.model = $model AND v.version = $version;

-- What stands around one version. For one of them, small questions take half the time of a large one.

-- name: version_tags
SELECT key, value FROM version_tags
WHERE model = $model AND version = $version AND value IS NOT NULL ORDER BY key;

-- name: version_aliases
SELECT alias FROM aliases WHERE model = $model AND version = $version ORDER BY alias;

-- name: version_confirmed
SELECT DISTINCT name FROM version_trust WHERE model = $model AND version = $version;

-- name: version_seals
SELECT public, seal AS signature, signed_at, actor FROM version_seals
WHERE model = $model AND version = $version ORDER BY decision;

-- name: version_plan
-- Also of a version that was never tried, if it was switched.
SELECT p.sha256, p.plan, p.why, p.exact, p.faster_from, p.made_at, s.how
FROM (SELECT $model AS model, $version AS version) v
LEFT JOIN plans p USING (model, version) LEFT JOIN plan_switches s USING (model, version);

-- name: version_metrics
SELECT key, value FROM latest
WHERE run_hash = md5_number_lower($run) AND NOT starts_with(key, 'system/') ORDER BY key;

-- name: version_params
SELECT key, value FROM params WHERE run_hash = md5_number_lower($run) ORDER BY key;

-- name: model_version_list
-- Versions with their aliases, tags and the latest metrics and the params of the runs they come
-- from; null parameters do not filter.
WITH wanted AS (
    SELECT v.*, r.removed, r.decided_at
    FROM model_versions v LEFT JOIN version_removals r USING (model, version)
    WHERE ($model IS NULL OR v.model = $model) AND coalesce(r.removed, false) = $removed
      AND ($names IS NULL OR list_contains($names::VARCHAR[], v.model || '/' || v.version))
),
runs_of AS (SELECT DISTINCT md5_number_lower(run_id) AS run_hash, run_id FROM wanted
            WHERE run_id IS NOT NULL),
measured AS (
    SELECT o.run_id, map_from_entries(list((l.key, l.value) ORDER BY l.key)) AS run_metrics
    FROM latest l JOIN runs_of o USING (run_hash)
    WHERE NOT starts_with(l.key, 'system/') GROUP BY o.run_id
),
given AS (
    SELECT o.run_id, map_from_entries(list((p.key, p.value) ORDER BY p.key)) AS run_params
    FROM params p JOIN runs_of o USING (run_hash) GROUP BY o.run_id
),
tagged AS (
    SELECT model, version, map_from_entries(list((key, value) ORDER BY key)) AS tags
    FROM version_tags SEMI JOIN wanted USING (model, version)
    WHERE value IS NOT NULL GROUP BY model, version
),
named AS (
    SELECT model, version, list(alias ORDER BY alias) AS aliases
    FROM aliases WHERE version IS NOT NULL GROUP BY model, version
),
confirmed AS (
    SELECT model, version, list(DISTINCT name ORDER BY name) AS confirmed
    FROM version_trust SEMI JOIN wanted USING (model, version) GROUP BY model, version
),
sealed AS (
    SELECT model, version, list(struct_pack(public := public, signature := seal,
                                            signed_at := signed_at, actor := actor)
                                ORDER BY decision) AS seals
    FROM version_seals SEMI JOIN wanted USING (model, version) GROUP BY model, version
)
SELECT v.model, v.version, v.sha256, v.size, v.format, v.class_name, v.run_id, v.signature,
       v.requirements, v.created_at, v.actor, v.reason, v.example, v.members, v.params, v.metrics,
       v.data, v.code, v.trusted, v.compression, v.removed, v.decided_at,
       m.run_metrics, g.run_params, t.tags, n.aliases, c.confirmed, s.seals
FROM wanted v
LEFT JOIN measured m USING (run_id)
LEFT JOIN given g USING (run_id)
LEFT JOIN tagged t USING (model, version)
LEFT JOIN named n USING (model, version)
LEFT JOIN confirmed c USING (model, version)
LEFT JOIN sealed s USING (model, version)
ORDER BY v.model, v.version DESC;

-- name: run_at_registration
-- What is recorded of a run when it registers a version.
SELECT r.source,
       (SELECT map_from_entries(list((name || '@' || sha256, role) ORDER BY name, sha256))
        FROM (SELECT name, sha256, string_agg(role, ', ' ORDER BY role) AS role
              FROM dataset_uses WHERE run_id = $run GROUP BY name, sha256)) AS data
FROM runs r WHERE r.run_id = $run AND r.started_at IS NOT NULL;

-- name: run_word
-- The runs that a full id, or the beginning of one, means.
SELECT run_id FROM runs WHERE starts_with(run_id, $word) AND started_at IS NOT NULL
ORDER BY run_id LIMIT 2;

-- name: kept_by_run
SELECT r.started_at, r.actor,
       (SELECT map_from_entries(list((key, value) ORDER BY key)) FROM latest
        WHERE run_hash = r.run_hash AND NOT starts_with(key, 'system/')) AS metrics
FROM runs r WHERE r.run_id = $run;

-- name: model_files_of_run
-- The stored files of a model that a run kept without registering it.
SELECT path, sha256, size FROM artifacts
WHERE run_id = $run AND starts_with(path, $folder || '/') ORDER BY path;

-- name: trusted_before
-- What the owner confirmed for any version of a model.
SELECT DISTINCT unnest(trusted) AS name FROM model_versions WHERE model = $model
UNION SELECT name FROM version_trust WHERE model = $model ORDER BY name;

-- name: serving_writers
-- The processes that answer with a version, as far as their journals are still open.
SELECT DISTINCT j.pid, j.program FROM servings s
JOIN journals j ON j.writer = s.writer AND NOT j.closed
WHERE s.model = $model AND s.version = $version AND s.since IS NOT NULL AND NOT EXISTS (
    FROM servings AS later WHERE later.model = s.model AND later.version = s.version
        AND later.writer = s.writer AND later.until >= s.since)
ORDER BY j.pid;

-- name: version_of_bundle
-- The version that a bundle became, by the tag that holds the hash of its manifest.
SELECT v.version FROM model_versions v JOIN version_tags t USING (model, version)
LEFT JOIN version_removals r USING (model, version)
WHERE v.model = $model AND t.key = $tag AND t.value = $hash AND r.removed IS NOT TRUE
ORDER BY v.version LIMIT 1;

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

-- name: run_in_lineage
SELECT r.run_id, r.name, coalesce(e.leads_to, r.experiment) AS experiment, r.actor, r.started_at,
       r.parent_id, p.name AS parent_name
FROM runs r LEFT JOIN experiments e ON e.name = r.experiment
LEFT JOIN runs p ON p.run_id = r.parent_id
WHERE r.run_id = $run;

-- name: data_in_lineage
-- The versions of data that a run used, with where they were last seen.
SELECT u.name, u.sha256, string_agg(DISTINCT u.role, ', ' ORDER BY u.role) AS role,
       any_value(d.row_count) AS row_count, any_value(d.source ->> 'path') AS path
FROM dataset_uses u LEFT JOIN datasets d USING (name, sha256)
WHERE u.run_id = $run GROUP BY u.name, u.sha256 ORDER BY u.name, u.sha256;

-- name: use_in_lineage
-- What a version answered, and how much of that has a label by now.
SELECT count(*) AS predictions, count(f.label) AS labelled, min(p.ts) AS first_at,
       max(p.ts) AS last_at
FROM predictions p LEFT JOIN feedback f USING (prediction_id)
WHERE p.model = $model AND p.version = $version;

-- name: aliases_in_lineage
SELECT alias, moved_at, actor, nullif(reason, '') AS reason FROM aliases
WHERE model = $model AND version = $version ORDER BY alias;
