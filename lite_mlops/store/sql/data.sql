-- Datasets: the questions.

-- name: dataset_versions
-- Versions, the one seen last first, with the earliest copy that is kept; null does not filter.
SELECT d.name, d.sha256, d.row_count, d.column_count, d.profile, d.ts, d.form, d.size, d.source,
       d.last_at,
       (SELECT arg_min(s.manifest, (s.ts, s.manifest)) FROM dataset_snapshots s
        WHERE s.name = d.name AND s.sha256 = d.sha256) AS manifest,
       (SELECT count(DISTINCT u.run_id) FROM dataset_uses u
        WHERE u.name = d.name AND u.sha256 = d.sha256) AS runs
FROM datasets d
WHERE ($name IS NULL OR d.name = $name) AND ($version IS NULL OR d.sha256 = $version)
ORDER BY d.name, d.last_at DESC, d.sha256;

-- name: dataset_hashes
SELECT sha256 FROM datasets WHERE name = $name ORDER BY last_at DESC, sha256;

-- name: dataset_names
SELECT name FROM datasets GROUP BY name ORDER BY max(last_at) DESC;

-- name: dataset_used_by
SELECT d.name, d.sha256, d.row_count, d.column_count, d.profile, d.ts, d.form, d.size, d.source,
       d.last_at,
       (SELECT arg_min(s.manifest, (s.ts, s.manifest)) FROM dataset_snapshots s
        WHERE s.name = d.name AND s.sha256 = d.sha256) AS manifest,
       NULL AS runs
FROM dataset_uses u JOIN datasets d USING (name, sha256)
WHERE u.run_id = $run AND u.role = $role
ORDER BY u.ts DESC LIMIT 1;

-- name: data_of_runs
SELECT DISTINCT u.run_id, u.role, u.name, u.sha256, d.row_count, d.column_count
FROM dataset_uses u LEFT JOIN datasets d USING (name, sha256)
WHERE list_contains($runs::VARCHAR[], u.run_id)
ORDER BY ALL;

-- name: expectations_of
SELECT expectations FROM expectations WHERE name = $name;

-- name: expected_names
SELECT name FROM expectations ORDER BY name;

-- name: dataset_uses
-- The runs that used a version, the newest first, and the model versions that came from them.
SELECT u.run_id, r.name AS run_name, u.role, u.ts,
       (SELECT list(m.model || '/' || m.version ORDER BY m.model, m.version)
        FROM model_versions m WHERE m.run_id = u.run_id) AS models
FROM dataset_uses u LEFT JOIN runs r USING (run_id)
WHERE u.name = $name AND u.sha256 = $version
ORDER BY u.ts DESC, u.run_id, u.role;
