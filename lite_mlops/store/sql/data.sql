-- Datasets: the questions.

-- name: dataset_used_by
SELECT d.name, d.sha256, d.row_count, d.column_count, d.profile, d.ts
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
