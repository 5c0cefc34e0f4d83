-- Reproduction: what two runs are compared by besides their own records.

-- name: data_of_run
SELECT u.role, d.name, d.sha256, d.row_count, d.column_count, d.profile, d.form, d.size
FROM dataset_uses u JOIN datasets d USING (name, sha256)
WHERE u.run_id = $run ORDER BY u.role, d.name, d.sha256;

-- name: known_versions
SELECT name, sha256 FROM datasets WHERE list_contains($names::VARCHAR[], name);
