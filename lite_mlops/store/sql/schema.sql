-- The record of the schema itself; see `migrations.py`.

-- name: has_migrations
SELECT count(*) FROM duckdb_tables()
WHERE database_name = current_database() AND table_name = 'migrations';

-- name: create_migrations
CREATE TABLE migrations (name VARCHAR, applied_at TIMESTAMP);

-- name: applied_migrations
SELECT name FROM migrations ORDER BY name;

-- name: record_migration
INSERT INTO migrations VALUES ($name, now()::TIMESTAMP);

-- name: last_decision
SELECT max(number) FROM decisions;
